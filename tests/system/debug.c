/* Debug registers, single steps, and what they say. SDM vol. 3B chapter 17. */
#include "lib.h"

static inline u32 dr6(void) { u32 v; __asm__ volatile("mov %%dr6, %0" : "=r"(v)); return v; }
static inline u32 dr7(void) { u32 v; __asm__ volatile("mov %%dr7, %0" : "=r"(v)); return v; }
static inline void set_dr6(u32 v) { __asm__ volatile("mov %0, %%dr6" ::"r"(v)); }
static inline void set_dr7(u32 v) { __asm__ volatile("mov %0, %%dr7" ::"r"(v) : "memory"); }
static inline void set_dr0(u32 v) { __asm__ volatile("mov %0, %%dr0" ::"r"(v)); }
static inline void set_dr1(u32 v) { __asm__ volatile("mov %0, %%dr1" ::"r"(v)); }

static u32 data[8] __attribute__((aligned(16)));
extern u8 steps[], step2[], step3[], after_load[], after_store[];

static u32 traps[64], causes[64], count;
static u32 most;
/* Notes each #DB and goes on; RF lets an instruction breakpoint pass once. */
static int note(struct frame *f) {
  if (f->vector != 1) return 0;
  if (count < 64) traps[count] = f->eip, causes[count] = dr6() & 0xe00f;
  count++;
  set_dr6(0);
  f->eflags |= 0x10000;
  if (count >= most) f->eflags &= ~0x100;
  return 1;
}
static void show(const char *name, int v) {
  set_dr7(0x400);
  outcome(name, v);
  for (u32 i = 0; i < count && i < 64; i++) put("  "), hex(traps[i] - (u32)steps), put(" "), hex(causes[i]), put("\n");
  count = 0;
}

__asm__(
    "steps: pushfl; orl $0x100, (%esp); popfl\n"
    " nop\nstep2: incl %eax\nstep3: movl data, %eax\nafter_load: movl %eax, data+4\nafter_store: nop\n"
    " movl %ss, %eax; movl %eax, %ss; nop; nop\n"
    " pushl %ss; popl %ss; nop\n"
    " call 1f; jmp 2f; 1: ret; 2: pushfl; popl %eax\n"
    " movl $3, %ecx; leal data, %edi; cld; rep stosb\n"
    " int $0x41\n nop\n"
    " pushfl; andl $~0x100, (%esp); popfl; nop; nop; ret");
static void run_steps(u32 unused) {
  (void)unused;
  __asm__ volatile("call steps" ::: "eax", "ecx", "edi", "memory");
}
/* The same without TF. */
extern u8 plain[], plain_code[], plain_end[];
__asm__("plain: movl data, %eax\nplain_code: movl %eax, data+4\n movw %ax, data+8\n movb data+9, %al\n incl data+4\n pushl data+4; popl data+8\n leal data, %esi; leal data+16, %edi; movl $4, %ecx; cld; rep movsl\nplain_end: ret");
static void run_plain(u32 unused) {
  (void)unused;
  __asm__ volatile("call plain" ::: "eax", "ecx", "esi", "edi", "memory");
}
static int skip41(struct frame *f) { return f->vector == 0x41 ? 1 : note(f); }

static void read_dr4(u32 n) {
  switch (n) {
    case 4: __asm__ volatile("mov %%dr4, %%eax" ::: "eax"); break;
    case 5: __asm__ volatile("mov %%dr5, %%eax" ::: "eax"); break;
    default: __asm__ volatile("mov %%dr7, %%eax" ::: "eax"); break;
  }
}
static void user_dr(void) { __asm__ volatile("mov %dr0, %eax"); }
static void ud(u32 unused) { (void)unused; __asm__ volatile("ud2"); }
static void breakpoint(u32 unused) { (void)unused; __asm__ volatile("int3"); }

void main(void) {
  trap_hook = skip41;
  most = 1000;
  outcome("single steps", attempt(run_steps, 0));
  for (u32 i = 0; i < count && i < 64; i++) put("  "), hex(traps[i] - (u32)steps), put(" "), hex(causes[i]), put("\n");
  count = 0;

  /* Instruction breakpoints. */
  set_dr0((u32)plain_code), set_dr1((u32)plain_end);
  set_dr7(0x401 | 4);
  show("two instruction breakpoints", attempt(run_plain, 0));
  set_dr7(0x402);
  show("by the global bit", attempt(run_plain, 0));
  set_dr7(0x400);
  show("none enabled", attempt(run_plain, 0));
  set_dr7(0x401);
  trap_hook = 0;
  set_dr6(0);
  outcome("a breakpoint is a fault", attempt(run_plain, 0));
  /* RF in the image (17.3.1.1): set by faults, but not by instruction breakpoints, nor by traps. TCG does not set it. */
  check("RF of an instruction breakpoint", trap.eflags >> 16 & 1, 0);
  attempt(ud, 0), check("RF of #UD", trap.eflags >> 16 & 1, 1);
  attempt(breakpoint, 0), check("RF of #BP", trap.eflags >> 16 & 1, 0);
  line("dr6", dr6() & 0xe00f);
  set_dr6(0);
  trap_hook = skip41;

  /* Data breakpoints: lengths and kinds. */
  static const struct { const char *name; u32 offset, dr7; } watches[] = {
      {"write 4", 4, 0x000d0001}, {"write 1", 4, 0x00010001}, {"write 1 inside", 6, 0x00010001}, {"read or write 4", 0, 0x000f0001},
      {"read or write 2", 8, 0x00070001}, {"read or write 1", 9, 0x00030001}, {"write elsewhere", 12, 0x000d0001},
      {"string target", 16, 0x000d0001}, {"string source", 4, 0x000f0001},
  };
  for (u32 i = 0; i < sizeof watches / sizeof *watches; i++) {
    set_dr0((u32)data + watches[i].offset);
    set_dr7(0x400 | watches[i].dr7);
    int v = attempt(run_plain, 0);
    set_dr7(0x400);
    put(watches[i].name), put(v < 0 ? ":" : ": trapped");
    for (u32 k = 0; k < count; k++) put(" "), hex(traps[k] - (u32)plain), put("."), hex(causes[k]);
    put("\n");
    count = 0;
  }
  /* General detect, which TCG does not have. */
  trap_hook = 0;
  set_dr6(0);
  set_dr7(0x2400);
  if (!in_qemu()) {
    by_the_manual("general detect", attempt(read_dr4, 7), 1, 0);
    check("dr6", dr6() & 0xe00f, 0x2000);
    check("gd after", dr7() >> 13 & 1, 0);
  }
  set_dr7(0x400), set_dr6(0);
  /* DR4 and DR5: names of DR6 and DR7 until CR4.DE. */
  outcome("dr4", attempt(read_dr4, 4));
  outcome("dr5", attempt(read_dr4, 5));
  set_cr4(8);
  outcome("dr4 with DE", attempt(read_dr4, 4));
  outcome("dr5 with DE", attempt(read_dr4, 5));
  set_cr4(0);
  outcome("from ring 3", USER(user_dr));
  set_dr6(0), line("dr6 after 0", dr6()), set_dr6(0xffffffff), check("dr6 after all", dr6(), 0xffffefff);
  set_dr7(0xffffdfff);
  u32 all = dr7();
  set_dr7(0x400);
  check("dr7 after all", all & 0xffff03ff, 0xffff03ff);
  line("dr7", dr7());
}
