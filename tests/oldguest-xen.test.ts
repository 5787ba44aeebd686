/**
 * oldguest, which knows nothing of Xen, as a paravirtual guest of Xen: by the way in and the ops of `@paragraft/backend-xen/ops`.
 */
import { readFileSync } from 'node:fs'
import xen from '@paragraft/backend-xen'
import xenOps from '@paragraft/backend-xen/ops'
import { createMachine, type MachineConfig, run } from 'paragraft'
import { expect, test } from 'vitest'
import { differs } from '../guests/lib/expected.ts'
import { paragraft, runWithReport } from './support/paragraft.ts'

const IMAGE = 'guests/oldguest/oldguest.elf'
const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url))
const image = new Uint8Array(read(IMAGE))
const EXPECTED = read('guests/oldguest/expected/xen.txt').toString('utf8')

async function boot(config: Partial<MachineConfig> = {}) {
  let output = ''
  const machine = await createMachine({
    image,
    backend: xen,
    ops: [xenOps],
    memory: 64 * 2 ** 20,
    output: bytes => (output += Buffer.from(bytes).toString('latin1')),
    ...config,
  })
  const report = await run(machine, { timeout: 120 })
  return { report, output, rows: machine.ops() }
}

test('it passes its whole self-check, before its patcher and after it, runs its processes and powers off', async () => {
  const { status, stdout, report } = await runWithReport([IMAGE, '--backend', 'xen', '--memory', '64M'])
  expect(differs(stdout, EXPECTED)).toBeUndefined()
  expect([status, report.stop, report.head]).toEqual([0, { kind: 'powerOff' }, 'xen-pv'])

  // The module is the backend's own, and its answers are in the guest's table and were called.
  expect(report.modules).toEqual([{ name: xenOps.name, version: xenOps.version }])
  const ours = report.ops.filter(row => row.owner === xenOps.name)
  // Of 92 slots 13 are answered by native, and 5 hooks hold the kernel's own no-op already.
  expect([report.ops.length, ours.length]).toEqual([92, 92 - 13 - 5])
  const idle = ours.filter(row => row.answer === 'code' && row.calls === 0).map(row => row.op)
  // CPUID shows no local APIC and no SYSENTER.
  expect(idle).toEqual([
    ...['apic.apic_write', 'apic.apic_write_atomic', 'apic.apic_read', 'apic.setup_boot_clock'],
    ...['apic.setup_secondary_clock', 'cpu.irq_enable_sysexit'],
  ])
  // What it meant reached Xen as that.
  expect(report.hypercalls).toMatchObject({ set_gdt: 1, set_callbacks: 1, vcpu_op: 1 })
  const calls = report.hypercalls ?? {}
  for (const name of ['mmu_update', 'mmuext_op', 'update_va_mapping', 'update_descriptor', 'set_trap_table', 'iret']) {
    expect([name, (calls[name] ?? 0) > 5]).toEqual([name, true])
  }
  const ticks = Number(/(\d+) ticks/.exec(stdout)?.[1])
  expect(Object.entries(report.events ?? {}).find(([port]) => port.endsWith('virq 0'))?.[1]).toBe(ticks)
})

test('without the module no head takes it, and the reason says which would', async () => {
  const { status, stderr } = await paragraft(['run', IMAGE, '--backend', 'xen', '--ops', 'none'])
  expect(status).toBe(2)
  expect(stderr).toContain("xen-pv: no ELF note of Xen's")
  expect(stderr).toContain('--ops @paragraft/backend-xen/ops')
  await expect(boot({ ops: [], defaultOps: null })).rejects.toMatchObject({
    code: 'PG_HEAD_NO_MATCH',
    fields: { reasons: { 'xen-pv': expect.stringContaining('brings the entrypoint') } },
  })
})

test('inspect says that the entrypoint is the module’s, and where', async () => {
  const { stdout } = await paragraft(['inspect', IMAGE])
  expect(stdout).toMatch(/xen by xen-pv: yes, at 0xc03[0-9a-f]{5}, the entrypoint of @paragraft\/backend-xen\/ops/)
  const without = await paragraft(['inspect', IMAGE, '--ops', 'none'])
  expect(without.stdout).toMatch(/xen by xen-pv: no: .*--ops/)
})

test('every engine makes the same run', async () => {
  const [first, ...others] = await Promise.all(
    (['translator', 'interpreter', 'reference'] as const).map(engine =>
      boot({ engine, commandLine: 'noselfcheck mem=16' }),
    ),
  )
  expect(first?.report.stop).toEqual({ kind: 'powerOff' })
  const adapters = new Map(first?.rows.map(row => [row.op, row.adapter]))
  expect(adapters.get('cpu.load_idt')).toContain('cpu.load_exceptions')
  expect(adapters.get('mmu.flush_tlb_user')).toContain('mmu.flush_tlb ')
  for (const { report, output, rows } of others) {
    expect(output).toBe(first?.output)
    expect({ ...report, seconds: 0 }).toEqual({ ...first?.report, seconds: 0 })
    expect(rows).toEqual(first?.rows)
  }
})

test('more memory, a ramdisk, the debug port', async () => {
  const { report, output } = await boot({
    memory: 512 * 2 ** 20,
    initrd: Uint8Array.from({ length: 10_000 }, (_, i) => i & 0xff),
    commandLine: 'console=e9',
  })
  expect(report.stop).toEqual({ kind: 'powerOff' })
  const expected = EXPECTED.replace('COM1 at 0x3F8, 115200 8N1', 'debug port 0xE9')
  expect(differs(output, expected)).toBeUndefined()
  // 10,000 bytes, behind the module's pages.
  expect(output).toContain("module 0: 00400000 - 00402710 ''")
})

test.each([
  ['halt', 'haltedForever', 'System halted.'],
  ['panic', 'haltedForever', 'Kernel panic: asked for'],
  ['runoff', 'haltedForever', 'Kernel panic: fatal exception'],
  ['tripleflt', 'guestFault', ''],
])('%s ends as %s', async (word, kind, last) => {
  const { report, output } = await boot({ commandLine: `noselfcheck ${word}` })
  expect(report.stop.kind).toBe(kind)
  expect(output).toContain(last)
  // Xen has nobody to give the trap to.
  if (kind === 'guestFault') expect(report.stop).toMatchObject({ code: 'PG_XEN_CRASH' })
})
