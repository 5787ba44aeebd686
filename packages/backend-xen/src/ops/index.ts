/**
 * Xen's ops, for kernels that know nothing of Xen (ops ABI 1.3, Linux 2.6.23): hypercalls in place of privileged instructions, and the
 * way in, `xen_start`, from Xen's start of day to the entry of such a kernel for whoever starts it with paging on
 * (`startup_paging_on`). The code is in guest/; the ops follow Linux's own for Xen (arch/i386/xen/enlighten.c, mmu.c).
 *
 * `native` is said of an op whose instruction Xen answers itself, by emulation or because ring 1 may execute it, and of hooks
 * in which the kernel does nothing that Xen minds.
 */
import { type Answers, code, defineOps, native, natively, nop, value } from '@paragraft/core/ops'
import { OPS_OBJECT } from './object.generated.ts'

const xen = (name: string) => code(`xen_ops_${name}`)

const INFO: Answers = {
  'info.kernel_rpl': value(1),
  // The top quarter's directory has Xen's entries too, and belongs to one address space.
  'info.shared_kernel_pmd': value(0),
  'info.paravirt_enabled': value(1),
  'info.name': value('xen_name'),
}

const BOOT: Answers = {
  // What is not native any more is called by the kernel's own patcher; of the memory map it is told by boot information.
  ...natively(['init.patch', 'init.memory_setup', 'init.banner']),
  'init.arch_setup': nop(),
  'init.post_allocator_init': nop(),
}

const TIME: Answers = {
  'time.time_init': xen('time_init'),
  'time.get_wallclock': xen('get_wallclock'),
  'time.set_wallclock': xen('set_wallclock'),
  'time.sched_clock': xen('sched_clock'),
  'time.get_tsc_khz': xen('get_cpu_khz'),
}

const CPU: Answers = {
  // Emulated, faults and all, or allowed as they are.
  ...natively(['cpu.read_cr0', 'cpu.read_cr4', 'cpu.read_cr4_safe', 'cpu.write_cr4', 'cpu.wbinvd']),
  ...natively(['cpu.read_msr', 'cpu.write_msr', 'cpu.read_tsc', 'cpu.read_pmc']),
  'cpu.cpuid': xen('cpuid'),
  'cpu.get_debugreg': xen('get_debugreg'),
  'cpu.set_debugreg': xen('set_debugreg'),
  'cpu.write_cr0': xen('write_cr0'),
  'cpu.clts': xen('clts'),
  'cpu.load_tr_desc': xen('load_tr_desc'),
  'cpu.store_tr': xen('store_tr'),
  'cpu.load_gdt': xen('load_gdt'),
  'cpu.store_gdt': xen('store_gdt'),
  // load_idt, for what is meant by it.
  'cpu.load_exceptions': xen('load_exceptions'),
  'cpu.store_idt': xen('store_idt'),
  'cpu.set_ldt': xen('set_ldt'),
  'cpu.load_tls': xen('load_tls'),
  'cpu.write_gdt_entry': xen('write_gdt_entry'),
  'cpu.write_ldt_entry': xen('write_ldt_entry'),
  'cpu.write_idt_entry': xen('write_idt_entry'),
  'cpu.load_sp0': xen('load_esp0'),
  'cpu.set_iopl_mask': xen('set_iopl_mask'),
  'cpu.io_delay': nop(),
  'cpu.set_lazy_mode': xen('set_lazy_mode'),
  'cpu.irq_enable_sysexit': xen('irq_enable_sysexit'),
  'cpu.iret': xen('iret'),
}

const IRQ: Answers = {
  'irq.init_IRQ': xen('init_IRQ'),
  'irq.save_fl': xen('save_fl'),
  'irq.restore_fl': xen('restore_fl'),
  'irq.irq_disable': xen('irq_disable'),
  'irq.irq_enable': xen('irq_enable'),
  'irq.safe_halt': xen('safe_halt'),
  'irq.halt': xen('halt'),
}

const APIC: Answers = {
  'apic.apic_read': xen('apic_read'),
  'apic.apic_write': xen('apic_write'),
  'apic.apic_write_atomic': xen('apic_write'),
  'apic.setup_boot_clock': xen('setup_clock'),
  'apic.setup_secondary_clock': xen('setup_clock'),
  'apic.startup_ipi_hook': nop(),
}

const MMU: Answers = {
  'mmu.read_cr2': xen('read_cr2'),
  'mmu.write_cr2': xen('write_cr2'),
  'mmu.read_cr3': xen('read_cr3'),
  'mmu.write_cr3': xen('write_cr3'),
  'mmu.pagetable_setup_start': xen('pagetable_setup_start'),
  'mmu.pagetable_setup_done': native(),
  'mmu.activate_mm': xen('activate_mm'),
  'mmu.dup_mmap': xen('dup_mmap'),
  'mmu.exit_mmap': xen('exit_mmap'),
  'mmu.flush_tlb': xen('flush_tlb'),
  'mmu.flush_tlb_kernel': xen('flush_tlb_kernel'),
  'mmu.flush_tlb_one_user': xen('flush_tlb_single'),
  'mmu.flush_tlb_others': xen('flush_tlb_others'),
  'mmu.alloc_pte': xen('alloc_pt'),
  'mmu.alloc_pmd': xen('alloc_pd'),
  'mmu.alloc_pmd_clone': xen('alloc_pd_clone'),
  'mmu.release_pte': xen('release_pt'),
  'mmu.release_pmd': xen('release_pd'),
  'mmu.set_pte': xen('set_pte'),
  'mmu.set_pte_at': xen('set_pte_at'),
  'mmu.set_pte_atomic': xen('set_pte'),
  'mmu.set_pte_present': xen('set_pte_at'),
  'mmu.set_pmd': xen('set_pmd'),
  'mmu.set_pud': xen('set_pmd'),
  'mmu.pte_clear': xen('pte_clear'),
  'mmu.pmd_clear': xen('pmd_clear'),
  // The entry was set by an op, and Xen knows.
  'mmu.pte_update': nop(),
  'mmu.pte_update_defer': nop(),
  'mmu.pte_val': xen('entry_val'),
  'mmu.pmd_val': xen('entry_val'),
  'mmu.pgd_val': xen('entry_val'),
  'mmu.make_pte': xen('make_pte'),
  'mmu.make_pmd': xen('make_table'),
  'mmu.make_pgd': xen('make_table'),
}

export default defineOps({
  name: '@paragraft/backend-xen/ops',
  version: '0.1.0',
  apiVersion: '^1.1.0',
  opsAbi: '~1.3.0',
  requires: ['xen:hypercalls'],
  ops: { ...INFO, ...BOOT, ...TIME, ...CPU, ...IRQ, ...APIC, ...MMU },
  code: { object: Uint8Array.from(atob(OPS_OBJECT), character => character.charCodeAt(0)) },
  entries: { 'xen-pv': { symbol: 'xen_start', says: { VIRT_BASE: 0xc0000000 } } },
})
