/**
 * Descriptor tables and the instructions that ask about descriptors: LGDT, LIDT, LLDT, LTR and their stores, LAR, LSL,
 * VERR, VERW, ARPL. Intel SDM vol. 2, vol. 3A 2.4 and 5.10.
 */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
  FLAG_ZF,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  SEG_LDTR,
  SEG_TR,
  VEC_GP,
  VEC_NP,
  VEC_UD,
} from '../state.ts'
import {
  descDpl,
  descLimit,
  descType,
  fetchDescriptor,
  isCode,
  isConforming,
  isNull,
  isPresent,
  isReadable,
  isSystem,
  isWritableData,
  SYS_LDT,
  SYS_TSS16,
  SYS_TSS32,
  segSelector,
  setSegmentFrom,
  tryDescriptor,
} from './descriptors.ts'
import { cpl, getEflags, setEflags } from './flags.ts'
import { isProtected, setNullSegment } from './segments.ts'

/** #GP(0) unless at privilege level 0 (real mode counts as 0, virtual-8086 mode as 3). */
export function requireCpl0(cpu: Processor): void {
  if (cpl(cpu) !== 0) throw new GuestFault(VEC_GP, 0)
}

/** #UD in real and virtual-8086 mode, where the instruction is not recognised. */
export function requireProtected(cpu: Processor): void {
  if (!isProtected(cpu)) throw new GuestFault(VEC_UD)
}

/** LGDT / LIDT from the linear operand already read: `limit` 16 bits, `base` 24 bits with a 16-bit operand size. */
export function lgdt(cpu: Processor, limit: number, base: number, opsize: number): void {
  requireCpl0(cpu)
  cpu.u32[GDTR_LIMIT >> 2] = limit & 0xffff
  cpu.u32[GDTR_BASE >> 2] = opsize === 2 ? base & 0xffffff : base
}

export function lidt(cpu: Processor, limit: number, base: number, opsize: number): void {
  requireCpl0(cpu)
  cpu.u32[IDTR_LIMIT >> 2] = limit & 0xffff
  cpu.u32[IDTR_BASE >> 2] = opsize === 2 ? base & 0xffffff : base
}

/** LLDT. */
export function lldt(cpu: Processor, value: number): void {
  requireProtected(cpu)
  requireCpl0(cpu)
  loadLdtr(cpu, value & 0xffff, VEC_GP, 0)
}

/** LDTR for LLDT (#GP) and for task switches (#TS, where a missing segment is #TS too). */
export function loadLdtr(cpu: Processor, selector: number, vector: number, ext: number): void {
  if (isNull(selector)) {
    setNullSegment(cpu, SEG_LDTR, selector)
    return
  }
  const code = (selector & 0xfffc) | ext
  if ((selector & 4) !== 0) throw new GuestFault(vector, code)
  const d = fetchDescriptor(cpu, selector, vector, ext)
  if (!isSystem(d) || descType(d) !== SYS_LDT) throw new GuestFault(vector, code)
  if (!isPresent(d)) throw new GuestFault(vector === VEC_GP ? VEC_NP : vector, code)
  setSegmentFrom(cpu, SEG_LDTR, selector, d)
}

/** LTR: loads TR and marks the TSS busy. */
export function ltr(cpu: Processor, value: number): void {
  requireProtected(cpu)
  requireCpl0(cpu)
  const selector = value & 0xffff
  if (isNull(selector)) throw new GuestFault(VEC_GP, 0)
  if ((selector & 4) !== 0) throw new GuestFault(VEC_GP, selector & 0xfffc)
  const d = fetchDescriptor(cpu, selector)
  const type = descType(d)
  if (!isSystem(d) || (type !== SYS_TSS16 && type !== SYS_TSS32)) throw new GuestFault(VEC_GP, selector & 0xfffc)
  if (!isPresent(d)) throw new GuestFault(VEC_NP, selector & 0xfffc)
  d.hi |= 0x200
  cpu.writeSys32((d.at + 4) >>> 0, d.hi)
  setSegmentFrom(cpu, SEG_TR, selector, d)
}

/** SLDT and STR: the selector. Not recognised outside protected mode. */
export function sldt(cpu: Processor): number {
  requireProtected(cpu)
  return segSelector(cpu, SEG_LDTR)
}

export function str(cpu: Processor): number {
  requireProtected(cpu)
  return segSelector(cpu, SEG_TR)
}

function setZf(cpu: Processor, on: boolean): boolean {
  const flags = getEflags(cpu)
  setEflags(cpu, on ? flags | FLAG_ZF : flags & ~FLAG_ZF)
  return on
}

/** System types that LAR accepts: TSSs, LDT, call gates, task gate (vol. 2, LAR, table 3-53). */
const LAR_TYPES = 0b0001_1010_0011_1110
/** System types that LSL accepts: TSSs and LDT. */
const LSL_TYPES = 0b0000_1010_0000_1110

function visible(cpu: Processor, value: number, systemTypes: number) {
  requireProtected(cpu)
  const selector = value & 0xffff
  const d = tryDescriptor(cpu, selector)
  if (d === undefined) return undefined
  if (isSystem(d) && ((systemTypes >> descType(d)) & 1) === 0) return undefined
  const dpl = descDpl(d)
  if (!isConforming(d) && (cpl(cpu) > dpl || (selector & 3) > dpl)) return undefined
  return d
}

/** LAR: access rights masked with 00FxFF00H, or undefined (ZF clear, destination unchanged). Sets ZF. */
export function lar(cpu: Processor, selector: number): number | undefined {
  const d = visible(cpu, selector, LAR_TYPES)
  setZf(cpu, d !== undefined)
  return d === undefined ? undefined : d.hi & 0x00f0ff00
}

/** LSL: the segment limit in bytes, or undefined (ZF clear). Sets ZF. */
export function lsl(cpu: Processor, selector: number): number | undefined {
  const d = visible(cpu, selector, LSL_TYPES)
  setZf(cpu, d !== undefined)
  return d === undefined ? undefined : descLimit(d)
}

/** VERR: ZF says whether the segment can be read at this privilege level. */
export function verr(cpu: Processor, selector: number): void {
  const d = visible(cpu, selector, 0)
  setZf(cpu, d !== undefined && isReadable(d))
}

/** VERW: ZF says whether the segment can be written at this privilege level. */
export function verw(cpu: Processor, selector: number): void {
  const d = visible(cpu, selector, 0)
  setZf(cpu, d !== undefined && !isCode(d) && isWritableData(d))
}

/** ARPL: the destination selector with its RPL raised to that of `source`; ZF says whether it was. */
export function arpl(cpu: Processor, destination: number, source: number): number {
  requireProtected(cpu)
  const raise = (destination & 3) < (source & 3)
  setZf(cpu, raise)
  return raise ? (destination & 0xfffc) | (source & 3) : destination
}
