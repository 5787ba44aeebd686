/* Interrupt lines: who handles them, and the controller they come through. */
#include "desc.h"
#include "kernel.h"
#include "trap.h"

static int no_ack(u32 irq)
{
  (void)irq;
  return 0;
}
static void nothing(u32 irq) { (void)irq; }
static const struct irq_chip no_chip = { "none", nothing, nothing, no_ack };

const struct irq_chip *irq_chip = &no_chip;
u32 irq_counts[IRQS];
static void (*handlers[IRQS])(const struct pt_regs *);

void setup_irq(u32 irq, void (*handler)(const struct pt_regs *))
{
  handlers[irq] = handler;
  irq_chip->unmask(irq);
}

void do_IRQ(u32 irq, const struct pt_regs *regs)
{
  if (irq_chip->ack(irq))
    return;
  irq_counts[irq]++;
  if (handlers[irq])
    handlers[irq](regs);
  irq_chip->unmask(irq);
}
