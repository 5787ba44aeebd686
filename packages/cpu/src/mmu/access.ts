/**
 * Accesses at linear addresses that the TLB tables could not serve: misses, page crossings, devices, pages with code,
 * data breakpoints, alignment checks. Also reads that promise a write, and probes.
 */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
  CPL,
  TLB_SUPERVISOR_READ,
  TLB_SUPERVISOR_WRITE,
  TLB_USER_READ,
  TLB_USER_WRITE,
  VEC_AC,
  VEC_PF,
} from '../state.ts'
import { noteDataAccess } from '../sys/debug.ts'
import { physRead, physWrite } from './physical.ts'
import { translate, tryTranslate } from './tlb.ts'
import { PF_U, PF_W } from './walk.ts'

function checkAlignment(cpu: Processor, lin: number, size: number, user: boolean): void {
  // SDM vol. 3A 6.15, #AC: only explicit accesses at CPL 3; the error code is 0.
  if (user && cpu.alignmentArmed && (lin & (size - 1)) !== 0) throw new GuestFault(VEC_AC, 0)
}

/** True for accesses of which the page's translation decides alone: inside one page, alignment not checked. */
export function isSimple(cpu: Processor, lin: number, size: number): boolean {
  return (lin & 0xfff) + size <= 4096 && !cpu.alignmentArmed
}

/** Reads inside one page. -1: #PF with `cpu.walk.errorCode`. Faults are too common in some guests to be thrown. */
export function tryRead(cpu: Processor, lin: number, size: number, user: boolean): number {
  const pa = tryTranslate(cpu, lin, user ? PF_U : 0)
  if (pa < 0) return -1
  const value = physRead(cpu, pa, size)
  if (cpu.dataBreakpoints !== 0) noteDataAccess(cpu, lin, size, false)
  return value
}

/** Writes inside one page. False: #PF with `cpu.walk.errorCode`. */
export function tryWrite(cpu: Processor, lin: number, size: number, user: boolean, value: number): boolean {
  const pa = tryTranslate(cpu, lin, user ? PF_U | PF_W : PF_W)
  if (pa < 0) return false
  physWrite(cpu, pa, size, value)
  if (cpu.dataBreakpoints !== 0) noteDataAccess(cpu, lin, size, true)
  return true
}

/** The #PF of a failed try. */
export function pageFault(cpu: Processor, lin: number): GuestFault {
  return new GuestFault(VEC_PF, cpu.walk.errorCode, lin >>> 0)
}

/** Reads 1, 2 or 4 bytes at `lin` with the rights of `user`; may cross a page. Unsigned. */
export function readSlow(cpu: Processor, lin: number, size: number, user: boolean): number {
  checkAlignment(cpu, lin, size, user)
  const inFirst = 4096 - (lin & 0xfff)
  if (inFirst >= size) {
    const value = tryRead(cpu, lin, size, user)
    if (value < 0) throw pageFault(cpu, lin)
    return value
  }
  const access = user ? PF_U : 0
  const first = translate(cpu, lin, access)
  const second = translate(cpu, (lin + inFirst) >>> 0, access)
  let value = 0
  for (let i = 0; i < size; i++) {
    const byte = physRead(cpu, i < inFirst ? first + i : second + i - inFirst, 1)
    value |= byte << (8 * i)
  }
  if (cpu.dataBreakpoints !== 0) noteDataAccess(cpu, lin, size, false)
  return value >>> 0
}

/** Writes 1, 2 or 4 bytes at `lin` with the rights of `user`; both pages of a crossing are checked before any byte. */
export function writeSlow(cpu: Processor, lin: number, size: number, user: boolean, value: number): void {
  checkAlignment(cpu, lin, size, user)
  const inFirst = 4096 - (lin & 0xfff)
  if (inFirst >= size) {
    if (!tryWrite(cpu, lin, size, user, value)) throw pageFault(cpu, lin)
    return
  }
  const access = user ? PF_U | PF_W : PF_W
  const first = translate(cpu, lin, access)
  const second = translate(cpu, (lin + inFirst) >>> 0, access)
  for (let i = 0; i < size; i++) {
    physWrite(cpu, i < inFirst ? first + i : second + i - inFirst, 1, (value >>> (8 * i)) & 0xff)
  }
  if (cpu.dataBreakpoints !== 0) noteDataAccess(cpu, lin, size, true)
}

/** Throws what an access of `size` bytes at `lin` would throw; commits nothing but A and D bits. */
export function probeLinear(cpu: Processor, lin: number, size: number, write: boolean, user: boolean): void {
  const access = (user ? PF_U : 0) | (write ? PF_W : 0)
  const start = lin >>> 0
  translate(cpu, start, access)
  for (let next = 4096 - (start & 0xfff); next < size; next += 4096) translate(cpu, (start + next) >>> 0, access)
}

/** Reads for a read-modify-write: faults as the write would, so that the write that follows cannot. */
export function readForWrite(cpu: Processor, lin: number, size: number, user: boolean): number {
  checkAlignment(cpu, lin, size, user)
  probeLinear(cpu, lin, size, true, user)
  return readSlow(cpu, lin, size, user)
}

/** Reads with the rights of `user` whatever the current level: stacks of a level being entered, system tables. */
export function readAs(cpu: Processor, linear: number, size: number, user: boolean): number {
  const lin = linear >>> 0
  const entry = cpu.u32[((user ? TLB_USER_READ : TLB_SUPERVISOR_READ) >>> 2) + (lin >>> 12)]!
  if (entry === 0 || (lin & 0xfff) + size > 4096) return readSlow(cpu, lin, size, user)
  const at = (lin + entry + 3) >>> 0
  if (size === 4) return cpu.view.getUint32(at, true)
  return size === 2 ? cpu.view.getUint16(at, true) : cpu.u8[at]!
}

/** Writes with the rights of `user` whatever the current level. */
export function writeAs(cpu: Processor, linear: number, size: number, value: number, user: boolean): void {
  const lin = linear >>> 0
  const entry = cpu.u32[((user ? TLB_USER_WRITE : TLB_SUPERVISOR_WRITE) >>> 2) + (lin >>> 12)]!
  if (entry === 0 || (lin & 0xfff) + size > 4096) {
    writeSlow(cpu, lin, size, user, value)
    return
  }
  const at = (lin + entry + 3) >>> 0
  if (size === 4) cpu.view.setUint32(at, value, true)
  else if (size === 2) cpu.view.setUint16(at, value, true)
  else cpu.u8[at] = value
}

/**
 * TLB entry for a region's access of `span` bytes from linear address `low` on, the first of them used being `offset`
 * bytes further; 0 when the access must be done with every check: a fault, a device, pages that do not lie together.
 */
export function pageForRegion(cpu: Processor, low: number, span: number, offset: number, write: boolean): number {
  const { u32 } = cpu
  const user = u32[CPL >> 2] === 3
  const table =
    (user ? (write ? TLB_USER_WRITE : TLB_USER_READ) : write ? TLB_SUPERVISOR_WRITE : TLB_SUPERVISOR_READ) >>> 2
  const first = (low + offset) >>> 0
  let entry = u32[table + (first >>> 12)]!
  if (entry === 0) {
    if (tryTranslate(cpu, first, (user ? PF_U : 0) | (write ? PF_W : 0)) < 0) return 0
    entry = u32[table + (first >>> 12)]!
  }
  if (entry === 0) return 0
  const last = (low + span - 1) >>> 0
  return u32[table + (low >>> 12)] === entry && u32[table + (last >>> 12)] === entry ? entry : 0
}
