/*
 * The FPU goes to who asks for it: CR0.TS is set at every change of task but to the owner, and the first FPU instruction
 * after it is a #NM, where the registers change hands.
 */
#include "kernel.h"
#include "paravirt.h"
#include "sched.h"

#define CR0_TS 8

static struct task *owner;

/* At a change of task: the next FPU instruction asks. */
void fpu_ask(void)
{
  u32 cr0 = read_cr0();
  if (!(cr0 & CR0_TS))
    write_cr0(cr0 | CR0_TS);
}

/* The owner's registers go back to its thread_struct, and nobody owns them. CR0.TS must be clear. */
static void save_owner(void)
{
  if (owner)
    asm volatile("fnsave %0; fwait" : "=m"(owner->thread.fpu) : : "memory");
  owner = NULL;
}

void fpu_save(struct task *t)
{
  if (owner != t)
    return;
  clts();
  save_owner();
  fpu_ask();
}

void fpu_drop(struct task *t)
{
  if (owner == t)
    owner = NULL;
}

void fpu_take(void)
{
  clts();
  if (owner == current)
    return;
  save_owner();
  if (current->thread.fpu_used)
    asm volatile("frstor %0" : : "m"(current->thread.fpu));
  else
    asm volatile("fninit");
  current->thread.fpu_used = 1;
  owner = current;
}
