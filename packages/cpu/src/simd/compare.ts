/**
 * CMPPS … CMPSD, COMISS, UCOMISS, COMISD, UCOMISD. Intel SDM vol. 2A CMPPD (predicates in table 3-1), COMISD.
 */
import type { CpuContext } from '../context.ts'
import { compare, EQUAL, GREATER, LESS, UNORDERED } from '../fpu/arithmetic.ts'
import { setCompareFlags } from '../fpu/compare.ts'
import type { FloatEnv } from '../fpu/float.ts'
import { beginFloat, endFloat, read32, read64 } from './mxcsr.ts'
import { nativeValue, ordinary } from './native-path.ts'
import { checkSse, loadMemory, type SimdOp, xmm, xmmSource } from './op.ts'
import { commit, result32 } from './results.ts'

/** Predicates 0–3; 4–7 are their negations. LT and LE raise IE for quiet NaNs too. */
const HOLDS: readonly ((relation: number) => boolean)[] = [
  relation => relation === EQUAL,
  relation => relation === LESS,
  relation => relation === LESS || relation === EQUAL,
  relation => relation === UNORDERED,
]
const isQuiet = (predicate: number): boolean => (predicate & 3) === 0 || (predicate & 3) === 3

/** Relation of the elements at `d` and `s`; ordinary ones raise nothing. */
function relate(cpu: CpuContext, env: FloatEnv, d: number, s: number, size: number, quietCompare: boolean): number {
  if (ordinary(cpu, d, size) && ordinary(cpu, s, size)) {
    const x = nativeValue(cpu, d, size)
    const y = nativeValue(cpu, s, size)
    return x < y ? LESS : x > y ? GREATER : EQUAL
  }
  const a = size === 4 ? read32(cpu, d) : read64(cpu, d)
  const b = size === 4 ? read32(cpu, s) : read64(cpu, s)
  return compare(env, a, b, quietCompare)
}

function mask(suffix: string, prefix: SimdOp['prefix']): SimdOp {
  const scalar = suffix.startsWith('S')
  const size = suffix.endsWith('S') ? 4 : 8
  const count = scalar ? 1 : 16 / size
  return {
    mnemonic: `CMP${suffix}`,
    prefix,
    opcode: 0xc2,
    imm8: true,
    run: (cpu, reg, rm, seg, ea, imm) => {
      checkSse(cpu)
      const d = xmm(reg)
      const s = scalar ? (rm >= 0 ? xmm(rm) : loadMemory(cpu, seg, ea, size)) : xmmSource(cpu, rm, seg, ea)
      const predicate = imm & 7
      const holds = HOLDS[predicate & 3] as (relation: number) => boolean
      const env = beginFloat(cpu, size)
      for (let i = 0; i < count; i++) {
        const at = i * size
        const relation = relate(cpu, env, d + at, s + at, size, isQuiet(predicate))
        const bits = holds(relation) !== predicate >= 4 ? 0xffff_ffff : 0
        for (let k = 0; k < size; k += 4) result32[(at + k) >> 2] = bits
      }
      endFloat(cpu, env)
      commit(cpu, d, count * size)
    },
  }
}

function toFlags(mnemonic: string, prefix: 0 | 0x66, opcode: number, size: number, quietCompare: boolean): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      const s = rm >= 0 ? xmm(rm) : loadMemory(cpu, seg, ea, size)
      const env = beginFloat(cpu, size)
      const relation = relate(cpu, env, xmm(reg), s, size, quietCompare)
      endFloat(cpu, env)
      setCompareFlags(cpu, relation)
    },
  }
}

export const COMPARE_OPS: readonly SimdOp[] = [
  mask('PS', 0),
  mask('PD', 0x66),
  mask('SS', 0xf3),
  mask('SD', 0xf2),
  toFlags('UCOMISS', 0, 0x2e, 4, true),
  toFlags('UCOMISD', 0x66, 0x2e, 8, true),
  toFlags('COMISS', 0, 0x2f, 4, false),
  toFlags('COMISD', 0x66, 0x2f, 8, false),
]
