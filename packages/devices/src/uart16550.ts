/**
 * 16550A asynchronous receiver/transmitter with FIFOs (TI PC16550D data sheet, SNLS378, section 8 "Registers").
 *
 * Transmission takes no time: the holding register is empty again at once, and the THRE interrupt is raised each
 * time it becomes so. Reception is paced: one character per character time of the programmed divisor, in virtual
 * time, and only while the FIFO has room, so nothing is ever lost between the far end and the guest.
 */
import type { Clock, ConsolePort, IoBus, IoHandler, Line, SavedTimer, Snapshotable, Timer } from '@paragraft/core/ports'

/** Register offsets; DLL and DLM replace RBR/THR and IER while LCR.DLAB is set. */
const RBR_THR_DLL = 0
const IER_DLM = 1
const IIR_FCR = 2
const LCR = 3
const MCR = 4
const LSR = 5
const MSR = 6
const SCR = 7

const IER_RDA = 0x01
const IER_THRE = 0x02
const IER_RLS = 0x04
const IER_MS = 0x08

/** IIR values in priority order (table III). */
const IIR_NONE = 0x01
const IIR_RLS = 0x06
const IIR_RDA = 0x04
const IIR_TIMEOUT = 0x0c
const IIR_THRE = 0x02
const IIR_MS = 0x00
const IIR_FIFOS = 0xc0

const FCR_ENABLE = 0x01
const FCR_CLEAR_RX = 0x02
const LCR_DLAB = 0x80
const LCR_BREAK = 0x40

const MCR_DTR = 0x01
const MCR_RTS = 0x02
const MCR_OUT1 = 0x04
const MCR_OUT2 = 0x08
const MCR_LOOP = 0x10

const LSR_DR = 0x01
const LSR_OE = 0x02
const LSR_ERRORS = 0x1e
const LSR_BI = 0x10
const LSR_THRE = 0x20
const LSR_TEMT = 0x40

const MSR_DCTS = 0x01
const MSR_DDSR = 0x02
const MSR_TERI = 0x04
const MSR_DDCD = 0x08
const MSR_CTS = 0x10
const MSR_DSR = 0x20
const MSR_RI = 0x40
const MSR_DCD = 0x80
/** A far end that is always there: CTS, DSR and DCD held. */
const MSR_CONNECTED = MSR_CTS | MSR_DSR | MSR_DCD

const FIFO_SIZE = 16
const TRIGGER_LEVELS = [1, 4, 8, 14] as const
/** Divisor 1 is 115,200 baud: one bit lasts 16 cycles of the 1.8432 MHz crystal, 8,680.56 ns. */
const BIT_NS = (16 * 1e9) / 1_843_200

export interface Uart16550Options {
  bus: IoBus
  /** First of eight ports: 0x3F8 for COM1. */
  base: number
  irq: Line
  console: ConsolePort
  clock: Clock
  name: string
}

/** Registers as a snapshot keeps them. */
export interface Uart16550State {
  ier: number
  lcr: number
  mcr: number
  lsr: number
  msr: number
  scr: number
  divisor: number
  fcr: number
  fifo: number[]
  thre: boolean
  timeout: boolean
  /** Character on its way in, -1 when the line is idle, and when it will have arrived. */
  shift: number
  arrival: SavedTimer | null
  timeoutTimer: SavedTimer | null
}

export class Uart16550 implements IoHandler, Snapshotable<Uart16550State> {
  readonly ioWidth = 1
  /** Called when `ready()` turns true: who holds back input may let it go. */
  onReady: (() => void) | null = null

  readonly #irq: Line
  readonly #console: ConsolePort
  readonly #clock: Clock
  readonly #base: number
  readonly #out = new Uint8Array(1)
  /** Level of the interrupt pin. */
  #pin = false

  #ier = 0
  #fcr = 0
  #lcr = 0
  #mcr = 0
  #errors = 0
  #msr = MSR_CONNECTED
  #scr = 0
  #divisor = 12
  #fifo: number[] = []
  /** THRE interrupt pending: set when the holding register empties, cleared by reading IIR or writing THR. */
  #thre = false
  #timeout = false
  /** Character on its way in, -1 when the line is idle. */
  #shift = -1
  #arrival: Timer | null = null
  #timeoutTimer: Timer | null = null

  constructor(options: Uart16550Options) {
    this.#irq = options.irq
    this.#console = options.console
    this.#clock = options.clock
    this.#base = options.base
    options.console.onInput = () => this.#pump()
    options.bus.claim(options.base, 8, this, options.name)
  }

  /** True when the guest has shown that it listens: receive interrupts enabled, or DTR raised. */
  ready(): boolean {
    return (this.#ier & IER_RDA) !== 0 || ((this.#mcr & MCR_DTR) !== 0 && (this.#mcr & MCR_LOOP) === 0)
  }

  ioRead(port: number): number {
    switch (port - this.#base) {
      case RBR_THR_DLL:
        return this.#lcr & LCR_DLAB ? this.#divisor & 0xff : this.#readReceiver()
      case IER_DLM:
        return this.#lcr & LCR_DLAB ? this.#divisor >> 8 : this.#ier
      case IIR_FCR:
        return this.#readIir()
      case LCR:
        return this.#lcr
      case MCR:
        return this.#mcr
      case LSR:
        return this.#readLsr()
      case MSR: {
        const value = this.#msr
        this.#msr &= 0xf0
        this.#update()
        return value
      }
      default:
        return this.#scr
    }
  }

  ioWrite(port: number, _size: number, value: number): void {
    switch (port - this.#base) {
      case RBR_THR_DLL:
        if (this.#lcr & LCR_DLAB) this.#divisor = (this.#divisor & 0xff00) | value
        else this.#transmit(value)
        break
      case IER_DLM:
        if (this.#lcr & LCR_DLAB) this.#divisor = (this.#divisor & 0x00ff) | (value << 8)
        else this.#writeIer(value)
        break
      case IIR_FCR:
        this.#writeFcr(value)
        break
      case LCR: {
        const breakBegins = value & ~this.#lcr & LCR_BREAK
        this.#lcr = value
        if (breakBegins && this.#mcr & MCR_LOOP) this.#receive(0, LSR_BI)
        break
      }
      case MCR:
        this.#writeMcr(value)
        break
      case SCR:
        this.#scr = value
        break
      default:
      // LSR and MSR are read-only in operation (factory test writes them).
    }
  }

  save(): Uart16550State {
    return {
      ier: this.#ier,
      lcr: this.#lcr,
      mcr: this.#mcr,
      lsr: this.#errors,
      msr: this.#msr,
      scr: this.#scr,
      divisor: this.#divisor,
      fcr: this.#fcr,
      fifo: [...this.#fifo],
      thre: this.#thre,
      timeout: this.#timeout,
      shift: this.#shift,
      arrival: this.#arrival?.save() ?? null,
      timeoutTimer: this.#timeoutTimer?.save() ?? null,
    }
  }

  restore(state: Uart16550State): void {
    this.#stopTimers()
    this.#ier = state.ier
    this.#lcr = state.lcr
    this.#mcr = state.mcr
    this.#errors = state.lsr
    this.#msr = state.msr
    this.#scr = state.scr
    this.#divisor = state.divisor
    this.#fcr = state.fcr
    this.#fifo = [...state.fifo]
    this.#thre = state.thre
    this.#timeout = state.timeout
    this.#shift = state.shift
    if (state.arrival !== null) this.#arrival = this.#clock.resume(state.arrival, () => this.#arrive())
    if (state.timeoutTimer !== null) {
      this.#timeoutTimer = this.#clock.resume(state.timeoutTimer, () => this.#timedOut())
    }
    this.#update()
  }

  /** 9600 baud, 8 data bits, no parity: what a PC's power-on self test leaves. */
  initialiseAsFirmware(): void {
    this.#divisor = 12
    this.#lcr = 0x03
  }

  /** Master reset pin: registers as table II gives them; the divisor, scratch and characters in flight are kept back. */
  reset(): void {
    this.#stopTimers()
    this.#ier = this.#fcr = this.#lcr = this.#mcr = this.#errors = 0
    this.#msr = MSR_CONNECTED
    this.#fifo = []
    this.#thre = this.#timeout = false
    this.#update()
  }

  #writeIer(value: number): void {
    const wasReady = this.ready()
    const raised = value & ~this.#ier
    this.#ier = value & 0x0f
    // Enabling the interrupt while the register is empty, and here it always is, requests one.
    if (raised & IER_THRE) this.#thre = true
    this.#update()
    this.#becameReady(wasReady)
  }

  #writeFcr(value: number): void {
    const toggled = (value ^ this.#fcr) & FCR_ENABLE
    if (toggled || value & FCR_CLEAR_RX) {
      this.#fifo = []
      this.#timeout = false
      this.#armTimeout()
    }
    // Bits 1 and 2 clear themselves; the others stick only together with the enable bit.
    this.#fcr = value & FCR_ENABLE ? value & 0xc9 : 0
    this.#update()
    this.#pump()
  }

  #writeMcr(value: number): void {
    const wasReady = this.ready()
    this.#mcr = value & 0x1f
    const inputs = this.#mcr & MCR_LOOP ? this.#loopedInputs() : MSR_CONNECTED
    const changed = (inputs ^ this.#msr) & 0xf0
    let deltas = this.#msr & 0x0f
    if (changed & MSR_CTS) deltas |= MSR_DCTS
    if (changed & MSR_DSR) deltas |= MSR_DDSR
    if (changed & MSR_RI && !(inputs & MSR_RI)) deltas |= MSR_TERI
    if (changed & MSR_DCD) deltas |= MSR_DDCD
    this.#msr = inputs | deltas
    this.#update()
    this.#becameReady(wasReady)
  }

  /** Loopback ties RTS to CTS, DTR to DSR, OUT1 to RI and OUT2 to DCD (section 8.6.7). */
  #loopedInputs(): number {
    const mcr = this.#mcr
    return (
      (mcr & MCR_RTS ? MSR_CTS : 0) |
      (mcr & MCR_DTR ? MSR_DSR : 0) |
      (mcr & MCR_OUT1 ? MSR_RI : 0) |
      (mcr & MCR_OUT2 ? MSR_DCD : 0)
    )
  }

  #becameReady(wasReady: boolean): void {
    if (wasReady || !this.ready()) return
    this.onReady?.()
    this.#pump()
  }

  #transmit(value: number): void {
    if (this.#mcr & MCR_LOOP) {
      this.#receive(value, 0)
    } else {
      this.#out[0] = value & this.#wordMask()
      this.#console.write(this.#out)
    }
    this.#thre = true
    this.#update()
  }

  #wordMask(): number {
    return (1 << (5 + (this.#lcr & 3))) - 1
  }

  #readReceiver(): number {
    const value = this.#fifo.shift() ?? 0
    this.#timeout = false
    this.#armTimeout()
    this.#update()
    this.#pump()
    return value
  }

  #readLsr(): number {
    this.#pump()
    const value = (this.#fifo.length > 0 ? LSR_DR : 0) | this.#errors | LSR_THRE | LSR_TEMT
    this.#errors = 0
    this.#update()
    return value
  }

  #readIir(): number {
    const id = this.#interruptId()
    if (id === IIR_THRE) {
      this.#thre = false
      this.#update()
    }
    return id | (this.#fcr & FCR_ENABLE ? IIR_FIFOS : 0)
  }

  #interruptId(): number {
    const ier = this.#ier
    if (ier & IER_RLS && this.#errors & LSR_ERRORS) return IIR_RLS
    if (ier & IER_RDA) {
      const level = this.#fcr & FCR_ENABLE ? TRIGGER_LEVELS[(this.#fcr >> 6) as 0 | 1 | 2 | 3] : 1
      if (this.#fifo.length >= level) return IIR_RDA
      if (this.#timeout) return IIR_TIMEOUT
    }
    if (ier & IER_THRE && this.#thre) return IIR_THRE
    if (ier & IER_MS && this.#msr & 0x0f) return IIR_MS
    return IIR_NONE
  }

  /** The PC gates the interrupt pin with OUT2, which loopback forces inactive (section 8.6.7, PC/AT wiring). */
  #update(): void {
    const gate = (this.#mcr & (MCR_OUT2 | MCR_LOOP)) === MCR_OUT2
    const pin = gate && this.#interruptId() !== IIR_NONE
    if (pin === this.#pin) return
    this.#pin = pin
    this.#irq.set(pin)
  }

  /** Puts a received character in the FIFO (or the one holding register when FIFOs are off). */
  #receive(value: number, errors: number): void {
    const room = this.#fcr & FCR_ENABLE ? FIFO_SIZE : 1
    this.#errors |= errors
    if (this.#fifo.length >= room) {
      this.#errors |= LSR_OE
      // Without FIFOs the new character destroys the old; with them it is itself lost (section 8.6.4, bit 1).
      if (room === 1) this.#fifo[0] = value & this.#wordMask()
    } else {
      this.#fifo.push(value & this.#wordMask())
    }
    this.#armTimeout()
    this.#update()
  }

  /** One character time: start bit, data bits, parity, stop bits. */
  #characterNs(): number {
    const bits = 1 + 5 + (this.#lcr & 3) + (this.#lcr & 0x08 ? 1 : 0) + (this.#lcr & 0x04 ? 2 : 1)
    return Math.max(1, Math.round(bits * BIT_NS * Math.max(1, this.#divisor)))
  }

  /** Starts the reception of the next waiting character, when there is one and room for it. */
  #pump(): void {
    if (this.#arrival || this.#mcr & MCR_LOOP) return
    const room = this.#fcr & FCR_ENABLE ? FIFO_SIZE : 1
    if (this.#fifo.length >= room) return
    if (this.#shift < 0) this.#shift = this.#console.read()
    if (this.#shift < 0) return
    this.#arrival = this.#clock.schedule(this.#clock.now() + this.#characterNs(), () => this.#arrive())
  }

  #arrive(): void {
    this.#arrival = null
    // Loopback cuts the line off while it lasts; the character waits rather than being lost.
    if (this.#mcr & MCR_LOOP) return
    const value = this.#shift
    this.#shift = -1
    this.#receive(value, 0)
    this.#pump()
  }

  /** Four character times without traffic, with characters below the trigger level, request an interrupt (8.7.1 D). */
  #armTimeout(): void {
    this.#timeoutTimer?.cancel()
    this.#timeoutTimer = null
    if (this.#fifo.length === 0 || !(this.#fcr & FCR_ENABLE)) return
    this.#timeoutTimer = this.#clock.schedule(this.#clock.now() + 4 * this.#characterNs(), () => this.#timedOut())
  }

  #timedOut(): void {
    this.#timeoutTimer = null
    this.#timeout = true
    this.#update()
  }

  #stopTimers(): void {
    this.#arrival?.cancel()
    this.#timeoutTimer?.cancel()
    this.#arrival = this.#timeoutTimer = null
  }
}
