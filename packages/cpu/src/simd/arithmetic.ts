/**
 * SSE and SSE2 arithmetic: ADD, SUB, MUL, DIV, SQRT, MIN, MAX in their packed and scalar forms.
 * Intel SDM vol. 1, 11.5.2 and appendix E (exceptions, NaN results).
 *
 * Ordinary operands go through the host's own floating point where that is the same (native-path.ts).
 */
import type { CpuContext } from '../context.ts'
import { add, div, GREATER, LESS, mul, order, sqrt, sub } from '../fpu/arithmetic.ts'
import { DE, type Float, type FloatEnv, IE, QNAN, ZERO } from '../fpu/float.ts'
import { beginFloat, endFloat, read32, read64, relaxed } from './mxcsr.ts'
import {
  NATIVE_ADD,
  NATIVE_DIV,
  NATIVE_MUL,
  NATIVE_SQRT,
  NATIVE_SUB,
  type NativeOp,
  nativeValue,
  ordinary,
  tryNative,
} from './native-path.ts'
import { checkSse, loadMemory, type SimdOp, xmm, xmmSource } from './op.ts'
import { commit, put32, put64, putNative, result32 } from './results.ts'

/** An element operation on unpacked numbers. */
type Exact = (env: FloatEnv, a: Float, b: Float) => Float
/** The operand of a scalar or packed form. */
function source(cpu: CpuContext, rm: number, seg: number, ea: number, scalar: boolean, size: number): number {
  if (!scalar) return xmmSource(cpu, rm, seg, ea)
  return rm >= 0 ? xmm(rm) : loadMemory(cpu, seg, ea, size)
}

function form(name: string, opcode: number, suffix: string, exact: Exact, native: NativeOp): SimdOp {
  const scalar = suffix.startsWith('S')
  const size = suffix.endsWith('S') ? 4 : 8
  const count = scalar ? 1 : 16 / size
  return {
    mnemonic: name + suffix,
    prefix: suffix === 'PS' ? 0 : suffix === 'PD' ? 0x66 : suffix === 'SS' ? 0xf3 : 0xf2,
    opcode,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      const d = xmm(reg)
      const s = source(cpu, rm, seg, ea, scalar, size)
      const free = relaxed(cpu)
      const env = beginFloat(cpu, size)
      for (let i = 0; i < count; i++) {
        const at = i * size
        if (tryNative(cpu, native, i, d + at, s + at, size, free)) continue
        if (size === 4) put32(i, exact(env, read32(cpu, d + at), read32(cpu, s + at)))
        else put64(i, exact(env, read64(cpu, d + at), read64(cpu, s + at)))
      }
      endFloat(cpu, env)
      commit(cpu, d, count * size)
    },
  }
}

function forms(name: string, opcode: number, exact: Exact, native: NativeOp): SimdOp[] {
  return ['PS', 'PD', 'SS', 'SD'].map(suffix => form(name, opcode, suffix, exact, native))
}

/**
 * MIN and MAX: the second operand when either is a NaN (IE even for quiet ones) or when they compare equal
 * (so for zeros of both signs); no NaN is quieted. SDM vol. 2B MINPS.
 */
function choose(wanted: number): (env: FloatEnv, a: Float, b: Float) => boolean {
  return (env, a, b) => {
    if (a.kind >= QNAN || b.kind >= QNAN) {
      env.flags |= IE
      return false
    }
    if (a.denormal || b.denormal) env.flags |= DE
    return order(a, b) === wanted
  }
}

function minMax(name: string, opcode: number, wanted: number): SimdOp[] {
  const takesFirst = choose(wanted)
  return ['PS', 'PD', 'SS', 'SD'].map(suffix => {
    const scalar = suffix.startsWith('S')
    const size = suffix.endsWith('S') ? 4 : 8
    const count = scalar ? 1 : 16 / size
    return {
      mnemonic: name + suffix,
      prefix: suffix === 'PS' ? 0 : suffix === 'PD' ? 0x66 : suffix === 'SS' ? 0xf3 : 0xf2,
      opcode,
      imm8: false,
      run: (cpu, reg, rm, seg, ea) => {
        checkSse(cpu)
        const d = xmm(reg)
        const s = source(cpu, rm, seg, ea, scalar, size)
        const env = beginFloat(cpu, size)
        for (let i = 0; i < count; i++) {
          const at = i * size
          if (ordinary(cpu, d + at, size) && ordinary(cpu, s + at, size)) {
            const x = nativeValue(cpu, d + at, size)
            const y = nativeValue(cpu, s + at, size)
            putNative(i, (wanted === LESS ? x < y : x > y) ? x : y, size)
            continue
          }
          const a = size === 4 ? read32(cpu, d + at) : read64(cpu, d + at)
          const b = size === 4 ? read32(cpu, s + at) : read64(cpu, s + at)
          const first = takesFirst(env, a, b)
          const chosen = first ? a : b
          const from = (first ? d : s) + at
          // Bits are copied, except that DAZ has made a denormal a zero.
          if (chosen.kind === ZERO) {
            if (size === 4) put32(i, chosen)
            else put64(i, chosen)
          } else {
            for (let k = 0; k < size; k += 4) result32[(at + k) >> 2] = cpu.u32[(from + k) >> 2] as number
          }
        }
        endFloat(cpu, env)
        commit(cpu, d, count * size)
      },
    }
  })
}

export const ARITHMETIC_OPS: readonly SimdOp[] = [
  ...forms('ADD', 0x58, add, NATIVE_ADD),
  ...forms('MUL', 0x59, mul, NATIVE_MUL),
  ...forms('SUB', 0x5c, sub, NATIVE_SUB),
  ...forms('DIV', 0x5e, div, NATIVE_DIV),
  ...forms('SQRT', 0x51, (env, _a, b) => sqrt(env, b), NATIVE_SQRT),
  ...minMax('MIN', 0x5d, LESS),
  ...minMax('MAX', 0x5f, GREATER),
]
