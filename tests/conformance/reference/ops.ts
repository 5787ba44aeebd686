/**
 * The reference module: ops of ABI 1.3 answered from outside the guest, by host functions and by hypercalls of the reference
 * backend, each as bare hardware does it. The mutants change one answer at a time.
 */
import {
  type Answers,
  code,
  defineOps,
  type Era,
  type HostCall,
  type HostFunction,
  host,
  natively,
  nop,
  type OpsModule,
  type VirtualMemory,
} from '@paragraft/core/ops'
import { HYPERCALLS, referenceObject } from './object.ts'

const CR4_PAE = 0x20
const EFLAGS_IF = 0x200
const EFAULT = 14
/** struct desc_struct, two words; in this era's GDT the thread's segments are entries 6 to 8 (asm-i386/segment.h). */
const DESCRIPTOR = 8
const GDT_ENTRY_TLS_MIN = 6
const TLS_ENTRIES = 3
/** struct thread_struct: esp0, tls_array. struct tss_struct: link, esp0 (guests/oldguest/README.md). */
const THREAD_TLS = 4
const TSS_ESP0 = 4

const arg = (call: HostCall, name: string): number => Number(call.arg(name))

/** An entry in memory: eight bytes under PAE, the high half first, so that it is never present with half an address. */
export function writeEntry(call: HostCall, va: number, value: bigint): void {
  if (call.processor.readCr(4) & CR4_PAE) call.memory.writeVirtual32(va + 4, Number(value >> 32n))
  call.memory.writeVirtual32(va, Number(value & 0xffff_ffffn))
}

/** Clears the present bit first. */
function clearEntry(call: HostCall, va: number): void {
  call.memory.writeVirtual32(va, 0)
  if (call.processor.readCr(4) & CR4_PAE) call.memory.writeVirtual32(va + 4, 0)
}

const setEntry =
  (pointer: string, value: string): HostFunction =>
  call =>
    writeEntry(call, arg(call, pointer), call.arg(value) as bigint)

export function writeDescriptor(memory: VirtualMemory, table: number, entry: number, low: number, high: number): void {
  memory.writeVirtual32(table + DESCRIPTOR * entry, low)
  memory.writeVirtual32(table + DESCRIPTOR * entry + 4, high)
}

const writeDtEntry: HostFunction = call =>
  writeDescriptor(call.memory, arg(call, 'dt'), arg(call, 'entrynum'), arg(call, 'low'), arg(call, 'high'))

const tableRegister = (call: HostCall) => {
  const { address, size } = call.struct('dtr')
  return { base: Number(address), limit: Number(size) }
}

const storeTable = (call: HostCall, { base, limit }: { base: number; limit: number }): void => {
  const at = arg(call, 'dtr')
  call.memory.writeVirtual16(at, limit)
  call.memory.writeVirtual32(at + 2, base)
}

const identity =
  (name: string): HostFunction =>
  call =>
    call.arg(name)

const cpuid: HostFunction = call => {
  const { memory, processor } = call
  const pointers = ['eax', 'ebx', 'ecx', 'edx'].map(name => arg(call, name)) as [number, number, number, number]
  const answer = processor.cpuid(memory.readVirtual32(pointers[0]), memory.readVirtual32(pointers[2]))
  ;[answer.eax, answer.ebx, answer.ecx, answer.edx].forEach((value, n) => {
    memory.writeVirtual32(pointers[n]!, value)
  })
}

const readMsr: HostFunction = call => {
  const value = call.processor.readMsr(arg(call, 'msr'))
  call.memory.writeVirtual32(arg(call, 'err'), value === undefined ? -EFAULT >>> 0 : 0)
  return value ?? 0n
}

const loadTls: HostFunction = call => {
  const { memory, processor } = call
  const from = arg(call, 't') + THREAD_TLS
  for (let n = 0; n < TLS_ENTRIES; n++) {
    const [low, high] = [0, 4].map(word => memory.readVirtual32(from + DESCRIPTOR * n + word)) as [number, number]
    writeDescriptor(memory, processor.readGdtr().base, GDT_ENTRY_TLS_MIN + n, low, high)
  }
}

/** The answers; what is not among them stays native. */
export const referenceAnswers: Answers = {
  ...Object.fromEntries(
    Object.keys(HYPERCALLS).map(name => [
      `${({ set_pte: 'mmu', flush_tlb_one_user: 'mmu', safe_halt: 'irq' } as Record<string, string>)[name] ?? 'time'}.${name}`,
      code(`reference_${name}`),
    ]),
  ),
  'time.get_tsc_khz': host(() => 1_000_000),

  'irq.save_fl': host(call => (call.processor.interruptsEnabled() ? EFLAGS_IF : 0)),
  'irq.restore_fl': host(call => call.processor.setInterrupts((arg(call, 'flags') & EFLAGS_IF) !== 0)),
  'irq.irq_disable': host(call => call.processor.setInterrupts(false)),
  'irq.irq_enable': host(call => call.processor.setInterrupts(true)),
  'irq.halt': host(call => call.processor.halt()),

  'cpu.cpuid': host(cpuid),
  'cpu.get_debugreg': host(call => call.processor.readDr(arg(call, 'regno'))),
  'cpu.set_debugreg': host(call => call.processor.writeDr(arg(call, 'regno'), arg(call, 'value'))),
  'cpu.clts': host(call => call.processor.clts()),
  'cpu.read_cr0': host(call => call.processor.readCr(0)),
  'cpu.write_cr0': host(call => call.processor.writeCr(0, arg(call, 'value'))),
  'cpu.read_cr4': host(call => call.processor.readCr(4)),
  'cpu.read_cr4_safe': host(call => call.processor.readCr(4)),
  'cpu.write_cr4': host(call => call.processor.writeCr(4, arg(call, 'value'))),
  'cpu.wbinvd': host(() => {}),
  'cpu.read_msr': host(readMsr),
  'cpu.write_msr': host(call => {
    return call.processor.writeMsr(arg(call, 'msr'), call.arg('val') as bigint) ? 0 : -EFAULT
  }),
  'cpu.read_tsc': host(call => call.processor.readTsc()),
  'cpu.load_gdt': host(call => call.processor.writeGdtr(tableRegister(call))),
  'cpu.load_idt': host(call => call.processor.writeIdtr(tableRegister(call))),
  'cpu.store_gdt': host(call => storeTable(call, call.processor.readGdtr())),
  'cpu.store_idt': host(call => storeTable(call, call.processor.readIdtr())),
  'cpu.store_tr': host(call => call.processor.readTr()),
  'cpu.load_tls': host(loadTls),
  'cpu.write_ldt_entry': host(writeDtEntry),
  'cpu.write_gdt_entry': host(writeDtEntry),
  'cpu.write_idt_entry': host(writeDtEntry),
  'cpu.load_sp0': host(call => {
    call.memory.writeVirtual32(arg(call, 'tss') + TSS_ESP0, call.memory.readVirtual32(arg(call, 'thread')))
  }),
  'cpu.io_delay': nop(),

  'mmu.read_cr2': host(call => call.processor.readCr(2)),
  'mmu.write_cr2': host(call => call.processor.writeCr(2, arg(call, 'value'))),
  'mmu.read_cr3': host(call => call.processor.readCr(3)),
  'mmu.write_cr3': host(call => call.processor.writeCr(3, arg(call, 'value'))),
  'mmu.flush_tlb_user': host(call => call.processor.flushTlb()),
  'mmu.flush_tlb_kernel': host(call => call.processor.flushTlbGlobal()),
  'mmu.flush_tlb_others': host(() => {}),
  'mmu.set_pte_at': host(setEntry('ptep', 'pteval')),
  'mmu.set_pte_atomic': host(setEntry('ptep', 'pteval')),
  'mmu.set_pte_present': host(setEntry('ptep', 'pte')),
  'mmu.set_pmd': host(setEntry('pmdp', 'pmdval')),
  'mmu.set_pud': host(setEntry('pudp', 'pudval')),
  'mmu.pte_clear': host(call => clearEntry(call, arg(call, 'ptep'))),
  'mmu.pmd_clear': host(call => clearEntry(call, arg(call, 'pmdp'))),
  'mmu.pte_val': host(identity('pte')),
  'mmu.make_pte': host(identity('pte')),
}

/** The module, with some answers changed. */
export function referenceOps(changes: Answers = {}): OpsModule {
  return defineOps({
    name: 'reference-ops',
    version: '1.0.0',
    apiVersion: '^1.0.0',
    opsAbi: '~1.3.0',
    ops: (era: Era) => ({ ...natively(era.slots.map(({ op }) => op)), ...referenceAnswers, ...changes }),
    code: { object: referenceObject() },
  })
}
