/**
 * Sums, products, quotients and roots of double-extended numbers on 64-bit integers (fpu/arithmetic.ts is the exact
 * truth): round to nearest, any precision control, PE masked, operands normal or zero, results normal or zero. After
 * Hacker's Delight, 2nd edition, 8-2 (high product) and 9-4 (long division).
 */
import { c32, c64, type Expr, un, wide } from '../../ir/ir.ts'
import type { KernelBuilder } from '../../kernels/module.ts'
import { BIAS, declineIf, EXPONENT, isNormal, isZero, type Number80, TOP_BIT } from './stack.ts'

/** A result in locals that is being worked out. */
export interface Result {
  readonly se: Expr
  readonly sig: Expr
  readonly inexact: Expr
  readonly up: Expr
}

const CW_PC = 0x300
const PC_64 = 0x300
const LOW32 = 0xffff_ffff

function exact(b: KernelBuilder, r: Result, n: Number80): void {
  b.set(r.se, n.se)
  b.set(r.sig, n.sig)
  b.set(r.inexact, c32(0))
  b.set(r.up, c32(0))
}
const zero = (sign: Expr): Number80 => ({ se: sign, sig: c64(0n) })

/**
 * Rounds `sig` (normalised) with `below` after it, a fraction of its last bit in units of 2^-64 that is sticky at the
 * bottom; `exponent` is biased. Declines outside the range of normal numbers.
 */
function round(b: KernelBuilder, r: Result, cw: Expr, sign: Expr, exponent: Expr, sig: Expr, below: Expr): void {
  const unit = b.let(c64(1n))
  const pc = b.let(b.and(cw, CW_PC))
  b.if(b.cmp('ne', pc, PC_64), () => {
    // 000 24 bits, 200 53 bits, 100 reserved.
    declineIf(b, b.cmp('eq', pc, 0x100))
    const drop = b.let(b.select(pc, c64(11n), c64(40n)))
    b.set(unit, b.shl(c64(1n), drop))
    const lost = b.and(sig, b.sub(unit, 1))
    const sticky = un('extend_u', b.cmp('ne', below, 0))
    b.set(below, b.or(b.shl(lost, b.sub(c64(64n), drop)), sticky))
    b.set(sig, b.and(sig, b.sub(c64(0n), unit)))
  })
  const beyondHalf = b.cmp('ne', b.or(b.shl(below, 1), b.and(sig, unit)), 0)
  b.set(r.inexact, b.cmp('ne', below, 0))
  b.set(r.up, b.and(b.cmp('lt_s', below, 0), beyondHalf))
  b.set(sig, b.add(sig, b.select(r.up, unit, c64(0n))))
  b.if(b.eqz(sig), () => {
    b.set(sig, TOP_BIT)
    b.set(exponent, b.add(exponent, 1))
  })
  declineIf(b, b.cmp('ge_u', b.sub(exponent, 1), EXPONENT - 1))
  b.set(r.se, b.or(sign, exponent))
  b.set(r.sig, sig)
}

/** Declines unless both are numbers; then `normal` for two normal ones, else `special` with at least one zero. */
function classify(b: KernelBuilder, a: Number80, s: Number80, normal: () => void, special: () => void): void {
  b.if(b.and(isNormal(b, a), isNormal(b, s)), normal, () => {
    const numbers = b.and(b.or(isNormal(b, a), isZero(b, a)), b.or(isNormal(b, s), isZero(b, s)))
    declineIf(b, b.eqz(numbers))
    special()
  })
}

/** a + s. Signs have been changed for a difference. */
export function add(b: KernelBuilder, r: Result, cw: Expr, a: Number80, s: Number80): void {
  classify(
    b,
    a,
    s,
    () => addNormal(b, r, cw, a, s),
    () => {
      // The other one as it is, which a narrower precision would round.
      declineIf(b, b.cmp('ne', b.and(cw, CW_PC), PC_64))
      b.if(
        isZero(b, s),
        () => {
          const both = b.and(isZero(b, a), b.cmp('ne', a.se, s.se))
          exact(b, r, { se: b.select(both, c32(0), a.se), sig: a.sig })
        },
        () => exact(b, r, s),
      )
    },
  )
}

function addNormal(b: KernelBuilder, r: Result, cw: Expr, a: Number80, s: Number80): void {
  // The larger magnitude first.
  const ea = b.let(b.and(a.se, EXPONENT))
  const es = b.let(b.and(s.se, EXPONENT))
  const less = b.let(b.or(b.cmp('lt_u', ea, es), b.and(b.cmp('eq', ea, es), b.cmp('lt_u', a.sig, s.sig))))
  const sign = b.let(b.and(b.select(less, s.se, a.se), 0x8000))
  const big = b.let(b.select(less, s.sig, a.sig))
  const small = b.let(b.select(less, a.sig, s.sig))
  const exponent = b.let(b.select(less, es, ea))
  const distance = b.let(b.sub(exponent, b.select(less, ea, es)))
  const below = b.let(c64(0n))
  b.if(distance, () => {
    const by = b.let(un('extend_u', distance))
    b.if(
      b.cmp('lt_u', distance, 64),
      () => {
        b.set(below, b.shl(small, b.sub(c64(64n), by)))
        b.set(small, b.shr(small, by))
      },
      () => {
        // From 64 on all of it is below; from 128 on it is only felt. Shift counts are taken modulo 64.
        const lost = b.and(b.cmp('ne', distance, 64), b.cmp('ne', b.shl(small, b.sub(c64(0n), by)), 0))
        const rest = b.or(b.shr(small, by), un('extend_u', lost))
        b.set(below, b.select(b.cmp('lt_u', distance, 128), rest, c64(1n)))
        b.set(small, c64(0n))
      },
    )
  })
  const sum = b.temp('i64')
  const nothing = b.let(c32(0))
  b.if(
    b.and(b.xor(a.se, s.se), 0x8000),
    () => {
      b.set(sum, b.sub(b.sub(big, small), un('extend_u', b.cmp('ne', below, 0))))
      b.set(below, b.sub(c64(0n), below))
      b.if(b.eqz(sum), () => {
        b.set(sum, below)
        b.set(below, c64(0n))
        b.set(exponent, b.sub(exponent, 64))
        b.set(nothing, b.eqz(sum))
      })
      const shift = b.let(un('clz', sum))
      b.if(b.cmp('ne', shift, 0), () => {
        b.set(sum, b.or(b.shl(sum, shift), b.shr(below, b.sub(c64(64n), shift))))
        b.set(below, b.shl(below, shift))
        b.set(exponent, b.sub(exponent, un('wrap', shift)))
      })
    },
    () => {
      b.set(sum, b.add(big, small))
      b.if(b.cmp('lt_u', sum, big), () => {
        const sticky = b.or(b.shr(below, 1), b.and(below, 1))
        b.set(below, b.or(sticky, b.shl(sum, 63)))
        b.set(sum, b.or(b.shr(sum, 1), TOP_BIT))
        b.set(exponent, b.add(exponent, 1))
      })
    },
  )
  b.if(
    nothing,
    () => exact(b, r, zero(c32(0))),
    () => round(b, r, cw, sign, exponent, sum, below),
  )
}

/** High and low half of the product of two i64. */
function product(b: KernelBuilder, x: Expr, y: Expr): { high: Expr; low: Expr } {
  const xl = b.let(b.and(x, LOW32))
  const xh = b.let(b.shr(x, 32))
  const yl = b.let(b.and(y, LOW32))
  const yh = b.let(b.shr(y, 32))
  const mul = (p: Expr, q: Expr): Expr => b.let(b.op('mul', p, q))
  const ll = mul(xl, yl)
  const lh = mul(xl, yh)
  const hl = mul(xh, yl)
  const middle = b.let(b.add(b.add(b.shr(ll, 32), b.and(lh, LOW32)), b.and(hl, LOW32)))
  const carries = b.add(b.add(b.shr(lh, 32), b.shr(hl, 32)), b.shr(middle, 32))
  const high = b.let(b.add(b.op('mul', xh, yh), carries))
  return { high, low: b.let(b.or(b.shl(middle, 32), b.and(ll, LOW32))) }
}

const productSign = (b: KernelBuilder, a: Number80, s: Number80): Expr => b.and(b.xor(a.se, s.se), 0x8000)

/** a × s. */
export function multiply(b: KernelBuilder, r: Result, cw: Expr, a: Number80, s: Number80): void {
  const sign = b.let(productSign(b, a, s))
  classify(
    b,
    a,
    s,
    () => {
      const exponents = b.add(b.and(a.se, EXPONENT), b.and(s.se, EXPONENT))
      const exponent = b.let(b.sub(exponents, BIAS - 1))
      const { high, low } = product(b, a.sig, s.sig)
      b.if(b.cmp('ge_s', high, 0), () => {
        b.set(high, b.or(b.shl(high, 1), b.shr(low, 63)))
        b.set(low, b.shl(low, 1))
        b.set(exponent, b.sub(exponent, 1))
      })
      round(b, r, cw, sign, exponent, high, low)
    },
    () => exact(b, r, zero(sign)),
  )
}

/** One digit of 32 bits of a long division: `rest`:`next` by `v`, `rest` below `v`; the rest is replaced. */
function digit(b: KernelBuilder, rest: Expr, next: Expr, v: Expr, vh: Expr, vl: Expr): Expr {
  const q = b.let(b.op('div_u', rest, vh))
  const left = b.let(b.sub(rest, b.op('mul', q, vh)))
  const tooLarge = (): Expr =>
    b.or(b.cmp('ne', b.shr(q, 32), 0), b.cmp('gt_u', b.op('mul', q, vl), b.or(b.shl(left, 32), next)))
  b.if(tooLarge(), () => {
    b.set(q, b.sub(q, 1))
    b.set(left, b.add(left, vh))
    b.if(b.eqz(b.shr(left, 32)), () => b.if(tooLarge(), () => b.set(q, b.sub(q, 1))))
  })
  b.set(rest, b.sub(b.or(b.shl(rest, 32), next), b.op('mul', q, v)))
  return q
}

/** a ÷ s. */
export function divide(b: KernelBuilder, r: Result, cw: Expr, a: Number80, s: Number80): void {
  const sign = b.let(productSign(b, a, s))
  classify(
    b,
    a,
    s,
    () => {
      const exponents = b.sub(b.and(a.se, EXPONENT), b.and(s.se, EXPONENT))
      const exponent = b.let(b.add(exponents, BIAS - 1))
      const rest = b.let(a.sig)
      const low = b.let(c64(0n))
      b.if(b.cmp('ge_u', a.sig, s.sig), () => {
        b.set(low, b.shl(rest, 63))
        b.set(rest, b.shr(rest, 1))
        b.set(exponent, b.add(exponent, 1))
      })
      const vh = b.let(b.shr(s.sig, 32))
      const vl = b.let(b.and(s.sig, LOW32))
      const q1 = digit(b, rest, b.shr(low, 32), s.sig, vh, vl)
      const q0 = digit(b, rest, c64(0n), s.sig, vh, vl)
      const q = b.let(b.or(b.shl(q1, 32), q0))
      // The rest against half the divisor.
      const other = b.let(b.sub(s.sig, rest))
      const part = b.select(
        b.cmp('gt_u', rest, other),
        c64((1n << 63n) | 1n),
        b.select(b.cmp('eq', rest, other), TOP_BIT, c64(1n)),
      )
      round(b, r, cw, sign, exponent, q, b.let(b.select(b.eqz(rest), c64(0n), part)))
    },
    () => {
      declineIf(b, isZero(b, s))
      exact(b, r, zero(sign))
    },
  )
}

/** √a of a positive normal number, or a zero. */
export function squareRoot(b: KernelBuilder, r: Result, cw: Expr, a: Number80): void {
  b.if(
    isNormal(b, a),
    () => {
      declineIf(b, b.and(a.se, 0x8000))
      // An even exponent outside: the radicand is n:0 or n:low with the root in [2^63, 2^64).
      const odd = b.let(b.and(b.sub(a.se, BIAS), 1))
      const exponent = b.let(b.shr(b.add(a.se, BIAS), 1))
      // √(n × 2^64) with n = sig (odd exponent) or sig / 2.
      const n = b.let(b.select(odd, a.sig, b.shr(a.sig, 1)))
      const low = b.let(b.select(odd, c64(0n), b.shl(a.sig, 63)))
      const estimate = wide('f64.mul', [wide('f64.sqrt', [wide('f64.convert_i64_u', [n])]), float64(2 ** 32)])
      // Good to 2^12; saturates below 2^64.
      const root = b.let(wide('i64.trunc_sat_f64_u', [estimate]))
      b.if(b.cmp('ge_s', root, 0), () => b.set(root, TOP_BIT))
      const square = product(b, root, root)
      // n:low − root², a signed number of less than 80 bits; its quotient by 2 root corrects the estimate.
      const borrow = un('extend_u', b.cmp('lt_u', low, square.low))
      const restLow = b.let(b.sub(low, square.low))
      const restHigh = b.let(b.sub(b.sub(n, square.high), borrow))
      const scaled = b.or(b.shl(restHigh, 64 - 20), b.shr(restLow, 20))
      const step = b.let(b.op('div_s', scaled, b.shr(root, 19)))
      b.set(root, b.add(root, step))
      // Carried over the top or below the bottom by the correction: only from right beside it.
      b.if(b.cmp('ge_s', root, 0), () => b.set(root, b.select(b.cmp('gt_s', step, 0), c64(-1n), TOP_BIT)))
      const last = product(b, root, root)
      const lastLow = b.let(b.sub(low, last.low))
      const lastHigh = b.let(b.sub(b.sub(n, last.high), un('extend_u', b.cmp('lt_u', low, last.low))))
      // Root too large: the rest is negative. (root − 1)² = root² − 2 root + 1.
      b.doWhile(
        () => {
          b.if(b.cmp('lt_s', lastHigh, 0), () => {
            const more = b.let(b.sub(b.shl(root, 1), 1))
            const carry = b.let(b.shr(root, 63))
            b.set(lastLow, b.add(lastLow, more))
            b.set(lastHigh, b.add(b.add(lastHigh, carry), un('extend_u', b.cmp('lt_u', lastLow, more))))
            b.set(root, b.sub(root, 1))
          })
        },
        () => b.cmp('lt_s', lastHigh, 0),
      )
      // Too small: the rest exceeds 2 root. (root + 1)² = root² + 2 root + 1.
      const tooSmall = (): Expr => {
        const doubleHigh = b.shr(root, 63)
        const doubleLow = b.shl(root, 1)
        return b.or(
          b.cmp('gt_s', lastHigh, doubleHigh),
          b.and(b.cmp('eq', lastHigh, doubleHigh), b.cmp('gt_u', lastLow, doubleLow)),
        )
      }
      b.doWhile(() => {
        b.if(tooSmall(), () => {
          const less = b.let(b.or(b.shl(root, 1), c64(1n)))
          const high = b.let(b.shr(root, 63))
          const borrowed = un('extend_u', b.cmp('lt_u', lastLow, less))
          b.set(lastHigh, b.sub(b.sub(lastHigh, high), borrowed))
          b.set(lastLow, b.sub(lastLow, less))
          b.set(root, b.add(root, 1))
        })
      }, tooSmall)
      // A root is never halfway: above half when the rest exceeds the root.
      const above = b.or(b.cmp('ne', lastHigh, 0), b.cmp('gt_u', lastLow, root))
      const inexact = b.or(b.cmp('ne', lastHigh, 0), b.cmp('ne', lastLow, 0))
      const below = b.select(above, c64((1n << 63n) | 1n), un('extend_u', inexact))
      round(b, r, cw, c32(0), exponent, root, b.let(below))
    },
    () => {
      declineIf(b, b.eqz(isZero(b, a)))
      exact(b, r, a)
    },
  )
}

function float64(value: number): Expr {
  const bytes = new Uint8Array(new Float64Array([value]).buffer)
  return wide('f64.const', [], [...bytes])
}
