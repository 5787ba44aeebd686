/**
 * How a SIMD instruction is said in generated code: which registers it takes, what it computes. The meaning of all of
 * them is in simd/ (TypeScript, exact, the reference); a form says the same for the operands and modes that programs
 * live on, and declines everything else, upon which the instruction is done there. Lock-step of the engines, of which
 * the reference has no forms, holds the two together.
 */
import { type Expr, load, type StoreWidth } from '../../ir/ir.ts'
import { CR0, CR0_EM, CR0_TS, CR4, CR4_OSFXSR, FPU_SW, FPU_TOP, FPU_TW } from '../../state.ts'
import type { Builder } from '../builder.ts'

/** Register files that a ModRM field may select from. */
export type RegisterFile = 'xmm' | 'mm' | 'gpr'

/** What a computation works on. Vectors are v128 (an MMX register has zeros above), general registers i32. */
export interface Operands {
  /** Operand of ModRM.reg. */
  readonly a: Expr
  /** Operand of ModRM.rm; of a memory operand what is beyond its width is zero. */
  readonly b: Expr
  readonly imm: Expr
  /** Operand b is in memory. */
  readonly memory: boolean
  /** Only the most usual case: the kernel, which is not brief, is tried next. */
  readonly brief: boolean
  /** Writes the destination: the instruction is done. Not reaching it declines, and nothing may have been changed. */
  commit(value: Expr): void
  /** The instruction is done without a destination. */
  finish(): void
}

/** A SIMD instruction in generated code. */
export interface VectorForm {
  /** Which of the checks before it apply: those of XMM instructions, of MMX instructions, both or none. */
  readonly checks: 'sse' | 'mmx' | 'both' | 'none'
  readonly a: RegisterFile
  readonly b: RegisterFile
  /** The operand that is the destination: 0 for ModRM.reg, 1 for ModRM.rm. */
  readonly to: 0 | 1
  /** Bytes of a memory operand. */
  readonly bytes: 2 | 4 | 8 | 16
  /** A memory operand must be at a multiple of its size. */
  readonly aligned: boolean
  /** Whether it matters if operand b is a register or in memory. */
  readonly distinct: boolean
  /** Does more when it is not brief. */
  readonly thorough?: boolean
  readonly compute: (b: Builder, x: Operands) => void
}

const SW_ES = 0x80

/** Non-zero when XMM instructions may run (SDM vol. 3A, 13.1). */
function sseUsable(b: Builder): Expr {
  const off = b.and(b.word(CR0), CR0_EM | CR0_TS)
  return b.eqz(b.or(off, b.xor(b.and(b.word(CR4), CR4_OSFXSR), CR4_OSFXSR)))
}
/** Non-zero when MMX and x87 instructions may run and no x87 exception is pending (SDM vol. 3A, 12.1). */
export function x87Usable(b: Builder): Expr {
  return b.eqz(b.or(b.and(b.word(CR0), CR0_EM | CR0_TS), b.and(b.word(FPU_SW), SW_ES)))
}

function usable(b: Builder, form: VectorForm): Expr | null {
  if (form.checks === 'none') return null
  if (form.checks === 'mmx') return x87Usable(b)
  return form.checks === 'sse' ? sseUsable(b) : b.and(sseUsable(b), x87Usable(b))
}

function readRegister(b: Builder, operand: 0 | 1, file: RegisterFile): Expr {
  if (file === 'gpr') return b.reg(operand, 4)
  return file === 'mm' ? b.mm(operand) : b.xmm(operand)
}

const LOADS = { 2: '16u', 4: 'v32', 8: 'v64', 16: 'v128' } as const
const STORES = { 2: '16', 4: 'v32', 8: 'v64', 16: 'v128' } as const

function readMemory(b: Builder, form: VectorForm, host: Expr): Expr {
  return b.let(load(form.b === 'gpr' && form.bytes === 4 ? '32' : LOADS[form.bytes], host))
}

function writeDestination(b: Builder, form: VectorForm, host: Expr | null, value: Expr): void {
  const file = form.to === 0 ? form.a : form.b
  if (form.to === 1 && host !== null) {
    const width: StoreWidth = value.t === 'i32' ? '32' : STORES[form.bytes]
    b.wrote = true
    b.store(width, host, value)
  } else if (file === 'gpr') b.setReg(form.to, value, 4)
  else if (file === 'mm') b.setMm(form.to, value)
  else b.setXmm(form.to, value)
}

/**
 * Emits the form for a register operand b (`host` null) or one in memory at host address `host`, which must not be 0.
 * The result is non-zero when the instruction is done; otherwise nothing has changed.
 */
export function emitForm(b: Builder, form: VectorForm, host: Expr | null, imm: Expr, brief = false): Expr {
  const done = b.temp('i32')
  b.set(done, b.c(0))
  const work = (): void => {
    const mmx = form.checks === 'mmx' || form.checks === 'both'
    const finish = (): void => {
      if (mmx) {
        b.setWord(FPU_TOP, b.c(0))
        b.setWord(FPU_TW, b.c(0))
      }
      b.set(done, b.c(1))
    }
    const stores = form.to === 1 && host !== null
    form.compute(b, {
      a: b.let(readRegister(b, 0, form.a)),
      b: stores ? b.c(0) : host !== null ? readMemory(b, form, host) : b.let(readRegister(b, 1, form.b)),
      imm,
      memory: host !== null,
      brief,
      commit(value) {
        const v = b.let(value)
        writeDestination(b, form, host, v)
        finish()
      },
      finish,
    })
  }
  const allowed = usable(b, form)
  const placed = form.aligned && host !== null ? b.eqz(b.and(host, form.bytes - 1)) : null
  const condition = allowed !== null && placed !== null ? b.and(allowed, placed) : (allowed ?? placed)
  if (condition === null) work()
  else b.if(condition, work)
  return done
}
