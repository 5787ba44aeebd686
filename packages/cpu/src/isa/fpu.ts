/** x87, MMX and SSE: their meaning is in fpu/ and simd/, and what programs live on is written as generated code too. */
import { X87_WRITES } from '../fpu/index.ts'
import { SW_ES } from '../fpu/registers.ts'
import { c32, type Expr, load } from '../ir/ir.ts'
import {
  CR0,
  CR0_MP,
  CR0_TS,
  EAX,
  FPU_CS,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  FPU_SW,
  SEG,
  SEG_CS,
  SEG_SELECTOR,
  SEG_SIZE,
} from '../state.ts'
import type { Builder } from './builder.ts'
import { hex2, type Insn } from './define.ts'
import { setComparison } from './simd/float.ts'
import { emitForm } from './simd/form.ts'
import { VECTOR_FORMS } from './simd/index.ts'
import { CONTROL, EQUAL_SHIFT, FLAGS, LESS_SHIFT, TO_AX, x87Effects, x87Number } from './x87/answer.ts'
import { hasX87Kernel } from './x87/kernels.ts'

/** DB and DF have the comparisons to EFLAGS, DF the status word to AX. */
const TO_FLAGS: readonly number[] = [0xdb, 0xdf]
const STATUS_TO_AX = 0xdf

/** A kernel does it, or the helper, which gets segment and offset of a memory operand and does its own checks. */
function x87(b: Builder, opcode: number): void {
  const imm = b.imm()
  const inMemory = b.isMem(0)
  const [seg, ea] = inMemory ? [b.let(b.seg()), b.let(b.ea())] : [c32(0), c32(0)]
  const flags = b.or(imm, c32(b.size === 2 ? 0x10000 : 0))
  const number = x87Number(b, imm, inMemory)
  if (number.k === 'const' && !hasX87Kernel(Number(number.v))) {
    b.callChecked('x87', flags, seg, ea)
    return
  }
  const answer = b.temp('i32')
  if (inMemory) {
    b.set(answer, c32(0))
    const host = x87Operand(b, seg, ea)
    b.if(host, () => b.set(answer, b.kernel(number, c32(0), host, imm)))
  } else b.set(answer, b.kernel(number, b.and(imm, 7), c32(0), imm))
  b.if(
    answer,
    () => {
      const effects = imm.k === 'const' ? x87Effects(Number(imm.v)) : null
      const when = (effect: number, then: () => void): void => {
        if (effects === null) b.if(b.and(answer, effect), then)
        else if (effects & effect) then()
      }
      const record = (): void => recordX87(b, imm, inMemory, seg, ea)
      if (effects === null) b.if(b.eqz(b.and(answer, CONTROL)), record)
      else if (!(effects & CONTROL)) record()
      if (inMemory) return
      if (TO_FLAGS.includes(opcode)) {
        const bit = (at: number): Expr => b.and(b.shr(answer, at), 1)
        when(FLAGS, () => setComparison(b, bit(LESS_SHIFT), bit(EQUAL_SHIFT)))
      }
      if (opcode === STATUS_TO_AX) when(TO_AX, () => b.setGpr(EAX, b.shr(answer, 16), 2))
    },
    () => b.instead('x87', flags, seg, ea),
  )
}

/** Host address of the memory operand; the record has its width, and whether it is written, in EXTRA. */
function x87Operand(b: Builder, seg: Expr, ea: Expr): Expr {
  const extra = b.extra()
  if (extra.k === 'const') {
    const write = (Number(extra.v) & X87_WRITES) !== 0
    b.wrote ||= write
    return b.direct(Number(extra.v) & 0xff, ea, seg, write)
  }
  const host = b.temp('i32')
  b.wrote = true
  const found = (write: boolean) => (): void => b.set(host, b.direct(b.and(extra, 0xff), ea, seg, write))
  b.if(b.and(extra, X87_WRITES), found(true), found(false))
  return host
}

/** The pointers to the last instruction and its operand (SDM vol. 1, 8.1.8). */
function recordX87(b: Builder, imm: Expr, inMemory: boolean, seg: Expr, ea: Expr): void {
  b.setWord(FPU_IP, b.eip())
  b.setWord(FPU_CS, load('16u', c32(SEG + SEG_SIZE * SEG_CS + SEG_SELECTOR)))
  b.setWord(FPU_OPCODE, b.and(imm, 0x7ff))
  if (!inMemory) return
  b.setWord(FPU_DP, ea)
  b.setWord(FPU_DS, load('16u', seg, SEG_SELECTOR))
}

export const FPU: readonly Insn[] = [
  ...Array.from({ length: 8 }, (_, i): Insn => {
    const opcode = 0xd8 + i
    return {
      mnemonic: `ESC${i}`,
      size: 'v',
      wide: true,
      encodings: [`${hex2(opcode)} Fx`],
      semantics: b => x87(b, opcode),
    }
  }),
  {
    mnemonic: 'FWAIT',
    size: 'd',
    encodings: ['9B'],
    semantics(b) {
      const both = CR0_MP | CR0_TS
      const unusable = b.cmp('eq', b.and(b.word(CR0), both), both)
      b.if(b.or(unusable, b.and(b.word(FPU_SW), SW_ES)), () => b.instead('fwait'))
    },
  },
]

/**
 * Every MMX and SSE instruction of the table in simd/, by its index (operand EXTRA). Where the index is known when code
 * is generated its form is written out, else a kernel made of the same form is called; what declines is done by the
 * helper. Forms: `xx` registers, `xm` memory is read, `mx` memory is written.
 */
export const SIMD: Insn = {
  mnemonic: 'SIMD',
  size: 'd',
  wide: true,
  encodings: [],
  semantics(b) {
    const done = quickSimd(b)
    const [seg, ea] = b.form === 'xx' ? [c32(0), c32(0)] : [b.seg(), b.ea()]
    const operands = [b.extra(), b.regFieldsAB(), b.imm(), seg, ea]
    if (done === null) b.callChecked('simd', ...operands)
    else b.if(b.eqz(done), () => b.instead('simd', ...operands))
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
      return b.kernel(number, b.regField(0), source, b.imm())
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
