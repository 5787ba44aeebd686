/**
 * FPREM and FPREM1: partial remainder with quotient bits. Intel SDM vol. 2A, FPREM, FPREM1.
 */
import { invalid, propagateNaN } from './arithmetic.ts'
import { DE, type Float, type FloatEnv, INF, QNAN, ZERO, zero } from './float.ts'
import { round } from './round.ts'

/** Remainder, the low three bits of the quotient (−1: none, the result is a NaN), and whether the reduction is incomplete (C2). */
export interface Remainder {
  readonly value: Float
  readonly quotient: number
  readonly incomplete: boolean
}

function done(value: Float): Remainder {
  return { value, quotient: value.kind >= QNAN ? -1 : 0, incomplete: false }
}

/**
 * Remainder of a by b. `nearest`: the quotient is rounded to nearest (FPREM1, IEEE); otherwise truncated (FPREM).
 * When the exponents differ by 64 or more, only part of the reduction is done and `incomplete` is set.
 */
export function remainder(env: FloatEnv, a: Float, b: Float, nearest: boolean): Remainder {
  if (a.kind >= QNAN || b.kind >= QNAN) return done(propagateNaN(env, a, b))
  if (a.kind === INF || b.kind === ZERO) return done(invalid(env))
  if (a.denormal || b.denormal) env.flags |= DE
  if (a.kind === ZERO) return done(a)
  const distance = a.exp - b.exp
  if (b.kind === INF || distance < -1) return done(round(env, a.sign, a.sig, a.exp - 63))
  if (distance >= 64) {
    // Reduce by 32…63 bits so that what remains is a multiple of 32 bits, as Intel's processors step.
    const step = (distance & 31) | 32
    const divisor = b.sig
    const dividend = a.sig << BigInt(step)
    const rest = dividend % divisor
    const value = rest === 0n ? zero(a.sign) : round(env, a.sign, rest, b.exp - 63 + distance - step)
    return { value, quotient: 0, incomplete: true }
  }
  // Common scale: the smaller exponent.
  const dividend = distance >= 0 ? a.sig << BigInt(distance) : a.sig
  const divisor = distance >= 0 ? b.sig : b.sig << 1n
  const scale = (distance >= 0 ? b.exp : a.exp) - 63
  let quotient = dividend / divisor
  let rest = dividend - quotient * divisor
  let sign = a.sign
  if (nearest) {
    const twice = rest << 1n
    if (twice > divisor || (twice === divisor && (quotient & 1n) === 1n)) {
      quotient += 1n
      rest = divisor - rest
      sign ^= 1
    }
  }
  const value = rest === 0n ? zero(a.sign) : round(env, sign, rest, scale)
  return { value, quotient: Number(quotient & 7n), incomplete: false }
}
