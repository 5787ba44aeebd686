/** What the graft's tests share: a module with every kind of answer, its object, and the walk from image to graft. */
import type { GuestImage, StartOfDay } from '@paragraft/core/image'
import type { GuestLayout } from '@paragraft/core/layout'
import { type Answers, admit, code, defineOps, host, native, type OpsModule } from '@paragraft/core/ops'
import type { GuestMemory } from '@paragraft/core/ports'
import { elfFixture, symbolTables, Writer } from '../formats/fixtures.ts'
import { linuxHead } from '../heads/linux.ts'
import { requireLayout } from '../layouts/index.ts'
import { tinyKernel } from '../layouts/layouts.fixtures.ts'
import { arrayMemory } from '../testing-memory.ts'
import { type GraftPlan, planGraft } from './plan.ts'

const SHT_PROGBITS = 1
const SHT_SYMTAB = 2
const SHT_STRTAB = 3
const SHT_REL = 9
const ALLOC_EXEC = 6
const ALLOC_WRITE = 3
const R_386_32 = 1
const R_386_PC32 = 2

/**
 * An object with two functions: `quick` (NOP, RET), and `forward`, which jumps to the native flush_tlb_user; and a word
 * of data, `word`, that holds the table's address. `pad` bytes of NOPs make it larger.
 */
export function objectFixture(pad = 0): Uint8Array {
  const text = new Writer().u8(0x90, 0xc3).align(16).u8(0xe9).u32(-4).raw(new Uint8Array(pad).fill(0x90))
  const { symtab, strtab } = symbolTables([
    { name: 'quick', value: 0, info: 0x12, section: 1 },
    { name: 'forward', value: 16, info: 0x12, section: 1 },
    { name: 'word', value: 0, info: 0x11, section: 3 },
    { name: 'pg_native_mmu_flush_tlb_user', info: 0x10, section: 0 },
    { name: 'pg_table', info: 0x10, section: 0 },
    { name: 'pg_native_of_another_era', info: 0x20, section: 0 },
  ])
  return elfFixture({
    type: 1,
    entry: 0,
    sections: [
      { name: '.text', type: SHT_PROGBITS, flags: ALLOC_EXEC, bytes: text.bytes(), align: 16 },
      {
        name: '.rel.text',
        type: SHT_REL,
        entrySize: 8,
        link: 5,
        info: 1,
        bytes: new Writer().u32(17, (4 << 8) | R_386_PC32).bytes(),
      },
      { name: '.data', type: SHT_PROGBITS, flags: ALLOC_WRITE, bytes: new Writer().u32(0).bytes() },
      {
        name: '.rel.data',
        type: SHT_REL,
        link: 5,
        info: 3,
        entrySize: 8,
        bytes: new Writer().u32(0, (5 << 8) | R_386_32).bytes(),
      },
      { name: '.symtab', type: SHT_SYMTAB, link: 6, info: 1, bytes: symtab, entrySize: 16 },
      { name: '.strtab', type: SHT_STRTAB, bytes: strtab },
    ],
  })
}

const NATIVE_5_0: Answers = Object.fromEntries(
  [
    'cpu.io_delay',
    'mmu.flush_tlb_user',
    'mmu.flush_tlb_kernel',
    'mmu.flush_tlb_one_user',
    'mmu.flush_tlb_multi',
    'mmu.tlb_remove_table',
    'mmu.exit_mmap',
    'mmu.notify_page_enc_status_changed',
    'lock.queued_spin_lock_slowpath',
    'lock.queued_spin_unlock',
    'lock.wait',
    'lock.kick',
    'lock.vcpu_is_preempted',
  ].map(op => [op, native()]),
)

/** A module for era 5.0: what `answers` does not say is native. */
export function moduleFixture(answers: Answers, object = objectFixture(), name = 'test-ops'): OpsModule {
  const needsCode = Object.values(answers).some(answer => answer.kind === 'code')
  return defineOps({
    name,
    version: '1.2.3',
    apiVersion: '^1.0.0',
    opsAbi: '~5.0.0',
    ops: { ...NATIVE_5_0, ...answers },
    ...(needsCode ? { code: { object } } : {}),
  })
}

/** One answer of each kind: host and code in ordinary slots, code with and without a promise in callee-save ones. */
export const MIXED: Answers = {
  'cpu.io_delay': code('quick'),
  'mmu.flush_tlb_user': code('forward'),
  'mmu.flush_tlb_one_user': host(() => {}),
  'mmu.exit_mmap': host(() => {}),
  'lock.queued_spin_unlock': code('quick', { calleeSave: true }),
  'lock.vcpu_is_preempted': code('quick'),
}

export const RAM = 0x4000000
/** The kernel mapping: virtual = physical + this. */
export const DELTA = 0xc0000000
export const kernel: GuestImage = tinyKernel()
export const layout: GuestLayout = requireLayout(kernel)

/** Plans a graft of these modules onto an image, by the Linux head. */
export function plan(modules: OpsModule[], image: GuestImage = kernel, memorySize = RAM): GraftPlan {
  const match = linuxHead.probe(image)
  if (!match.match) throw new Error(match.reason)
  const found = requireLayout(image)
  const admitted = modules.map(module => admit(module, found))
  return planGraft({ image, layout: found, modules: admitted, entry: match.entry, memorySize })
}

/** Places the guest as planned. */
export function place(graft: GraftPlan, image: GuestImage = kernel): { memory: GuestMemory; start: StartOfDay } {
  const memory = arrayMemory(RAM)
  const start = linuxHead.place(image, { commandLine: '', modules: graft.bootModules, reserve: graft.reserve }, memory)
  return { memory, start }
}

/** What a plan installs for an op. */
export function slotOf(graft: GraftPlan, op: string): GraftPlan['installs'][number] | undefined {
  return graft.installs.find(install => install.op === op)
}
