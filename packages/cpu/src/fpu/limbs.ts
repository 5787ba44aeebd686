/**
 * The quick path of the x87 unit: add, subtract, multiply, compare and convert normal numbers as pairs of 32-bit limbs,
 * without bigints. It serves the environment in which nearly all code runs (round to nearest, 64-bit precision, PE
 * masked) and gives up, having changed nothing, on every operand or result that is not normal; the exact path
 * (softfloat.ts) then decides. Intel SDM vol. 1, 4.8.
 *
 * A number is four words of {@link limbs}: significand high and low, biased exponent, sign.
 */
import type { CpuContext } from '../context.ts'
import { FPU_CW, FPU_SW } from '../state.ts'
import { EQUAL, GREATER, LESS } from './arithmetic.ts'
import { PE, RC_DOWN, RC_NEAREST, RC_UP } from './float.ts'
import { pushWords, rawExponent, rawHigh, rawLow, SW_C1, writeWords } from './registers.ts'

/** First and second operand, and the result. */
export const A = 0
export const B = 4
const R = 8
const FLAGS = 12
const limbs = new Uint32Array(16)

const TWO32 = 0x1_0000_0000
const INEXACT = 1
const UP = 2

/** The control word allows the quick path: RC nearest, PC 64 bits, PE masked. */
export function quickAllowed(cpu: CpuContext): boolean {
  return ((cpu.u16[FPU_CW >> 1] as number) & 0xf20) === 0x320
}

/** Like {@link quickAllowed} for operations that precision control does not touch. */
export function quickStoreAllowed(cpu: CpuContext): boolean {
  return ((cpu.u16[FPU_CW >> 1] as number) & 0xc20) === 0x020
}

function set(at: number, sign: number, exponent: number, hi: number, lo: number): true {
  limbs[at] = hi
  limbs[at + 1] = lo
  limbs[at + 2] = exponent
  limbs[at + 3] = sign
  return true
}

/** ST(i), if it is normal. */
export function fromRegister(cpu: CpuContext, i: number, at: number): boolean {
  const se = rawExponent(cpu, i)
  const e = se & 0x7fff
  const hi = rawHigh(cpu, i)
  if (e === 0 || e === 0x7fff || hi < 0x8000_0000) return false
  return set(at, se >> 15, e, hi, rawLow(cpu, i))
}

/** f32 bits, if normal. */
export function from32(bits: number, at: number): boolean {
  const e = (bits >>> 23) & 0xff
  if (e === 0 || e === 0xff) return false
  return set(at, bits >>> 31, e + 16256, (bits << 8) | 0x8000_0000, 0)
}

/** f64 words, if normal. */
export function from64(lo: number, hi: number, at: number): boolean {
  const e = (hi >>> 20) & 0x7ff
  if (e === 0 || e === 0x7ff) return false
  return set(at, hi >>> 31, e + 15360, 0x8000_0000 | (hi << 11) | (lo >>> 21), lo << 11)
}

/** A signed 32-bit integer other than zero. */
export function fromInt32(value: number, at: number): boolean {
  if (value === 0) return false
  const magnitude = Math.abs(value)
  const shift = Math.clz32(magnitude)
  return set(at, value < 0 ? 1 : 0, 0x3fff + 31 - shift, magnitude << shift, 0)
}

/** Rounds hi:lo with `guard` below it to nearest even and stores it as the result. */
function finish(sign: number, exponent: number, hi: number, lo: number, guard: number): boolean {
  if (exponent < 1) return false
  let flags = guard === 0 ? 0 : INEXACT
  if (guard > 0x8000_0000 || (guard === 0x8000_0000 && (lo & 1) === 1)) {
    flags |= UP
    lo += 1
    if (lo === TWO32) {
      lo = 0
      hi += 1
      if (hi === TWO32) {
        hi = 0x8000_0000
        exponent += 1
      }
    }
  }
  if (exponent > 0x7ffe) return false
  limbs[FLAGS] = flags
  return set(R, sign, exponent, hi, lo)
}

function addMagnitudes(a: number, b: number, distance: number, sign: number): boolean {
  const [bh, bl, guard, sticky] = shifted(b, distance)
  let lo = (limbs[a + 1] as number) + bl
  let hi = (limbs[a] as number) + bh
  let exponent = limbs[a + 2] as number
  let g = guard
  let rest = sticky
  if (lo >= TWO32) {
    lo -= TWO32
    hi += 1
  }
  if (hi >= TWO32) {
    rest |= g & 1
    g = ((g >>> 1) | ((lo & 1) << 31)) >>> 0
    lo = ((lo >>> 1) | ((hi & 1) << 31)) >>> 0
    hi = (((hi - TWO32) >>> 1) | 0x8000_0000) >>> 0
    exponent += 1
  }
  return finish(sign, exponent, hi, lo, (g | rest) >>> 0)
}

const shiftOut: [number, number, number, number] = [0, 0, 0, 0]

/** The significand at `b` moved right by `distance` ≤ 63: high, low, guard word, sticky bit. */
function shifted(b: number, distance: number): [number, number, number, number] {
  const hi = limbs[b] as number
  const lo = limbs[b + 1] as number
  const out = shiftOut
  out[3] = 0
  if (distance === 0) {
    out[0] = hi
    out[1] = lo
    out[2] = 0
  } else if (distance < 32) {
    out[0] = hi >>> distance
    out[1] = ((lo >>> distance) | (hi << (32 - distance))) >>> 0
    out[2] = (lo << (32 - distance)) >>> 0
  } else if (distance === 32) {
    out[0] = 0
    out[1] = hi
    out[2] = lo
  } else {
    const by = distance - 32
    out[0] = 0
    out[1] = hi >>> by
    out[2] = ((lo >>> by) | (hi << (32 - by))) >>> 0
    out[3] = lo << (32 - by) === 0 ? 0 : 1
  }
  return out
}

function subtractMagnitudes(a: number, b: number, distance: number, sign: number): boolean {
  const [bh, bl, guard, sticky] = shifted(b, distance)
  const below = (guard | sticky) >>> 0
  let g = -below >>> 0
  let lo = (limbs[a + 1] as number) - bl - (below === 0 ? 0 : 1)
  let hi = (limbs[a] as number) - bh
  let exponent = limbs[a + 2] as number
  if (lo < 0) {
    lo += TWO32
    hi -= 1
  }
  if (hi === 0) {
    hi = lo
    lo = g
    g = 0
    exponent -= 32
    if (hi === 0) return false
  }
  const shift = Math.clz32(hi)
  if (shift !== 0) {
    hi = ((hi << shift) | (lo >>> (32 - shift))) >>> 0
    lo = ((lo << shift) | (g >>> (32 - shift))) >>> 0
    g = (g << shift) >>> 0
    exponent -= shift
  }
  return finish(sign, exponent, hi, lo, g)
}

/** Result ← A + B, or A − B with `negate`. */
function add(negate: number): boolean {
  const distance = (limbs[A + 2] as number) - (limbs[B + 2] as number)
  const signA = limbs[A + 3] as number
  const signB = (limbs[B + 3] as number) ^ negate
  if (distance > 63 || distance < -63) return false
  if (signA === signB) {
    return distance >= 0 ? addMagnitudes(A, B, distance, signA) : addMagnitudes(B, A, -distance, signA)
  }
  const relation = compareMagnitudes()
  if (relation === EQUAL) return false
  return relation === GREATER ? subtractMagnitudes(A, B, distance, signA) : subtractMagnitudes(B, A, -distance, signB)
}

const product = new Uint32Array(2)

/** 32 × 32 bits into `product`: low, high. */
function multiply32(x: number, y: number): void {
  const xl = x & 0xffff
  const xh = x >>> 16
  const yl = y & 0xffff
  const yh = y >>> 16
  const low = xl * yl
  const middle = xh * yl + Math.floor(low / 0x10000)
  const middle2 = xl * yh + (middle % 0x10000)
  product[0] = ((middle2 & 0xffff) << 16) | (low & 0xffff)
  product[1] = xh * yh + Math.floor(middle / 0x10000) + Math.floor(middle2 / 0x10000)
}

/** Result ← A × B. */
function multiply(): boolean {
  const ah = limbs[A] as number
  const al = limbs[A + 1] as number
  const bh = limbs[B] as number
  const bl = limbs[B + 1] as number
  multiply32(al, bl)
  let w0 = product[0] as number
  let sum1 = product[1] as number
  multiply32(al, bh)
  sum1 += product[0] as number
  let sum2 = product[1] as number
  multiply32(ah, bl)
  sum1 += product[0] as number
  sum2 += product[1] as number
  multiply32(ah, bh)
  sum2 += (product[0] as number) + Math.floor(sum1 / TWO32)
  let w1 = sum1 % TWO32
  let w2 = sum2 % TWO32
  let w3 = (product[1] as number) + Math.floor(sum2 / TWO32)
  let exponent = (limbs[A + 2] as number) + (limbs[B + 2] as number) - 0x3fff + 1
  if (w3 < 0x8000_0000) {
    w3 = ((w3 << 1) | (w2 >>> 31)) >>> 0
    w2 = ((w2 << 1) | (w1 >>> 31)) >>> 0
    w1 = ((w1 << 1) | (w0 >>> 31)) >>> 0
    w0 = (w0 << 1) >>> 0
    exponent -= 1
  }
  const sign = (limbs[A + 3] as number) ^ (limbs[B + 3] as number)
  return finish(sign, exponent, w3, w2, w0 === 0 ? w1 : (w1 | 1) >>> 0)
}

function compareMagnitudes(): number {
  for (const word of ORDER) {
    const a = limbs[A + word] as number
    const b = limbs[B + word] as number
    if (a !== b) return a < b ? LESS : GREATER
  }
  return EQUAL
}
/** Exponent, then the significand from the top. */
const ORDER = [2, 0, 1]

/** How A stands to B: LESS, EQUAL or GREATER. */
export function compareLimbs(): number {
  const sign = limbs[A + 3] as number
  if (sign !== limbs[B + 3]) return sign === 1 ? LESS : GREATER
  const relation = compareMagnitudes()
  return sign === 1 ? -relation : relation
}

/** Merges PE and C1 of a finished operation into the status word. */
function report(cpu: CpuContext, flags: number): void {
  const sw = (cpu.u16[FPU_SW >> 1] as number) & ~SW_C1
  cpu.u16[FPU_SW >> 1] = sw | ((flags & INEXACT) !== 0 ? PE : 0) | ((flags & UP) !== 0 ? SW_C1 : 0)
}

/**
 * ST(target) ← A op B (`operation` as in D8: 0 add, 1 mul, 4 sub, 5 subr), with flags. False, and nothing done, when
 * the exact path must decide.
 */
export function computeLimbs(cpu: CpuContext, operation: number, target: number): boolean {
  let done = false
  if (operation === 0) done = add(0)
  else if (operation === 1) done = multiply()
  else if (operation === 4 || operation === 5) done = add(1)
  if (!done) return false
  const sign = (limbs[R + 3] as number) ^ (operation === 5 ? 1 : 0)
  report(cpu, limbs[FLAGS] as number)
  writeWords(cpu, target, limbs[R + 1] as number, limbs[R] as number, (sign << 15) | (limbs[R + 2] as number))
  return true
}

/** Pushes A onto a stack that has room. */
export function pushLimbs(cpu: CpuContext): void {
  pushWords(
    cpu,
    limbs[A + 1] as number,
    limbs[A] as number,
    ((limbs[A + 3] as number) << 15) | (limbs[A + 2] as number),
  )
}

/** What the conversions below leave: low word, high word, INEXACT and UP. */
export const converted: Uint32Array = new Uint32Array(3)

/** A to f64 words in `converted`; false when out of the normal range. */
export function toDouble(): boolean {
  const e = (limbs[A + 2] as number) - 15360
  if (e < 1 || e > 2045) return false
  const hi = limbs[A] as number
  const lo = limbs[A + 1] as number
  const rest = lo & 0x7ff
  let low = ((lo >>> 11) | (hi << 21)) >>> 0
  let high = (((limbs[A + 3] as number) << 31) | (e << 20) | ((hi >>> 11) & 0xf_ffff)) >>> 0
  const up = rest > 0x400 || (rest === 0x400 && (low & 1) === 1)
  if (up) {
    low = (low + 1) >>> 0
    if (low === 0) high += 1
  }
  converted[0] = low
  converted[1] = high
  converted[2] = (rest === 0 ? 0 : INEXACT) | (up ? UP : 0)
  return true
}

/** A to f32 bits in `converted`; false when out of the normal range. */
export function toSingle(): boolean {
  const e = (limbs[A + 2] as number) - 16256
  if (e < 1 || e > 253) return false
  const hi = limbs[A] as number
  const lo = limbs[A + 1] as number
  const rest = hi & 0xff
  const bits = (((limbs[A + 3] as number) << 31) | (e << 23) | ((hi >>> 8) & 0x7f_ffff)) >>> 0
  const up = rest > 0x80 || (rest === 0x80 && (lo !== 0 || (bits & 1) === 1))
  converted[0] = up ? bits + 1 : bits
  converted[2] = ((rest | lo) === 0 ? 0 : INEXACT) | (up ? UP : 0)
  return true
}

/** A, 1 ≤ |A| < 2^30, to an integer by `rounding` in `converted[0]` (as 32 bits); false otherwise. */
export function toInt32(rounding: number): boolean {
  const e = (limbs[A + 2] as number) - 0x3fff
  if (e < 0 || e > 29) return false
  const hi = limbs[A] as number
  const sign = limbs[A + 3] as number
  let magnitude = hi >>> (31 - e)
  const fraction = (hi << (e + 1)) >>> 0
  const below = limbs[A + 1] !== 0
  const inexact = fraction !== 0 || below
  let up = false
  if (rounding === RC_NEAREST) {
    up = fraction > 0x8000_0000 || (fraction === 0x8000_0000 && (below || (magnitude & 1) === 1))
  } else if (inexact) {
    up = rounding === (sign === 1 ? RC_DOWN : RC_UP)
  }
  if (up) magnitude += 1
  converted[0] = sign === 1 ? -magnitude : magnitude
  converted[2] = (inexact ? INEXACT : 0) | (up ? UP : 0)
  return true
}

/** After a conversion has been stored: PE and C1. */
export function reportConverted(cpu: CpuContext): void {
  report(cpu, converted[2] as number)
}
