/**
 * x87 comparisons: FCOM, FUCOM, FTST, FXAM, FCOMI, FUCOMI. Intel SDM vol. 1, 8.3.6; tables 8-6, 8-7; vol. 2A FXAM.
 */
import type { CpuContext } from '../context.ts'
import { FLAG_CF, FLAG_PF, FLAG_ZF, FLAGS_ARITH } from '../state.ts'
import { compare, EQUAL, GREATER, LESS, UNORDERED } from './arithmetic.ts'
import { FINITE, type Float, INF, UNSUPPORTED, ZERO, zero } from './float.ts'
import { A, B, compareLimbs, fromRegister } from './limbs.ts'
import { fetched, fetchedLimbs } from './memory.ts'
import {
  begin,
  isEmpty,
  pop,
  rawExponent,
  read,
  SW_C0,
  SW_C1,
  SW_C2,
  SW_C3,
  setConditions,
  settle,
  stackFault,
} from './registers.ts'

const CC_COMPARE = SW_C0 | SW_C2 | SW_C3

function conditions(relation: number): number {
  if (relation === GREATER) return 0
  if (relation === LESS) return SW_C0
  return relation === EQUAL ? SW_C3 : CC_COMPARE
}

function compareWith(cpu: CpuContext, operand: Float | undefined, quietCompare: boolean, pops: number): void {
  let relation = UNORDERED
  let allowed: boolean
  if (operand === undefined || isEmpty(cpu, 0)) {
    allowed = stackFault(cpu, false)
  } else {
    const env = begin(cpu)
    relation = compare(env, read(cpu, 0), operand, quietCompare)
    allowed = settle(cpu, env)
  }
  // An unmasked exception keeps the operands (no pop). The condition codes are set all the same, as observed on AMD;
  // the SDM leaves them alone for an unmasked #IA.
  setConditions(cpu, conditions(relation), CC_COMPARE)
  if (!allowed) return
  for (let n = 0; n < pops; n++) pop(cpu)
}

/** FCOM / FCOMP / FICOM / FICOMP with the fetched operand of `kind` (memory.ts). */
export function compareMemory(cpu: CpuContext, kind: number, pops: number): void {
  if (!isEmpty(cpu, 0) && fromRegister(cpu, 0, A) && fetchedLimbs(kind, B)) finishQuick(cpu, pops)
  else compareWith(cpu, fetched(kind), false, pops)
}

/** A comparison of normal numbers raises nothing. */
function finishQuick(cpu: CpuContext, pops: number): void {
  setConditions(cpu, conditions(compareLimbs()))
  for (let n = 0; n < pops; n++) pop(cpu)
}

/** FCOM, FCOMP, FCOMPP, FUCOM, FUCOMP, FUCOMPP with ST(i). */
export function compareRegister(cpu: CpuContext, i: number, quietCompare: boolean, pops: number): void {
  if (!isEmpty(cpu, 0) && !isEmpty(cpu, i) && fromRegister(cpu, 0, A) && fromRegister(cpu, i, B)) finishQuick(cpu, pops)
  else compareWith(cpu, isEmpty(cpu, i) ? undefined : read(cpu, i), quietCompare, pops)
}

/** FTST. */
export function ftst(cpu: CpuContext): void {
  compareWith(cpu, zero(0), false, 0)
}

/** Writes ZF, PF, CF as a comparison leaves them, clears OF, SF, AF (FCOMI, COMISS). */
export function setCompareFlags(cpu: CpuContext, relation: number): void {
  const flags =
    relation === UNORDERED
      ? FLAG_ZF | FLAG_PF | FLAG_CF
      : relation === LESS
        ? FLAG_CF
        : relation === EQUAL
          ? FLAG_ZF
          : 0
  cpu.setEflags((cpu.getEflags() & ~FLAGS_ARITH) | flags)
}

/** FCOMI, FCOMIP, FUCOMI, FUCOMIP. */
export function compareToFlags(cpu: CpuContext, i: number, quietCompare: boolean, popAfter: boolean): void {
  let relation = UNORDERED
  let allowed: boolean
  if (isEmpty(cpu, 0) || isEmpty(cpu, i)) {
    allowed = stackFault(cpu, false)
  } else {
    const env = begin(cpu)
    relation = compare(env, read(cpu, 0), read(cpu, i), quietCompare)
    allowed = settle(cpu, env)
  }
  setCompareFlags(cpu, relation)
  if (allowed && popAfter) pop(cpu)
}

/** FXAM: class of ST(0) in C3 C2 C0, its sign in C1. */
export function fxam(cpu: CpuContext): void {
  const sign = (rawExponent(cpu, 0) & 0x8000) !== 0 ? SW_C1 : 0
  setConditions(cpu, sign | classOf(cpu))
}

function classOf(cpu: CpuContext): number {
  if (isEmpty(cpu, 0)) return SW_C3 | SW_C0
  const a = read(cpu, 0)
  if (a.kind === ZERO) return SW_C3
  if (a.kind === FINITE) return a.denormal ? SW_C3 | SW_C2 : SW_C2
  if (a.kind === INF) return SW_C2 | SW_C0
  return a.kind === UNSUPPORTED ? 0 : SW_C0
}
