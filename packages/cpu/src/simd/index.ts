/**
 * MMX, SSE and SSE2 as one table: {@link SIMD_OPS}. A decoder finds an entry by mandatory prefix, the byte after 0F,
 * modrm.reg where `ext` is given, and whether the operand is memory. PREFETCHh (0F 18) is a no-operation of the
 * integer set.
 */
import { APPROXIMATE_OPS } from './approximate.ts'
import { ARITHMETIC_OPS } from './arithmetic.ts'
import { COMPARE_OPS } from './compare.ts'
import { CONVERT_OPS } from './convert.ts'
import { STATE_OPS } from './fxsave.ts'
import { INTEGER_OPS } from './integer.ts'
import { MOVE_OPS } from './move.ts'
import type { SimdOp } from './op.ts'
import { SHIFT_OPS } from './shift.ts'
import { SHUFFLE_OPS } from './shuffle.ts'

export type { SimdOp } from './op.ts'

/** Every MMX, SSE and SSE2 instruction form. */
export const SIMD_OPS: readonly SimdOp[] = [
  ...MOVE_OPS,
  ...INTEGER_OPS,
  ...SHIFT_OPS,
  ...SHUFFLE_OPS,
  ...ARITHMETIC_OPS,
  ...COMPARE_OPS,
  ...CONVERT_OPS,
  ...APPROXIMATE_OPS,
  ...STATE_OPS,
]
