/** x87, MMX and SSE: their meaning is in fpu/ and simd/, and what programs live on is written as generated code too. */
import { c32, type Expr } from '../ir/ir.ts'
import type { Builder } from './builder.ts'
import { hex2, type Insn } from './define.ts'
import { emitForm } from './simd/form.ts'
import { VECTOR_FORMS } from './simd/index.ts'

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

/**
 * Every MMX and SSE instruction of the table in simd/, by its index (operand EXTRA). Where the index is known when code
 * is generated its form is written out, else a kernel made of the same form is called; what declines is done by the
 * helper. Forms: `xx` registers, `xm` memory is read, `mx` memory is written.
 */
export const SIMD: Insn = {
  mnemonic: 'SIMD',
  size: 'd',
  encodings: [],
  semantics(b) {
    const done = quickSimd(b)
    const slowly = (): void => {
      const [seg, ea] = b.form === 'xx' ? [c32(0), c32(0)] : [b.seg(), b.ea()]
      b.callChecked('simd', b.extra(), b.regFieldsAB(), b.imm(), seg, ea)
    }
    if (done === null) slowly()
    else b.if(b.eqz(done), slowly)
  },
}

/** Non-zero when a form has done the instruction; null when it has none. */
function quickSimd(b: Builder): Expr | null {
  const index = b.extra()
  const stores = b.form === 'mx'
  const known = index.k === 'const' ? VECTOR_FORMS[Number(index.v)] : undefined
  if (index.k === 'const' && known === undefined) return null
  const inRegister = b.form === 'xx'
  const attempt = (source: Expr): Expr => {
    const callKernel = (): Expr => {
      const number = b.or(b.shl(index, 1), c32(inRegister ? 0 : 1))
      return b.kernel('kernel', number, b.regField(0), source, b.imm())
    }
    if (known === undefined) return callKernel()
    const done = emitForm(b, known, inRegister ? null : source, b.imm(), true)
    // What is not usual but not rare either: exact results before any inexact one.
    if (known.thorough) b.if(b.eqz(done), () => b.set(done, callKernel()))
    return done
  }
  if (inRegister) return attempt(b.regField(1))
  const done = b.temp('i32')
  b.set(done, c32(0))
  // The record has the width of a memory operand in place of a second register, negative.
  const host = b.direct(known?.bytes ?? b.sub(c32(0x10000), b.regField(1)), b.ea(), b.seg(), stores)
  b.if(host, () => {
    b.wrote ||= stores
    b.set(done, attempt(host))
  })
  return done
}
