/**
 * The VMI backend, with each of the ROMs that come along: the conformance program, oldguest by its own probe and by grafted ops.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RunReport } from '@paragraft/core'
import type { BackendOptionValues, OpsModule } from '@paragraft/core/ops'
import { describe, expect, test } from 'vitest'
import { CALLS, HEADER } from '../../packages/backend-vmi/src/abi/index.ts'
import vmi, {
  builtInRom,
  call,
  defineOverlay,
  ROM_BASE,
  ROM_NAMES,
  readRom,
} from '../../packages/backend-vmi/src/index.ts'
import vmiOps from '../../packages/backend-vmi/src/ops/index.ts'
import { createMachine, type EngineName, run } from '../../packages/paragraft/src/index.ts'
import { needs } from '../support/needs.ts'
import { scratch } from '../support/paragraft.ts'
import { conformanceKernel, LAST_CALLS, verdicts } from './conformance.ts'
import { runKernel } from './kernel.ts'
import { withChecksum } from './native-rom.ts'

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

/** ROM code of an overlay, as a third party would write it; each function is wrong in one thing. */
const WRONG = `
  .globl wrong_GetCR3, wrong_SetCR2, wrong_GetInterruptMask, wrong_CLTS, wrong_SetIOPLMask, wrong_SetPxELong
wrong_GetCR3: movl %cr3, %eax; xorl %esi, %esi; ret
wrong_SetCR2: addl $1, %eax; movl %eax, %cr2; ret
wrong_GetInterruptMask: pushfl; popl %eax; ret
wrong_CLTS: ret
wrong_SetIOPLMask: call vmi_base_SetIOPLMask; movl $0, %ecx; std; ret
wrong_SetPxELong: movl %eax, (%ecx); movl $0, 8(%esp); ret
`

function assembled(source: string): Uint8Array {
  const object = join(scratch(), 'overlay.o')
  const { status, stderr } = spawnSync('as', ['--32', '-o', object, '-'], { input: source, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return new Uint8Array(readFileSync(object))
}

needs('gcc')('an overlay with wrong calls does not pass the conformance program, and each is named', async () => {
  const calls = ['GetCR3', 'SetCR2', 'GetInterruptMask', 'CLTS', 'SetIOPLMask', 'SetPxELong']
  const overlay = defineOverlay({
    name: 'wrong',
    version: '1.0.0',
    license: 'GPL v2',
    objects: [assembled(WRONG)],
    calls: Object.fromEntries(calls.map(name => [name, call(`wrong_${name}`)])),
  })
  const { console } = await runKernel(conformanceKernel('PAE'), {
    backend: vmi,
    backendOptions: { rom: 'plain', overlay },
  })
  const found = verdicts(console).calls.filter(({ wrong }) => wrong.length > 0)
  const said = Object.fromEntries(found.map(({ call, wrong }) => [call.name, wrong.join('\n')]))
  expect(Object.keys(said).sort()).toEqual([...calls].sort())
  expect(said['GetCR3']).toContain('changes ESI to 0')
  expect(said['SetCR2']).toContain('CR2 is')
  expect(said['GetInterruptMask']).toContain('the mask with interrupts off is')
  expect(said['CLTS']).toContain('CR0.TS is 8, not 0')
  expect(said['SetIOPLMask']).toContain('changes flags 400')
  expect(said['SetPxELong']).toContain('a word above the arguments is 0')
})

/** One byte or two of the plain ROM, each such that a guest that checks as Linux 2.6.24's vmi_32.c does must not use it. */
const BROKEN: [what: string, change: (rom: Uint8Array) => void][] = [
  ['option-ROM signature', rom => void (rom[HEADER.romSignature.at] = 0)],
  ['VMI signature', rom => void (rom[HEADER.vromSignature.at] = 0)],
  ['major version', rom => void (rom[HEADER.apiVersionMajor.at] = 2)],
  ['PCI offset', rom => void rom.fill(0, HEADER.pciHeaderOffset.at, HEADER.pciHeaderOffset.at + 2)],
  ['licence', rom => void (rom[rom[HEADER.licenseOffset.at]! | (rom[HEADER.licenseOffset.at + 1]! << 8)] = 0x4c)],
]

test('a guest that checks ignores the ROM when it is broken in one place, and the backend refuses it', async () => {
  for (const [what, change] of BROKEN) {
    const rom = builtInRom('plain').bytes.slice()
    change(rom)
    const broken = withChecksum(rom)
    expect(() => readRom(broken), what).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^PG_VMI_ROM_/) }),
    )
    for (const [image, ops] of [
      [PROBING, []],
      [OLDGUEST, [vmiOps]],
    ] as const) {
      let console = ''
      const machine = await createMachine({
        image,
        ops,
        backend: vmi,
        memory: 64 * 2 ** 20,
        commandLine: 'noselfcheck',
        output: bytes => void (console += Buffer.from(bytes).toString('latin1')),
      })
      machine.memory.write(ROM_BASE, broken)
      const report = await run(machine, { timeout: 300 })
      expect([what, report.stop, report.hypercalls]).toEqual([what, { kind: 'powerOff' }, {}])
      expect(console).toContain('process pager: exit 0')
      expect(console).not.toContain('VMI: fixed mappings')
    }
  }
})
