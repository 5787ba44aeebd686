/**
 * Floating-point numbers taken apart, and the environment an operation runs in.
 * Encodings: Intel SDM vol. 1, 4.2.2 (f32, f64, double extended) and 8.2.2 (unsupported encodings).
 *
 * All three formats are unpacked into one form with a 64-bit significand whose leading bit is set, so that one
 * arithmetic serves x87 and SSE.
 */

/** Kinds of {@link Float}. Everything from QNAN on is "not a number". */
export const ZERO = 0
export const FINITE = 1
export const INF = 2
export const QNAN = 3
export const SNAN = 4
/** Pseudo-NaN, pseudo-infinity, unnormal: encodings that the 387 and later refuse (#IA). */
export const UNSUPPORTED = 5

/** An unpacked number; immutable. */
export interface Float {
  readonly kind: number
  /** 1 for negative. */
  readonly sign: number
  /** FINITE: exponent of the leading bit; the value is sig × 2^(exp − 63). */
  readonly exp: number
  /** FINITE: 2^63 ≤ sig < 2^64. NaN: bit 63 set, bit 62 the quiet bit, payload below. */
  readonly sig: bigint
  /** The encoding was denormal (or pseudo-denormal): the operand raises DE. */
  readonly denormal: boolean
}

/* Exception flags, at their places in the x87 status word and MXCSR. */
export const IE = 0x01
export const DE = 0x02
export const ZE = 0x04
export const OE = 0x08
export const UE = 0x10
export const PE = 0x20

/* Rounding control, as encoded in the control word and MXCSR (SDM vol. 1, table 4-8). */
export const RC_NEAREST = 0
export const RC_DOWN = 1
export const RC_UP = 2
export const RC_ZERO = 3

/** What an operation reads (rounding, range, masks) and reports (flags, C1). One object lives per unit and is reused. */
export interface FloatEnv {
  /** RC_… */
  rounding: number
  /** Significand bits of the result: 24, 53 or 64. */
  precision: number
  /** Exponent of the smallest normal number of the destination. */
  emin: number
  /** Exponent of the largest number of the destination. */
  emax: number
  /** Exceptions that are masked (1 = masked), bits as IE…PE. */
  masks: number
  /** Exceptions raised since the caller cleared it. */
  flags: number
  /** The last rounding increased the magnitude (x87 C1). */
  roundedUp: boolean
  /** NaN rule: x87 (larger significand) or SSE (first operand). */
  x87: boolean
  /** MXCSR.FTZ: a tiny result becomes zero when underflow is masked. */
  flushToZero: boolean
}

/** 2^63, the leading significand bit. */
export const TOP_BIT = 0x8000_0000_0000_0000n
const QUIET_BIT = 0x4000_0000_0000_0000n
const MASK64 = 0xffff_ffff_ffff_ffffn

const EXT_BIAS = 16383
export const EXT_EMIN = -16382
export const EXT_EMAX = 16383

/** The default NaN: negative, quiet, no payload (SDM vol. 1, table 4-3 "QNaN floating-point indefinite"). */
export const INDEFINITE: Float = { kind: QNAN, sign: 1, exp: 0, sig: TOP_BIT | QUIET_BIT, denormal: false }
const ZEROS: readonly Float[] = [0, 1].map(sign => ({ kind: ZERO, sign, exp: 0, sig: 0n, denormal: false }))
const INFS: readonly Float[] = [0, 1].map(sign => ({ kind: INF, sign, exp: 0, sig: TOP_BIT, denormal: false }))

/** ±0. */
export function zero(sign: number): Float {
  return ZEROS[sign] as Float
}

/** ±∞. */
export function infinity(sign: number): Float {
  return INFS[sign] as Float
}

/** A finite number with a normalised 64-bit significand. */
export function finite(sign: number, exp: number, sig: bigint): Float {
  return { kind: FINITE, sign, exp, sig, denormal: false }
}

/** The same number with another sign. */
export function withSign(a: Float, sign: number): Float {
  return { kind: a.kind, sign, exp: a.exp, sig: a.sig, denormal: a.denormal }
}

const probe = new Float64Array(1)
const probeWords = new Uint32Array(probe.buffer)

/** Number of bits of a positive integer below 2^1023. */
export function bitLength(x: bigint): number {
  probe[0] = Number(x)
  const bits = ((probeWords[1] as number) >>> 20) - 1022
  // The conversion rounds: a run of ones may have become the next power of two.
  return bits > 53 && x >> BigInt(bits - 1) === 0n ? bits - 1 : bits
}

/** A positive integer times 2^exp, normalised: the caller has made sure it fits 64 bits. */
export function normalised(sign: number, sig: bigint, exp: number, denormal = false): Float {
  const bits = bitLength(sig)
  return { kind: FINITE, sign, exp: exp + bits - 1, sig: sig << BigInt(64 - bits), denormal }
}

/** Double extended from its 64-bit significand and its sign-and-exponent word. */
export function unpackExt(sig: bigint, se: number): Float {
  const sign = se >> 15
  const e = se & 0x7fff
  if (e === 0) {
    if (sig === 0n) return zero(sign)
    return normalised(sign, sig, EXT_EMIN - 63, true)
  }
  if (sig < TOP_BIT) return { kind: UNSUPPORTED, sign, exp: 0, sig, denormal: false }
  if (e === 0x7fff) {
    if (sig === TOP_BIT) return infinity(sign)
    return { kind: (sig & QUIET_BIT) !== 0n ? QNAN : SNAN, sign, exp: 0, sig, denormal: false }
  }
  return { kind: FINITE, sign, exp: e - EXT_BIAS, sig, denormal: false }
}

/** Sign-and-exponent word of the double-extended encoding. */
export function extExponent(a: Float): number {
  const sign = a.sign << 15
  if (a.kind === ZERO) return sign
  if (a.kind !== FINITE) return sign | 0x7fff
  return a.exp < EXT_EMIN ? sign : sign | (a.exp + EXT_BIAS)
}

/** 64-bit significand of the double-extended encoding. */
export function extSignificand(a: Float): bigint {
  return a.kind === FINITE && a.exp < EXT_EMIN ? a.sig >> BigInt(EXT_EMIN - a.exp) : a.sig
}

/** f32 from its bits (unsigned or signed 32-bit number). */
export function unpack32(bits: number): Float {
  const sign = bits >>> 31
  const e = (bits >>> 23) & 0xff
  const fraction = bits & 0x7f_ffff
  if (e === 0) {
    return fraction === 0 ? zero(sign) : normalised(sign, BigInt(fraction), -149, true)
  }
  const sig = BigInt(fraction | 0x80_0000) << 40n
  if (e !== 0xff) return { kind: FINITE, sign, exp: e - 127, sig, denormal: false }
  if (fraction === 0) return infinity(sign)
  return { kind: (fraction & 0x40_0000) !== 0 ? QNAN : SNAN, sign, exp: 0, sig, denormal: false }
}

/** f64 from its halves. */
export function unpack64(lo: number, hi: number): Float {
  const sign = hi >>> 31
  const e = (hi >>> 20) & 0x7ff
  const fraction = (BigInt(hi & 0xf_ffff) << 32n) | BigInt(lo >>> 0)
  if (e === 0) {
    return fraction === 0n ? zero(sign) : normalised(sign, fraction, -1074, true)
  }
  const sig = TOP_BIT | (fraction << 11n)
  if (e !== 0x7ff) return { kind: FINITE, sign, exp: e - 1023, sig, denormal: false }
  if (fraction === 0n) return infinity(sign)
  return { kind: (hi & 0x8_0000) !== 0 ? QNAN : SNAN, sign, exp: 0, sig, denormal: false }
}

/** f32 bits (unsigned) of a number already rounded to f32; a NaN's payload loses its low bits. */
export function pack32(a: Float): number {
  const sign = a.sign === 1 ? 0x8000_0000 : 0
  if (a.kind === ZERO) return sign
  const sig = Number(a.sig >> 40n)
  if (a.kind !== FINITE) return sign + 0x7f80_0000 + (sig & 0x7f_ffff)
  if (a.exp < -126) return sign + (sig >>> (-126 - a.exp))
  return sign + (a.exp + 127) * 0x80_0000 + (sig & 0x7f_ffff)
}

/** f64 bits of a number already rounded to f64; a NaN's payload loses its low bits. */
export function pack64(a: Float): bigint {
  const sign = a.sign === 1 ? TOP_BIT : 0n
  if (a.kind === ZERO) return sign
  const sig = a.sig >> 11n
  const fraction = sig & 0xf_ffff_ffff_ffffn
  if (a.kind !== FINITE) return sign | 0x7ff0_0000_0000_0000n | fraction
  if (a.exp < -1022) return sign | (sig >> BigInt(-1022 - a.exp))
  return sign | (BigInt(a.exp + 1023) << 52n) | fraction
}

/** Quiets a NaN; anything unsupported becomes the default NaN. */
export function quiet(a: Float): Float {
  if (a.kind === QNAN) return a
  if (a.kind !== SNAN) return INDEFINITE
  return { kind: QNAN, sign: a.sign, exp: 0, sig: (a.sig | QUIET_BIT) & MASK64, denormal: false }
}
