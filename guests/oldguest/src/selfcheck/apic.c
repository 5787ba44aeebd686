/* The local APIC, where CPUID shows one; and what is for other processors, of which there are none. */
#include "apic.h"
#include "check.h"

#define NO_APIC "no local APIC"
#define ONE_PROCESSOR "one processor"

static enum verdict check_apic_read(void)
{
  if (!cpu_has(FEATURE_APIC))
    return refused(NO_APIC);
  u32 version = apic_read(APIC_LVR);
  EXPECT(version != 0 && version != 0xFFFFFFFF);
  return OK;
}

static enum verdict check_apic_write(void)
{
  if (!cpu_has(FEATURE_APIC))
    return refused(NO_APIC);
  apic_write(APIC_TASKPRI, 0x10);
  u32 got = apic_read(APIC_TASKPRI);
  apic_write(APIC_TASKPRI, 0);
  EXPECT((got & 0xFF) == 0x10);
  EXPECT((apic_read(APIC_TASKPRI) & 0xFF) == 0);
  return OK;
}

static enum verdict check_apic_write_atomic(void)
{
  if (!cpu_has(FEATURE_APIC))
    return refused(NO_APIC);
  apic_write_atomic(APIC_TASKPRI, 0x10);
  u32 got = apic_read(APIC_TASKPRI);
  apic_write_atomic(APIC_TASKPRI, 0);
  EXPECT((got & 0xFF) == 0x10);
  EXPECT((apic_read(APIC_TASKPRI) & 0xFF) == 0);
  return OK;
}

/* Whatever clock it sets up, ticks go on. */
static enum verdict check_setup_boot_clock(void)
{
  if (!cpu_has(FEATURE_APIC))
    return refused(NO_APIC);
  setup_boot_clock();
  u32 start = jiffies;
  wait_tick();
  EXPECT(jiffies != start);
  return OK;
}

static enum verdict check_setup_secondary_clock(void) { return refused(ONE_PROCESSOR); }
static enum verdict check_startup_ipi_hook(void) { return refused(ONE_PROCESSOR); }

static const struct check checks[] = {
  MAY_REFUSE(apic_write),
  MAY_REFUSE(apic_write_atomic),
  MAY_REFUSE(apic_read),
  MAY_REFUSE(setup_boot_clock),
  MAY_REFUSE(setup_secondary_clock),
  MAY_REFUSE(startup_ipi_hook),
};
const struct check_group check_apic = { "apic", checks, array_size(checks) };
