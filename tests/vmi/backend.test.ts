/**
 * The VMI backend, with each of the ROMs that come along: the conformance program, oldguest by its own probe and by grafted ops.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { RunReport } from '@paragraft/core'
import type { BackendOptionValues, OpsModule } from '@paragraft/core/ops'
import { describe, expect, test } from 'vitest'
import { CALLS } from '../../packages/backend-vmi/src/abi/index.ts'
import vmi, { builtInRom, ROM_NAMES } from '../../packages/backend-vmi/src/index.ts'
import vmiOps from '../../packages/backend-vmi/src/ops/index.ts'
import { createMachine, type EngineName, run } from '../../packages/paragraft/src/index.ts'
import { needs } from '../support/needs.ts'
import { conformanceKernel, LAST_CALLS, verdicts } from './conformance.ts'
import { runKernel } from './kernel.ts'

const image = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../guests/oldguest/${name}.elf`, import.meta.url))))
const OLDGUEST = image('oldguest')
const PROBING = image('oldguest-vmi')

/** What `get_reloc` answers by a ROM, call by call. */
function answersOf(rom: (typeof ROM_NAMES)[number]): Map<string, string> {
  return new Map([...builtInRom(rom).answers!].map(([call, { relocation }]) => [call, relocation]))
}

interface Boot {
  console: string
  report: RunReport
}

async function boot(
  guest: Uint8Array,
  backendOptions: BackendOptionValues,
  more: { ops?: OpsModule[]; commandLine?: string; engine?: EngineName } = {},
): Promise<Boot> {
  let console = ''
  const machine = await createMachine({
    image: guest,
    backend: vmi,
    backendOptions,
    memory: 64 * 2 ** 20,
    ...more,
    output: bytes => void (console += Buffer.from(bytes).toString('latin1')),
  })
  const report = await run(machine, { timeout: 300 })
  return { console, report }
}

function expectWhole({ console, report }: Boot): void {
  expect(console.split(/\r?\n/).filter(line => /FAILED|panic|fault in/.test(line))).toEqual([])
  expect(console).toMatch(/^selfcheck: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
  expect(console).toMatch(/^selfcheck, sites patched: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
  expect(console).toContain('process pager: exit 0')
  expect(report.stop).toEqual({ kind: 'powerOff' })
}

describe.each(ROM_NAMES)('the %s ROM', rom => {
  for (const defines of [[], ['PAE'], ['PAE', 'ROM_VA=0xE8000000']]) {
    const how = defines.join(', ') || 'two-level'
    needs('gcc')(`${how}: conforms, call by call`, async () => {
      const { console, outcome } = await runKernel(conformanceKernel(...defines), {
        backend: vmi,
        backendOptions: { rom },
      })
      const { calls, wrong } = verdicts(console)
      expect(wrong).toEqual([])
      const names = CALLS.map(call => call.name).filter(name => !LAST_CALLS.includes(name))
      expect(calls.map(({ call }) => call.name)).toEqual(names)
      const answers = answersOf(rom)
      expect(calls.map(({ relocation }) => relocation)).toEqual(names.map(name => answers.get(name)))
      for (const { call, relocation, tested } of calls) {
        expect(tested, call.name).toBe(relocation === 'call' || relocation === 'jump')
      }
      expect(outcome).toEqual({ kind: 'debugExit', value: 0 })
    })
  }

  const endings = [
    ['Shutdown', 'LAST_CALL=37', 0, { kind: 'powerOff' }],
    ['Reboot, soft', 'LAST_CALL=36', 0, { kind: 'reset', why: 'VMI Reboot, soft' }],
    ['Reboot, hard', 'LAST_CALL=36', 1, { kind: 'reset', why: 'VMI Reboot, hard' }],
  ] as const
  needs('gcc')('Shutdown and Reboot end the machine', async () => {
    for (const [title, call, argument, end] of endings) {
      const kernel = conformanceKernel(call, `LAST_ARGUMENT=${argument}`)
      const { console, outcome } = await runKernel(kernel, { backend: vmi, backendOptions: { rom } })
      expect(verdicts(console).wrong, title).toEqual([])
      expect(outcome, title).toEqual(end)
    }
  })

  for (const commandLine of ['', 'nopae']) {
    test(`oldguest's variant finds it and passes its whole self-check${commandLine && ', two-level tables'}`, async () => {
      const booted = await boot(PROBING, { rom }, { commandLine })
      expectWhole(booted)
      expect(booted.console).toMatch(/VMI: ROM at c8000: Paragraft \w+, API version 3\.0, ROM version 1\.0/)
    })

    test(`with its ops grafted, oldguest passes its whole self-check${commandLine && ', two-level tables'}`, async () => {
      const booted = await boot(OLDGUEST, { rom }, { commandLine, ops: [vmiOps] })
      expectWhole(booted)
    })
  }
})
