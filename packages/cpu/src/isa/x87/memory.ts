/** Numbers of the memory formats, from and to double extended (fpu/limbs.ts and fpu/convert.ts in exact words). */
import { c32, c64, type Expr, load, un } from '../../ir/ir.ts'
import type { KernelBuilder } from '../../kernels/module.ts'
import { FPU_CW } from '../../state.ts'
import { BIAS, CW_PM, CW_RC, declineIf, EXPONENT, isNormal, isZero, type Number80, TOP_BIT } from './stack.ts'

export type MemoryKind = 'm32' | 'm64' | 'i16' | 'i32' | 'i64'
const BIAS_32 = 127
const BIAS_64 = 1023

/** The operand of `kind` at host address `host`, normal or zero; the kernel declines for anything else. */
export function loadNumber(b: KernelBuilder, kind: MemoryKind, host: Expr): Number80 {
  if (kind === 'm32') return loadSingle(b, b.let(load('32', host)))
  if (kind === 'm64') return loadDouble(b, b.let(load('64', host)))
  const v =
    kind === 'i16'
      ? un('extend_s', load('16s', host))
      : kind === 'i32'
        ? un('extend_s', load('32', host))
        : load('64', host)
  return fromInteger(b, b.let(v))
}

function loadSingle(b: KernelBuilder, bits: Expr): Number80 {
  const exponent = b.let(b.and(b.shr(bits, 23), 0xff))
  const sign = b.and(b.shr(bits, 16), 0x8000)
  const se = b.let(b.or(sign, b.add(exponent, BIAS - BIAS_32)))
  const sig = b.let(b.or(b.shl(un('extend_u', bits), 40), TOP_BIT))
  b.if(b.cmp('ge_u', b.sub(exponent, 1), 0xfe), () => {
    declineIf(b, b.shl(bits, 1))
    b.set(se, sign)
    b.set(sig, c64(0n))
  })
  return { se, sig }
}

function loadDouble(b: KernelBuilder, bits: Expr): Number80 {
  const high = b.let(un('wrap', b.shr(bits, 32)))
  const exponent = b.let(b.and(b.shr(high, 20), 0x7ff))
  const sign = b.and(b.shr(high, 16), 0x8000)
  const se = b.let(b.or(sign, b.add(exponent, BIAS - BIAS_64)))
  const sig = b.let(b.or(b.shl(bits, 11), TOP_BIT))
  b.if(b.cmp('ge_u', b.sub(exponent, 1), 0x7fe), () => {
    declineIf(b, b.cmp('ne', b.shl(bits, 1), 0))
    b.set(se, sign)
    b.set(sig, c64(0n))
  })
  return { se, sig }
}

function fromInteger(b: KernelBuilder, v: Expr): Number80 {
  const negative = b.let(b.cmp('lt_s', v, 0))
  const magnitude = b.let(b.select(negative, b.sub(c64(0n), v), v))
  const shift = b.let(un('clz', magnitude))
  const exponent = b.sub(c32(BIAS + 63), un('wrap', shift))
  const se = b.let(b.select(b.eqz(magnitude), c32(0), b.or(b.shl(negative, 15), exponent)))
  return { se, sig: b.let(b.shl(magnitude, shift)) }
}

/** A number ready to be stored, and what is to be reported of it. */
export interface Stored {
  readonly bits: Expr
  readonly inexact: Expr
  readonly up: Expr
}

/** To f32 (i32 bits) or f64 (i64 bits), rounded to nearest. Declines out of the range of normal results. */
export function toFloat(b: KernelBuilder, n: Number80, double: boolean): Stored {
  const [bias, most, drop, fraction] = double ? [BIAS_64, 2045, 11, 52] : [BIAS_32, 253, 40, 23]
  const [inexact, up, bits] = [b.temp('i32'), b.temp('i32'), b.temp('i64')]
  b.if(
    isNormal(b, n),
    () => {
      const exponent = b.let(b.sub(b.and(n.se, EXPONENT), BIAS - bias + 1))
      declineIf(b, b.cmp('ge_u', exponent, most))
      const rest = b.let(b.shl(n.sig, 64 - drop))
      const kept = b.let(b.shr(n.sig, drop))
      b.set(inexact, b.cmp('ne', rest, 0))
      const odd = b.cmp('ne', b.or(b.shl(rest, 1), b.and(kept, 1)), 0)
      b.set(up, b.and(b.cmp('lt_s', rest, 0), odd))
      // The leading bit adds one to the exponent, and so does a carry.
      const whole = b.add(kept, b.shl(un('extend_u', exponent), fraction))
      b.set(bits, b.add(whole, un('extend_u', up)))
    },
    () => {
      declineIf(b, b.eqz(isZero(b, n)))
      b.set(inexact, c32(0))
      b.set(up, c32(0))
      b.set(bits, c64(0n))
    },
  )
  const sign = b.shl(un('extend_u', b.and(n.se, 0x8000)), double ? 48 : 16)
  const signed = b.or(bits, sign)
  return { bits: b.let(double ? signed : un('wrap', signed)), inexact, up }
}

/** Splits at the binary point: whole part, and what is below it as a fraction of 2^64 (sticky at the bottom). */
export function splitAtPoint(b: KernelBuilder, n: Number80): { whole: Expr; below: Expr } {
  const [whole, below] = [b.temp('i64'), b.temp('i64')]
  const bitsBelow = b.let(b.sub(c32(BIAS + 63), b.and(n.se, EXPONENT)))
  declineIf(b, b.cmp('lt_s', bitsBelow, 1))
  b.if(
    b.cmp('lt_s', bitsBelow, 64),
    () => {
      const by = b.let(un('extend_u', bitsBelow))
      b.set(whole, b.shr(n.sig, by))
      b.set(below, b.shl(n.sig, b.sub(c64(64n), by)))
    },
    () => {
      b.set(whole, c64(0n))
      b.set(below, b.select(b.cmp('eq', bitsBelow, 64), n.sig, c64(1n)))
    },
  )
  return { whole, below }
}

/** Whether the magnitude is to be rounded up (0 or 1), by the control word's RC; `odd` tells the last bit kept. */
export function roundsUp(b: KernelBuilder, sign: Expr, below: Expr, odd: Expr): Expr {
  const rc = b.let(b.and(b.word(FPU_CW), CW_RC))
  const up = b.temp('i32')
  b.if(
    b.eqz(rc),
    () => b.set(up, b.and(b.cmp('lt_s', below, 0), b.or(odd, b.cmp('ne', b.shl(below, 1), 0)))),
    () => {
      // 400 down, 800 up, C00 to zero.
      const away = b.or(b.and(b.cmp('eq', rc, 0x400), b.bool(sign)), b.and(b.cmp('eq', rc, 0x800), b.eqz(sign)))
      b.set(up, b.and(b.cmp('ne', below, 0), away))
    },
  )
  return up
}

/** An inexact result must not have to be reported. */
export function declineReported(b: KernelBuilder, inexact: Expr): void {
  declineIf(b, b.and(inexact, b.eqz(b.and(b.word(FPU_CW), CW_PM))))
}

/** To a signed integer of `bits` as an i64, by RC. */
export function toInteger(b: KernelBuilder, n: Number80, bits: 16 | 32 | 64): Stored {
  const [inexact, up, value] = [b.temp('i32'), b.temp('i32'), b.temp('i64')]
  b.if(
    isNormal(b, n),
    () => {
      const sign = b.let(b.shr(b.and(n.se, 0x8000), 15))
      const { whole, below } = splitAtPoint(b, n)
      b.set(inexact, b.cmp('ne', below, 0))
      declineReported(b, inexact)
      b.set(up, roundsUp(b, sign, below, un('wrap', b.and(whole, 1))))
      const magnitude = b.let(b.add(whole, un('extend_u', up)))
      const most = b.add(c64((1n << BigInt(bits - 1)) - 1n), un('extend_u', sign))
      declineIf(b, b.cmp('gt_u', magnitude, most))
      b.set(value, b.select(sign, b.sub(c64(0n), magnitude), magnitude))
    },
    () => {
      declineIf(b, b.eqz(isZero(b, n)))
      b.set(inexact, c32(0))
      b.set(up, c32(0))
      b.set(value, c64(0n))
    },
  )
  return { bits: value, inexact, up }
}
