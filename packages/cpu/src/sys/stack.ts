/**
 * A stack being pushed to or popped from while the stack pointer itself is not yet committed: the current stack, or
 * the one of a level or task being entered. Also the privilege level and the stack a TSS holds for it.
 * Intel SDM vol. 3A 5.8.5 (stack switching), 7.2.1 and 7.6 (TSS layouts).
 */
import { GuestFault } from '../context.ts'
import { readAs, writeAs } from '../mmu/access.ts'
import type { Processor } from '../processor.ts'
import { ESP, SEG_SS, SEG_TR, VEC_SS, VEC_TS } from '../state.ts'
import {
  ATTR_DB,
  ATTR_EC,
  type Descriptor,
  descBase,
  descDpl,
  descLimit,
  fetchDescriptor,
  isNull,
  isPresent,
  isWritableData,
  segAttr,
  segBase,
  segLimit,
  segSelector,
} from './descriptors.ts'
import { cpl } from './flags.ts'
import { inLimit } from './segments.ts'

/** Push and pop with limit checks; `commit` writes ESP (or SP) at the end. Fields are signed words, kept unboxed. */
export class StackCursor {
  /** Stack pointer, cut to the width of the segment (signed). */
  sp: number
  private readonly cpu: Processor
  private readonly base: number
  private readonly limit: number
  private readonly attr: number
  private readonly user: boolean
  private readonly errorCode: number
  private readonly mask: number
  /** Every offset is valid: 4 GB, not expand-down. */
  private readonly flat: boolean

  constructor(cpu: Processor, base: number, limit: number, attr: number, sp: number, user: boolean, errorCode: number) {
    this.cpu = cpu
    this.base = base | 0
    this.limit = limit | 0
    this.attr = attr | 0
    this.user = user
    this.errorCode = errorCode
    this.mask = (attr & ATTR_DB) !== 0 ? -1 : 0xffff
    this.flat = (limit | 0) === -1 && (attr & ATTR_EC) === 0
    this.sp = sp & this.mask
  }

  private linear(offset: number, size: number): number {
    if (!this.flat && !inLimit(offset >>> 0, size, this.limit >>> 0, this.attr)) {
      throw new GuestFault(VEC_SS, this.errorCode)
    }
    return (this.base + offset) | 0
  }

  /** #SS unless `count` pushes of `size` bytes stay inside the limit. */
  requireRoom(count: number, size: number): void {
    if (this.flat) return
    for (let i = 1; i <= count; i++) this.linear((this.sp - i * size) & this.mask, size)
  }

  push(value: number, size: number): void {
    const sp = (this.sp - size) & this.mask
    writeAs(this.cpu, this.linear(sp, size), size, value, this.user)
    this.sp = sp
  }

  pop(size: number): number {
    const value = readAs(this.cpu, this.linear(this.sp, size), size, this.user)
    this.sp = (this.sp + size) & this.mask
    return value
  }

  /** Reads `size` bytes at `offset` above the stack pointer. */
  peek(offset: number, size: number): number {
    return readAs(this.cpu, this.linear((this.sp + offset) & this.mask, size), size, this.user)
  }

  skip(bytes: number): void {
    this.sp = (this.sp + bytes) & this.mask
  }

  /** Makes this the stack pointer: ESP for a 32-bit stack segment, SP (high half kept) for a 16-bit one. */
  commit(): void {
    writeStackPointer(this.cpu, this.sp, this.attr)
  }
}

/** Writes ESP, or only SP when the stack segment with attributes `attr` is 16-bit. */
export function writeStackPointer(cpu: Processor, value: number, attr: number): void {
  if ((attr & ATTR_DB) !== 0) cpu.u32[ESP >> 2] = value
  else cpu.u16[ESP >> 1] = value
}

/** The current stack; limit violations raise #SS(`errorCode`). */
export function currentStack(cpu: Processor, errorCode = 0): StackCursor {
  const attr = segAttr(cpu, SEG_SS)
  const user = cpl(cpu) === 3
  const sp = cpu.u32[ESP >> 2]!
  return new StackCursor(cpu, segBase(cpu, SEG_SS), segLimit(cpu, SEG_SS), attr, sp, user, errorCode)
}

/** A stack for an inner level, taken from the TSS and checked. */
export interface InnerStack {
  selector: number
  descriptor: Descriptor
  cursor: StackCursor
}

/** Fetches and checks SS:ESP of privilege level `level` from the current TSS (vol. 2, CALL and INT n). */
export function innerStack(cpu: Processor, level: number, ext: number): InnerStack {
  const attr = segAttr(cpu, SEG_TR)
  const wide = (attr & 0x800) !== 0
  const size = wide ? 4 : 2
  const at = wide ? 4 + level * 8 : 2 + level * 4
  if (at + size + 1 > segLimit(cpu, SEG_TR)) throw new GuestFault(VEC_TS, (segSelector(cpu, SEG_TR) & 0xfffc) | ext)
  const base = segBase(cpu, SEG_TR)
  const sp = readAs(cpu, (base + at) >>> 0, size, false)
  const selector = cpu.readSys16((base + at + size) >>> 0)
  const code = (selector & 0xfffc) | ext
  if (isNull(selector)) throw new GuestFault(VEC_TS, code)
  const d = fetchDescriptor(cpu, selector, VEC_TS, ext)
  if ((selector & 3) !== level || descDpl(d) !== level || !isWritableData(d)) throw new GuestFault(VEC_TS, code)
  if (!isPresent(d)) throw new GuestFault(VEC_SS, code)
  const cursor = new StackCursor(cpu, descBase(d), descLimit(d), d.hi, sp, level === 3, code)
  return { selector, descriptor: d, cursor }
}
