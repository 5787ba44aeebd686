/**
 * x87 transcendental instructions and constant loads over the register stack. Intel SDM vol. 1, 8.3.5–8.3.9.
 */
import type { CpuContext } from '../context.ts'
import { constant, LN2, LOG2_10, LOG2E, LOG10_2, PI } from './fixed.ts'
import { type Float, type FloatEnv, finite, INDEFINITE, QNAN, TOP_BIT, zero } from './float.ts'
import {
  begin,
  isEmpty,
  pop,
  push,
  read,
  rotate,
  SW_C1,
  SW_C2,
  setConditions,
  settle,
  stackFault,
  write,
} from './registers.ts'
import { round } from './round.ts'
import { arctangent, cosine, exp2Minus1, outOfRange, sine, tangent, yLog2X, yLog2XPlus1 } from './transcendental.ts'

/** FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, at D9 E9 … ED. */
const CONSTANTS = [LOG2_10, LOG2E, PI, LOG10_2, LN2]

/** FLD1 (n = 0), FLDL2T … FLDLN2 (1–5), FLDZ (6): rounded by RC, no precision exception. */
export function loadConstant(cpu: CpuContext, n: number): void {
  if (n === 0) push(cpu, finite(0, 0, TOP_BIT))
  else if (n === 6) push(cpu, zero(0))
  else push(cpu, round(begin(cpu), 0, (constant(CONSTANTS[n - 1] as bigint, 200) << 1n) | 1n, -201))
}

/** ST(0) ← f(ST(0)). */
function inPlace(cpu: CpuContext, f: (env: FloatEnv, a: Float) => Float): void {
  if (isEmpty(cpu, 0)) {
    if (stackFault(cpu, false)) write(cpu, 0, INDEFINITE)
    return
  }
  const env = begin(cpu)
  const result = f(env, read(cpu, 0))
  if (settle(cpu, env)) write(cpu, 0, result)
}

/** ST(1) ← f(ST(0), ST(1)), pop. */
function twoOperands(cpu: CpuContext, f: (env: FloatEnv, x: Float, y: Float) => Float): void {
  if (isEmpty(cpu, 0) || isEmpty(cpu, 1)) {
    if (!stackFault(cpu, false)) return
    write(cpu, 1, INDEFINITE)
  } else {
    const env = begin(cpu)
    const result = f(env, read(cpu, 0), read(cpu, 1))
    if (!settle(cpu, env)) return
    write(cpu, 1, result)
  }
  pop(cpu)
}

/** True, with C2 set, when the argument is too large to reduce; otherwise C2 is cleared. */
function refused(cpu: CpuContext): boolean {
  const refuse = !isEmpty(cpu, 0) && outOfRange(read(cpu, 0))
  setConditions(cpu, refuse ? SW_C2 : 0, SW_C2 | SW_C1)
  return refuse
}

/** F2XM1. */
export function f2xm1(cpu: CpuContext): void {
  inPlace(cpu, exp2Minus1)
}

/** FYL2X. */
export function fyl2x(cpu: CpuContext): void {
  twoOperands(cpu, yLog2X)
}

/** FYL2XP1. */
export function fyl2xp1(cpu: CpuContext): void {
  twoOperands(cpu, yLog2XPlus1)
}

/** FPATAN. */
export function fpatan(cpu: CpuContext): void {
  twoOperands(cpu, arctangent)
}

/** FSIN. */
export function fsin(cpu: CpuContext): void {
  if (!refused(cpu)) inPlace(cpu, sine)
}

/** FCOS. */
export function fcos(cpu: CpuContext): void {
  if (!refused(cpu)) inPlace(cpu, cosine)
}

/** ST(0) ← f(ST(0)), then g(ST(0)) or 1.0 is pushed; a NaN result is pushed as it is. */
function withPush(
  cpu: CpuContext,
  f: (env: FloatEnv, a: Float) => Float,
  second: (env: FloatEnv, a: Float) => Float,
): void {
  const underflow = isEmpty(cpu, 0)
  if (underflow || !isEmpty(cpu, -1)) {
    if (!stackFault(cpu, !underflow)) return
    write(cpu, 0, INDEFINITE)
    rotate(cpu, -1)
    write(cpu, 0, INDEFINITE)
    return
  }
  if (refused(cpu)) return
  const a = read(cpu, 0)
  const env = begin(cpu)
  const first = f(env, a)
  const roundedUp = env.roundedUp
  const other = first.kind >= QNAN ? first : second(env, a)
  if (second === one) env.roundedUp = roundedUp
  if (!settle(cpu, env)) return
  write(cpu, 0, first)
  rotate(cpu, -1)
  write(cpu, 0, other)
}

function one(): Float {
  return finite(0, 0, TOP_BIT)
}

/** FPTAN: tangent, then 1.0 on top. */
export function fptan(cpu: CpuContext): void {
  withPush(cpu, tangent, one)
}

/** FSINCOS: sine, then cosine on top. */
export function fsincos(cpu: CpuContext): void {
  withPush(cpu, sine, cosine)
}
