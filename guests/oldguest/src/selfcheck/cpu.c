/* Processor registers, and the ways back to user space. */
#include "check.h"
#include "sched.h"

#define CR0_PE 1
#define CR0_TS 8
#define CR0_PG 0x80000000
#define CR4_TSD 4
#define MSR_TSC 0x10
#define MSR_SYSENTER_CS 0x174
#define MSR_OF_NOBODY 0xDEAD
#define DR6_B0 1
#define DR7_L0_WRITE_4 0x000D0001

void iret_to_self(u32 flags);

static u32 watched;

static enum verdict check_cpuid(void)
{
  u32 max, a, b, c, d;
  cpuid(0, &max, &b, &c, &d);
  EXPECT(b && c && d);
  if (max >= 1) {
    cpuid(1, &a, &b, &c, &d);
    EXPECT(d == cpu_features);
  }
  return OK;
}

static enum verdict check_get_debugreg(void)
{
  set_debugreg(0, (u32)&watched);
  EXPECT(get_debugreg(0) == (u32)&watched);
  set_debugreg(0, 0);
  EXPECT(get_debugreg(0) == 0);
  return OK;
}

/* Register number first, value second; a write watched by DR0 is #DB, with its bit in DR6. */
static enum verdict check_set_debugreg(void)
{
  set_debugreg(6, 0);
  set_debugreg(0, (u32)&watched);
  set_debugreg(7, DR7_L0_WRITE_4);
  u32 fault = trial(write_at, &watched);
  u32 status = get_debugreg(6);
  set_debugreg(7, 0);
  set_debugreg(0, 0);
  set_debugreg(6, 0);
  EXPECT(fault == VECTOR_DB + 1);
  EXPECT(status & DR6_B0);
  EXPECT(trial(write_at, &watched) == 0);
  return OK;
}

static void use_fpu(void *unused)
{
  (void)unused;
  asm volatile("fnop");
}

static enum verdict check_write_cr0(void)
{
  write_cr0(read_cr0() | CR0_TS);
  u32 fault = trial(use_fpu, NULL);
  EXPECT(read_cr0() & CR0_TS);
  EXPECT(fault == VECTOR_NM + 1);
  return OK;
}

static enum verdict check_clts(void)
{
  write_cr0(read_cr0() | CR0_TS);
  clts();
  u32 fault = trial(use_fpu, NULL), after = read_cr0();
  fpu_ask();
  EXPECT(!(after & CR0_TS));
  EXPECT(fault == 0);
  return OK;
}

static enum verdict check_read_cr0(void)
{
  EXPECT((read_cr0() & (CR0_PE | CR0_PG)) == (CR0_PE | CR0_PG));
  return OK;
}

static enum verdict check_read_cr2(void)
{
  u32 nowhere = FIX_CHECK2 + 0x123 * 4;
  EXPECT(trial(read_at, (void *)nowhere) == VECTOR_PF + 1);
  EXPECT(read_cr2() == nowhere);
  return OK;
}

static enum verdict check_write_cr2(void)
{
  write_cr2(WORD_B);
  EXPECT(read_cr2() == WORD_B);
  write_cr2(0);
  EXPECT(read_cr2() == 0);
  return OK;
}

static enum verdict check_read_cr3(void)
{
  write_cr3(virt_to_phys(swapper_pg_dir));
  EXPECT(read_cr3() == virt_to_phys(swapper_pg_dir));
  return OK;
}

/* Another address space, and back: its page is there, and then is not. */
static enum verdict check_write_cr3(void)
{
  struct mm_struct *mm = mm_alloc(program_named("null"));
  u32 va = USER_STACK_TOP - PAGE_SIZE;
  EXPECT(mm && !handle_mm_fault(mm, va, 1));
  write_cr3(virt_to_phys(mm->pgd));
  u32 inside = trial(write_at, (void *)va);
  int loaded = read_cr3() == virt_to_phys(mm->pgd) && !inside && word_at(va) == WORD_A;
  write_cr3(virt_to_phys(swapper_pg_dir));
  u32 outside = trial(read_at, (void *)va);
  mm_free(mm);
  EXPECT(loaded);
  EXPECT(outside == VECTOR_PF + 1);
  return OK;
}

static enum verdict check_read_cr4_safe(void)
{
  EXPECT(((read_cr4_safe() & 0x20) != 0) == pae_enabled);
  return OK;
}

static int has_cr4(void) { return cpu_features & (FEATURE_PAE | FEATURE_PGE | FEATURE_TSC); }

static enum verdict check_read_cr4(void)
{
  if (!has_cr4())
    return refused("no CR4");
  EXPECT(read_cr4() == read_cr4_safe());
  return OK;
}

static enum verdict check_write_cr4(void)
{
  if (!has_cr4())
    return refused("no CR4");
  u32 before = read_cr4();
  write_cr4(before ^ CR4_TSD);
  u32 changed = read_cr4();
  write_cr4(before);
  EXPECT(read_cr4() == before);
  if (changed == before)
    return refused("TSD is not ours to change");
  EXPECT(changed == (before ^ CR4_TSD));
  return OK;
}

static enum verdict check_wbinvd(void)
{
  watched = WORD_B;
  wbinvd();
  EXPECT(word_at((u32)&watched) == WORD_B);
  return OK;
}

/* A refusal is -EFAULT and nothing else; a register that nobody has may be answered or refused, but never by a fault. */
static enum verdict check_read_msr(void)
{
  int err = 1;
  if (!cpu_has(FEATURE_MSR))
    return refused("no MSRs");
  read_msr(MSR_TSC, &err);
  if (err == -EFAULT)
    return refused("the TSC's MSR");
  EXPECT(err == 0);
  if (cpu_has(FEATURE_SEP) && !kernel_rpl()) {
    /* sysenter_init wrote it at boot. */
    EXPECT(read_msr(MSR_SYSENTER_CS, &err) == KERNEL_CS || err == -EFAULT);
  }
  err = 1;
  read_msr(MSR_OF_NOBODY, &err);
  EXPECT(err == 0 || err == -EFAULT);
  return OK;
}

static enum verdict check_write_msr(void)
{
  int err = 1;
  if (!cpu_has(FEATURE_MSR) || !cpu_has(FEATURE_SEP))
    return refused("no SYSENTER MSRs");
  u64 before = read_msr(MSR_SYSENTER_CS, &err);
  int wrote = write_msr(MSR_SYSENTER_CS, 0x1230);
  if (err == -EFAULT || wrote == -EFAULT)
    return refused("SYSENTER_CS");
  EXPECT(err == 0 && wrote == 0);
  u64 between = read_msr(MSR_SYSENTER_CS, &err);
  EXPECT(!write_msr(MSR_SYSENTER_CS, before));
  EXPECT(between == 0x1230);
  EXPECT(read_msr(MSR_SYSENTER_CS, &err) == before);
  return OK;
}

static void try_pmc(void *unused)
{
  (void)unused;
  read_pmc(0);
}

static enum verdict check_read_pmc(void)
{
  if (trial(try_pmc, NULL))
    return refused("it faults");
  return OK;
}

/* IN is allowed at IOPL 3 and not at IOPL 0; where I/O is emulated for users, the second may pass. */
static enum verdict check_set_iopl_mask(void)
{
  int code = run_program("ports");
  if (code == 1)
    return refused("user I/O is not told apart");
  EXPECT(code == 128 + VECTOR_GP);
  return OK;
}

static enum verdict check_io_delay(void)
{
  u32 flags = save_fl();
  for (int i = 0; i < 4; i++)
    io_delay();
  EXPECT((save_fl() & X86_EFLAGS_IF) == (flags & X86_EFLAGS_IF));
  return OK;
}

/* To the kernel, with both settings of IF, and to a user, whose program comes back by its exit code. */
static enum verdict check_iret(void)
{
  iret_to_self(2);
  int off = !(save_fl() & X86_EFLAGS_IF);
  iret_to_self(2 | X86_EFLAGS_IF);
  int on = (save_fl() & X86_EFLAGS_IF) != 0;
  irq_enable();
  EXPECT(off);
  EXPECT(on);
  EXPECT(run_program("null") == 42);
  return OK;
}

static enum verdict check_irq_enable_sysexit(void)
{
  if (!cpu_has(FEATURE_SEP))
    return refused("no SYSENTER");
  if (kernel_rpl())
    return refused("the kernel is not in ring 0");
  EXPECT(run_program("fastcall") == 42);
  return OK;
}

static const struct check checks[] = {
  MUST(cpuid),
  MUST(get_debugreg),
  MUST(set_debugreg),
  MUST(clts),
  MUST(read_cr0),
  MUST(write_cr0),
  MUST(read_cr2),
  MUST(write_cr2),
  MUST(read_cr3),
  MUST(write_cr3),
  MUST(read_cr4_safe),
  MAY_REFUSE(read_cr4),
  MAY_REFUSE(write_cr4),
  MUST(wbinvd),
  MAY_REFUSE(read_msr),
  MAY_REFUSE(write_msr),
  MAY_REFUSE(read_pmc),
  MAY_REFUSE(set_iopl_mask),
  MUST(io_delay),
  MAY_REFUSE(irq_enable_sysexit),
  MUST(iret),
};
const struct check_group check_cpu = { "cpu", checks, array_size(checks) };
