/**
 * The translation look-aside buffer: four direct tables in linear memory (layout and entry formula in state.ts) that
 * generated code reads, the lists of filled pages that make a flush proportional to what was filled, and a small cache
 * for translations that may not enter the tables (devices, pages with code, pages under a data breakpoint, fetches).
 * Flush rules: SDM vol. 3A 4.10.4.
 */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
  CR0,
  CR0_PG,
  CR0_WP,
  RAM,
  TLB_GLOBAL,
  TLB_GLOBAL_COUNT,
  TLB_LARGE,
  TLB_LOCAL,
  TLB_LOCAL_COUNT,
  TLB_SLOW,
  TLB_SLOW_COUNT,
  TLB_SLOW_FRAMES,
  TLB_SLOW_GLOBAL,
  TLB_SLOW_USED,
  TLB_SUPERVISOR_READ,
  TLB_SUPERVISOR_WRITE,
  TLB_TABLE_SIZE,
  TLB_USER_READ,
  TLB_USER_WRITE,
  TLB_WRITERS,
  VEC_PF,
} from '../state.ts'
import { isRam, maskA20, PAGE_CODE, PAGE_SHARED } from './physical.ts'
import { PF_I, PF_U, PF_W, walk } from './walk.ts'

/** Pages that each list holds before everything is flushed. */
export const LIST_SIZE = 16384
export const SLOW_SIZE = 1024
const EMPTY = 0xffffffff

const SR = TLB_SUPERVISOR_READ >> 2
const SW = TLB_SUPERVISOR_WRITE >> 2
const UR = TLB_USER_READ >> 2
const UW = TLB_USER_WRITE >> 2

/** What a flush dropped: everything, everything but global pages, or one page (its linear address). */
export type TlbFlush = 'all' | 'nonglobal' | number

/** Bookkeeping beside the tables; what generated code needs of it lies in linear memory. */
export class TlbLists {
  readonly local: Uint32Array
  readonly global: Uint32Array
  /** 4 MB regions in which a large page was walked: INVLPG must drop all of it (SDM 4.10.4.1). */
  readonly largeRegion: Uint8Array
  /** Key: linear page, access bits above; 0xffffffff = empty. Value: number of the physical page. */
  readonly slowKey: Uint32Array
  readonly slowFrame: Uint32Array
  readonly slowGlobal: Uint8Array
  /** Slots filled since it was last emptied, as far as they fit. */
  readonly slowUsed: Uint16Array
  /** Per RAM page: linear page + 1 of its only write mapping, 0 when none, 0xffffffff when several were filled. */
  readonly writer: Uint32Array

  readonly #u32: Uint32Array

  constructor(buffer: ArrayBufferLike, ramPages: number) {
    this.#u32 = new Uint32Array(buffer)
    this.local = new Uint32Array(buffer, TLB_LOCAL, LIST_SIZE)
    this.global = new Uint32Array(buffer, TLB_GLOBAL, LIST_SIZE)
    this.largeRegion = new Uint8Array(buffer, TLB_LARGE, 1024)
    this.slowKey = new Uint32Array(buffer, TLB_SLOW, SLOW_SIZE).fill(EMPTY)
    this.slowFrame = new Uint32Array(buffer, TLB_SLOW_FRAMES, SLOW_SIZE)
    this.slowGlobal = new Uint8Array(buffer, TLB_SLOW_GLOBAL, SLOW_SIZE)
    this.slowUsed = new Uint16Array(buffer, TLB_SLOW_USED, SLOW_SIZE)
    this.writer = new Uint32Array(buffer, TLB_WRITERS, ramPages)
  }
  get localCount(): number {
    return this.#u32[TLB_LOCAL_COUNT >> 2]!
  }
  set localCount(count: number) {
    this.#u32[TLB_LOCAL_COUNT >> 2] = count
  }
  get globalCount(): number {
    return this.#u32[TLB_GLOBAL_COUNT >> 2]!
  }
  set globalCount(count: number) {
    this.#u32[TLB_GLOBAL_COUNT >> 2] = count
  }
  /** How many that would be. */
  get slowCount(): number {
    return this.#u32[TLB_SLOW_COUNT >> 2]!
  }
  set slowCount(count: number) {
    this.#u32[TLB_SLOW_COUNT >> 2] = count
  }
}

function clearPage(u32: Uint32Array, page: number): void {
  u32[SR + page] = 0
  u32[SW + page] = 0
  u32[UR + page] = 0
  u32[UW + page] = 0
}

/** Enters the page of `lin` into the tables, as far as the rules allow. Returns false when nothing may be entered. */
function fill(cpu: Processor, lin: number): boolean {
  const w = cpu.walk
  if (!isRam(cpu, w.pa) || cpu.isBreakpointPage(lin)) return false
  const u32 = cpu.u32
  const tlb = cpu.tlb
  const page = lin >>> 12
  const frame = w.pa >>> 12
  const entry = (RAM + frame * 4096 - page * 4096 - 3) >>> 0
  const code = (cpu.pageFlags[frame]! & PAGE_CODE) !== 0
  const write = w.dirty && !code
  const user = w.user && !cpu.alignmentArmed
  // The supervisor read entry is present for every listed page, so it tells whether this one is listed already.
  if (u32[SR + page] === 0) {
    if ((w.global ? tlb.globalCount : tlb.localCount) === LIST_SIZE) dropTables(cpu)
    if (w.global) tlb.global[tlb.globalCount++] = page
    else tlb.local[tlb.localCount++] = page
  }
  u32[SR + page] = entry
  u32[UR + page] = user ? entry : 0
  const superWrite = write && (w.writable || (cpu.i32[CR0 >> 2]! & CR0_WP) === 0)
  u32[SW + page] = superWrite ? entry : 0
  u32[UW + page] = write && user && w.writable ? entry : 0
  if (superWrite) {
    const writer = tlb.writer[frame]!
    if (writer === 0) tlb.writer[frame] = page + 1
    else if (writer !== page + 1) tlb.writer[frame] = 0xffffffff
  }
  return !code || !w.dirty
}

/**
 * Physical address of `lin` (A20 applied) for an access of PF_W | PF_U | PF_I; fills the tables on the way. -1: #PF with
 * the error code in `cpu.walk.errorCode`. For fetches the permission to execute is checked, the tables are left alone,
 * and `cpu.walk.global` holds for the page.
 */
export function tryTranslate(cpu: Processor, linear: number, access: number): number {
  const lin = linear >>> 0
  const tlb = cpu.tlb
  if ((access & PF_I) === 0) {
    const table = (access & PF_U) !== 0 ? UR : SR
    const entry = cpu.u32[((access & PF_W) !== 0 ? table + (SW - SR) : table) + (lin >>> 12)]!
    if (entry !== 0) return ((lin + entry + 3) >>> 0) - RAM
  }
  const key = ((lin >>> 12) | ((access & (PF_W | PF_U | PF_I)) << 20)) >>> 0
  const slot = ((lin >>> 12) ^ (access << 5)) & (SLOW_SIZE - 1)
  const w = cpu.walk
  if (tlb.slowKey[slot] === key) {
    w.global = tlb.slowGlobal[slot] !== 0
    return tlb.slowFrame[slot]! * 4096 + (lin & 0xfff)
  }
  if ((cpu.i32[CR0 >> 2]! & CR0_PG) !== 0) {
    if (!walk(cpu, lin, access)) return -1
    if (w.large) tlb.largeRegion[lin >>> 22] = 1
  } else {
    w.pa = maskA20(cpu, lin)
    w.user = w.writable = w.dirty = true
    w.global = w.large = false
  }
  const pa = w.pa
  if ((access & PF_I) !== 0 || !fill(cpu, lin)) {
    tlb.slowKey[slot] = key
    tlb.slowUsed[tlb.slowCount++ & (SLOW_SIZE - 1)] = slot
    tlb.slowFrame[slot] = (pa - (lin & 0xfff)) / 4096
    tlb.slowGlobal[slot] = w.global ? 1 : 0
  }
  return pa
}

/** The same, throwing #PF. */
export function translate(cpu: Processor, linear: number, access: number): number {
  const pa = tryTranslate(cpu, linear, access)
  if (pa < 0) throw new GuestFault(VEC_PF, cpu.walk.errorCode, linear >>> 0)
  return pa
}

/** Empties the cache of translations that have no place in the tables. */
function dropSlow(tlb: TlbLists): void {
  if (tlb.slowCount > SLOW_SIZE) tlb.slowKey.fill(EMPTY)
  else for (let i = 0; i < tlb.slowCount; i++) tlb.slowKey[tlb.slowUsed[i]!] = EMPTY
  tlb.slowCount = 0
}

/** Empties the four tables, both lists and the slow cache, without telling anybody. */
function dropTables(cpu: Processor): void {
  const tlb = cpu.tlb
  for (let i = 0; i < tlb.globalCount; i++) clearPage(cpu.u32, tlb.global[i]!)
  tlb.globalCount = 0
  dropLocal(cpu)
}

function dropLocal(cpu: Processor): void {
  const tlb = cpu.tlb
  for (let i = 0; i < tlb.localCount; i++) clearPage(cpu.u32, tlb.local[i]!)
  tlb.localCount = 0
  dropSlow(tlb)
}

/** Flushes, and tells `onTlbFlush`. A page number is given as a linear address: INVLPG. */
export function flushTlb(cpu: Processor, what: TlbFlush): void {
  const tlb = cpu.tlb
  if (what === 'all') {
    dropTables(cpu)
    tlb.largeRegion.fill(0)
    cpu.onTlbFlush('all')
    return
  }
  if (what === 'nonglobal') {
    dropLocal(cpu)
    cpu.onTlbFlush('nonglobal')
    return
  }
  const page = what >>> 12
  const region = what >>> 22
  dropSlow(tlb)
  if (tlb.largeRegion[region] === 0) {
    clearPage(cpu.u32, page)
    cpu.onTlbFlush(what >>> 0)
    return
  }
  // The pages stay listed: a duplicate in a list only clears an entry twice.
  for (let table = SR; table <= UW; table += TLB_TABLE_SIZE >> 2) {
    cpu.u32.fill(0, table + region * 1024, table + region * 1024 + 1024)
  }
  cpu.onTlbFlush(what >>> 0, true)
}

/** Marks the RAM page of `pa` as holding code: every write to it becomes slow and is reported to `onCodeWrite`. */
export function markCodePage(cpu: Processor, pa: number): void {
  const frame = pa >>> 12
  if (pa >= cpu.ramSize || (cpu.pageFlags[frame]! & PAGE_CODE) !== 0) return
  cpu.pageFlags[frame]! |= PAGE_CODE
  const tlb = cpu.tlb
  const writer = tlb.writer[frame]!
  if (writer === 0xffffffff) {
    dropWriters(cpu, frame, tlb.local, tlb.localCount)
    dropWriters(cpu, frame, tlb.global, tlb.globalCount)
  } else if (writer !== 0) {
    cpu.u32[SW + writer - 1] = 0
    cpu.u32[UW + writer - 1] = 0
  }
  tlb.writer[frame] = 0
}

function dropWriters(cpu: Processor, frame: number, list: Uint32Array, count: number): void {
  const u32 = cpu.u32
  for (let i = 0; i < count; i++) {
    const page = list[i]!
    if (u32[SW + page] === (RAM + frame * 4096 - page * 4096 - 3) >>> 0) {
      u32[SW + page] = 0
      u32[UW + page] = 0
    }
  }
}

/** The page of `pa` holds no code any more; write entries come back with the next write. */
export function unmarkCodePage(cpu: Processor, pa: number): void {
  if (pa >= cpu.ramSize) return
  cpu.pageFlags[pa >>> 12]! &= ~(PAGE_CODE | PAGE_SHARED)
  dropSlow(cpu.tlb)
}
