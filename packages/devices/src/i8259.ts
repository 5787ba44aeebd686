/**
 * Two cascaded 8259A programmable interrupt controllers as a PC wires them (Intel 8259A data sheet, order 231468):
 * master at 0x20/0x21, slave at 0xA0/0xA1 on the master's IR2, edge/level control registers at 0x4D0/0x4D1
 * (Intel 82371AB PIIX4 data sheet, 4.2.3.6).
 */
import type { IoBus, IoHandler, Line, Snapshotable } from '@paragraft/core/ports'

const ICW1 = 0x10
const ICW1_IC4 = 0x01
const ICW1_SNGL = 0x02
const ICW1_LTIM = 0x08
const ICW4_AEOI = 0x02
const ICW4_SFNM = 0x10
const OCW3 = 0x08
const OCW3_RIS = 0x01
const OCW3_RR = 0x02
const OCW3_P = 0x04
const OCW3_SMM = 0x20
const OCW3_ESMM = 0x40

/** ELCR bits that can be set: IRQ 0, 1, 2, 8 and 13 are edge only (PIIX4 4.2.3.6). */
const ELCR_MASKS = [0xf8, 0xde] as const

/** Everything one controller remembers. */
export interface I8259State {
  irr: number
  isr: number
  imr: number
  lines: number
  elcr: number
  vector: number
  /** Level with the lowest priority; 7 after initialisation, moved by rotation. */
  lowest: number
  icw1: number
  icw4: number
  /** 0 in operation, else the ICW expected next (2, 3 or 4). */
  initialising: number
  readIsr: boolean
  poll: boolean
  specialMask: boolean
  rotateOnAeoi: boolean
}

function afterReset(): I8259State {
  return {
    irr: 0,
    isr: 0,
    imr: 0,
    lines: 0,
    elcr: 0,
    vector: 0,
    lowest: 7,
    icw1: 0,
    icw4: 0,
    initialising: 0,
    readIsr: false,
    poll: false,
    specialMask: false,
    rotateOnAeoi: false,
  }
}

/** One chip. `onOutput` is its INT pin. */
class I8259 {
  state = afterReset()
  readonly #master: boolean
  readonly #onOutput: (level: boolean) => void
  #output = false

  constructor(master: boolean, onOutput: (level: boolean) => void) {
    this.#master = master
    this.#onOutput = onOutput
  }

  setLine(level: number, high: boolean): void {
    const s = this.state
    const bit = 1 << level
    const was = (s.lines & bit) !== 0
    if (was === high) return
    if (high) {
      s.lines |= bit
      s.irr |= bit
    } else {
      s.lines &= ~bit
      // A request that goes away before INTA is gone, in both trigger modes (data sheet, "Edge and level triggered modes").
      s.irr &= ~bit
    }
    this.update()
  }

  /** Level to be served next, or -1: the highest request that is above everything in service. */
  next(): number {
    const s = this.state
    if (s.initialising) return -1
    const requests = s.irr & ~s.imr
    if (requests === 0) return -1
    let blocking = s.specialMask ? s.isr & ~s.imr : s.isr
    // Special fully nested: a slave in service does not shut out its own higher levels.
    if (this.#master && s.icw4 & ICW4_SFNM) blocking &= ~(1 << 2)
    for (let i = 1; i <= 8; i++) {
      const level = (s.lowest + i) & 7
      if (blocking & (1 << level)) return -1
      if (requests & (1 << level)) return level
    }
    return -1
  }

  update(): void {
    this.#drive(this.next() >= 0)
  }

  /** That nothing is asked for is said once. */
  #drive(level: boolean): void {
    if (!level && !this.#output) return
    this.#output = level
    this.#onOutput(level)
  }

  /** Marks `level` as being served: what both INTA and a poll do. */
  serve(level: number): void {
    const s = this.state
    const bit = 1 << level
    if (!(this.#levelTriggered() & bit && s.lines & bit)) s.irr &= ~bit
    if (s.icw4 & ICW4_AEOI) {
      if (s.rotateOnAeoi) s.lowest = level
    } else {
      s.isr |= bit
    }
    // INT drops during INTA; with more to serve it rises again, which a cascade needs as an edge.
    this.#drive(false)
    this.update()
  }

  #levelTriggered(): number {
    return this.state.icw1 & ICW1_LTIM ? 0xff : this.state.elcr
  }

  writeElcr(value: number): void {
    const s = this.state
    s.elcr = value & ELCR_MASKS[this.#master ? 0 : 1]
    s.irr |= s.lines & s.elcr
    this.update()
  }

  write(a0: number, value: number): void {
    const s = this.state
    if (a0 === 0) {
      if (value & ICW1) this.#writeIcw1(value)
      else if (value & OCW3) this.#writeOcw3(value)
      else this.#writeOcw2(value)
    } else if (s.initialising === 2) {
      s.vector = value & 0xf8
      s.initialising = s.icw1 & ICW1_SNGL ? (s.icw1 & ICW1_IC4 ? 4 : 0) : 3
    } else if (s.initialising === 3) {
      // The cascade is wired: IR2. What ICW3 says has no effect on a PC.
      s.initialising = s.icw1 & ICW1_IC4 ? 4 : 0
    } else if (s.initialising === 4) {
      s.icw4 = value
      s.initialising = 0
    } else {
      s.imr = value
    }
    this.update()
  }

  read(a0: number): number {
    const s = this.state
    if (s.poll) {
      s.poll = false
      const level = this.next()
      if (level < 0) return 0
      this.serve(level)
      return 0x80 | level
    }
    if (a0 === 1) return s.imr
    return s.readIsr ? s.isr : s.irr
  }

  #writeIcw1(value: number): void {
    const s = this.state
    const { lines, elcr } = s
    this.state = afterReset()
    this.state.lines = lines
    this.state.elcr = elcr
    this.state.icw1 = value
    this.state.initialising = 2
    // Edge inputs need a new edge after this; level inputs still ask.
    this.state.irr = lines & this.#levelTriggered()
  }

  #writeOcw3(value: number): void {
    const s = this.state
    if (value & OCW3_P) s.poll = true
    if (value & OCW3_RR) s.readIsr = (value & OCW3_RIS) !== 0
    if (value & OCW3_ESMM) s.specialMask = (value & OCW3_SMM) !== 0
  }

  #writeOcw2(value: number): void {
    const s = this.state
    const level = value & 7
    switch (value >> 5) {
      case 0: // clear rotate in automatic EOI
        s.rotateOnAeoi = false
        break
      case 4:
        s.rotateOnAeoi = true
        break
      case 1: // non-specific EOI
      case 5: {
        const served = this.#highestInService()
        if (served < 0) break
        s.isr &= ~(1 << served)
        if (value >> 5 === 5) s.lowest = served
        break
      }
      case 3: // specific EOI
        s.isr &= ~(1 << level)
        break
      case 7:
        s.isr &= ~(1 << level)
        s.lowest = level
        break
      case 6: // set priority
        s.lowest = level
        break
      default: // 2: no operation
    }
  }

  #highestInService(): number {
    const s = this.state
    // A non-specific EOI does not clear a level masked in special mask mode (data sheet, "End of interrupt").
    const isr = s.specialMask ? s.isr & ~s.imr : s.isr
    for (let i = 1; i <= 8; i++) {
      const level = (s.lowest + i) & 7
      if (isr & (1 << level)) return level
    }
    return -1
  }
}

export interface I8259PairOptions {
  bus: IoBus
  /** INTR: to the processor, or to LINT0 of a local APIC. */
  intr: Line
}

export interface I8259PairState {
  master: I8259State
  slave: I8259State
}

/** Master and slave with their cascade: sixteen request lines in, INTR out. */
export class I8259Pair implements IoHandler, Snapshotable<I8259PairState> {
  readonly ioWidth = 1
  /** IRQ 0–15. IRQ 2 is the cascade and takes no driver. */
  readonly lines: readonly Line[]
  readonly #master: I8259
  readonly #slave: I8259
  #intr = false

  constructor(options: I8259PairOptions) {
    this.#master = new I8259(true, level => {
      this.#intr = level
      options.intr.set(level)
    })
    this.#slave = new I8259(false, level => this.#master.setLine(2, level))
    this.lines = Array.from({ length: 16 }, (_, irq) => ({ set: (level: boolean) => this.#setIrq(irq, level) }))
    options.bus.claim(0x20, 2, this, 'i8259 master')
    options.bus.claim(0xa0, 2, this, 'i8259 slave')
    options.bus.claim(0x4d0, 2, this, 'i8259 elcr')
  }

  /** Level of the INTR pin. */
  pending(): boolean {
    return this.#intr
  }

  /** The INTA cycles: the vector of the level served. With no request left it is the spurious IR7 of its chip. */
  acknowledge(): number {
    const level = this.#master.next()
    if (level < 0) return this.#master.state.vector | 7
    if (level !== 2) {
      this.#master.serve(level)
      return this.#master.state.vector | level
    }
    // The slave answers the second INTA; it must do so before the master looks at the cascade again.
    const inner = this.#slave.next()
    this.#master.serve(2)
    if (inner < 0) return this.#slave.state.vector | 7
    this.#slave.serve(inner)
    return this.#slave.state.vector | inner
  }

  ioRead(port: number): number {
    if (port === 0x4d0) return this.#master.state.elcr
    if (port === 0x4d1) return this.#slave.state.elcr
    return (port & 0x80 ? this.#slave : this.#master).read(port & 1)
  }

  ioWrite(port: number, _size: number, value: number): void {
    if (port === 0x4d0) this.#master.writeElcr(value)
    else if (port === 0x4d1) this.#slave.writeElcr(value)
    else (port & 0x80 ? this.#slave : this.#master).write(port & 1, value)
  }

  /**
   * Programs both chips with the vectors that a PC's firmware uses, 08h and 70h, and masks everything but the cascade:
   * a guest that is entered directly has no handlers yet.
   */
  initialiseAsFirmware(): void {
    for (const [port, vector, cascade] of [
      [0x20, 0x08, 0x04],
      [0xa0, 0x70, 0x02],
    ] as const) {
      this.ioWrite(port, 1, 0x11)
      this.ioWrite(port + 1, 1, vector)
      this.ioWrite(port + 1, 1, cascade)
      this.ioWrite(port + 1, 1, 0x01)
    }
    this.ioWrite(0x21, 1, 0xfb)
    this.ioWrite(0xa1, 1, 0xff)
  }

  reset(): void {
    for (const chip of [this.#slave, this.#master]) {
      const lines = chip.state.lines
      chip.state = afterReset()
      chip.state.lines = lines
      chip.update()
    }
  }

  save(): I8259PairState {
    return { master: { ...this.#master.state }, slave: { ...this.#slave.state } }
  }

  restore(state: I8259PairState): void {
    this.#slave.state = { ...state.slave }
    this.#slave.update()
    // The slave's INT is one of the lines that the master has kept.
    this.#master.state = { ...state.master }
    this.#master.update()
  }

  #setIrq(irq: number, level: boolean): void {
    if (irq === 2) return
    if (irq < 8) this.#master.setLine(irq, level)
    else this.#slave.setLine(irq - 8, level)
  }
}
