/**
 * The shape of a SIMD instruction, the checks before it, and access to its operands. Intel SDM vol. 2A, 2.4
 * (exceptions of SSE instructions); vol. 3A, 13.1 (CR0.EM, TS, CR4.OSFXSR), 12.1 (MMX and the x87 state).
 *
 * Operands are byte offsets in linear memory: a register is where the state keeps it, a memory operand is first read
 * into SCRATCH. Everything that can fault comes before the first change of state.
 */
import { type CpuContext, GuestFault } from '../context.ts'
import { checkPending } from '../fpu/x87.ts'
import {
  CR0,
  CR0_EM,
  CR0_TS,
  CR4,
  CR4_OSFXSR,
  FPR,
  FPU_TOP,
  FPU_TW,
  SCRATCH,
  VEC_GP,
  VEC_NM,
  VEC_UD,
  XMM,
} from '../state.ts'

/** One MMX, SSE or SSE2 instruction form. */
export interface SimdOp {
  /** Name in the SDM. */
  readonly mnemonic: string
  /** Mandatory prefix, 0 for none. */
  readonly prefix: 0 | 0x66 | 0xf3 | 0xf2
  /** The byte after 0F. */
  readonly opcode: number
  /** modrm.reg when it selects the instruction. */
  readonly ext?: number
  readonly memOnly?: boolean
  readonly regOnly?: boolean
  /** MASKMOVQ, MASKMOVDQU: `seg` and `ea` are the effective segment (DS unless overridden) and (E)DI. */
  readonly implicitEdi?: boolean
  /** No ModRM byte follows (EMMS). */
  readonly noModrm?: boolean
  /** An immediate byte follows. */
  readonly imm8: boolean
  /**
   * Executes it. `reg` is modrm.reg; `rm` the register number, or −1 for a memory operand at `seg`:`ea`; `imm` the
   * immediate byte. Throws GuestFault with nothing committed.
   */
  readonly run: (cpu: CpuContext, reg: number, rm: number, seg: number, ea: number, imm: number) => void
}

/** #UD with CR0.EM, #NM with CR0.TS, #MF when an x87 exception is pending: before every MMX instruction. */
export function checkMmx(cpu: CpuContext): void {
  const cr0 = cpu.u32[CR0 >> 2] as number
  if ((cr0 & CR0_EM) !== 0) throw new GuestFault(VEC_UD)
  if ((cr0 & CR0_TS) !== 0) throw new GuestFault(VEC_NM)
  checkPending(cpu)
}

/** #UD with CR0.EM or without CR4.OSFXSR, #NM with CR0.TS: before every instruction on XMM registers. */
export function checkSse(cpu: CpuContext): void {
  const cr0 = cpu.u32[CR0 >> 2] as number
  if ((cr0 & CR0_EM) !== 0 || ((cpu.u32[CR4 >> 2] as number) & CR4_OSFXSR) === 0) throw new GuestFault(VEC_UD)
  if ((cr0 & CR0_TS) !== 0) throw new GuestFault(VEC_NM)
}

/** XMM register n. */
export function xmm(n: number): number {
  return XMM + 16 * n
}

/** MMX register n: the significand of physical x87 register n. */
export function mm(n: number): number {
  return FPR + 16 * n
}

/** General register n. */
export function gpr(n: number): number {
  return 8 * n
}

/** The transition that an MMX instruction causes: TOP 0, every tag valid. */
export function enterMmx(cpu: CpuContext): void {
  cpu.u32[FPU_TOP >> 2] = 0
  cpu.u32[FPU_TW >> 2] = 0
}

/** After a write to MMX register n: its sign and exponent read as ones. */
export function markMmx(cpu: CpuContext, n: number): void {
  cpu.u16[(mm(n) + 8) >> 1] = 0xffff
}

/** Reads 4, 8 or 16 bytes (or 2) into SCRATCH; `aligned` demands a multiple of 16. Returns SCRATCH. */
export function loadMemory(cpu: CpuContext, seg: number, ea: number, size: number, aligned = false): number {
  const lin = cpu.linear(seg, ea, size, false)
  if (aligned && (lin & 15) !== 0) throw new GuestFault(VEC_GP, 0)
  if (size === 2) {
    cpu.u32[SCRATCH >> 2] = cpu.read16(lin)
    return SCRATCH
  }
  for (let i = 0; i < size; i += 4) cpu.u32[(SCRATCH + i) >> 2] = cpu.read32((lin + i) >>> 0)
  return SCRATCH
}

/** Checks a store of `size` bytes and returns its linear address. */
export function prepareStore(cpu: CpuContext, seg: number, ea: number, size: number, aligned = false): number {
  const lin = cpu.linear(seg, ea, size, true)
  if (aligned && (lin & 15) !== 0) throw new GuestFault(VEC_GP, 0)
  cpu.probe(lin, size, true)
  return lin
}

/** Stores 4, 8 or 16 bytes from offset `from`. */
export function storeMemory(
  cpu: CpuContext,
  seg: number,
  ea: number,
  from: number,
  size: number,
  aligned = false,
): void {
  const lin = prepareStore(cpu, seg, ea, size, aligned)
  for (let i = 0; i < size; i += 4) cpu.write32((lin + i) >>> 0, cpu.u32[(from + i) >> 2] as number)
}

/** Source of an XMM instruction: a register, or `size` bytes of memory (16 must be aligned). */
export function xmmSource(cpu: CpuContext, rm: number, seg: number, ea: number, size = 16): number {
  return rm >= 0 ? xmm(rm) : loadMemory(cpu, seg, ea, size, size === 16)
}

/** Source of an MMX instruction: a register, or `size` bytes of memory. */
export function mmSource(cpu: CpuContext, rm: number, seg: number, ea: number, size = 8): number {
  return rm >= 0 ? mm(rm) : loadMemory(cpu, seg, ea, size)
}

/** Copies `size` bytes (a multiple of 4) inside linear memory. */
export function copy(cpu: CpuContext, to: number, from: number, size: number): void {
  for (let i = 0; i < size; i += 4) cpu.u32[(to + i) >> 2] = cpu.u32[(from + i) >> 2] as number
}
