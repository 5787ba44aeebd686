/**
 * Debug registers: breakpoints on instructions, data and I/O, single-step, MOV DRn.
 * Intel SDM vol. 3B chapter 17 (17.2 registers, 17.3 debug exceptions).
 */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import { CR4, CR4_DE, DR, EFLAGS_SYS, FLAG_RF, VEC_DB, VEC_UD } from '../state.ts'
import { requireCpl0 } from './tables.ts'

export const DR6_BD = 0x2000
export const DR6_BS = 0x4000
/** Bits of DR6 that always read as 1 (no RTM), and those that software can write. */
const DR6_ONES = 0xffff0ff0
const DR6_WRITABLE = 0xe00f
/** DR7: bit 10 reads as 1; bits 11, 12, 14 and 15 as 0. */
/** DR7's enable bits of the four breakpoints, local and global. */
export const DR7_ENABLED = 0xff
const DR7_ONES = 0x400
const DR7_WRITABLE = 0xffff23ff
const DR7_GD = 0x2000

/** R/W field values (17.2.4). */
const RW_EXEC = 0
const RW_WRITE = 1
const RW_IO = 2

function dr(cpu: Processor, n: number): number {
  return cpu.u32[(DR + n * 8) >> 2]!
}

function isEnabled(dr7: number, n: number): boolean {
  return ((dr7 >> (n * 2)) & 3) !== 0
}

function kind(dr7: number, n: number): number {
  return (dr7 >>> (16 + n * 4)) & 3
}

/** Bytes watched: LEN 00 = 1, 01 = 2, 11 = 4 (10 is undefined on this model: taken as 4, aligned so). */
function length(dr7: number, n: number): number {
  const len = (dr7 >>> (18 + n * 4)) & 3
  return len === 0 ? 1 : len === 1 ? 2 : 4
}

/** Does breakpoint n (of a kind that `match` accepts) watch any byte of [at, at+size)? */
function hits(cpu: Processor, n: number, at: number, size: number): boolean {
  const watched = length(dr(cpu, 7), n)
  const first = (dr(cpu, n) & ~(watched - 1)) >>> 0
  return at < first + watched && at + size > first
}

/** Recomputes the masks of armed breakpoints after DR7 or CR4.DE changed, and drops the TLB where it matters. */
export function refreshBreakpoints(cpu: Processor): void {
  const dr7 = dr(cpu, 7)
  const before = cpu.dataBreakpoints
  let exec = 0
  let data = 0
  let io = 0
  for (let n = 0; n < 4; n++) {
    if (!isEnabled(dr7, n)) continue
    const rw = kind(dr7, n)
    if (rw === RW_EXEC) exec |= 1 << n
    else if (rw !== RW_IO) data |= 1 << n
    else if ((cpu.u32[CR4 >> 2]! & CR4_DE) !== 0) io |= 1 << n
  }
  cpu.execBreakpoints = exec
  cpu.dataBreakpoints = data
  cpu.ioBreakpoints = io
  // Pages under a data breakpoint must leave the tables, and may come back when it goes.
  if (before !== 0 || data !== 0) cpu.flushTlb('all')
  cpu.attention()
}

/** True when the page of `lin` holds a byte that a data breakpoint watches. */
export function isBreakpointPage(cpu: Processor, lin: number): boolean {
  if (cpu.dataBreakpoints === 0) return false
  const page = (lin & 0xfffff000) >>> 0
  for (let n = 0; n < 4; n++) {
    if (((cpu.dataBreakpoints >> n) & 1) !== 0 && hits(cpu, n, page, 4096)) return true
  }
  return false
}

/** A data access on the slow path: notes hits for a debug trap after the instruction. */
export function noteDataAccess(cpu: Processor, lin: number, size: number, write: boolean): void {
  const dr7 = dr(cpu, 7)
  for (let n = 0; n < 4; n++) {
    if (((cpu.dataBreakpoints >> n) & 1) === 0 || !hits(cpu, n, lin >>> 0, size)) continue
    if (write || kind(dr7, n) !== RW_WRITE) cpu.armDebugTrap(1 << n)
  }
}

/** An I/O access (CR4.DE and R/W = 10B): notes hits for a debug trap after the instruction. */
export function noteIoAccess(cpu: Processor, port: number, size: number): void {
  for (let n = 0; n < 4; n++) {
    if (((cpu.ioBreakpoints >> n) & 1) !== 0 && hits(cpu, n, port, size)) cpu.armDebugTrap(1 << n)
  }
}

/**
 * Throws #DB when an instruction breakpoint watches linear address `lin` (the instruction's first byte) and RF does
 * not mask it. Call before the instruction; RF is cleared by its successful completion.
 */
export function checkExecBreakpoint(cpu: Processor, lin: number): void {
  if (cpu.execBreakpoints === 0 || (cpu.u32[EFLAGS_SYS >> 2]! & FLAG_RF) !== 0) return
  const dr7 = dr(cpu, 7)
  let status = 0
  for (let n = 0; n < 4; n++) {
    if (((cpu.execBreakpoints >> n) & 1) !== 0 && length(dr7, n) === 1 && dr(cpu, n) === lin >>> 0) status |= 1 << n
  }
  if (status === 0) return
  cpu.pendingDr6 |= status
  throw new GuestFault(VEC_DB)
}

/** #DB is being delivered: its causes go into DR6, and general detect is switched off (17.2.3, 17.2.4). */
export function commitDebugStatus(cpu: Processor): void {
  cpu.u32[(DR + 48) >> 2]! |= cpu.pendingDr6
  cpu.pendingDr6 = 0
  cpu.u32[(DR + 56) >> 2]! &= ~DR7_GD
}

/** A fault ended the instruction: traps noted for its end do not happen. */
export function discardDebugTraps(cpu: Processor): void {
  cpu.pendingDr6 = 0
}

/** DR4 and DR5 are DR6 and DR7 unless CR4.DE forbids the alias. Also the privilege and general-detect checks. */
function debugRegister(cpu: Processor, n: number): number {
  if ((n === 4 || n === 5) && (cpu.u32[CR4 >> 2]! & CR4_DE) !== 0) throw new GuestFault(VEC_UD)
  requireCpl0(cpu)
  if ((dr(cpu, 7) & DR7_GD) !== 0) {
    cpu.pendingDr6 |= DR6_BD
    throw new GuestFault(VEC_DB)
  }
  return n === 4 || n === 5 ? n + 2 : n
}

/** MOV r32, DRn. */
export function readDr(cpu: Processor, n: number): number {
  return dr(cpu, debugRegister(cpu, n))
}

/** MOV DRn, r32. */
export function writeDr(cpu: Processor, n: number, value: number): void {
  const index = debugRegister(cpu, n)
  let stored = value
  if (index === 6) stored = (value & DR6_WRITABLE) | DR6_ONES
  else if (index === 7) stored = (value & DR7_WRITABLE) | DR7_ONES
  cpu.u32[(DR + index * 8) >> 2] = stored
  if (index !== 6) refreshBreakpoints(cpu)
}
