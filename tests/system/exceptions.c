/* x87 and SSE availability, #MF, #XM; double faults in place; CPUID-independent rest. SDM vol. 3A 2.5, 6.15, 13.1. */
#include "lib.h"

static u8 image[512] __attribute__((aligned(16)));
static u32 operand;

static void x87(u32 unused) { (void)unused; __asm__ volatile("fld1; fstp %st(0)"); }
static void wait(u32 unused) { (void)unused; __asm__ volatile("fwait"); }
static void mmx(u32 unused) { (void)unused; __asm__ volatile(".byte 0x0f, 0xef, 0xc0"); }
static void emms(u32 unused) { (void)unused; __asm__ volatile("emms"); }
static void sse(u32 unused) { (void)unused; __asm__ volatile(".byte 0x0f, 0x57, 0xc0"); }
static void sse2(u32 unused) { (void)unused; __asm__ volatile(".byte 0x66, 0x0f, 0xef, 0xc0"); }
static void fxsave(u32 at) { __asm__ volatile(".byte 0x0f, 0xae, 0x00" ::"a"(at) : "memory"); }
static void fxrstor(u32 at) { __asm__ volatile(".byte 0x0f, 0xae, 0x08" ::"a"(at) : "memory"); }
static void ldmxcsr(u32 v) { operand = v; __asm__ volatile(".byte 0x0f, 0xae, 0x10" ::"a"(&operand) : "memory"); }
static void prefetch(u32 unused) { (void)unused; __asm__ volatile(".byte 0x0f, 0x18, 0x00" ::"a"(image)); }
static void sfence(u32 unused) { (void)unused; __asm__ volatile(".byte 0x0f, 0xae, 0xf8"); }
static void movnti(u32 unused) { (void)unused; __asm__ volatile(".byte 0x0f, 0xc3, 0x08" ::"a"(image), "c"(0) : "memory"); }
static void clflush(u32 unused) { (void)unused; __asm__ volatile(".byte 0x0f, 0xae, 0x38" ::"a"(image)); }
static void fnstsw(u32 unused) { (void)unused; __asm__ volatile("fnstsw %%ax" ::: "eax"); }
static void fninit(u32 unused) { (void)unused; __asm__ volatile("fninit"); }
static void ud2(u32 unused) { (void)unused; __asm__ volatile("ud2"); }

static const struct { const char *name; void (*f)(u32); u32 argument; } kinds[] = {
    {"x87", x87, 0}, {"fwait", wait, 0}, {"mmx", mmx, 0}, {"sse", sse, 0}, {"sse2", sse2, 0},
    {"fxsave", fxsave, (u32)image}, {"fxrstor", fxrstor, (u32)image}, {"fxsave at 8", fxsave, (u32)image + 8}, {"ldmxcsr", ldmxcsr, 0x1f80},
    {"prefetch", prefetch, 0}, {"sfence", sfence, 0}, {"movnti", movnti, 0}, {"clflush", clflush, 0}, {"fnstsw", fnstsw, 0}, {"fninit", fninit, 0},
};

static void availability(void) {
  for (u32 osfxsr = 0; osfxsr < 2; osfxsr++) {
    set_cr4(osfxsr ? 0x600 : 0);
    for (u32 bits = 0; bits < 16; bits += 2) {
      /* EM and TS together: vol. 3A 12.1 and 13.1 have #UD first, TCG #NM. EMMS never faults there. */
      set_cr0(0x31 | bits);
      if (!in_qemu()) {
        int em = bits >> 2 & 1, ts = bits >> 3 & 1;
        by_the_manual("mmx", attempt(mmx, 0), em ? 6 : ts ? 7 : -1, 0);
        by_the_manual("emms", attempt(emms, 0), em ? 6 : ts ? 7 : -1, 0);
        by_the_manual("sse", attempt(sse, 0), em || !osfxsr ? 6 : ts ? 7 : -1, 0);
      }
      if ((bits & 12) == 12) continue;
      set_cr0(0x31);
      __asm__ volatile("fninit");
      fxsave((u32)image);
      line("cr0", bits | 0x31), put(osfxsr ? "osfxsr" : "");
      for (u32 i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        set_cr0(0x31 | bits);
        int v = attempt(kinds[i].f, kinds[i].argument);
        set_cr0(0x31);
        put(" "), put(kinds[i].name), put("=");
        if (v < 0) put("-");
        else hex(v);
      }
      put("\n");
    }
  }
}

/* An unmasked exception is reported by the next waiting instruction. */
static void divide(u32 next) {
  u16 cw = 0x37b;
  __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp" ::"m"(cw));
  switch (next) {
    case 0: __asm__ volatile("fld1"); break;
    case 1: __asm__ volatile("fwait"); break;
    case 2: __asm__ volatile("fnstsw %%ax; fnstcw %0; fnclex" : "=m"(cw)::"eax"); break;
    case 3: __asm__ volatile("emms"); break;
    case 4: __asm__ volatile(".byte 0x0f, 0x57, 0xc0"); break;
    case 5: __asm__ volatile("fnsave %0" : "=m"(image)); break;
    case 6: __asm__ volatile("fxsave %0" : "=m"(image)); break;
    case 7: __asm__ volatile("fninit"); break;
    case 8: __asm__ volatile("fldenv %0" ::"m"(image)); break;
    case 9: __asm__ volatile("fnop"); break;
    default: __asm__ volatile("fistl %0" : "=m"(operand)); break;
  }
}
static void pending(void) {
  set_cr4(0x600);
  /* TCG reports them on FWAIT only, and pops what it could not divide. Status: B, TOP 6, ES, ZE. */
  static const struct { int v; u16 status; } expected[] = {{16, 0xb084}, {16, 0xb084}, {-1, 0x3000}, {16, 0xb084}, {-1, 0xb084},
    {-1, 0}, {-1, 0xb084}, {-1, 0}, {16, 0xb084}, {16, 0xb084}, {16, 0xb084}};
  for (u32 i = 0; i < 11; i++) {
    set_cr0(0x31);
    int v = attempt(divide, i);
    u16 sw;
    __asm__ volatile("fnstsw %0; fninit" : "=m"(sw));
    put("! after a division by zero "), hex(i), put("\n");
    by_the_manual("trap", v, expected[i].v, 0);
    check("status", sw, expected[i].status);
  }
}

/* SSE exceptions: #XM when CR4.OSXMMEXCPT, #UD without; TCG has none. */
static void sse_divide(u32 mxcsr) {
  static const u32 one[4] __attribute__((aligned(16))) = {0x3f800000, 0x3f800000, 0x3f800000, 0x3f800000};
  ldmxcsr(mxcsr);
  __asm__ volatile(".byte 0x0f, 0x28, 0x00, 0x0f, 0x57, 0xc9, 0x0f, 0x5e, 0xc1" ::"a"(one));
}
static void stmxcsr(void) { __asm__ volatile(".byte 0x0f, 0xae, 0x18" ::"a"(&operand) : "memory"); }
static void sse_exceptions(void) {
  for (u32 os = 0; os < 2; os++) {
    set_cr4(0x200 | os << 10);
    outcome("divps masked", attempt(sse_divide, 0x1f80));
    stmxcsr(), line(" mxcsr", operand);
    by_the_manual("divps unmasked", attempt(sse_divide, 0x1d80), os ? 19 : 6, 0);
    stmxcsr(), line(" mxcsr", operand);
  }
  set_cr4(0x600);
  by_the_manual("ldmxcsr, reserved bit", attempt(ldmxcsr, 0x10000), 13, 0);
  attempt(ldmxcsr, 0x1f80);
}

/* Double faults, delivered in place: which pairs make one (vol. 3A table 6-5). */
static void gp(u32 unused) { (void)unused; __asm__ volatile("movl %0, %%ds" ::"r"(0x3f8)); }
static void np(u32 unused) { (void)unused; __asm__ volatile("movl %0, %%ds" ::"r"(FREE)); }
static void ss(u32 unused) { (void)unused; __asm__ volatile("movl %0, %%ss" ::"r"(FREE)); }
static void de(u32 unused) { (void)unused; __asm__ volatile("xorl %%ecx, %%ecx; divl %%ecx" ::: "eax", "ecx", "edx"); }
static void int80(u32 unused) { (void)unused; __asm__ volatile("int $0x50"); }
static void pairs(void) {
  static const struct { const char *name; void (*f)(u32); u32 vector; } firsts[] = {
      {"#DE", de, 0}, {"#UD", ud2, 6}, {"#NP", np, 11}, {"#SS", ss, 12}, {"#GP", gp, 13}, {"int", int80, 0x50},
  };
  describe(FREE, 0, 0xfffff, 0x12, FLAT);
  for (u32 i = 0; i < sizeof firsts / sizeof *firsts; i++) {
    u64 keep = idt[firsts[i].vector];
    /* A gate that is not present, one of the wrong type, one to nowhere. */
    for (u32 how = 0; how < 3; how++) {
      idt[firsts[i].vector] = keep;
      if (how == 0) idt[firsts[i].vector] &= ~(1ull << 47);
      if (how == 1) idt[firsts[i].vector] &= ~(7ull << 40);
      if (how == 2) gate(&idt[firsts[i].vector], 0x3f0, (u32)stubs, 0x8e, 0);
      int v = attempt(firsts[i].f, 0);
      /* EXT is for tasks.c. */
      put(firsts[i].name), put(" with a bad gate "), hex(how), put(": v="), hex(v), put(" e="), hex(trap.error & ~1u), put(" at "), hex(trap.eip), put("\n");
    }
    idt[firsts[i].vector] = keep;
  }
}

void main(void) {
  availability();
  pending();
  sse_exceptions();
  pairs();
}
