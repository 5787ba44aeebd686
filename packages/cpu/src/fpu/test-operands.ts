/**
 * Random and directed operands for the comparison with the host processor. Deterministic: a linear congruential
 * generator with a fixed seed, so that a failure can be repeated.
 */

/** A source of random numbers. */
export interface Random {
  /** 32 random bits, unsigned. */
  bits(): number
  /** Integer in [0, n). */
  below(n: number): number
  pick<T>(from: readonly T[]): T
}

/** A generator with its own seed (multiplier and increment of Numerical Recipes, high bits used). */
export function random(seed: number): Random {
  let state = seed >>> 0
  const half = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 16
  }
  const bits = (): number => (half() * 0x10000 + half()) >>> 0
  return {
    bits,
    below: n => bits() % n,
    pick: from => from[bits() % from.length] as never,
  }
}

/** Significands on which rounding and normalisation turn, with 64 bits. */
function significand(r: Random): bigint {
  const any = (BigInt(r.bits()) << 32n) | BigInt(r.bits())
  switch (r.below(8)) {
    case 0:
      return 0n
    case 1:
      return 0xffff_ffff_ffff_ffffn << BigInt(r.below(64))
    case 2:
      return 1n << BigInt(r.below(64))
    case 3:
      return (any >> BigInt(r.below(64))) << BigInt(r.below(12))
    case 4:
      return any & (0xffff_ffff_ffff_ffffn << BigInt(r.below(64)))
    default:
      return any
  }
}

/** Ten bytes of a double-extended operand: every class, exponents mostly near each other. */
export function operand80(r: Random): Uint8Array {
  const out = new Uint8Array(10)
  const view = new DataView(out.buffer)
  const sign = r.below(2) << 15
  let exponent = 0
  let sig = BigInt.asUintN(64, significand(r)) | (1n << 63n)
  switch (r.below(16)) {
    case 0:
      sig = 0n
      break
    case 1:
      exponent = 0x7fff
      sig = 1n << 63n
      break
    case 2:
      exponent = 0x7fff
      break
    case 3:
      sig = BigInt.asUintN(63, significand(r))
      break
    case 4:
      exponent = r.pick([0, 0, 1, 0x7fff, 0x3fff, r.below(0x8000)])
      sig = BigInt.asUintN(64, significand(r))
      break
    case 5:
      exponent = r.below(0x7ffe) + 1
      break
    case 6:
      exponent = r.pick([1, 2, 3, 0x10, 0x40, 0x41, 0x7ffe, 0x7ffd, 0x7ff0, 0x7fc0])
      break
    case 7:
      // Near the limits of f32 and f64.
      exponent = r.pick([0x3fff - 126, 0x3fff + 127, 0x3fff - 1022, 0x3fff + 1023]) + r.below(60) - 50
      break
    case 8:
      exponent = 0x3fff + r.below(8) - 4
      sig = (BigInt(r.below(64) + 1) << 58n) | (1n << 63n)
      break
    default:
      exponent = 0x3fff + r.below(140) - 70
  }
  view.setBigUint64(0, BigInt.asUintN(64, sig), true)
  view.setUint16(8, sign | exponent, true)
  return out
}

/** Bits of an f32 of every class. */
export function operand32(r: Random): number {
  const sign = r.below(2) * 0x8000_0000
  const fraction = Number(BigInt.asUintN(64, significand(r)) >> 41n)
  switch (r.below(10)) {
    case 0:
      return sign
    case 1:
      return sign + 0x7f80_0000
    case 2:
      return sign + 0x7f80_0000 + fraction
    case 3:
      return sign + fraction
    case 4:
      return sign + r.pick([1, 2, 3, 254, 253, 252]) * 0x80_0000 + fraction
    case 5:
      return sign + r.below(255) * 0x80_0000 + fraction
    default:
      return sign + (127 + r.below(50) - 25) * 0x80_0000 + fraction
  }
}

/** Bits of an f64 of every class. */
export function operand64(r: Random): bigint {
  const sign = BigInt(r.below(2)) << 63n
  const fraction = BigInt.asUintN(64, significand(r)) >> 12n
  const exponent = (e: number): bigint => sign | (BigInt(e) << 52n) | fraction
  switch (r.below(10)) {
    case 0:
      return sign
    case 1:
      return sign | (0x7ffn << 52n)
    case 2:
      return exponent(0x7ff)
    case 3:
      return exponent(0)
    case 4:
      return exponent(r.pick([1, 2, 3, 0x7fe, 0x7fd, 0x7fc]))
    case 5:
      return exponent(r.below(0x7ff))
    case 6:
      return exponent(1023 + r.pick([-126, 127]) + r.below(40) - 30)
    default:
      return exponent(1023 + r.below(80) - 40)
  }
}
