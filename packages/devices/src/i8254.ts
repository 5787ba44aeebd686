/**
 * 8254 programmable interval timer with the PC's wiring (Intel 8254 data sheet, order 231164; IBM PC AT technical
 * reference for port 61h): counter 0 makes IRQ 0, counter 1 refresh, counter 2 the speaker, gated by port 61h.
 * Driven by virtual time at 1,193,182 Hz; only the rises of OUT 0 are events.
 */
import type { Clock, IoBus, IoHandler, Line, SavedTimer, Snapshotable, Timer } from '@paragraft/core/ports'
import { I8254Channel, type I8254ChannelState } from './i8254-channel.ts'
import { Oscillator } from './ticks.ts'

/** Input clock of a PC's timer in hertz: 14.31818 MHz / 12. */
export const PIT_HZ = 1_193_182

const CONTROL = 0x43
const PORT_B = 0x61
const READ_BACK = 3
const PORT_B_GATE2 = 0x01
const PORT_B_REFRESH = 0x10
const PORT_B_OUT2 = 0x20
/** Refresh requests come every 18 ticks (15 µs); port 61h bit 4 toggles with each. */
const REFRESH_TICKS = 18

export interface I8254Options {
  bus: IoBus
  clock: Clock
  /** OUT of counter 0. */
  irq: Line
}

/** What a snapshot keeps. */
export interface I8254State {
  channels: I8254ChannelState[]
  portB: number
  /** Level of the request line: OUT 0 as it was last shown. */
  irq: boolean
  /** The next rise of OUT 0: its tick, and when it is looked at. */
  rise: { tick: number; timer: SavedTimer } | null
}

export class I8254 implements IoHandler, Snapshotable<I8254State> {
  readonly ioWidth = 1
  readonly channels = [new I8254Channel(true), new I8254Channel(true), new I8254Channel(false)] as const
  readonly #clock: Clock
  readonly #irq: Line
  readonly #oscillator = new Oscillator(PIT_HZ)
  #timer: Timer | null = null
  /** Tick that `#timer` waits for. */
  #riseTick = 0
  #irqLevel = false
  #portB = 0

  constructor(options: I8254Options) {
    this.#clock = options.clock
    this.#irq = options.irq
    options.bus.claim(0x40, 4, this, 'i8254')
    options.bus.claim(PORT_B, 1, this, 'system control port B')
  }

  ioRead(port: number): number {
    const tick = this.#tick()
    if (port === PORT_B) {
      const refresh = Math.floor(tick / REFRESH_TICKS) & 1 ? PORT_B_REFRESH : 0
      return this.#portB | refresh | (this.channels[2].output(tick) ? PORT_B_OUT2 : 0)
    }
    // The control register cannot be read: the bus floats.
    if (port === CONTROL) return 0xff
    return this.channels[(port & 3) as 0 | 1 | 2].read(tick)
  }

  ioWrite(port: number, _size: number, value: number): void {
    const tick = this.#tick()
    if (port === PORT_B) {
      this.#portB = value & 0x0f
      this.channels[2].setGate((value & PORT_B_GATE2) !== 0, tick)
      return
    }
    if (port === CONTROL) {
      const select = value >> 6
      if (select === READ_BACK) {
        this.#readBack(value, tick)
        return
      }
      this.channels[select as 0 | 1 | 2].control(value & 0x3f, tick)
      // A latch command changes nothing that runs.
      if (select !== 0 || (value & 0x30) === 0) return
    } else {
      this.channels[(port & 3) as 0 | 1 | 2].write(value, tick)
      if (port & 3) return
    }
    this.#setIrq(this.channels[0].output(tick))
    this.#arm(tick)
  }

  /** Counter 0 at 18.2 Hz in mode 3 and refresh on counter 1, as a PC's firmware leaves them. */
  initialiseAsFirmware(): void {
    for (const [port, value] of [
      [0x43, 0x36],
      [0x40, 0],
      [0x40, 0],
      [0x43, 0x54],
      [0x41, REFRESH_TICKS],
    ] as const) {
      this.ioWrite(port, 1, value)
    }
  }

  reset(): void {
    const tick = this.#tick()
    for (const [index, channel] of this.channels.entries()) channel.state = new I8254Channel(index < 2).state
    this.#portB = 0
    this.#setIrq(false)
    this.#arm(tick)
  }

  save(): I8254State {
    return {
      channels: this.channels.map(channel => ({ ...channel.state })),
      portB: this.#portB,
      irq: this.#irqLevel,
      rise: this.#timer === null ? null : { tick: this.#riseTick, timer: this.#timer.save() },
    }
  }

  restore(state: I8254State): void {
    for (const [index, channel] of this.channels.entries()) channel.state = { ...state.channels[index]! }
    this.#portB = state.portB
    this.#setIrq(state.irq)
    this.#timer?.cancel()
    this.#timer = null
    const { rise } = state
    if (rise !== null) this.#await(rise.tick, then => this.#clock.resume(rise.timer, then))
  }

  #readBack(command: number, tick: number): void {
    for (const [index, channel] of this.channels.entries()) {
      if (!(command & (2 << index))) continue
      if (!(command & 0x20)) channel.latchCount(tick)
      if (!(command & 0x10)) channel.latchStatus(tick)
    }
  }

  #tick(): number {
    return this.#oscillator.ticksAt(this.#clock.now())
  }

  #setIrq(level: boolean): void {
    this.#irqLevel = level
    this.#irq.set(level)
  }

  #arm(tick: number): void {
    this.#timer?.cancel()
    this.#timer = null
    const rise = this.channels[0].nextRise(tick)
    if (rise === Infinity) return
    this.#await(rise, then => this.#clock.schedule(this.#oscillator.timeOf(rise), then))
  }

  #await(tick: number, schedule: (then: () => void) => Timer): void {
    this.#riseTick = tick
    this.#timer = schedule(() => this.#rise(tick))
  }

  /** OUT 0 rises. Its fall, up to half a period ago, is only shown now: the request is an edge. */
  #rise(tick: number): void {
    this.#timer = null
    if (this.channels[0].output(tick)) {
      this.#setIrq(false)
      this.#setIrq(true)
    }
    this.#arm(tick)
  }
}
