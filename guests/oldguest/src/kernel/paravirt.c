/*
 * The table as linked, and the patcher.
 *
 * Until apply_paravirt runs, every call goes through the table. Then each site asks the `patch` op what to become, and the
 * rest of its bytes is filled with no-ops, so from there on a change of the table reaches nobody.
 */
#include "kernel.h"
#include "native.h"
#include "paravirt.h"

struct paravirt_ops paravirt_ops = {
  .kernel_rpl = 0,
  .shared_kernel_pmd = 1,
  .paravirt_enabled = 0,
  .name = "bare hardware",

  .patch = native_patch,
  .arch_setup = paravirt_nop,
  .memory_setup = native_memory_setup,
  .post_allocator_init = paravirt_nop,
  .init_IRQ = native_init_IRQ,
  .time_init = native_time_init,
  .pagetable_setup_start = native_pagetable_setup_start,
  .pagetable_setup_done = native_pagetable_setup_done,
  .banner = native_banner,
  .get_wallclock = native_get_wallclock,
  .set_wallclock = native_set_wallclock,

  .cpuid = native_cpuid,
  .get_debugreg = native_get_debugreg,
  .set_debugreg = native_set_debugreg,
  .clts = native_clts,
  .read_cr0 = native_read_cr0,
  .write_cr0 = native_write_cr0,
  .read_cr2 = native_read_cr2,
  .write_cr2 = native_write_cr2,
  .read_cr3 = native_read_cr3,
  .write_cr3 = native_write_cr3,
  .read_cr4_safe = native_read_cr4_safe,
  .read_cr4 = native_read_cr4,
  .write_cr4 = native_write_cr4,

  .save_fl = native_save_fl,
  .restore_fl = native_restore_fl,
  .irq_disable = native_irq_disable,
  .irq_enable = native_irq_enable,
  .safe_halt = native_safe_halt,
  .halt = native_halt,
  .wbinvd = native_wbinvd,

  .read_msr = native_read_msr,
  .write_msr = native_write_msr,
  .read_tsc = native_read_tsc,
  .read_pmc = native_read_pmc,
  .sched_clock = native_sched_clock,
  .get_cpu_khz = native_get_cpu_khz,

  .load_tr_desc = native_load_tr_desc,
  .load_gdt = native_load_gdt,
  .load_idt = native_load_idt,
  .store_gdt = native_store_gdt,
  .store_idt = native_store_idt,
  .set_ldt = native_set_ldt,
  .store_tr = native_store_tr,
  .load_tls = native_load_tls,
  .write_ldt_entry = native_write_dt_entry,
  .write_gdt_entry = native_write_dt_entry,
  .write_idt_entry = native_write_dt_entry,
  .load_esp0 = native_load_esp0,
  .set_iopl_mask = native_set_iopl_mask,
  .io_delay = native_io_delay,

  .activate_mm = paravirt_nop,
  .dup_mmap = paravirt_nop,
  .exit_mmap = paravirt_nop,

  .apic_write = native_apic_write,
  .apic_write_atomic = native_apic_write_atomic,
  .apic_read = native_apic_read,
  .setup_boot_clock = native_setup_boot_clock,
  .setup_secondary_clock = native_setup_secondary_clock,
  .startup_ipi_hook = paravirt_nop,

  .flush_tlb_user = native_flush_tlb_user,
  .flush_tlb_kernel = native_flush_tlb_kernel,
  .flush_tlb_single = native_flush_tlb_single,
  .flush_tlb_others = native_flush_tlb_others,

  .alloc_pt = paravirt_nop,
  .alloc_pd = paravirt_nop,
  .alloc_pd_clone = paravirt_nop,
  .release_pt = paravirt_nop,
  .release_pd = paravirt_nop,

  .set_pte = native_set_pte,
  .set_pte_at = native_set_pte_at,
  .set_pmd = native_set_pmd,
  .pte_update = paravirt_nop,
  .pte_update_defer = paravirt_nop,
  .set_pte_atomic = native_set_pte_atomic,
  .set_pte_present = native_set_pte_present,
  .set_pud = native_set_pud,
  .pte_clear = native_pte_clear,
  .pmd_clear = native_pmd_clear,

  .pte_val = native_identity,
  .pmd_val = native_identity,
  .pgd_val = native_identity,
  .make_pte = native_identity,
  .make_pmd = native_identity,
  .make_pgd = native_identity,

  .set_lazy_mode = paravirt_nop,

  .irq_enable_sysexit = native_irq_enable_sysexit,
  .iret = native_iret,
};

#define SITE_CALL 0xE8
#define SITE_JMP 0xE9
#define BRANCH_BYTES 5

/* The no-op of each length that the Intel manuals recommend for processors of this age (they are LEAs and MOVs). */
static const u8 nops[6][6] = {
  { 0x90 },
  { 0x89, 0xF6 },
  { 0x8D, 0x76, 0x00 },
  { 0x8D, 0x74, 0x26, 0x00 },
  { 0x90, 0x8D, 0x74, 0x26, 0x00 },
  { 0x8D, 0xB6, 0x00, 0x00, 0x00, 0x00 },
};

static const u8 ud2[] = { 0x0F, 0x0B };

static void nop_out(u8 *at, u32 len)
{
  while (len) {
    u32 n = len < array_size(nops) ? len : array_size(nops);
    memcpy(at, nops[n - 1], n);
    at += n;
    len -= n;
  }
}

u32 paravirt_patch_insns(void *site, u32 len, const u8 *start, const u8 *end)
{
  u32 n = end - start;
  if (n > len)
    return len;
  memcpy(site, start, n);
  return n;
}

static u32 patch_branch(u8 opcode, void *target, u8 *site, u32 len)
{
  if (len < BRANCH_BYTES)
    return len;
  u32 delta = (u32)target - (u32)(site + BRANCH_BYTES);
  site[0] = opcode;
  memcpy(site + 1, &delta, sizeof delta);
  return BRANCH_BYTES;
}

/* By the op's value: absent traps, the no-op erases, never-returning ops jump, the rest call. */
u32 paravirt_patch_default(u8 type, u16 clobbers, void *site, u32 len)
{
  void *op = ((void **)&paravirt_ops)[type];
  if (!op)
    return paravirt_patch_insns(site, len, ud2, ud2 + sizeof ud2);
  if (op == paravirt_nop)
    return 0;
  if (type == PARAVIRT_SLOT(iret) || type == PARAVIRT_SLOT(irq_enable_sysexit))
    return patch_branch(SITE_JMP, op, site, len);
  /* The target may destroy all three; a site that needs some of them kept stays indirect. */
  if (clobbers != CLBR_ANY)
    return len;
  return patch_branch(SITE_CALL, op, site, len);
}

void apply_paravirt(struct patch_counts *counts)
{
  struct paravirt_patch_site *site;
  u32 flags = save_fl();
  irq_disable();
  *counts = (struct patch_counts){ 0 };
  for (site = __parainstructions; site < __parainstructions_end; site++) {
    u8 before = site->instr[0];
    u32 used = pv_patch(site->type, site->clobbers, site->instr, site->len);
    if (used > site->len)
      panic("patch of slot %u at %p used %u bytes of %u", site->type, site->instr, used, site->len);
    u8 after = site->instr[0];
    counts->sites++;
    if (!used)
      counts->erased++;
    else if (after == before)
      counts->untouched++;
    else if (after == SITE_CALL)
      counts->calls++;
    else if (after == SITE_JMP)
      counts->jumps++;
    else
      counts->inlined++;
    nop_out(site->instr + used, site->len - used);
  }
  /* A serialising instruction between the last patch and the first use; this one every backend answers. */
  u32 eax, ebx, ecx, edx;
  cpuid(0, &eax, &ebx, &ecx, &edx);
  restore_fl(flags);
}
