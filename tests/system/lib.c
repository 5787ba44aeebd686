/* See lib.h. */
#include "lib.h"

u64 gdt[128] __attribute__((aligned(8)));
u64 idt[256] __attribute__((aligned(8)));
struct tss tss_main, tss_other, tss_fault;
struct trap trap;
u32 user_eflags = 2;
int (*trap_hook)(struct frame *);
extern u32 trap_vector;

void describe_in(u64 *table, u32 selector, u32 base, u32 limit, u32 access, u32 flags) {
  u32 lo = (limit & 0xffff) | base << 16;
  u32 hi = (base >> 16 & 0xff) | access << 8 | (limit & 0xf0000) | flags << 20 | (base & 0xff000000);
  table[selector >> 3] = (u64)hi << 32 | lo;
}
void describe(u32 selector, u32 base, u32 limit, u32 access, u32 flags) {
  describe_in(gdt, selector, base, limit, access, flags);
}
void gate(u64 *at, u32 selector, u32 offset, u32 access, u32 count) {
  *at = (u64)((offset & 0xffff0000) | access << 8 | count) << 32 | selector << 16 | (offset & 0xffff);
}

void put(const char *text) {
  while (*text) outb(0xe9, *text++);
}
void hex(u32 value) {
  int shift = 28;
  while (shift > 0 && !(value >> shift)) shift -= 4;
  for (; shift >= 0; shift -= 4) outb(0xe9, "0123456789abcdef"[value >> shift & 15]);
}
void line(const char *name, u32 value) {
  put(name), put(" "), hex(value), put("\n");
}

/* TF IF DF IOPL NT VM AC VIF VIP: arithmetic flags are the compiler's affair, RF has a test of its own. */
#define SHOWN 0x1e7700

void outcome(const char *name, int vector) {
  put(name);
  if (vector < 0) {
    put(": no trap\n");
    return;
  }
  put(": v="), hex(vector), put(" e="), hex(trap.error), put(" at "), hex(trap.cs), put(":"), hex(trap.eip);
  put(" f="), hex(trap.eflags & SHOWN);
  if (vector == 14) put(" cr2="), hex(trap.cr2);
  if (trap.cs & 3 || trap.eflags & 0x20000) put(" stack "), hex(trap.ss), put(":"), hex(trap.esp);
  put("\n");
}

void by_the_manual(const char *name, int vector, int expected_vector, u32 expected_error) {
  int right = vector == expected_vector && (vector < 0 || trap.error == expected_error);
  put(right ? "! right: " : "! WRONG: "), put(name), put(" v="), hex(vector), put(" e="), hex(trap.error), put("\n");
}

void check(const char *name, u32 value, u32 expected) {
  put(value == expected ? "! right: " : "! WRONG: "), put(name), put(" "), hex(value), put("\n");
}

int in_qemu(void) {
  u32 a = 0x40000000, b, c, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
  return b == 0x54474354; /* TCGT */
}

int on_trap(struct frame *f) {
  if (trap_hook && trap_hook(f)) return 1;
  trap = (struct trap){f->vector, f->error, f->eip, f->cs, f->eflags, f->esp, f->ss, cr2(), f->eax};
  trap_vector = f->vector;
  return 0;
}

void finish(void) {
  put("end\n");
  __asm__ volatile("outl %0, %1" ::"a"(0), "Nd"((u16)0x501));
}

void init(void) {
  /* No interrupts from a firmware's timer. */
  outb(0x21, 0xff), outb(0xa1, 0xff);
  describe(KCODE, 0, 0xfffff, CODE, FLAT);
  describe(KDATA, 0, 0xfffff, DATA, FLAT);
  describe(UCODE, 0, 0xfffff, CODE | DPL3, FLAT);
  describe(UDATA, 0, 0xfffff, DATA | DPL3, FLAT);
  describe(TSS_MAIN, (u32)&tss_main, sizeof tss_main - 1, A_TSS, 0);
  describe(TSS_OTHER, (u32)&tss_other, sizeof tss_other - 1, A_TSS, 0);
  describe(TSS_FAULT, (u32)&tss_fault, sizeof tss_fault - 1, A_TSS, 0);
  struct { u16 limit; u32 base; } __attribute__((packed)) g = {sizeof gdt - 1, (u32)gdt}, i = {sizeof idt - 1, (u32)idt};
  for (int v = 0; v < 256; v++) gate(&idt[v], KCODE, (u32)stubs + v * 16, v == 3 || v == 4 || v == DONE ? 0xee : 0x8e, 0);
  __asm__ volatile("lgdt %0; lidt %1" ::"m"(g), "m"(i));
  switch_segments();
  __asm__ volatile("lldt %w0" ::"r"(0));
  tss_main.esp0 = (u32)ring0_stack_top;
  tss_main.ss0 = KDATA;
  tss_main.iomap = (u32)tss_main.bitmap - (u32)&tss_main;
  for (u32 n = 0; n < sizeof tss_main.bitmap; n++) tss_main.bitmap[n] = 0xff;
  ltr(TSS_MAIN);
}
