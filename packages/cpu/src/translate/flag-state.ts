/**
 * Arithmetic flags in a region: not computed when an instruction sets them, but described by what set them. Where
 * nobody knows statically which description holds, four locals say it: kind, two operands, result.
 */
import { type CompareOp, c32, cmp, type Expr } from '../ir/ir.ts'
import type { Size } from '../isa/builder.ts'

export type FlagKind = 'raw' | 'logic' | 'add' | 'sub' | 'inc' | 'dec'

/**
 * `memory`: LF_RESULT and LF_AUX hold them · `dynamic`: the four locals do · the others by operands `a` and `b` and
 * result `r`, which are constants or locals that nobody sets any more. `raw`: `r` is LF_RESULT and `a` LF_AUX; `inc` and
 * `dec`: `a` is the carry that stays.
 */
export type FlagState = { readonly kind: 'memory' } | { readonly kind: 'dynamic' } | Described

interface Described {
  readonly kind: FlagKind
  readonly size: Size
  readonly a: Expr
  readonly b: Expr
  readonly r: Expr
}

export const IN_MEMORY: FlagState = { kind: 'memory' }
export const DYNAMIC: FlagState = { kind: 'dynamic' }

const KINDS: readonly FlagKind[] = ['raw', 'logic', 'add', 'sub', 'inc', 'dec']
const SIZES: readonly Size[] = [1, 2, 4]

/** Number of a description in the kind local; 0 there means memory. */
export function kindNumber(kind: FlagKind, size: Size): number {
  return 1 + KINDS.indexOf(kind) * SIZES.length + SIZES.indexOf(size)
}
export function kindOf(number: number): { kind: FlagKind; size: Size } {
  return { kind: KINDS[Math.floor((number - 1) / SIZES.length)], size: SIZES[(number - 1) % SIZES.length] }
}

/** What a condition needs of the builder. */
interface Extend {
  ext(v: Expr, size: Size): Expr
  zext(v: Expr, size: Size): Expr
}

/**
 * Condition code `cc` (0–15) straight from a description, as one comparison; null when it has to go by way of
 * LF_RESULT and LF_AUX.
 */
export function directCondition(x: Extend, state: FlagState, cc: number): Expr | null {
  if (state.kind === 'memory' || state.kind === 'dynamic') return null
  const { a, b, r, size } = state
  const signed = (op: CompareOp): Expr => cmp(op, x.ext(a, size), x.ext(b, size))
  const unsigned = (op: CompareOp): Expr => cmp(op, x.zext(a, size), x.zext(b, size))
  const result = (op: CompareOp): Expr => cmp(op, op === 'eq' || op === 'ne' ? x.zext(r, size) : x.ext(r, size), c32(0))
  const inverse = (cc & 1) !== 0
  switch (cc >> 1) {
    case 2:
      if (state.kind === 'sub') return unsigned(inverse ? 'ne' : 'eq')
      return state.kind === 'raw' ? null : result(inverse ? 'ne' : 'eq')
    case 4:
      return state.kind === 'raw' ? null : result(inverse ? 'ge_s' : 'lt_s')
    case 1:
      if (state.kind === 'sub') return unsigned(inverse ? 'ge_u' : 'lt_u')
      if (state.kind === 'add') return cmp(inverse ? 'ge_u' : 'lt_u', x.zext(r, size), x.zext(a, size))
      return state.kind === 'logic' ? c32(inverse ? 1 : 0) : null
    case 3:
      if (state.kind === 'sub') return unsigned(inverse ? 'gt_u' : 'le_u')
      return state.kind === 'logic' ? result(inverse ? 'ne' : 'eq') : null
    case 6:
      if (state.kind === 'sub') return signed(inverse ? 'ge_s' : 'lt_s')
      return state.kind === 'logic' ? result(inverse ? 'ge_s' : 'lt_s') : null
    case 7:
      if (state.kind === 'sub') return signed(inverse ? 'gt_s' : 'le_s')
      return state.kind === 'logic' ? result(inverse ? 'gt_s' : 'le_s') : null
    default:
      return null
  }
}
