/**
 * Segment and gate descriptors: fetching, taking apart, segment caches. Intel SDM vol. 3A 3.4 (selectors,
 * descriptors), 3.5 (system descriptors, table 3-2), 5.8.3 (call gates).
 */
import { GuestFault } from '../context.ts'
import { physRead, physWrite } from '../mmu/physical.ts'
import { refreshMode } from '../mode.ts'
import type { Processor } from '../processor.ts'
import {
  CR0,
  CR0_PE,
  EFLAGS_SYS,
  FLAG_VM,
  GDTR_BASE,
  GDTR_LIMIT,
  SEG,
  SEG_ATTR,
  SEG_BASE,
  SEG_DS,
  SEG_LDTR,
  SEG_LIMIT,
  SEG_READ_LIMIT,
  SEG_SELECTOR,
  SEG_SIZE,
  SEG_WRITE_LIMIT,
  VEC_GP,
} from '../state.ts'
import { monitoredDescriptor } from './monitored.ts'

/** Bits of a descriptor's high dword. */
export const ATTR_ACCESSED = 0x100
/** Data: writable. Code: readable. */
export const ATTR_RW = 0x200
/** Data: expand-down. Code: conforming. */
export const ATTR_EC = 0x400
export const ATTR_CODE = 0x800
/** S flag: code or data, not a system descriptor. */
export const ATTR_S = 0x1000
export const ATTR_P = 0x8000
/** DPL, and the accessed bit: what an access through a loaded segment does not depend on. */
export const ATTR_LEVEL = 0x6000 | ATTR_ACCESSED
/** D/B flag: 32-bit. */
export const ATTR_DB = 0x400000
export const ATTR_G = 0x800000
/** What a segment cache keeps of the high dword. */
export const ATTR_MASK = 0x00f0ff00

/** System descriptor types (table 3-2). */
export const SYS_TSS16 = 1
export const SYS_LDT = 2
export const SYS_TSS16_BUSY = 3
export const SYS_CALL16 = 4
export const SYS_TASK = 5
export const SYS_INT16 = 6
export const SYS_TRAP16 = 7
export const SYS_TSS32 = 9
export const SYS_TSS32_BUSY = 11
export const SYS_CALL32 = 12
export const SYS_INT32 = 14
export const SYS_TRAP32 = 15

/** A descriptor as fetched, with the address it came from. All words are signed 32-bit: engines keep those unboxed. */
export interface Descriptor {
  selector: number
  /** Address of its 8 bytes: linear, but in RAM for a guest with a monitor. */
  at: number
  lo: number
  hi: number
}

/** Byte offset of a segment register's cache (SEG_ES … SEG_TR). */
export function segAt(seg: number): number {
  return SEG + seg * SEG_SIZE
}

export function segSelector(cpu: Processor, seg: number): number {
  return cpu.u32[(segAt(seg) + SEG_SELECTOR) >> 2]!
}

export function segBase(cpu: Processor, seg: number): number {
  return cpu.u32[(segAt(seg) + SEG_BASE) >> 2]!
}

export function segLimit(cpu: Processor, seg: number): number {
  return cpu.u32[(segAt(seg) + SEG_LIMIT) >> 2]!
}

export function segAttr(cpu: Processor, seg: number): number {
  return cpu.u32[(segAt(seg) + SEG_ATTR) >> 2]!
}

/** True for the selectors 0–3, which name the null descriptor. */
export function isNull(selector: number): boolean {
  return (selector & 0xfffc) === 0
}

/**
 * Fetches the descriptor that `selector` names. Outside its table (or in an LDT that is not there) throws `vector`
 * with the selector's index as the error code, `ext` in bit 0.
 */
export function fetchDescriptor(cpu: Processor, selector: number, vector: number = VEC_GP, ext = 0): Descriptor {
  let base: number
  let limit: number
  if ((selector & 4) === 0) {
    base = cpu.u32[GDTR_BASE >> 2]!
    limit = cpu.u32[GDTR_LIMIT >> 2]!
  } else {
    if ((segAttr(cpu, SEG_LDTR) & ATTR_P) === 0) throw new GuestFault(vector, (selector & 0xfffc) | ext)
    base = segBase(cpu, SEG_LDTR)
    limit = segLimit(cpu, SEG_LDTR)
  }
  if ((selector | 7) > limit) throw new GuestFault(vector, (selector & 0xfffc) | ext)
  if (cpu.monitor !== null) {
    const at = monitoredDescriptor(cpu.monitor, selector)
    if (at < 0) throw new GuestFault(vector, (selector & 0xfffc) | ext)
    return { selector, at: at | 0, lo: physRead(cpu, at, 4) | 0, hi: physRead(cpu, at + 4, 4) | 0 }
  }
  const at = (base + (selector & 0xfff8)) | 0
  return { selector, at, lo: cpu.readSys32(at) | 0, hi: cpu.readSys32(at + 4) | 0 }
}

/** The same without a fault: undefined when the selector is null or outside its table (LAR, LSL, VERR, VERW). */
export function tryDescriptor(cpu: Processor, selector: number): Descriptor | undefined {
  if (isNull(selector)) return undefined
  const ldt = (selector & 4) !== 0
  if (ldt && (segAttr(cpu, SEG_LDTR) & ATTR_P) === 0) return undefined
  const limit = ldt ? segLimit(cpu, SEG_LDTR) : cpu.u32[GDTR_LIMIT >> 2]!
  if ((selector | 7) > limit || (cpu.monitor !== null && monitoredDescriptor(cpu.monitor, selector) < 0))
    return undefined
  return fetchDescriptor(cpu, selector)
}

/** Segment base of a code, data, LDT or TSS descriptor. */
export function descBase(d: Descriptor): number {
  return ((d.lo >>> 16) | ((d.hi & 0xff) << 16) | (d.hi & 0xff000000)) >>> 0
}

/** Last valid offset, granularity applied. */
export function descLimit(d: Descriptor): number {
  const raw = (d.lo & 0xffff) | (d.hi & 0xf0000)
  return (d.hi & ATTR_G) !== 0 ? ((raw << 12) | 0xfff) >>> 0 : raw
}

export function descDpl(d: Descriptor): number {
  return (d.hi >>> 13) & 3
}

/** The 4-bit type field. */
export function descType(d: Descriptor): number {
  return (d.hi >>> 8) & 15
}

export function isPresent(d: Descriptor): boolean {
  return (d.hi & ATTR_P) !== 0
}

export function isSystem(d: Descriptor): boolean {
  return (d.hi & ATTR_S) === 0
}

export function isCode(d: Descriptor): boolean {
  return (d.hi & (ATTR_S | ATTR_CODE)) === (ATTR_S | ATTR_CODE)
}

/** A code segment with the conforming bit. */
export function isConforming(d: Descriptor): boolean {
  return (d.hi & (ATTR_S | ATTR_CODE | ATTR_EC)) === (ATTR_S | ATTR_CODE | ATTR_EC)
}

export function isWritableData(d: Descriptor): boolean {
  return (d.hi & (ATTR_S | ATTR_CODE | ATTR_RW)) === (ATTR_S | ATTR_RW)
}

/** Data, or code that may be read. */
export function isReadable(d: Descriptor): boolean {
  return !isSystem(d) && ((d.hi & ATTR_CODE) === 0 || (d.hi & ATTR_RW) !== 0)
}

/** Sets the accessed bit in memory if it is clear (SDM 3.4.5.1). */
export function setAccessed(cpu: Processor, d: Descriptor): void {
  if ((d.hi & ATTR_ACCESSED) !== 0) return
  d.hi |= ATTR_ACCESSED
  const access = (d.hi >>> 8) & 0xff
  if (cpu.monitor !== null) physWrite(cpu, (d.at + 5) >>> 0, 1, access)
  else cpu.writeSys8((d.at + 5) >>> 0, access)
}

/** The inline-check words of state.ts for a segment with these properties. */
function limitWord(limit: number, attr: number, allowed: boolean): number {
  if (!allowed || (attr & ATTR_P) === 0 || (attr & (ATTR_CODE | ATTR_EC)) === ATTR_EC) return 0
  if (limit === 0xffffffff) return limit
  return limit >= 15 ? limit - 14 : 0
}

/** Recomputes a segment's inline-check words; in real and virtual-8086 mode the type does not restrict. */
export function refreshLimits(cpu: Processor, seg: number): void {
  const at = segAt(seg)
  const attr = cpu.u32[(at + SEG_ATTR) >> 2]!
  const limit = cpu.u32[(at + SEG_LIMIT) >> 2]!
  const typed = (cpu.u32[CR0 >> 2]! & CR0_PE) !== 0 && (cpu.u32[EFLAGS_SYS >> 2]! & FLAG_VM) === 0
  const code = (attr & ATTR_CODE) !== 0
  const rw = (attr & ATTR_RW) !== 0
  cpu.u32[(at + SEG_READ_LIMIT) >> 2] = limitWord(limit, attr, !typed || !code || rw)
  cpu.u32[(at + SEG_WRITE_LIMIT) >> 2] = limitWord(limit, attr, !typed || (!code && rw))
  if (seg <= SEG_DS) refreshMode(cpu)
}

/** Fills a segment register: selector, base, limit and attributes (`attr` is masked); what is decoded follows. */
export function setSegment(
  cpu: Processor,
  seg: number,
  selector: number,
  base: number,
  limit: number,
  attr: number,
): void {
  const { u32 } = cpu
  const at = segAt(seg) >> 2
  const masked = attr & ATTR_MASK
  const differs = (u32[at + (SEG_ATTR >> 2)]! ^ masked) & ~ATTR_LEVEL
  const moved = (u32[at + (SEG_BASE >> 2)]! ^ base) | (u32[at + (SEG_LIMIT >> 2)]! ^ limit)
  u32[at + (SEG_SELECTOR >> 2)] = selector
  u32[at + (SEG_ATTR >> 2)] = masked
  // Rings differ in selectors and levels only: the words that are checked stay.
  if ((differs | moved) === 0) return
  u32[at + (SEG_BASE >> 2)] = base
  u32[at + (SEG_LIMIT >> 2)] = limit
  refreshLimits(cpu, seg)
}

/** Fills a segment register from a descriptor. */
export function setSegmentFrom(cpu: Processor, seg: number, selector: number, d: Descriptor): void {
  setSegment(cpu, seg, selector, descBase(d), descLimit(d), d.hi)
}
