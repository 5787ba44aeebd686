/* Clocks. Nothing here asks how fast: only that time is told, and goes forward. */
#include "check.h"

static enum verdict check_time_init(void)
{
  u32 start = jiffies;
  wait_tick();
  wait_tick();
  EXPECT(jiffies - start >= 2);
  return OK;
}

static enum verdict check_get_wallclock(void)
{
  u32 first = get_wallclock();
  if (!first)
    return refused("no clock");
  EXPECT(get_wallclock() >= first);
  return OK;
}

static enum verdict check_set_wallclock(void)
{
  u32 now = get_wallclock();
  if (!now || set_wallclock(now))
    return refused("the clock is not ours to set");
  u32 after = get_wallclock();
  EXPECT(after >= now && after - now < 60);
  return OK;
}

static enum verdict check_read_tsc(void)
{
  if (!cpu_has(FEATURE_TSC))
    return refused("no TSC");
  u64 first = read_tsc();
  wait_tick();
  EXPECT(read_tsc() > first);
  return OK;
}

static enum verdict check_sched_clock(void)
{
  u64 first = sched_clock();
  wait_tick();
  EXPECT(sched_clock() > first);
  return OK;
}

/* A megahertz at least, and not a terahertz: a busy host may stop us while we measure. */
static enum verdict check_get_cpu_khz(void)
{
  u32 khz = get_cpu_khz();
  if (!khz)
    return refused("no frequency");
  EXPECT(khz >= 1000 && khz < 1000000000);
  return OK;
}

static const struct check checks[] = {
  MUST(time_init),
  MAY_REFUSE(get_wallclock),
  MAY_REFUSE(set_wallclock),
  MAY_REFUSE(read_tsc),
  MUST(sched_clock),
  MAY_REFUSE(get_cpu_khz),
};
const struct check_group check_time = { "time", checks, array_size(checks) };
