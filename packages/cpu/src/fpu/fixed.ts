/**
 * Elementary functions in fixed point over bigints: a value v with `bits` fraction bits stands for v / 2^bits. Plain
 * power series after argument reduction; errors stay within a few units of the last place, and callers carry some
 * ninety bits more than the result keeps.
 */

/** Fraction bits of the constants below. */
const CONSTANT_BITS = 384
/* floor(c × 2^384). */
export const PI = 0x3243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89452821e638d01377be5466cf34e90c6cn
export const LN2 = 0xb17217f7d1cf79abc9e3b39803f2f6af40f343267298b62d8a0d175b8baafa2be7b876206debac98559552fb4afa1b10n
export const LOG2E =
  0x171547652b82fe1777d0ffda0d23a7d11d6aef551bad2b4b1164a2cd9a342648fbc3887eeaa2ed9ac49b25eeb82d7c167n
export const LOG2_10 =
  0x35269e12f346e2bf924afdbfd36bf6d3365b157f8deceb53a46dab2020b9e167419943f7a77547ce8f892faad8eb42f58n
export const LOG10_2 =
  0x4d104d427de7fbcc47c4acd605be48bc13569862a1e8f9a4c52f37935be631e5943516c0c8cfd5e84f2e5e399a38de89n

/** A constant cut to `bits` fraction bits. */
export function constant(c: bigint, bits: number): bigint {
  return c >> BigInt(CONSTANT_BITS - bits)
}

/** sin and cos of r, |r| ≤ 1. */
export function sinCos(r: bigint, bits: number): { sin: bigint; cos: bigint } {
  const f = BigInt(bits)
  const square = (r * r) >> f
  let sin = r
  let cos = 1n << f
  let sinTerm = r
  let cosTerm = cos
  for (let n = 1n; ; n += 2n) {
    cosTerm = -((cosTerm * square) >> f) / (n * (n + 1n))
    sinTerm = -((sinTerm * square) >> f) / ((n + 1n) * (n + 2n))
    if (cosTerm === 0n && sinTerm === 0n) return { sin, cos }
    cos += cosTerm
    sin += sinTerm
  }
}

/** e^y − 1, |y| ≤ 1. */
export function expMinus1(y: bigint, bits: number): bigint {
  const f = BigInt(bits)
  let sum = y
  let term = y
  for (let n = 2n; term !== 0n; n += 1n) {
    // Division of bigints truncates towards zero, so the series ends for negative y too.
    term = (term * y) / (n << f)
    sum += term
  }
  return sum
}

/** 2 atanh(n / d) = ln((d + n) / (d − n)), |n / d| ≤ 1/3. */
export function logRatio(n: bigint, d: bigint, bits: number): bigint {
  const f = BigInt(bits)
  const z = (n << f) / d
  const square = (z * z) >> f
  let sum = z
  let power = z
  for (let k = 3n; ; k += 2n) {
    power = (power * square) / (1n << f)
    const term = power / k
    if (term === 0n) return sum << 1n
    sum += term
  }
}

/** atan(n / d) by its series, |n / d| ≤ 1/16. */
function atanSmall(n: bigint, d: bigint, bits: number): bigint {
  const f = BigInt(bits)
  const z = (n << f) / d
  const square = (z * z) >> f
  let sum = z
  let power = z
  for (let k = 3n; ; k += 2n) {
    power = -((power * square) / (1n << f))
    const term = power / k
    if (term === 0n) return sum
    sum += term
  }
}

const ATAN_STEPS: bigint[] = []

/** atan(k / 16) for 0 ≤ k ≤ 16, with CONSTANT_BITS fraction bits; made once, by the addition theorem. */
function atanStep(k: number): bigint {
  if (ATAN_STEPS.length === 0) {
    ATAN_STEPS.push(0n)
    for (let i = 1; i <= 16; i++) {
      const previous = ATAN_STEPS[i - 1] as bigint
      ATAN_STEPS.push(previous + atanSmall(16n, BigInt(256 + i * (i - 1)), CONSTANT_BITS))
    }
  }
  return ATAN_STEPS[k] as bigint
}

/** atan(n / d), 0 ≤ n ≤ d. */
export function atanRatio(n: bigint, d: bigint, bits: number): bigint {
  const k = (32n * n + d) / (2n * d)
  // atan(n/d) = atan(k/16) + atan((n/d − k/16) / (1 + (n/d)(k/16)))
  const rest = atanSmall(16n * n - k * d, 16n * d + k * n, bits)
  return constant(atanStep(Number(k)), bits) + rest
}
