/* Interrupt, trap and call gates, within and between privilege levels; returns; SYSENTER. SDM vol. 3A 5.8, 6.12. */
#include "lib.h"

static u32 selector_of_cs(void) { u32 s; __asm__("mov %%cs, %0" : "=r"(s)); return s; }

static void int50(u32 unused) { (void)unused; __asm__ volatile("int $0x50"); }
static void user_int50(void) { __asm__ volatile("int $0x50\n\tint $0x40"); }
static void int3_(u32 unused) { (void)unused; __asm__ volatile("int3"); }
static void user_int3(void) { __asm__ volatile("int3"); }
static void user_into(void) { __asm__ volatile("movb $0x7f, %%al; addb $1, %%al; into" ::: "eax"); }

/* A gate of every type and DPL, from rings 0 and 3. */
static void idt_sweep(void) {
  for (u32 type = 0; type < 32; type++) {
    if ((type & 15) == 5) continue;
    put("gate "), hex(type), put(":");
    for (u32 dpl = 0; dpl < 4; dpl++) {
      for (u32 present = 0; present < 2; present++) {
        gate(&idt[0x50], KCODE, (u32)stubs + 0x500, present << 7 | dpl << 5 | type, 0);
        /* 16-bit gates lead to the low half of the offset. */
        if ((type == 6 || type == 7) && present) continue;
        int v = attempt(int50, 0);
        put(" "), hex(v), put("."), hex(trap.error), put(v == 0x50 && !(trap.eflags & 0x200) ? "" : "");
        v = USER(user_int50);
        put("/"), hex(v), put("."), hex(trap.error);
      }
    }
    put("\n");
  }
}

/* What the gate's code selector may be. */
static void target_sweep(void) {
  for (u32 type = 16; type < 32; type++) {
    put("target "), hex(type), put(":");
    for (u32 dpl = 0; dpl < 4; dpl++) {
      for (u32 present = 0; present < 2; present++) {
        describe(FREE, 0, 0xfffff, present << 7 | dpl << 5 | type, FLAT);
        for (u32 rpl = 0; rpl < 4; rpl += 3) {
          gate(&idt[0x50], FREE | rpl, (u32)stubs + 0x500, 0xee, 0);
          int v = attempt(int50, 0);
          put(" "), hex(v), put("."), hex(trap.error);
          v = USER(user_int50);
          put("/"), hex(v), put("."), hex(trap.error);
        }
      }
    }
    put("\n");
  }
  static const u32 odd[] = {0, 3, 4, 0x3f8, 0x400, 0xfff8};
  for (u32 i = 0; i < 6; i++) {
    gate(&idt[0x50], odd[i], (u32)stubs + 0x500, 0xee, 0);
    outcome("odd target", attempt(int50, 0));
    outcome("odd target from ring 3", USER(user_int50));
  }
  gate(&idt[0x50], KCODE, (u32)stubs + 0x500, 0xee, 0);
}

/* IF by kind of gate, and the frame between rings. */
static u32 seen_flags;
static int note_flags(struct frame *f) {
  (void)f;
  seen_flags = flags();
  return 0;
}
static void frames(void) {
  trap_hook = note_flags;
  user_eflags = 0x3202;
  gate(&idt[0x50], KCODE, (u32)stubs + 0x500, 0xee, 0);
  outcome("interrupt gate", USER(user_int50)), line("flags inside", seen_flags & 0x7700);
  gate(&idt[0x50], KCODE, (u32)stubs + 0x500, 0xef, 0);
  outcome("trap gate", USER(user_int50)), line("flags inside", seen_flags & 0x7700);
  user_eflags = 2;
  trap_hook = 0;
  outcome("int3", attempt(int3_, 0));
  outcome("int3 from ring 3", USER(user_int3));
  outcome("into from ring 3", USER(user_into));
}

/* Inner stacks that will not do: #TS, #SS and their error codes. */
static void inner_stacks(void) {
  u32 ss0 = tss_main.ss0, esp0 = tss_main.esp0;
  /* Delivery of the #TS itself needs the inner stack too, unless it goes through a task gate: in tasks.c. Here the
     stack is that of ring 1, for a gate to ring-1 code. */
  describe(FREE, 0, 0xfffff, CODE | 0x20, FLAT);
  gate(&idt[0x50], FREE | 1, (u32)stubs + 0x500, 0xee, 0);
  static const u32 selectors[] = {0, 1, 0x10, 0x11, 0x12, 0x23, 0x41, 0x49, 0x3f9, 0x401};
  tss_main.esp1 = (u32)boot_stack_top - 0x2000;
  for (u32 i = 0; i < sizeof selectors / sizeof *selectors; i++) {
    tss_main.ss1 = selectors[i];
    describe(0x48, 0, 0xfffff, 0x12, FLAT);
    line("ss1", selectors[i]);
    outcome("to ring 1", USER(user_int50));
  }
  tss_main.ss0 = ss0, tss_main.esp0 = esp0;
}

/* Call gates. */
extern u8 gate_target[], gate_target_end[];
__asm__(
    "gate_target: movl (%esp), %eax; movl 4(%esp), %ebx; movl 8(%esp), %ecx; movl 12(%esp), %edx; movl %esp, %esi; movw %cs, %di;"
    "lret $8\ngate_target_end:");
static u32 got[6];
static void call_gate(u32 selector) {
  struct { u32 offset; u16 selector; } p = {0x12345678, selector};
  u32 esp;
  __asm__ volatile(
      "pushl $0x111; pushl $0x222; lcall *%1; movl %%esp, %0" : "=r"(esp) : "m"(p) : "eax", "ebx", "ecx", "edx", "esi", "edi", "memory");
  got[0] = esp;
}
static void user_call_gate(void) {
  static struct { u32 offset; u16 selector; } p = {0x12345678, FREE | 3};
  u32 a, b, c, d, s, di;
  __asm__ volatile("movl %%esp, %%ebp; pushl $0x111; pushl $0x222; lcall *%6; subl %%esp, %%ebp; pushl %%ebp; popl %5"
                   : "=a"(a), "=b"(b), "=c"(c), "=d"(d), "=S"(s), "=m"(got[5])
                   : "m"(p)
                   : "edi", "ebp", "memory");
  (void)di;
  got[0] = a, got[1] = b, got[2] = c, got[3] = d, got[4] = s;
  __asm__ volatile("int $0x40");
}
static void user_jump_gate(void) {
  static struct { u32 offset; u16 selector; } p = {0, FREE | 3};
  __asm__ volatile("ljmp *%0" ::"m"(p));
}
static void call_gates(void) {
  for (u32 type = 0; type < 32; type++) {
    if ((type & 15) == 1 || (type & 15) == 5 || (type & 15) == 9 || type == 4 || type >= 16) continue;
    put("call gate type "), hex(type), put(":");
    for (u32 dpl = 0; dpl < 4; dpl++) {
      for (u32 present = 0; present < 2; present++) {
        gate(&gdt[FREE >> 3], KCODE, (u32)gate_target, present << 7 | dpl << 5 | type, 0);
        int v = attempt(call_gate, FREE);
        put(" "), hex(v), put("."), hex(v < 0 ? 0 : trap.error);
        gate(&gdt[FREE >> 3], KCODE, (u32)gate_target, present << 7 | dpl << 5 | type, 2);
        v = USER(user_call_gate);
        put("/"), hex(v), put("."), hex(trap.error);
        v = USER(user_jump_gate);
        put("/"), hex(v), put("."), hex(trap.error);
      }
    }
    put("\n");
  }
  for (u32 count = 0; count < 4; count++) {
    gate(&gdt[FREE >> 3], KCODE, (u32)gate_target, 0xec, count);
    outcome("call gate", USER(user_call_gate));
    for (u32 i = 0; i < 6; i++) line(" got", got[i]);
  }
  /* The target segment of a gate: conforming, ring 1, not present, no code at all. */
  static const u32 access[] = {0x9a, 0x9e, 0xba, 0xbe, 0xfa, 0xfe, 0x1a, 0x92, 0x89};
  for (u32 i = 0; i < sizeof access / sizeof *access; i++) {
    describe(0x48, 0, 0xfffff, access[i], FLAT);
    gate(&gdt[FREE >> 3], 0x48, (u32)gate_target, 0xec, 2);
    tss_main.ss1 = 0x51, tss_main.esp1 = (u32)boot_stack_top - 0x2000;
    describe(0x50, 0, 0xfffff, DATA | 0x20, FLAT);
    line("target access", access[i]);
    outcome("call gate", USER(user_call_gate));
    outcome("jump gate", USER(user_jump_gate));
  }
}

/* Conforming code runs at its caller's level. */
static u32 level;
static void user_conforming(void) {
  __asm__ volatile("lcall %1, $1f\n\tjmp 2f\n1:\tmovl %%cs, %0\n\tlret\n2:\tint $0x40" : "=r"(level) : "i"(FREE));
}
static void user_conforming2(void) {
  __asm__ volatile("lcall %1, $1f\n\tjmp 2f\n1:\tmovl %%cs, %%eax\n\tmovl %%eax, %0\n\tlret\n2:\tint $0x40" : "=m"(level) : "i"(FREE) : "eax");
}
static void conforming(void) {
  (void)user_conforming;
  describe(FREE, 0, 0xfffff, CODE | 4, FLAT);
  outcome("conforming", USER(user_conforming2)), line("cs there", level);
  describe(FREE, 0, 0xfffff, CODE, FLAT);
  outcome("not conforming", USER(user_conforming2));
}

/* RETF and IRET to outer rings: what happens to data segments that the outer ring may not have. */
static u32 after[4];
static void user_segments(void) {
  __asm__ volatile("movl %%ds, %0; movl %%es, %1; movl %%fs, %2; movl %%gs, %3"
                   : "=r"(after[0]), "=r"(after[1]), "=r"(after[2]), "=r"(after[3]));
  __asm__ volatile("int $0x40");
}
static void outward(u32 far) {
  __asm__ volatile("movl %0, %%es; movl %1, %%fs; movl %2, %%gs" ::"r"(KDATA), "r"(FREE), "r"(UCODE));
  if (far) __asm__ volatile("movl %0, %%ds; pushl %0; pushl %1; pushl %2; pushl %3; lret" ::"r"(UDATA), "r"(user_stack_top), "i"(UCODE), "r"(user_segments));
  else __asm__ volatile("movl %0, %%ds; pushl %0; pushl %1; pushl $2; pushl %2; pushl %3; iret" ::"r"(UDATA), "r"(user_stack_top), "i"(UCODE), "r"(user_segments));
}
static void returns(void) {
  for (u32 far = 0; far < 2; far++) {
    for (u32 access = 0x9a; access <= 0x9e; access += 4) {
      describe(FREE, 0, 0xfffff, access, FLAT);
      outcome("outward", attempt(outward, far));
      for (int i = 0; i < 4; i++) line(" segment", after[i]);
    }
  }
}

/* SYSENTER and SYSEXIT (vol. 2). */
static void user_sysenter(void) { __asm__ volatile("sysenter"); }
extern u8 sysenter_target[];
__asm__("sysenter_target: movl %esp, %esi; movw %cs, %di; movw %ss, %bp; pushfl; popl %ebx; movl $1f, %edx; movl %esi, %ecx; sysexit; 1: int $0x40");
static void sysexit_(u32 unused) { (void)unused; __asm__ volatile("sysexit"); }
static void user_sysexit(void) { __asm__ volatile("sysexit"); }
static struct frame last;
static int keep(struct frame *f) {
  last = *f;
  return 0;
}
static void fast_calls(void) {
  wrmsr(0x174, 0);
  outcome("sysenter, no selector", USER(user_sysenter));
  outcome("sysexit, no selector", attempt(sysexit_, 0));
  /* GDT order: code 0, data 0, code 3, data 3. */
  wrmsr(0x174, KCODE), wrmsr(0x175, (u32)ring0_stack_top - 64), wrmsr(0x176, (u32)sysenter_target);
  trap_hook = keep;
  user_eflags = 0x3202;
  outcome("sysenter", USER(user_sysenter));
  line(" esi", last.esi), line(" cs", last.edi & 0xffff), line(" ss", last.ebp & 0xffff), line(" flags inside", last.ebx & 0x27700);
  user_eflags = 2;
  trap_hook = 0;
  outcome("sysexit from ring 3", USER(user_sysexit));
  line("msr 174", rdmsr(0x174)), line("msr 175", rdmsr(0x175) == (u32)ring0_stack_top - 64);
}

/* I/O permission and IOPL. */
static void user_in(void) { __asm__ volatile("inb $0x84, %%al; int $0x40" ::: "eax"); }
static void user_in4(void) { __asm__ volatile("movw $0x86, %%dx; inl %%dx, %%eax; int $0x40" ::: "eax", "edx"); }
static void user_cli(void) { __asm__ volatile("cli; pushfl; popl %eax; int $0x40"); }
static void user_popf(void) { __asm__ volatile("pushl $0x3702; popfl; pushfl; popl %eax; int $0x40"); }
static void privileges(void) {
  outcome("in, forbidden", USER(user_in));
  tss_main.bitmap[0x84 / 8] &= ~(1 << (0x84 % 8));
  outcome("in, allowed", USER(user_in));
  tss_main.bitmap[0x86 / 8] &= ~(7 << (0x86 % 8));
  outcome("in 4, half allowed", USER(user_in4));
  tss_main.bitmap[0x88 / 8] &= ~3;
  outcome("in 4, allowed", USER(user_in4));
  for (u32 iopl = 0; iopl < 4; iopl++) {
    user_eflags = 0x202 | iopl << 12;
    line("iopl", iopl);
    outcome("cli", USER(user_cli)), line(" eax", trap.vector == DONE ? trap.eax & 0x7700 : 0);
    /* TF comes with the image: a single step ends it. */
    outcome("popf", USER(user_popf));
  }
  user_eflags = 2;
}

void main(void) {
  line("cs", selector_of_cs());
  idt_sweep();
  target_sweep();
  frames();
  inner_stacks();
  call_gates();
  conforming();
  returns();
  fast_calls();
  privileges();
}
