/* The local APIC, where CPUID shows one; and what is for other processors, of which there are none. */
#include "apic.h"
#include "case.h"

#define NEEDS_APIC                                                                                                     \
  do {                                                                                                                 \
    if (!cpu_has(FEATURE_APIC))                                                                                        \
      return refused("no local APIC");                                                                                 \
  } while (0)

CASE(apic_read, "the version register is neither 0 nor all ones")
{
  NEEDS_APIC;
  u32 version = apic_read(APIC_LVR);
  EXPECT(version != 0 && version != 0xFFFFFFFF);
  return OK;
}

/* The task priority and the divisor: two registers that take what they are given, and no interrupt comes of it. */
static enum verdict holds(void (*write)(u32, u32))
{
  NEEDS_APIC;
  u32 divisor = apic_read(APIC_TDCR);
  write(APIC_TASKPRI, 0x10);
  write(APIC_TDCR, 0xB);
  u32 priority = apic_read(APIC_TASKPRI) & 0xFF, changed = apic_read(APIC_TDCR);
  write(APIC_TASKPRI, 0);
  write(APIC_TDCR, divisor);
  EXPECT(priority == 0x10 && changed == 0xB);
  EXPECT((apic_read(APIC_TASKPRI) & 0xFF) == 0);
  EXPECT(apic_read(APIC_TDCR) == divisor);
  return OK;
}

static void by_write(u32 reg, u32 value) { apic_write(reg, value); }
static void by_write_atomic(u32 reg, u32 value) { apic_write_atomic(reg, value); }

CASE(apic_write, "two registers each hold what was written") { return holds(by_write); }
CASE(apic_write_atomic, "two registers each hold what was written") { return holds(by_write_atomic); }

/* Whatever clock it sets up. */
CASE(setup_boot_clock, "ticks go on")
{
  NEEDS_APIC;
  setup_boot_clock();
  u32 start = jiffies;
  wait_tick();
  EXPECT(jiffies != start);
  return OK;
}

CASE(setup_secondary_clock, "there is one processor") { return refused("one processor"); }
CASE(startup_ipi_hook, "there is one processor") { return refused("one processor"); }
