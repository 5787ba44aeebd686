/**
 * x87 environment and state images: FLDENV, FNSTENV, FRSTOR, FNSAVE in the 14/28- and 94/108-byte forms.
 * Intel SDM vol. 1, 8.1.10 and figures 8-9 to 8-12.
 */
import type { CpuContext } from '../context.ts'
import {
  CR0,
  CR0_PE,
  EFLAGS_SYS,
  FLAG_VM,
  FPR,
  FPU_CS,
  FPU_CW,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  FPU_SW,
  FPU_TOP,
  FPU_TW,
} from '../state.ts'
import { loadBits64, storeBits64 } from './memory.ts'
import { updateSummary } from './registers.ts'

/** Bytes of an environment image. */
export function environmentSize(operand32: boolean): number {
  return operand32 ? 28 : 14
}

/** Bytes of a full state image. */
export function saveSize(operand32: boolean): number {
  return environmentSize(operand32) + 80
}

/** Real-address or virtual-8086 mode: pointers are stored as linear addresses. */
function realFormat(cpu: CpuContext): boolean {
  return ((cpu.u32[CR0 >> 2] as number) & CR0_PE) === 0 || ((cpu.u32[EFLAGS_SYS >> 2] as number) & FLAG_VM) !== 0
}

/** Status word with TOP in place. */
export function statusWord(cpu: CpuContext): number {
  return ((cpu.u16[FPU_SW >> 1] as number) & ~0x3800) | ((cpu.u32[FPU_TOP >> 2] as number) << 11)
}

/** Sets the status word and TOP; the summary is not touched. */
export function setStatusWord(cpu: CpuContext, sw: number): void {
  cpu.u16[FPU_SW >> 1] = sw & ~0x3800
  cpu.u32[FPU_TOP >> 2] = (sw >> 11) & 7
}

/** Control word: reserved bits read as the processors keep them (bit 6 set, 7 and 13–15 clear). */
export function setControlWord(cpu: CpuContext, cw: number): void {
  cpu.u16[FPU_CW >> 1] = (cw & 0x1f3f) | 0x40
}

/** The full tag word: valid 0, zero 1, special 2, empty 3, from the contents. */
function tagWord(cpu: CpuContext): number {
  const tw = cpu.u16[FPU_TW >> 1] as number
  let out = 0
  for (let p = 0; p < 8; p++) {
    let tag = 3
    if (((tw >> (2 * p)) & 3) !== 3) {
      const e = (cpu.u16[(FPR + 16 * p + 8) >> 1] as number) & 0x7fff
      const hi = cpu.u32[(FPR + 16 * p + 4) >> 2] as number
      const lo = cpu.u32[(FPR + 16 * p) >> 2] as number
      if (e === 0) tag = (hi | lo) === 0 ? 1 : 2
      else tag = e === 0x7fff || hi >>> 31 === 0 ? 2 : 0
    }
    out |= tag << (2 * p)
  }
  return out
}

/** Sets the tags from a full tag word: only "empty" matters. */
function setTagWord(cpu: CpuContext, tw: number): void {
  let kept = 0
  for (let p = 0; p < 8; p++) if (((tw >> (2 * p)) & 3) === 3) kept |= 3 << (2 * p)
  cpu.u16[FPU_TW >> 1] = kept
}

/** FNSTENV without its masking of exceptions. The range has been probed. */
export function storeEnvironment(cpu: CpuContext, lin: number, operand32: boolean): void {
  const step = operand32 ? 4 : 2
  const put = (index: number, low: number, high: number): void => {
    cpu.write16((lin + step * index) >>> 0, low & 0xffff)
    if (operand32) cpu.write16((lin + step * index + 2) >>> 0, high & 0xffff)
  }
  const ip = cpu.u32[FPU_IP >> 2] as number
  const dp = cpu.u32[FPU_DP >> 2] as number
  const cs = cpu.u16[FPU_CS >> 1] as number
  const ds = cpu.u16[FPU_DS >> 1] as number
  const opcode = (cpu.u16[FPU_OPCODE >> 1] as number) & 0x7ff
  put(0, cpu.u16[FPU_CW >> 1] as number, 0xffff)
  put(1, statusWord(cpu), 0xffff)
  put(2, tagWord(cpu), 0xffff)
  if (realFormat(cpu)) {
    const code = (ip + (cs << 4)) >>> 0
    const data = (dp + (ds << 4)) >>> 0
    put(3, code, 0xffff)
    put(5, data, 0xffff)
    if (operand32) {
      cpu.write32((lin + 16) >>> 0, (((code >>> 16) << 12) | opcode) >>> 0)
      cpu.write32((lin + 24) >>> 0, ((data >>> 16) << 12) >>> 0)
    } else {
      put(4, ((code >>> 4) & 0xf000) | opcode, 0)
      put(6, (data >>> 4) & 0xf000, 0)
    }
  } else {
    put(3, ip, ip >>> 16)
    put(4, cs, opcode)
    put(5, dp, dp >>> 16)
    put(6, ds, 0xffff)
  }
}

/** FLDENV. Everything is read before anything is set. */
export function loadEnvironment(cpu: CpuContext, lin: number, operand32: boolean): void {
  const step = operand32 ? 4 : 2
  const words: number[] = []
  for (let i = 0; i < 7; i++) {
    const at = (lin + step * i) >>> 0
    words.push(operand32 ? cpu.read32(at) : cpu.read16(at))
  }
  const [cw, sw, tw, w3, w4, w5, w6] = words as [number, number, number, number, number, number, number]
  setControlWord(cpu, cw & 0xffff)
  setStatusWord(cpu, sw & 0xffff)
  setTagWord(cpu, tw & 0xffff)
  if (realFormat(cpu)) {
    const high = operand32 ? 0xffff : 0xf
    cpu.u32[FPU_IP >> 2] = (w3 & 0xffff) + ((w4 >>> 12) & high) * 0x10000
    cpu.u32[FPU_DP >> 2] = (w5 & 0xffff) + ((w6 >>> 12) & high) * 0x10000
    cpu.u32[FPU_CS >> 2] = 0
    cpu.u32[FPU_DS >> 2] = 0
    cpu.u32[FPU_OPCODE >> 2] = w4 & 0x7ff
  } else {
    cpu.u32[FPU_IP >> 2] = w3
    cpu.u32[FPU_CS >> 2] = w4 & 0xffff
    if (operand32) cpu.u32[FPU_OPCODE >> 2] = (w4 >>> 16) & 0x7ff
    cpu.u32[FPU_DP >> 2] = w5
    cpu.u32[FPU_DS >> 2] = w6 & 0xffff
  }
  updateSummary(cpu)
}

/** FNINIT: control 037F, everything else clear, all empty; the registers keep their contents. */
export function initialise(cpu: CpuContext): void {
  cpu.u32[FPU_CW >> 2] = 0x37f
  updateSummary(cpu)
  cpu.u32[FPU_SW >> 2] = 0
  cpu.u32[FPU_TOP >> 2] = 0
  cpu.u32[FPU_TW >> 2] = 0xffff
  for (const slot of [FPU_OPCODE, FPU_IP, FPU_CS, FPU_DP, FPU_DS]) cpu.u32[slot >> 2] = 0
}

/** FNSAVE: environment, registers in stack order, then FNINIT. The range has been probed. */
export function saveState(cpu: CpuContext, lin: number, operand32: boolean): void {
  storeEnvironment(cpu, lin, operand32)
  let at = lin + environmentSize(operand32)
  for (let i = 0; i < 8; i++) {
    const p = ((cpu.u32[FPU_TOP >> 2] as number) + i) & 7
    storeBits64(cpu, at >>> 0, cpu.u64[(FPR + 16 * p) >> 3] as bigint)
    cpu.write16((at + 8) >>> 0, cpu.u16[(FPR + 16 * p + 8) >> 1] as number)
    at += 10
  }
  initialise(cpu)
}

/** FRSTOR. */
export function restoreState(cpu: CpuContext, lin: number, operand32: boolean): void {
  const significands: bigint[] = []
  const exponents: number[] = []
  let at = lin + environmentSize(operand32)
  for (let i = 0; i < 8; i++) {
    significands.push(loadBits64(cpu, at >>> 0))
    exponents.push(cpu.read16((at + 8) >>> 0))
    at += 10
  }
  loadEnvironment(cpu, lin, operand32)
  for (let i = 0; i < 8; i++) {
    const p = ((cpu.u32[FPU_TOP >> 2] as number) + i) & 7
    cpu.u64[(FPR + 16 * p) >> 3] = significands[i] as bigint
    cpu.u16[(FPR + 16 * p + 8) >> 1] = exponents[i] as number
  }
}
