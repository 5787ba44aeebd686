/**
 * Where a SIMD floating-point instruction collects its elements, so that an unmasked exception in any of them leaves
 * the destination alone.
 */
import type { CpuContext } from '../context.ts'
import { type Float, pack32, pack64 } from '../fpu/float.ts'

const buffer = new ArrayBuffer(16)
/** The result as four dwords. */
export const result32: Uint32Array = new Uint32Array(buffer)
/** The result as two qwords. */
const result64: BigUint64Array = new BigUint64Array(buffer)
const resultF64 = new Float64Array(buffer)
const resultF32 = new Float32Array(buffer)

/** Element i of the result, as f32. */
export function put32(i: number, value: Float): void {
  result32[i] = pack32(value)
}

/** Element i of the result, as f64. */
export function put64(i: number, value: Float): void {
  result64[i] = pack64(value)
}

/** Element i from a native number that is not a NaN. */
export function putNative(i: number, value: number, size: number): void {
  if (size === 4) resultF32[i] = value
  else resultF64[i] = value
}

/** Copies the first `size` bytes of the result to byte offset `at`. */
export function commit(cpu: CpuContext, at: number, size: number): void {
  for (let i = 0; i < size >> 2; i++) cpu.u32[(at >> 2) + i] = result32[i] as number
}
