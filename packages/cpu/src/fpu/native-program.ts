/**
 * Input and output of native-host.c, the C program that executes single x87 and SIMD instructions on the host processor
 * for the comparison tests (in 64-bit mode, where these instructions act as in 32-bit mode).
 *
 * A case: 16 bytes of code (zero-padded) with its length in byte 15, EFLAGS, EAX, ECX, EDX, a 512-byte state image
 * (FSAVE's 108 bytes, or FXSAVE's), 128 bytes of memory at which EBX points. A result: trap number or −1, EFLAGS, EAX,
 * ECX, EDX, image, memory.
 */
const CASE_SIZE = 16 + 16 + 512 + 128
const RESULT_SIZE = 4 + 16 + 512 + 128

/** One instruction with its surroundings. */
export interface NativeCase {
  readonly code: readonly number[]
  readonly eflags: number
  /** EAX, ECX, EDX. */
  readonly gpr: readonly [number, number, number]
  readonly image: Uint8Array
  readonly memory: Uint8Array
}

/** What the processor left. */
export interface NativeResult {
  /** Exception vector, or -1. */
  readonly trap: number
  readonly eflags: number
  readonly gpr: readonly [number, number, number]
  readonly image: Uint8Array
  readonly memory: Uint8Array
}

/** Cases as the program reads them. */
export function encodeCases(cases: readonly NativeCase[]): Uint8Array {
  const out = new Uint8Array(cases.length * CASE_SIZE)
  const view = new DataView(out.buffer)
  cases.forEach((c, n) => {
    const at = n * CASE_SIZE
    out.set(c.code, at)
    out[at + 15] = c.code.length
    view.setUint32(at + 16, c.eflags, true)
    c.gpr.forEach((value, i) => {
      view.setUint32(at + 20 + 4 * i, value, true)
    })
    out.set(c.image, at + 32)
    out.set(c.memory, at + 544)
  })
  return out
}

/** Result number n of the program's output. */
export function decodeResult(output: Uint8Array, n: number): NativeResult {
  const at = n * RESULT_SIZE
  const view = new DataView(output.buffer, output.byteOffset + at, RESULT_SIZE)
  return {
    trap: view.getInt32(0, true),
    eflags: view.getUint32(4, true),
    gpr: [view.getUint32(8, true), view.getUint32(12, true), view.getUint32(16, true)],
    image: output.subarray(at + 20, at + 532),
    memory: output.subarray(at + 532, at + 660),
  }
}
