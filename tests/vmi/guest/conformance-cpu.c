/*
 * Processor state and information: control and debug registers, MSRs, CPUID, counters, I/O. Faults that QEMU's TCG does not
 * raise are not asked for there.
 */
#include "vmi.h"

#define SYSENTER_CS 0x174
#define CR0_TS 8
#define CR4_TSD 4

static inline void cpuid(u32 leaf, u32 *r) {
  __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "0"(leaf), "2"(0));
}
static inline u64 rdtsc(void) {
  u64 v;
  __asm__ volatile("rdtsc" : "=A"(v));
  return v;
}
static inline u32 dr(void) {
  u32 v;
  __asm__ volatile("mov %%dr0, %0" : "=r"(v));
  return v;
}
static void native_rdpmc(u32 counter) {
  u32 a, d;
  __asm__ volatile("rdpmc" : "=a"(a), "=d"(d) : "c"(counter));
}

static void test_cpuid(void) {
  static const u32 leaves[] = {0, 1, 2, 0x80000000};
  for (u32 i = 0; i < 4; i++) {
    u32 r[4];
    cpuid(leaves[i], r);
    vmi(leaves[i], 0, 0, 0, 0);
    expect_is("EAX", out[AX], r[0]), expect_is("EBX", out[BX], r[1]);
    expect_is("ECX", out[CX], r[2]), expect_is("EDX", out[DX], r[3]);
  }
}

static void test_msrs(void) {
  if (at_hand->number == VMI_CALL_WRMSR) {
    vmi(0x1230 | pass, 0, SYSENTER_CS, 0, 0);
    expect_is("the MSR", (u32)rdmsr(SYSENTER_CS), 0x1230 | pass);
    if (!in_qemu()) expect_is("the fault of a missing MSR", vmi_attempt(0, 0, 0x12345, 0, 0), 13);
  } else {
    wrmsr(SYSENTER_CS, 0x4560 | pass);
    expect_is("the value", (u32)vmi64(SYSENTER_CS, 0, 0, 0, 0), 0x4560 | pass);
    expect_is("its high half", out[DX], 0);
    if (!in_qemu()) expect_is("the fault of a missing MSR", vmi_attempt(0x12345, 0, 0, 0, 0), 13);
  }
  wrmsr(SYSENTER_CS, 0);
}

static void test_set_cr(u32 number) {
  if (number == VMI_CALL_SetCR0) {
    u32 was = cr0();
    vmi(was | CR0_TS, 0, 0, 0, 0);
    expect_is("CR0", cr0(), was | CR0_TS);
    vmi(was & ~CR0_TS, 0, 0, 0, 0);
    expect_is("CR0", cr0(), was & ~CR0_TS);
    if (!in_qemu()) expect_is("the fault of paging without protection", vmi_attempt(0x80000010, 0, 0, 0, 0), 13);
    expect_is("CR0 after it", cr0(), was & ~CR0_TS);
  } else if (number == VMI_CALL_SetCR2) {
    u32 value = pass ? 0x12345678 : 0xFEDCBA98;
    vmi(value, 0, 0, 0, 0);
    expect_is("CR2", cr2(), value);
  } else if (number == VMI_CALL_SetCR3) {
    window_set(0, (u32)page_one | 3);
    page_one[0] = 1, page_two[0] = 2;
    expect_is("the window", window_word(0), 1);
    *(volatile u32 *)window_entry(0) = (u32)page_two | 3;
    vmi(cr3(), 0, 0, 0, 0);
    expect_is("CR3", cr3(), (u32)top_level);
    expect_is("the window after a load of CR3", window_word(0), 2);
    window_set(0, 0);
  } else {
    u32 was = cr4();
    vmi(was ^ CR4_TSD, 0, 0, 0, 0);
    expect_is("CR4", cr4(), was ^ CR4_TSD);
    vmi(was, 0, 0, 0, 0);
    expect_is("CR4", cr4(), was);
    if (!in_qemu()) expect_is("the fault of a reserved bit", vmi_attempt(was | 0x80000000, 0, 0, 0, 0), 13);
    expect_is("CR4 after it", cr4(), was);
  }
}

static void test_dr(void) {
  if (at_hand->number == VMI_CALL_SetDR) {
    vmi(0, 0x1000 | pass, 0, 0, 0);
    expect_is("DR0", dr(), 0x1000 | pass);
    expect_is("the fault of register 8", vmi_attempt(8, 0, 0, 0, 0), 6);
  } else {
    __asm__ volatile("mov %0, %%dr0" ::"r"(0x2000 | pass));
    expect_is("DR0", vmi(0, 0, 0, 0, 0), 0x2000 | pass);
    expect_is("DR7", vmi(7, 0, 0, 0, 0) & 0x2400, 0x400);
    expect_is("the fault of register 8", vmi_attempt(8, 0, 0, 0, 0), 6);
  }
  __asm__ volatile("mov %0, %%dr0" ::"r"(0));
}

/* As the processor itself: it may have counters or not. */
static void test_rdpmc(void) {
  static const u32 counters[] = {0, 0x1000};
  for (u32 i = 0; i < 2; i++)
    expect_is("the fault of RDPMC", vmi_attempt(counters[i], 0, 0, 0, 0), attempt(native_rdpmc, counters[i]));
}

static void test_rdtsc(void) {
  u64 before = rdtsc(), seen = vmi64(0, 0, 0, 0, 0), after = rdtsc();
  expect_that("the counter is between two of our own readings", seen >= before && seen <= after);
}

static void test_clts(void) {
  set_cr0(cr0() | CR0_TS);
  vmi(0, 0, 0, 0, 0);
  expect_is("CR0.TS", cr0() & CR0_TS, 0);
  vmi(0, 0, 0, 0, 0);
  expect_is("CR0.TS again", cr0() & CR0_TS, 0);
}

static void set_flags(u32 value) { __asm__ volatile("pushl %0; popfl" ::"r"(value) : "cc"); }

static void test_iopl(void) {
  vmi(0x3000, 0, 0, 0, 0);
  expect_is("IOPL after the call", out_eflags & 0x3000, 0x3000);
  set_flags(flags() | 0x3000);
  vmi(0x1000, 0, 0, 0, 0);
  expect_is("IOPL after the call", out_eflags & 0x3000, 0x1000);
  /* The mask's other bits say nothing. */
  vmi(0xFFFFCFFF, 0, 0, 0, 0);
  expect_is("IOPL after the call", out_eflags & 0x3000, 0);
  expect_is("IF after the call", out_eflags & 0x200, 0);
  set_flags(2);
}

int test_cpu(void) {
  u32 number = at_hand->number;
  switch (number) {
    case VMI_CALL_CPUID: test_cpuid(); return 1;
    case VMI_CALL_WRMSR:
    case VMI_CALL_RDMSR: test_msrs(); return 1;
    case VMI_CALL_SetCR0:
    case VMI_CALL_SetCR2:
    case VMI_CALL_SetCR3:
    case VMI_CALL_SetCR4: test_set_cr(number); return 1;
    case VMI_CALL_GetCR0: expect_is("CR0", vmi(0, 0, 0, 0, 0), cr0()); return 1;
    case VMI_CALL_GetCR2: expect_is("CR2", vmi(0, 0, 0, 0, 0), cr2()); return 1;
    case VMI_CALL_GetCR3: expect_is("CR3", vmi(0, 0, 0, 0, 0), cr3()); return 1;
    case VMI_CALL_GetCR4: expect_is("CR4", vmi(0, 0, 0, 0, 0), cr4()); return 1;
    case VMI_CALL_SetDR:
    case VMI_CALL_GetDR: test_dr(); return 1;
    case VMI_CALL_RDPMC: test_rdpmc(); return 1;
    case VMI_CALL_RDTSC: test_rdtsc(); return 1;
    case VMI_CALL_CLTS: test_clts(); return 1;
    case VMI_CALL_SetIOPLMask: test_iopl(); return 1;
    case VMI_CALL_WBINVD:
    case VMI_CALL_IODelay: vmi(0, 0, 0, 0, 0); return 1;
    default: return 0;
  }
}
