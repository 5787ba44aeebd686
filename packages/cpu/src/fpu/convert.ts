/**
 * Conversions between the unpacked form and integers, packed BCD and the memory formats; rounding to an integer,
 * scaling and extraction. Intel SDM vol. 1, 8.1.6 (narrowing), 4.8.4.2; vol. 2A FIST, FBSTP, FRNDINT, FSCALE, FXTRACT.
 */
import { fromInteger, invalid, propagateNaN, propagateNaN1 } from './arithmetic.ts'
import {
  DE,
  type Float,
  type FloatEnv,
  IE,
  INF,
  infinity,
  normalised,
  PE,
  QNAN,
  RC_ZERO,
  ZE,
  ZERO,
  zero,
} from './float.ts'
import { round, roundToInteger } from './round.ts'

/**
 * Signed integer of `bits` (16, 32, 64), rounded by `rounding`. A NaN, an infinity or a value out of range gives IE and
 * the integer indefinite (the most negative one).
 */
export function toInteger(env: FloatEnv, a: Float, bits: number, rounding: number): bigint {
  if (a.kind === ZERO) return 0n
  const limit = 1n << BigInt(bits - 1)
  if (a.kind >= INF || a.exp >= bits) {
    env.flags |= IE
    return -limit
  }
  const before = env.flags
  const magnitude = roundToInteger(env, rounding, a.sign, a.sig, a.exp - 63)
  if (magnitude > (a.sign === 1 ? limit : limit - 1n)) {
    env.flags = before | IE
    env.roundedUp = false
    return -limit
  }
  return a.sign === 1 ? -magnitude : magnitude
}

/** The same number in another format; a signalling NaN raises IE and becomes quiet. DE is the caller's affair. */
export function convert(env: FloatEnv, a: Float): Float {
  if (a.kind >= QNAN) return propagateNaN1(env, a)
  if (a.kind === ZERO || a.kind === INF) return a
  return round(env, a.sign, a.sig, a.exp - 63)
}

/** Rounds to an integer in floating-point format (FRNDINT). */
export function roundInteger(env: FloatEnv, a: Float): Float {
  if (a.kind >= QNAN) return propagateNaN1(env, a)
  if (a.kind === ZERO || a.kind === INF || a.exp >= 63) return a
  if (a.denormal) env.flags |= DE
  const magnitude = roundToInteger(env, env.rounding, a.sign, a.sig, a.exp - 63)
  return magnitude === 0n ? zero(a.sign) : normalised(a.sign, magnitude, 0)
}

/** a × 2^trunc(b) (FSCALE). */
export function scale(env: FloatEnv, a: Float, b: Float): Float {
  if (a.kind >= QNAN || b.kind >= QNAN) return propagateNaN(env, a, b)
  if (b.kind === INF) {
    if (b.sign === 0) {
      if (a.kind === ZERO) return invalid(env)
      if (a.denormal) env.flags |= DE
      return infinity(a.sign)
    }
    if (a.kind === INF) return invalid(env)
    if (a.denormal) env.flags |= DE
    return zero(a.sign)
  }
  if (a.denormal || b.denormal) env.flags |= DE
  if (a.kind === ZERO || a.kind === INF || b.kind === ZERO)
    return a.kind === ZERO || a.kind === INF ? a : convert(env, a)
  // Beyond 2^16 every finite number over- or underflows; keep the shift small.
  const saved = env.flags
  const by = b.exp > 16 ? (b.sign === 1 ? -0x10000 : 0x10000) : Number(toInteger(env, b, 32, RC_ZERO))
  env.flags = saved
  return round(env, a.sign, a.sig, a.exp - 63 + by)
}

/** FXTRACT: the exponent as a number, and the significand with exponent 0. */
export function extract(env: FloatEnv, a: Float): { exponent: Float; significand: Float } {
  if (a.kind >= QNAN) {
    const nan = propagateNaN1(env, a)
    return { exponent: nan, significand: nan }
  }
  if (a.kind === ZERO) {
    env.flags |= ZE
    return { exponent: infinity(1), significand: a }
  }
  if (a.kind === INF) return { exponent: infinity(0), significand: a }
  if (a.denormal) env.flags |= DE
  return {
    exponent: fromInteger(BigInt(a.exp)),
    significand: { kind: a.kind, sign: a.sign, exp: 0, sig: a.sig, denormal: false },
  }
}

const BCD_LIMIT = 10n ** 18n

/** Ten bytes of packed BCD from a number; undefined when it does not fit (IE raised; store the BCD indefinite). */
export function toBcd(env: FloatEnv, a: Float): Uint8Array | undefined {
  const bytes = new Uint8Array(10)
  bytes[9] = a.sign << 7
  if (a.kind === ZERO) return bytes
  if (a.kind >= INF || a.exp >= 60) {
    env.flags |= IE
    return undefined
  }
  const before = env.flags
  let magnitude = roundToInteger(env, env.rounding, a.sign, a.sig, a.exp - 63)
  if (magnitude >= BCD_LIMIT) {
    env.flags = (before & ~PE) | IE
    env.roundedUp = false
    return undefined
  }
  for (let i = 0; i < 9; i++) {
    const pair = Number(magnitude % 100n)
    magnitude /= 100n
    bytes[i] = (Math.trunc(pair / 10) << 4) | (pair % 10)
  }
  return bytes
}

/** A number from ten bytes of packed BCD; digits above 9 count with their value, as processors do. */
export function fromBcd(bytes: Uint8Array): Float {
  let magnitude = 0n
  for (let i = 8; i >= 0; i--) {
    const byte = bytes[i] as number
    magnitude = magnitude * 100n + BigInt((byte >> 4) * 10 + (byte & 0xf))
  }
  const sign = (bytes[9] as number) >> 7
  return magnitude === 0n ? zero(sign) : normalised(sign, magnitude, 0)
}

/** BCD indefinite (SDM vol. 1, table 4-4). */
export const BCD_INDEFINITE: Uint8Array = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff)
