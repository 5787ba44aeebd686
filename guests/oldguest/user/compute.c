/*
 * Computes until it has lived through three ticks: primes with integers, and a series with the FPU, beside a child that
 * does the same. Each round has the same results, whoever was interrupted where.
 */
#include "lib.h"

#define LIMIT 20000
static u8 composite[LIMIT];

static u32 primes(void)
{
  u32 n = 0;
  for (u32 i = 0; i < LIMIT; i++)
    composite[i] = 0;
  for (u32 i = 2; i < LIMIT; i++) {
    if (composite[i])
      continue;
    n++;
    for (u32 j = i * 2; j < LIMIT; j += i)
      composite[j] = 1;
  }
  return n;
}

/* pi/4 by Machin: 4 atan(1/5) - atan(1/239), in extended precision; the result as a scaled integer. */
static long double atan_inverse(u32 x)
{
  long double power = 1.0L / x, sum = power, square = (long double)x * x;
  for (u32 k = 3; k < 40; k += 2) {
    power = -power / square;
    sum += power / k;
  }
  return sum;
}

static u32 pi_scaled(void) { return (u32)(1000000000.0L * 4 * (4 * atan_inverse(5) - atan_inverse(239)) / 2); }

int main(void)
{
  u32 start = times(), rounds = 0, good = 1;
  /* A value that is in an FPU register while the process forks must be there on both sides. */
  u32 kept;
  int child, status = 0;
  asm volatile("fldpi\n"
               "int $0x80\n"
               "fmuls %2\n"
               "fistpl %1"
               : "=a"(child), "=m"(kept)
               : "m"((float){ 1000000.0f }), "0"(2)
               : "memory");
  good &= kept == 3141593;
  do {
    good &= primes() == 2262;
    good &= pi_scaled() == 1570796326;
    rounds++;
  } while (times() - start < 3);
  if (!child)
    exit(good ? 0 : 1);
  waitpid(child, &status);
  struct line l = { .length = 0 };
  put(&l, "compute: ");
  put_number(&l, primes());
  put(&l, " primes, pi/2 ");
  put_number(&l, pi_scaled());
  put(&l, good && !status ? ", all rounds agree" : ", rounds DIFFER");
  end_line(&l);
  return good && !status ? 0 : 1;
}
