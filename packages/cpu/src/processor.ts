/**
 * The IA-32 processor apart from ordinary instructions: state, memory management, system instructions, events. Both
 * engines bind to it. State lives in linear memory (state.ts); the functions are grouped by idea in mmu/ and sys/ and
 * take the processor as their first argument.
 *
 * What an engine binds to (every function may throw GuestFault; EIP in the state is the current instruction's; `next`
 * is the EIP after it; functions marked * set EIP themselves, after the others the engine advances it):
 *
 *   mmu/tlb         translate, flushTlb, markCodePage, unmarkCodePage      mmu/access  readAs, writeAs
 *   mmu/physical    setA20, setHole, physRead/Write                         mmu/ram     Ram (the GuestMemory port)
 *   sys/segments    loadSegment(seg, sel)
 *   sys/tables      lgdt/lidt(limit, base, opsize), lldt, ltr, sldt, str, lar, lsl, verr, verw, arpl(dst, src)
 *   sys/transfer    jumpFar*, callFar*(sel, offset, opsize, next)
 *   sys/return      retFar*(opsize, release), iret*(opsize, next)
 *   sys/interrupts  raise*(fault), softwareInterrupt*(vector, next) for INT n, softwareTrap*(3 | 4, next), int1*(next),
 *                   externalInterrupt*(vector), nonMaskableInterrupt*(), raiseDebugTrap*(), interruptsEnabled()
 *   sys/eflags-ops  hasVirtualIf(), pushfValue(opsize), popf(value, opsize)
 *   sys/control     readCr(n), writeCr(n, value), lmsw, smsw, clts, invlpg(lin), wbinvd, hlt, rdtsc, rdpmc
 *   sys/msr         rdmsr, wrmsr                                           sys/cpuid   cpuid
 *   sys/debug       readDr(n), writeDr(n, value), checkExecBreakpoint(lin)
 *   sys/sysenter    sysenter*, sysexit*                                    sys/io      checkIo, ioIn, ioOut
 *   sys/hostop      registerStubPages(pages), hostOp(index, eip, length)   sys/reset   reset, setStart(registers)
 */

import type { GuestMonitor } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import type { ProcessorPorts } from '@paragraft/core/ports'
import type { CpuContext, GuestFault } from './context.ts'
import { pageForRegion, probeLinear, readAs, readForWrite, readSlow, writeAs, writeSlow } from './mmu/access.ts'
import { flushTlb, type TlbFlush, TlbLists, translate } from './mmu/tlb.ts'
import { PF_I, PF_U, WalkResult } from './mmu/walk.ts'
import { NO_SHORTCUTS, type Shortcuts } from './shortcuts/port.ts'
import {
  ATTENTION,
  CPL,
  CPUID_COUNT,
  CR0,
  CR0_AM,
  EFLAGS_SYS,
  FLAG_AC,
  FLAG_IF,
  FLAG_TF,
  FLAG_VM,
  INTERRUPT_WAITING,
  MONITORED,
  NMI_BLOCKED,
  PAGE_FLAGS,
  RAM,
  RAM_SIZE,
  SEG,
  SEG_BASE,
  SEG_READ_LIMIT,
  SEG_SIZE,
  SEG_WRITE_LIMIT,
  STATE_SIZE,
  TLB_READ,
  TLB_SUPERVISOR_READ,
  TLB_SUPERVISOR_WRITE,
  TLB_USER_READ,
  TLB_USER_WRITE,
  TLB_WRITE,
} from './state.ts'
import { type CpuidModel, DEFAULT_CPUID, type Leaf } from './sys/cpuid.ts'
import { isBreakpointPage } from './sys/debug.ts'
import { getEflags, setEflags } from './sys/flags.ts'
import { PerformanceCounters } from './sys/pmc.ts'
import { reset } from './sys/reset.ts'
import { checkedLinear } from './sys/segments.ts'

/** What a processor is made of. */
export interface ProcessorOptions {
  /** Must hold at least RAM + ramSize bytes; never grown afterwards. */
  memory: WebAssembly.Memory
  /** RAM in bytes, a multiple of 4096. */
  ramSize: number
  ports: ProcessorPorts
  cpuid?: CpuidModel
}

export class Processor implements CpuContext {
  readonly buffer: ArrayBufferLike
  readonly u8: Uint8Array
  readonly u16: Uint16Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly f64: Float64Array
  readonly u64: BigUint64Array
  readonly view: DataView
  readonly ports: ProcessorPorts
  readonly ramSize: number
  readonly cpuid: CpuidModel

  /** PAGE_ flags by physical RAM page. */
  readonly pageFlags: Uint8Array
  readonly tlb: TlbLists
  readonly walk: WalkResult = new WalkResult()
  /** Stored MSRs without a slot in the state (MTRRs and the like), by index. */
  readonly msr: Map<number, bigint> = new Map()
  readonly pmc: PerformanceCounters = new PerformanceCounters()

  /** Waiting for an interrupt (HLT), or stopped for good when `shutDown` too. */
  halted = false
  shutDown = false
  /** The engine reports each instruction: what is decoded has TRACE records (see mode.ts). */
  tracing = false
  /** DR6 bits of a debug exception on its way; with ATTENTION set, the engine raises #DB after the instruction. */
  pendingDr6 = 0
  /** Armed breakpoints by kind, bit n for DRn. */
  execBreakpoints = 0
  dataBreakpoints = 0
  ioBreakpoints = 0
  /** CR0.AM, EFLAGS.AC and CPL 3 together: user accesses all take the slow path, which checks alignment. */
  alignmentArmed = false

  /* Hooks for the engine. */
  /** Tries the usual ways first; without any, everything goes the general way. */
  shortcuts: Shortcuts = NO_SHORTCUTS
  /** A write into a page marked as code, after the bytes are in place; stays inside one page. */
  onCodeWrite: (pa: number, size: number) => void = () => {}
  /** `region`: an INVLPG met large pages, and drops the whole 4 MB around its page. */
  onTlbFlush: (what: TlbFlush, region?: boolean) => void = () => {}
  /** Every exception of an instruction, before its delivery. True: execute the instruction again instead. */
  onException: (fault: GuestFault) => boolean = () => false
  /** Events that the monitor was asked about. */
  intercepted = 0
  /** The monitor has executed the instruction at hand. */
  retire: () => void = () => {}
  /** Exceptions since an instruction retired, and the count of retired instructions that they all came at. */
  storm = 0
  stormAt = -1
  /** A storm of exceptions that does not end: no instruction will be executed any more. */
  runaway = false
  /** The model's leaves that have been asked for. */
  readonly cpuidLeaves: Map<number, Leaf> = new Map()
  /** Before any access to a device page; an engine that runs ahead may throw here to come back to it alone. */
  beforeDevice: () => void = () => {}
  /** Retired instructions up to, not including, the one being executed. */
  instructions: () => number = () => 0
  /** Time-stamp counter before TSC_OFFSET. */
  cycles: () => number = () => this.instructions()
  /** RDTSC has asked for the cycles, and they are so many. */
  onCyclesRead: (cycles: number) => void = () => {}

  /** Starts in the power-up state. */
  constructor(options: ProcessorOptions) {
    const { memory, ramSize } = options
    if (ramSize % 4096 !== 0 || ramSize <= 0 || memory.buffer.byteLength < RAM + ramSize) {
      throw new ParagraftError('PG_RAM_SIZE', `${ramSize} bytes of RAM do not fit the engine's memory`, {
        fields: { ramSize, linearMemory: memory.buffer.byteLength },
        hint: 'RAM must be a positive multiple of 4096 bytes',
      })
    }
    const buffer = memory.buffer
    this.buffer = buffer
    this.u8 = new Uint8Array(buffer)
    this.u16 = new Uint16Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.u32 = new Uint32Array(buffer)
    this.f64 = new Float64Array(buffer)
    this.u64 = new BigUint64Array(buffer)
    this.view = new DataView(buffer)
    this.ports = options.ports
    this.ramSize = ramSize
    this.cpuid = options.cpuid ?? DEFAULT_CPUID
    this.pageFlags = new Uint8Array(buffer, PAGE_FLAGS, ramSize >>> 12)
    this.tlb = new TlbLists(buffer, ramSize >>> 12)
    this.u32[RAM_SIZE >> 2] = ramSize
    this.interruptWaiting = true
    reset(this)
  }

  /** A copy of the registers, on an instruction boundary. */
  saveRegisters(): Uint8Array {
    return this.u8.slice(0, STATE_SIZE)
  }

  /** Brings back what {@link saveRegisters} copied, traps that were on their way excepted. */
  restoreRegisters(saved: Uint8Array): void {
    this.u8.set(saved)
    this.pendingDr6 = 0
    this.refreshAlignment()
    this.attention()
  }

  /** Asks the run loop to look up before the next block. */
  attention(): void {
    this.u32[ATTENTION >> 2] = 1
  }

  /** INTR or NMI is asserted, as far as the engine knows (true is always safe): enabling interrupts needs attention. */
  get interruptWaiting(): boolean {
    return this.u32[INTERRUPT_WAITING >> 2] !== 0
  }
  set interruptWaiting(waiting: boolean) {
    this.u32[INTERRUPT_WAITING >> 2] = waiting ? 1 : 0
  }

  /** NMIs wait for the next IRET. */
  get nmiBlocked(): boolean {
    return this.u32[NMI_BLOCKED >> 2] !== 0
  }
  set nmiBlocked(blocked: boolean) {
    this.u32[NMI_BLOCKED >> 2] = blocked ? 1 : 0
  }

  /** Serves the events and descriptors of a deprivileged guest; null for every other. */
  get monitor(): GuestMonitor | null {
    return this.#monitor
  }
  set monitor(monitor: GuestMonitor | null) {
    this.#monitor = monitor
    this.u32[MONITORED >> 2] = monitor === null ? 0 : 1
  }
  #monitor: GuestMonitor | null = null

  /** CPUID instructions executed. */
  get cpuidCount(): number {
    return Number(this.u64[CPUID_COUNT >> 3])
  }
  set cpuidCount(count: number) {
    this.u64[CPUID_COUNT >> 3] = BigInt(count)
  }

  /** Changes the privilege level and what follows from it: TLB tables, alignment checks. */
  setCpl(level: number): void {
    const user = level === 3
    this.u32[TLB_READ >> 2] = user ? TLB_USER_READ : TLB_SUPERVISOR_READ
    this.u32[TLB_WRITE >> 2] = user ? TLB_USER_WRITE : TLB_SUPERVISOR_WRITE
    if (this.u32[CPL >> 2] === level) return
    this.u32[CPL >> 2] = level
    this.refreshAlignment()
  }

  /** EFLAGS_SYS changed in these bits. Closing the door to interrupts needs no attention; opening it, if one waits. */
  flagsChanged(bits: number): void {
    if ((bits & FLAG_AC) !== 0) this.refreshAlignment()
    const opened = (bits & FLAG_IF) !== 0 && (this.u32[EFLAGS_SYS >> 2]! & FLAG_IF) !== 0
    if ((bits & (FLAG_VM | FLAG_TF)) !== 0 || (opened && this.interruptWaiting)) this.attention()
  }

  /** Recomputes `alignmentArmed`; arming empties the user tables, so that every user access is looked at. */
  refreshAlignment(): void {
    const flags = this.u32[EFLAGS_SYS >> 2]!
    const armed = this.u32[CPL >> 2] === 3 && (flags & FLAG_AC) !== 0 && (this.u32[CR0 >> 2]! & CR0_AM) !== 0
    if (armed === this.alignmentArmed) return
    this.alignmentArmed = armed
    if (armed) flushTlb(this, 'all')
  }

  /** Notes causes of a debug trap that follows the current instruction. */
  armDebugTrap(dr6: number): void {
    this.pendingDr6 |= dr6
    this.attention()
  }

  flushTlb(what: TlbFlush): void {
    flushTlb(this, what)
  }

  isBreakpointPage(lin: number): boolean {
    return this.dataBreakpoints !== 0 && isBreakpointPage(this, lin)
  }

  /** Physical address of an instruction byte at the current privilege level; throws #PF (I/D set under NX). */
  translateFetch(lin: number): number {
    return translate(this, lin, this.u32[CPL >> 2] === 3 ? PF_I | PF_U : PF_I)
  }

  getEflags(): number {
    return getEflags(this)
  }

  setEflags(value: number): void {
    setEflags(this, value)
  }

  linear(seg: number, offset: number, size: number, write: boolean): number {
    const at = SEG + seg * SEG_SIZE
    const limit = this.u32[(at + (write ? SEG_WRITE_LIMIT : SEG_READ_LIMIT)) >> 2]!
    if (offset >>> 0 < limit && size <= 16) return (this.u32[(at + SEG_BASE) >> 2]! + offset) >>> 0
    return checkedLinear(this, seg, offset, size, write)
  }

  #entry(tableSlot: number, lin: number): number {
    return this.u32[(this.u32[tableSlot >> 2]! >>> 2) + (lin >>> 12)]!
  }

  #user(): boolean {
    return this.u32[CPL >> 2] === 3
  }

  read8(lin: number): number {
    const entry = this.#entry(TLB_READ, lin)
    return entry !== 0 ? this.u8[(lin + entry + 3) >>> 0]! : readSlow(this, lin, 1, this.#user())
  }
  read16(lin: number): number {
    const entry = this.#entry(TLB_READ, lin)
    if ((lin & 0xfff) < (entry & 0xfff)) return this.view.getUint16((lin + entry + 3) >>> 0, true)
    return readSlow(this, lin, 2, this.#user())
  }
  read32(lin: number): number {
    const entry = this.#entry(TLB_READ, lin)
    if ((lin & 0xfff) < (entry & 0xfff)) return this.view.getUint32((lin + entry + 3) >>> 0, true)
    return readSlow(this, lin, 4, this.#user())
  }
  write8(lin: number, value: number): void {
    const entry = this.#entry(TLB_WRITE, lin)
    if (entry !== 0) this.u8[(lin + entry + 3) >>> 0] = value
    else writeSlow(this, lin, 1, this.#user(), value)
  }
  write16(lin: number, value: number): void {
    const entry = this.#entry(TLB_WRITE, lin)
    if ((lin & 0xfff) < (entry & 0xfff)) this.view.setUint16((lin + entry + 3) >>> 0, value, true)
    else writeSlow(this, lin, 2, this.#user(), value)
  }
  write32(lin: number, value: number): void {
    const entry = this.#entry(TLB_WRITE, lin)
    if ((lin & 0xfff) < (entry & 0xfff)) this.view.setUint32((lin + entry + 3) >>> 0, value, true)
    else writeSlow(this, lin, 4, this.#user(), value)
  }
  probe(lin: number, size: number, write: boolean): void {
    probeLinear(this, lin, size, write, this.#user())
  }
  /** Reads for a read-modify-write at the current level: faults as the write would. */
  readForWrite(lin: number, size: number): number {
    return readForWrite(this, lin, size, this.#user())
  }
  /** See mmu/access.ts. */
  pageForRegion(low: number, span: number, offset: number, write: boolean): number {
    return pageForRegion(this, low, span, offset, write)
  }
  readSys8(lin: number): number {
    return readAs(this, lin, 1, false)
  }
  readSys16(lin: number): number {
    return readAs(this, lin, 2, false)
  }
  readSys32(lin: number): number {
    return readAs(this, lin, 4, false)
  }
  writeSys8(lin: number, value: number): void {
    writeAs(this, lin, 1, value, false)
  }
  writeSys16(lin: number, value: number): void {
    writeAs(this, lin, 2, value, false)
  }
  writeSys32(lin: number, value: number): void {
    writeAs(this, lin, 4, value, false)
  }
}
