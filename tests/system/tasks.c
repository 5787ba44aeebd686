/* Task switches by JMP, CALL, IRET, interrupts and task gates; nested tasks; double faults. SDM vol. 3A chapter 7. */
#include "lib.h"

static u32 entered, seen_link, seen_flags, seen_cr0, seen_tr;
static u8 other_stack[4096] __attribute__((aligned(16)));
static u32 tr(void) { u32 v; __asm__ volatile("str %0" : "=r"(v)); return v; }
static u32 busy(u32 selector) { return gdt[selector >> 3] >> 41 & 1; }

/* The other task: notes what it finds, and goes back by IRET; entered again, it goes on after that. */
extern u8 other_start[], other_jumps[];
__asm__(
    "other_start: movl %eax, seen; movl %ebx, seen+4; movl %ebp, seen+8; movl %esp, seen+12; call note; iret; jmp other_start\n"
    "other_jumps: call note; ljmp $0x28, $0; jmp other_jumps");
u32 seen[4];
void note(void) {
  entered++;
  seen_link = tss_other.link & 0xffff;
  seen_flags = flags() & 0x7700;
  seen_cr0 = cr0();
  seen_tr = tr();
}

static void prepare(u8 *eip) {
  tss_other = (struct tss){.eip = (u32)eip, .eflags = 2, .esp = (u32)other_stack + 4096, .cs = KCODE, .ss = KDATA, .ds = KDATA,
                           .es = KDATA, .fs = 0, .gs = UDATA, .eax = 0x11111111, .ebx = 0x22222222, .ebp = 0x55555555,
                           .esp0 = (u32)ring0_stack_top - 0x1000, .ss0 = KDATA, .iomap = 0xffff};
  describe(TSS_OTHER, (u32)&tss_other, 0x67, A_TSS, 0);
  describe(TSS_MAIN, (u32)&tss_main, sizeof tss_main - 1, A_TSS, 0);
  ltr(TSS_MAIN);
}
static void show(const char *name, int v) {
  outcome(name, v);
  put(" entered "), hex(entered), put(" link "), hex(seen_link), put(" flags "), hex(seen_flags), put(" cr0 "), hex(seen_cr0);
  put(" tr "), hex(seen_tr), put(" now "), hex(tr()), put(" busy "), hex(busy(TSS_MAIN)), hex(busy(TSS_OTHER));
  put(" nt "), hex(flags() >> 14 & 1), put(" ts "), hex(cr0() >> 3 & 1), put("\n");
  for (int i = 0; i < 4; i++) put(" "), hex(seen[i] - (i == 3 ? (u32)other_stack : 0));
  put(" saved eip "), hex(tss_main.eip), put(" cs "), hex(tss_main.cs & 0xffff), put(" flags "), hex(tss_main.eflags & 0x7700);
  put(" other eip "), hex(tss_other.eip), put(" flags "), hex(tss_other.eflags & 0x7700), put("\n");
  entered = seen_link = seen_flags = seen_tr = 0;
  __asm__ volatile("clts; pushl $2; popfl");
}

static void call_tss(u32 s) {
  struct { u32 offset; u16 selector; } p = {0, s};
  __asm__ volatile("lcall *%0" ::"m"(p) : "eax", "ebx", "ecx", "edx", "esi", "edi", "memory");
}
static void jump_tss(u32 s) {
  struct { u32 offset; u16 selector; } p = {0, s};
  __asm__ volatile("ljmp *%0" ::"m"(p) : "eax", "ebx", "ecx", "edx", "esi", "edi", "memory");
}
static void int51(u32 unused) { (void)unused; __asm__ volatile("int $0x51" ::: "memory"); }
static void user_int51(void) { __asm__ volatile("int $0x51; int $0x40"); }
static void iret_nested(u32 link) {
  tss_main.link = link;
  __asm__ volatile("pushfl; orl $0x4000, (%esp); popfl; iret");
}

static void switches(void) {
  prepare(other_start), show("call", attempt(call_tss, TSS_OTHER));
  show("call again", attempt(call_tss, TSS_OTHER));
  prepare(other_jumps), show("jump and back", attempt(jump_tss, TSS_OTHER));
  show("jump again", attempt(jump_tss, TSS_OTHER));
  prepare(other_start), gate(&gdt[FREE >> 3], TSS_OTHER, 0, 0x85, 0), show("call by gate", attempt(call_tss, FREE));
  prepare(other_start), gate(&idt[0x51], TSS_OTHER, 0, 0xe5, 0), show("interrupt", attempt(int51, 0));
  prepare(other_start), show("interrupt from ring 3", USER(user_int51));
  user_eflags = 0x3202;
  prepare(other_start), show("interrupt from ring 3, IOPL 3", USER(user_int51));
  user_eflags = 2;
}

static void refusals(void) {
  prepare(other_start), show("call itself", attempt(call_tss, TSS_MAIN));
  static const u32 access[] = {0x09, 0x8b, 0x81, 0xe9, 0x92, 0x82};
  for (u32 i = 0; i < 6; i++) {
    if (access[i] == 0x81) continue;
    prepare(other_start);
    describe(TSS_OTHER, (u32)&tss_other, 0x67, access[i], 0);
    line("access", access[i]);
    outcome("jump", attempt(jump_tss, TSS_OTHER));
    outcome("by gate", attempt(int51, 0));
  }
  prepare(other_start), describe(TSS_OTHER, (u32)&tss_other, 0x66, A_TSS, 0), outcome("small", attempt(jump_tss, TSS_OTHER));
  prepare(other_start), outcome("rpl 3", attempt(jump_tss, TSS_OTHER | 3));
  static const u32 gates[] = {0, TSS_OTHER | 4, 0x400, KCODE, TSS_MAIN};
  for (u32 i = 0; i < 5; i++) {
    if (i == 1 && in_qemu()) continue;
    prepare(other_start);
    gate(&gdt[FREE >> 3], gates[i], 0, 0x85, 0);
    gate(&idt[0x51], gates[i], 0, 0xe5, 0);
    if (i == 1) {
      /* TCG raises #TS; vol. 2, INT and CALL: #GP. */
      by_the_manual("call a gate to a TSS in the LDT", attempt(call_tss, FREE), 13, gates[i]);
      by_the_manual("int by a gate to a TSS in the LDT", attempt(int51, 0), 13, gates[i]);
      continue;
    }
    line("gate to", gates[i]);
    outcome("call", attempt(call_tss, FREE));
    outcome("int", attempt(int51, 0));
  }
  static const u32 links[] = {0, TSS_OTHER, TSS_MAIN, TSS_OTHER | 4, KCODE, 0x400};
  for (u32 i = 0; i < 6; i++) {
    prepare(other_start);
    line("back link", links[i]);
    outcome("iret", attempt(iret_nested, links[i]));
    __asm__ volatile("pushl $2; popfl");
  }
  gate(&idt[0x51], TSS_OTHER, 0, 0xe5, 0);
}

/* Faults in the new task's state come in the new task. Their handlers are tasks: the new one may have no stack. */
extern u8 fault10[], fault11[], fault12[], fault13[];
__asm__(
    "fault10: movl $10, %ebx; jmp 1f\nfault11: movl $11, %ebx; jmp 1f\nfault12: movl $12, %ebx; jmp 1f\n"
    "fault13: movl $13, %ebx\n1: popl fault_error; movl %ebx, trap_vector; jmp recover");
u32 fault_error;
static struct tss fault_tasks[4];
static void handler_tasks(void) {
  static u8 *const starts[] = {fault10, fault11, fault12, fault13};
  for (u32 i = 0; i < 4; i++) {
    fault_tasks[i] = (struct tss){.eip = (u32)starts[i], .eflags = 2, .esp = (u32)df_stack_top, .cs = KCODE, .ss = KDATA,
                                  .ds = KDATA, .es = KDATA, .iomap = 0xffff};
    describe(0x60 + i * 8, (u32)&fault_tasks[i], 0x67, A_TSS, 0);
    gate(&idt[10 + i], 0x60 + i * 8, 0, 0x85, 0);
  }
}
static void bad_states(void) {
  static const struct { u32 offset, value; } bad[] = {
      {72, 0x0}, {72, KDATA}, {72, UCODE}, {72, 0x400}, {76, 0x48}, {76, KDATA}, {76, 0}, {76, 0x400}, {80, 0}, {80, KCODE},
      {80, UDATA}, {80, 0x48}, {80, 0x400}, {84, 0x48}, {84, KCODE | 3}, {84, 0x404}, {92, 0x50}, {84, UDATA},
      {84, TSS_OTHER}, {96, 0x8}, {96, 0x58}, {96, 0x404}, {76, UCODE},
  };
  u64 keep[4] = {idt[10], idt[11], idt[12], idt[13]};
  for (u32 i = 0; i < sizeof bad / sizeof *bad; i++) {
    /* TCG keeps the old privilege level here; and says #NP of a stack segment (vol. 3A table 7-1). */
    int ring3 = bad[i].offset == 76 && bad[i].value == UCODE, no_stack = bad[i].offset == 80 && bad[i].value == 0x48;
    if ((ring3 || no_stack) && in_qemu()) continue;
    prepare(other_start);
    handler_tasks();
    describe(0x48, 0, 0xfffff, 0x12, FLAT);       /* data, not present */
    describe(0x50, 0, 0xfffff, 0x98, FLAT);       /* code, not readable */
    describe(0x58, 0, 0xffff, 0x02, 0);           /* an LDT, not present */
    *(u32 *)((u32)&tss_other + bad[i].offset) = bad[i].value;
    int v = attempt(jump_tss, TSS_OTHER);
    if (ring3 || no_stack) {
      trap.error = fault_error;
      if (ring3) by_the_manual("ring 3 code on a ring 0 stack", v, 10, KDATA);
      else by_the_manual("stack segment not present", v, 12, 0x48);
      continue;
    }
    put("state at "), hex(bad[i].offset), put(" = "), hex(bad[i].value);
    if (v < 0) put(": entered\n");
    else {
      put(": v="), hex(v), put(" e="), hex(fault_error), put(" handler "), hex(tr()), put(" link ");
      hex(fault_tasks[v - 10].link & 0xffff), put(" busy "), hex(busy(TSS_MAIN)), hex(busy(TSS_OTHER)), put("\n");
      /* The state that the handler's task was entered from is the new task's, at its first instruction. */
      if (v != 13) check("eip of the fault", tss_other.eip, (u32)other_start);
    }
    __asm__ volatile("lldt %w0" ::"r"(0));
    __asm__ volatile("clts; pushl $2; popfl");
  }
  prepare(other_start);
  for (int i = 0; i < 4; i++) idt[10 + i] = keep[i];
}

/* The new task in ring 3. */
static void user_part(void) { __asm__ volatile("int $0x40"); }
static void ring3_task(void) {
  prepare((u8 *)user_part);
  tss_other.cs = UCODE, tss_other.ss = UDATA, tss_other.ds = tss_other.es = UDATA, tss_other.esp = (u32)user_stack_top;
  tss_other.eflags = 0x202;
  outcome("jump to a task in ring 3", attempt(jump_tss, TSS_OTHER));
  line("esp is in the other's ring 0 stack", trap.esp != 0);
  line("tr", tr());
  prepare(other_start);
}

/* A double fault by a task gate: #NP while delivering #UD, with a stack that is no more. */
extern u8 df_start[];
__asm__("df_start: popl df_error; call df_note; movl $recover, %eax; jmp *%eax");
u32 df_error;
static u32 df_link, df_eip;
extern u32 trap_vector;
void df_note(void) {
  df_link = tss_fault.link & 0xffff;
  df_eip = tss_main.eip;
  trap_vector = 8;
}
static void ud(u32 unused) { (void)unused; __asm__ volatile("ud2"); }
static void bad_stack(u32 unused) {
  (void)unused;
  /* A stack segment that is one byte long cannot take the frame of the #UD, nor that of the #SS. */
  __asm__ volatile("movl %0, %%ss; movl $0x10, %%esp; ud2" ::"r"(0x48));
}
static void double_faults(void) {
  tss_fault = (struct tss){.eip = (u32)df_start, .eflags = 2, .esp = (u32)df_stack_top, .cs = KCODE, .ss = KDATA, .ds = KDATA,
                           .es = KDATA, .iomap = 0xffff};
  u64 keep6 = idt[6], keep11 = idt[11], keep8 = idt[8], keep13 = idt[13];
  /* A contributory fault while delivering one. */
  idt[6] &= ~(1ull << 47);
  /* EXT: an exception was being delivered (vol. 3A 6.13), which TCG says of hardware interrupts only. */
  by_the_manual("gate of #UD not present", attempt(ud, 0), 11, 0x33);
  idt[11] &= ~(1ull << 47);
  outcome("nor that of #NP", attempt(ud, 0));
  gate(&idt[8], TSS_FAULT, 0, 0x85, 0);
  describe(TSS_FAULT, (u32)&tss_fault, 0x67, A_TSS, 0);
  int v = attempt(ud, 0);
  put("double fault by task gate: "), hex(v), put(" error "), hex(df_error), put(" link "), hex(df_link), put(" eip "), hex(df_eip), put("\n");
  idt[6] = keep6, idt[11] = keep11;
  describe(TSS_MAIN, (u32)&tss_main, sizeof tss_main - 1, A_TSS, 0);
  ltr(TSS_MAIN);
  __asm__ volatile("clts; pushl $2; popfl");
  tss_fault.eip = (u32)df_start, tss_fault.esp = (u32)df_stack_top, tss_fault.eflags = 2;
  describe(TSS_FAULT, (u32)&tss_fault, 0x67, A_TSS, 0);
  describe(0x48, 0, 0, DATA, 4);
  if (!in_qemu()) {
    /* TCG checks no stack limits. */
    int bad = attempt(bad_stack, 0);
    by_the_manual("no room for the frame", bad, 8, trap.error);
    check("its error code", df_error, 0);
    describe(TSS_MAIN, (u32)&tss_main, sizeof tss_main - 1, A_TSS, 0);
    ltr(TSS_MAIN);
    __asm__ volatile("clts; pushl $2; popfl");
  }
  idt[8] = keep8, idt[13] = keep13;
}

void main(void) {
  switches();
  refusals();
  bad_states();
  ring3_task();
  double_faults();
}
