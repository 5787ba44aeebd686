/**
 * Packed shifts, by a register or memory count and by an immediate. Intel SDM vol. 2B, PSLLW … PSRLDQ.
 * A count beyond the lane clears it (or fills it with the sign).
 */
import type { CpuContext } from '../context.ts'
import { checkMmx, checkSse, enterMmx, markMmx, mm, mmSource, type SimdOp, xmm, xmmSource } from './op.ts'

/** Shifts `n` bytes at `d` by `count` (already limited to 255). */
type Shift = (cpu: CpuContext, d: number, n: number, count: number) => void

function wordShift(f: (a: number, count: number) => number, limit: number): Shift {
  return (cpu, d, n, count) => {
    const by = Math.min(count, limit)
    for (let i = d >> 1; i < (d + n) >> 1; i++) cpu.u16[i] = f(cpu.u16[i] as number, by)
  }
}

function dwordShift(f: (a: number, count: number) => number, limit: number): Shift {
  return (cpu, d, n, count) => {
    const by = Math.min(count, limit)
    for (let i = d >> 2; i < (d + n) >> 2; i++) cpu.i32[i] = f(cpu.i32[i] as number, by)
  }
}

function qwordShift(f: (a: bigint, count: bigint) => bigint): Shift {
  return (cpu, d, n, count) => {
    const by = BigInt(Math.min(count, 64))
    for (let i = d >> 3; i < (d + n) >> 3; i++) cpu.u64[i] = f(cpu.u64[i] as bigint, by)
  }
}

const srlw = wordShift((a, c) => a >>> c, 16)
const sraw = wordShift((a, c) => ((a << 16) >> 16) >> c, 15)
const sllw = wordShift((a, c) => a << c, 16)
const srld = dwordShift((a, c) => (c > 31 ? 0 : a >>> c), 32)
const srad = dwordShift((a, c) => a >> c, 31)
const slld = dwordShift((a, c) => (c > 31 ? 0 : a << c), 32)
const srlq = qwordShift((a, c) => a >> c)
const sllq = qwordShift((a, c) => BigInt.asUintN(64, a << c))

const srldq: Shift = (cpu, d, _n, count) => {
  for (let i = 0; i < 16; i++) cpu.u8[d + i] = i + count < 16 ? (cpu.u8[d + i + count] as number) : 0
}
const slldq: Shift = (cpu, d, _n, count) => {
  for (let i = 15; i >= 0; i--) cpu.u8[d + i] = i - count >= 0 ? (cpu.u8[d + i - count] as number) : 0
}

/** The 64-bit count at `s`, limited to 255. */
function countAt(cpu: CpuContext, s: number): number {
  const lo = cpu.u32[s >> 2] as number
  return (cpu.u32[(s + 4) >> 2] as number) !== 0 || lo > 255 ? 255 : lo
}

function byOperand(mnemonic: string, opcode: number, shift: Shift): SimdOp[] {
  return [
    {
      mnemonic,
      prefix: 0,
      opcode,
      imm8: false,
      run: (cpu, reg, rm, seg, ea) => {
        checkMmx(cpu)
        const count = countAt(cpu, mmSource(cpu, rm, seg, ea))
        enterMmx(cpu)
        shift(cpu, mm(reg), 8, count)
        markMmx(cpu, reg)
      },
    },
    {
      mnemonic,
      prefix: 0x66,
      opcode,
      imm8: false,
      run: (cpu, reg, rm, seg, ea) => {
        checkSse(cpu)
        shift(cpu, xmm(reg), 16, countAt(cpu, xmmSource(cpu, rm, seg, ea)))
      },
    },
  ]
}

function sseImmediate(mnemonic: string, opcode: number, ext: number, shift: Shift): SimdOp {
  return {
    mnemonic,
    prefix: 0x66,
    opcode,
    ext,
    regOnly: true,
    imm8: true,
    run: (cpu, _reg, rm, _seg, _ea, imm) => {
      checkSse(cpu)
      shift(cpu, xmm(rm), 16, imm & 0xff)
    },
  }
}

function byImmediate(mnemonic: string, opcode: number, ext: number, shift: Shift): SimdOp[] {
  return [
    {
      mnemonic,
      prefix: 0,
      opcode,
      ext,
      regOnly: true,
      imm8: true,
      run: (cpu, _reg, rm, _seg, _ea, imm) => {
        checkMmx(cpu)
        enterMmx(cpu)
        shift(cpu, mm(rm), 8, imm & 0xff)
        markMmx(cpu, rm)
      },
    },
    sseImmediate(mnemonic, opcode, ext, shift),
  ]
}

export const SHIFT_OPS: readonly SimdOp[] = [
  ...byOperand('PSRLW', 0xd1, srlw),
  ...byOperand('PSRLD', 0xd2, srld),
  ...byOperand('PSRLQ', 0xd3, srlq),
  ...byOperand('PSRAW', 0xe1, sraw),
  ...byOperand('PSRAD', 0xe2, srad),
  ...byOperand('PSLLW', 0xf1, sllw),
  ...byOperand('PSLLD', 0xf2, slld),
  ...byOperand('PSLLQ', 0xf3, sllq),
  ...byImmediate('PSRLW', 0x71, 2, srlw),
  ...byImmediate('PSRAW', 0x71, 4, sraw),
  ...byImmediate('PSLLW', 0x71, 6, sllw),
  ...byImmediate('PSRLD', 0x72, 2, srld),
  ...byImmediate('PSRAD', 0x72, 4, srad),
  ...byImmediate('PSLLD', 0x72, 6, slld),
  ...byImmediate('PSRLQ', 0x73, 2, srlq),
  ...byImmediate('PSLLQ', 0x73, 6, sllq),
  sseImmediate('PSRLDQ', 0x73, 3, srldq),
  sseImmediate('PSLLDQ', 0x73, 7, slldq),
]
