/** x87, MMX and SSE: their meaning is in fpu/ and simd/; the hot moves and bitwise operations of SSE2 are written here. */
import { c32 } from '../ir/ir.ts'
import type { Builder } from './builder.ts'
import { hex2, type Insn } from './define.ts'

/** Memory operands: the helper gets segment and offset, and does its own checks. */
function x87(b: Builder): void {
  const flags = b.or(b.imm(), c32(b.size === 2 ? 0x10000 : 0))
  if (b.isMem(0)) b.callChecked('x87', flags, b.seg(), b.ea())
  else b.callChecked('x87', flags, c32(0), c32(0))
}

export const FPU: readonly Insn[] = [
  ...Array.from(
    { length: 8 },
    (_, i): Insn => ({
      mnemonic: `ESC${i}`,
      size: 'v',
      encodings: [`${hex2(0xd8 + i)} Fx`],
      semantics: x87,
    }),
  ),
  { mnemonic: 'FWAIT', size: 'd', encodings: ['9B'], semantics: b => void b.callChecked('fwait') },
]

/** Every MMX and SSE instruction of the table in simd/, by its index (operand EXTRA). */
export const SIMD: Insn = {
  mnemonic: 'SIMD',
  size: 'd',
  encodings: [],
  semantics(b) {
    if (b.isMem(0)) b.callChecked('simd', b.extra(), b.regFieldsAB(), b.imm(), b.seg(), b.ea())
    else b.callChecked('simd', b.extra(), b.regFieldsAB(), b.imm(), c32(0), c32(0))
  },
}
