/**
 * Moves between XMM, MMX and general registers and memory; non-temporal and masked stores; EMMS.
 * Intel SDM vol. 1, 10.4.1.1, 10.4.6, 11.4.1.1; vol. 2B by name.
 */
import type { CpuContext } from '../context.ts'
import { FPU_TOP, FPU_TW } from '../state.ts'
import {
  checkMmx,
  checkSse,
  copy,
  enterMmx,
  gpr,
  loadMemory,
  markMmx,
  mm,
  mmSource,
  type SimdOp,
  storeMemory,
  xmm,
} from './op.ts'

type Prefix = SimdOp['prefix']

function clear(cpu: CpuContext, at: number, size: number): void {
  for (let i = 0; i < size; i += 4) cpu.u32[(at + i) >> 2] = 0
}

/** A whole-register load: xmm, xmm/m128. */
function load128(mnemonic: string, prefix: Prefix, opcode: number, aligned: boolean): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      copy(cpu, xmm(reg), rm >= 0 ? xmm(rm) : loadMemory(cpu, seg, ea, 16, aligned), 16)
    },
  }
}

/** A whole-register store: xmm/m128, xmm. */
function store128(mnemonic: string, prefix: Prefix, opcode: number, aligned: boolean, memOnly = false): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode,
    imm8: false,
    ...(memOnly ? { memOnly } : {}),
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      if (rm >= 0) copy(cpu, xmm(rm), xmm(reg), 16)
      else storeMemory(cpu, seg, ea, xmm(reg), 16, aligned)
    },
  }
}

/** MOVSS / MOVSD loads: a register changes only the low lane, memory clears the rest. */
function loadScalar(mnemonic: string, prefix: Prefix, size: number): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode: 0x10,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      if (rm >= 0) {
        copy(cpu, xmm(reg), xmm(rm), size)
        return
      }
      copy(cpu, xmm(reg), loadMemory(cpu, seg, ea, size), size)
      clear(cpu, xmm(reg) + size, 16 - size)
    },
  }
}

function storeScalar(mnemonic: string, prefix: Prefix, size: number): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode: 0x11,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      if (rm >= 0) copy(cpu, xmm(rm), xmm(reg), size)
      else storeMemory(cpu, seg, ea, xmm(reg), size)
    },
  }
}

/** MOVLPS, MOVHPS, MOVLPD, MOVHPD: half a register from or to m64; `offset` 0 or 8. */
function half(mnemonic: string, prefix: Prefix, opcode: number, offset: number): SimdOp[] {
  return [
    {
      mnemonic,
      prefix,
      opcode,
      memOnly: true,
      imm8: false,
      run: (cpu, reg, _rm, seg, ea) => {
        checkSse(cpu)
        copy(cpu, xmm(reg) + offset, loadMemory(cpu, seg, ea, 8), 8)
      },
    },
    {
      mnemonic,
      prefix,
      opcode: opcode + 1,
      memOnly: true,
      imm8: false,
      run: (cpu, reg, _rm, seg, ea) => {
        checkSse(cpu)
        storeMemory(cpu, seg, ea, xmm(reg) + offset, 8)
      },
    },
  ]
}

/** MOVHLPS, MOVLHPS. */
function exchangeHalf(mnemonic: string, opcode: number, to: number, from: number): SimdOp {
  return {
    mnemonic,
    prefix: 0,
    opcode,
    regOnly: true,
    imm8: false,
    run: (cpu, reg, rm) => {
      checkSse(cpu)
      copy(cpu, xmm(reg) + to, xmm(rm) + from, 8)
    },
  }
}

/** MASKMOVQ, MASKMOVDQU: bytes of `from` whose mask byte is negative, to memory at seg:ea. */
function maskedStore(cpu: CpuContext, seg: number, ea: number, from: number, mask: number, n: number): void {
  const addresses: number[] = []
  for (let i = 0; i < n; i++) {
    if ((cpu.u8[mask + i] as number) < 0x80) continue
    const lin = cpu.linear(seg, (ea + i) >>> 0, 1, true)
    cpu.probe(lin, 1, true)
    addresses[i] = lin
  }
  addresses.forEach((lin, i) => {
    cpu.write8(lin, cpu.u8[from + i] as number)
  })
}

const GENERAL_MOVES: readonly SimdOp[] = [
  {
    mnemonic: 'MOVD',
    prefix: 0,
    opcode: 0x6e,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkMmx(cpu)
      const s = rm >= 0 ? gpr(rm) : loadMemory(cpu, seg, ea, 4)
      enterMmx(cpu)
      copy(cpu, mm(reg), s, 4)
      clear(cpu, mm(reg) + 4, 4)
      markMmx(cpu, reg)
    },
  },
  {
    mnemonic: 'MOVD',
    prefix: 0x66,
    opcode: 0x6e,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      copy(cpu, xmm(reg), rm >= 0 ? gpr(rm) : loadMemory(cpu, seg, ea, 4), 4)
      clear(cpu, xmm(reg) + 4, 12)
    },
  },
  {
    mnemonic: 'MOVD',
    prefix: 0,
    opcode: 0x7e,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkMmx(cpu)
      if (rm < 0) storeMemory(cpu, seg, ea, mm(reg), 4)
      enterMmx(cpu)
      if (rm >= 0) copy(cpu, gpr(rm), mm(reg), 4)
    },
  },
  {
    mnemonic: 'MOVD',
    prefix: 0x66,
    opcode: 0x7e,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      if (rm >= 0) copy(cpu, gpr(rm), xmm(reg), 4)
      else storeMemory(cpu, seg, ea, xmm(reg), 4)
    },
  },
  {
    mnemonic: 'MOVNTI',
    prefix: 0,
    opcode: 0xc3,
    memOnly: true,
    imm8: false,
    run: (cpu, reg, _rm, seg, ea) => storeMemory(cpu, seg, ea, gpr(reg), 4),
  },
]

const MMX_MOVES: readonly SimdOp[] = [
  {
    mnemonic: 'MOVQ',
    prefix: 0,
    opcode: 0x6f,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkMmx(cpu)
      const s = mmSource(cpu, rm, seg, ea)
      enterMmx(cpu)
      copy(cpu, mm(reg), s, 8)
      markMmx(cpu, reg)
    },
  },
  {
    mnemonic: 'MOVQ',
    prefix: 0,
    opcode: 0x7f,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkMmx(cpu)
      if (rm < 0) storeMemory(cpu, seg, ea, mm(reg), 8)
      enterMmx(cpu)
      if (rm < 0) return
      copy(cpu, mm(rm), mm(reg), 8)
      markMmx(cpu, rm)
    },
  },
  {
    mnemonic: 'MOVNTQ',
    prefix: 0,
    opcode: 0xe7,
    memOnly: true,
    imm8: false,
    run: (cpu, reg, _rm, seg, ea) => {
      checkMmx(cpu)
      storeMemory(cpu, seg, ea, mm(reg), 8)
      enterMmx(cpu)
    },
  },
  {
    mnemonic: 'MASKMOVQ',
    prefix: 0,
    opcode: 0xf7,
    regOnly: true,
    implicitEdi: true,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkMmx(cpu)
      maskedStore(cpu, seg, ea, mm(reg), mm(rm), 8)
      enterMmx(cpu)
    },
  },
  {
    mnemonic: 'EMMS',
    prefix: 0,
    opcode: 0x77,
    noModrm: true,
    imm8: false,
    run: cpu => {
      checkMmx(cpu)
      cpu.u32[FPU_TOP >> 2] = 0
      cpu.u32[FPU_TW >> 2] = 0xffff
    },
  },
]

const QUADWORD_MOVES: readonly SimdOp[] = [
  {
    mnemonic: 'MOVQ',
    prefix: 0xf3,
    opcode: 0x7e,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      copy(cpu, xmm(reg), rm >= 0 ? xmm(rm) : loadMemory(cpu, seg, ea, 8), 8)
      clear(cpu, xmm(reg) + 8, 8)
    },
  },
  {
    mnemonic: 'MOVQ',
    prefix: 0x66,
    opcode: 0xd6,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      if (rm < 0) {
        storeMemory(cpu, seg, ea, xmm(reg), 8)
        return
      }
      copy(cpu, xmm(rm), xmm(reg), 8)
      clear(cpu, xmm(rm) + 8, 8)
    },
  },
  {
    mnemonic: 'MOVQ2DQ',
    prefix: 0xf3,
    opcode: 0xd6,
    regOnly: true,
    imm8: false,
    run: (cpu, reg, rm) => {
      checkSse(cpu)
      checkMmx(cpu)
      enterMmx(cpu)
      copy(cpu, xmm(reg), mm(rm), 8)
      clear(cpu, xmm(reg) + 8, 8)
    },
  },
  {
    mnemonic: 'MOVDQ2Q',
    prefix: 0xf2,
    opcode: 0xd6,
    regOnly: true,
    imm8: false,
    run: (cpu, reg, rm) => {
      checkSse(cpu)
      checkMmx(cpu)
      enterMmx(cpu)
      copy(cpu, mm(reg), xmm(rm), 8)
      markMmx(cpu, reg)
    },
  },
  {
    mnemonic: 'MASKMOVDQU',
    prefix: 0x66,
    opcode: 0xf7,
    regOnly: true,
    implicitEdi: true,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      maskedStore(cpu, seg, ea, xmm(reg), xmm(rm), 16)
    },
  },
]

export const MOVE_OPS: readonly SimdOp[] = [
  load128('MOVUPS', 0, 0x10, false),
  store128('MOVUPS', 0, 0x11, false),
  load128('MOVUPD', 0x66, 0x10, false),
  store128('MOVUPD', 0x66, 0x11, false),
  loadScalar('MOVSS', 0xf3, 4),
  storeScalar('MOVSS', 0xf3, 4),
  loadScalar('MOVSD', 0xf2, 8),
  storeScalar('MOVSD', 0xf2, 8),
  ...half('MOVLPS', 0, 0x12, 0),
  ...half('MOVLPD', 0x66, 0x12, 0),
  ...half('MOVHPS', 0, 0x16, 8),
  ...half('MOVHPD', 0x66, 0x16, 8),
  exchangeHalf('MOVHLPS', 0x12, 0, 8),
  exchangeHalf('MOVLHPS', 0x16, 8, 0),
  load128('MOVAPS', 0, 0x28, true),
  store128('MOVAPS', 0, 0x29, true),
  load128('MOVAPD', 0x66, 0x28, true),
  store128('MOVAPD', 0x66, 0x29, true),
  store128('MOVNTPS', 0, 0x2b, true, true),
  store128('MOVNTPD', 0x66, 0x2b, true, true),
  load128('MOVDQA', 0x66, 0x6f, true),
  store128('MOVDQA', 0x66, 0x7f, true),
  load128('MOVDQU', 0xf3, 0x6f, false),
  store128('MOVDQU', 0xf3, 0x7f, false),
  store128('MOVNTDQ', 0x66, 0xe7, true, true),
  ...GENERAL_MOVES,
  ...MMX_MOVES,
  ...QUADWORD_MOVES,
]
