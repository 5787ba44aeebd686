/**
 * The x87 register stack in generated code: what fpu/registers.ts says for the exact functions. Numbers here are normal or
 * zero and nothing else; a kernel declines whatever it does not know how to do.
 */
import { c32, c64, type Expr, load } from '../../ir/ir.ts'
import type { KernelBuilder } from '../../kernels/module.ts'
import { FPR, FPU_CW, FPU_SW, FPU_TOP, FPU_TW } from '../../state.ts'
import { x87Usable } from '../simd/form.ts'

export const TOP_BIT: Expr = c64(1n << 63n)
export const SW_C1 = 0x200
const SW_PE = 0x20
export const CW_PM = 0x20
export const CW_RC = 0xc00
export const EXPONENT = 0x7fff
export const BIAS = 0x3fff

/** A number in locals: sign and exponent as in a register, significand. */
export interface Number80 {
  readonly se: Expr
  readonly sig: Expr
}

/** Ends the kernel, with nothing done, when the condition holds. */
export function declineIf(b: KernelBuilder, condition: Expr): void {
  b.if(condition, () => b.decline())
}

/** The checks before every waiting instruction. Everything below is used after it, and before the first change. */
export function begin(b: KernelBuilder): Stack {
  declineIf(b, b.eqz(x87Usable(b)))
  return new Stack(b)
}

/** Control word bits of an operation that rounds to nearest and need not report that it is inexact. */
export function requireNearest(b: KernelBuilder): Expr {
  const cw = b.let(b.word(FPU_CW))
  declineIf(b, b.cmp('ne', b.and(cw, CW_RC | CW_PM), CW_PM))
  return cw
}

/** ea − 1 below this: the exponent of a normal number. */
const NORMAL = EXPONENT - 1

export class Stack {
  readonly #b: KernelBuilder
  readonly #top: Expr
  readonly #tags: Expr

  constructor(b: KernelBuilder) {
    this.#b = b
    this.#top = b.let(b.word(FPU_TOP))
    this.#tags = b.let(b.word(FPU_TW))
  }
  #physical(i: Expr | number): Expr {
    const b = this.#b
    return b.let(i === 0 ? this.#top : b.and(b.add(this.#top, i), 7))
  }
  #slot(physical: Expr): Expr {
    const b = this.#b
    return b.let(b.add(b.shl(physical, 4), FPR))
  }
  /** Non-zero when the register is empty: while the unit runs, a tag is 0 or 3. */
  #empty(physical: Expr): Expr {
    const b = this.#b
    return b.and(b.shr(this.#tags, b.shl(physical, 1)), 1)
  }
  /** State address of ST(i), which must not be empty. */
  occupied(i: Expr | number): Expr {
    const physical = this.#physical(i)
    declineIf(this.#b, this.#empty(physical))
    return this.#slot(physical)
  }
  /** State address of ST(i), whatever its tag, and its bits of the tag word. */
  any(i: Expr | number): { slot: Expr; tag: Expr } {
    const physical = this.#physical(i)
    return { slot: this.#slot(physical), tag: this.#b.shl(c32(3), this.#b.shl(physical, 1)) }
  }
  /** Whatever is in the register at `slot`. */
  raw(slot: Expr): Number80 {
    const b = this.#b
    return { se: b.let(load('16u', slot, 8)), sig: b.let(load('64', slot)) }
  }
  put(slot: Expr, { se, sig }: Number80): void {
    this.#b.store('64', slot, sig)
    this.#b.store('16', slot, se, 8)
  }
  /** Pushes; the register below the top must be empty. */
  push(n: Number80): void {
    const b = this.#b
    const top = b.let(b.and(b.sub(this.#top, 1), 7))
    declineIf(b, b.eqz(this.#empty(top)))
    b.setWord(FPU_TOP, top)
    b.setWord(FPU_TW, b.and(this.#tags, b.not(b.shl(c32(3), b.shl(top, 1)))))
    this.put(this.#slot(top), n)
    this.clearC1()
  }
  /** Frees ST(0) … ST(n − 1) and moves the top; `fill` are bits of the tag word that a register written is to lose. */
  pop(n: 1 | 2 = 1, fill?: Expr): void {
    const b = this.#b
    let tags = fill === undefined ? this.#tags : b.and(this.#tags, b.not(fill))
    tags = b.or(tags, b.shl(c32(3), b.shl(this.#top, 1)))
    if (n === 2) tags = b.or(tags, b.shl(c32(3), b.shl(b.and(b.add(this.#top, 1), 7), 1)))
    b.setWord(FPU_TW, tags)
    b.setWord(FPU_TOP, b.and(b.add(this.#top, n), 7))
  }
  setTags(fill: Expr): void {
    const b = this.#b
    b.setWord(FPU_TW, b.and(this.#tags, b.not(fill)))
  }
  clearC1(): void {
    const b = this.#b
    b.setWord(FPU_SW, b.and(b.word(FPU_SW), ~SW_C1))
  }
  /** PE and C1 as an operation leaves them: both conditions 0 or 1, `up` only with `inexact`. */
  report(inexact: Expr, up: Expr): void {
    const b = this.#b
    const flags = b.or(b.op('mul', inexact, SW_PE), b.op('mul', up, SW_C1))
    b.setWord(FPU_SW, b.or(b.and(b.word(FPU_SW), ~SW_C1), flags))
  }
}

/** Non-zero for a normal number. */
export function isNormal(b: KernelBuilder, { se, sig }: Number80): Expr {
  return b.and(b.cmp('lt_u', b.sub(b.and(se, EXPONENT), 1), NORMAL), b.cmp('lt_s', sig, 0))
}
/** Non-zero for a zero of either sign. */
export function isZero(b: KernelBuilder, { se, sig }: Number80): Expr {
  return b.and(b.eqz(b.and(se, EXPONENT)), b.eqz(sig))
}
export function declineUnlessNumber(b: KernelBuilder, n: Number80): void {
  b.if(b.eqz(isNormal(b, n)), () => declineIf(b, b.eqz(isZero(b, n))))
}
export const signOf = (b: KernelBuilder, n: Number80): Expr => b.and(n.se, 0x8000)
