/**
 * Operands of the x87 unit in guest memory. Reads happen before anything is committed, so that a page fault leaves no
 * trace; stores come after a probe and cannot fault.
 */
import type { CpuContext } from '../context.ts'
import { type Float, unpack32, unpack64, unpackExt } from './float.ts'

/** m32 as a number. */
export function load32(cpu: CpuContext, lin: number): Float {
  return unpack32(cpu.read32(lin))
}

/** m64 as a number. */
export function load64(cpu: CpuContext, lin: number): Float {
  const lo = cpu.read32(lin)
  return unpack64(lo, cpu.read32((lin + 4) >>> 0))
}

/** Unsigned 64-bit integer. */
export function loadBits64(cpu: CpuContext, lin: number): bigint {
  const lo = cpu.read32(lin)
  return (BigInt(cpu.read32((lin + 4) >>> 0)) << 32n) | BigInt(lo)
}

/** m80 as a number. */
export function load80(cpu: CpuContext, lin: number): Float {
  const sig = loadBits64(cpu, lin)
  return unpackExt(sig, cpu.read16((lin + 8) >>> 0))
}

/** Stores an unsigned 64-bit integer. */
export function storeBits64(cpu: CpuContext, lin: number, value: bigint): void {
  cpu.write32(lin, Number(value & 0xffff_ffffn))
  cpu.write32((lin + 4) >>> 0, Number(value >> 32n))
}
