/**
 * MC146818 real-time clock and CMOS memory at ports 0x70/0x71 (Motorola MC146818A data sheet; IBM PC AT technical
 * reference for the bytes above 0Dh). Time is a start epoch plus virtual time; nothing runs between accesses unless
 * the guest has enabled an interrupt.
 */
import type { Clock, IoBus, IoHandler, Line, SavedTimer, Snapshotable, Timer } from '@paragraft/core/ports'
import { fromCivil, toCivil } from './calendar.ts'
import { Oscillator } from './ticks.ts'

const SECONDS = 0x00
const SECONDS_ALARM = 0x01
const MINUTES = 0x02
const MINUTES_ALARM = 0x03
const HOURS = 0x04
const HOURS_ALARM = 0x05
const WEEKDAY = 0x06
const DAY = 0x07
const MONTH = 0x08
const YEAR = 0x09
const REG_A = 0x0a
const REG_B = 0x0b
const REG_C = 0x0c
const REG_D = 0x0d
/** Century in BCD where the FADT and every BIOS since the PC AT say it is. */
export const RTC_CENTURY = 0x32

const A_UIP = 0x80
const A_DV = 0x70
const A_DV_32768 = 0x20
const B_SET = 0x80
const B_PIE = 0x40
const B_AIE = 0x20
const B_UIE = 0x10
const B_DM_BINARY = 0x04
const B_24H = 0x02
const C_IRQF = 0x80
const C_PF = 0x40
const C_AF = 0x20
const C_UF = 0x10
/** VRT: memory and time are valid. */
const D_VRT = 0x80
const HOURS_PM = 0x80
/** An alarm byte with both top bits set matches anything. */
const ALARM_ANY = 0xc0

const NS_PER_SECOND = 1_000_000_000
/** UIP rises 244 µs before an update that takes 1,984 µs; both end with the new second here (data sheet, table 3). */
const UIP_NS = 2_228_000
const CRYSTAL = new Oscillator(32_768)

export interface Mc146818Options {
  bus: IoBus
  clock: Clock
  irq: Line
  /** Time at virtual time 0, in seconds since 1970-01-01 UTC. */
  epochSeconds: number
  /** RAM in bytes, for the size bytes that firmware keeps in CMOS. */
  memorySize: number
}

/** Contents as a snapshot keeps them. */
export interface Mc146818State {
  ram: number[]
  index: number
  flags: number
  baseSeconds: number
  baseNs: number
  checkedNs: number
  timer: SavedTimer | null
}

export class Mc146818 implements IoHandler, Snapshotable<Mc146818State> {
  readonly ioWidth = 1
  /** CMOS bytes. Those of the time are current only right after `#sync`. */
  readonly #ram = new Uint8Array(128)
  readonly #clock: Clock
  readonly #irq: Line
  #index = 0
  /** PF, AF and UF of register C. */
  #flags = 0
  /** Time of day `#baseSeconds` began at virtual time `#baseNs`. */
  #baseSeconds: number
  #baseNs = 0
  /** Up to here periodic ticks, updates and alarms are in `#flags`. */
  #checkedNs = 0
  #timer: Timer | null = null

  constructor(options: Mc146818Options) {
    this.#clock = options.clock
    this.#irq = options.irq
    this.#baseSeconds = options.epochSeconds
    this.#ram[REG_A] = A_DV_32768 | 0x06
    this.#ram[REG_B] = B_24H
    this.#describeMachine(options.memorySize)
    options.bus.claim(0x70, 2, this, 'mc146818')
  }

  ioRead(port: number): number {
    // The index register is write-only.
    if ((port & 1) === 0) return 0xff
    switch (this.#index) {
      case REG_A:
        return this.#ram[REG_A]! | (this.#updating() ? A_UIP : 0)
      case REG_C: {
        this.#collect()
        const value = this.#flags | (this.#flags & this.#ram[REG_B]! & 0x70 ? C_IRQF : 0)
        this.#flags = 0
        this.#update()
        this.#arm()
        return value
      }
      case REG_D:
        return D_VRT
      default:
        if (this.#index <= YEAR || this.#index === RTC_CENTURY) this.#sync()
        return this.#ram[this.#index]!
    }
  }

  ioWrite(port: number, _size: number, value: number): void {
    if ((port & 1) === 0) {
      // Bit 7 masks NMI, which nothing on this board raises.
      this.#index = value & 0x7f
      return
    }
    switch (this.#index) {
      case REG_A:
        this.#writeA(value)
        break
      case REG_B:
        this.#writeB(value)
        break
      case REG_C:
      case REG_D:
        break
      case SECONDS_ALARM:
      case MINUTES_ALARM:
      case HOURS_ALARM:
        this.#collect()
        this.#ram[this.#index] = value
        this.#arm()
        break
      default:
        if (this.#index <= YEAR || this.#index === RTC_CENTURY) this.#writeTime(value)
        else this.#ram[this.#index] = value
    }
  }

  /** A byte of CMOS memory by its index, for whoever plays the firmware. Time bytes are not meant. */
  setNvram(index: number, value: number): void {
    this.#ram[index & 0x7f] = value
  }

  /** RESET pin: interrupt enables and flags are cleared, time and memory stay (data sheet, "RESET"). */
  reset(): void {
    this.#collect()
    this.#ram[REG_B]! &= ~(B_PIE | B_AIE | B_UIE | 0x08)
    this.#flags = 0
    this.#update()
    this.#arm()
  }

  save(): Mc146818State {
    return {
      ram: [...this.#ram],
      index: this.#index,
      flags: this.#flags,
      baseSeconds: this.#baseSeconds,
      baseNs: this.#baseNs,
      checkedNs: this.#checkedNs,
      timer: this.#timer?.save() ?? null,
    }
  }

  restore(state: Mc146818State): void {
    this.#ram.set(state.ram)
    this.#index = state.index
    this.#flags = state.flags
    this.#baseSeconds = state.baseSeconds
    this.#baseNs = state.baseNs
    this.#checkedNs = state.checkedNs
    this.#timer?.cancel()
    this.#timer = state.timer === null ? null : this.#clock.resume(state.timer, () => this.#look())
    this.#update()
  }

  /** True while time advances: not held by SET or by the divider's reset. */
  #ticking(): boolean {
    return (this.#ram[REG_B]! & B_SET) === 0 && (this.#ram[REG_A]! & A_DV) === A_DV_32768
  }

  #updating(): boolean {
    if (!this.#ticking()) return false
    const since = (this.#clock.now() - this.#baseNs) % NS_PER_SECOND
    return since >= NS_PER_SECOND - UIP_NS
  }

  #secondsAt(ns: number): number {
    return this.#baseSeconds + Math.floor((ns - this.#baseNs) / NS_PER_SECOND)
  }

  /** Writes the current time into its bytes, in the format that register B asks for. */
  #sync(): void {
    if (!this.#ticking()) return
    const time = toCivil(this.#secondsAt(this.#clock.now()))
    const ram = this.#ram
    ram[SECONDS] = this.#encode(time.seconds)
    ram[MINUTES] = this.#encode(time.minutes)
    if (ram[REG_B]! & B_24H) ram[HOURS] = this.#encode(time.hours)
    else ram[HOURS] = this.#encode(time.hours % 12 || 12) | (time.hours >= 12 ? HOURS_PM : 0)
    ram[WEEKDAY] = this.#encode(time.weekday)
    ram[DAY] = this.#encode(time.day)
    ram[MONTH] = this.#encode(time.month)
    ram[YEAR] = this.#encode(time.year % 100)
    ram[RTC_CENTURY] = toBcd(Math.floor(time.year / 100) % 100)
  }

  /** Takes the time bytes as the time of now; what they cannot mean carries over into the next field. */
  #adopt(): void {
    const ram = this.#ram
    const year = this.#decode(ram[YEAR]!) % 100
    this.#baseSeconds = fromCivil({
      year: fromBcd(ram[RTC_CENTURY]!) * 100 + year,
      month: this.#decode(ram[MONTH]!),
      day: this.#decode(ram[DAY]!),
      hours: this.#decodeHours(ram[HOURS]!),
      minutes: this.#decode(ram[MINUTES]!),
      seconds: this.#decode(ram[SECONDS]!),
    })
  }

  #writeTime(value: number): void {
    if (!this.#ticking()) {
      this.#ram[this.#index] = value
      return
    }
    const now = this.#clock.now()
    this.#collect()
    this.#sync()
    this.#ram[this.#index] = value
    // The divider chain goes on: the fraction of the second is kept.
    const fraction = (now - this.#baseNs) % NS_PER_SECOND
    this.#adopt()
    this.#baseNs = now - fraction
    this.#arm()
  }

  #writeA(value: number): void {
    this.#collect()
    this.#sync()
    const wasTicking = this.#ticking()
    const wasHeld = (this.#ram[REG_A]! & A_DV) !== A_DV_32768
    this.#ram[REG_A] = value & 0x7f
    // Out of divider reset, the first update comes half a second later (data sheet, "Divider bits").
    if (!wasTicking && this.#ticking()) this.#start(wasHeld ? NS_PER_SECOND / 2 : 0)
    this.#arm()
  }

  #writeB(value: number): void {
    this.#collect()
    this.#sync()
    const wasTicking = this.#ticking()
    // SET inhibits updates and clears UIE ("SET").
    this.#ram[REG_B] = value & B_SET ? value & ~B_UIE : value
    if (!wasTicking && this.#ticking()) this.#start(0)
    this.#update()
    this.#arm()
  }

  /** Time starts from its bytes, with `fraction` ns of the first second already gone. */
  #start(fraction: number): void {
    this.#adopt()
    this.#baseNs = this.#clock.now() - fraction
    this.#checkedNs = this.#clock.now()
  }

  /** Period of the square wave in crystal ticks, 0 when off (data sheet, table 5). */
  #period(): number {
    const rate = this.#ram[REG_A]! & 15
    if (rate === 0 || (this.#ram[REG_A]! & A_DV) !== A_DV_32768) return 0
    return rate < 3 ? 1 << (rate + 6) : 1 << (rate - 1)
  }

  /** Brings PF, UF and AF up to date with what has passed since the last look. */
  #collect(): void {
    const now = this.#clock.now()
    const from = this.#checkedNs
    this.#checkedNs = now
    const period = this.#period()
    if (period > 0) {
      const ticks = (ns: number): number => Math.floor(CRYSTAL.ticksAt(ns) / period)
      if (ticks(now) > ticks(from)) this.#flags |= C_PF
    }
    if (this.#ticking() && this.#secondsAt(now) > this.#secondsAt(from)) {
      this.#flags |= C_UF
      if (this.#nextAlarm(this.#secondsAt(from)) <= this.#secondsAt(now)) this.#flags |= C_AF
    }
    this.#update()
  }

  #update(): void {
    this.#irq.set((this.#flags & this.#ram[REG_B]! & (C_PF | C_AF | C_UF)) !== 0)
  }

  /** Schedules a look at the next moment at which an enabled interrupt comes. */
  #arm(): void {
    this.#timer?.cancel()
    this.#timer = null
    const enabled = this.#ram[REG_B]! & ~this.#flags
    const now = this.#clock.now()
    let at = Infinity
    const period = this.#period()
    if (enabled & B_PIE && period > 0) {
      at = CRYSTAL.timeOf((Math.floor(CRYSTAL.ticksAt(now) / period) + 1) * period)
    }
    if (this.#ticking()) {
      const second = this.#secondsAt(now)
      const timeOf = (target: number): number => this.#baseNs + (target - this.#baseSeconds) * NS_PER_SECOND
      if (enabled & B_UIE) at = Math.min(at, timeOf(second + 1))
      if (enabled & B_AIE) at = Math.min(at, timeOf(this.#nextAlarm(second)))
    }
    if (at === Infinity) return
    this.#timer = this.#clock.schedule(at, () => this.#look())
  }

  #look(): void {
    this.#timer = null
    this.#collect()
    this.#arm()
  }

  /** First second after `second` whose time of day matches the alarm bytes; Infinity when none can. */
  #nextAlarm(second: number): number {
    const ram = this.#ram
    const wanted = (raw: number, decode: (raw: number) => number): number => (raw >= ALARM_ANY ? -1 : decode(raw))
    const hours = wanted(ram[HOURS_ALARM]!, raw => this.#decodeHours(raw))
    const minutes = wanted(ram[MINUTES_ALARM]!, raw => this.#decode(raw))
    const seconds = wanted(ram[SECONDS_ALARM]!, raw => this.#decode(raw))
    if (hours > 23 || minutes > 59 || seconds > 59) return Infinity
    let t = second + 1
    // At most 59 + 59 + 23 steps: each loop fixes one field and leaves the smaller ones at their minimum or match.
    const mod = (value: number, modulus: number): number => ((value % modulus) + modulus) % modulus
    for (;;) {
      if (hours >= 0 && mod(Math.floor(t / 3600), 24) !== hours) t = (Math.floor(t / 3600) + 1) * 3600
      else if (minutes >= 0 && mod(Math.floor(t / 60), 60) !== minutes) t = (Math.floor(t / 60) + 1) * 60
      else if (seconds >= 0 && mod(t, 60) !== seconds) t++
      else return t
    }
  }

  #encode(value: number): number {
    return this.#ram[REG_B]! & B_DM_BINARY ? value : toBcd(value)
  }

  #decode(raw: number): number {
    return this.#ram[REG_B]! & B_DM_BINARY ? raw : fromBcd(raw)
  }

  #decodeHours(raw: number): number {
    if (this.#ram[REG_B]! & B_24H) return this.#decode(raw)
    const hours = this.#decode(raw & ~HOURS_PM) % 12
    return raw & HOURS_PM ? hours + 12 : hours
  }

  /** The bytes that firmware leaves: equipment, base and extended memory, and the checksum over 10h–2Dh. */
  #describeMachine(memorySize: number): void {
    const ram = this.#ram
    const word = (index: number, value: number): void => {
      ram[index] = value & 0xff
      ram[index + 1] = (value >> 8) & 0xff
    }
    // Equipment: coprocessor, no diskettes, display with its own BIOS.
    ram[0x14] = 0x02
    word(0x15, 640)
    const extendedKb = Math.max(0, Math.min(0xffff, Math.floor(memorySize / 1024) - 1024))
    word(0x17, extendedKb)
    word(0x30, extendedKb)
    // Memory above 16 MB in units of 64 KB.
    word(0x34, Math.max(0, Math.min(0xffff, Math.floor((memorySize - 0x100_0000) / 0x1_0000))))
    let sum = 0
    for (let index = 0x10; index <= 0x2d; index++) sum += ram[index]!
    ram[0x2e] = (sum >> 8) & 0xff
    ram[0x2f] = sum & 0xff
  }
}

function toBcd(value: number): number {
  return (Math.floor(value / 10) << 4) | (value % 10)
}

function fromBcd(raw: number): number {
  return (raw >> 4) * 10 + (raw & 15)
}
