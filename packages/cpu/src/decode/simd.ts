/** Finds SIMD instructions for the decoder, from the table in simd/. */
import type { Insn } from '../isa/define.ts'
import { simdBytes, simdRegister, simdStores } from '../isa/simd/index.ts'
import { SIMD_OPS } from '../simd/index.ts'
import type { SimdDecoding, SimdLookup } from './decode.ts'

/** What the decoder needs to know of SIMD instructions; `id` and `insn` are those of the pseudo-entry that runs them. */
export function simdDecoding(id: number, insn: Insn): SimdDecoding {
  return {
    find: simdFinder(),
    id,
    insn,
    imm8: index => SIMD_OPS[index].imm8,
    register: simdRegister,
    bytes: simdBytes,
    stores: simdStores,
  }
}

/** Index into {@link SIMD_OPS} by prefix, opcode, group digit and operand kind; -1 when there is no such instruction. */
function simdFinder(): SimdLookup {
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
