/* Code that changes: an instruction's immediate, data beside code, functions made anew, a jump switched on and off. */
#include "bench.h"

typedef u32 made_t(u32 value) __attribute__((regparm(3)));

#define CODE_BYTES 16384
static u8 code[CODE_BYTES] __attribute__((aligned(4096)));

static NOINLINE u32 call_made(const u8 *at, u32 value) { return ((made_t *)at)(value); }

/* An immediate patched before each of 4 calls. */
KERNEL(smc_immediate)
{
  u32 sum = 0;
  code[0] = 0x05; /* add $imm32, %eax */
  code[5] = 0xC3; /* ret */
  for (u32 i = 0; i < n; i++) {
    *(volatile u32 *)(code + 1) = i * 2654435761u;
    for (u32 j = 0; j < 4; j++) sum = call_made(code, sum);
  }
  return sum;
}

/* A function that counts in a word of its own page, 512 bytes away from it: nothing that runs ever changes. */
KERNEL(smc_beside)
{
  u8 *at = code + 4096;
  volatile u32 *word = (volatile u32 *)(at + 512);
  u32 sum = 0;
  *word = 0;
  at[0] = 0x01, at[1] = 0x05; /* add %eax, (word) */
  *(u32 *)(at + 2) = (u32)word;
  at[6] = 0xA1; /* mov (word), %eax */
  *(u32 *)(at + 7) = (u32)word;
  at[11] = 0xC3;
  while (n--) sum = mix(sum, call_made(at, n));
  return sum;
}

/* A function of 17 instructions written at one of 64 places, then called 8 times: a small just-in-time compiler. */
KERNEL(smc_generate)
{
  u32 sum = 1;
  for (u32 i = 0; i < n; i++) {
    u8 *start = code + 8192 + (i & 63) * 96, *at = start;
    for (u32 j = 0; j < 8; j++) {
      *at++ = j & 1 ? 0x35 : 0x05; /* xor or add $imm32, %eax */
      *(u32 *)at = i * 0x01000193 + j;
      at += 4;
      *at++ = 0xC1, *at++ = 0xC0, *at++ = 1 + ((i + j) & 7); /* rol $imm8, %eax */
    }
    *at++ = 0xC3;
    for (u32 j = 0; j < 8; j++) sum = call_made(start, sum);
  }
  return sum;
}

/* A jump label (static key): five bytes of NOP or JMP, switched after every 32 calls. */
KERNEL(smc_label)
{
  static const u8 off[5] = {0x0F, 0x1F, 0x44, 0x00, 0x00};
  u8 *at = code + 2048;
  u32 sum = 0;
  at[5] = 0x83, at[6] = 0xC0, at[7] = 3; /* add $3, %eax */
  at[8] = 0xC3;
  at[9] = 0x35, *(u32 *)(at + 10) = 0x55AA55AA; /* xor $imm32, %eax */
  at[14] = 0xC3;
  for (u32 i = 0; i < n; i++) {
    if (i & 1) {
      at[0] = 0xE9, *(u32 *)(at + 1) = 4;
    } else {
      for (u32 j = 0; j < 5; j++) at[j] = off[j];
    }
    for (u32 j = 0; j < 32; j++) sum = call_made(at, sum + j);
  }
  return sum;
}
