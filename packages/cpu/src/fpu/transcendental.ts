/**
 * The transcendental functions of the x87 unit, evaluated in fixed point with some ninety guard bits and rounded once,
 * so that results are correctly rounded in practice. Intel SDM vol. 1, 8.3.7–8.3.10; operand tables in vol. 2A.
 *
 * The processor's own error is below 1 unit in the last place; the last bit may differ between makes.
 */
import { invalid, propagateNaN, propagateNaN1 } from './arithmetic.ts'
import { atanRatio, constant, expMinus1, LN2, LOG2E, logRatio, PI, sinCos } from './fixed.ts'
import {
  bitLength,
  DE,
  FINITE,
  type Float,
  type FloatEnv,
  finite,
  INF,
  infinity,
  PE,
  QNAN,
  UE,
  withSign,
  ZE,
  ZERO,
  zero,
} from './float.ts'
import { round } from './round.ts'

/** π as the argument reduction uses it: 66 bits, the value is this / 2^64 (SDM vol. 1, 8.3.8). */
const REDUCTION_PI = 0xc90fdaa22168c234cn >> 2n

/** Fixed-point result (irrational, so a sticky bit stands for the rest) × 2^-bits, rounded. */
function roundFixed(env: FloatEnv, value: bigint, bits: number, sign = 0): Float {
  const negative = value < 0n
  const magnitude = negative ? -value : value
  return round(env, negative ? sign ^ 1 : sign, (magnitude << 1n) | 1n, -bits - 1)
}

/** The number a little below sig × 2^exp. */
function roundBelow(env: FloatEnv, sign: number, sig: bigint, exp: number): Float {
  return round(env, sign, (sig << 66n) - 1n, exp - 66)
}

const TRIG_BITS = 180

interface Reduced {
  /** |r| as an integer × 2^-scale, |r| ≤ π/4. */
  readonly r: bigint
  readonly negative: boolean
  readonly scale: number
  /** Multiples of π/2 taken away, modulo 4. */
  readonly quadrant: number
}

/** |x| modulo π/2 to nearest, exact with respect to the 66-bit π. */
function reduce(a: Float): Reduced {
  if (a.exp < -1) return { r: a.sig, negative: false, scale: 63 - a.exp, quadrant: 0 }
  const scale = Math.max(65, 63 - a.exp)
  const x = a.sig << BigInt(a.exp - 63 + scale)
  const halfPi = REDUCTION_PI << BigInt(scale - 65)
  const q = (2n * x + halfPi) / (2n * halfPi)
  const r = x - q * halfPi
  return { r: r < 0n ? -r : r, negative: r < 0n, scale, quadrant: Number(q & 3n) }
}

/** Sine (`which` 0) or cosine (1) of a reduced angle, with `sign` applied. */
function sinOrCos(env: FloatEnv, reduced: Reduced, which: number, sign: number): Float {
  const { r, negative, scale, quadrant } = reduced
  const useCos = ((quadrant + which) & 1) === 1
  let s = sign
  if (which === 0 ? quadrant >= 2 : quadrant === 1 || quadrant === 2) s ^= 1
  if (!useCos && negative) s ^= 1
  // Below 2^-34 the first term decides and the rest only says "a little less".
  if (bitLength(r) - scale < -34) return useCos ? roundBelow(env, s, 1n, 0) : roundBelow(env, s, r, -scale)
  const fixed = scale <= TRIG_BITS ? r << BigInt(TRIG_BITS - scale) : r >> BigInt(scale - TRIG_BITS)
  const { sin, cos } = sinCos(fixed, TRIG_BITS)
  return roundFixed(env, useCos ? cos : sin, TRIG_BITS, s)
}

/** True when the argument is beyond the range of FSIN, FCOS, FSINCOS, FPTAN: C2 is set, nothing else happens. */
export function outOfRange(a: Float): boolean {
  return a.kind === FINITE && a.exp >= 63
}

/** sin a; a is in range. */
export function sine(env: FloatEnv, a: Float): Float {
  if (a.kind >= QNAN) return propagateNaN1(env, a)
  if (a.kind === INF) return invalid(env)
  if (a.kind === ZERO) return a
  if (a.denormal) env.flags |= DE
  return sinOrCos(env, reduce(a), 0, a.sign)
}

/** cos a; a is in range. */
export function cosine(env: FloatEnv, a: Float): Float {
  if (a.kind >= QNAN) return propagateNaN1(env, a)
  if (a.kind === INF) return invalid(env)
  if (a.kind === ZERO) return finite(0, 0, 1n << 63n)
  if (a.denormal) env.flags |= DE
  return sinOrCos(env, reduce(a), 1, 0)
}

/** tan a; a is in range. */
export function tangent(env: FloatEnv, a: Float): Float {
  if (a.kind >= QNAN) return propagateNaN1(env, a)
  if (a.kind === INF) return invalid(env)
  if (a.kind === ZERO) return a
  if (a.denormal) env.flags |= DE
  const { r, negative, scale, quadrant } = reduce(a)
  const cotangent = (quadrant & 1) === 1
  // tan(π/2 + r) = −cot r
  const sign = a.sign ^ (negative ? 1 : 0) ^ (cotangent ? 1 : 0)
  if (bitLength(r) - scale < -34) {
    // tan r = r + r³/3…; cot r = 1/r − r/3…
    if (!cotangent) return round(env, sign, (r << 66n) | 1n, -scale - 66)
    const n = 200 + scale
    const quotient = (1n << BigInt(n)) / r
    return round(env, sign, (quotient << 1n) - 1n, scale - n - 1)
  }
  const fixed = scale <= TRIG_BITS ? r << BigInt(TRIG_BITS - scale) : r >> BigInt(scale - TRIG_BITS)
  const { sin, cos } = sinCos(fixed, TRIG_BITS)
  const value = cotangent ? (cos << BigInt(TRIG_BITS)) / sin : (sin << BigInt(TRIG_BITS)) / cos
  return roundFixed(env, value, TRIG_BITS, sign)
}

/** 2^a − 1 for −1 ≤ a ≤ 1 (F2XM1); outside, where the result is undefined, a itself. */
export function exp2Minus1(env: FloatEnv, a: Float): Float {
  if (a.kind >= QNAN) return propagateNaN1(env, a)
  if (a.kind === ZERO) return a
  if (a.kind === INF) return a.sign === 1 ? finite(1, 0, 1n << 63n) : a
  if (a.denormal) env.flags |= DE
  if (a.exp >= 0) {
    if (a.exp === 0 && a.sig === 1n << 63n) return a.sign === 1 ? finite(1, -1, a.sig) : a
    env.flags |= PE
    return a
  }
  if (a.exp < -150) {
    // a ln 2 (1 + a ln 2 / 2 + …): what follows is below 2^-150.
    const product = a.sig * constant(LN2, 200)
    return round(env, a.sign, (product << 1n) | 1n, a.exp - 63 - 201)
  }
  const bits = 170 - a.exp
  const shift = bits + a.exp - 63
  const x = (a.sign === 1 ? -a.sig : a.sig) << BigInt(shift)
  const y = (x * constant(LN2, bits)) >> BigInt(bits)
  return roundFixed(env, expMinus1(y, bits), bits)
}

/** log2 of a positive finite number: exactly an integer, or irrational with `bits` fraction bits. */
function log2(a: Float): { exact: boolean; value: bigint; bits: number } {
  if (a.sig === 1n << 63n) return { exact: true, value: BigInt(a.exp), bits: 0 }
  const bits = 300
  // a = m × 2^e with m in (√½, √2) about: the sum does not cancel for a near 1.
  const high = a.sig > 0xb504_f333_f9de_6484n
  const one = high ? 1n << 64n : 1n << 63n
  const e = high ? a.exp + 1 : a.exp
  const ln = logRatio(a.sig - one, a.sig + one, bits)
  const value = (BigInt(e) << BigInt(bits)) + ((ln * constant(LOG2E, bits)) >> BigInt(bits))
  return { exact: false, value, bits }
}

/** y × log, where log = value × 2^-bits. */
function timesLog(env: FloatEnv, y: Float, log: { exact: boolean; value: bigint; bits: number }): Float {
  const negative = log.value < 0n
  const magnitude = negative ? -log.value : log.value
  const sign = y.sign ^ (negative ? 1 : 0)
  const product = y.sig * magnitude
  if (log.exact) {
    // The processors do not notice that the logarithm was exact.
    const result = round(env, sign, product, y.exp - 63)
    env.flags |= PE | (result.kind === FINITE && result.exp < env.emin ? UE : 0)
    return result
  }
  return round(env, sign, (product << 1n) | 1n, y.exp - 63 - log.bits - 1)
}

/** y × log2 x (FYL2X): y is ST(1), x is ST(0). */
export function yLog2X(env: FloatEnv, x: Float, y: Float): Float {
  if (x.kind >= QNAN || y.kind >= QNAN) return propagateNaN(env, y, x)
  if (x.kind === ZERO) {
    if (y.kind === ZERO) return invalid(env)
    if (y.kind === INF) return infinity(y.sign ^ 1)
    env.flags |= ZE
    return infinity(y.sign ^ 1)
  }
  if (x.sign === 1) return invalid(env)
  if (x.kind === INF) {
    if (y.kind === ZERO) return invalid(env)
    if (y.denormal) env.flags |= DE
    return infinity(y.sign)
  }
  const isOne = x.exp === 0 && x.sig === 1n << 63n
  if (y.kind === INF) {
    if (isOne) return invalid(env)
    if (x.denormal) env.flags |= DE
    return infinity(x.exp < 0 ? y.sign ^ 1 : y.sign)
  }
  if (x.denormal || y.denormal) env.flags |= DE
  if (y.kind === ZERO || isOne) return zero(x.exp < 0 ? y.sign ^ 1 : y.sign)
  return timesLog(env, y, log2(x))
}

/** y × log2(x + 1) (FYL2XP1), for x > −1; the manual promises a result for |x| below 1 − √½ only. */
export function yLog2XPlus1(env: FloatEnv, x: Float, y: Float): Float {
  if (x.kind >= QNAN || y.kind >= QNAN) return propagateNaN(env, y, x)
  if (x.kind === INF) {
    if (x.sign === 1 || y.kind === ZERO) return invalid(env)
    if (y.denormal) env.flags |= DE
    return infinity(y.sign)
  }
  if (x.kind === ZERO) {
    if (y.kind === INF) return invalid(env)
    if (y.denormal) env.flags |= DE
    return zero(x.sign ^ y.sign)
  }
  if (x.sign === 1 && x.exp >= 0) return invalid(env)
  if (x.denormal || y.denormal) env.flags |= DE
  if (y.kind === INF) return infinity(x.sign ^ y.sign)
  if (y.kind === ZERO) return zero(x.sign ^ y.sign)
  if (x.exp >= 63) return timesLog(env, y, log2(x))
  const sign = x.sign ^ y.sign
  if (x.exp < -130) {
    // x log2 e (1 − x/2 + …)
    const product = y.sig * x.sig * constant(LOG2E, 200)
    return round(env, sign, (product << 1n) | 1n, y.exp + x.exp - 126 - 201)
  }
  // ln(1 + x) = 2 atanh(x / (2 + x)); beyond the promised range go through log2 of the exact sum.
  if (x.exp >= -1) {
    const scale = 63 - x.exp
    const sum = (1n << BigInt(scale)) + (x.sign === 1 ? -x.sig : x.sig)
    return timesLog(env, y, log2Exact(sum, scale))
  }
  const bits = 180 - x.exp
  const two = 1n << BigInt(64 - x.exp)
  const n = x.sign === 1 ? -x.sig : x.sig
  const ln = logRatio(n, two + n, bits)
  const value = (ln * constant(LOG2E, bits)) >> BigInt(bits)
  return timesLog(env, y, { exact: false, value, bits })
}

/** log2 of sum × 2^-scale, where sum may have more than 64 bits. */
function log2Exact(sum: bigint, scale: number): { exact: boolean; value: bigint; bits: number } {
  const length = bitLength(sum)
  const one = 1n << BigInt(length - 1)
  const e = length - 1 - scale
  if (sum === one) return { exact: true, value: BigInt(e), bits: 0 }
  const bits = 300
  const ln = logRatio(sum - one, sum + one, bits)
  const value = (BigInt(e) << BigInt(bits)) + ((ln * constant(LOG2E, bits)) >> BigInt(bits))
  return { exact: false, value, bits }
}

const ATAN_BITS = 220

/** Angle of the point (x, y): arctan(ST(1) / ST(0)) with the quadrant (FPATAN, SDM vol. 2A table 3-27). */
export function arctangent(env: FloatEnv, x: Float, y: Float): Float {
  if (x.kind >= QNAN || y.kind >= QNAN) return propagateNaN(env, y, x)
  if (x.denormal || y.denormal) env.flags |= DE
  const sign = y.sign
  const pi = constant(PI, ATAN_BITS)
  if (y.kind === ZERO || (x.kind === INF && y.kind !== INF)) {
    return x.sign === 0 ? zero(sign) : roundFixed(env, pi, ATAN_BITS, sign)
  }
  if (y.kind === INF) {
    if (x.kind !== INF) return roundFixed(env, pi, ATAN_BITS + 1, sign)
    return roundFixed(env, x.sign === 0 ? pi : 3n * pi, ATAN_BITS + 2, sign)
  }
  if (x.kind === ZERO) return roundFixed(env, pi, ATAN_BITS + 1, sign)
  const distance = y.exp - x.exp
  const yLarger = distance > 0 || (distance === 0 && y.sig > x.sig)
  const [small, large] = yLarger ? [x, y] : [y, x]
  const gap = large.exp - small.exp
  if (!yLarger && x.sign === 0) return withSign(atanFirstOctant(env, small, large, gap, sign), sign)
  // π/2 ∓ angle or π − angle; a tiny angle only says which side.
  const angle = gap > 150 ? 1n : atanRatio(small.sig, large.sig << BigInt(gap), ATAN_BITS)
  const base = yLarger ? pi >> 1n : pi
  const value = yLarger && x.sign === 1 ? base + angle : base - angle
  return roundFixed(env, value, ATAN_BITS, sign)
}

/** atan(small / large) with full relative precision. */
function atanFirstOctant(env: FloatEnv, small: Float, large: Float, gap: number, sign: number): Float {
  if (gap <= 100) {
    const bits = ATAN_BITS + gap
    return roundFixed(env, atanRatio(small.sig, large.sig << BigInt(gap), bits), bits, sign)
  }
  // t − t³/3: the ratio to 200 bits, and a little less than that when it is exact.
  const scaled = small.sig << 264n
  const quotient = scaled / large.sig
  const exact = quotient * large.sig === scaled
  return round(env, sign, exact ? (quotient << 1n) - 1n : (quotient << 1n) | 1n, small.exp - large.exp - 265)
}
