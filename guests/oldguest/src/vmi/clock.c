/*
 * Time under VMI, when the ROM has it: an alarm instead of the 8254, the available cycles instead of the processor's counter,
 * and the hypervisor's wall clock, which is not the guest's to set (as Linux's vmi_time.c and vmiclock_32.c).
 */
#include "io.h"
#include "kernel.h"
#include "paravirt.h"
#include "trap.h"
#include "vmi.h"

#define PIT_CH0 0x40
#define PIT_MODE 0x43
/* Channel 0, both bytes, mode 5: waits for a trigger that this channel never gets. */
#define CH0_LOHI_MODE5 0x3A
#define NS_PER_SECOND 1000000000

static u64 (*get_cycle_frequency)(void);
static u64 (*get_cycle_counter)(u32 counter);
static u64 (*get_wallclock_time)(void);
static void (*set_alarm)(u32 flags, u64 expiry, u64 period);

static u64 frequency;

static u32 vmi_cpu_khz(void) { return (u32)div64(frequency, 1000, NULL); }

static void vmi_time_init(void)
{
  cpu_khz = get_cpu_khz();
  outb(CH0_LOHI_MODE5, PIT_MODE);
  io_delay();
  outb(0, PIT_CH0);
  io_delay();
  outb(0, PIT_CH0);
  setup_irq(0, timer_interrupt);
  u64 period = div64(frequency, HZ, NULL);
  u32 flags = VMI_ALARM_WIRED_IRQ0 | VMI_ALARM_IS_PERIODIC | VMI_CYCLES_AVAILABLE;
  set_alarm(flags, get_cycle_counter(VMI_CYCLES_AVAILABLE) + period, period);
}

static u64 vmi_sched_clock(void)
{
  u32 rest;
  /* Whole megahertz are exact; the rest of a frequency is left out, as a scheduler does not mind. */
  u32 mhz = (u32)div64(frequency, 1000000, NULL);
  if (!mhz)
    mhz = 1;
  u64 microseconds = div64(get_cycle_counter(VMI_CYCLES_AVAILABLE), mhz, &rest);
  return microseconds * 1000 + rest * 1000 / mhz;
}

static u32 vmi_get_wallclock(void) { return (u32)div64(get_wallclock_time(), NS_PER_SECOND, NULL); }

static int vmi_set_wallclock(u32 seconds)
{
  (void)seconds;
  return -1;
}

void vmi_fill_clock(void)
{
  get_cycle_frequency = vmi_function(VMI_CALL_GetCycleFrequency);
  get_cycle_counter = vmi_function(VMI_CALL_GetCycleCounter);
  get_wallclock_time = vmi_function(VMI_CALL_GetWallclockTime);
  set_alarm = vmi_function(VMI_CALL_SetAlarm);
  if (!get_cycle_frequency || !get_cycle_counter || !set_alarm)
    return;
  frequency = get_cycle_frequency();
  paravirt_ops.time_init = vmi_time_init;
  paravirt_ops.sched_clock = vmi_sched_clock;
  paravirt_ops.get_cpu_khz = vmi_cpu_khz;
  if (get_wallclock_time) {
    paravirt_ops.get_wallclock = vmi_get_wallclock;
    paravirt_ops.set_wallclock = vmi_set_wallclock;
  }
}
