/* Exceptions, interrupts, and system calls. */
#ifndef OLDGUEST_TRAP_H
#define OLDGUEST_TRAP_H

#include "types.h"

/* What entry.S leaves on the kernel stack; esp and ss only when the trap came from user space. */
struct pt_regs {
  u32 ebx, ecx, edx, esi, edi, ebp, eax;
  u32 ds, es;
  u32 vector, error_code;
  u32 eip, cs, eflags, esp, ss;
};

#define X86_EFLAGS_IF 0x200
#define VECTOR_DB 1
#define VECTOR_BP 3
#define VECTOR_UD 6
#define VECTOR_NM 7
#define VECTOR_GP 13
#define VECTOR_PF 14

/* The kernel may run in ring 0, 1 or 2: only the user's ring is certain. */
static inline int user_mode(const struct pt_regs *regs) { return (regs->cs & 3) == 3; }

/* Entry stubs: 32 exceptions, 16 interrupts, the system call, the APIC's spurious vector; and SYSENTER. */
extern const u8 exception_entries[], irq_entries[], syscall_entry[], spurious_entry[], sysenter_entry[];
#define ENTRY_STUB_BYTES 16

/*
 * Interrupt lines. init_IRQ installs a controller and the gates of irq_entries; time_init connects line 0 to
 * timer_interrupt. do_IRQ is what an interrupt comes to, whoever delivers it.
 */
struct irq_chip {
  const char *name;
  void (*mask)(u32 irq);
  void (*unmask)(u32 irq);
  /* Masks and acknowledges; nonzero when the interrupt was spurious. */
  int (*ack)(u32 irq);
};
#define IRQS 16
extern const struct irq_chip *irq_chip;
void setup_irq(u32 irq, void (*handler)(const struct pt_regs *));
void do_IRQ(u32 irq, const struct pt_regs *regs);
extern u32 irq_counts[IRQS];

/* time.c */
#define HZ 100
#define NS_PER_TICK (1000000000 / HZ)
extern volatile u32 jiffies;
extern u32 cpu_khz;
void timer_interrupt(const struct pt_regs *regs);

/* trial.S: calls fn(arg) and comes back even when it faults: 0, or 1 + the vector. */
u32 trial(void (*fn)(void *), void *arg);

int search_exception_table(struct pt_regs *regs);

void syscall(struct pt_regs *regs);
void sysenter_init(void);

#endif
