/**
 * Floating-point values of one precision, alone or a vector of them, for the forms of SSE arithmetic: the same words for
 * ADDSS and ADDPD. Conditions on scalars are i32, on vectors masks.
 */
import { c64, type Expr, un, v128, wide } from '../../ir/ir.ts'
import type { Builder } from '../builder.ts'

const cell = new DataView(new ArrayBuffer(8))

/** What differs between the precisions; exponents of two. */
interface Precision {
  readonly bytes: 4 | 8
  readonly scalar: 'f32' | 'f64'
  readonly vector: 'f32x4' | 'f64x2'
  readonly minNormal: number
  readonly max: number
  /** Veltkamp's splitter, and magnitudes between which Dekker's product neither over- nor underflows. */
  readonly splitter: number
  readonly safeMin: number
  readonly safeMax: number
}
const SINGLE: Precision = {
  bytes: 4,
  scalar: 'f32',
  vector: 'f32x4',
  minNormal: 2 ** -126,
  max: (2 - 2 ** -23) * 2 ** 127,
  splitter: 2 ** 12 + 1,
  safeMin: 2 ** -45,
  safeMax: 2 ** 45,
}
const DOUBLE: Precision = {
  bytes: 8,
  scalar: 'f64',
  vector: 'f64x2',
  minNormal: 2 ** -1022,
  max: Number.MAX_VALUE,
  splitter: 2 ** 27 + 1,
  safeMin: 2 ** -400,
  safeMax: 2 ** 400,
}

export class Lanes {
  readonly #b: Builder
  readonly #shape: string
  readonly precision: Precision
  readonly scalar: boolean

  constructor(b: Builder, bytes: 4 | 8, scalar: boolean) {
    this.#b = b
    this.precision = bytes === 4 ? SINGLE : DOUBLE
    this.scalar = scalar
    this.#shape = scalar ? this.precision.scalar : this.precision.vector
  }
  /** The value of an XMM operand: its low element, or all of it. */
  of(v: Expr): Expr {
    return this.#b.let(this.scalar ? wide(`${this.precision.vector}.extract_lane`, [v], [0]) : v)
  }
  /** `value` in place of the low element of `v`, or of all. */
  into(v: Expr, value: Expr): Expr {
    return this.scalar ? wide(`${this.precision.vector}.replace_lane`, [v, value], [0]) : value
  }
  op(name: string, ...args: Expr[]): Expr {
    return wide(`${this.#shape}.${name}`, args)
  }
  /** The same number in every element. */
  constant(value: number): Expr {
    const { bytes, scalar } = this.precision
    if (bytes === 4) cell.setFloat32(0, value, true)
    else cell.setFloat64(0, value, true)
    const one = Array.from({ length: bytes }, (_, i) => cell.getUint8(i))
    if (this.scalar) return wide(`${scalar}.const`, [], one)
    return v128(Array.from({ length: 16 }, (_, i) => one[i % bytes] as number))
  }
  abs(v: Expr): Expr {
    return this.op('abs', v)
  }
  isZero(v: Expr): Expr {
    return this.op('eq', v, this.constant(0))
  }
  and(...conditions: Expr[]): Expr {
    return conditions.reduce((a, b) => (this.scalar ? this.#b.and(a, b) : wide('v128.and', [a, b])))
  }
  or(...conditions: Expr[]): Expr {
    return conditions.reduce((a, b) => (this.scalar ? this.#b.or(a, b) : wide('v128.or', [a, b])))
  }
  /** Holds for every element: an i32. */
  all(condition: Expr): Expr {
    return this.scalar ? condition : wide('i32x4.all_true', [condition])
  }
  /** Holds for some element: an i32. */
  some(condition: Expr): Expr {
    return this.scalar ? condition : wide('v128.any_true', [condition])
  }
  /** No denormal: those raise DE. Not meant for NaNs, which may pass. */
  notDenormal(v: Expr): Expr {
    const b = this.#b
    const { minNormal, bytes } = this.precision
    if (!this.scalar) return this.or(this.op('ge', this.abs(v), this.constant(minNormal)), this.isZero(v))
    // Without the sign and less one, zeros are the largest numbers.
    const bits = wide(bytes === 4 ? 'i32.reinterpret_f32' : 'i64.reinterpret_f64', [v])
    return b.cmp('ge_u', b.sub(b.shl(bits, 1), 1), bytes === 4 ? b.c(2 ** 24 - 1) : c64(2n ** 53n - 1n))
  }
  denormal(v: Expr): Expr {
    const m = this.#b.let(this.abs(v))
    return this.and(this.op('lt', m, this.constant(this.precision.minNormal)), this.op('gt', m, this.constant(0)))
  }
  notNaN(v: Expr): Expr {
    return this.op('eq', v, v)
  }
  finite(v: Expr): Expr {
    return this.op('le', this.abs(v), this.constant(this.precision.max))
  }
  /** Larger than the smallest normal number: not tiny before rounding either. */
  ample(v: Expr): Expr {
    return this.op('gt', this.abs(v), this.constant(this.precision.minNormal))
  }

  /** a + b = r without rounding (Knuth's TwoSum). */
  sumExact(a: Expr, b: Expr, r: Expr): Expr {
    const sub = (x: Expr, y: Expr): Expr => this.op('sub', x, y)
    const virtual = this.#b.let(sub(r, a))
    return this.isZero(this.op('add', sub(a, sub(r, virtual)), sub(b, virtual)))
  }
  #safe(v: Expr): Expr {
    const m = this.#b.let(this.abs(v))
    const { safeMin, safeMax } = this.precision
    return this.and(this.op('gt', m, this.constant(safeMin)), this.op('lt', m, this.constant(safeMax)))
  }
  /** a × b = r without rounding (Dekker's product), as far as that can be told. */
  productExact(a: Expr, b: Expr, r: Expr): Expr {
    const { precision } = this
    const mul = (x: Expr, y: Expr): Expr => this.op('mul', x, y)
    const sub = (x: Expr, y: Expr): Expr => this.op('sub', x, y)
    const add = (x: Expr, y: Expr): Expr => this.op('add', x, y)
    const split = (v: Expr): [Expr, Expr] => {
      const c = this.#b.let(mul(this.constant(precision.splitter), v))
      const high = this.#b.let(sub(c, sub(c, v)))
      return [high, this.#b.let(sub(v, high))]
    }
    const [ah, al] = split(a)
    const [bh, bl] = split(b)
    const error = add(add(add(sub(mul(ah, bh), r), mul(ah, bl)), mul(al, bh)), mul(al, bl))
    const exact = this.and(this.isZero(error), this.#safe(a), this.#safe(b), this.#safe(r))
    return this.or(exact, this.isZero(a), this.isZero(b))
  }
}

/** −1 for a condition of 1, in 32 or 64 bits. */
export function maskOf(b: Builder, condition: Expr, bytes: 4 | 8): Expr {
  const mask = b.sub(b.c(0), condition)
  return bytes === 4 ? mask : un('extend_s', mask)
}
