/** The whole instruction set, family by family. */
import { ARITH } from './arith.ts'
import { BIT } from './bit.ts'
import { CONTROL } from './control.ts'
import type { Insn } from './define.ts'
import { EFLAGS } from './eflags.ts'
import { FPU } from './fpu.ts'
import { MOVE } from './move.ts'
import { SHIFT } from './shift.ts'
import { STACK } from './stack.ts'
import { STRING } from './string.ts'
import { SYSTEM } from './system.ts'

export const ISA: readonly Insn[] = [
  ...ARITH,
  ...SHIFT,
  ...BIT,
  ...MOVE,
  ...STACK,
  ...EFLAGS,
  ...CONTROL,
  ...STRING,
  ...SYSTEM,
  ...FPU,
]
