/* The wall clock: the MC146818 in CMOS, kept in UTC. */
#include "io.h"
#include "kernel.h"
#include "native.h"

#define RTC_INDEX 0x70
#define RTC_DATA 0x71
#define RTC_SECONDS 0
#define RTC_MINUTES 2
#define RTC_HOURS 4
#define RTC_DAY 7
#define RTC_MONTH 8
#define RTC_YEAR 9
#define RTC_A 10
#define RTC_A_UIP 0x80
#define RTC_B 11
#define RTC_B_24H 0x02
#define RTC_B_BINARY 0x04
#define RTC_B_SET 0x80
#define RTC_HOURS_PM 0x80
#define UIP_POLLS 100000

static u8 rtc_read(u8 reg)
{
  outb(reg, RTC_INDEX);
  return inb(RTC_DATA);
}

static void rtc_write(u8 reg, u8 value)
{
  outb(reg, RTC_INDEX);
  outb(value, RTC_DATA);
}

static u32 decode(u8 value, u8 b) { return b & RTC_B_BINARY ? value : (value >> 4) * 10u + (value & 15); }
static u8 encode(u32 value, u8 b) { return b & RTC_B_BINARY ? value : value / 10 << 4 | value % 10; }

/* Days since 1970-01-01 in the Gregorian calendar; March is the first month, so that the leap day comes last. */
static u32 days(u32 year, u32 month, u32 day)
{
  if (month <= 2) {
    month += 12;
    year--;
  }
  return 365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day - 719469;
}

u32 native_get_wallclock(void)
{
  u8 s, m, h, day, month, year;
  for (u32 i = 0; i < UIP_POLLS && (rtc_read(RTC_A) & RTC_A_UIP); i++)
    ;
  /* Read until two readings agree on the second: an update between two registers cannot go unseen. */
  do {
    s = rtc_read(RTC_SECONDS);
    m = rtc_read(RTC_MINUTES);
    h = rtc_read(RTC_HOURS);
    day = rtc_read(RTC_DAY);
    month = rtc_read(RTC_MONTH);
    year = rtc_read(RTC_YEAR);
  } while (s != rtc_read(RTC_SECONDS));
  u8 b = rtc_read(RTC_B);
  u32 hours = decode(h & ~RTC_HOURS_PM, b);
  if (!(b & RTC_B_24H))
    hours = hours % 12 + (h & RTC_HOURS_PM ? 12 : 0);
  u32 full_year = decode(year, b);
  full_year += full_year < 70 ? 2000 : 1900;
  return ((days(full_year, decode(month, b), decode(day, b)) * 24 + hours) * 60 + decode(m, b)) * 60 + decode(s, b);
}

/* Minutes and seconds only, as kernels of that time did: hours and date depend on the zone that the clock is kept in. */
int native_set_wallclock(u32 seconds)
{
  u8 b = rtc_read(RTC_B);
  rtc_write(RTC_B, b | RTC_B_SET);
  rtc_write(RTC_SECONDS, encode(seconds % 60, b));
  rtc_write(RTC_MINUTES, encode(seconds / 60 % 60, b));
  rtc_write(RTC_B, b & ~RTC_B_SET);
  return 0;
}
