/**
 * One counter of an 8254 as arithmetic on the input clock's tick number (Intel 8254 data sheet, order 231164, "Mode
 * definitions"): nothing runs between accesses, every value is computed from the tick of the last load.
 */

/** Control word fields. */
const RW_LATCH = 0
const RW_LSB = 1
const RW_MSB = 2

/** A counter's programming and where it stands; plain data, so that a snapshot can keep it. */
export interface I8254ChannelState {
  mode: number
  /** RW field: 1 least, 2 most significant byte only, 3 both. */
  access: number
  bcd: boolean
  gate: boolean
  /** Initial count in ticks, 1–65536; 0 while none has been written since the control word. */
  count: number
  /** Tick at which `count` was or will be loaded into the counting element. */
  loadTick: number
  /** Modes 1 and 5: a trigger has come. Modes 0 and 4: a count has been written. Modes 2 and 3: counting. */
  running: boolean
  /** Ticks counted when the gate of mode 0 or 4 closed; -1 while counting. */
  frozen: number
  /** A count written while modes 2 and 3 run: it takes over at `nextTick`. 0 = none. */
  nextCount: number
  nextTick: number
  /** First byte of a two-byte count, -1 when the least significant byte is next. */
  writeLow: number
  readHigh: boolean
  latchedCount: number
  latchedStatus: number
}

/** Counter 0, 1 or 2. Every method takes the current tick of the 1.193182 MHz clock. */
export class I8254Channel {
  state: I8254ChannelState

  constructor(gate: boolean) {
    this.state = {
      mode: 0,
      access: 3,
      bcd: false,
      gate,
      count: 0,
      loadTick: 0,
      running: false,
      frozen: -1,
      nextCount: 0,
      nextTick: 0,
      writeLow: -1,
      readHigh: false,
      latchedCount: -1,
      latchedStatus: -1,
    }
  }

  /** A control word for this counter (RW, M and BCD fields, bits 5–0). */
  control(word: number, tick: number): void {
    const s = this.state
    const access = (word >> 4) & 3
    if (access === RW_LATCH) {
      this.latchCount(tick)
      return
    }
    const mode = (word >> 1) & 7
    s.mode = mode > 5 ? mode - 4 : mode
    s.access = access
    s.bcd = (word & 1) !== 0
    s.count = s.nextCount = 0
    s.running = false
    s.frozen = -1
    s.loadTick = tick
    s.writeLow = s.latchedCount = s.latchedStatus = -1
    s.readHigh = false
  }

  /** One byte to the counter's port. */
  write(value: number, tick: number): void {
    const s = this.state
    if (s.access === RW_LSB) this.#load(value, tick)
    else if (s.access === RW_MSB) this.#load(value << 8, tick)
    else if (s.writeLow < 0) {
      s.writeLow = value
      // Mode 0: the first byte stops the counting and takes OUT low ("Mode 0").
      if (s.mode === 0) {
        s.running = false
        s.count = 0
      }
    } else {
      const low = s.writeLow
      s.writeLow = -1
      this.#load(low | (value << 8), tick)
    }
  }

  /** One byte from the counter's port: latched status first, then latched count, then the live count. */
  read(tick: number): number {
    const s = this.state
    if (s.latchedStatus >= 0) {
      const status = s.latchedStatus
      s.latchedStatus = -1
      return status
    }
    const value = s.latchedCount >= 0 ? s.latchedCount : this.value(tick)
    let high = s.access === RW_MSB
    if (s.access === 3) {
      high = s.readHigh
      s.readHigh = !s.readHigh
      if (high) s.latchedCount = -1
    } else {
      s.latchedCount = -1
    }
    return high ? value >> 8 : value & 0xff
  }

  /** Counter latch command; a count already latched stays until it is read. */
  latchCount(tick: number): void {
    if (this.state.latchedCount < 0) this.state.latchedCount = this.value(tick)
  }

  /** Read-back command's status byte: OUT, NULL COUNT, RW, M, BCD. */
  latchStatus(tick: number): void {
    const s = this.state
    if (s.latchedStatus >= 0) return
    const nullCount = s.count === 0 || s.nextCount > 0 || tick < s.loadTick
    const out = this.output(tick) ? 0x80 : 0
    this.#takeOver(tick)
    s.latchedStatus = out | (nullCount ? 0x40 : 0) | (s.access << 4) | (s.mode << 1) | (s.bcd ? 1 : 0)
  }

  setGate(high: boolean, tick: number): void {
    const s = this.state
    if (s.gate === high) return
    this.#takeOver(tick)
    if (s.mode === 0 || s.mode === 4) {
      if (s.running && !high) s.frozen = Math.max(0, tick - s.loadTick)
      else if (s.running && s.frozen >= 0) {
        s.loadTick = tick - s.frozen
        s.frozen = -1
      }
    } else if (high && s.count > 0) {
      // Modes 1 and 5 are triggered by the rise, modes 2 and 3 reload by it, all at the next clock.
      if (s.nextCount > 0) s.count = s.nextCount
      s.nextCount = 0
      s.running = true
      s.loadTick = tick + 1
    }
    s.gate = high
  }

  /** Level of OUT. */
  output(tick: number): boolean {
    this.#takeOver(tick)
    const s = this.state
    const elapsed = this.#elapsed(tick)
    switch (s.mode) {
      case 0:
        return s.running && elapsed >= s.count
      case 1:
        return !s.running || elapsed < 0 || elapsed >= s.count
      case 2:
        return !this.#counting(elapsed) || s.count === 1 || elapsed % s.count !== s.count - 1
      case 3:
        return !this.#counting(elapsed) || elapsed % s.count < highTicks(s.count)
      default:
        return !s.running || elapsed !== s.count
    }
  }

  /** First tick after `tick` at which OUT rises, Infinity if it will not without further programming. */
  nextRise(tick: number): number {
    this.#takeOver(tick)
    const s = this.state
    if (!s.running || s.frozen >= 0) return Infinity
    if (s.mode === 2 || s.mode === 3) {
      if (!s.gate || s.count < 2) return Infinity
      // A change of count at a boundary moves later edges; look again there.
      const period = Math.max(1, Math.floor((tick - s.loadTick) / s.count) + 1)
      const rise = s.loadTick + period * s.count
      return s.nextCount > 0 && s.nextTick < rise ? s.nextTick : rise
    }
    const rise = s.loadTick + s.count + (s.mode >= 4 ? 1 : 0)
    return rise > tick ? rise : Infinity
  }

  /** The counting element as a read sees it: binary or BCD, 16 bits. */
  value(tick: number): number {
    this.#takeOver(tick)
    const s = this.state
    if (s.count === 0) return 0
    const elapsed = Math.max(0, this.#elapsed(tick))
    let value: number
    if (s.mode === 2) {
      value = this.#counting(elapsed) ? s.count - (elapsed % s.count) : s.count
    } else if (s.mode === 3) {
      const phase = this.#counting(elapsed) ? elapsed % s.count : 0
      const high = highTicks(s.count)
      // Counts down by two from the even part of the count, once for each half ("Mode 3").
      value = (s.count & ~1) - 2 * (phase < high ? phase : phase - high)
    } else {
      // After terminal count the others go on from the top: FFFFh, or 9999 in BCD.
      value = s.running ? s.count - elapsed : s.count
    }
    const modulus = s.bcd ? 10_000 : 0x1_0000
    value = ((value % modulus) + modulus) % modulus
    return s.bcd ? toBcd(value) : value
  }

  #load(raw: number, tick: number): void {
    const s = this.state
    this.#takeOver(tick)
    const count = (s.bcd ? fromBcd(raw) : raw) || (s.bcd ? 10_000 : 0x1_0000)
    if ((s.mode === 2 || s.mode === 3) && s.running && s.gate) {
      // The count in progress is finished first: the whole period in mode 2, the half period in mode 3.
      s.nextCount = count
      s.nextTick = this.#boundaryAfter(tick)
      return
    }
    if (s.mode === 1 || s.mode === 5) {
      // Counts are loaded by a trigger; one under way is not disturbed.
      if (s.running && tick < s.loadTick + s.count) s.nextCount = count
      else {
        s.count = count
        s.running = false
      }
      return
    }
    s.count = count
    s.loadTick = tick + 1
    s.running = true
    s.frozen = (s.mode === 0 || s.mode === 4) && !s.gate ? 0 : -1
  }

  #boundaryAfter(tick: number): number {
    const s = this.state
    const elapsed = Math.max(0, tick - s.loadTick)
    const start = s.loadTick + Math.floor(elapsed / s.count) * s.count
    if (s.mode === 3 && elapsed % s.count < highTicks(s.count)) return start + highTicks(s.count)
    return start + s.count
  }

  /** Lets a waiting count of modes 2 and 3 take over once its boundary has passed. */
  #takeOver(tick: number): void {
    const s = this.state
    if (s.nextCount === 0 || tick < s.nextTick || (s.mode !== 2 && s.mode !== 3)) return
    // After the high half of mode 3 the new count begins with its low half.
    const afterHigh = s.mode === 3 && (s.nextTick - s.loadTick) % s.count !== 0
    s.loadTick = s.nextTick - (afterHigh ? highTicks(s.nextCount) : 0)
    s.count = s.nextCount
    s.nextCount = 0
  }

  #elapsed(tick: number): number {
    return this.state.frozen >= 0 ? this.state.frozen : tick - this.state.loadTick
  }

  #counting(elapsed: number): boolean {
    return this.state.running && this.state.gate && elapsed >= 0
  }
}

/** Mode 3: OUT is high for (N + 1) / 2 ticks of an odd count, N / 2 of an even one. */
function highTicks(count: number): number {
  return (count + 1) >> 1
}

function toBcd(value: number): number {
  return (
    (value % 10) |
    ((Math.floor(value / 10) % 10) << 4) |
    ((Math.floor(value / 100) % 10) << 8) |
    ((Math.floor(value / 1000) % 10) << 12)
  )
}

function fromBcd(raw: number): number {
  return (raw & 15) + ((raw >> 4) & 15) * 10 + ((raw >> 8) & 15) * 100 + ((raw >> 12) & 15) * 1000
}
