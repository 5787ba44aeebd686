/**
 * One guest, several ROMs: what the ledger and the exits say of each. The ROMs that come along, one from a file, an overlay, and
 * what the command line refuses.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HEADER } from '@paragraft/backend-vmi/abi'
import { builtInRom, ROM_NAMES, type Rom, readRom } from '@paragraft/backend-vmi/rom'
import type { RunReport } from '@paragraft/core'
import type { BackendOptionValues, OpsModule } from '@paragraft/core/ops'
import { describe, expect, test } from 'vitest'
import overlay from '../../examples/vmi-overlay/src/index.ts'
import vmi from '../../packages/backend-vmi/src/index.ts'
import vmiOps, { VMI_CALL_OF } from '../../packages/backend-vmi/src/ops/index.ts'
import { createMachine, run } from '../../packages/paragraft/src/index.ts'
import { needs } from '../support/needs.ts'
import { paragraft, runWithReport, scratch } from '../support/paragraft.ts'
import { nativeRom, withChecksum } from './native-rom.ts'

const file = (name: string): string => fileURLToPath(new URL(`../../guests/oldguest/${name}.elf`, import.meta.url))

async function boot(guest: string, backendOptions: BackendOptionValues, ops: OpsModule[] = []): Promise<RunReport> {
  const machine = await createMachine({
    image: new Uint8Array(readFileSync(file(guest))),
    backend: vmi,
    backendOptions,
    ops,
    memory: 64 * 2 ** 20,
    output: () => {},
  })
  const report = await run(machine, { timeout: 300 })
  expect(report.stop).toEqual({ kind: 'powerOff' })
  return report
}

const relocations = (rom: Rom): Record<string, string> =>
  Object.fromEntries([...rom.answers!].map(([call, { relocation }]) => [call, relocation]))

describe.each(ROM_NAMES)('the %s ROM', rom => {
  const answers = relocations(builtInRom(rom))

  test.each([
    ['by its own probe', 'oldguest-vmi', []],
    ['by grafted ops', 'oldguest', [vmiOps]],
  ] as const)('%s: the ledger says of each op how its call is answered', async (_, guest, ops) => {
    const report = await boot(guest, { rom }, [...ops])
    expect(report.answers).toEqual(answers)
    const said = report.ops.filter(row => row.via !== undefined)
    expect(Object.fromEntries(said.map(row => [row.op, row.via]))).toEqual(
      Object.fromEntries([...VMI_CALL_OF].map(([op, call]) => [op, `${call}: ${answers[call]}`])),
    )
    const kinds = new Set(said.map(row => row.via!.split(' ')[1]))
    for (const kind of rom === 'plain' ? ['none', 'call', 'jump', 'nop'] : ['call', 'jump'])
      expect(kinds).toContain(kind)
    // Only what is called leaves, and what is no call of the machine's never does.
    for (const [call, exits] of Object.entries(report.hypercalls!)) {
      if (call !== 'Init' && call !== 'PageFault')
        expect([call, answers[call], exits > 0]).toEqual([call, 'call', true])
    }
    expect(Object.keys(report.hypercalls!)).not.toContain('IRET')
  })
})

test('deferring saves exits, and nothing else of what the guest does changes', async () => {
  const [plain, deferred] = [
    await boot('oldguest-vmi', { rom: 'plain' }),
    await boot('oldguest-vmi', { rom: 'deferred' }),
  ]
  const exits = (report: RunReport, call: string): number => report.hypercalls![call] ?? 0
  expect(exits(plain, 'SetLazyMode')).toBe(0)
  expect(exits(deferred, 'SetLazyMode')).toBeGreaterThan(0)
  for (const call of ['SetPxELong', 'UpdatePxELong']) {
    expect(exits(deferred, call), call).toBeLessThan(exits(plain, call) - 50)
  }
  // One exit for many: the batches taken are fewer than the exits saved.
  const saved = exits(plain, 'SetPxELong') - exits(deferred, 'SetPxELong')
  expect(exits(deferred, 'SetLazyMode')).toBeLessThan(saved / 2)
  for (const call of ['AllocatePage', 'ReleasePage', 'WriteGDTEntry', 'SetLDT']) {
    expect(exits(deferred, call), call).toBe(exits(plain, call))
  }
})

test('an overlay replaces its calls and inherits the rest', async () => {
  for (const rom of ROM_NAMES) {
    const base = await boot('oldguest-vmi', { rom })
    const over = await boot('oldguest-vmi', { rom, overlay })
    expect(over.answers).toEqual({ ...base.answers, IODelay: 'none' })
    expect(over.hypercalls!['SetCR3']).toBe(base.hypercalls!['SetCR3'])
  }
})

test('from the command line: a ROM from a file, an overlay from a folder, the table of calls', async () => {
  const rom = join(scratch(), 'deferred.rom')
  writeFileSync(rom, builtInRom('deferred').bytes)
  const option = (text: string): string[] => ['--backend-option', text]
  const { status, stderr, report } = await runWithReport([
    ...[file('oldguest-vmi'), '--backend', 'vmi', '--timeout', '300'],
    ...[...option(`rom=${rom}`), ...option('overlay=examples/vmi-overlay'), ...option('stolen=10')],
  ])
  expect([status, report.backend]).toEqual([0, 'vmi'])
  expect(report.answers).toEqual({ ...relocations(builtInRom('deferred')), IODelay: 'none' })
  expect(stderr).toMatch(/^call +answer +exits$/m)
  expect(stderr).toMatch(/^IODelay +none +0$/m)
  expect(stderr).toMatch(/^ *\d+ +mmu\.write_cr3 +guest +native +SetCR3: call /m)
})

test('what is wrong with a ROM or an option is said before the guest starts', async () => {
  const folder = scratch()
  const broken = (name: string, change: (bytes: Uint8Array) => void): string => {
    const bytes = builtInRom('plain').bytes.slice()
    change(bytes)
    writeFileSync(join(folder, name), bytes)
    return `rom=${join(folder, name)}`
  }
  const cases: [option: string, code: string][] = [
    [broken('sum', bytes => void (bytes[600]! ^= 1)), 'PG_VMI_ROM_CHECKSUM'],
    [broken('magic', bytes => void (bytes[0] = 0)), 'PG_VMI_ROM_SIGNATURE'],
    ['rom=nowhere', 'PG_PLUGIN_NOT_FOUND'],
    ['overlay=examples/native-ops', 'PG_BACKEND_OPTION'],
    ['stolen=91', 'PG_BACKEND_OPTION'],
    ['stolen=much', 'PG_BACKEND_OPTION'],
    ['colour=red', 'PG_BACKEND_OPTION'],
  ]
  for (const [option, code] of cases) {
    const { status, stderr, stdout } = await paragraft([
      ...['run', file('oldguest-vmi'), '--backend', 'vmi', '--backend-option', option],
    ])
    expect([option, status, stdout]).toEqual([option, 2, ''])
    expect(stderr).toContain(code)
  }
})

needs('gcc')('a ROM that this builder did not make serves as well, and keeps its answers to itself', async () => {
  // Without its PnP header, which has no checksum.
  const rom = withChecksum(nativeRom().fill(0, HEADER.pnpHeaderOffset.at, HEADER.pnpHeaderOffset.at + 2))
  expect(readRom(rom)).toMatchObject({ api: { major: 3, minor: 0 }, answers: undefined })
  const report = await boot('oldguest-vmi', { rom })
  expect([report.answers, report.hypercalls]).toEqual([undefined, {}])
})
