/**
 * Packed integer arithmetic, comparison, logic, packing: every instruction of this family has an MMX form (no prefix)
 * and an SSE2 form (66). Intel SDM vol. 1, 9.4 and 11.4.2; opcodes in vol. 2D table A-3.
 */
import {
  bytes,
  dwords,
  type LaneOp,
  multiplyAdd,
  multiplyUnsigned,
  packDwords,
  packWords,
  qwords,
  saturateByte,
  saturateUnsignedByte,
  saturateUnsignedWord,
  saturateWord,
  signedBytes,
  signedWords,
  sumDifferences,
  unpack,
  words,
} from './lanes.ts'
import { checkMmx, checkSse, enterMmx, markMmx, mm, mmSource, type SimdOp, xmm, xmmSource } from './op.ts'

/** The MMX form: mm, mm/m64 (or `size` bytes of memory). */
function mmxForm(mnemonic: string, opcode: number, f: LaneOp, size = 8): SimdOp {
  return {
    mnemonic,
    prefix: 0,
    opcode,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkMmx(cpu)
      const s = mmSource(cpu, rm, seg, ea, size)
      enterMmx(cpu)
      f(cpu, mm(reg), s, 8)
      markMmx(cpu, reg)
    },
  }
}

/** The SSE2 form: xmm, xmm/m128 aligned. */
export function sseForm(mnemonic: string, opcode: number, f: LaneOp, prefix: 0 | 0x66 = 0x66): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      f(cpu, xmm(reg), xmmSource(cpu, rm, seg, ea), 16)
    },
  }
}

const BOTH: readonly [number, string, LaneOp][] = [
  [0x63, 'PACKSSWB', packWords(saturateByte)],
  [0x64, 'PCMPGTB', signedBytes((a, b) => (a > b ? 0xff : 0))],
  [0x65, 'PCMPGTW', signedWords((a, b) => (a > b ? 0xffff : 0))],
  [0x66, 'PCMPGTD', dwords((a, b) => (a > b ? -1 : 0))],
  [0x67, 'PACKUSWB', packWords(saturateUnsignedByte)],
  [0x68, 'PUNPCKHBW', unpack(1, true)],
  [0x69, 'PUNPCKHWD', unpack(2, true)],
  [0x6a, 'PUNPCKHDQ', unpack(4, true)],
  [0x6b, 'PACKSSDW', packDwords],
  [0x74, 'PCMPEQB', bytes((a, b) => (a === b ? 0xff : 0))],
  [0x75, 'PCMPEQW', words((a, b) => (a === b ? 0xffff : 0))],
  [0x76, 'PCMPEQD', dwords((a, b) => (a === b ? -1 : 0))],
  [0xd4, 'PADDQ', qwords((a, b) => a + b)],
  [0xd5, 'PMULLW', words((a, b) => a * b)],
  [0xd8, 'PSUBUSB', bytes((a, b) => saturateUnsignedByte(a - b))],
  [0xd9, 'PSUBUSW', words((a, b) => saturateUnsignedWord(a - b))],
  [0xda, 'PMINUB', bytes((a, b) => Math.min(a, b))],
  [0xdb, 'PAND', dwords((a, b) => a & b)],
  [0xdc, 'PADDUSB', bytes((a, b) => saturateUnsignedByte(a + b))],
  [0xdd, 'PADDUSW', words((a, b) => saturateUnsignedWord(a + b))],
  [0xde, 'PMAXUB', bytes((a, b) => Math.max(a, b))],
  [0xdf, 'PANDN', dwords((a, b) => ~a & b)],
  [0xe0, 'PAVGB', bytes((a, b) => (a + b + 1) >> 1)],
  [0xe3, 'PAVGW', words((a, b) => (a + b + 1) >> 1)],
  [0xe4, 'PMULHUW', words((a, b) => (a * b) / 0x10000)],
  [0xe5, 'PMULHW', signedWords((a, b) => (a * b) >> 16)],
  [0xe8, 'PSUBSB', signedBytes((a, b) => saturateByte(a - b))],
  [0xe9, 'PSUBSW', signedWords((a, b) => saturateWord(a - b))],
  [0xea, 'PMINSW', signedWords((a, b) => Math.min(a, b))],
  [0xeb, 'POR', dwords((a, b) => a | b)],
  [0xec, 'PADDSB', signedBytes((a, b) => saturateByte(a + b))],
  [0xed, 'PADDSW', signedWords((a, b) => saturateWord(a + b))],
  [0xee, 'PMAXSW', signedWords((a, b) => Math.max(a, b))],
  [0xef, 'PXOR', dwords((a, b) => a ^ b)],
  [0xf4, 'PMULUDQ', multiplyUnsigned],
  [0xf5, 'PMADDWD', multiplyAdd],
  [0xf6, 'PSADBW', sumDifferences],
  [0xf8, 'PSUBB', bytes((a, b) => a - b)],
  [0xf9, 'PSUBW', words((a, b) => a - b)],
  [0xfa, 'PSUBD', dwords((a, b) => a - b)],
  [0xfb, 'PSUBQ', qwords((a, b) => a - b)],
  [0xfc, 'PADDB', bytes((a, b) => a + b)],
  [0xfd, 'PADDW', words((a, b) => a + b)],
  [0xfe, 'PADDD', dwords((a, b) => a + b)],
]

export const INTEGER_OPS: readonly SimdOp[] = [
  ...BOTH.flatMap(([opcode, mnemonic, f]) => [mmxForm(mnemonic, opcode, f), sseForm(mnemonic, opcode, f)]),
  // The low unpacks read half an operand in their MMX form.
  mmxForm('PUNPCKLBW', 0x60, unpack(1, false), 4),
  mmxForm('PUNPCKLWD', 0x61, unpack(2, false), 4),
  mmxForm('PUNPCKLDQ', 0x62, unpack(4, false), 4),
  sseForm('PUNPCKLBW', 0x60, unpack(1, false)),
  sseForm('PUNPCKLWD', 0x61, unpack(2, false)),
  sseForm('PUNPCKLDQ', 0x62, unpack(4, false)),
  sseForm('PUNPCKLQDQ', 0x6c, unpack(8, false)),
  sseForm('PUNPCKHQDQ', 0x6d, unpack(8, true)),
]
