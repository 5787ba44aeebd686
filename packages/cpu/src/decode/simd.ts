/** Finds SIMD instructions for the decoder, from the table in simd/. */
import { SIMD_OPS } from '../simd/index.ts'
import type { SimdLookup } from './decode.ts'

/** Index into {@link SIMD_OPS} by prefix, opcode, group digit and operand kind; -1 when there is no such instruction. */
export function simdFinder(): SimdLookup {
  const prefixes = [0, 0x66, 0xf3, 0xf2]
  const table = new Int16Array(4 * 256 * 8 * 2).fill(-1)
  for (const [i, op] of SIMD_OPS.entries()) {
    for (let reg = 0; reg < 8; reg++) {
      if (op.ext !== undefined && op.ext !== reg) continue
      for (const memory of [0, 1]) {
        if ((memory && op.regOnly) || (!memory && op.memOnly)) continue
        table[((prefixes.indexOf(op.prefix) * 256 + op.opcode) * 8 + reg) * 2 + memory] = i
      }
    }
  }
  return (prefix, opcode, reg, memory) =>
    table[((prefixes.indexOf(prefix) * 256 + opcode) * 8 + reg) * 2 + (memory ? 1 : 0)]
}
