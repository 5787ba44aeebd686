/**
 * Permitted refusals: how a platform may decline an op, so that the guest can see it and do without. An op that is not
 * listed may not be refused. A refusal is neither a success nor a fault; whoever tests an op counts it apart.
 */

const NO_APIC = 'CPUID shows no local APIC'
const ONE_PROCESSOR = 'there is one processor'
const NO_LDT = 'the entry cannot be loaded'

export const REFUSALS: Readonly<Record<string, string>> = {
  'time.get_wallclock': 'returns 0: no clock',
  'time.set_wallclock': 'returns other than 0',
  'time.get_tsc_khz': 'returns 0: unknown',
  'cpu.read_cr4': 'the processor has no CR4',
  'cpu.write_cr4': 'TSD stays as it was; the processor has no CR4',
  'cpu.store_gdt': 'leaves the structure zero',
  'cpu.store_idt': 'leaves the structure zero',
  'cpu.set_ldt': NO_LDT,
  'cpu.write_ldt_entry': NO_LDT,
  'cpu.store_tr': 'returns 0',
  'cpu.set_iopl_mask': 'user I/O is not told apart',
  'cpu.read_msr': 'no MSRs, or error -EFAULT',
  'cpu.write_msr': 'no MSRs, or -EFAULT',
  'cpu.read_msr_safe': 'error -EIO',
  'cpu.write_msr_safe': 'returns -EIO',
  'cpu.read_tsc': 'the processor has no TSC',
  'cpu.read_tscp': 'CPUID shows no RDTSCP',
  'cpu.read_pmc': 'faults with #GP or #UD',
  'cpu.irq_enable_sysexit': 'no SYSENTER, or the kernel is not in ring 0',
  'apic.apic_write': NO_APIC,
  'apic.apic_write_atomic': NO_APIC,
  'apic.apic_read': NO_APIC,
  'apic.setup_boot_clock': NO_APIC,
  'apic.setup_secondary_clock': ONE_PROCESSOR,
  'apic.startup_ipi_hook': ONE_PROCESSOR,
  'mmu.pgd_alloc': 'returns other than 0: no memory',
  'mmu.set_pud': 'page tables are two-level',
}
