/**
 * Control registers and the instructions around them: MOV CRn, LMSW, SMSW, CLTS, INVLPG, HLT, WBINVD, RDTSC, RDPMC.
 * Intel SDM vol. 3A 2.5 (control registers), 4.10.4 (what invalidates the TLB), vol. 2.
 */
import { GuestFault } from '../context.ts'
import { loadPdptes } from '../mmu/walk.ts'
import type { Processor } from '../processor.ts'
import {
  CPL,
  CR0,
  CR0_AM,
  CR0_CD,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR2,
  CR3,
  CR4,
  CR4_DE,
  CR4_PAE,
  CR4_PCE,
  CR4_PGE,
  CR4_PSE,
  CR4_TSD,
  EAX,
  ECX,
  EDX,
  TSC_OFFSET,
  VEC_GP,
  VEC_UD,
} from '../state.ts'
import { supportedCr4 } from './cpuid.ts'
import { refreshBreakpoints } from './debug.ts'
import { refreshLimits } from './descriptors.ts'
import { readCounter } from './pmc.ts'
import { requireCpl0 } from './tables.ts'

/** Bits of CR0 that exist; the others read as 0 whatever is written. */
const CR0_KNOWN = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG

/** Does something with the rights of privilege level 0, whatever the guest's level is. */
export function atLevel0<T>(cpu: Processor, action: () => T): T {
  const level = cpu.u32[CPL >> 2]!
  if (level === 0) return action()
  cpu.u32[CPL >> 2] = 0
  try {
    return action()
  } finally {
    // What the action made of it stays, if it is another.
    if (cpu.u32[CPL >> 2] === 0) cpu.u32[CPL >> 2] = level
  }
}

/** MOV r32, CRn; #UD for registers that do not exist. */
export function readCr(cpu: Processor, n: number): number {
  if (n !== 0 && n !== 2 && n !== 3 && n !== 4) throw new GuestFault(VEC_UD)
  requireCpl0(cpu)
  return cpu.u32[(n === 0 ? CR0 : n === 2 ? CR2 : n === 3 ? CR3 : CR4) >> 2]!
}

/** MOV CRn, r32, with its checks, side effects and TLB invalidation. */
export function writeCr(cpu: Processor, n: number, value: number): void {
  if (n !== 0 && n !== 2 && n !== 3 && n !== 4) throw new GuestFault(VEC_UD)
  requireCpl0(cpu)
  if (n === 0) writeCr0(cpu, value)
  else if (n === 2) cpu.u32[CR2 >> 2] = value
  else if (n === 3) writeCr3(cpu, value)
  else writeCr4(cpu, value)
}

/** CR0 without the privilege check (LMSW, task switches and CLTS have their own). */
function writeCr0(cpu: Processor, value: number): void {
  const before = cpu.u32[CR0 >> 2]!
  const after = ((value & CR0_KNOWN) | CR0_ET) >>> 0
  const changed = before ^ after
  if ((after & CR0_PG) !== 0 && (after & CR0_PE) === 0) throw new GuestFault(VEC_GP, 0)
  if ((after & CR0_NW) !== 0 && (after & CR0_CD) === 0) throw new GuestFault(VEC_GP, 0)
  const pae = (cpu.u32[CR4 >> 2]! & CR4_PAE) !== 0
  if ((after & CR0_PG) !== 0 && pae && (changed & (CR0_PG | CR0_CD | CR0_NW)) !== 0) {
    loadPdptes(cpu, cpu.u32[CR3 >> 2]!)
  }
  cpu.u32[CR0 >> 2] = after
  if (changed === 0) return
  if ((changed & (CR0_PG | CR0_WP | CR0_PE)) !== 0) cpu.flushTlb('all')
  if ((changed & CR0_PE) !== 0) {
    // Leaving real mode keeps privilege level 0 and the segment caches; only how their types are read changes.
    for (let seg = 0; seg < 6; seg++) refreshLimits(cpu, seg)
    cpu.setCpl(0)
  }
  if ((changed & CR0_AM) !== 0) cpu.refreshAlignment()
}

function writeCr3(cpu: Processor, value: number): void {
  const paging = (cpu.u32[CR0 >> 2]! & CR0_PG) !== 0
  if (paging && (cpu.u32[CR4 >> 2]! & CR4_PAE) !== 0) loadPdptes(cpu, value)
  cpu.u32[CR3 >> 2] = value
  cpu.flushTlb('nonglobal')
}

function writeCr4(cpu: Processor, value: number): void {
  const before = cpu.u32[CR4 >> 2]!
  const changed = before ^ value
  if ((value & ~supportedCr4(cpu.cpuid)) !== 0) throw new GuestFault(VEC_GP, 0)
  const tableBits = CR4_PAE | CR4_PSE | CR4_PGE
  const paging = (cpu.u32[CR0 >> 2]! & CR0_PG) !== 0
  if (paging && (value & CR4_PAE) !== 0 && (changed & tableBits) !== 0) loadPdptes(cpu, cpu.u32[CR3 >> 2]!)
  cpu.u32[CR4 >> 2] = value
  if ((changed & tableBits) !== 0) cpu.flushTlb('all')
  if ((changed & CR4_DE) !== 0) refreshBreakpoints(cpu)
}

/** SMSW: the low word of CR0 (a 32-bit register destination gets all of it). */
export function smsw(cpu: Processor): number {
  return cpu.u32[CR0 >> 2]!
}

/** LMSW: PE MP EM TS from the low word; PE can be set but not cleared. */
export function lmsw(cpu: Processor, value: number): void {
  requireCpl0(cpu)
  const cr0 = cpu.u32[CR0 >> 2]!
  writeCr0(cpu, ((cr0 & ~(CR0_MP | CR0_EM | CR0_TS)) | (value & (CR0_PE | CR0_MP | CR0_EM | CR0_TS))) >>> 0)
}

export function clts(cpu: Processor): void {
  requireCpl0(cpu)
  cpu.u32[CR0 >> 2]! &= ~CR0_TS
}

/** INVLPG of linear address `lin` (no segment check, no fault for a bad address). */
export function invlpg(cpu: Processor, lin: number): void {
  requireCpl0(cpu)
  cpu.flushTlb(lin >>> 0)
}

/** INVD and WBINVD: there is no cache to write back; the privilege check remains. */
export function wbinvd(cpu: Processor): void {
  requireCpl0(cpu)
}

/** HLT: `cpu.halted` until an interrupt; the caller advances EIP. */
export function hlt(cpu: Processor): void {
  requireCpl0(cpu)
  cpu.halted = true
  cpu.attention()
}

/** The time-stamp counter with its offset, modulo 2^64. */
export function timeStamp(cpu: Processor): bigint {
  return BigInt.asUintN(64, BigInt(Math.floor(cpu.cycles())) + cpu.u64[TSC_OFFSET >> 3]!)
}

/** RDTSC into EDX:EAX. Guests poll it: without an offset the split is done in doubles, which hold the count exactly. */
export function rdtsc(cpu: Processor): void {
  if ((cpu.u32[CR4 >> 2]! & CR4_TSD) !== 0 && cpu.u32[CPL >> 2] !== 0) throw new GuestFault(VEC_GP, 0)
  const cycles = cpu.cycles()
  cpu.onCyclesRead(cycles)
  if (cpu.u32[TSC_OFFSET >> 2] !== 0 || cpu.u32[(TSC_OFFSET >> 2) + 1] !== 0) {
    setEdxEax(cpu, timeStamp(cpu))
    return
  }
  const whole = Math.floor(cycles)
  const high = Math.floor(whole / 0x1_0000_0000)
  cpu.u32[EAX >> 2] = whole - high * 0x1_0000_0000
  cpu.u32[EDX >> 2] = high
}

/** RDPMC of counter ECX into EDX:EAX; #GP(0) for counters that do not exist. */
export function rdpmc(cpu: Processor): void {
  if ((cpu.u32[CR4 >> 2]! & CR4_PCE) === 0 && cpu.u32[CPL >> 2] !== 0) throw new GuestFault(VEC_GP, 0)
  const value = readCounter(cpu, cpu.u32[ECX >> 2]!)
  if (value === undefined) throw new GuestFault(VEC_GP, 0)
  setEdxEax(cpu, value)
}

/** Splits a 64-bit value into EDX:EAX. */
export function setEdxEax(cpu: Processor, value: bigint): void {
  cpu.u32[EAX >> 2] = Number(value & 0xffffffffn)
  cpu.u32[EDX >> 2] = Number((value >> 32n) & 0xffffffffn)
}
