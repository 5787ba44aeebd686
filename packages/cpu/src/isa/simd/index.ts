/** The forms that SIMD instructions have in generated code, by their place in simd/'s table. */
import { SIMD_OPS, type SimdOp } from '../../simd/index.ts'
import { FPR, FPU_CW, XMM } from '../../state.ts'
import { floatForms } from './float.ts'
import type { RegisterFile, VectorForm } from './form.ts'
import { integerForms } from './integer.ts'
import { MOVE_FORMS } from './move.ts'
import { shuffleForms } from './shuffle.ts'

const BY_NAME = new Map([...integerForms(), ...shuffleForms(), ...floatForms()])

function formOf(op: SimdOp): VectorForm | undefined {
  const opcode = op.opcode.toString(16)
  const move = MOVE_FORMS.get(`${op.mnemonic} ${op.prefix.toString(16)} ${opcode}`)
  if (move !== undefined) return move
  const plain = MOVE_FORMS.get(`${op.mnemonic} ${opcode}`)
  if (plain !== undefined) return plain
  // The integer instructions have an MMX form without a prefix.
  const mmx = op.prefix === 0 && op.mnemonic.startsWith('P')
  return BY_NAME.get(`${mmx ? 'mmx ' : ''}${op.mnemonic}${op.ext === undefined ? '' : ' imm'}`)
}

/** The form of SIMD_OPS[i]; undefined when the helper always does it. */
export const VECTOR_FORMS: readonly (VectorForm | undefined)[] = SIMD_OPS.map(formOf)

const SLOT: Record<RegisterFile, (n: number) => number> = {
  xmm: n => XMM + 16 * n,
  mm: n => FPR + 16 * n,
  gpr: n => 8 * n,
}

/** State address of register `n` as SIMD_OPS[index] takes it in ModRM.reg (operand 0) or ModRM.rm (1). */
export function simdRegister(index: number, operand: 0 | 1, n: number): number {
  const form = VECTOR_FORMS[index]
  return SLOT[form === undefined ? 'xmm' : operand === 0 ? form.a : form.b](n)
}

/** The register's number again. */
export function simdRegisterNumber(slot: number): number {
  if (slot >= XMM) return (slot - XMM) >> 4
  return slot >= FPR && slot < FPU_CW ? (slot - FPR) >> 4 : slot >> 3
}

/** Whether SIMD_OPS[index] writes its memory operand. */
export function simdStores(index: number): boolean {
  return VECTOR_FORMS[index]?.to === 1
}

/** Bytes of its memory operand, as far as forms need to know. */
export function simdBytes(index: number): number {
  return VECTOR_FORMS[index]?.bytes ?? 16
}
