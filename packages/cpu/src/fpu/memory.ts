/**
 * Operands of the x87 unit in guest memory. Reads happen before anything is committed, so that a page fault leaves no
 * trace; stores come after a probe and cannot fault.
 */
import type { CpuContext } from '../context.ts'
import { fromInteger } from './arithmetic.ts'
import { type Float, unpack32, unpack64, zero } from './float.ts'
import { from32, from64, fromInt32 } from './limbs.ts'

/* Kinds of operand, in the order of the opcodes D8, DA, DC, DE. */
export const M32 = 0
export const INT32 = 1
export const M64 = 2
export const INT16 = 3

/** The operand last fetched: low and high word (integers sign-extended to the low one). */
const words = new Uint32Array(2)

/** Reads an operand of `kind`; the functions below then look at it. */
export function fetch(cpu: CpuContext, kind: number, lin: number): void {
  if (kind === INT16) {
    words[0] = (cpu.read16(lin) << 16) >> 16
    return
  }
  words[0] = cpu.read32(lin)
  if (kind === M64) words[1] = cpu.read32((lin + 4) >>> 0)
}

/** The fetched operand as a number. */
export function fetched(kind: number): Float {
  const lo = words[0] as number
  if (kind === M32) return unpack32(lo)
  if (kind === M64) return unpack64(lo, words[1] as number)
  return lo === 0 ? zero(0) : fromInteger(BigInt(lo | 0))
}

/** The fetched operand as limbs, if it is normal (see limbs.ts). */
export function fetchedLimbs(kind: number, at: number): boolean {
  const lo = words[0] as number
  if (kind === M32) return from32(lo, at)
  if (kind === M64) return from64(lo, words[1] as number, at)
  return fromInt32(lo | 0, at)
}

/** Unsigned 64-bit integer. */
export function loadBits64(cpu: CpuContext, lin: number): bigint {
  const lo = cpu.read32(lin)
  return (BigInt(cpu.read32((lin + 4) >>> 0)) << 32n) | BigInt(lo)
}

/** Stores an unsigned 64-bit integer. */
export function storeBits64(cpu: CpuContext, lin: number, value: bigint): void {
  cpu.write32(lin, Number(value & 0xffff_ffffn))
  cpu.write32((lin + 4) >>> 0, Number(value >> 32n))
}
