/* What the compiler calls for structures; no kernel is measured by these. */
#include "bench.h"

void *memcpy(void *to, const void *from, u32 bytes)
{
  void *d = to;
  asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(bytes) : : "memory");
  return to;
}

void *memset(void *to, int value, u32 bytes)
{
  void *d = to;
  asm volatile("rep stosb" : "+D"(d), "+c"(bytes) : "a"(value) : "memory");
  return to;
}

int memcmp(const void *a, const void *b, u32 bytes)
{
  const u8 *x = a, *y = b;
  for (; bytes; bytes--, x++, y++)
    if (*x != *y) return *x - *y;
  return 0;
}
