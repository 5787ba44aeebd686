/* Descriptor tables, the task register, the kernel's stack. */
#include "vmi.h"

struct dtr {
  u16 limit;
  u32 base;
} __attribute__((packed));

#define NOWHERE 0xA0000000 /* never mapped */
#define LDT_SELECTOR (FREE)
#define UNUSED (FREE + 8)

static u64 second_gdt[128] __attribute__((aligned(8))), second_idt[256] __attribute__((aligned(8)));
static u64 an_ldt[4] __attribute__((aligned(8)));

static inline u32 sldt(void) {
  u32 v = 0;
  __asm__ volatile("sldt %w0" : "+r"(v));
  return v;
}
static inline u32 str(void) {
  u32 v = 0;
  __asm__ volatile("str %w0" : "+r"(v));
  return v;
}
static inline void sgdt(struct dtr *d) { __asm__ volatile("sgdt %0" : "=m"(*d)); }
static inline void sidt(struct dtr *d) { __asm__ volatile("sidt %0" : "=m"(*d)); }

static int page_fault_at(u32 address, int vector) { return vector == 14 && trap.cr2 == address; }

static void test_set_dtr(void) {
  int is_gdt = at_hand->number == VMI_CALL_SetGDT;
  u64 *from = is_gdt ? gdt : idt, *to = is_gdt ? second_gdt : second_idt;
  u32 bytes = is_gdt ? sizeof gdt : sizeof idt;
  for (u32 i = 0; i < bytes / 8; i++) to[i] = from[i];
  struct dtr before, set = {bytes - 1 - 8 * pass, (u32)to}, seen;
  is_gdt ? sgdt(&before) : sidt(&before);
  vmi((u32)&set, 0, 0, 0, 0);
  is_gdt ? sgdt(&seen) : sidt(&seen);
  expect_is("the base", seen.base, set.base);
  expect_is("the limit", seen.limit, set.limit);
  expect_that("the fault of an address that is not mapped", page_fault_at(NOWHERE, vmi_attempt(NOWHERE, 0, 0, 0, 0)));
  vmi((u32)&before, 0, 0, 0, 0);
  is_gdt ? sgdt(&seen) : sidt(&seen);
  expect_is("the base, as before", seen.base, before.base);
}

static void test_get_dtr(void) {
  struct {
    u32 below;
    struct dtr dtr;
    u16 above;
  } __attribute__((packed)) seen = {0x11111111, {0, 0}, 0x2222};
  struct dtr real;
  at_hand->number == VMI_CALL_GetGDT ? sgdt(&real) : sidt(&real);
  vmi((u32)&seen.dtr, 0, 0, 0, 0);
  expect_is("the base", seen.dtr.base, real.base);
  expect_is("the limit", seen.dtr.limit, real.limit);
  expect_that("only six bytes are written", seen.below == 0x11111111 && seen.above == 0x2222);
  expect_that("the fault of an address that is not mapped", page_fault_at(NOWHERE, vmi_attempt(NOWHERE, 0, 0, 0, 0)));
}

static void test_set_ldt(void) {
  describe(LDT_SELECTOR, (u32)an_ldt, sizeof an_ldt - 1, A_LDT, 0);
  vmi(LDT_SELECTOR, 0, 0, 0, 0);
  expect_is("LDTR", sldt(), LDT_SELECTOR);
  describe(UNUSED, 0, 0xFFFFF, DATA, FLAT);
  expect_is("the fault of what is no LDT", vmi_attempt(UNUSED, 0, 0, 0, 0), 13);
  expect_is("its error code", trap.error, UNUSED);
  describe(UNUSED, (u32)an_ldt, sizeof an_ldt - 1, A_LDT & ~0x80, 0);
  expect_is("the fault of an LDT that is not present", vmi_attempt(UNUSED, 0, 0, 0, 0), 11);
  expect_is("LDTR after faults", sldt(), LDT_SELECTOR);
  vmi(0, 0, 0, 0, 0);
  expect_is("LDTR", sldt(), 0);
}

static void test_set_tr(void) {
  describe(TSS_OTHER, (u32)&tss_other, sizeof tss_other - 1, A_TSS, 0);
  vmi(TSS_OTHER, 0, 0, 0, 0);
  expect_is("TR", str(), TSS_OTHER);
  expect_is("the fault of a busy TSS", vmi_attempt(TSS_OTHER, 0, 0, 0, 0), 13);
  if (!in_qemu()) expect_is("the fault of the null selector", vmi_attempt(0, 0, 0, 0, 0), 13);
  describe(TSS_MAIN, (u32)&tss_main, sizeof tss_main - 1, A_TSS, 0);
  vmi(TSS_MAIN, 0, 0, 0, 0);
  expect_is("TR", str(), TSS_MAIN);
}

static void test_write_entry(void) {
  static u64 table[4] __attribute__((aligned(8)));
  for (u32 i = 0; i < 4; i++) table[i] = i;
  vmi((u32)table, 1 + pass, 0x89ABCDEF, 0x01234567, 0);
  for (u32 i = 0; i < 4; i++) {
    u64 wanted = i == 1 + pass ? 0x0123456789ABCDEFull : i;
    expect_is("a descriptor's low word", (u32)table[i], (u32)wanted);
    expect_is("a descriptor's high word", (u32)(table[i] >> 32), (u32)(wanted >> 32));
  }
  /* Either half may be written first. */
  int vector = vmi_attempt(NOWHERE, 1, 0, 0, 0);
  expect_that("the fault of an address that is not mapped",
              page_fault_at(NOWHERE + 8, vector) || page_fault_at(NOWHERE + 12, vector));
}

/* The next entry from ring 3 comes to the new stack. */
static struct frame *came_to;
static int note_frame(struct frame *f) {
  came_to = f;
  return 0;
}
static void test_kernel_stack(void) {
  u32 was = tss_main.esp0;
  tss_main.esp0 = was - 256 * (1 + pass);
  vmi(KDATA, tss_main.esp0, 0, 0, 0);
  trap_hook = note_frame;
  int vector = USER(user_landing);
  trap_hook = 0;
  expect_is("the way back from ring 3", vector, DONE);
  /* The frame without what only virtual-8086 mode pushes. */
  expect_is("the top of the stack at a trap from ring 3", (u32)came_to + __builtin_offsetof(struct frame, ves), tss_main.esp0);
  tss_main.esp0 = was;
  vmi(KDATA, was, 0, 0, 0);
}

int test_tables(void) {
  switch (at_hand->number) {
    case VMI_CALL_SetGDT:
    case VMI_CALL_SetIDT: test_set_dtr(); return 1;
    case VMI_CALL_GetGDT:
    case VMI_CALL_GetIDT: test_get_dtr(); return 1;
    case VMI_CALL_SetLDT: test_set_ldt(); return 1;
    case VMI_CALL_GetLDT: expect_is("LDTR", vmi(0, 0, 0, 0, 0), sldt()); return 1;
    case VMI_CALL_SetTR: test_set_tr(); return 1;
    case VMI_CALL_GetTR: expect_is("TR", vmi(0, 0, 0, 0, 0), str()); return 1;
    case VMI_CALL_WriteGDTEntry:
    case VMI_CALL_WriteLDTEntry:
    case VMI_CALL_WriteIDTEntry: test_write_entry(); return 1;
    case VMI_CALL_UpdateKernelStack: test_kernel_stack(); return 1;
    default: return 0;
  }
}
