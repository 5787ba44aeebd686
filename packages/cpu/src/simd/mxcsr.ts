/**
 * MXCSR around a SIMD floating-point instruction: rounding, FTZ, DAZ, masks, sticky flags and the exceptions they raise.
 * Intel SDM vol. 1, 10.2.3, 11.5.
 */
import { type CpuContext, GuestFault } from '../context.ts'
import { DE, type Float, type FloatEnv, IE, unpack32, unpack64, ZE, zero } from '../fpu/float.ts'
import { CR4, CR4_OSXMMEXCPT, MXCSR, VEC_UD, VEC_XM } from '../state.ts'

const MXCSR_PE = 0x20
const MXCSR_DAZ = 0x40
const MXCSR_PM = 0x1000
const MXCSR_RC = 0x6000
const MXCSR_FTZ = 0x8000

const env: FloatEnv = {
  rounding: 0,
  precision: 24,
  emin: -126,
  emax: 127,
  masks: 0x3f,
  flags: 0,
  roundedUp: false,
  x87: false,
  flushToZero: false,
}

let denormalsAreZeros = false

/** The environment for results of `size` bytes (4 or 8), flags clear. */
export function beginFloat(cpu: CpuContext, size: number): FloatEnv {
  const mxcsr = cpu.u32[MXCSR >> 2] as number
  env.rounding = (mxcsr >> 13) & 3
  env.masks = (mxcsr >> 7) & 0x3f
  env.flushToZero = (mxcsr & MXCSR_FTZ) !== 0
  denormalsAreZeros = (mxcsr & MXCSR_DAZ) !== 0
  env.flags = 0
  if (size === 4) {
    env.precision = 24
    env.emin = -126
    env.emax = 127
  } else {
    env.precision = 53
    env.emin = -1022
    env.emax = 1023
  }
  return env
}

/**
 * Ends the instruction: sticky flags, and #XM (or #UD without CR4.OSXMMEXCPT) for an unmasked one. The destination must
 * not have been written yet. An unmasked IE, DE or ZE of any element comes before the flags that rounding raises.
 */
export function endFloat(cpu: CpuContext, e: FloatEnv): void {
  if (e.flags === 0) return
  const unmasked = e.flags & ~e.masks
  const early = (unmasked & (IE | DE | ZE)) !== 0
  cpu.u32[MXCSR >> 2] = (cpu.u32[MXCSR >> 2] as number) | (early ? e.flags & (IE | DE | ZE) : e.flags)
  if (unmasked !== 0) {
    throw new GuestFault(((cpu.u32[CR4 >> 2] as number) & CR4_OSXMMEXCPT) !== 0 ? VEC_XM : VEC_UD)
  }
}

/** f32 at byte offset `at`, after DAZ. Valid between {@link beginFloat} and {@link endFloat}. */
export function read32(cpu: CpuContext, at: number): Float {
  const a = unpack32(cpu.u32[at >> 2] as number)
  return a.denormal && denormalsAreZeros ? zero(a.sign) : a
}

/** f64 at byte offset `at`, after DAZ. */
export function read64(cpu: CpuContext, at: number): Float {
  const a = unpack64(cpu.u32[at >> 2] as number, cpu.u32[(at + 4) >> 2] as number)
  return a.denormal && denormalsAreZeros ? zero(a.sign) : a
}

/** True when an inexact result changes nothing but the result: PE masked and already set, rounding to nearest. */
export function relaxed(cpu: CpuContext): boolean {
  return ((cpu.u32[MXCSR >> 2] as number) & (MXCSR_PE | MXCSR_PM | MXCSR_RC)) === (MXCSR_PE | MXCSR_PM)
}
