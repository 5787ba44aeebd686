/* A bytecode machine, dispatched in the two usual ways: one jump table for all, and one jump at the end of each bytecode. */
#include "bench.h"

enum { LOADI, MOVE, ADD, SUB, XOR, SHR, LOAD, STORE, JNZ, JLT, HALT, OPS };

/* op, a, b, c. Registers are 8 words; JNZ and JLT go to bytecode c (JNZ: b is 0). */
#define I(op, a, b, c) ((u32)(op) | (a) << 8 | (b) << 16 | (u32)(c) << 24)

static const u32 program[] = {
  I(LOADI, 0, 0, 200), /* 0: counter */
  I(LOADI, 1, 0, 1),
  I(LOADI, 2, 0, 0),  /* sum */
  I(LOADI, 3, 0, 100),
  I(LOADI, 6, 0, 0),
  I(ADD, 2, 2, 0),    /* 5: loop */
  I(XOR, 4, 2, 0),
  I(SHR, 5, 4, 3),
  I(STORE, 4, 0, 0),  /* memory[counter] = r4 */
  I(LOAD, 7, 6, 0),   /* r7 = memory[r6] */
  I(ADD, 2, 2, 7),
  I(JLT, 0, 3, 14),   /* counter < 100 */
  I(ADD, 6, 6, 1),
  I(SUB, 2, 2, 5),
  I(MOVE, 6, 0, 0),   /* 14 */
  I(SUB, 0, 0, 1),
  I(JNZ, 0, 0, 5),
  I(HALT, 0, 0, 0),
};

#define A(i) ((i) >> 8 & 7)
#define B(i) ((i) >> 16 & 7)
#define C(i) ((i) >> 24)

static NOINLINE u32 by_switch(const u32 *code, u32 *memory)
{
  u32 r[8] = {0};
  for (const u32 *pc = code;;) {
    u32 i = *pc++;
    switch (i & 255) {
    case LOADI: r[A(i)] = C(i); break;
    case MOVE: r[A(i)] = r[B(i)]; break;
    case ADD: r[A(i)] = r[B(i)] + r[C(i) & 7]; break;
    case SUB: r[A(i)] = r[B(i)] - r[C(i) & 7]; break;
    case XOR: r[A(i)] = r[B(i)] ^ r[C(i) & 7]; break;
    case SHR: r[A(i)] = r[B(i)] >> (C(i) & 7); break;
    case LOAD: r[A(i)] = memory[r[B(i)] & 255]; break;
    case STORE: memory[r[B(i)] & 255] = r[A(i)]; break;
    case JNZ: if (r[A(i)]) pc = code + C(i); break;
    case JLT: if (r[A(i)] < r[B(i)]) pc = code + C(i); break;
    case HALT: return r[2];
    default: panic("bytecode", i);
    }
  }
}

static NOINLINE u32 by_goto(const u32 *code, u32 *memory)
{
  static const void *const labels[OPS] = {&&loadi, &&move, &&add, &&sub, &&xor, &&shr, &&load, &&store, &&jnz, &&jlt, &&halt};
  u32 r[8] = {0};
  const u32 *pc = code;
  u32 i;
#define NEXT i = *pc++; goto *labels[i & 255]
  NEXT;
loadi: r[A(i)] = C(i); NEXT;
move: r[A(i)] = r[B(i)]; NEXT;
add: r[A(i)] = r[B(i)] + r[C(i) & 7]; NEXT;
sub: r[A(i)] = r[B(i)] - r[C(i) & 7]; NEXT;
xor: r[A(i)] = r[B(i)] ^ r[C(i) & 7]; NEXT;
shr: r[A(i)] = r[B(i)] >> (C(i) & 7); NEXT;
load: r[A(i)] = memory[r[B(i)] & 255]; NEXT;
store: memory[r[B(i)] & 255] = r[A(i)]; NEXT;
jnz: if (r[A(i)]) pc = code + C(i); NEXT;
jlt: if (r[A(i)] < r[B(i)]) pc = code + C(i); NEXT;
halt: return r[2];
}

static u32 interpret(u32 (*machine)(const u32 *, u32 *), u32 n)
{
  u32 *memory = (u32 *)ARENA, sum = 0;
  for (u32 i = 0; i < 256; i++) memory[i] = i;
  while (n--) sum = mix(sum, machine(program, memory));
  return sum;
}

KERNEL(vm_switch) { return interpret(by_switch, n); }
KERNEL(vm_goto) { return interpret(by_goto, n); }
