/* Interrupts and system calls: from ring 0, from ring 3, by INT and by SYSENTER, from a device, and by a fault that someone
   makes good. */
#include "machine.h"

#define SYS_EXIT 0
#define SYS_ADD 1
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define OPCODE_CLI 0xFA

extern const u8 user_syscalls[], user_sysenters[], user_privileged[], sysenter_entry[];
void leave_user(u32 value) __attribute__((noreturn));

/* What both kinds of system call do. */
u32 sys_add(u32 value);
NOINLINE u32 sys_add(u32 value) { return value * 5 + 1; }

static void syscall_handler(struct regs *regs)
{
  if (regs->eax == SYS_EXIT) leave_user(regs->edi);
  if (regs->eax == SYS_ADD) regs->eax = sys_add(regs->edi);
}

static void count_handler(struct regs *regs) { regs->eax += regs->vector; }

/* INT and IRET without a change of ring, through the whole of a kernel's entry code. */
KERNEL(int_ring0)
{
  u32 sum = 0;
  set_handler(VECTOR_KERNEL, count_handler);
  while (n--) asm volatile("int %1" : "+a"(sum) : "i"(VECTOR_KERNEL) : "memory", "cc");
  return sum;
}

KERNEL(int_ring3)
{
  set_handler(VECTOR_SYSCALL, syscall_handler);
  return run_user(user_syscalls, n);
}

static u8 sysenter_stack[4096];

static void wrmsr(u32 msr, u32 value) { asm volatile("wrmsr" : : "a"(value), "d"(0), "c"(msr)); }

KERNEL(sysenter)
{
  set_handler(VECTOR_SYSCALL, syscall_handler);
  wrmsr(MSR_SYSENTER_CS, KERNEL_CS);
  wrmsr(MSR_SYSENTER_ESP, (u32)(sysenter_stack + sizeof(sysenter_stack)));
  wrmsr(MSR_SYSENTER_EIP, (u32)sysenter_entry);
  return run_user(user_sysenters, n);
}

static void privileged_handler(struct regs *regs)
{
  const u8 *at = (const u8 *)regs->eip;
  if ((regs->cs & 3) != 3 || *at != OPCODE_CLI) panic("general protection at", regs->eip);
  regs->eip++;
}

/* CLI in ring 3: #GP, a look at the instruction, and on: how a monitor without hardware support works. */
KERNEL(trap_privileged)
{
  set_handler(VECTOR_SYSCALL, syscall_handler);
  set_handler(VECTOR_GP, privileged_handler);
  u32 sum = run_user(user_privileged, n);
  set_handler(VECTOR_GP, 0);
  return sum;
}

#define PIC1 0x20
#define PIC2 0xA0
#define COM1_IRQ 4
#define COM1_IER 0x3F9
#define COM1_IIR 0x3FA
#define EOI 0x20

static volatile u32 seen;

static void irq_handler(struct regs *regs)
{
  (void)regs;
  seen += inb(COM1_IIR) & 2; /* reading it takes the request back */
  outb(0, COM1_IER);
  outb(EOI, PIC1);
}

/* An interrupt of a device: the UART's "holding register empty" through the 8259, with its end-of-interrupt. */
KERNEL(irq)
{
  static const u8 words[2][4] = {{0x11, VECTOR_IRQ0, 0x04, 0x01}, {0x11, VECTOR_IRQ0 + 8, 0x02, 0x01}};
  for (u32 chip = 0; chip < 2; chip++) {
    u16 port = chip ? PIC2 : PIC1;
    outb(words[chip][0], port);
    for (u32 i = 1; i < 4; i++) outb(words[chip][i], port + 1);
    outb(chip ? 0xFF : 0xFF & ~(1 << COM1_IRQ), port + 1);
  }
  set_handler(VECTOR_IRQ0 + COM1_IRQ, irq_handler);
  seen = 0;
  asm volatile("sti");
  for (u32 i = 1; i <= n; i++) {
    outb(0x02, COM1_IER);
    u32 patience = 1 << 24;
    while (seen < 2 * i && --patience) asm volatile("pause" : : : "memory");
    if (!patience) panic("the interrupt did not come:", i);
  }
  asm volatile("cli");
  outb(0xFF, PIC1 + 1);
  return seen;
}
