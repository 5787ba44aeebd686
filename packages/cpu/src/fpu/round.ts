/**
 * The one rounding step that every result passes: significand to the destination's precision, range check, masked and
 * unmasked responses. Intel SDM vol. 1, 4.8.4 (rounding), 4.9.1.4–4.9.1.6 (overflow, underflow, precision).
 *
 * Tininess is detected after rounding with an unbounded exponent, as all x86 processors do.
 */
import {
  bitLength,
  type Float,
  type FloatEnv,
  finite,
  infinity,
  OE,
  PE,
  RC_DOWN,
  RC_NEAREST,
  RC_UP,
  UE,
  zero,
} from './float.ts'

/** Bias adjustment of an unmasked x87 overflow or underflow (SDM vol. 1, 8.5.4, 8.5.5). */
const EXT_REBIAS = 24576

let inexact = false
let up = false

/**
 * sig × 2^exp as a multiple of 2^quantum. Sets `inexact` and `up` (magnitude increased).
 */
function roundAt(rounding: number, sign: number, sig: bigint, exp: number, quantum: number): bigint {
  inexact = false
  up = false
  const shift = quantum - exp
  if (shift <= 0) return sig << BigInt(-shift)
  const s = BigInt(shift)
  const kept = sig >> s
  const rest = sig - (kept << s)
  if (rest === 0n) return kept
  inexact = true
  if (rounding === RC_NEAREST) {
    const half = 1n << (s - 1n)
    up = rest > half || (rest === half && (kept & 1n) === 1n)
  } else {
    up = rounding === (sign === 1 ? RC_DOWN : RC_UP)
  }
  return up ? kept + 1n : kept
}

/** Rounds to an integer: |value| as a bigint; sets PE and C1 in `env`. */
export function roundToInteger(env: FloatEnv, rounding: number, sign: number, sig: bigint, exp: number): bigint {
  const result = roundAt(rounding, sign, sig, exp, 0)
  if (inexact) env.flags |= PE
  env.roundedUp = up
  return result
}

function overflowed(env: FloatEnv, sign: number): Float {
  const toInfinity = env.rounding === RC_NEAREST || env.rounding === (sign === 1 ? RC_DOWN : RC_UP)
  env.roundedUp = toInfinity
  if (toInfinity) return infinity(sign)
  return finite(sign, env.emax, ((1n << BigInt(env.precision)) - 1n) << BigInt(64 - env.precision))
}

/**
 * Rounds sign × sig × 2^exp (sig > 0, any length; the lowest bit may stand for everything below it) to the destination of `env` and raises
 * OE, UE, PE. An unmasked overflow or underflow returns the bias-adjusted result, which only x87 registers take; what
 * even that does not bring into range (FSCALE) becomes infinity or zero.
 */
export function round(env: FloatEnv, sign: number, sig: bigint, exp: number): Float {
  const p = env.precision
  let lead = exp + bitLength(sig) - 1
  let quantum = lead - p + 1
  let m = roundAt(env.rounding, sign, sig, exp, quantum)
  if (m >> BigInt(p) !== 0n) {
    m >>= 1n
    lead += 1
    quantum += 1
  }
  if (lead < env.emin) {
    if ((env.masks & UE) === 0) {
      env.flags |= UE
      lead += EXT_REBIAS
      if (lead < env.emin) {
        env.flags |= PE
        env.roundedUp = false
        return zero(sign)
      }
    } else if (env.flushToZero) {
      env.flags |= UE | PE
      env.roundedUp = false
      return zero(sign)
    } else {
      quantum = env.emin - p + 1
      m = roundAt(env.rounding, sign, sig, exp, quantum)
      if (inexact) env.flags |= UE | PE
      env.roundedUp = up
      if (m === 0n) return zero(sign)
      const bits = bitLength(m)
      return finite(sign, quantum + bits - 1, m << BigInt(64 - bits))
    }
  } else if (lead > env.emax) {
    env.flags |= OE
    if ((env.masks & OE) !== 0) {
      env.flags |= PE
      return overflowed(env, sign)
    }
    lead -= EXT_REBIAS
    if (lead > env.emax) {
      env.flags |= PE
      env.roundedUp = true
      return infinity(sign)
    }
  }
  if (inexact) env.flags |= PE
  env.roundedUp = up
  return finite(sign, lead, m << BigInt(64 - p))
}
