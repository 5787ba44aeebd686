/* Memory: string instructions and loops, in the cache and beyond it, and buffers that a TLB may mix up. */
#include "machine.h"

#define SMALL 16384
#define BIG (4 << 20)

static inline void rep_movsl(void *to, const void *from, u32 words)
{
  asm volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}
static inline void rep_movsb(void *to, const void *from, u32 bytes)
{
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}
static inline void rep_stosl(void *to, u32 value, u32 words)
{
  asm volatile("rep stosl" : "+D"(to), "+c"(words) : "a"(value) : "memory");
}

/* Something to copy, and a look at what came of it. */
static void scatter(u32 *words, u32 count)
{
  u32 seed = 19;
  for (u32 i = 0; i < count; i++) words[i] = next_random(&seed);
}
static u32 sample(const u8 *bytes, u32 length)
{
  u32 sum = length;
  for (u32 i = 0; i < length; i += 1 + length / 272) sum = mix(sum, bytes[i]);
  return sum;
}

/* 4 MiB, quickly: the first 4 KiB over and over. */
static void scatter_big(u8 *bytes)
{
  scatter((u32 *)bytes, 1024);
  rep_movsl(bytes + 4096, bytes, (BIG - 4096) / 4);
}

/* 16 KiB, aligned, by words. */
KERNEL(rep_copy)
{
  u8 *from = ARENA, *to = ARENA + 2 * SMALL;
  scatter((u32 *)from, SMALL / 4);
  for (u32 i = 0; i < n; i++) {
    rep_movsl(to, from, SMALL / 4);
    *(u32 *)(from + (i & 0xFFF) * 4) += i;
  }
  return sample(to, SMALL);
}

/* 16 KiB by bytes, source and destination at odd addresses. */
KERNEL(rep_copy_odd)
{
  u8 *from = ARENA + 1, *to = ARENA + 2 * SMALL + 3;
  scatter((u32 *)ARENA, SMALL / 4 + 1);
  for (u32 i = 0; i < n; i++) {
    rep_movsb(to, from, SMALL);
    from[i & 0x3FFF] += i;
  }
  return sample(to, SMALL);
}

/* 16 KiB set to one word. */
KERNEL(rep_fill)
{
  u32 sum = 0;
  for (u32 i = 0; i < n; i++) {
    rep_stosl(ARENA, i, SMALL / 4);
    sum += *(u32 *)(ARENA + (i & 0xFFF) * 4);
  }
  return sum;
}

/* 64 copies of 4 to 67 bytes: structures, names, packets. */
KERNEL(rep_short)
{
  u8 *from = ARENA, *to = ARENA + SMALL;
  scatter((u32 *)from, SMALL / 4);
  for (u32 i = 0; i < n; i++) {
    for (u32 j = 0; j < 64; j++) {
      u32 length = 4 + ((j * 37 + i) & 63);
      rep_movsl(to + j * 68, from + j * 52, length / 4);
      rep_movsb(to + j * 68 + (length & ~3), from + j * 52 + (length & ~3), length & 3);
    }
  }
  return sample(to, 64 * 68);
}

/* SCASB to the end of a string of 1 KiB, and CMPSB over two that differ at their end. */
KERNEL(rep_scan)
{
  u8 *a = ARENA, *b = ARENA + 4096;
  u32 sum = 0;
  for (u32 i = 0; i < 1024; i++) a[i] = b[i] = 'a' + i % 26;
  a[1023] = 0;
  while (n--) {
    const void *at = a, *left = a, *right = b;
    u32 count = 0xFFFFFFFF, bytes = 1024;
    asm volatile("repne scasb" : "+D"(at), "+c"(count) : "a"(0) : "cc", "memory");
    asm volatile("repe cmpsb" : "+S"(left), "+D"(right), "+c"(bytes) : : "cc", "memory");
    sum = mix(sum, ~count + bytes);
  }
  return sum;
}

/* 4 MiB, aligned, by words. */
KERNEL(rep_copy_big)
{
  u8 *from = ARENA, *to = ARENA + BIG + 4096;
  scatter_big(from);
  for (u32 i = 0; i < n; i++) {
    rep_movsl(to, from, BIG / 4);
    ((u32 *)from)[i * 97 % (BIG / 4)] += i;
  }
  return sample(to, BIG);
}

/* 4 MiB set to one word. */
KERNEL(rep_fill_big)
{
  for (u32 i = 0; i < n; i++) rep_stosl(ARENA, i, BIG / 4);
  return sample(ARENA, BIG);
}

/* 16 KiB by a loop over words. */
KERNEL(loop_copy)
{
  u32 *from = (u32 *)ARENA, *to = (u32 *)(ARENA + 2 * SMALL);
  scatter(from, SMALL / 4);
  for (u32 i = 0; i < n; i++) {
    for (u32 j = 0; j < SMALL / 4; j++) to[j] = from[j] + i;
    OPAQUE(from);
  }
  return sample((u8 *)to, SMALL);
}

/* Bytes and halfwords of 16 KiB, signed and unsigned, summed and stored back. */
KERNEL(loop_bytes)
{
  u8 *bytes = ARENA;
  u32 sum = 0;
  scatter((u32 *)bytes, SMALL / 4);
  while (n--) {
    for (u32 j = 0; j < SMALL; j += 2) {
      sum += bytes[j] + (signed char)bytes[j + 1];
      *(u16 *)(bytes + j) += sum;
    }
    OPAQUE(bytes);
  }
  return mix(sum, sample(bytes, SMALL));
}

/* 4 MiB read and written word by word. */
KERNEL(loop_big)
{
  u32 *words = (u32 *)ARENA, sum = 0;
  scatter_big(ARENA);
  while (n--) {
    for (u32 j = 0; j < BIG / 4; j++) sum += words[j] ^= sum;
    OPAQUE(words);
  }
  return sum;
}

#define BUFFERS 16
#define DISTANCE (4 << 20)
#define BUFFER_PAGES 4

/* 16 buffers of 4 pages at distances of 4 MiB, a word of each in turn: all at the same place of any table that is indexed
   by a few bits of the page number. */
KERNEL(alias)
{
  static u8 mapped;
  u32 sum = 0;
  for (u32 b = 0; b < BUFFERS && !mapped; b++)
    for (u32 p = 0; p < BUFFER_PAGES; p++)
      set_pte(pte_of(&kernel_space, ALIAS_BASE + b * DISTANCE + p * PAGE_SIZE), alloc_page(), PTE_KERNEL);
  mapped = 1;
  for (u32 b = 0; b < BUFFERS; b++) scatter((u32 *)(ALIAS_BASE + b * DISTANCE), BUFFER_PAGES * 1024);
  while (n--) {
    for (u32 j = 0; j < BUFFER_PAGES * 1024; j += 8) {
      volatile u32 *at = (u32 *)ALIAS_BASE + j;
      for (u32 b = 0; b < BUFFERS; b++, at += DISTANCE / 4) sum = mix(sum, *at);
      at[-(s32)(DISTANCE / 4)] = sum;
    }
  }
  return sum;
}

#define PAGES 4096

/* A word in each of 4096 pages (16 MiB), in an order that no prefetch guesses. */
KERNEL(pages)
{
  u32 sum = 0;
  for (u32 p = 0; p < PAGES; p++) *(volatile u32 *)(ARENA + p * PAGE_SIZE + (p & 63) * 64) = p * 2654435761u;
  while (n--) {
    for (u32 i = 0, p = 0; i < PAGES; i++, p = (p * 1597 + 51749) % PAGES) {
      volatile u32 *at = (volatile u32 *)(ARENA + p * PAGE_SIZE + (p & 63) * 64);
      sum = mix(sum, *at);
      *at = sum + i;
    }
  }
  return sum;
}
