/**
 * Loading data and stack segment registers, and the exact check of an access through a segment.
 * Intel SDM vol. 3A 5.3–5.7 (limit, type and privilege checks), 20.1.1 (real mode), 20.2 (virtual-8086 mode).
 */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import { CR0, CR0_PE, SEG_CS, SEG_DS, SEG_ES, SEG_FS, SEG_GS, SEG_SS, VEC_GP, VEC_NP, VEC_SS } from '../state.ts'
import {
  ATTR_CODE,
  ATTR_DB,
  ATTR_EC,
  ATTR_G,
  ATTR_P,
  ATTR_RW,
  ATTR_S,
  descDpl,
  fetchDescriptor,
  isConforming,
  isNull,
  isPresent,
  isReadable,
  isWritableData,
  segAttr,
  segBase,
  segLimit,
  setAccessed,
  setSegment,
  setSegmentFrom,
} from './descriptors.ts'
import { cpl, isV86 } from './flags.ts'

/** Attributes of every segment in virtual-8086 mode: present, DPL 3, writable accessed data. */
const V86_ATTR = 0xf300
/** Data segment registers in the order in which returns check them. */
export const DATA_SEGMENTS = [SEG_ES, SEG_DS, SEG_FS, SEG_GS] as const

/** True with CR0.PE set and EFLAGS.VM clear. */
export function isProtected(cpu: Processor): boolean {
  return (cpu.u32[CR0 >> 2]! & CR0_PE) !== 0 && !isV86(cpu)
}

/** Sets a segment register as virtual-8086 mode does: base from the selector, 64 KB, no checks. */
export function setV86Segment(cpu: Processor, seg: number, selector: number): void {
  setSegment(cpu, seg, selector, selector << 4, 0xffff, V86_ATTR)
}

/**
 * Sets a segment register as real mode does: the base follows the selector, the limit stays what it was (so that a
 * big limit left by protected mode survives), the type becomes writable data.
 */
export function setRealSegment(cpu: Processor, seg: number, selector: number): void {
  const kept = segAttr(cpu, seg) & (ATTR_DB | ATTR_G)
  setSegment(cpu, seg, selector, selector << 4, segLimit(cpu, seg), kept | 0x9300)
}

/** Makes a segment register unusable, keeping the (null) selector. */
export function setNullSegment(cpu: Processor, seg: number, selector: number): void {
  setSegment(cpu, seg, selector, 0, 0, 0)
}

/**
 * Loads ES, SS, DS, FS or GS as MOV, POP and the LxS instructions do, with every check; on a fault nothing has
 * changed. CS cannot be loaded this way (the decoder raises #UD).
 */
export function loadSegment(cpu: Processor, seg: number, value: number): void {
  const selector = value & 0xffff
  if (!isProtected(cpu)) {
    if (isV86(cpu)) setV86Segment(cpu, seg, selector)
    else setRealSegment(cpu, seg, selector)
    return
  }
  if (seg === SEG_SS) {
    loadStackSegment(cpu, selector, cpl(cpu), VEC_GP, 0)
    return
  }
  loadDataSegment(cpu, seg, selector, cpl(cpu), VEC_GP, 0)
}

/** SS for privilege level `level`; `vector` is #GP for instructions, #TS for task switches. */
export function loadStackSegment(cpu: Processor, selector: number, level: number, vector: number, ext: number): void {
  if (isNull(selector)) throw new GuestFault(vector, ext)
  const d = fetchDescriptor(cpu, selector, vector, ext)
  const code = (selector & 0xfffc) | ext
  if ((selector & 3) !== level || !isWritableData(d) || descDpl(d) !== level) throw new GuestFault(vector, code)
  if (!isPresent(d)) throw new GuestFault(VEC_SS, code)
  setAccessed(cpu, d)
  setSegmentFrom(cpu, SEG_SS, selector, d)
}

/** ES, DS, FS, GS at privilege level `level`. */
export function loadDataSegment(
  cpu: Processor,
  seg: number,
  selector: number,
  level: number,
  vector: number,
  ext: number,
): void {
  if (isNull(selector)) {
    setNullSegment(cpu, seg, selector)
    return
  }
  const d = fetchDescriptor(cpu, selector, vector, ext)
  const code = (selector & 0xfffc) | ext
  if (!isReadable(d)) throw new GuestFault(vector, code)
  if (!isConforming(d)) {
    const dpl = descDpl(d)
    if ((selector & 3) > dpl || level > dpl) throw new GuestFault(vector, code)
  }
  if (!isPresent(d)) throw new GuestFault(VEC_NP, code)
  setAccessed(cpu, d)
  setSegmentFrom(cpu, seg, selector, d)
}

/**
 * After a return to an outer level: data segments that the new level may not use become null (SDM vol. 2, RET).
 */
export function dropPrivilegedSegments(cpu: Processor, level: number): void {
  for (const seg of DATA_SEGMENTS) {
    const attr = segAttr(cpu, seg)
    if ((attr & ATTR_P) === 0) continue
    const conforming = (attr & (ATTR_CODE | ATTR_EC)) === (ATTR_CODE | ATTR_EC)
    if (!conforming && ((attr >>> 13) & 3) < level) setNullSegment(cpu, seg, 0)
  }
}

/** True when [offset, offset+size) lies inside a segment with this limit and these attributes. */
export function inLimit(offset: number, size: number, limit: number, attr: number): boolean {
  const last = offset + size - 1
  if ((attr & (ATTR_CODE | ATTR_EC)) === ATTR_EC && (attr & ATTR_S) !== 0) {
    // Expand-down: valid offsets lie above the limit, up to 64 KB or 4 GB by the B flag.
    return offset > limit && last <= ((attr & ATTR_DB) !== 0 ? 0xffffffff : 0xffff)
  }
  return limit === 0xffffffff || last <= limit
}

/** The exact check of an access; returns the linear address. Throws #SS(0) through SS, #GP(0) through the others. */
export function checkedLinear(cpu: Processor, seg: number, offset: number, size: number, write: boolean): number {
  const attr = segAttr(cpu, seg)
  const start = offset >>> 0
  let ok = (attr & ATTR_P) !== 0
  if (ok && isProtected(cpu)) {
    const code = (attr & ATTR_CODE) !== 0
    const rw = (attr & ATTR_RW) !== 0
    ok = write ? !code && rw : !code || rw
  }
  if (!ok || !inLimit(start, size, segLimit(cpu, seg), attr)) {
    throw new GuestFault(seg === SEG_SS ? VEC_SS : VEC_GP, 0)
  }
  return (segBase(cpu, seg) + start) >>> 0
}

/** #GP(0) unless `offset` can be fetched from CS as it is. */
export function checkCodeOffset(cpu: Processor, offset: number): void {
  if (offset >>> 0 > segLimit(cpu, SEG_CS)) throw new GuestFault(VEC_GP, 0)
}
