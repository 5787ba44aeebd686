/*
 * Hardware interrupts: where they are recognised. SDM vol. 3A 6.8 (IF, the shadows of STI and MOV SS), vol. 2 HLT, POPF,
 * IRET. The interrupt is the 8254's, made to wait in the 8259 first, so that its place does not depend on time.
 */
#include "lib.h"

static inline u8 inb(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }

/* One-shot counter 0 (mode 0): IRQ 0 goes high and stays; wait until it stands in the IRR. */
static void request(void) {
  outb(0x20, 0x11), outb(0x21, 0x60), outb(0x21, 4), outb(0x21, 1);
  outb(0x21, 0xfe);
  outb(0x43, 0x30), outb(0x40, 20), outb(0x40, 0);
  outb(0x20, 0x0a);
  while (!(inb(0x20) & 1)) ;
}

/* Two shadows in a row are left out: only the first is promised (vol. 2, STI). Each piece of code has the
   label of its start; the interrupt ends it, and EIP says where. */
#define CODE_OF(name, text) extern u8 code_##name[]; __asm__("code_" #name ": " text "; int $0x40")
CODE_OF(sti, "sti; nop; nop; nop");
CODE_OF(sti_cli, "sti; cli; nop");
CODE_OF(sti_sti, "sti; sti; nop; nop");
CODE_OF(popf, "pushl $0x202; popfl; nop; nop");
CODE_OF(iret, "pushl $0x202; pushl $8; pushl $1f; iret; nop; 1: nop; nop");
CODE_OF(mov_ss, "movl %ss, %eax; pushl $0x202; popfl; movl %eax, %ss; nop");
CODE_OF(sti_lss, "subl $8, %esp; leal 8(%esp), %eax; movl %eax, (%esp); movw %ss, 4(%esp); sti; lss (%esp), %esp; nop; nop");
CODE_OF(sti_hlt, "sti; hlt; nop");
CODE_OF(sti_jmp, "sti; jmp 1f; nop; 1: nop; nop");
CODE_OF(sti_fault, "sti; ud2; nop");
CODE_OF(sti_int, "sti; int $0x50; nop");
CODE_OF(sti_rep, "leal buffer, %edi; movl $16, %ecx; sti; nop; rep stosb; nop");
CODE_OF(sti_out, "sti; outb %al, $0x80; nop; nop");
CODE_OF(sti_in, "sti; inb $0x80, %al; nop; nop");
CODE_OF(cli, "nop; nop");
CODE_OF(step, "pushl $0x302; popfl; nop; nop");
CODE_OF(sti_step, "pushl $0x102; sti; popfl; nop");
u8 buffer[64];

static void jump(u32 at) { __asm__ volatile("jmp *%0" ::"r"(at)); }
static void user_wait(void) { __asm__ volatile("nop; nop; int $0x40"); }
static void user_sti(void) { __asm__ volatile("sti; nop; nop; int $0x40"); }

static void show(const char *name, int v, u32 start) {
  put(name), put(": v="), hex(v), put(" at +"), hex(trap.eip - start), put(" f="), hex(trap.eflags & 0x7700), put("\n");
  /* Ends the interrupt, if it was one, and takes a waiting one away. */
  outb(0x21, 0xff);
  outb(0x20, 0x20);
}
#define TRY(name) request(), show(#name, attempt(jump, (u32)code_##name), (u32)code_##name)

void main(void) {
  TRY(sti);
  TRY(sti_cli);
  TRY(sti_sti);
  TRY(popf);
  TRY(iret);
  TRY(mov_ss);
  TRY(sti_lss);
  TRY(sti_hlt);
  TRY(sti_jmp);
  TRY(sti_fault);
  TRY(sti_int);
  TRY(sti_rep);
  TRY(sti_out);
  TRY(sti_in);
  TRY(cli);
  TRY(step);
  TRY(sti_step);
  user_eflags = 0x202;
  request(), show("ring 3", USER(user_wait), (u32)user_wait);
  user_eflags = 0x3002;
  request(), show("ring 3, sti", USER(user_sti), (u32)user_sti);
  user_eflags = 2;
  request(), show("ring 3 with interrupts off", USER(user_wait), (u32)user_wait);
}
