/**
 * Local APIC in xAPIC mode (Intel SDM vol. 3A, chapter 10), for one processor: vector registers and priorities, local
 * vector table, timer, self and broadcast interrupts, ESR, and the 8259's virtual wire through LINT0. It is also the
 * board's interrupt controller: when disabled, INTR is the 8259's.
 *
 * One file although a long one: priorities, LVT, ICR and ESR work on the same few registers.
 */
import type { Clock, Line, MmioBus, MmioHandler, Reporter, Snapshotable } from '@paragraft/core/ports'
import {
  APR,
  CURRENT_COUNT,
  DFR,
  DIVIDE,
  EOI,
  ERROR,
  ESR,
  ESR_ILLEGAL_REGISTER,
  ESR_RECEIVE_ILLEGAL_VECTOR,
  ESR_SEND_ILLEGAL_VECTOR,
  ICR_HIGH,
  ICR_LOW,
  ID,
  INITIAL_COUNT,
  IRR,
  ISR,
  LDR,
  LINT0,
  LINT1,
  LVT_COUNT,
  LVT_ERROR,
  LVT_LEVEL,
  LVT_MASKED,
  LVT_REMOTE_IRR,
  LVT_TIMER,
  LVT_WRITABLE,
  PPR,
  RRD,
  SVR,
  SVR_ENABLED,
  TIMER_MODE_SHIFT,
  TMR,
  TPR,
  VERSION,
  VERSION_VALUE,
} from './apic-registers.ts'
import { ApicTimer, type ApicTimerSnapshot } from './apic-timer.ts'
import { VectorSet } from './apic-vectors.ts'
import { hex } from './hex.ts'
import {
  type ApicBus,
  type ApicMessage,
  DELIVERY_EXTINT,
  DELIVERY_FIXED,
  DELIVERY_INIT,
  DELIVERY_LOWEST,
  DELIVERY_NMI,
  DELIVERY_STARTUP,
  type InterruptController,
} from './interrupt-controller.ts'

export const APIC_DEFAULT_BASE = 0xfee0_0000
export const IA32_APIC_BASE = 0x1b
const BASE_BSP = 0x100n
const BASE_ENABLE = 0x800n
/** Bits 35–12 hold the base; all others but BSP and EN fault when set (10.4.4; no x2APIC). */
const BASE_ADDRESS = 0xf_ffff_f000n

export interface LocalApicOptions {
  mmioBus: MmioBus
  clock: Clock
  /** INTR of the processor. */
  intr: Line
  /** NMI of the processor; a rise is one NMI. */
  nmi: Line
  /** The 8259 pair behind LINT0. */
  extInt: InterruptController
  reporter: Reporter
  /** APIC ID, default 0. */
  id?: number
  /** An EOI for a level-triggered vector goes to the I/O APICs. */
  onEoi?: (vector: number) => void
}

export interface LocalApicState {
  base: bigint
  id: number
  tpr: number
  ldr: number
  dfr: number
  svr: number
  esr: number
  esrShadow: number
  icr: [number, number]
  lvt: number[]
  irr: number[]
  isr: number[]
  tmr: number[]
  lint: [boolean, boolean]
  timer: ApicTimerSnapshot
}

export class LocalApic implements MmioHandler, InterruptController, ApicBus, Snapshotable<LocalApicState> {
  /** LINT0: the 8259's INTR ends here. */
  readonly lint0: Line = { set: level => this.#setLint(0, level) }
  readonly lint1: Line = { set: level => this.#setLint(1, level) }

  readonly #options: LocalApicOptions
  readonly #timer: ApicTimer
  readonly #irr = new VectorSet()
  readonly #isr = new VectorSet()
  readonly #tmr = new VectorSet()
  readonly #lvt = new Uint32Array(LVT_COUNT)
  readonly #lint: [boolean, boolean] = [false, false]
  #base = 0n
  #release: (() => void) | null = null
  #id = 0
  #tpr = 0
  #ldr = 0
  #dfr = 0xffff_ffff
  #svr = 0xff
  #esr = 0
  #esrShadow = 0
  #icr: [number, number] = [0, 0]

  constructor(options: LocalApicOptions) {
    this.#options = options
    this.#timer = new ApicTimer(options.clock, () => this.#lvtInterrupt(0))
    this.reset()
  }

  /* ---- the processor's side ---- */

  pending(): boolean {
    if (!this.#enabled()) return this.#options.extInt.pending()
    return this.#deliverable() >= 0 || this.#extIntPending()
  }

  acknowledge(): number {
    if (!this.#enabled()) return this.#options.extInt.acknowledge()
    const vector = this.#deliverable()
    if (vector >= 0) {
      this.#irr.delete(vector)
      this.#isr.add(vector)
      this.#update()
      return vector
    }
    if (this.#extIntPending()) return this.#options.extInt.acknowledge()
    return this.#svr & 0xff
  }

  /** IA32_APIC_BASE; undefined for any other MSR. */
  readMsr(index: number): bigint | undefined {
    return index === IA32_APIC_BASE ? this.#base : undefined
  }

  /** False means #GP(0): another MSR, or a reserved bit set. Clearing EN resets the APIC's state (10.4.3). */
  writeMsr(index: number, value: bigint): boolean {
    if (index !== IA32_APIC_BASE || value & ~(BASE_ADDRESS | BASE_ENABLE | BASE_BSP)) return false
    const wasEnabled = this.#enabled()
    this.#base = (value & (BASE_ADDRESS | BASE_ENABLE)) | BASE_BSP
    if (wasEnabled && !this.#enabled()) this.#resetRegisters()
    this.#map()
    this.#update()
    return true
  }

  /* ---- the interrupt bus ---- */

  deliver(message: ApicMessage): void {
    if (this.#enabled() && this.#isTarget(message.destination, message.logical)) {
      this.#receive(message.mode, message.vector, message.level)
    }
  }

  /* ---- registers ---- */

  mmioRead(offset: number, size: number): number {
    // Only aligned 32-bit accesses are architectural; narrower reads see part of the register.
    const value = this.#read(offset & 0xff0)
    const byte = offset & 15
    if (byte === 0 && size === 4) return value
    if (byte > 3) return 0
    return (value >>> (8 * byte)) & (size === 1 ? 0xff : size === 2 ? 0xffff : 0xffff_ffff)
  }

  mmioWrite(offset: number, size: number, value: number): void {
    if (size !== 4 || offset & 15) {
      this.#options.reporter.report(
        `apic narrow ${hex(offset)}`,
        `a ${size}-byte write at ${hex(offset)} of the local APIC is ignored`,
      )
      return
    }
    this.#write(offset, value >>> 0)
    this.#update()
  }

  /** As after power-on (10.4.7.1). */
  reset(): void {
    this.#base = BigInt(APIC_DEFAULT_BASE) | BASE_BSP | BASE_ENABLE
    this.#resetRegisters()
    this.#map()
    this.#update()
  }

  /** Virtual wire mode, as firmware leaves a PC: enabled, LINT0 = ExtINT, LINT1 = NMI (MP specification 3.6.2.2). */
  initialiseAsFirmware(): void {
    this.#svr = SVR_ENABLED | 0xff
    this.#lvt[LINT0] = DELIVERY_EXTINT << 8
    this.#lvt[LINT1] = DELIVERY_NMI << 8
    this.#update()
  }

  save(): LocalApicState {
    return {
      base: this.#base,
      id: this.#id,
      tpr: this.#tpr,
      ldr: this.#ldr,
      dfr: this.#dfr,
      svr: this.#svr,
      esr: this.#esr,
      esrShadow: this.#esrShadow,
      icr: [...this.#icr],
      lvt: [...this.#lvt],
      irr: [...this.#irr.words],
      isr: [...this.#isr.words],
      tmr: [...this.#tmr.words],
      lint: [...this.#lint],
      timer: this.#timer.save(),
    }
  }

  restore(state: LocalApicState): void {
    this.#base = state.base
    this.#id = state.id
    this.#tpr = state.tpr
    this.#ldr = state.ldr
    this.#dfr = state.dfr
    this.#svr = state.svr
    this.#esr = state.esr
    this.#esrShadow = state.esrShadow
    this.#icr = [...state.icr]
    this.#lvt.set(state.lvt)
    this.#irr.words.set(state.irr)
    this.#isr.words.set(state.isr)
    this.#tmr.words.set(state.tmr)
    this.#lint.splice(0, 2, ...state.lint)
    this.#timer.restore(state.timer)
    this.#map()
    this.#update()
  }

  #enabled(): boolean {
    return (this.#base & BASE_ENABLE) !== 0n
  }

  #softwareEnabled(): boolean {
    return (this.#svr & SVR_ENABLED) !== 0
  }

  #resetRegisters(): void {
    this.#id = ((this.#options.id ?? 0) << 24) >>> 0
    this.#tpr = this.#ldr = this.#esr = this.#esrShadow = 0
    this.#dfr = 0xffff_ffff
    this.#svr = 0xff
    this.#icr = [0, 0]
    this.#lvt.fill(LVT_MASKED)
    this.#irr.clear()
    this.#isr.clear()
    this.#tmr.clear()
    this.#timer.reset()
  }

  /** The register page follows IA32_APIC_BASE; where another device is, the page stays away and people hear of it. */
  #map(): void {
    this.#release?.()
    this.#release = null
    if (!this.#enabled()) return
    const base = Number(this.#base & BASE_ADDRESS)
    try {
      this.#release = this.#options.mmioBus.claim(base, 0x1000, this, 'local apic')
    } catch (cause) {
      this.#options.reporter.report(
        `apic base ${hex(base)}`,
        `the local APIC cannot be mapped: ${(cause as Error).message}`,
      )
    }
  }

  #update(): void {
    this.#options.intr.set(this.pending())
  }

  #extIntPending(): boolean {
    const entry = this.#lvt[LINT0]!
    return this.#lint[0] && !(entry & LVT_MASKED) && modeOf(entry) === DELIVERY_EXTINT
  }

  #processorPriority(): number {
    const served = this.#isr.highest()
    const inService = served < 0 ? 0 : served & 0xf0
    // PPR: TPR with its sub-class when that class is at least as high, else the class in service (10.8.3.1).
    return (this.#tpr & 0xf0) >= inService ? this.#tpr : inService
  }

  /** Highest request whose class is above the processor's priority, or -1. */
  #deliverable(): number {
    const vector = this.#irr.highest()
    if (vector < 0) return -1
    return (vector & 0xf0) > (this.#processorPriority() & 0xf0) ? vector : -1
  }

  #isTarget(destination: number, logical: boolean): boolean {
    if (!logical) return destination === 0xff || destination === this.#id >>> 24
    const mine = this.#ldr >>> 24
    if (this.#dfr >>> 28 === 0xf) return (destination & mine) !== 0
    const cluster = destination >> 4
    return (cluster === 0xf || cluster === mine >> 4) && (destination & mine & 0x0f) !== 0
  }

  #receive(mode: number, vector: number, level: boolean): void {
    switch (mode) {
      case DELIVERY_FIXED:
      case DELIVERY_LOWEST:
        if (!this.#softwareEnabled()) return
        if (vector < 16) {
          this.#error(ESR_RECEIVE_ILLEGAL_VECTOR)
          return
        }
        this.#irr.add(vector)
        if (level) this.#tmr.add(vector)
        else this.#tmr.delete(vector)
        this.#update()
        break
      case DELIVERY_NMI:
        this.#options.nmi.set(true)
        this.#options.nmi.set(false)
        break
      case DELIVERY_STARTUP:
        // The running processor is not waiting for one (10.6.1).
        break
      default:
        this.#options.reporter.report(
          `apic delivery mode ${mode}`,
          `an interrupt message of mode ${mode === DELIVERY_INIT ? 'INIT' : mode} to the running processor is dropped`,
        )
    }
  }

  /** The timer entry of the vector table delivers, whoever keeps the time (a hypervisor's alarm wired to it). */
  expireTimer(): void {
    this.#lvtInterrupt(0)
  }

  #lvtInterrupt(index: number): void {
    const entry = this.#lvt[index]!
    if (entry & LVT_MASKED || !this.#softwareEnabled()) return
    const level = (index === LINT0 || index === LINT1) && (entry & LVT_LEVEL) !== 0
    this.#receive(index === 0 || index === ERROR ? DELIVERY_FIXED : modeOf(entry), entry & 0xff, level)
  }

  #setLint(pin: 0 | 1, level: boolean): void {
    const rises = level && !this.#lint[pin]
    this.#lint[pin] = level
    this.#serviceLint(pin, rises)
    this.#update()
  }

  #serviceLint(pin: 0 | 1, rises: boolean): void {
    if (!this.#enabled() || !this.#lint[pin]) return
    const index = pin === 0 ? LINT0 : LINT1
    const entry = this.#lvt[index]!
    if (modeOf(entry) === DELIVERY_EXTINT || entry & LVT_MASKED) return
    if (modeOf(entry) === DELIVERY_FIXED && entry & LVT_LEVEL) {
      if (entry & LVT_REMOTE_IRR) return
      this.#lvt[index] = entry | LVT_REMOTE_IRR
      this.#lvtInterrupt(index)
    } else if (rises) {
      this.#lvtInterrupt(index)
    }
  }

  #error(bit: number): void {
    const fresh = (this.#esrShadow & bit) === 0
    this.#esrShadow |= bit
    if (!fresh) return
    // An error vector below 16 would itself be an error: it is recorded, not raised again.
    if ((this.#lvt[ERROR]! & 0xff) < 16) this.#esrShadow |= ESR_RECEIVE_ILLEGAL_VECTOR
    else this.#lvtInterrupt(ERROR)
  }

  #endOfInterrupt(): void {
    const vector = this.#isr.highest()
    if (vector < 0) return
    this.#isr.delete(vector)
    if (!this.#tmr.has(vector)) return
    for (const [pin, index] of [LINT0, LINT1].entries()) {
      const entry = this.#lvt[index]!
      if (entry & LVT_REMOTE_IRR && (entry & 0xff) === vector) {
        this.#lvt[index] = entry & ~LVT_REMOTE_IRR
        this.#serviceLint(pin as 0 | 1, false)
      }
    }
    this.#options.onEoi?.(vector)
  }

  #sendInterrupt(low: number): void {
    const mode = (low >> 8) & 7
    const vector = low & 0xff
    const shorthand = (low >> 18) & 3
    const logical = (low & 0x800) !== 0
    // INIT level de-assert concerns only arbitration IDs (10.6.1).
    if (mode === DELIVERY_INIT && !(low & 0x4000)) return
    if ((mode === DELIVERY_FIXED || mode === DELIVERY_LOWEST) && vector < 16) {
      this.#error(ESR_SEND_ILLEGAL_VECTOR)
      return
    }
    const toSelf =
      shorthand === 1 || shorthand === 2 || (shorthand === 0 && this.#isTarget(this.#icr[1] >>> 24, logical))
    if (toSelf) this.#receive(mode, vector, false)
  }

  #read(offset: number): number {
    if (offset >= ISR && offset < ESR) {
      const set = offset < TMR ? this.#isr : offset < IRR ? this.#tmr : this.#irr
      return set.words[(offset >> 4) & 7]!
    }
    if (offset >= LVT_TIMER && offset <= LVT_ERROR) return this.#lvt[(offset - LVT_TIMER) >> 4]!
    switch (offset) {
      case ID:
        return this.#id
      case VERSION:
        return VERSION_VALUE
      case TPR:
        return this.#tpr
      case PPR:
        return this.#processorPriority()
      case APR:
      case RRD:
      case EOI:
        return 0
      case LDR:
        return this.#ldr
      case DFR:
        return this.#dfr
      case SVR:
        return this.#svr
      case ESR:
        return this.#esr
      case ICR_LOW:
        return this.#icr[0]
      case ICR_HIGH:
        return this.#icr[1]
      case INITIAL_COUNT:
        return this.#timer.state.initial
      case CURRENT_COUNT:
        return this.#timer.current()
      case DIVIDE:
        return this.#timer.state.divide
      default:
        this.#unknown(offset)
        return 0
    }
  }

  #write(offset: number, value: number): void {
    if (offset >= LVT_TIMER && offset <= LVT_ERROR) {
      this.#writeLvt((offset - LVT_TIMER) >> 4, value)
      return
    }
    switch (offset) {
      case ID:
        this.#id = (value & 0xff00_0000) >>> 0
        break
      case TPR:
        this.#tpr = value & 0xff
        break
      case EOI:
        this.#endOfInterrupt()
        break
      case LDR:
        this.#ldr = (value & 0xff00_0000) >>> 0
        break
      case DFR:
        this.#dfr = (value | 0x0fff_ffff) >>> 0
        break
      case SVR:
        this.#writeSvr(value)
        break
      case ESR:
        // A write shows what has been collected since the last one (10.5.3).
        this.#esr = this.#esrShadow
        this.#esrShadow = 0
        break
      case ICR_LOW:
        this.#icr[0] = value & 0x000c_cfff
        this.#sendInterrupt(value)
        break
      case ICR_HIGH:
        this.#icr[1] = (value & 0xff00_0000) >>> 0
        break
      case INITIAL_COUNT:
        this.#timer.start(value)
        break
      case DIVIDE:
        this.#timer.setDivide(value)
        break
      case VERSION:
      case APR:
      case PPR:
      case RRD:
      case CURRENT_COUNT:
        break
      default:
        if (offset < ISR || offset >= ESR) this.#unknown(offset)
    }
  }

  #writeSvr(value: number): void {
    this.#svr = value & 0x1ff
    // Software disable sets every mask and holds it (10.4.7.2).
    if (!this.#softwareEnabled()) {
      for (let index = 0; index < LVT_COUNT; index++) this.#writeLvt(index, this.#lvt[index]!)
    }
  }

  #writeLvt(index: number, value: number): void {
    let entry = (value & LVT_WRITABLE[index]!) | (this.#lvt[index]! & LVT_REMOTE_IRR)
    if (!this.#softwareEnabled()) entry |= LVT_MASKED
    if (!(entry & LVT_LEVEL)) entry &= ~LVT_REMOTE_IRR
    this.#lvt[index] = entry
    if (index === 0) {
      const mode = (entry >> TIMER_MODE_SHIFT) & 3
      if (mode > 1)
        this.#options.reporter.report(
          'apic timer mode',
          'TSC-deadline mode is not offered by CPUID; the timer stays off',
        )
      this.#timer.configure(mode === 1, mode < 2 && !(entry & LVT_MASKED))
    } else if (index === LINT0 || index === LINT1) {
      this.#serviceLint(index === LINT0 ? 0 : 1, false)
    }
  }

  #unknown(offset: number): void {
    this.#error(ESR_ILLEGAL_REGISTER)
    this.#options.reporter.report(`apic ${hex(offset)}`, `the local APIC has no register at ${hex(offset)}`)
  }
}

function modeOf(entry: number): number {
  return (entry >> 8) & 7
}
