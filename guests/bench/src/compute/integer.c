/* Integer work that stays in the cache: what processors have been compared by for as long as there are any. */
#include "bench.h"

#define SIEVE 32768

/* The primes below 32768, by Eratosthenes. */
KERNEL(sieve)
{
  u8 *composite = ARENA;
  u32 sum = 0;
  while (n--) {
    u32 count = 0;
    for (u32 i = 0; i < SIEVE; i++) composite[i] = 0;
    for (u32 i = 2; i < SIEVE; i++) {
      if (composite[i]) continue;
      count++;
      for (u32 j = i + i; j < SIEVE; j += i) composite[j] = 1;
    }
    sum = mix(sum, count);
  }
  return sum;
}

/* CRC-32 of 4 KiB by a table of 256 words (the polynomial of ITU-T V.42). */
KERNEL(crc32)
{
  u32 *table = (u32 *)ARENA;
  u8 *data = ARENA + 4096;
  u32 seed = 1, sum = 0;
  for (u32 i = 0; i < 256; i++) {
    u32 c = i;
    for (u32 k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  for (u32 i = 0; i < 4096; i++) data[i] = next_random(&seed) >> 24;
  while (n--) {
    u32 c = ~sum;
    for (u32 i = 0; i < 4096; i++) c = table[(c ^ data[i]) & 255] ^ (c >> 8);
    sum = ~c;
  }
  return sum;
}

/* Shifts, rotates, byte swaps, bit scans and counts of bits: 256 rounds. */
KERNEL(bits)
{
  u32 x = 0x9E3779B9, sum = 0;
  while (n--) {
    for (u32 i = 0; i < 256; i++) {
      x ^= x << 13;
      x ^= x >> 17;
      x ^= x << 5;
      u32 v = x - ((x >> 1) & 0x55555555);
      v = (v & 0x33333333) + ((v >> 2) & 0x33333333);
      v = (((v + (v >> 4)) & 0x0F0F0F0F) * 0x01010101) >> 24;
      u32 low, swapped = x;
      asm("bsfl %1, %0" : "=r"(low) : "r"(x | 0x80000000) : "cc");
      asm("stc; rcrl $1, %0; bswap %0" : "+r"(swapped) : : "cc");
      sum = mix(sum, v + low) + swapped;
      sum += (x >> (v & 31)) ^ (x << (low & 31));
    }
  }
  return sum;
}

/* Division: the greatest common divisors of 64 pairs, and a 64-bit value in decimal. */
KERNEL(divide)
{
  u32 seed = 7, sum = 0;
  while (n--) {
    for (u32 i = 0; i < 64; i++) {
      u32 a = next_random(&seed), b = next_random(&seed) | 1;
      while (b) {
        u32 rest = a % b;
        a = b;
        b = rest;
      }
      sum = mix(sum, a);
    }
    u32 high = next_random(&seed), low = next_random(&seed);
    for (u32 digit = 0; digit < 20; digit++) {
      u32 rest;
      asm("divl %4" : "=a"(high), "=d"(rest) : "0"(high), "1"(0), "r"(10) : "cc");
      asm("divl %4" : "=a"(low), "=d"(rest) : "0"(low), "1"(rest), "r"(10) : "cc");
      sum = mix(sum, rest);
    }
  }
  return sum;
}

#define LIMBS 32

/* Products of two numbers of 1024 bits: MUL and ADC. */
KERNEL(bignum)
{
  u32 a[LIMBS], b[LIMBS], product[2 * LIMBS], seed = 3, sum = 0;
  for (u32 i = 0; i < LIMBS; i++) a[i] = next_random(&seed), b[i] = next_random(&seed);
  while (n--) {
    for (u32 i = 0; i < 2 * LIMBS; i++) product[i] = 0;
    for (u32 i = 0; i < LIMBS; i++) {
      u32 carry = 0;
      for (u32 j = 0; j < LIMBS; j++) {
        u64 t = (u64)a[i] * b[j] + product[i + j] + carry;
        product[i + j] = t;
        carry = t >> 32;
      }
      product[i + LIMBS] = carry;
    }
    for (u32 i = 0; i < LIMBS; i++) a[i] = product[i + LIMBS / 2] | 1;
    sum = mix(sum, product[LIMBS]);
  }
  return sum;
}
