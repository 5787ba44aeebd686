/**
 * VMI's ops, as a module for guests that do not know VMI (ops ABI 1.3, Linux 2.6.23): functions that go where the ROM's
 * `get_reloc` says, or to the guest's own function where it says none. The code is ops.S.
 *
 * Every op is answered here; which ones VMI has calls for is {@link VMI_CALL_OF}, in the order of Linux 2.6.23's
 * arch/i386/kernel/vmi.c. What VMI has no call for stays native, and so does:
 *
 * - `apic.*`: the calls want a register's address, the ops have its offset, and where the guest maps it only the guest knows;
 * - `cpu.load_tls`: the guest's function writes descriptors in memory, which VMI allows while it does not say otherwise;
 * - `cpu.read_msr`, `write_msr`, `read_pmc`: VMI's calls cannot report a fault, and Linux did not route them either;
 * - `time.time_init`, `get_tsc_khz`: the tick is the guest's, and a time-stamp counter is not VMI's cycle counter.
 */
import { type Answers, code, defineOps, type Era, native } from '@paragraft/core/ops'
import { OPS_OBJECT } from './ops-object.generated.ts'

/** The call, by its name in the ABI, that serves an op, and the symbol of the function that makes it. */
const ROUTES: readonly (readonly [op: string, symbol: string, call: string])[] = [
  ['cpu.cpuid', 'cpuid', 'CPUID'],
  ['cpu.clts', 'clts', 'CLTS'],
  ['cpu.get_debugreg', 'get_debugreg', 'GetDR'],
  ['cpu.set_debugreg', 'set_debugreg', 'SetDR'],
  ['cpu.read_cr0', 'read_cr0', 'GetCR0'],
  ['mmu.read_cr2', 'read_cr2', 'GetCR2'],
  ['mmu.read_cr3', 'read_cr3', 'GetCR3'],
  ['cpu.read_cr4', 'read_cr4', 'GetCR4'],
  ['cpu.write_cr0', 'write_cr0', 'SetCR0'],
  ['mmu.write_cr2', 'write_cr2', 'SetCR2'],
  ['mmu.write_cr3', 'write_cr3', 'SetCR3'],
  ['cpu.write_cr4', 'write_cr4', 'SetCR4'],
  ['irq.save_fl', 'save_fl', 'GetInterruptMask'],
  ['irq.restore_fl', 'restore_fl', 'SetInterruptMask'],
  ['irq.irq_disable', 'irq_disable', 'DisableInterrupts'],
  ['irq.irq_enable', 'irq_enable', 'EnableInterrupts'],
  ['irq.safe_halt', 'safe_halt', 'Halt'],
  ['cpu.wbinvd', 'wbinvd', 'WBINVD'],
  ['cpu.read_tsc', 'read_tsc', 'RDTSC'],
  ['cpu.load_tr_desc', 'load_tr_desc', 'SetTR'],
  ['cpu.set_ldt', 'set_ldt', 'SetLDT'],
  ['cpu.load_gdt', 'load_gdt', 'SetGDT'],
  ['cpu.load_idt', 'load_idt', 'SetIDT'],
  ['cpu.store_gdt', 'store_gdt', 'GetGDT'],
  ['cpu.store_idt', 'store_idt', 'GetIDT'],
  ['cpu.store_tr', 'store_tr', 'GetTR'],
  ['cpu.write_ldt_entry', 'write_ldt_entry', 'WriteLDTEntry'],
  ['cpu.write_gdt_entry', 'write_gdt_entry', 'WriteGDTEntry'],
  ['cpu.write_idt_entry', 'write_idt_entry', 'WriteIDTEntry'],
  ['cpu.load_sp0', 'load_esp0', 'UpdateKernelStack'],
  ['cpu.set_iopl_mask', 'set_iopl_mask', 'SetIOPLMask'],
  ['cpu.io_delay', 'io_delay', 'IODelay'],
  ['cpu.set_lazy_mode', 'set_lazy_mode', 'SetLazyMode'],
  ['mmu.flush_tlb_user', 'flush_tlb_user', 'FlushTLB'],
  ['mmu.flush_tlb_kernel', 'flush_tlb_kernel', 'FlushTLB'],
  ['mmu.flush_tlb_one_user', 'flush_tlb_single', 'InvalPage'],
  ['mmu.set_pte', 'set_pte', 'SetPxE'],
  ['mmu.set_pte_at', 'set_pte_at', 'SetPxE'],
  ['mmu.set_pte_present', 'set_pte_present', 'SetPxE'],
  ['mmu.set_pmd', 'set_pmd', 'SetPxE'],
  ['mmu.set_pud', 'set_pud', 'SetPxE'],
  ['mmu.pte_clear', 'pte_clear', 'SetPxE'],
  ['mmu.pmd_clear', 'pmd_clear', 'SetPxE'],
  ['mmu.set_pte_atomic', 'set_pte_atomic', 'UpdatePxE'],
  ['mmu.pte_update', 'pte_update', 'UpdatePxE'],
  ['mmu.pte_update_defer', 'pte_update_defer', 'UpdatePxE'],
  ['mmu.pagetable_setup_start', 'pagetable_setup_start', 'AllocatePage'],
  ['mmu.alloc_pte', 'alloc_pt', 'AllocatePage'],
  ['mmu.alloc_pmd', 'alloc_pd', 'AllocatePage'],
  ['mmu.alloc_pmd_clone', 'alloc_pd_clone', 'AllocatePage'],
  ['mmu.release_pte', 'release_pt', 'ReleasePage'],
  ['mmu.release_pmd', 'release_pd', 'ReleasePage'],
  ['cpu.irq_enable_sysexit', 'irq_enable_sysexit', 'SYSEXIT'],
  ['cpu.iret', 'iret', 'IRET'],
  ['time.sched_clock', 'sched_clock', 'GetCycleCounter'],
  ['time.get_wallclock', 'get_wallclock', 'GetWallclockTime'],
  ['time.set_wallclock', 'set_wallclock', 'GetWallclockTime'],
]

/**
 * The call behind each op that has one. Where page tables decide between a call and its `…Long` form (SetPxE, UpdatePxE),
 * the short name stands for both.
 */
export const VMI_CALL_OF: ReadonlyMap<string, string> = new Map(ROUTES.map(([op, , call]) => [op, call]))

const routed: Answers = Object.fromEntries(ROUTES.map(([op, symbol]) => [op, code(`vmi_ops_${symbol}`)]))

function answers(era: Era): Answers {
  return {
    ...Object.fromEntries(era.slots.map(({ op }) => [op, native()])),
    ...routed,
    // Looks for the ROM, and then does what the guest's own does.
    'init.arch_setup': code('vmi_ops_arch_setup'),
  }
}

export default defineOps({
  name: '@paragraft/backend-vmi/ops',
  version: '0.1.0',
  apiVersion: '^0.1.0',
  opsAbi: '~1.3.0',
  ops: answers,
  code: { object: Uint8Array.from(atob(OPS_OBJECT), character => character.charCodeAt(0)) },
})
