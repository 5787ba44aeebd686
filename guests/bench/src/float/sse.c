/* SSE2: scalar doubles, packed floats and doubles, packed integers. */
#include "bench.h"

#define REAL double
#define NAME(x) sse_##x
#include "nbody.h"

KERNEL(sse_nbody) { return sse_nbody_work(n); }

typedef float v4f __attribute__((vector_size(16)));
typedef double v2d __attribute__((vector_size(16)));
typedef s32 v4i __attribute__((vector_size(16)));
typedef short v8s __attribute__((vector_size(16)));
typedef char v16c __attribute__((vector_size(16)));
typedef s64 v2l __attribute__((vector_size(16)));

/* Four points of the Mandelbrot set at a time, 32 by 8 of them, at most 32 steps: MULPS, ADDPS, CMPLEPS, MOVMSKPS. */
KERNEL(sse_float)
{
  const v4f four = {4, 4, 4, 4};
  u32 sum = 0;
  while (n--) {
    for (s32 py = 0; py < 8; py++) {
      for (s32 px = 0; px < 32; px += 4) {
        v4f cx = {px, px + 1, px + 2, px + 3}, cy = {py, py, py, py};
        cx = cx * (v4f){0.09375f, 0.09375f, 0.09375f, 0.09375f} - (v4f){2, 2, 2, 2};
        cy = cy * (v4f){0.25f, 0.25f, 0.25f, 0.25f} - (v4f){1, 1, 1, 1};
        v4f x = cx, y = cy;
        v4i inside = {0};
        for (u32 i = 0; i < 32; i++) {
          v4f x2 = x * x, y2 = y * y;
          v4i in = x2 + y2 <= four;
          if (__builtin_ia32_movmskps((v4f)in) == 0) break;
          inside -= in;
          y = x * y * (v4f){2, 2, 2, 2} + cy;
          x = x2 - y2 + cx;
        }
        sum = mix(sum, inside[0] + inside[1] * 3 + inside[2] * 5 + inside[3] * 7);
      }
    }
  }
  return sum;
}

/* y += a * x over 512 doubles, two at a time, with loads that are not aligned. */
KERNEL(sse_double)
{
  double *x = (double *)ARENA, *y = (double *)(ARENA + 8192);
  u32 sum = 0;
  for (u32 i = 0; i < 520; i++) x[i] = (s32)i * 0.5, y[i] = (s32)(i & 15);
  while (n--) {
    v2d a = {0.5, -0.25};
    for (u32 i = 0; i < 512; i += 2) {
      v2d vx = __builtin_ia32_loadupd(x + i + 1), vy = *(v2d *)(y + i);
      vy = vy * (v2d){0.5, 0.5} + a * vx;
      *(v2d *)(y + i) = vy;
    }
    sum = mix(sum, (u32)(s32)(y[sum & 511] * 1024));
  }
  return sum;
}

/* 2 KiB of pixels blended by 7 parts in 16, saturated, and the sum of differences: PUNPCK, PMULLW, PADDW, PSRLW, PACKUSWB,
   PSADBW. */
KERNEL(sse_int)
{
  u8 *a = ARENA, *b = ARENA + 4096;
  const v8s seven = {7, 7, 7, 7, 7, 7, 7, 7}, nine = {9, 9, 9, 9, 9, 9, 9, 9};
  const v16c zero = {0};
  u32 seed = 23, sum = 0;
  for (u32 i = 0; i < 2048; i++) a[i] = next_random(&seed) >> 24, b[i] = next_random(&seed) >> 24;
  while (n--) {
    v2l difference = {0, 0};
    for (u32 i = 0; i < 2048; i += 16) {
      v16c va = *(v16c *)(a + i), vb = *(v16c *)(b + i);
      v8s al = (v8s)__builtin_ia32_punpcklbw128(va, zero), ah = (v8s)__builtin_ia32_punpckhbw128(va, zero);
      v8s bl = (v8s)__builtin_ia32_punpcklbw128(vb, zero), bh = (v8s)__builtin_ia32_punpckhbw128(vb, zero);
      v8s low = __builtin_ia32_psrlwi128(al * seven + bl * nine, 4);
      v8s high = __builtin_ia32_psrlwi128(ah * seven + bh * nine, 4);
      v16c blend = __builtin_ia32_packuswb128(low, high);
      difference += (v2l)__builtin_ia32_psadbw128(blend, vb);
      *(v16c *)(a + i) = blend ^ (v16c)(v4i){0x01000100, 0, 0x7F, 0};
    }
    sum = mix(sum, (u32)(difference[0] + difference[1]));
  }
  return sum;
}
