/** How generated code finds an x87 kernel, and what the kernel answers. */
import type { Expr } from '../../ir/ir.ts'
import { SIMD_OPS } from '../../simd/index.ts'
import type { Builder } from '../builder.ts'

/* What a kernel answers, 0 apart. */
/** Done. */
export const DONE = 1
/** A control instruction, which leaves the instruction and data pointers alone. */
export const CONTROL = 2
/** EFLAGS are to be set as by a comparison: LESS and EQUAL say which. */
export const FLAGS = 4
export const LESS_SHIFT = 8
export const EQUAL_SHIFT = 9
/** AX is to be set to the upper half. */
export const TO_AX = 8

/** Which of CONTROL, FLAGS and TO_AX the kernel of opcode << 8 | ModRM answers. */
export function x87Effects(imm: number): number {
  const opcode = imm >> 8
  const reg = (imm >> 3) & 7
  if ((imm & 0xff) < 0xc0) {
    const control = (opcode === 0xd9 && (reg === 5 || reg === 7)) || (opcode === 0xdd && reg === 7)
    return control ? CONTROL : 0
  }
  if (imm === 0xdfe0) return CONTROL | TO_AX
  return (opcode === 0xdb || opcode === 0xdf) && (reg === 5 || reg === 6) ? FLAGS : 0
}

/** Memory forms: (opcode & 7) << 3 | ModRM.reg. After them register forms: (opcode & 7) << 6 | ModRM & 0x3f. */
export const MEMORY_FORMS = 64
/** Number of the first of them: two for each SIMD instruction come before. */
export const FIRST_X87: number = 2 * SIMD_OPS.length

/** Number of the kernel for `imm`, opcode << 8 | ModRM, which may be known only when the code runs. */
export function x87Number(b: Builder, imm: Expr, inMemory: boolean): Expr {
  if (inMemory) return b.add(b.or(b.and(b.shr(imm, 5), 0x38), b.and(b.shr(imm, 3), 7)), FIRST_X87)
  return b.add(b.or(b.and(b.shr(imm, 2), 0x1c0), b.and(imm, 0x3f)), FIRST_X87 + MEMORY_FORMS)
}
