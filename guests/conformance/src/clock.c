/* Clocks: that they tell time, go forward, and agree with one another within a factor of two. Nothing is asked more exactly. */
#include "case.h"

#define TICKS 10
#define TICKS_NS (TICKS * (u64)NS_PER_TICK)

static void wait_ticks(u32 n)
{
  while (n--)
    wait_tick();
}

static int about(u64 value, u64 expected) { return value >= expected / 2 && value <= expected * 2; }

CASE(time_init, "one tick comes after another")
{
  u32 start = jiffies;
  wait_ticks(2);
  EXPECT(jiffies - start >= 2);
  return OK;
}

CASE(time_init, "ticks come while the kernel computes, too")
{
  wait_tick();
  u32 start = jiffies;
  outlast_a_tick();
  EXPECT(jiffies != start);
  return OK;
}

CASE(sched_clock, "it goes forward between two ticks")
{
  wait_tick();
  irq_disable();
  u64 first = sched_clock();
  outlast_a_tick();
  u64 second = sched_clock();
  irq_enable();
  if (!cpu_khz && second == first)
    return refused("a clock of ticks");
  EXPECT(second > first);
  return OK;
}

CASE(sched_clock, "it never goes back")
{
  u64 last = sched_clock();
  for (u32 i = 0; i < 1000; i++) {
    u64 now = sched_clock();
    EXPECT(now >= last);
    last = now;
  }
  return OK;
}

CASE(sched_clock, "it counts nanoseconds: ten ticks are about 100 ms")
{
  wait_tick();
  u64 start = sched_clock();
  wait_ticks(TICKS);
  EXPECT(about(sched_clock() - start, TICKS_NS));
  return OK;
}

CASE(get_cpu_khz, "it is between 1 MHz and 1 THz")
{
  u32 khz = get_cpu_khz();
  if (!khz)
    return refused("no frequency");
  EXPECT(khz >= 1000 && khz < 1000000000);
  return OK;
}

CASE(get_cpu_khz, "the counter runs at about that frequency")
{
  u32 khz = get_cpu_khz();
  if (!khz)
    return refused("no frequency");
  wait_tick();
  u64 start = read_tsc();
  wait_ticks(TICKS);
  EXPECT(about(read_tsc() - start, (u64)khz * (TICKS * 1000 / HZ)));
  return OK;
}

CASE(read_tsc, "it is greater after a tick, in all 64 bits")
{
  if (!cpu_has(FEATURE_TSC))
    return refused("no TSC");
  u64 first = read_tsc();
  wait_tick();
  u64 second = read_tsc();
  EXPECT(second > first);
  /* Half of the counter lost or doubled would be a jump. */
  EXPECT(second - first < 1ull << 40);
  return OK;
}

CASE(read_tsc, "it never goes back")
{
  if (!cpu_has(FEATURE_TSC))
    return refused("no TSC");
  u64 last = read_tsc();
  for (u32 i = 0; i < 1000; i++) {
    u64 now = read_tsc();
    EXPECT(now >= last);
    last = now;
  }
  return OK;
}

CASE(get_wallclock, "it is a second or two later after 150 ticks")
{
  u32 first = get_wallclock();
  if (!first)
    return refused("no clock");
  wait_ticks(HZ + HZ / 2);
  u32 second = get_wallclock();
  EXPECT(second - first >= 1 && second - first <= 2);
  return OK;
}

/* Kernels of that time set minutes and seconds only. */
CASE(set_wallclock, "another minute of the hour can be set, and is read")
{
  u32 now = get_wallclock(), other = now - now % 3600 + (now % 3600 < 1800 ? 2400 : 600);
  if (!now || set_wallclock(other))
    return refused("the clock is not ours to set");
  u32 after = get_wallclock();
  EXPECT(!set_wallclock(now));
  u32 back = get_wallclock();
  EXPECT(after - other < 60);
  EXPECT(back - now < 60);
  return OK;
}
