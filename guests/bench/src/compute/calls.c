/* Calls: recursive, direct, through a table that never changes, and to ever different targets. */
#include "bench.h"

static NOINLINE u32 fib(u32 i) { return i < 2 ? i : fib(i - 1) + fib(i - 2); }

/* 21,891 calls. */
KERNEL(fib)
{
  u32 sum = 0;
  while (n--) sum = mix(sum, fib(20));
  return sum;
}

static NOINLINE u32 step_a(u32 x, u32 i) { return x * 5 + i; }
static NOINLINE u32 step_b(u32 x, u32 i) { return (x ^ i) + 0x1234567; }
static NOINLINE u32 step_c(u32 x, u32 i) { return x - (i << 3); }
static NOINLINE u32 step_d(u32 x, u32 i) { return (x << 7 | x >> 25) + i; }

static u32 (*volatile const one)(u32, u32) = step_a;
static u32 (*const four[4])(u32, u32) = {step_a, step_b, step_c, step_d};

/* 256 direct calls. */
KERNEL(call_direct)
{
  u32 sum = 1;
  while (n--)
    for (u32 i = 0; i < 256; i++) sum = step_a(sum, i);
  return sum;
}

/* 256 calls through a pointer in memory that always says the same. */
KERNEL(call_pointer)
{
  u32 sum = 1;
  while (n--)
    for (u32 i = 0; i < 256; i++) sum = one(sum, i);
  return sum;
}

/* 256 calls through a table of four, in an order that depends on the data. */
KERNEL(call_virtual)
{
  u32 sum = 1;
  while (n--)
    for (u32 i = 0; i < 256; i++) sum = four[sum >> 13 & 3](sum, i);
  return sum;
}
