/**
 * Expressions that fold as they are built: operands of translated code are constants, so that much of what an instruction
 * says in general comes to little where it stands.
 */
import { type BinaryOp, bin, type CompareOp, c32, cmp, type Expr, select, un } from '../ir/ir.ts'
import { Builder, type Size } from '../isa/builder.ts'
import { LOCALS } from './locals.ts'

const INVERSE: Partial<Record<CompareOp, CompareOp>> = {
  eq: 'ne',
  ne: 'eq',
  lt_s: 'ge_s',
  ge_s: 'lt_s',
  gt_s: 'le_s',
  le_s: 'gt_s',
  lt_u: 'ge_u',
  ge_u: 'lt_u',
  gt_u: 'le_u',
  le_u: 'gt_u',
}
const COMPARE: Partial<Record<CompareOp, (a: number, b: number) => boolean>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt_s: (a, b) => a < b,
  lt_u: (a, b) => a >>> 0 < b >>> 0,
  gt_u: (a, b) => a >>> 0 > b >>> 0,
}

/** The value of a 32-bit constant; null for anything else. */
export const constant = (e: Expr): number | null => (e.k === 'const' && e.t === 'i32' ? Number(e.v) : null)

export abstract class FoldingBuilder extends Builder {
  /** Bits that a local is known to have at most. */
  readonly #bits = new Map<number, number>()

  /** The sum is a host address of a page that was looked up: its parts are looked for by their shape. */
  protected abstract isHostAddress(e: Expr): boolean

  override op(op: BinaryOp, a: Expr, b: Expr | number): Expr {
    const right: Expr = typeof b === 'number' ? (a.t === 'i64' ? { k: 'const', t: 'i64', v: BigInt(b) } : c32(b)) : b
    const n = constant(right)
    if (a.t === 'i32' && n === null && (op === 'add' || op === 'and' || op === 'or' || op === 'xor')) {
      const m = constant(a)
      if (m !== null) return this.op(op, right, m)
    }
    if (n !== null) {
      if (op === 'sub') return this.op('add', a, -n | 0)
      if (op === 'add' && a.k === 'bin' && a.op === 'add' && !this.isHostAddress(a)) {
        const m = constant(a.b)
        if (m !== null) return bin('add', a.a, c32(m + n))
      }
      if (op === 'and' && n === -1) return a
      if (op === 'and' && n > 0 && (n & (n + 1)) === 0 && this.#bitsOf(a) <= 32 - Math.clz32(n)) return a
      if (op === 'and' && n === 0 && a.k !== 'call') return c32(0)
      if (op === 'mul' && constant(a) !== null) return c32(Math.imul(constant(a) as number, n))
    }
    if ((op === 'and' || op === 'or') && a.k === 'local' && right.k === 'local' && a.i === right.i && a.t === right.t) {
      return a
    }
    if (op === 'xor' && a.t === 'i32' && a.k === 'local' && right.k === 'local' && a.i === right.i) return c32(0)
    return bin(op, a, right)
  }
  /** A local that is set in two ways may have as many bits as the wider of them. */
  override set(l: Expr, v: Expr): void {
    if (l.k === 'local' && l.t === 'i32') {
      const bits = this.#bitsOf(v)
      this.#bits.set(l.i, Math.max(bits, this.#bits.get(l.i) ?? 0))
    }
    super.set(l, v)
  }
  override cmp(op: CompareOp, a: Expr, b: Expr | number): Expr {
    const right: Expr = typeof b === 'number' ? (a.t === 'i64' ? { k: 'const', t: 'i64', v: BigInt(b) } : c32(b)) : b
    const [m, n] = [constant(a), constant(right)]
    const fold = COMPARE[op]
    if (m !== null && n !== null && fold) return c32(fold(m, n) ? 1 : 0)
    if (n === 0 && op === 'ne' && (a.k === 'cmp' || (a.k === 'un' && a.op === 'eqz'))) return a
    if (n === 0 && op === 'eq') return this.eqz(a)
    return cmp(op, a, right)
  }
  override eqz(a: Expr): Expr {
    const n = constant(a)
    if (n !== null) return c32(n === 0 ? 1 : 0)
    const inverse = a.k === 'cmp' && a.t === 'i32' ? INVERSE[a.op] : undefined
    if (a.k === 'cmp' && inverse !== undefined) return cmp(inverse, a.a, a.b)
    return un('eqz', a)
  }
  override un(op: Parameters<typeof un>[0], a: Expr): Expr {
    const n = constant(a)
    if (n !== null && op === 'extend8_s') return c32((n << 24) >> 24)
    if (n !== null && op === 'extend16_s') return c32((n << 16) >> 16)
    return op === 'eqz' ? this.eqz(a) : un(op, a)
  }
  override select(c: Expr, a: Expr, b: Expr): Expr {
    const n = constant(c)
    return n === null ? select(c, a, b) : n !== 0 ? a : b
  }
  override ext(v: Expr, size: Size = this.size): Expr {
    return size === 1 ? this.un('extend8_s', v) : size === 2 ? this.un('extend16_s', v) : v
  }
  override zext(v: Expr, size: Size = this.size): Expr {
    return size === 4 || this.#bitsOf(v) <= size * 8 ? v : this.and(v, size === 1 ? 0xff : 0xffff)
  }
  #bitsOf(e: Expr): number {
    switch (e.k) {
      case 'const':
        return e.t === 'i32' ? 32 - Math.clz32(Number(e.v)) : 64
      case 'local':
        return (e.t === 'i32' && e.i >= LOCALS.first ? this.#bits.get(e.i) : undefined) ?? 64
      case 'load':
        return e.w === '8u' ? 8 : e.w === '16u' ? 16 : 64
      case 'cmp':
        return 1
      case 'un':
        return e.op === 'eqz' ? 1 : 64
      case 'bin':
        return e.op === 'and' ? Math.min(this.#bitsOf(e.a), this.#bitsOf(e.b)) : 64
      default:
        return 64
    }
  }
  /** The largest value that `e` can have, unsigned; 2^64 - 1 where that is not known. */
  protected most(e: Expr): number {
    if (e.k === 'bin' && e.op === 'add') return this.most(e.a) + this.most(e.b)
    if (e.k === 'bin' && e.op === 'shl' && e.b.k === 'const') return this.most(e.a) * 2 ** Number(e.b.v)
    return 2 ** this.#bitsOf(e) - 1
  }
  /** Values that never change, and sums of one and a constant, stand for themselves. */
  override let(e: Expr): Expr {
    if (e.k === 'const' || e.k === 'local') return e
    if (e.t === 'i32' && e.k === 'bin' && e.op === 'add' && e.a.k === 'local' && e.b.k === 'const') return e
    const l = this.temp(e.t)
    this.set(l, e)
    return l
  }
}
