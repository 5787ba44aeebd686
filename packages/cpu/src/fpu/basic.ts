/**
 * x87 basic arithmetic: FADD … FDIVR in all operand forms, FSQRT, FSCALE, FPREM, FPREM1, FRNDINT, FXTRACT, FABS, FCHS.
 * Intel SDM vol. 1, 8.3.3; vol. 2A by name.
 */
import type { CpuContext } from '../context.ts'
import { add, div, mul, sqrt, sub } from './arithmetic.ts'
import { extract, roundInteger, scale } from './convert.ts'
import { type Float, type FloatEnv, INDEFINITE } from './float.ts'
import { A, B, computeLimbs, fromRegister, quickAllowed } from './limbs.ts'
import { fetched, fetchedLimbs } from './memory.ts'
import {
  begin,
  isEmpty,
  pop,
  push,
  rawExponent,
  rawHigh,
  rawLow,
  read,
  rotate,
  SW_C0,
  SW_C1,
  SW_C2,
  SW_C3,
  setConditions,
  settle,
  stackFault,
  write,
  writeWords,
} from './registers.ts'
import { remainder } from './remainder.ts'

function compute(env: FloatEnv, operation: number, a: Float, b: Float): Float {
  switch (operation) {
    case 0:
      return add(env, a, b)
    case 1:
      return mul(env, a, b)
    case 4:
      return sub(env, a, b)
    case 5:
      return sub(env, b, a)
    case 6:
      return div(env, a, b)
    default:
      return div(env, b, a)
  }
}

/**
 * ST(0) ← ST(0) op the fetched operand of `kind` (memory.ts). `operation` is modrm.reg of D8: 0 add, 1 mul, 4 sub,
 * 5 subr, 6 div, 7 divr.
 */
export function arithmeticMemory(cpu: CpuContext, operation: number, kind: number): void {
  if (isEmpty(cpu, 0)) {
    if (stackFault(cpu, false)) write(cpu, 0, INDEFINITE)
    return
  }
  if (quickAllowed(cpu) && fromRegister(cpu, 0, A) && fetchedLimbs(kind, B) && computeLimbs(cpu, operation, 0)) return
  const env = begin(cpu, true)
  const result = compute(env, operation, read(cpu, 0), fetched(kind))
  if (settle(cpu, env)) write(cpu, 0, result)
}

function quickRegister(cpu: CpuContext, operation: number, target: number, source: number): boolean {
  if (!quickAllowed(cpu) || !fromRegister(cpu, target, A) || !fromRegister(cpu, source, B)) return false
  return computeLimbs(cpu, operation, target)
}

/** ST(target) ← ST(target) op ST(source), and a pop for the P forms. */
export function arithmeticRegister(
  cpu: CpuContext,
  operation: number,
  target: number,
  source: number,
  popAfter: boolean,
): void {
  if (isEmpty(cpu, target) || isEmpty(cpu, source)) {
    if (!stackFault(cpu, false)) return
    write(cpu, target, INDEFINITE)
  } else if (!quickRegister(cpu, operation, target, source)) {
    const env = begin(cpu, true)
    const result = compute(env, operation, read(cpu, target), read(cpu, source))
    if (!settle(cpu, env)) return
    write(cpu, target, result)
  }
  if (popAfter) pop(cpu)
}

function unary(cpu: CpuContext, controlled: boolean, operation: (env: FloatEnv, a: Float) => Float): void {
  if (isEmpty(cpu, 0)) {
    if (stackFault(cpu, false)) write(cpu, 0, INDEFINITE)
    return
  }
  const env = begin(cpu, controlled)
  const result = operation(env, read(cpu, 0))
  if (settle(cpu, env)) write(cpu, 0, result)
}

/** FSQRT. */
export function fsqrt(cpu: CpuContext): void {
  unary(cpu, true, sqrt)
}

/** FRNDINT. */
export function frndint(cpu: CpuContext): void {
  unary(cpu, false, roundInteger)
}

/** FABS and FCHS: the sign bit alone, whatever the register holds. */
export function changeSign(cpu: CpuContext, and: number, xor: number): void {
  if (isEmpty(cpu, 0)) {
    if (stackFault(cpu, false)) write(cpu, 0, INDEFINITE)
    return
  }
  setConditions(cpu, 0, SW_C1)
  writeWords(cpu, 0, rawLow(cpu, 0), rawHigh(cpu, 0), (rawExponent(cpu, 0) & and) ^ xor)
}

/** FSCALE. */
export function fscale(cpu: CpuContext): void {
  if (isEmpty(cpu, 0) || isEmpty(cpu, 1)) {
    if (stackFault(cpu, false)) write(cpu, 0, INDEFINITE)
    return
  }
  const env = begin(cpu)
  const result = scale(env, read(cpu, 0), read(cpu, 1))
  if (settle(cpu, env)) write(cpu, 0, result)
}

/** FPREM (`nearest` false) and FPREM1: C2 incomplete; C0, C3, C1 are quotient bits 2, 1, 0. */
export function fprem(cpu: CpuContext, nearest: boolean): void {
  setConditions(cpu, 0, SW_C2)
  if (isEmpty(cpu, 0) || isEmpty(cpu, 1)) {
    if (stackFault(cpu, false)) write(cpu, 0, INDEFINITE)
    return
  }
  const env = begin(cpu)
  const { value, quotient, incomplete } = remainder(env, read(cpu, 0), read(cpu, 1), nearest)
  if (!settle(cpu, env)) return
  write(cpu, 0, value)
  if (quotient < 0) return
  const bits =
    ((quotient & 1) !== 0 ? SW_C1 : 0) |
    ((quotient & 2) !== 0 ? SW_C3 : 0) |
    ((quotient & 4) !== 0 ? SW_C0 : 0) |
    (incomplete ? SW_C2 : 0)
  setConditions(cpu, bits)
}

/** FXTRACT: ST(0) becomes the exponent, then the significand is pushed. */
export function fxtract(cpu: CpuContext): void {
  const overflow = !isEmpty(cpu, -1)
  if (isEmpty(cpu, 0) || overflow) {
    if (!stackFault(cpu, !isEmpty(cpu, 0))) return
    write(cpu, 0, INDEFINITE)
    rotate(cpu, -1)
    write(cpu, 0, INDEFINITE)
    return
  }
  const env = begin(cpu)
  const { exponent, significand } = extract(env, read(cpu, 0))
  if (!settle(cpu, env)) return
  write(cpu, 0, exponent)
  push(cpu, significand)
}
