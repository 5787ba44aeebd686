/* Time as Xen tells it: nanoseconds since it began (struct vcpu_time_info), the wall clock, and a timer that fires once. */
#include "guest.h"

#define NS_PER_SECOND 1000000000u
#define NS_PER_TICK 10000000u /* the kernel expects 100 ticks a second */

/* The kernel's. It need not have the variable. */
extern u32 pg_guest_cpu_khz __attribute__((weak));
void pg_guest_setup_irq(u32 line, void (*handler)(const void *regs));
void pg_guest_timer_interrupt(const void *regs);
u32 bind_timer(void);

static u64 next_tick;

static u64 read_tsc(void)
{
  u64 value;
  asm volatile("rdtsc" : "=A"(value));
  return value;
}

/* *n / by. A remainder is nobody's concern. */
static void div64(u64 *n, u32 by)
{
  u32 high = *n >> 32, low = *n, quotient_high = high / by, quotient_low, rest = high % by;
  asm("divl %4" : "=a"(quotient_low), "=d"(rest) : "0"(low), "1"(rest), "rm"(by) : "cc");
  *n = (u64)quotient_high << 32 | quotient_low;
}

static u64 shifted(u64 value, s8 left) { return left < 0 ? value >> -left : value << left; }

static u64 system_time(void)
{
  const volatile struct vcpu_time_info *now = (const void *)(shared_info + VCPU_TIME);
  u32 version;
  u64 ns;
  do {
    version = now->version;
    barrier();
    u64 delta = shifted(read_tsc() - now->tscTimestamp, (s8)now->tscShift);
    u32 scale = now->tscToSystemMul;
    ns = now->systemTime + ((u64)(u32)delta * scale >> 32) + (u64)(u32)(delta >> 32) * scale;
    barrier();
  } while (version & 1 || version != now->version);
  return ns;
}

u64 xen_ops_sched_clock(void) { return system_time(); }

/* Nanoseconds are cycles << shift, times mul / 2^32. */
u32 xen_ops_get_cpu_khz(void)
{
  const volatile struct vcpu_time_info *info = (const void *)(shared_info + VCPU_TIME);
  u64 khz = 1000000ull << 32;
  div64(&khz, info->tscToSystemMul);
  return shifted(khz, -(s8)info->tscShift);
}

/* Seconds since 1970: what the clock showed when Xen's time was 0, and that time. */
u32 xen_ops_get_wallclock(void)
{
  u32 version, seconds, ns;
  do {
    version = shared_word(SHARED_WC_VERSION);
    barrier();
    seconds = shared_word(SHARED_WC_SEC);
    ns = shared_word(SHARED_WC_NSEC);
    barrier();
  } while (version & 1 || version != shared_word(SHARED_WC_VERSION));
  u64 since = system_time() + ns;
  div64(&since, NS_PER_SECOND);
  return seconds + since;
}

/* The clock is not this domain's to set. */
s32 xen_ops_set_wallclock(u32 seconds) { return -1; }

static void set_timer(void) { hypercall2(set_timer_op, next_tick, next_tick >> 32); }

/* The next tick is due a period after the last was, or, where that is long past, after now. */
void timer_acknowledged(void)
{
  u64 now = system_time();
  next_tick += NS_PER_TICK;
  if (next_tick <= now)
    next_tick = now + NS_PER_TICK;
  set_timer();
}

void xen_ops_time_init(void)
{
  if (&pg_guest_cpu_khz)
    pg_guest_cpu_khz = xen_ops_get_cpu_khz();
  hypercall3(vcpu_op, VCPUOP_STOP_PERIODIC_TIMER, 0, NULL);
  pg_guest_setup_irq(bind_timer(), pg_guest_timer_interrupt);
  next_tick = system_time() + NS_PER_TICK;
  set_timer();
}
