/* The local APIC, through the page that init_IRQ has mapped. */
#include "apic.h"
#include "kernel.h"
#include "layout.h"
#include "native.h"
#include "paravirt.h"

static volatile u32 *reg_at(u32 reg) { return (volatile u32 *)(FIX_APIC + reg); }

void native_apic_write(u32 reg, u32 value) { *reg_at(reg) = value; }

/* For the processors whose APIC loses a write that directly follows another: a locked exchange. */
void native_apic_write_atomic(u32 reg, u32 value) { asm volatile("xchgl %0, %1" : "+r"(value), "+m"(*reg_at(reg)) : : "memory"); }

u32 native_apic_read(u32 reg) { return *reg_at(reg); }

/* The tick comes from the 8254, which reaches this processor already; its own timer is put into a known state, stopped. */
static void stop_apic_timer(void)
{
  apic_write(APIC_TDCR, APIC_TDR_DIV_16);
  apic_write(APIC_LVTT, APIC_LVT_MASKED);
  apic_write(APIC_TMICT, 0);
}

void native_setup_boot_clock(void) { stop_apic_timer(); }
void native_setup_secondary_clock(void) { stop_apic_timer(); }
