/**
 * The ops: single overrides of a native table, one by one as lguest's own start code did it, and everything else named as native.
 * The code is guest/ops.S. It brings a way in too, so that a kernel that has never heard of lguest can be started as its guest.
 */
import { type Answers, code, defineOps, type Era, nativeGroup, value } from '@paragraft/core/ops'
import { KERNEL_RING } from './abi.ts'
import { OPS_OBJECT } from './ops-object.generated.ts'

/** Which function of guest/ops.S answers an op. */
const OVERRIDES: Readonly<Record<string, string>> = {
  'init.banner': 'banner',
  'irq.init_IRQ': 'init_IRQ',
  'irq.save_fl': 'save_fl',
  'irq.restore_fl': 'restore_fl',
  'irq.irq_disable': 'irq_disable',
  'irq.irq_enable': 'irq_enable',
  'irq.safe_halt': 'safe_halt',
  'irq.halt': 'halt',
  'time.time_init': 'time_init',
  'time.get_tsc_khz': 'get_cpu_khz',
  'time.get_wallclock': 'get_wallclock',
  'time.set_wallclock': 'set_wallclock',
  'time.sched_clock': 'sched_clock',
  'cpu.read_cr0': 'read_cr0',
  'cpu.write_cr0': 'write_cr0',
  'cpu.clts': 'clts',
  'cpu.read_cr4_safe': 'read_cr4',
  'cpu.read_cr4': 'read_cr4',
  'cpu.write_cr4': 'nothing',
  'cpu.get_debugreg': 'get_debugreg',
  'cpu.set_debugreg': 'set_debugreg',
  'cpu.wbinvd': 'nothing',
  'cpu.load_tr_desc': 'nothing',
  'cpu.load_gdt': 'load_gdt',
  'cpu.load_idt': 'load_idt',
  'cpu.store_gdt': 'store_gdt',
  'cpu.store_idt': 'store_idt',
  'cpu.set_ldt': 'set_ldt',
  'cpu.load_tls': 'load_tls',
  'cpu.write_gdt_entry': 'write_gdt_entry',
  'cpu.write_idt_entry': 'write_idt_entry',
  'cpu.write_ldt_entry': 'write_ldt_entry',
  'cpu.load_sp0': 'load_esp0',
  'cpu.set_iopl_mask': 'set_iopl_mask',
  'cpu.io_delay': 'nothing',
  'cpu.set_lazy_mode': 'set_lazy_mode',
  'cpu.iret': 'iret',
  'mmu.read_cr2': 'read_cr2',
  'mmu.write_cr2': 'write_cr2',
  'mmu.read_cr3': 'read_cr3',
  'mmu.write_cr3': 'write_cr3',
  'mmu.flush_tlb_user': 'flush_tlb_user',
  'mmu.flush_tlb_kernel': 'flush_tlb_kernel',
  'mmu.flush_tlb_one_user': 'flush_tlb_single',
  'mmu.set_pte': 'set_pte',
  'mmu.set_pte_at': 'set_pte_at',
  'mmu.set_pte_atomic': 'set_pte',
  'mmu.set_pte_present': 'set_pte_at',
  'mmu.set_pmd': 'set_pmd',
  'mmu.pte_update': 'pte_update',
  'mmu.pte_update_defer': 'pte_update',
  'mmu.pte_clear': 'pte_clear',
  'mmu.pmd_clear': 'pmd_clear',
  'mmu.exit_mmap': 'exit_mmap',
}

/**
 * Native stay, beside what needs no privilege: `apic.*` and the MSR ops, since CPUID shows neither; `cpu.read_pmc`, whose fault the
 * kernel expects; and the hooks for pages that become tables, since shadows follow entries and not pages.
 */
function answers(era: Era): Answers {
  return {
    ...nativeGroup(era, 'info', 'init', 'time', 'cpu', 'irq', 'apic', 'mmu'),
    'info.kernel_rpl': value(KERNEL_RING),
    'info.paravirt_enabled': value(1),
    'info.name': value('lguest_name'),
    ...Object.fromEntries(Object.entries(OVERRIDES).map(([op, symbol]) => [op, code(`lguest_${symbol}`)])),
  }
}

export default defineOps({
  name: '@paragraft-examples/backend-lguest/ops',
  version: '0.1.0',
  apiVersion: '^1.1.0',
  opsAbi: '~1.3.0',
  requires: ['lguest:hypercalls'],
  ops: answers,
  code: { object: Uint8Array.from(atob(OPS_OBJECT), character => character.charCodeAt(0)) },
  entries: { lguest: { symbol: 'lguest_entry' } },
})
