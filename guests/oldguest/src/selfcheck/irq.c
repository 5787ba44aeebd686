/* The interrupt flag and waiting. */
#include "check.h"

static int enabled(void) { return (save_fl() & X86_EFLAGS_IF) != 0; }

static enum verdict check_init_IRQ(void)
{
  u32 before = irq_counts[0];
  wait_tick();
  EXPECT(irq_counts[0] > before);
  return OK;
}

static enum verdict check_save_fl(void)
{
  irq_disable();
  int off = !enabled();
  irq_enable();
  EXPECT(off);
  EXPECT(enabled());
  return OK;
}

static enum verdict check_restore_fl(void)
{
  u32 on = save_fl();
  irq_disable();
  u32 off = save_fl();
  restore_fl(on);
  int was_on = enabled();
  restore_fl(off);
  int was_off = !enabled();
  irq_enable();
  EXPECT(was_on);
  EXPECT(was_off);
  return OK;
}

/* Nothing may come in while interrupts are off, even when it is due. */
static enum verdict check_irq_disable(void)
{
  wait_tick();
  irq_disable();
  u32 start = jiffies;
  for (volatile u32 i = 0; i < 1000; i++)
    ;
  int quiet = jiffies == start && !enabled();
  irq_enable();
  EXPECT(quiet);
  return OK;
}

static enum verdict check_irq_enable(void)
{
  irq_disable();
  irq_enable();
  EXPECT(enabled());
  wait_tick();
  return OK;
}

static u32 interrupts(void)
{
  u32 sum = 0;
  for (u32 i = 0; i < IRQS; i++)
    sum += irq_counts[i];
  return sum;
}

/* From interrupts off: it must let them in, and come back after one and not before. */
static enum verdict check_safe_halt(void)
{
  wait_tick();
  irq_disable();
  u32 start = interrupts();
  safe_halt();
  int on = enabled();
  irq_enable();
  EXPECT(on);
  EXPECT(interrupts() > start);
  return OK;
}

/* With interrupts on, it waits for one. (With interrupts off it waits for ever, which is how this kernel stops.) */
static enum verdict check_halt(void)
{
  wait_tick();
  u32 start = interrupts();
  halt();
  EXPECT(interrupts() > start);
  EXPECT(enabled());
  return OK;
}

static const struct check checks[] = {
  MUST(init_IRQ), MUST(save_fl), MUST(restore_fl), MUST(irq_disable), MUST(irq_enable), MUST(safe_halt), MUST(halt),
};
const struct check_group check_irq = { "irq", checks, array_size(checks) };
