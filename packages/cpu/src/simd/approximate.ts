/**
 * RCPPS, RCPSS, RSQRTPS, RSQRTSS: approximations with a relative error of at most 1.5 × 2^-12, which leave MXCSR alone.
 * Intel SDM vol. 2B RCPPS, RSQRTPS. Every make has its own table; ours is the exact value rounded to 13 significant
 * bits, so that it is the same on every host.
 */
import type { CpuContext } from '../context.ts'
import { checkSse, loadMemory, type SimdOp, xmm, xmmSource } from './op.ts'
import { commit, result32 } from './results.ts'

const INFINITY = 0x7f80_0000
const INDEFINITE = 0xffc0_0000

const cell = new Float32Array(1)
const cellBits = new Uint32Array(cell.buffer)

/** f32 bits of a positive number, its significand rounded to 13 bits; tiny results vanish. */
function shorten(value: number): number {
  cell[0] = value
  const bits = ((cellBits[0] as number) + 0x400) & ~0x7ff
  return bits < 0x80_0000 ? 0 : bits >>> 0
}

function value(bits: number): number {
  cellBits[0] = bits
  return cell[0] as number
}

/** Reciprocal of f32 bits. Denormals count as zero. */
function reciprocal(bits: number): number {
  const sign = (bits & 0x8000_0000) >>> 0
  const magnitude = bits & 0x7fff_ffff
  if (magnitude > INFINITY) return (bits | 0x40_0000) >>> 0
  if (magnitude < 0x80_0000) return sign + INFINITY
  return sign + shorten(1 / value(magnitude))
}

/** Reciprocal square root of f32 bits. */
function reciprocalRoot(bits: number): number {
  const sign = (bits & 0x8000_0000) >>> 0
  const magnitude = bits & 0x7fff_ffff
  if (magnitude > INFINITY) return (bits | 0x40_0000) >>> 0
  if (magnitude < 0x80_0000) return sign + INFINITY
  if (sign !== 0) return INDEFINITE
  return shorten(1 / Math.sqrt(value(magnitude)))
}

function form(mnemonic: string, opcode: number, scalar: boolean, f: (bits: number) => number): SimdOp {
  return {
    mnemonic,
    prefix: scalar ? 0xf3 : 0,
    opcode,
    imm8: false,
    run: (cpu: CpuContext, reg, rm, seg, ea) => {
      checkSse(cpu)
      const s = scalar ? (rm >= 0 ? xmm(rm) : loadMemory(cpu, seg, ea, 4)) : xmmSource(cpu, rm, seg, ea)
      const count = scalar ? 1 : 4
      for (let i = 0; i < count; i++) result32[i] = f(cpu.u32[(s >> 2) + i] as number)
      commit(cpu, xmm(reg), 4 * count)
    },
  }
}

export const APPROXIMATE_OPS: readonly SimdOp[] = [
  form('RSQRTPS', 0x52, false, reciprocalRoot),
  form('RSQRTSS', 0x52, true, reciprocalRoot),
  form('RCPPS', 0x53, false, reciprocal),
  form('RCPSS', 0x53, true, reciprocal),
]
