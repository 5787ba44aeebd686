/* The interrupt flag, and waiting for an interrupt. */
#include "native.h"

u32 native_save_fl(void)
{
  u32 flags;
  asm volatile("pushfl; popl %0" : "=g"(flags) : : "memory");
  return flags;
}

void native_restore_fl(u32 flags) { asm volatile("pushl %0; popfl" : : "g"(flags) : "memory", "cc"); }
void native_irq_disable(void) { asm volatile("cli" : : : "memory"); }
void native_irq_enable(void) { asm volatile("sti" : : : "memory"); }

/* STI holds interrupts back for one more instruction, so none can slip in before the HLT that waits for it. */
void native_safe_halt(void) { asm volatile("sti; hlt" : : : "memory"); }
void native_halt(void) { asm volatile("hlt" : : : "memory"); }

#define EFLAGS_IOPL 0x3000

void native_set_iopl_mask(u32 mask)
{
  u32 flags;
  asm volatile("pushfl; popl %0; andl %1, %0; orl %2, %0; pushl %0; popfl"
               : "=&r"(flags)
               : "i"(~EFLAGS_IOPL), "r"(mask)
               : "memory", "cc");
}
