/* Descriptors of every type, loaded, asked about, jumped and called to; limits. SDM vol. 3A chapter 5, vol. 2 LAR LSL. */
#include "lib.h"

static void load_ds(u32 s) { __asm__ volatile("movl %0, %%ds" ::"r"(s)); }
static void load_ss(u32 s) { __asm__ volatile("movl %0, %%ss\n\tmovl %1, %%ss" ::"r"(s), "r"(KDATA)); }
static void load_fs(u32 s) { __asm__ volatile("movl %0, %%fs" ::"r"(s)); }
static void load_ldt(u32 s) { __asm__ volatile("lldt %w0" ::"r"(s)); }
static void load_tr(u32 s) { __asm__ volatile("ltr %w0" ::"r"(s)); }
static void pop_ss(u32 s) { __asm__ volatile("pushl %0\n\tpopl %%ss\n\tmovl %1, %%ss" ::"r"(s), "r"(KDATA)); }
static void far_jump(u32 s) {
  struct { u32 offset; u16 selector; } p = {0, s};
  __asm__ volatile("movl $1f, %0\n\tljmp *%0\n1:\tljmp %1, $2f\n2:" : "+m"(p) : "i"(KCODE) : "memory");
}
static void far_call(u32 s) {
  struct { u32 offset; u16 selector; } p = {0, s};
  __asm__ volatile("movl $1f, %0\n\tlcall *%0\n1:\tljmp %1, $2f\n2:\taddl $8, %%esp" : "+m"(p) : "i"(KCODE) : "memory");
}
static void far_return(u32 s) {
  __asm__ volatile("pushl %0\n\tpushl $1f\n\tlret\n1:\tljmp %1, $2f\n2:" ::"r"(s), "i"(KCODE) : "memory");
}
static void iret_to(u32 s) {
  __asm__ volatile("pushfl\n\tpushl %0\n\tpushl $1f\n\tiret\n1:\tljmp %1, $2f\n2:" ::"r"(s), "i"(KCODE) : "memory");
}

static const struct { const char *name; void (*f)(u32); } loads[] = {
    {"mov ds", load_ds}, {"mov fs", load_fs}, {"mov ss", load_ss}, {"pop ss", pop_ss}, {"lldt", load_ldt}, {"ltr", load_tr},
    {"jmp far", far_jump}, {"call far", far_call}, {"ret far", far_return}, {"iret", iret_to},
};

/* Types whose gates would go somewhere: 4, 5, C and their like get a selector of 0 by the descriptor's bytes. */
static void sweep(void) {
  for (u32 n = 0; n < sizeof loads / sizeof *loads; n++) {
    put(loads[n].name), put("\n");
    for (u32 type = 0; type < 32; type++) {
      /* Switches to these tasks are for tasks.c. */
      if ((type == 1 || type == 9) && (loads[n].f == far_jump || loads[n].f == far_call)) continue;
      put("  "), hex(type), put(":");
      for (u32 dpl = 0; dpl < 4; dpl++) {
        for (u32 rpl = 0; rpl < 4; rpl += 3) {
          for (u32 present = 0; present < 2; present++) {
            describe(FREE, 0, 0xfffff, present << 7 | dpl << 5 | type, type & 16 ? FLAT : 0);
            int v = attempt(loads[n].f, FREE | rpl);
            put(" ");
            if (v < 0) put("-");
            else hex(v), put("."), hex(trap.error);
            /* The accessed bit, or the busy bit. TCG leaves the former alone when it loads CS. */
            if (n < 6 && gdt[FREE >> 3] >> 40 & 1 & ~type) put("a");
            if (!(type & 16) && (gdt[FREE >> 3] >> 41 & 1) != (type >> 1 & 1)) put("b");
          }
        }
      }
      put("\n");
      /* A task register loaded on the way is put back: its descriptor is busy until told otherwise. */
      describe(TSS_MAIN, (u32)&tss_main, sizeof tss_main - 1, A_TSS, 0);
      ltr(TSS_MAIN);
      load_ldt(0);
    }
  }
  for (u32 n = 0; n < sizeof loads / sizeof *loads; n++) {
    static const u32 odd[] = {0, 1, 2, 3, 4, 7, 0x3f8, 0x400, 0x1000, 0xfff8, 0xffff};
    put(loads[n].name), put(" odd selectors:");
    for (u32 i = 0; i < sizeof odd / sizeof *odd; i++) {
      /* TCG lets a null selector into TR. */
      if (loads[n].f == load_tr && odd[i] < 4) continue;
      int v = attempt(loads[n].f, odd[i]);
      put(" ");
      if (v < 0) put("-");
      else hex(v), put("."), hex(trap.error);
    }
    put("\n");
    load_ldt(0);
  }
}

static void accessed(void) {
  for (u32 s = 0; s < 4; s++) by_the_manual("ltr null", attempt(load_tr, s), 13, 0);
  describe(TSS_MAIN, (u32)&tss_main, sizeof tss_main - 1, A_TSS, 0);
  ltr(TSS_MAIN);
  describe(FREE, 0, 0xfffff, 0x98, FLAT);
  attempt(far_jump, FREE);
  check("a far jump sets the accessed bit", gdt[FREE >> 3] >> 40 & 1, 1);
  describe(FREE, 0, 0xfffff, 0x98, FLAT);
  attempt(far_call, FREE);
  check("a far call sets the accessed bit", gdt[FREE >> 3] >> 40 & 1, 1);
}

static u32 query(int which, u32 selector) {
  u32 value = 0xdeadbeef;
  u8 zf;
  switch (which) {
    case 0: __asm__("lar %2, %0; setz %1" : "+r"(value), "=qm"(zf) : "r"(selector)); break;
    case 1: __asm__("lsl %2, %0; setz %1" : "+r"(value), "=qm"(zf) : "r"(selector)); break;
    case 2: __asm__("verr %w1; setz %0" : "=qm"(zf) : "r"(selector)); value = 0; break;
    default: __asm__("verw %w1; setz %0" : "=qm"(zf) : "r"(selector)); value = 0; break;
  }
  return zf ? value : 0xbad;
}

static u32 answers[256];
static u32 asked;
static void ask_all(u32 unused) {
  (void)unused;
  for (u32 which = 0; which < 4; which++)
    for (u32 rpl = 0; rpl < 4; rpl += 3) answers[asked++] = query(which, FREE | rpl);
}
static void user_asks(void) {
  ask_all(0);
  __asm__ volatile("int $0x40");
}

static void queries(void) {
  for (u32 type = 0; type < 32; type++) {
    for (u32 dpl = 0; dpl < 4; dpl += 3) {
      for (u32 g = 0; g < 2; g++) {
        describe(FREE, 0x123456, 0x789ab, 0x80 | dpl << 5 | type, g ? 0xd : 4);
        asked = 0;
        ask_all(0);
        USER(user_asks);
        put("ask "), hex(type), put(" dpl "), hex(dpl), put(":");
        for (u32 i = 0; i < asked; i++) put(" "), hex(answers[i]);
        put("\n");
      }
    }
  }
  line("lar null", query(0, 0));
  line("lsl beyond", query(1, 0x3fff8));
  line("verr ldt", query(2, 0xc));
}

static u8 buffer[64] __attribute__((aligned(16)));
static void read4(u32 at) { __asm__ volatile("movl %%fs:(%0), %%eax" ::"r"(at) : "eax"); }
static void read1(u32 at) { __asm__ volatile("movb %%fs:(%0), %%al" ::"r"(at) : "eax"); }
static void write4(u32 at) { __asm__ volatile("movl $1, %%fs:(%0)" ::"r"(at) : "memory"); }
static void push_fs(u32 s) { __asm__ volatile("movl %0, %%fs" ::"r"(s)); }

/* TCG checks no limits of data: held to the manual (vol. 3A 5.3). */
static void limits(void) {
  static const struct { u32 limit, access, flags, at; int size, v; } cases[] = {
      {31, DATA, 4, 28, 4, -1}, {31, DATA, 4, 29, 4, 13}, {31, DATA, 4, 31, 1, -1}, {31, DATA, 4, 32, 1, 13},
      {31, DATA, 4, 0xffffffff, 4, 13}, {31, DATA, 4, 0xffffffff, 1, 13}, {0, DATA, 0xc, 0xfff, 1, -1}, {0, DATA, 0xc, 0x1000, 1, 13},
      {31, DATA | 4, 4, 31, 1, 13}, {31, DATA | 4, 4, 32, 1, -1}, {31, DATA | 4, 0, 0xffff, 1, -1}, {31, DATA | 4, 0, 0x10000, 1, 13},
      {31, DATA | 4, 4, 30, 4, 13}, {31, DATA | 4, 0, 0xfffd, 4, 13},
      {31, 0x90, 4, 0, 8, 13}, {31, 0x90, 4, 0, 4, -1}, {31, CODE, 4, 0, 4, -1}, {31, 0x98, 4, 0, 4, 13}, {31, CODE, 4, 0, 8, 13},
  };
  for (u32 i = 0; i < sizeof cases / sizeof *cases; i++) {
    describe(FREE, (u32)buffer, cases[i].limit, cases[i].access, cases[i].flags);
    void (*f)(u32) = cases[i].size == 4 ? read4 : cases[i].size == 1 ? read1 : write4;
    __asm__ volatile("movl %0, %%fs" ::"r"(0));
    int v = cases[i].access == 0x98 ? attempt(push_fs, FREE) : -1;
    if (v < 0) {
      /* An execute-only segment is refused when it is loaded. */
      __asm__ volatile("movl %0, %%fs" ::"r"(FREE));
      v = attempt(f, cases[i].at);
      by_the_manual("limit", v, cases[i].v, 0);
    } else by_the_manual("execute-only", v, 13, FREE);
  }
  __asm__ volatile("movl %0, %%fs" ::"r"(0));
  by_the_manual("null selector", attempt(read4, (u32)buffer), 13, 0);
  /* Code runs off its segment's end: the fetch is #GP(0). */
  describe(FREE, 0, 0xff, CODE, FLAT);
  int v = attempt(far_jump, FREE);
  by_the_manual("jump past the limit", v, 13, 0);
}

/* A stack segment of 16 bits, and one that expands down. */
static u8 area[0x10100] __attribute__((aligned(16)));
#define small_stack (area + 0x10000)
static void on_small_stack(u32 s) {
  u32 esp, before;
  __asm__ volatile(
      "movl %%esp, %1\n\tmovl %2, %%ss\n\tmovl $0x12340004, %%esp\n\tpushl $1\n\tpushl $2\n\tmovl %%esp, %0\n\t"
      "movl %3, %%ss\n\tmovl %1, %%esp"
      : "=&r"(esp), "=&r"(before)
      : "r"(s), "r"(KDATA)
      : "memory");
  line("esp after two pushes", esp);
}
static void stacks(void) {
  describe(FREE, (u32)small_stack - 0xff00, 0xffff, DATA, 0);
  outcome("16-bit stack", attempt(on_small_stack, FREE));
  line("where the first push went", *(u32 *)(small_stack - 0xff00));
  line("where the second push went", *(u32 *)(small_stack + 252));
}

void main(void) {
  sweep();
  if (in_qemu()) put("! not asked\n");
  else accessed();
  queries();
  limits();
  stacks();
}
