/* What every kernel (here: a piece of work that is measured) sees of the program around it. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "layout.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

/*
 * A kernel does its work `n` times over and returns a checksum of all that it computed: the same number from every
 * processor that is right. It may keep nothing from one run to the next that would change it.
 */
struct kernel {
  const char *name;
  u32 (*run)(u32 n);
};
#define KERNEL(id)                                                                                 \
  static u32 run_##id(u32 n);                                                                      \
  static const struct kernel kernel_##id __attribute__((section(".kernels"), used)) = {#id, run_##id}; \
  static u32 run_##id(u32 n)

/* Its own function, whatever the compiler learns about its callers. */
#define NOINLINE __attribute__((noipa))
/* The compiler may not know the value any more, and every store before is done. */
#define OPAQUE(value) asm volatile("" : "+r"(value) : : "memory")

/* Memory of the kernels: ARENA_BYTES in the linear map, with what the last kernel left in it. */
#define ARENA ((u8 *)(PAGE_OFFSET + ARENA_PA))

/* Numerical Recipes' 32-bit linear congruential generator. */
static inline u32 next_random(u32 *state) { return *state = *state * 1664525 + 1013904223; }
/* Mixes a value into a checksum. */
static inline u32 mix(u32 sum, u32 value) { return ((sum << 5) | (sum >> 27)) + (value ^ 0x9E3779B9); }

static inline u8 inb(u16 port)
{
  u8 value;
  asm volatile("inb %w1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline void outb(u8 value, u16 port) { asm volatile("outb %0, %w1" : : "a"(value), "Nd"(port)); }
static inline void outl(u32 value, u16 port) { asm volatile("outl %0, %w1" : : "a"(value), "Nd"(port)); }

void console_init(void);
void print(const char *text);
void print_hex(u32 value);
void print_decimal(u32 value);
/* Says why, and ends. */
void panic(const char *why, u32 value) __attribute__((noreturn));

void *memcpy(void *to, const void *from, u32 bytes);
void *memset(void *to, int value, u32 bytes);
int memcmp(const void *a, const void *b, u32 bytes);

#endif
