/* Cycles, alarms, the wall clock. */
#include "vmi.h"

static u64 other64(u32 number, u32 a) {
  other(number, a, 0, 0, 0, 0);
  return (u64)out[DX] << 32 | out[AX];
}
static u64 frequency(void) { return other64(VMI_CALL_GetCycleFrequency, 0); }
static u64 cycles(u32 counter) { return other64(VMI_CALL_GetCycleCounter, counter); }
static u32 cancel(u32 counter) { return other(VMI_CALL_CancelAlarm, counter, 0, 0, 0, 0); }

/* A millisecond: frequencies here are below 2^42, so that a shift will do for a division. */
static u64 a_moment(void) { return frequency() >> 10; }

static void test_counter(void) {
  for (u32 counter = VMI_CYCLES_REAL; counter <= VMI_CYCLES_STOLEN; counter++) {
    u64 first = vmi64(counter, 0, 0, 0, 0);
    for (volatile u32 i = 0; i < 1000; i++);
    u64 second = vmi64(counter, 0, 0, 0, 0);
    expect_that("it does not go back", second >= first);
    expect_that("it goes forward", counter == VMI_CYCLES_STOLEN || second > first);
  }
  u64 available = vmi64(VMI_CYCLES_AVAILABLE, 0, 0, 0, 0), real = vmi64(VMI_CYCLES_REAL, 0, 0, 0, 0);
  expect_that("no more is available than passes", available <= real);
  static const u32 unknown[] = {3, 0x100, 0xFFFFFFFF};
  for (u32 i = 0; i < 3; i++) expect_that("0 for a counter that is none", vmi64(unknown[i], 0, 0, 0, 0) == 0);
}

static void wait_for(volatile u32 *count, u32 wanted) {
  u64 end = cycles(VMI_CYCLES_REAL) + (frequency() >> 7);
  while (*count < wanted && cycles(VMI_CYCLES_REAL) < end)
    ;
}

static void alarm(u32 flags, u64 expiry, u64 period) {
  vmi(flags, (u32)expiry, (u32)(expiry >> 32), (u32)period, (u32)(period >> 32));
}

static void test_alarm(u32 counter, u32 wire, volatile u32 *count) {
  u64 moment = a_moment();
  *count = 0;
  sti();
  alarm(counter | wire, cycles(counter) + moment, 0);
  expect_is("alarms before the time", *count, 0);
  wait_for(count, 1);
  expect_is("alarms, one-shot", *count, 1);
  expect_is("whether it was armed after it went off", cancel(counter), 0);

  alarm(counter | wire | VMI_ALARM_IS_PERIODIC, cycles(counter) + moment, moment);
  wait_for(count, 4);
  expect_that("a periodic alarm goes on", *count >= 4);
  expect_is("whether the periodic alarm was armed", cancel(counter), 1);
  u32 seen = *count;
  wait_for(count, seen + 1);
  expect_is("alarms after it was cancelled", *count, seen);

  *count = 0;
  alarm(counter | wire | VMI_ALARM_IS_PERIODIC, cycles(counter) + moment, 0);
  wait_for(count, 2);
  expect_is("alarms of a period of 0", *count, 1);

  *count = 0;
  alarm(counter | wire, 0, 0);
  wait_for(count, 1);
  expect_is("alarms for a time that has passed", *count, 1);

  *count = 0;
  alarm(counter | wire, cycles(counter) + moment, 0);
  alarm(counter | wire, ~0ull, 0);
  wait_for(count, 1);
  expect_is("alarms of one that was set again, to the end of time", *count, 0);
  expect_is("whether that was armed", cancel(counter), 1);
  expect_is("whether it is still", cancel(counter), 0);
  cli();
}

static void test_set_alarm(void) {
  unmask_timer(1);
  test_alarm(VMI_CYCLES_REAL, VMI_ALARM_WIRED_IRQ0, &interrupts);
  test_alarm(VMI_CYCLES_AVAILABLE, VMI_ALARM_WIRED_IRQ0, &interrupts);
  unmask_timer(0);
  *(volatile u32 *)(APIC_VA + 0x320) = 0x50;
  test_alarm(VMI_CYCLES_REAL, VMI_ALARM_WIRED_LVTT, &local_interrupts);
  *(volatile u32 *)(APIC_VA + 0x320) = 0x10000;
  /* Counters that have none. */
  alarm(VMI_CYCLES_STOLEN, 0, 0);
  expect_is("whether an alarm of stolen time was armed", cancel(VMI_CYCLES_STOLEN), 0);
  alarm(7, 0, 0);
  expect_is("whether an alarm of no counter was armed", cancel(7), 0);
}

static void test_cancel(void) {
  expect_is("a cancel of none", vmi(VMI_CYCLES_REAL, 0, 0, 0, 0), 0);
  other(VMI_CALL_SetAlarm, VMI_CYCLES_REAL, ~0u, 0x7FFFFFFF, 0, 0);
  expect_is("a cancel of another counter's", vmi(VMI_CYCLES_AVAILABLE, 0, 0, 0, 0), 0);
  expect_is("a cancel", vmi(VMI_CYCLES_REAL, 0, 0, 0, 0), 1);
  expect_is("a second cancel", vmi(VMI_CYCLES_REAL, 0, 0, 0, 0), 0);
  expect_is("a cancel of stolen time's", vmi(VMI_CYCLES_STOLEN, 0, 0, 0, 0), 0);
}

int test_time(void) {
  u64 first;
  switch (at_hand->number) {
    case VMI_CALL_GetCycleFrequency:
      first = vmi64(0, 0, 0, 0, 0);
      expect_that("a megahertz at least, and below 2^42", first >= 1000000 && first < 1ull << 42);
      expect_that("the same frequency again", vmi64(0, 0, 0, 0, 0) == first);
      return 1;
    case VMI_CALL_GetCycleCounter: test_counter(); return 1;
    case VMI_CALL_SetAlarm: test_set_alarm(); return 1;
    case VMI_CALL_CancelAlarm: test_cancel(); return 1;
    case VMI_CALL_GetWallclockTime:
      first = vmi64(0, 0, 0, 0, 0);
      /* 2001-09-09 is 10^9 seconds. */
      expect_that("this is the 21st century", first > 1000000000ull * VMI_WALLCLOCK_HZ);
      expect_that("it does not go back", vmi64(0, 0, 0, 0, 0) >= first);
      return 1;
    case VMI_CALL_WallclockUpdated:
      expect_that("a truth value", vmi(0, 0, 0, 0, 0) <= 1);
      expect_is("an update since just now", vmi(0, 0, 0, 0, 0), 0);
      return 1;
    default: return 0;
  }
}
