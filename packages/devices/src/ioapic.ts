/**
 * I/O APIC, 24 pins (Intel 82093AA data sheet, order 290566): an index and a window, one redirection entry for each
 * pin, messages to the local APICs. Wires carry "asserted", so the polarity bit is kept and shown but changes nothing:
 * the board's inverters are on the other side of it.
 */
import type { Line, MmioBus, MmioHandler, Reporter, Snapshotable } from '@paragraft/core/ports'
import { hex } from './hex.ts'
import { type ApicBus, DELIVERY_EXTINT } from './interrupt-controller.ts'

export const IOAPIC_DEFAULT_BASE = 0xfec0_0000
export const IOAPIC_PINS = 24

const IOREGSEL = 0x00
const IOWIN = 0x10
const REG_ID = 0x00
const REG_VERSION = 0x01
const REG_ARBITRATION = 0x02
const REG_REDIRECTION = 0x10
/** Version 11h, highest entry 23. */
const VERSION_VALUE = 0x0017_0011

const ENTRY_MASKED = 0x1_0000
const ENTRY_LEVEL = 0x8000
const ENTRY_REMOTE_IRR = 0x4000
const ENTRY_LOGICAL = 0x800
/** Delivery status (12) and remote IRR (14) are read-only. */
const ENTRY_WRITABLE = 0x1_afff

export interface IoApicOptions {
  mmioBus: MmioBus
  apicBus: ApicBus
  reporter: Reporter
  /** Default 0xFEC00000. */
  base?: number
  /** APIC ID, default 1. */
  id?: number
}

export interface IoApicState {
  id: number
  select: number
  low: number[]
  high: number[]
  lines: boolean[]
}

export class IoApic implements MmioHandler, Snapshotable<IoApicState> {
  /** Inputs 0–23. */
  readonly lines: readonly Line[]
  readonly #apicBus: ApicBus
  readonly #reporter: Reporter
  readonly #defaultId: number
  readonly #low = new Uint32Array(IOAPIC_PINS).fill(ENTRY_MASKED)
  readonly #high = new Uint32Array(IOAPIC_PINS)
  readonly #level: boolean[] = new Array<boolean>(IOAPIC_PINS).fill(false)
  #id: number
  #select = 0

  constructor(options: IoApicOptions) {
    this.#apicBus = options.apicBus
    this.#reporter = options.reporter
    this.#defaultId = ((options.id ?? 1) & 15) << 24
    this.#id = this.#defaultId
    this.lines = this.#level.map((_, pin) => ({ set: (level: boolean) => this.#setPin(pin, level) }))
    options.mmioBus.claim(options.base ?? IOAPIC_DEFAULT_BASE, 0x1000, this, 'ioapic')
  }

  /** EOI message of a local APIC: entries with this vector may ask again. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < IOAPIC_PINS; pin++) {
      const entry = this.#low[pin]!
      if ((entry & 0xff) !== vector || !(entry & ENTRY_REMOTE_IRR)) continue
      this.#low[pin] = entry & ~ENTRY_REMOTE_IRR
      this.#service(pin, false)
    }
  }

  mmioRead(offset: number, size: number): number {
    const value = (offset & 0xff0) === IOREGSEL ? this.#select : (offset & 0xff0) === IOWIN ? this.#readRegister() : 0
    const byte = offset & 15
    if (byte > 3) return 0
    return size === 4 && byte === 0 ? value : (value >>> (8 * byte)) & (size === 1 ? 0xff : 0xffff)
  }

  mmioWrite(offset: number, size: number, value: number): void {
    if (offset === IOREGSEL) this.#select = value & 0xff
    else if (offset === IOWIN && size === 4) this.#writeRegister(value >>> 0)
    else
      this.#reporter.report(
        `ioapic ${hex(offset)}/${size}`,
        `a ${size}-byte write at ${hex(offset)} of the I/O APIC is ignored`,
      )
  }

  reset(): void {
    this.#id = this.#defaultId
    this.#select = 0
    this.#low.fill(ENTRY_MASKED)
    this.#high.fill(0)
  }

  save(): IoApicState {
    return {
      id: this.#id,
      select: this.#select,
      low: [...this.#low],
      high: [...this.#high],
      lines: [...this.#level],
    }
  }

  restore(state: IoApicState): void {
    this.#id = state.id
    this.#select = state.select
    this.#low.set(state.low)
    this.#high.set(state.high)
    for (let pin = 0; pin < IOAPIC_PINS; pin++) this.#level[pin] = state.lines[pin] ?? false
  }

  #setPin(pin: number, level: boolean): void {
    if (this.#level[pin] === level) return
    this.#level[pin] = level
    if (level) this.#service(pin, true)
  }

  /** Sends the pin's message if it is due: an edge just now, or a level that has no answer yet. */
  #service(pin: number, edge: boolean): void {
    const entry = this.#low[pin]!
    // An edge on a masked pin is ignored, not kept (data sheet 3.2.4, bit 16).
    if (entry & ENTRY_MASKED) return
    const level = (entry & ENTRY_LEVEL) !== 0
    if (level) {
      if (!this.#level[pin] || entry & ENTRY_REMOTE_IRR) return
      this.#low[pin] = entry | ENTRY_REMOTE_IRR
    } else if (!edge) return
    const mode = (entry >> 8) & 7
    if (mode === DELIVERY_EXTINT) {
      this.#reporter.report(
        `ioapic extint ${pin}`,
        `I/O APIC pin ${pin} asks for ExtINT, but the 8259 is wired to LINT0 only`,
      )
      return
    }
    this.#apicBus.deliver({
      mode,
      vector: entry & 0xff,
      level,
      destination: this.#high[pin]! >>> 24,
      logical: (entry & ENTRY_LOGICAL) !== 0,
    })
  }

  #readRegister(): number {
    const register = this.#select
    if (register === REG_ID) return this.#id
    if (register === REG_VERSION) return VERSION_VALUE
    if (register === REG_ARBITRATION) return this.#id
    const pin = (register - REG_REDIRECTION) >> 1
    if (pin < 0 || pin >= IOAPIC_PINS) return this.#unknown(register)
    return register & 1 ? this.#high[pin]! : this.#low[pin]!
  }

  #writeRegister(value: number): void {
    const register = this.#select
    if (register === REG_ID) {
      this.#id = value & 0x0f00_0000
      return
    }
    if (register === REG_VERSION || register === REG_ARBITRATION) return
    const pin = (register - REG_REDIRECTION) >> 1
    if (pin < 0 || pin >= IOAPIC_PINS) {
      this.#unknown(register)
      return
    }
    if (register & 1) {
      this.#high[pin] = value & 0xff00_0000
      return
    }
    let entry = (value & ENTRY_WRITABLE) | (this.#low[pin]! & ENTRY_REMOTE_IRR)
    // Remote IRR has no meaning for edges; drivers of this version switch modes to clear it.
    if (!(entry & ENTRY_LEVEL)) entry &= ~ENTRY_REMOTE_IRR
    this.#low[pin] = entry
    this.#service(pin, false)
  }

  #unknown(register: number): number {
    this.#reporter.report(`ioapic register ${hex(register)}`, `the I/O APIC has no register ${hex(register)}`)
    return 0
  }
}
