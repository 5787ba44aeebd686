/*
 * The end: ACPI S5 by the PIIX4 power-management port as QEMU's `pc` machine has it (PMBASE 0x600, PM1a_CNT at +4, SLP_EN
 * with SLP_TYP 0), and where that is not there, a halt with interrupts off.
 */
#include "io.h"
#include "kernel.h"
#include "paravirt.h"

#define PM1A_CNT 0x604
#define SLP_EN 0x2000

void stop_here(void)
{
  for (;;) {
    irq_disable();
    halt();
  }
}

void power_off(void)
{
  if (option("halt")) {
    printk("System halted.\n");
  } else {
    printk("Power down.\n");
    outw(SLP_EN, PM1A_CNT);
  }
  stop_here();
}
