/**
 * Add, subtract, multiply, divide, square root and comparison of unpacked numbers, and the NaN rules.
 * Intel SDM vol. 1, 4.8.3.5 and table 4-7 (NaN results), 8.5.1.2 (invalid arithmetic), 8.5.3 (zero divide).
 */
import {
  DE,
  type Float,
  type FloatEnv,
  finite,
  IE,
  INDEFINITE,
  INF,
  infinity,
  QNAN,
  quiet,
  RC_DOWN,
  SNAN,
  withSign,
  ZE,
  ZERO,
  zero,
} from './float.ts'
import { round } from './round.ts'

/** Result of an operation that is invalid for its operands: IE and the default NaN. */
export function invalid(env: FloatEnv): Float {
  env.flags |= IE
  return INDEFINITE
}

/** NaN result of a two-operand instruction of which at least one operand is a NaN or unsupported. */
export function propagateNaN(env: FloatEnv, a: Float, b: Float): Float {
  if (a.kind > QNAN || b.kind > QNAN) env.flags |= IE
  if (a.kind > SNAN || b.kind > SNAN) return INDEFINITE
  if (!env.x87) return quiet(a.kind >= QNAN ? a : b)
  if (a.kind < QNAN) return quiet(b)
  if (b.kind < QNAN) return quiet(a)
  // A quiet NaN wins over a signalling one; among equals the larger significand, then the positive one.
  if (a.kind !== b.kind) return a.kind === QNAN ? a : b
  if (a.sig !== b.sig) return quiet(a.sig > b.sig ? a : b)
  return quiet(a.sign === 0 ? a : b)
}

/** NaN result of a one-operand instruction. */
export function propagateNaN1(env: FloatEnv, a: Float): Float {
  if (a.kind > QNAN) env.flags |= IE
  return quiet(a)
}

function addMagnitudes(env: FloatEnv, sign: number, a: Float, b: Float): Float {
  const [big, small] = a.exp >= b.exp ? [a, b] : [b, a]
  const distance = big.exp - small.exp
  // Far apart, the smaller one can only be felt as "something below": one bit stands for it.
  if (distance > 66) return round(env, sign, (big.sig << 66n) | 1n, big.exp - 63 - 66)
  return round(env, sign, (big.sig << BigInt(distance)) + small.sig, small.exp - 63)
}

function subtractMagnitudes(env: FloatEnv, a: Float, b: Float): Float {
  if (a.exp === b.exp && a.sig === b.sig) return zero(env.rounding === RC_DOWN ? 1 : 0)
  const aLarger = a.exp > b.exp || (a.exp === b.exp && a.sig > b.sig)
  const [big, small] = aLarger ? [a, b] : [b, a]
  const distance = big.exp - small.exp
  if (distance > 66) return round(env, big.sign, (big.sig << 66n) - 1n, big.exp - 63 - 66)
  return round(env, big.sign, (big.sig << BigInt(distance)) - small.sig, small.exp - 63)
}

/** a + b. */
export function add(env: FloatEnv, a: Float, b: Float): Float {
  if (a.kind >= QNAN || b.kind >= QNAN) return propagateNaN(env, a, b)
  if (a.denormal || b.denormal) env.flags |= DE
  if (a.kind === INF) return b.kind === INF && a.sign !== b.sign ? invalid(env) : a
  if (b.kind === INF) return b
  if (a.kind === ZERO) {
    if (b.kind === ZERO) return a.sign === b.sign ? a : zero(env.rounding === RC_DOWN ? 1 : 0)
    return round(env, b.sign, b.sig, b.exp - 63)
  }
  if (b.kind === ZERO) return round(env, a.sign, a.sig, a.exp - 63)
  return a.sign === b.sign ? addMagnitudes(env, a.sign, a, b) : subtractMagnitudes(env, a, b)
}

/** a − b. A NaN keeps its sign. */
export function sub(env: FloatEnv, a: Float, b: Float): Float {
  return add(env, a, b.kind >= QNAN ? b : withSign(b, b.sign ^ 1))
}

/** a × b. */
export function mul(env: FloatEnv, a: Float, b: Float): Float {
  if (a.kind >= QNAN || b.kind >= QNAN) return propagateNaN(env, a, b)
  const sign = a.sign ^ b.sign
  if (a.kind === INF || b.kind === INF) {
    if (a.kind === ZERO || b.kind === ZERO) return invalid(env)
    if (a.denormal || b.denormal) env.flags |= DE
    return infinity(sign)
  }
  if (a.denormal || b.denormal) env.flags |= DE
  if (a.kind === ZERO || b.kind === ZERO) return zero(sign)
  return round(env, sign, a.sig * b.sig, a.exp + b.exp - 126)
}

/** a ÷ b. */
export function div(env: FloatEnv, a: Float, b: Float): Float {
  if (a.kind >= QNAN || b.kind >= QNAN) return propagateNaN(env, a, b)
  const sign = a.sign ^ b.sign
  if (a.kind === INF) {
    if (b.kind === INF) return invalid(env)
    if (b.denormal) env.flags |= DE
    return infinity(sign)
  }
  if (b.kind === ZERO) {
    if (a.kind === ZERO) return invalid(env)
    env.flags |= ZE
    return infinity(sign)
  }
  if (a.denormal || b.denormal) env.flags |= DE
  if (b.kind === INF || a.kind === ZERO) return zero(sign)
  const scaled = a.sig << 67n
  const quotient = scaled / b.sig
  const sticky = quotient * b.sig === scaled ? 0n : 1n
  return round(env, sign, (quotient << 1n) | sticky, a.exp - b.exp - 68)
}

/** Integer square root of n (below 2^1023), rounded down. */
export function integerSqrt(n: bigint): bigint {
  let x = BigInt(Math.trunc(Math.sqrt(Number(n))))
  x = (x + n / x) >> 1n
  // The float estimate is good to 2^-52, so one step is good to 2^-104; settle the rest.
  while (x * x > n) x -= 1n
  while ((x + 1n) * (x + 1n) <= n) x += 1n
  return x
}

/** √a. */
export function sqrt(env: FloatEnv, a: Float): Float {
  if (a.kind >= QNAN) return propagateNaN1(env, a)
  if (a.kind === ZERO) return a
  if (a.sign === 1) return invalid(env)
  if (a.kind === INF) return a
  if (a.denormal) env.flags |= DE
  // sig × 2^(exp−63) with an even power of two outside: root of at least 66 bits.
  const odd = a.exp & 1
  const n = a.sig << BigInt(69 + odd)
  const root = integerSqrt(n)
  const sticky = root * root === n ? 0n : 1n
  return round(env, 0, (root << 1n) | sticky, (a.exp - odd - 132) / 2 - 1)
}

export const LESS = -1
export const EQUAL = 0
export const GREATER = 1
export const UNORDERED = 2

/**
 * Compares. `quietCompare`: quiet NaNs do not raise IE (FUCOM, UCOMISS); otherwise every NaN does.
 */
export function compare(env: FloatEnv, a: Float, b: Float, quietCompare: boolean): number {
  if (a.kind >= QNAN || b.kind >= QNAN) {
    if (!quietCompare || a.kind > QNAN || b.kind > QNAN) env.flags |= IE
    return UNORDERED
  }
  if (a.denormal || b.denormal) env.flags |= DE
  return order(a, b)
}

/** Order of two numbers that are not NaNs: LESS, EQUAL or GREATER. */
export function order(a: Float, b: Float): number {
  if (a.kind === ZERO && b.kind === ZERO) return EQUAL
  const aSide = a.kind === ZERO ? 0 : 1 - 2 * a.sign
  const bSide = b.kind === ZERO ? 0 : 1 - 2 * b.sign
  if (aSide !== bSide) return aSide < bSide ? LESS : GREATER
  if (a.kind === INF || b.kind === INF) {
    if (a.kind === b.kind) return EQUAL
    return a.kind === INF ? aSide : -aSide
  }
  if (a.exp !== b.exp) return a.exp < b.exp ? -aSide : aSide
  if (a.sig === b.sig) return EQUAL
  return a.sig < b.sig ? -aSide : aSide
}

/** Exact conversion of an integer of at most 64 bits. */
export function fromInteger(value: bigint): Float {
  if (value === 0n) return zero(0)
  const sign = value < 0n ? 1 : 0
  const magnitude = sign === 1 ? -value : value
  let exp = 63
  let sig = magnitude
  if (magnitude >> 63n === 0n) {
    const shift = Math.clz32(Number(magnitude >> 32n))
    const rest = shift === 32 ? 32 + Math.clz32(Number(magnitude)) : shift
    exp -= rest
    sig = magnitude << BigInt(rest)
  }
  return finite(sign, exp, sig)
}
