/* The memory and string functions that a freestanding compiler expects, and a 64-by-32 division. */
#include "kernel.h"

void *memcpy(void *to, const void *from, u32 bytes)
{
  u32 d0, d1, d2;
  asm volatile("rep movsb" : "=&c"(d0), "=&D"(d1), "=&S"(d2) : "0"(bytes), "1"(to), "2"(from) : "memory");
  return to;
}

void *memset(void *to, int value, u32 bytes)
{
  u32 d0, d1;
  asm volatile("rep stosb" : "=&c"(d0), "=&D"(d1) : "a"(value), "0"(bytes), "1"(to) : "memory");
  return to;
}

int memcmp(const void *a, const void *b, u32 bytes)
{
  const u8 *x = a, *y = b;
  for (u32 i = 0; i < bytes; i++)
    if (x[i] != y[i])
      return x[i] - y[i];
  return 0;
}

u32 strlen(const char *s)
{
  u32 n = 0;
  while (s[n])
    n++;
  return n;
}

int strncmp(const char *a, const char *b, u32 n)
{
  for (u32 i = 0; i < n; i++) {
    if (a[i] != b[i])
      return (u8)a[i] - (u8)b[i];
    if (!a[i])
      return 0;
  }
  return 0;
}

u64 div64(u64 n, u32 base, u32 *rem)
{
  u32 high = n >> 32, low = n, qh = high / base, ql, r = high % base;
  asm("divl %4" : "=a"(ql), "=d"(r) : "0"(low), "1"(r), "rm"(base) : "cc");
  if (rem)
    *rem = r;
  return (u64)qh << 32 | ql;
}
