/**
 * EFLAGS: the six arithmetic flags are lazy (LF_RESULT / LF_AUX, see state.ts), the others are kept as they are.
 */
import type { Processor } from '../processor.ts'
import {
  CPL,
  EFLAGS_SYS,
  FLAG_AF,
  FLAG_CF,
  FLAG_OF,
  FLAG_PF,
  FLAG_SF,
  FLAG_VM,
  FLAG_ZF,
  FLAGS_ARITH,
  LF_AUX,
  LF_RESULT,
} from '../state.ts'

/** Bits that exist in EFLAGS apart from the arithmetic ones: TF IF DF IOPL NT RF VM AC VIF VIP ID. */
export const SYSTEM_BITS = 0x003f7700

/** The whole EFLAGS register, arithmetic flags materialised; bit 1 set. */
export function getEflags(cpu: Processor): number {
  const result = cpu.u32[LF_RESULT >> 2]!
  const aux = cpu.u32[LF_AUX >> 2]!
  let flags = cpu.u32[EFLAGS_SYS >> 2]! & ~FLAGS_ARITH
  if (aux >>> 31 !== 0) flags |= FLAG_CF
  if (((aux >>> 31) ^ ((aux >>> 30) & 1)) !== 0) flags |= FLAG_OF
  if ((aux & 8) !== 0) flags |= FLAG_AF
  if (result === 0) flags |= FLAG_ZF
  if (((result >>> 31) ^ (aux & 1)) !== 0) flags |= FLAG_SF
  let parity = (result ^ (aux >>> 8)) & 0xff
  parity ^= parity >> 4
  if (((0x9669 >> (parity & 15)) & 1) !== 0) flags |= FLAG_PF
  return (flags | 2) >>> 0
}

/** Writes every flag of `value`, unfiltered. Keeps what depends on VM and AC up to date except CPL (see setCpl). */
export function setEflags(cpu: Processor, value: number): void {
  // A result of 0 says ZF, 0x100 says not ZF; both have even low bytes and a clear sign, so AUX carries the rest.
  const cf = value & FLAG_CF
  const of = (value & FLAG_OF) >>> 11
  let aux = (cf << 31) | ((cf ^ of) << 30) | ((value & FLAG_AF) !== 0 ? 8 : 0)
  if ((value & FLAG_SF) !== 0) aux |= 1
  if ((value & FLAG_PF) === 0) aux |= 0x100
  cpu.u32[LF_RESULT >> 2] = (value & FLAG_ZF) !== 0 ? 0 : 0x100
  cpu.u32[LF_AUX >> 2] = aux
  setSystemFlags(cpu, value)
}

/** Writes the flags kept in EFLAGS_SYS and what follows from them, leaving the arithmetic flags alone. */
export function setSystemFlags(cpu: Processor, value: number): void {
  const before = cpu.u32[EFLAGS_SYS >> 2]!
  const after = (value & SYSTEM_BITS) | 2
  cpu.u32[EFLAGS_SYS >> 2] = after
  if (before !== after) cpu.flagsChanged(before ^ after)
}

/** True in virtual-8086 mode. */
export function isV86(cpu: Processor): boolean {
  return (cpu.u32[EFLAGS_SYS >> 2]! & FLAG_VM) !== 0
}

/** I/O privilege level 0–3. */
export function iopl(cpu: Processor): number {
  return (cpu.u32[EFLAGS_SYS >> 2]! >>> 12) & 3
}

/** Current privilege level 0–3. */
export function cpl(cpu: Processor): number {
  return cpu.u32[CPL >> 2]!
}
