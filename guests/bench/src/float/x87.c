/* The x87: 80-bit registers, a stack, the processor's full precision (control word 37Fh). */
#include "bench.h"

#define REAL double
#define NAME(x) x87_##x
#include "nbody.h"

#define LENGTH 256

/* Dot products of 256 long doubles: FLD m80, FMUL, FADD, FSTP m80. */
KERNEL(x87_dot)
{
  long double *a = (long double *)ARENA, *b = (long double *)(ARENA + 8192);
  u32 sum = 0;
  for (u32 i = 0; i < LENGTH; i++) a[i] = 1.0L / (s32)(i + 1), b[i] = (s32)(i * 3 + 1);
  while (n--) {
    long double dot = 0;
    for (u32 i = 0; i < LENGTH; i++) dot += a[i] * b[i];
    a[sum % LENGTH] = dot / 768;
    sum = mix(sum, (u32)(s64)(dot * 4096));
  }
  return sum;
}

/* Polynomials by Horner's rule, compares, changes of sign, and conversions from and to integers. */
KERNEL(x87_mixed)
{
  static const double c[8] = {0.125, -1.5, 2.25, 0.75, -0.0625, 3.5, -2.0, 1.0};
  u32 sum = 0;
  while (n--) {
    for (s32 i = 0; i < 64; i++) {
      double x = (double)(i - 32) / 37, y = 0;
      for (u32 k = 0; k < 8; k++) y = y * x + c[k];
      if (y < 0) y = -y;
      if (y > 4) y -= (double)(s32)y;
      sum = mix(sum, (u32)(s32)(y * 1e6));
    }
  }
  return sum;
}

KERNEL(x87_nbody) { return x87_nbody_work(n); }
