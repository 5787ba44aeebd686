/**
 * The x87 register stack in the processor's state: access by stack position, tags, status word, and how a finished
 * operation reports its exceptions. Intel SDM vol. 1, 8.1 and 8.5.
 *
 * While the unit runs, a tag says only empty (3) or not (0); the finer tags of SDM figure 8-7 are computed from the
 * contents when the tag word is stored (environment.ts), as processors do.
 */
import type { CpuContext } from '../context.ts'
import { CR0, CR0_NE, FPR, FPU_CW, FPU_SW, FPU_TOP, FPU_TW } from '../state.ts'
import {
  DE,
  EXT_EMAX,
  EXT_EMIN,
  extExponent,
  extSignificand,
  type Float,
  type FloatEnv,
  IE,
  INDEFINITE,
  PE,
  unpackExt,
  ZE,
} from './float.ts'

/* Status word (SDM vol. 1, figure 8-4). */
export const SW_SF = 0x40
export const SW_ES = 0x80
export const SW_C0 = 0x100
export const SW_C1 = 0x200
export const SW_C2 = 0x400
export const SW_C3 = 0x4000
const SW_B = 0x8000
export const SW_EXCEPTIONS = 0x3f
const SW_CC = SW_C0 | SW_C1 | SW_C2 | SW_C3

const PRECISIONS = [24, 64, 53, 64]

const env: FloatEnv = {
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

/**
 * The unit's environment for one instruction: rounding and masks from the control word, flags clear. `controlled`:
 * precision control applies (FADD, FSUB, FMUL, FDIV, FSQRT only); otherwise 64 bits.
 */
export function begin(cpu: CpuContext, controlled = false): FloatEnv {
  const cw = cpu.u16[FPU_CW >> 1] as number
  env.rounding = (cw >> 10) & 3
  env.precision = controlled ? (PRECISIONS[(cw >> 8) & 3] as number) : 64
  env.emin = EXT_EMIN
  env.emax = EXT_EMAX
  env.masks = cw & SW_EXCEPTIONS
  env.flags = 0
  env.roundedUp = false
  return env
}

/** Physical register behind ST(i). */
function physical(cpu: CpuContext, i: number): number {
  return ((cpu.u32[FPU_TOP >> 2] as number) + i) & 7
}

/** True when ST(i) is empty. */
export function isEmpty(cpu: CpuContext, i: number): boolean {
  return (((cpu.u16[FPU_TW >> 1] as number) >> (2 * physical(cpu, i))) & 3) === 3
}

/** Sign-and-exponent word of ST(i). */
export function rawExponent(cpu: CpuContext, i: number): number {
  return cpu.u16[(FPR + 16 * physical(cpu, i) + 8) >> 1] as number
}

/** Low half of ST(i)'s significand. */
export function rawLow(cpu: CpuContext, i: number): number {
  return cpu.u32[(FPR + 16 * physical(cpu, i)) >> 2] as number
}

/** High half of ST(i)'s significand. */
export function rawHigh(cpu: CpuContext, i: number): number {
  return cpu.u32[(FPR + 16 * physical(cpu, i) + 4) >> 2] as number
}

/** Writes ST(i) bit for bit and marks it in use. */
export function writeWords(cpu: CpuContext, i: number, lo: number, hi: number, se: number): void {
  const p = physical(cpu, i)
  cpu.u32[(FPR + 16 * p) >> 2] = lo
  cpu.u32[(FPR + 16 * p + 4) >> 2] = hi
  cpu.u16[(FPR + 16 * p + 8) >> 1] = se
  const tw = cpu.u16[FPU_TW >> 1] as number
  cpu.u16[FPU_TW >> 1] = tw & ~(3 << (2 * p))
}

/** ST(i), unpacked. */
export function read(cpu: CpuContext, i: number): Float {
  return unpackExt(cpu.u64[(FPR + 16 * physical(cpu, i)) >> 3] as bigint, rawExponent(cpu, i))
}

/** Writes ST(i) and marks it in use. */
export function write(cpu: CpuContext, i: number, value: Float): void {
  const sig = extSignificand(value)
  writeWords(cpu, i, Number(sig & 0xffff_ffffn), Number(sig >> 32n), extExponent(value))
}

/** Marks ST(i) empty. */
export function free(cpu: CpuContext, i: number): void {
  cpu.u16[FPU_TW >> 1] = (cpu.u16[FPU_TW >> 1] as number) | (3 << (2 * physical(cpu, i)))
}

/** Moves TOP by `by`; contents and tags stay. */
export function rotate(cpu: CpuContext, by: number): void {
  cpu.u32[FPU_TOP >> 2] = ((cpu.u32[FPU_TOP >> 2] as number) + by) & 7
}

/** Frees ST(0) and increments TOP. */
export function pop(cpu: CpuContext): void {
  free(cpu, 0)
  rotate(cpu, 1)
}

/** Replaces condition bits C0–C3 that `mask` selects (default all). */
export function setConditions(cpu: CpuContext, bits: number, mask: number = SW_CC): void {
  cpu.u16[FPU_SW >> 1] = ((cpu.u16[FPU_SW >> 1] as number) & ~mask) | bits
}

/** Makes ES and B agree with the flags and masks; when the summary falls, FERR# falls with it. */
export function updateSummary(cpu: CpuContext): void {
  const sw = cpu.u16[FPU_SW >> 1] as number
  const masks = cpu.u16[FPU_CW >> 1] as number
  const pending = (sw & ~masks & SW_EXCEPTIONS) !== 0
  const before = (sw & SW_ES) !== 0
  cpu.u16[FPU_SW >> 1] = pending ? sw | SW_ES | SW_B : sw & ~(SW_ES | SW_B)
  if (before && !pending && ((cpu.u32[CR0 >> 2] as number) & CR0_NE) === 0) cpu.ports.ferr(false)
}

/** What {@link settle} will answer; changes nothing. A store asks this, writes memory, and settles last. */
export function permitted(e: FloatEnv, blocking: number): boolean {
  return (e.flags & ~e.masks & blocking) === 0
}

/** True when invalid operations, stack faults among them, are masked. */
export function invalidMasked(cpu: CpuContext): boolean {
  return ((cpu.u16[FPU_CW >> 1] as number) & IE) !== 0
}

/**
 * Ends an operation: flags into the status word, C1 from the rounding. False when an unmasked exception among `blocking`
 * forbids the result and any pop; the default set are those detected before the operation.
 */
export function settle(cpu: CpuContext, e: FloatEnv, blocking: number = IE | DE | ZE): boolean {
  const unmasked = e.flags & ~e.masks
  let sw = cpu.u16[FPU_SW >> 1] as number
  sw &= ~SW_C1
  if ((unmasked & blocking) !== 0) {
    // What would have happened after the operand checks has not happened; a result not stored is not inexact.
    const early = unmasked & (IE | DE | ZE)
    sw |= e.flags & (early !== 0 ? IE | DE | ZE : ~PE)
  } else {
    sw |= e.flags
    if (e.roundedUp && (e.flags & PE) !== 0) sw |= SW_C1
  }
  if (unmasked !== 0) sw |= SW_ES | SW_B
  cpu.u16[FPU_SW >> 1] = sw
  return (unmasked & blocking) === 0
}

/** Stack overflow or underflow: IE, SF, C1. True when masked, so that the indefinite value is to be written. */
export function stackFault(cpu: CpuContext, overflow: boolean): boolean {
  const masked = invalidMasked(cpu)
  let sw = (cpu.u16[FPU_SW >> 1] as number) & ~SW_C1
  sw |= IE | SW_SF | (overflow ? SW_C1 : 0)
  if (!masked) sw |= SW_ES | SW_B
  cpu.u16[FPU_SW >> 1] = sw
  return masked
}

/** Pushes bit for bit, with the overflow check: an occupied slot gets the indefinite value (or nothing, unmasked). */
export function pushWords(cpu: CpuContext, lo: number, hi: number, se: number): void {
  if (!isEmpty(cpu, -1)) {
    if (!stackFault(cpu, true)) return
    rotate(cpu, -1)
    write(cpu, 0, INDEFINITE)
    return
  }
  setConditions(cpu, 0, SW_C1)
  rotate(cpu, -1)
  writeWords(cpu, 0, lo, hi, se)
}

/** Pushes a number; see {@link pushWords}. */
export function push(cpu: CpuContext, value: Float): void {
  const sig = extSignificand(value)
  pushWords(cpu, Number(sig & 0xffff_ffffn), Number(sig >> 32n), extExponent(value))
}
