/* What a trap comes to. */
#include "trap.h"
#include "kernel.h"
#include "mm.h"
#include "paravirt.h"
#include "sched.h"

extern u32 trial_active, trial_fault;
extern const u8 trial_resume[];
extern const struct {
  u32 at, fixup;
} __start_ex_table[], __stop_ex_table[];

int search_exception_table(struct pt_regs *regs)
{
  for (typeof(&__start_ex_table[0]) e = __start_ex_table; e < __stop_ex_table; e++)
    if (e->at == regs->eip) {
      regs->eip = e->fixup;
      return 1;
    }
  return 0;
}

static const char *const names[] = {
  "divide error",   "debug",           "NMI",          "breakpoint",          "overflow",
  "bounds",         "invalid opcode",  "no FPU",       "double fault",        "coprocessor overrun",
  "invalid TSS",    "no segment",      "stack fault",  "general protection",  "page fault",
  "reserved",       "FPU error",       "alignment",    "machine check",       "SIMD error",
};

int quiet_faults;
u32 wrong_stacks;

static const char *trap_name(u32 vector) { return vector < array_size(names) ? names[vector] : "unknown"; }

static void kernel_fault(struct pt_regs *regs, u32 address)
{
  if (search_exception_table(regs))
    return;
  if (trial_active) {
    trial_fault = regs->vector + 1;
    regs->eip = (u32)trial_resume;
    return;
  }
  printk("%s in the kernel: error %04x at %02x:%p", trap_name(regs->vector), regs->error_code, regs->cs, (void *)regs->eip);
  if (regs->vector == VECTOR_PF)
    printk(", address %p", (void *)address);
  printk("\n  eax %08x ebx %08x ecx %08x edx %08x esi %08x edi %08x ebp %08x\n", regs->eax, regs->ebx, regs->ecx, regs->edx,
         regs->esi, regs->edi, regs->ebp);
  panic("fatal exception");
}

static void user_fault(struct pt_regs *regs, u32 address)
{
  if (!quiet_faults) {
    printk("%s[%d]: %s, error %u, eip %08x", current->name, current->pid, trap_name(regs->vector), regs->error_code, regs->eip);
    if (regs->vector == VECTOR_PF)
      printk(", address %08x", address);
    printk(": killed\n");
  }
  exit_task(128 + regs->vector);
}

static void page_fault(struct pt_regs *regs)
{
  u32 address = read_cr2();
  if (regs->eflags & X86_EFLAGS_IF)
    irq_enable();
  if (address < PAGE_OFFSET && current->mm && !handle_mm_fault(current->mm, address, (regs->error_code & 2) != 0))
    return;
  if (user_mode(regs))
    user_fault(regs, address);
  else
    kernel_fault(regs, address);
}

void do_trap(struct pt_regs *regs)
{
  u32 vector = regs->vector;
  if (user_mode(regs) && (u32)(regs + 1) != current->thread.esp0)
    wrong_stacks++;
  if (vector >= VECTOR_IRQ0 && vector < VECTOR_IRQ0 + IRQS)
    do_IRQ(vector - VECTOR_IRQ0, regs);
  else if (vector == VECTOR_SYSCALL)
    syscall(regs);
  else if (vector == VECTOR_PF)
    page_fault(regs);
  else if (vector == VECTOR_NM && !trial_active)
    fpu_take();
  else if (vector == VECTOR_SPURIOUS)
    return;
  else if (user_mode(regs))
    user_fault(regs, 0);
  else
    kernel_fault(regs, 0);
}

/* The last C before a return: users get the processor back only when nobody else's turn has come. */
void prepare_return(struct pt_regs *regs)
{
  irq_disable();
  if (!user_mode(regs))
    return;
  while (need_resched) {
    sched_counts.preemptions++;
    current->preempted++;
    schedule();
  }
}
