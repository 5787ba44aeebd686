/** The exact arithmetic on values that can be worked out by hand; the comparison with the host covers the rest. */
import { expect, test } from 'vitest'
import {
  add,
  bitLength,
  compare,
  convert,
  DE,
  div,
  EQUAL,
  type Float,
  type FloatEnv,
  finite,
  fromBcd,
  fromInteger,
  IE,
  INDEFINITE,
  INF,
  infinity,
  integerSqrt,
  mul,
  OE,
  PE,
  pack32,
  pack64,
  quiet,
  RC_DOWN,
  RC_NEAREST,
  RC_UP,
  RC_ZERO,
  remainder,
  sqrt,
  sub,
  toBcd,
  toInteger,
  UE,
  UNORDERED,
  UNSUPPORTED,
  unpack32,
  unpack64,
  unpackExt,
  ZE,
  zero,
} from './softfloat.ts'
import { operand64, random } from './test-operands.ts'

function environment(overrides: Partial<FloatEnv> = {}): FloatEnv {
  return {
    rounding: RC_NEAREST,
    precision: 64,
    emin: -16382,
    emax: 16383,
    masks: 0x3f,
    flags: 0,
    roundedUp: false,
    x87: true,
    flushToZero: false,
    ...overrides,
  }
}

const F64: Partial<FloatEnv> = { precision: 53, emin: -1022, emax: 1023, x87: false }
const cell = new DataView(new ArrayBuffer(8))

function fromNumber(x: number): Float {
  cell.setFloat64(0, x, true)
  return unpack64(cell.getUint32(0, true), cell.getUint32(4, true))
}

function toNumber(a: Float): number {
  cell.setBigUint64(0, pack64(a), true)
  return cell.getFloat64(0, true)
}

test('bitLength is exact where the conversion to a double rounds up to a power of two', () => {
  for (let n = 1; n < 300; n++) {
    expect(bitLength((1n << BigInt(n)) - 1n)).toBe(n)
    expect(bitLength(1n << BigInt(n))).toBe(n + 1)
  }
})

test('f64 arithmetic equals the host language, which is IEEE 754', () => {
  const r = random(7)
  for (let n = 0; n < 4000; n++) {
    cell.setBigUint64(0, operand64(r), true)
    const x = cell.getFloat64(0, true)
    cell.setBigUint64(0, operand64(r), true)
    const y = cell.getFloat64(0, true)
    const [a, b] = [fromNumber(x), fromNumber(y)]
    expect(toNumber(add(environment(F64), a, b))).toBe(x + y)
    expect(toNumber(sub(environment(F64), a, b))).toBe(x - y)
    expect(toNumber(mul(environment(F64), a, b))).toBe(x * y)
    expect(toNumber(div(environment(F64), a, b))).toBe(x / y)
    expect(toNumber(sqrt(environment(F64), a))).toBe(Math.sqrt(x))
  }
})

test('1/3 in the four rounding modes, with C1', () => {
  const third = (rounding: number): [string, boolean, number] => {
    const env = environment({ rounding })
    const q = div(env, fromInteger(1n), fromInteger(3n))
    return [q.sig.toString(16), env.roundedUp, env.flags]
  }
  expect(third(RC_NEAREST)).toEqual(['aaaaaaaaaaaaaaab', true, PE])
  expect(third(RC_DOWN)).toEqual(['aaaaaaaaaaaaaaaa', false, PE])
  expect(third(RC_UP)).toEqual(['aaaaaaaaaaaaaaab', true, PE])
  expect(third(RC_ZERO)).toEqual(['aaaaaaaaaaaaaaaa', false, PE])
})

test('precision control rounds the significand but keeps the exponent range (SDM vol. 1, 8.1.5.2)', () => {
  const env = environment({ precision: 24 })
  const q = div(env, finite(0, 10000, 1n << 63n), fromInteger(3n))
  expect(q.sig.toString(16)).toBe('aaaaab0000000000')
  expect(q.exp).toBe(9998)
})

test('invalid operations give the default NaN and IE (SDM vol. 1, table 8-10)', () => {
  for (const f of [
    (e: FloatEnv) => sub(e, infinity(0), infinity(0)),
    (e: FloatEnv) => mul(e, infinity(0), zero(1)),
    (e: FloatEnv) => div(e, zero(0), zero(1)),
    (e: FloatEnv) => div(e, infinity(0), infinity(1)),
    (e: FloatEnv) => sqrt(e, fromInteger(-1n)),
    (e: FloatEnv) => remainder(e, infinity(0), fromInteger(1n), false).value,
  ]) {
    const env = environment()
    expect(f(env)).toEqual(INDEFINITE)
    expect(env.flags).toBe(IE)
  }
})

test('division by zero, overflow, underflow', () => {
  let env = environment()
  expect(div(env, fromInteger(-5n), zero(0))).toEqual(infinity(1))
  expect(env.flags).toBe(ZE)
  env = environment()
  expect(mul(env, finite(0, 16383, 1n << 63n), fromInteger(2n)).kind).toBe(INF)
  expect(env.flags).toBe(OE | PE)
  env = environment()
  expect(mul(env, finite(0, -16382, (1n << 63n) | 1n), finite(0, -1, 1n << 63n)).exp).toBe(-16383)
  expect(env.flags).toBe(UE | PE)
  // Exact: tiny, but no loss, and masked: no underflow (SDM vol. 1, 8.5.5).
  env = environment()
  mul(env, finite(0, -16382, 1n << 63n), finite(0, -1, 1n << 63n))
  expect(env.flags).toBe(0)
  // Unmasked: the exponent is adjusted by 24576 (SDM vol. 1, 8.5.5).
  env = environment({ masks: 0x2f })
  expect(mul(env, finite(0, -16382, 1n << 63n), finite(0, -1, 1n << 63n)).exp).toBe(-16383 + 24576)
  expect(env.flags).toBe(UE)
})

test('encodings that the 387 refuses (SDM vol. 1, table 8-3)', () => {
  expect(unpackExt(1n, 0x7fff).kind).toBe(UNSUPPORTED)
  expect(unpackExt(0n, 0x7fff).kind).toBe(UNSUPPORTED)
  expect(unpackExt(0x7fff_ffff_ffff_ffffn, 0x3fff).kind).toBe(UNSUPPORTED)
  // A pseudo-denormal has the value of the smallest normal exponent, and counts as denormal.
  const pseudo = unpackExt(1n << 63n, 0)
  expect([pseudo.exp, pseudo.denormal]).toEqual([-16382, true])
})

test('NaN rules: x87 takes the larger significand, SSE the first operand (SDM vol. 1, table 4-7)', () => {
  const small = unpack32(0x7fc00001)
  const large = unpack32(0xffc00002)
  const signalling = unpack32(0x7f800003)
  expect(add(environment(), small, large)).toEqual(large)
  expect(add(environment({ x87: false }), small, large)).toEqual(small)
  const env = environment()
  expect(add(env, signalling, fromInteger(1n))).toEqual(quiet(signalling))
  expect(env.flags).toBe(IE)
  // QNaN beats SNaN on x87, whatever the significands.
  expect(add(environment(), signalling, small)).toEqual(small)
  expect(add(environment({ x87: false }), signalling, small)).toEqual(quiet(signalling))
})

test('comparison', () => {
  const env = environment()
  expect(compare(env, zero(0), zero(1), false)).toBe(EQUAL)
  expect(compare(env, unpack32(0x7fc00000), zero(1), true)).toBe(UNORDERED)
  expect(env.flags).toBe(0)
  compare(env, unpack32(0x7fc00000), zero(1), false)
  expect(env.flags).toBe(IE)
  const denormal = environment()
  compare(denormal, unpack32(1), zero(0), false)
  expect(denormal.flags).toBe(DE)
})

test('integers out of range give the integer indefinite', () => {
  const env = environment()
  expect(toInteger(env, fromInteger(32768n), 16, RC_NEAREST)).toBe(-32768n)
  expect(env.flags).toBe(IE)
  const exact = environment()
  expect(toInteger(exact, fromInteger(-32768n), 16, RC_NEAREST)).toBe(-32768n)
  expect(exact.flags).toBe(0)
  const half = environment()
  expect(toInteger(half, unpack32(0x40200000), 32, RC_NEAREST)).toBe(2n)
  expect(half.flags).toBe(PE)
})

test('BCD there and back', () => {
  for (const value of [0n, 7n, -123456789012345678n, 999999999999999999n]) {
    const bytes = toBcd(environment(), fromInteger(value)) as Uint8Array
    expect(toInteger(environment(), fromBcd(bytes), 64, RC_NEAREST)).toBe(value)
  }
  expect(toBcd(environment(), fromInteger(10n ** 18n))).toBeUndefined()
})

test('f32 conversion rounds once', () => {
  const env = environment({ precision: 24, emin: -126, emax: 127 })
  // 1 + 2^-24 + 2^-60: above the midpoint by less than a double can hold beside it.
  const a = finite(0, 0, (1n << 63n) | (1n << 39n) | (1n << 3n))
  expect(pack32(convert(env, a))).toBe(0x3f800001)
})

test('integerSqrt', () => {
  for (const n of [1n, 2n, 3n, 4n, (1n << 133n) - 1n, (1n << 134n) - 1n]) {
    const root = integerSqrt(n)
    expect(root * root <= n && (root + 1n) * (root + 1n) > n).toBe(true)
  }
})
