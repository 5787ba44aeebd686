/**
 * Page walks: 32-bit paging (with 4 MB pages and PSE-36) and PAE paging (with NX), accessed and dirty bits,
 * protection and reserved-bit faults. Intel SDM vol. 3A chapter 4 (4.3 32-bit paging, 4.4 PAE, 4.6 access rights,
 * 4.7 page-fault exceptions, 4.8 accessed and dirty flags).
 */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import { CR0, CR0_WP, CR3, CR4, CR4_PAE, CR4_PGE, CR4_PSE, EFER, EFER_NXE, PDPTE, VEC_GP } from '../state.ts'
import { maskA20, physRead, physWrite } from './physical.ts'

/** Page-fault error code bits (SDM 4.7); W, U and I double as the description of an access. */
export const PF_P = 1
export const PF_W = 2
export const PF_U = 4
export const PF_RSVD = 8
export const PF_I = 16

/** Page-table entry bits. */
export const PTE_P = 0x1
export const PTE_RW = 0x2
export const PTE_US = 0x4
export const PTE_A = 0x20
export const PTE_D = 0x40
export const PTE_PS = 0x80
export const PTE_G = 0x100

/** Reserved bits of a PDPTE's low dword (SDM 4.4.1). */
export const PDPTE_RESERVED = 0x1e6

/** Physical address width reported and enforced (SDM 4.1.4: 36 when CPUID has PAE and no leaf 80000008H says more). */
const MAXPHYADDR = 36
/** Bits of an entry's high dword that lie above MAXPHYADDR, without XD (bit 63). */
const HIGH_RESERVED = 0x7fffffff & -(1 << (MAXPHYADDR - 32))
const XD = 0x80000000
/** Bits 52–62, which 64-bit paging leaves to software (SDM 4.5). */
const HIGH_AVAILABLE = 0x7ff00000

/** What the last successful walk found about its page. One instance per processor; overwritten by each walk. */
export class WalkResult {
  /** Physical address of the byte that was asked for, A20 applied. */
  pa = 0
  user = false
  /** R/W of every level. */
  writable = false
  dirty = false
  global = false
  large = false
  /** Error code of the #PF that ended the walk. */
  errorCode = 0
}

function fault(cpu: Processor, access: number, present: number): false {
  // I/D is reported only where execute-disable can exist: PAE and IA32_EFER.NXE (SDM 4.7).
  const nx = (cpu.u32[CR4 >> 2]! & CR4_PAE) !== 0 && (cpu.u32[EFER >> 2]! & EFER_NXE) !== 0
  cpu.walk.errorCode = (access & (PF_W | PF_U)) | (nx ? access & PF_I : 0) | present
  return false
}

/** Rights check of SDM 4.6.1, on the combined rights of all levels. */
function allowed(cpu: Processor, access: number, rights: number, xd: boolean): boolean {
  if ((access & PF_U) !== 0 && (rights & PTE_US) === 0) return false
  if ((access & PF_W) !== 0 && (rights & PTE_RW) === 0) {
    if ((access & PF_U) !== 0 || (cpu.u32[CR0 >> 2]! & CR0_WP) !== 0) return false
  }
  return !xd || (access & PF_I) === 0
}

/**
 * Translates `lin` for an access described by PF_W | PF_U | PF_I, sets A and D bits, and leaves the answer in
 * `cpu.walk`. False: #PF with `cpu.walk.errorCode`, and no A or D bit has been changed. Call only with CR0.PG set.
 */
export function walk(cpu: Processor, lin: number, access: number): boolean {
  return (cpu.u32[CR4 >> 2]! & CR4_PAE) !== 0 ? walkPae(cpu, lin, access) : walk32(cpu, lin, access)
}

function mark(cpu: Processor, at: number, entry: number, bits: number): void {
  if ((entry & bits) !== bits) physWrite(cpu, at, 4, (entry | bits) >>> 0)
}

function done(cpu: Processor, pa: number, rights: number, leaf: number, access: number, large: boolean): true {
  const w = cpu.walk
  w.pa = maskA20(cpu, pa)
  w.user = (rights & PTE_US) !== 0
  w.writable = (rights & PTE_RW) !== 0
  w.dirty = (leaf & PTE_D) !== 0 || (access & PF_W) !== 0
  w.global = (leaf & PTE_G) !== 0 && (cpu.u32[CR4 >> 2]! & CR4_PGE) !== 0
  w.large = large
  return true
}

function walk32(cpu: Processor, lin: number, access: number): boolean {
  const dirty = (access & PF_W) !== 0 ? PTE_D : 0
  const pdeAt = maskA20(cpu, ((cpu.u32[CR3 >> 2]! & 0xfffff000) >>> 0) + (lin >>> 22) * 4)
  const pde = physRead(cpu, pdeAt, 4)
  if ((pde & PTE_P) === 0) return fault(cpu, access, 0)
  if ((pde & PTE_PS) !== 0 && (cpu.u32[CR4 >> 2]! & CR4_PSE) !== 0) {
    // PSE-36: bits 16:13 are address bits 35:32, bits 21:17 are reserved (table 4-4, M = 36).
    if ((pde & 0x003e0000) !== 0) return fault(cpu, access, PF_P | PF_RSVD)
    if (!allowed(cpu, access, pde, false)) return fault(cpu, access, PF_P)
    mark(cpu, pdeAt, pde, PTE_A | dirty)
    const pa = ((pde >>> 13) & 0xf) * 0x100000000 + ((pde & 0xffc00000) >>> 0) + (lin & 0x3fffff)
    return done(cpu, pa, pde, pde, access, true)
  }
  const pteAt = maskA20(cpu, ((pde & 0xfffff000) >>> 0) + ((lin >>> 12) & 0x3ff) * 4)
  const pte = physRead(cpu, pteAt, 4)
  if ((pte & PTE_P) === 0) return fault(cpu, access, 0)
  const rights = pde & pte
  if (!allowed(cpu, access, rights, false)) return fault(cpu, access, PF_P)
  mark(cpu, pdeAt, pde, PTE_A)
  mark(cpu, pteAt, pte, PTE_A | dirty)
  return done(cpu, ((pte & 0xfffff000) >>> 0) + (lin & 0xfff), rights, pte, access, false)
}

function walkPae(cpu: Processor, lin: number, access: number): boolean {
  const dirty = (access & PF_W) !== 0 ? PTE_D : 0
  const nxe = (cpu.u32[EFER >> 2]! & EFER_NXE) !== 0
  const high = cpu.monitor === null ? HIGH_RESERVED : HIGH_RESERVED & ~HIGH_AVAILABLE
  const reserved = nxe ? high : high | XD
  const slot = (PDPTE >> 2) + (lin >>> 30) * 2
  const pdpteLow = cpu.u32[slot]!
  if ((pdpteLow & PTE_P) === 0) return fault(cpu, access, 0)
  const pdBase = (cpu.u32[slot + 1]! & 0xf) * 0x100000000 + ((pdpteLow & 0xfffff000) >>> 0)
  const pdeAt = maskA20(cpu, pdBase + ((lin >>> 21) & 0x1ff) * 8)
  const pde = physRead(cpu, pdeAt, 4)
  if ((pde & PTE_P) === 0) return fault(cpu, access, 0)
  const pdeHigh = physRead(cpu, pdeAt + 4, 4)
  if ((pdeHigh & reserved) !== 0) return fault(cpu, access, PF_P | PF_RSVD)
  if ((pde & PTE_PS) !== 0) {
    // Table 4-9: bits 20:13 of a 2 MB page's entry are reserved.
    if ((pde & 0x001fe000) !== 0) return fault(cpu, access, PF_P | PF_RSVD)
    if (!allowed(cpu, access, pde, pdeHigh >>> 31 !== 0)) return fault(cpu, access, PF_P)
    mark(cpu, pdeAt, pde, PTE_A | dirty)
    const pa = (pdeHigh & 0xf) * 0x100000000 + ((pde & 0xffe00000) >>> 0) + (lin & 0x1fffff)
    return done(cpu, pa, pde, pde, access, true)
  }
  const ptBase = (pdeHigh & 0xf) * 0x100000000 + ((pde & 0xfffff000) >>> 0)
  const pteAt = maskA20(cpu, ptBase + ((lin >>> 12) & 0x1ff) * 8)
  const pte = physRead(cpu, pteAt, 4)
  if ((pte & PTE_P) === 0) return fault(cpu, access, 0)
  const pteHigh = physRead(cpu, pteAt + 4, 4)
  if ((pteHigh & reserved) !== 0) return fault(cpu, access, PF_P | PF_RSVD)
  const rights = pde & pte
  if (!allowed(cpu, access, rights, (pdeHigh | pteHigh) >>> 31 !== 0)) return fault(cpu, access, PF_P)
  mark(cpu, pdeAt, pde, PTE_A)
  mark(cpu, pteAt, pte, PTE_A | dirty)
  const pa = (pteHigh & 0xf) * 0x100000000 + ((pte & 0xfffff000) >>> 0) + (lin & 0xfff)
  return done(cpu, pa, rights, pte, access, false)
}

/**
 * Loads the four PDPTE registers from the table that `cr3` points to (SDM 4.4.1). Throws #GP(0), with no register
 * changed, when a present entry has a reserved bit set (bits 2:1, 8:5 and those above MAXPHYADDR).
 */
export function loadPdptes(cpu: Processor, cr3: number): void {
  const base = (cr3 & 0xffffffe0) >>> 0
  const words: number[] = []
  for (let i = 0; i < 4; i++) {
    const at = maskA20(cpu, base + i * 8)
    const low = physRead(cpu, at, 4)
    const high = physRead(cpu, at + 4, 4)
    if ((low & PTE_P) !== 0 && ((low & PDPTE_RESERVED) !== 0 || (high & (HIGH_RESERVED | XD)) !== 0)) {
      throw new GuestFault(VEC_GP, 0)
    }
    words.push(low, high)
  }
  for (let i = 0; i < 8; i++) cpu.u32[(PDPTE >> 2) + i] = words[i]!
}

/** The same of a deprivileged guest's tables (core's DeprivilegedPort.setPageTables), which were checked when they were made. */
export function loadPdptesUnchecked(cpu: Processor, base: number): void {
  for (let word = 0; word < 8; word++) cpu.u32[(PDPTE >> 2) + word] = physRead(cpu, base + 4 * word, 4)
}
