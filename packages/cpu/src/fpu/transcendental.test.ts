/** Transcendental functions against values known to many digits, and their own identities. */
import { expect, test } from 'vitest'
import { EXT_EMAX, EXT_EMIN, type Float, type FloatEnv, finite, fromInteger, PE, zero } from './softfloat.ts'
import { arctangent, cosine, exp2Minus1, outOfRange, sine, tangent, yLog2X, yLog2XPlus1 } from './transcendental.ts'

function environment(): FloatEnv {
  return {
    rounding: 0,
    precision: 64,
    emin: EXT_EMIN,
    emax: EXT_EMAX,
    masks: 0x3f,
    flags: 0,
    roundedUp: false,
    x87: true,
    flushToZero: false,
  }
}

const one = finite(0, 0, 1n << 63n)
const value = (a: Float): number => (1 - 2 * a.sign) * Number(a.sig) * 2 ** (a.exp - 63)

test('arctan 1 = π/4, four times that is FLDPI', () => {
  const env = environment()
  const quarter = arctangent(env, one, one)
  // π = C90FDAA2 2168C235 after rounding (SDM vol. 1, 8.3.8).
  expect([quarter.sig.toString(16), quarter.exp]).toEqual(['c90fdaa22168c235', -1])
  expect(env.flags).toBe(PE)
})

test('sin of π rounded to 64 bits, by the 66-bit π: C90FDAA2 2168C234 C − C90FDAA2 2168C235 0 = −2^-64', () => {
  const pi = finite(0, 1, 0xc90fdaa22168c235n)
  const s = sine(environment(), pi)
  expect([s.sign, s.exp, s.sig]).toEqual([1, -64, 1n << 63n])
  expect(value(cosine(environment(), pi))).toBe(-1)
})

test('log2 of 3 and ln 2 by y log2 x (digits from OEIS A020857, A002162)', () => {
  expect(value(yLog2X(environment(), fromInteger(3n), one))).toBeCloseTo(1.584962500721156, 15)
  const ln2 = finite(0, -1, 0xb17217f7d1cf79acn)
  expect(value(yLog2X(environment(), fromInteger(2n), ln2))).toBe(Math.LN2)
  expect(value(yLog2XPlus1(environment(), finite(0, -3, 1n << 63n), one))).toBeCloseTo(Math.log2(1.125), 15)
})

test('exact cases', () => {
  expect(exp2Minus1(environment(), one)).toEqual(one)
  expect(value(exp2Minus1(environment(), finite(1, 0, 1n << 63n)))).toBe(-0.5)
  expect(value(yLog2X(environment(), fromInteger(1024n), fromInteger(3n)))).toBe(30)
  expect(sine(environment(), zero(1))).toEqual(zero(1))
  expect(cosine(environment(), zero(1))).toEqual(one)
})

test('doubles of ordinary size agree with the host language to its precision', () => {
  for (let n = -40; n <= 40; n++) {
    if (n === 0) continue
    const x = n / 16
    const a = fromInteger(BigInt(n))
    const scaled = { ...a, exp: a.exp - 4 }
    expect(value(sine(environment(), scaled))).toBeCloseTo(Math.sin(x), 14)
    expect(value(cosine(environment(), scaled))).toBeCloseTo(Math.cos(x), 14)
    expect(value(tangent(environment(), scaled)) / Math.tan(x)).toBeCloseTo(1, 14)
    expect(value(arctangent(environment(), one, scaled))).toBeCloseTo(Math.atan(x), 14)
  }
})

test('the reduction refuses 2^63 and more', () => {
  expect(outOfRange(finite(0, 62, (1n << 64n) - 1n))).toBe(false)
  expect(outOfRange(finite(1, 63, 1n << 63n))).toBe(true)
})
