/* Ticks. */
#include "paravirt.h"
#include "sched.h"
#include "trap.h"

volatile u32 jiffies;
u32 cpu_khz;

void timer_interrupt(const struct pt_regs *regs)
{
  jiffies++;
  sched_tick(regs);
}
