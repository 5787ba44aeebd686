/**
 * SSE and SSE2 arithmetic: ADD, SUB, MUL, DIV, SQRT, MIN, MAX in their packed and scalar forms.
 * Intel SDM vol. 1, 11.5.2 and appendix E (exceptions, NaN results).
 *
 * Ordinary operands in an environment where inexactness has no consequence go through the host's own floating point,
 * which is IEEE 754 round-to-nearest too; a double operation rounded once more to f32 is innocuous for + − × ÷ √
 * (Figueroa 1995). Everything else takes the exact path.
 */
import type { CpuContext } from '../context.ts'
import { add, div, GREATER, LESS, mul, order, sqrt, sub } from '../fpu/arithmetic.ts'
import { DE, type Float, type FloatEnv, IE, QNAN, ZERO } from '../fpu/float.ts'
import { beginFloat, endFloat, read32, read64, relaxed } from './mxcsr.ts'
import { checkSse, loadMemory, type SimdOp, xmm, xmmSource } from './op.ts'
import { commit, put32, put64, putNative, result32 } from './results.ts'

/** An element operation on unpacked numbers. */
type Exact = (env: FloatEnv, a: Float, b: Float) => Float
/** The same on native numbers. */
type Native = (a: number, b: number) => number

const MIN_NORMAL_32 = 2 ** -126
const MAX_32 = (2 - 2 ** -23) * 2 ** 127
const MIN_NORMAL_64 = 2 ** -1022
const MAX_64 = Number.MAX_VALUE

/** The operand of a scalar or packed form. */
function source(cpu: CpuContext, rm: number, seg: number, ea: number, scalar: boolean, size: number): number {
  if (!scalar) return xmmSource(cpu, rm, seg, ea)
  return rm >= 0 ? xmm(rm) : loadMemory(cpu, seg, ea, size)
}

/** Zero or normal, and finite. */
function ordinary32(bits: number): boolean {
  const e = bits & 0x7f80_0000
  return e === 0 ? (bits & 0x7fff_ffff) === 0 : e !== 0x7f80_0000
}

function ordinary64(lo: number, hi: number): boolean {
  const e = hi & 0x7ff0_0000
  return e === 0 ? ((hi & 0x7fff_ffff) | lo) === 0 : e !== 0x7ff0_0000
}

/** Element of 4 or 8 bytes on the native path; false when the exact one must decide. */
function tryNative(cpu: CpuContext, native: Native, i: number, d: number, s: number, size: number): boolean {
  let a: number
  let b: number
  if (size === 4) {
    if (!ordinary32(cpu.i32[d >> 2] as number) || !ordinary32(cpu.i32[s >> 2] as number)) return false
    a = cpu.view.getFloat32(d, true)
    b = cpu.view.getFloat32(s, true)
  } else {
    if (!ordinary64(cpu.i32[d >> 2] as number, cpu.i32[(d + 4) >> 2] as number)) return false
    if (!ordinary64(cpu.i32[s >> 2] as number, cpu.i32[(s + 4) >> 2] as number)) return false
    a = cpu.view.getFloat64(d, true)
    b = cpu.view.getFloat64(s, true)
  }
  const r = size === 4 ? Math.fround(native(a, b)) : native(a, b)
  const magnitude = Math.abs(r)
  // Zero is exact only where no product or quotient of non-zero numbers has vanished; leave the rest to the exact path.
  const inRange =
    magnitude > (size === 4 ? MIN_NORMAL_32 : MIN_NORMAL_64) && magnitude <= (size === 4 ? MAX_32 : MAX_64)
  if (!inRange) return false
  putNative(i, r, size)
  return true
}

function form(name: string, opcode: number, suffix: string, exact: Exact, native: Native | undefined): SimdOp {
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
      const fast = native !== undefined && relaxed(cpu)
      const env = beginFloat(cpu, size)
      for (let i = 0; i < count; i++) {
        const at = i * size
        if (fast && tryNative(cpu, native, i, d + at, s + at, size)) continue
        if (size === 4) put32(i, exact(env, read32(cpu, d + at), read32(cpu, s + at)))
        else put64(i, exact(env, read64(cpu, d + at), read64(cpu, s + at)))
      }
      endFloat(cpu, env)
      commit(cpu, d, count * size)
    },
  }
}

function forms(name: string, opcode: number, exact: Exact, native?: Native): SimdOp[] {
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
  ...forms('ADD', 0x58, add, (a, b) => a + b),
  ...forms('MUL', 0x59, mul, (a, b) => a * b),
  ...forms('SUB', 0x5c, sub, (a, b) => a - b),
  ...forms('DIV', 0x5e, div, (a, b) => a / b),
  ...forms(
    'SQRT',
    0x51,
    (env, _a, b) => sqrt(env, b),
    (_a, b) => Math.sqrt(b),
  ),
  ...minMax('MIN', 0x5d, LESS),
  ...minMax('MAX', 0x5f, GREATER),
]
