/** Mutants of the reference module: an op answered wrongly. */
import { type HostCall, host } from '@paragraft/core/ops'
import { writeEntry } from '../reference/ops.ts'
import { instead, type Mutant, rightly, wrongAnswer } from './mutant.ts'

const arg = (call: HostCall, name: string): number => Number(call.arg(name))
const nothing = (): void => {}
const half = 32n
const LOW = 0xffff_ffffn
const exchangeHalves = (value: bigint): bigint => ((value & LOW) << half) | (value >> half)
const PAGE = 4096
const PAGE_RW = 2n
const PAGE_COW = 0x200n
const CR0_TS = 8
const CR4_PCE = 0x100
const ENTRY = 8

export const wrongFlags: readonly Mutant[] = [
  wrongAnswer('irq.save_fl', 'IF is always set', () => 0x202, 'IF is clear after irq_disable'),
  wrongAnswer('irq.save_fl', 'IF is never set', () => 2, 'IF is set after irq_enable'),
  wrongAnswer(
    'irq.restore_fl',
    'looks at TF instead of IF',
    call => call.processor.setInterrupts((arg(call, 'flags') & 0x100) !== 0),
    'IF is set when it was',
  ),
  wrongAnswer(
    'irq.restore_fl',
    'sets IF and never clears it',
    call => {
      if (arg(call, 'flags') & 0x200) call.processor.setInterrupts(true)
    },
    'IF is clear when it was',
  ),
  wrongAnswer('irq.irq_disable', 'does nothing', nothing, 'no interrupt arrives while IF is clear'),
  wrongAnswer('irq.halt', 'returns at once', nothing, 'with IF set it sleeps until an interrupt comes'),
  wrongAnswer(
    'cpu.clts',
    'sets TS',
    ({ processor }) => processor.writeCr(0, processor.readCr(0) | CR0_TS),
    'TS is clear',
  ),
  wrongAnswer(
    'cpu.write_cr4',
    'flips PCE',
    call => call.processor.writeCr(4, arg(call, 'value') ^ CR4_PCE),
    'TSD can be flipped and put back, and nothing else changes',
  ),
  wrongAnswer(
    'cpu.store_tr',
    'with the RPL of a user',
    ({ processor }) => processor.readTr() | 3,
    'it is the selector of the TSS',
  ),
]

export const staleTranslations: readonly Mutant[] = [
  wrongAnswer('mmu.flush_tlb_user', 'does nothing', nothing, "a stale translation of the user's half is gone"),
  wrongAnswer(
    'mmu.flush_tlb_kernel',
    'spares global translations',
    ({ processor }) => processor.flushTlb(),
    'a stale global translation is gone',
  ),
  wrongAnswer(
    'mmu.flush_tlb_one_user',
    'flushes the next page',
    call => call.processor.invlpg(arg(call, 'addr') + PAGE),
    'a stale translation is gone',
  ),
  wrongAnswer(
    'mmu.flush_tlb_one_user',
    'spares global translations',
    ({ processor }) => processor.flushTlb(),
    'a stale global translation is gone',
  ),
  wrongAnswer(
    'mmu.flush_tlb_one_user',
    'takes the address for a page number',
    call => {
      if (arg(call, 'addr') % PAGE === 0) call.processor.invlpg(arg(call, 'addr'))
    },
    'any address of the page will do',
  ),
]

export const wrongTables: readonly Mutant[] = [
  wrongAnswer(
    'mmu.set_pte_at',
    'exchanges the halves of the entry',
    call => rightly('mmu.set_pte_at', instead(call, { pteval: exchangeHalves(call.arg('pteval') as bigint) })),
    'after a flush the new page is seen',
  ),
  wrongAnswer(
    'mmu.set_pte_atomic',
    'clears the entry behind',
    call => {
      rightly('mmu.set_pte_atomic', call)
      writeEntry(call, arg(call, 'ptep') + ENTRY, 0n)
    },
    'no other entry changes',
  ),
  wrongAnswer(
    'mmu.set_pte_present',
    'leaves every page writable',
    call => rightly('mmu.set_pte_present', instead(call, { pte: (call.arg('pte') as bigint) | PAGE_RW })),
    'a page made read-only faults when written, not when read',
  ),
  wrongAnswer('mmu.pte_clear', 'does nothing', nothing, 'the page faults'),
  wrongAnswer('mmu.pmd_clear', 'does nothing', nothing, 'all pages of the table fault'),
  wrongAnswer(
    'mmu.pte_val',
    "loses a bit that is the kernel's",
    call => (call.arg('pte') as bigint) & ~PAGE_COW,
    'it undoes make_pte',
  ),
  wrongAnswer(
    'mmu.write_cr3',
    'does nothing',
    nothing,
    "a space's pages are there while it is loaded, and gone afterwards",
  ),
  wrongAnswer(
    'cpu.load_tls',
    'the first segment only',
    call => {
      const { memory } = call
      const kept = [0, 8].map(at => memory.readVirtual32(arg(call, 't') + 12 + at))
      ;[12, 20].forEach(at => memory.writeVirtual32(arg(call, 't') + at, 0))
      rightly('cpu.load_tls', call)
      ;[12, 20].forEach((at, n) => memory.writeVirtual32(arg(call, 't') + at, kept[n]!))
    },
    "each of a thread's three segments reaches its base",
  ),
  wrongAnswer('cpu.load_sp0', 'does nothing', nothing, "traps from user space arrive at the top of the task's stack"),
  wrongAnswer(
    'cpu.write_idt_entry',
    'clears the gate behind',
    call => {
      rightly('cpu.write_idt_entry', call)
      rightly('cpu.write_idt_entry', instead(call, { entrynum: arg(call, 'entrynum') + 1, low: 0, high: 0 }))
    },
    'its neighbours stay',
  ),
  wrongAnswer(
    'cpu.load_idt',
    'the first table for ever',
    ({ processor, ...call }) => {
      if (processor.readIdtr().base < 0xc000_0000) rightly('cpu.load_idt', { ...call, processor })
    },
    "with another table exceptions come to that one's handlers, and back",
  ),
  wrongAnswer(
    'cpu.store_idt',
    'bytes instead of the limit',
    call => {
      rightly('cpu.store_idt', call)
      const at = arg(call, 'dtr')
      call.memory.writeVirtual16(at, call.memory.readVirtual16(at) + 1)
    },
    'base and limit are what load_idt was given',
  ),
]

export const swappedArguments: readonly Mutant[] = [
  wrongAnswer(
    'cpu.set_debugreg',
    'number and value exchanged',
    call => call.processor.writeDr(arg(call, 'value'), arg(call, 'regno')),
    'a write that DR0 watches is #DB, and DR6 says so',
  ),
  wrongAnswer(
    'cpu.get_debugreg',
    'always DR0',
    ({ processor }) => processor.readDr(0),
    'DR0 to DR3 each hold what they were given',
  ),
  wrongAnswer(
    'cpu.write_msr',
    'halves exchanged',
    call => rightly('cpu.write_msr', instead(call, { val: exchangeHalves(call.arg('val') as bigint) })),
    'both halves of PAT hold what was written',
  ),
  wrongAnswer(
    'cpu.read_msr',
    'no error where there is one to tell',
    call => call.processor.readMsr(arg(call, 'msr')) ?? 0n,
    'one that nobody has is an error or a value, and no fault',
  ),
  wrongAnswer(
    'cpu.cpuid',
    'EDX is not written',
    call => {
      const at = arg(call, 'edx')
      const before = call.memory.readVirtual32(at)
      rightly('cpu.cpuid', call)
      call.memory.writeVirtual32(at, before)
    },
    'all four words are written, and no others',
  ),
  wrongAnswer(
    'mmu.read_cr2',
    'the page, not the address',
    ({ processor }) => processor.readCr(2) & (-PAGE >>> 0),
    'it is the address that faulted',
  ),
]

export const wrongTimes: readonly Mutant[] = [
  wrongAnswer(
    'time.sched_clock',
    'microseconds',
    ({ clock }) => BigInt(Math.floor(clock.now() / 1000)),
    'it counts nanoseconds: ten ticks are about 100 ms',
  ),
  wrongAnswer('time.get_tsc_khz', 'ten times too much', () => 10_000_000, 'the counter runs at about that frequency'),
  wrongAnswer(
    'cpu.read_tsc',
    'the low half twice',
    ({ processor }) => ((processor.readTsc() & LOW) << half) | (processor.readTsc() & LOW),
    'it is greater after a tick, in all 64 bits',
  ),
  wrongAnswer('time.get_wallclock', 'stands still', () => 1_767_225_600, 'it is a second or two later after 150 ticks'),
  wrongAnswer(
    'time.set_wallclock',
    'says it worked, and did nothing',
    () => 0,
    'another minute of the hour can be set, and is read',
  ),
  wrongAnswer('irq.safe_halt', 'returns at once', host(nothing), 'it sleeps until an interrupt comes'),
]
