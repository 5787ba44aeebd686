/* Control and debug registers, CPUID, MSRs. */
#include "apic.h"
#include "case.h"

#define CR0_PE 1
#define CR0_TS 8
#define CR0_PG 0x80000000
#define CR4_TSD 4
#define CR4_PAE 0x20
#define DR6_B0 1
#define DR6_B1 2
#define DR7_L0_WRITE_4 0x000D0001
#define DR7_L1_WRITE_4 0x00D00004
#define FEATURE_PAT (1 << 16)
#define MSR_TSC 0x10
#define MSR_APIC_BASE 0x1B
#define MSR_APIC_BASE_ENABLE 0x800
#define MSR_SYSENTER_CS 0x174
#define MSR_PAT 0x277
#define MSR_OF_NOBODY 0xDEAD
/* Write-back, write-through and uncached in each half, in another order than at reset (SDM vol. 3, 11.12.2). */
#define PAT_OTHER 0x0007040600060407ull
#define POISON 0x5EED5EED

static u32 watched;

CASE(cpuid, "leaf 0 has a vendor")
{
  u32 max, b, c, d;
  cpuid(0, &max, &b, &c, &d);
  EXPECT(b && c && d);
  return OK;
}

CASE(cpuid, "leaf 1 has the features seen at boot")
{
  u32 max, a, b, c, d;
  cpuid(0, &max, &b, &c, &d);
  if (max >= 1) {
    cpuid(1, &a, &b, &c, &d);
    EXPECT(d == cpu_features);
  }
  return OK;
}

CASE(cpuid, "it takes its leaf from *eax")
{
  u32 max, a, b[2], c[2], d[2];
  cpuid(0, &max, &b[0], &c[0], &d[0]);
  if (max >= 1) {
    cpuid(1, &a, &b[1], &c[1], &d[1]);
    EXPECT(b[0] != b[1] || c[0] != c[1] || d[0] != d[1]);
  }
  return OK;
}

CASE(cpuid, "all four words are written, and no others")
{
  u32 words[6] = { POISON, 0, POISON, 0, POISON, POISON };
  words[3] = 0;
  cpuid_op(&words[1], &words[2], &words[3], &words[4]);
  EXPECT(words[0] == POISON && words[5] == POISON);
  EXPECT(words[2] != POISON && words[4] != POISON);
  u32 max, b, c, d;
  cpuid(0, &max, &b, &c, &d);
  EXPECT(words[1] == max && words[2] == b && words[3] == c && words[4] == d);
  return OK;
}

CASE(cpuid, "PAE is shown when the tables in use have it")
{
  EXPECT(!pae_enabled || cpu_has(FEATURE_PAE));
  return OK;
}

CASE(get_debugreg, "DR0 to DR3 each hold what they were given")
{
  for (int n = 0; n < 4; n++)
    set_debugreg(n, (u32)&watched + 16 * n);
  for (int n = 0; n < 4; n++)
    EXPECT(get_debugreg(n) == (u32)&watched + 16 * n);
  for (int n = 0; n < 4; n++)
    set_debugreg(n, 0);
  EXPECT(get_debugreg(0) == 0 && get_debugreg(3) == 0);
  return OK;
}

/* #DB and what DR6 said, for a write that is watched by the register that `dr7` turns on. */
static u32 watch(int regno, u32 dr7, u32 *status)
{
  set_debugreg(6, 0);
  set_debugreg(regno, (u32)&watched);
  set_debugreg(7, dr7);
  u32 fault = writing((u32)&watched);
  *status = get_debugreg(6);
  set_debugreg(7, 0);
  set_debugreg(regno, 0);
  set_debugreg(6, 0);
  return fault;
}

CASE(set_debugreg, "a write that DR0 watches is #DB, and DR6 says so")
{
  u32 status, fault = watch(0, DR7_L0_WRITE_4, &status);
  EXPECT(fault == FAULT(VECTOR_DB));
  EXPECT((status & (DR6_B0 | DR6_B1)) == DR6_B0);
  return OK;
}

CASE(set_debugreg, "a write that DR1 watches is #DB, and DR6 says so")
{
  u32 status, fault = watch(1, DR7_L1_WRITE_4, &status);
  EXPECT(fault == FAULT(VECTOR_DB));
  EXPECT((status & (DR6_B0 | DR6_B1)) == DR6_B1);
  return OK;
}

CASE(set_debugreg, "what is watched no longer is no #DB")
{
  u32 status;
  watch(0, DR7_L0_WRITE_4, &status);
  EXPECT(writing((u32)&watched) == 0);
  return OK;
}

static void use_fpu(void *unused)
{
  (void)unused;
  asm volatile("fnop");
}

CASE(read_cr0, "PE and PG are set")
{
  EXPECT((read_cr0() & (CR0_PE | CR0_PG)) == (CR0_PE | CR0_PG));
  return OK;
}

CASE(read_cr0, "TS is as it was written")
{
  write_cr0(read_cr0() | CR0_TS);
  EXPECT(read_cr0() & CR0_TS);
  write_cr0(read_cr0() & ~CR0_TS);
  u32 after = read_cr0();
  fpu_ask();
  EXPECT(!(after & CR0_TS));
  return OK;
}

CASE(write_cr0, "with TS set the FPU is #NM")
{
  write_cr0(read_cr0() | CR0_TS);
  EXPECT(trial(use_fpu, NULL) == FAULT(VECTOR_NM));
  return OK;
}

CASE(clts, "TS is clear")
{
  write_cr0(read_cr0() | CR0_TS);
  clts();
  u32 after = read_cr0();
  fpu_ask();
  EXPECT(!(after & CR0_TS));
  return OK;
}

CASE(clts, "the FPU answers")
{
  write_cr0(read_cr0() | CR0_TS);
  clts();
  u32 fault = trial(use_fpu, NULL);
  fpu_ask();
  EXPECT(fault == 0);
  return OK;
}

CASE(read_cr4_safe, "PAE is as the tables in use")
{
  EXPECT(((read_cr4_safe() & CR4_PAE) != 0) == pae_enabled);
  return OK;
}

static int has_cr4(void) { return cpu_features & (FEATURE_PAE | FEATURE_PGE | FEATURE_TSC); }

CASE(read_cr4, "it is the same as read_cr4_safe")
{
  if (!has_cr4())
    return refused("no CR4");
  EXPECT(read_cr4() == read_cr4_safe());
  return OK;
}

CASE(write_cr4, "TSD can be flipped and put back, and nothing else changes")
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

CASE(read_cr2, "it is the address that faulted")
{
  for (u32 offset = 0; offset < PAGE_SIZE; offset += 0x3FC) {
    EXPECT(reading(FIX_CHECK2 + offset) == FAULT(VECTOR_PF));
    EXPECT(read_cr2() == FIX_CHECK2 + offset);
  }
  return OK;
}

CASE(write_cr2, "read_cr2 gives it back")
{
  write_cr2(WORD_B);
  EXPECT(read_cr2() == WORD_B);
  write_cr2(0);
  EXPECT(read_cr2() == 0);
  return OK;
}

CASE(wbinvd, "memory keeps what was written")
{
  watched = WORD_B;
  wbinvd();
  EXPECT(word_at((u32)&watched) == WORD_B);
  return OK;
}

CASE(io_delay, "it returns, with IF as before")
{
  irq_disable();
  io_delay();
  EXPECT(!enabled());
  irq_enable();
  io_delay();
  EXPECT(enabled());
  return OK;
}

CASE(read_msr, "the TSC's MSR is read without an error")
{
  int err = 1;
  if (!cpu_has(FEATURE_MSR))
    return refused("no MSRs");
  read_msr(MSR_TSC, &err);
  if (err == -EFAULT)
    return refused("the TSC's MSR");
  EXPECT(err == 0);
  return OK;
}

CASE(read_msr, "SYSENTER_CS holds what the boot wrote")
{
  int err = 1;
  if (!cpu_has(FEATURE_MSR) || !cpu_has(FEATURE_SEP) || kernel_rpl())
    return refused("no SYSENTER MSRs");
  u64 value = read_msr(MSR_SYSENTER_CS, &err);
  if (err == -EFAULT)
    return refused("SYSENTER_CS");
  EXPECT(err == 0);
  EXPECT(value == KERNEL_CS);
  return OK;
}

CASE(read_msr, "APIC_BASE says where the local APIC is")
{
  int err = 1;
  if (!cpu_has(FEATURE_MSR) || !cpu_has(FEATURE_APIC))
    return refused("no local APIC");
  u64 value = read_msr(MSR_APIC_BASE, &err);
  if (err == -EFAULT)
    return refused("APIC_BASE");
  EXPECT(err == 0);
  EXPECT((value & PAGE_FRAME) == APIC_BASE && (value & MSR_APIC_BASE_ENABLE));
  return OK;
}

static void read_nobodys_msr(void *err) { read_msr(MSR_OF_NOBODY, err); }

CASE(read_msr, "one that nobody has is an error or a value, and no fault")
{
  int err = 1;
  if (!cpu_has(FEATURE_MSR))
    return refused("no MSRs");
  EXPECT(trial(read_nobodys_msr, &err) == 0);
  EXPECT(err == 0 || err == -EFAULT);
  return OK;
}

/* Writes, reads back, and puts back. */
static enum verdict msr_keeps(u32 msr, u64 value)
{
  int err = 1, err2 = 1;
  u64 before = read_msr(msr, &err);
  int wrote = write_msr(msr, value);
  if (err == -EFAULT || wrote == -EFAULT)
    return refused("the MSR is not ours to write");
  EXPECT(err == 0 && wrote == 0);
  u64 between = read_msr(msr, &err);
  EXPECT(!write_msr(msr, before));
  EXPECT(err == 0 && between == value);
  EXPECT(read_msr(msr, &err2) == before && err2 == 0);
  return OK;
}

CASE(write_msr, "SYSENTER_CS holds what was written")
{
  if (!cpu_has(FEATURE_MSR) || !cpu_has(FEATURE_SEP))
    return refused("no SYSENTER MSRs");
  return msr_keeps(MSR_SYSENTER_CS, 0x1230);
}

CASE(write_msr, "both halves of PAT hold what was written")
{
  if (!cpu_has(FEATURE_MSR) || !cpu_has(FEATURE_PAT))
    return refused("no PAT");
  return msr_keeps(MSR_PAT, PAT_OTHER);
}

CASE(write_msr, "APIC_BASE takes what it has")
{
  int err = 1;
  if (!cpu_has(FEATURE_MSR) || !cpu_has(FEATURE_APIC))
    return refused("no local APIC");
  u64 value = read_msr(MSR_APIC_BASE, &err);
  if (err == -EFAULT || write_msr(MSR_APIC_BASE, value) == -EFAULT)
    return refused("APIC_BASE");
  EXPECT(read_msr(MSR_APIC_BASE, &err) == value && err == 0);
  return OK;
}

static void write_nobodys_msr(void *result) { *(int *)result = write_msr(MSR_OF_NOBODY, 1); }

CASE(write_msr, "one that nobody has is an error or nothing, and no fault")
{
  int result = 1;
  if (!cpu_has(FEATURE_MSR))
    return refused("no MSRs");
  EXPECT(trial(write_nobodys_msr, &result) == 0);
  EXPECT(result == 0 || result == -EFAULT);
  return OK;
}

static void try_pmc(void *unused)
{
  (void)unused;
  read_pmc(0);
}

CASE(read_pmc, "it returns, or faults with #GP or #UD")
{
  u32 fault = trial(try_pmc, NULL);
  if (fault == FAULT(VECTOR_GP) || fault == FAULT(VECTOR_UD))
    return refused("it faults");
  EXPECT(fault == 0);
  return OK;
}

/* IN is allowed at IOPL 3 and not at IOPL 0; where I/O is emulated for users, the second may pass. */
CASE(set_iopl_mask, "IN works for a user at level 3 and is #GP at level 0")
{
  int code = run_program("ports");
  if (code == 1)
    return refused("user I/O is not told apart");
  EXPECT(code == 128 + VECTOR_GP);
  return OK;
}
