/**
 * Shuffles, unpacks of floats, word insertion and extraction, sign masks, float logic.
 * Intel SDM vol. 2B PSHUF…, PINSRW, PEXTRW, PMOVMSKB, MOVMSKPS; vol. 2A ANDPS …
 */
import type { CpuContext } from '../context.ts'
import { sseForm } from './integer.ts'
import { dwords, unpack } from './lanes.ts'
import {
  checkMmx,
  checkSse,
  enterMmx,
  gpr,
  loadMemory,
  markMmx,
  mm,
  mmSource,
  type SimdOp,
  xmm,
  xmmSource,
} from './op.ts'

/** Four words from `s` by the two-bit fields of `imm`, to `d`. */
function shuffleWords(cpu: CpuContext, d: number, s: number, imm: number): void {
  const { u16 } = cpu
  const from = s >> 1
  const w0 = u16[from + (imm & 3)] as number
  const w1 = u16[from + ((imm >> 2) & 3)] as number
  const w2 = u16[from + ((imm >> 4) & 3)] as number
  const w3 = u16[from + ((imm >> 6) & 3)] as number
  const to = d >> 1
  u16[to] = w0
  u16[to + 1] = w1
  u16[to + 2] = w2
  u16[to + 3] = w3
}

/** Two dwords from `a`, two from `b`, by the fields of `imm`, to `d` (PSHUFD: a = b). */
function shuffleDwords(cpu: CpuContext, d: number, a: number, b: number, imm: number): void {
  const { u32 } = cpu
  const d0 = u32[(a >> 2) + (imm & 3)] as number
  const d1 = u32[(a >> 2) + ((imm >> 2) & 3)] as number
  const d2 = u32[(b >> 2) + ((imm >> 4) & 3)] as number
  const d3 = u32[(b >> 2) + ((imm >> 6) & 3)] as number
  const to = d >> 2
  u32[to] = d0
  u32[to + 1] = d1
  u32[to + 2] = d2
  u32[to + 3] = d3
}

function copyQword(cpu: CpuContext, to: number, from: number): void {
  cpu.u32[to >> 2] = cpu.u32[from >> 2] as number
  cpu.u32[(to + 4) >> 2] = cpu.u32[(from + 4) >> 2] as number
}

/** An SSE instruction with an aligned 16-byte source and an immediate. */
function withImmediate(
  mnemonic: string,
  prefix: SimdOp['prefix'],
  opcode: number,
  f: (cpu: CpuContext, d: number, s: number, imm: number) => void,
): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode,
    imm8: true,
    run: (cpu, reg, rm, seg, ea, imm) => {
      checkSse(cpu)
      f(cpu, xmm(reg), xmmSource(cpu, rm, seg, ea), imm)
    },
  }
}

function shufflePd(cpu: CpuContext, d: number, s: number, imm: number): void {
  const { u64 } = cpu
  const low = u64[(d >> 3) + (imm & 1)] as bigint
  const high = u64[(s >> 3) + ((imm >> 1) & 1)] as bigint
  u64[d >> 3] = low
  u64[(d >> 3) + 1] = high
}

/** Bit i of the result is bit `width` × 8 − 1 of lane i. */
function signMask(cpu: CpuContext, s: number, n: number, width: number): number {
  let mask = 0
  for (let i = 0; i * width < n; i++) mask |= ((cpu.u8[s + (i + 1) * width - 1] as number) >> 7) << i
  return mask
}

function toGeneral(
  mnemonic: string,
  prefix: 0 | 0x66,
  opcode: number,
  f: (cpu: CpuContext, rm: number, imm: number) => number,
  options: { mmx: boolean; imm8: boolean },
): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode,
    regOnly: true,
    imm8: options.imm8,
    run: (cpu, reg, rm, _seg, _ea, imm) => {
      if (options.mmx) {
        checkMmx(cpu)
        enterMmx(cpu)
      } else {
        checkSse(cpu)
      }
      cpu.u32[gpr(reg) >> 2] = f(cpu, rm, imm)
    },
  }
}

/** The word that PINSRW inserts. */
function wordSource(cpu: CpuContext, rm: number, seg: number, ea: number): number {
  return cpu.u16[(rm >= 0 ? gpr(rm) : loadMemory(cpu, seg, ea, 2)) >> 1] as number
}

const LOGIC: readonly [number, string, (a: number, b: number) => number][] = [
  [0x54, 'AND', (a, b) => a & b],
  [0x55, 'ANDN', (a, b) => ~a & b],
  [0x56, 'OR', (a, b) => a | b],
  [0x57, 'XOR', (a, b) => a ^ b],
]

export const SHUFFLE_OPS: readonly SimdOp[] = [
  {
    mnemonic: 'PSHUFW',
    prefix: 0,
    opcode: 0x70,
    imm8: true,
    run: (cpu, reg, rm, seg, ea, imm) => {
      checkMmx(cpu)
      const s = mmSource(cpu, rm, seg, ea)
      enterMmx(cpu)
      shuffleWords(cpu, mm(reg), s, imm)
      markMmx(cpu, reg)
    },
  },
  withImmediate('PSHUFD', 0x66, 0x70, (cpu, d, s, imm) => shuffleDwords(cpu, d, s, s, imm)),
  withImmediate('PSHUFHW', 0xf3, 0x70, (cpu, d, s, imm) => {
    shuffleWords(cpu, d + 8, s + 8, imm)
    copyQword(cpu, d, s)
  }),
  withImmediate('PSHUFLW', 0xf2, 0x70, (cpu, d, s, imm) => {
    shuffleWords(cpu, d, s, imm)
    copyQword(cpu, d + 8, s + 8)
  }),
  withImmediate('SHUFPS', 0, 0xc6, (cpu, d, s, imm) => shuffleDwords(cpu, d, d, s, imm)),
  withImmediate('SHUFPD', 0x66, 0xc6, shufflePd),
  sseForm('UNPCKLPS', 0x14, unpack(4, false), 0),
  sseForm('UNPCKLPD', 0x14, unpack(8, false)),
  sseForm('UNPCKHPS', 0x15, unpack(4, true), 0),
  sseForm('UNPCKHPD', 0x15, unpack(8, true)),
  ...LOGIC.flatMap(([opcode, name, f]) => [
    sseForm(`${name}PS`, opcode, dwords(f), 0),
    sseForm(`${name}PD`, opcode, dwords(f)),
  ]),
  {
    mnemonic: 'PINSRW',
    prefix: 0,
    opcode: 0xc4,
    imm8: true,
    run: (cpu, reg, rm, seg, ea, imm) => {
      checkMmx(cpu)
      const word = wordSource(cpu, rm, seg, ea)
      enterMmx(cpu)
      cpu.u16[(mm(reg) >> 1) + (imm & 3)] = word
      markMmx(cpu, reg)
    },
  },
  {
    mnemonic: 'PINSRW',
    prefix: 0x66,
    opcode: 0xc4,
    imm8: true,
    run: (cpu, reg, rm, seg, ea, imm) => {
      checkSse(cpu)
      const word = wordSource(cpu, rm, seg, ea)
      cpu.u16[(xmm(reg) >> 1) + (imm & 7)] = word
    },
  },
  toGeneral('PEXTRW', 0, 0xc5, (cpu, rm, imm) => cpu.u16[(mm(rm) >> 1) + (imm & 3)] as number, {
    mmx: true,
    imm8: true,
  }),
  toGeneral('PEXTRW', 0x66, 0xc5, (cpu, rm, imm) => cpu.u16[(xmm(rm) >> 1) + (imm & 7)] as number, {
    mmx: false,
    imm8: true,
  }),
  toGeneral('PMOVMSKB', 0, 0xd7, (cpu, rm) => signMask(cpu, mm(rm), 8, 1), { mmx: true, imm8: false }),
  toGeneral('PMOVMSKB', 0x66, 0xd7, (cpu, rm) => signMask(cpu, xmm(rm), 16, 1), { mmx: false, imm8: false }),
  toGeneral('MOVMSKPS', 0, 0x50, (cpu, rm) => signMask(cpu, xmm(rm), 16, 4), { mmx: false, imm8: false }),
  toGeneral('MOVMSKPD', 0x66, 0x50, (cpu, rm) => signMask(cpu, xmm(rm), 16, 8), { mmx: false, imm8: false }),
]
