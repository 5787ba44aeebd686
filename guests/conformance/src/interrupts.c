/* The interrupt flag, and waiting. An interrupt that waits while IF is clear must not be lost, whoever delivers it. */
#include "case.h"

#define CF_ZF 0x041
#define ARITHMETIC 0x8D5

void iret_to_self(u32 flags);

CASE(init_IRQ, "an interrupt arrives at do_IRQ")
{
  u32 before = interrupts();
  wait_tick();
  EXPECT(interrupts() > before);
  return OK;
}

CASE(save_fl, "IF is clear after irq_disable")
{
  irq_disable();
  EXPECT(!enabled());
  return OK;
}

CASE(save_fl, "IF is set after irq_enable")
{
  irq_disable();
  irq_enable();
  EXPECT(enabled());
  return OK;
}

CASE(irq_disable, "IF is clear")
{
  irq_enable();
  irq_disable();
  EXPECT(!enabled());
  irq_disable();
  EXPECT(!enabled());
  return OK;
}

CASE(irq_disable, "no interrupt arrives while IF is clear")
{
  u32 before = let_one_wait();
  EXPECT(interrupts() == before);
  return OK;
}

CASE(irq_enable, "IF is set")
{
  irq_disable();
  irq_enable();
  EXPECT(enabled());
  return OK;
}

CASE(irq_enable, "an interrupt that waited arrives")
{
  u32 before = let_one_wait();
  irq_enable();
  EXPECT(interrupts() > before);
  return OK;
}

CASE(restore_fl, "IF is set when it was")
{
  u32 on = save_fl();
  irq_disable();
  restore_fl(on);
  EXPECT(enabled());
  return OK;
}

CASE(restore_fl, "IF is clear when it was")
{
  irq_disable();
  u32 off = save_fl();
  irq_enable();
  restore_fl(off);
  EXPECT(!enabled());
  return OK;
}

CASE(restore_fl, "an interrupt that waited arrives when IF is set")
{
  u32 on = save_fl(), before = let_one_wait();
  restore_fl(on);
  EXPECT(interrupts() > before);
  return OK;
}

CASE(restore_fl, "an interrupt that waits stays outside when IF is clear")
{
  u32 before = let_one_wait(), off = save_fl();
  restore_fl(off);
  EXPECT(interrupts() == before);
  return OK;
}

CASE(safe_halt, "from IF clear it returns with IF set")
{
  wait_tick();
  irq_disable();
  safe_halt();
  EXPECT(enabled());
  return OK;
}

CASE(safe_halt, "it sleeps until an interrupt comes")
{
  wait_tick();
  irq_disable();
  u32 before = interrupts();
  safe_halt();
  EXPECT(interrupts() > before);
  return OK;
}

CASE(safe_halt, "an interrupt that waited ends it at once")
{
  u32 before = let_one_wait();
  safe_halt();
  EXPECT(interrupts() - before == 1);
  return OK;
}

/* With interrupts off it waits for ever, which is how this kernel stops. */
CASE(halt, "with IF set it sleeps until an interrupt comes")
{
  wait_tick();
  u32 before = interrupts();
  halt();
  EXPECT(interrupts() > before);
  EXPECT(enabled());
  return OK;
}

CASE(iret, "to the kernel with IF clear")
{
  iret_to_self(2);
  EXPECT(!enabled());
  return OK;
}

CASE(iret, "to the kernel with IF set")
{
  irq_disable();
  iret_to_self(2 | X86_EFLAGS_IF);
  EXPECT(enabled());
  return OK;
}

CASE(iret, "an interrupt that waited arrives when it sets IF")
{
  u32 before = let_one_wait();
  iret_to_self(2 | X86_EFLAGS_IF);
  EXPECT(interrupts() > before);
  return OK;
}

CASE(iret, "it gives the flags of the frame")
{
  u32 flags;
  asm volatile("call iret_to_self; pushfl; popl %0" : "=a"(flags) : "0"(2 | X86_EFLAGS_IF | CF_ZF) : "ecx", "edx", "memory", "cc");
  EXPECT((flags & ARITHMETIC) == CF_ZF);
  return OK;
}

CASE(iret, "to a user program")
{
  EXPECT(run_program("null") == 42);
  return OK;
}

CASE(irq_enable_sysexit, "system calls by SYSENTER return with their results")
{
  if (!cpu_has(FEATURE_SEP))
    return refused("no SYSENTER");
  if (kernel_rpl())
    return refused("the kernel is not in ring 0");
  EXPECT(run_program("fastcall") == 42);
  return OK;
}
