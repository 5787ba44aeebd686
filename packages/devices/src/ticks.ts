/**
 * From virtual nanoseconds to the ticks of an oscillator and back, exactly. Seconds and the rest are converted apart,
 * so that no product exceeds 2^53 (rest < 10^9, frequencies up to 9 MHz).
 */

const NS_PER_SECOND = 1_000_000_000

/** An oscillator that started at virtual time 0. */
export class Oscillator {
  /** Frequency in hertz, an integer up to 9,000,000. */
  readonly hertz: number

  constructor(hertz: number) {
    this.hertz = hertz
  }

  /** Whole ticks completed at virtual time `ns`. */
  ticksAt(ns: number): number {
    const seconds = Math.floor(ns / NS_PER_SECOND)
    const rest = ns - seconds * NS_PER_SECOND
    return seconds * this.hertz + Math.floor((rest * this.hertz) / NS_PER_SECOND)
  }

  /** The first nanosecond at which `ticksAt` reaches `tick`. */
  timeOf(tick: number): number {
    const seconds = Math.floor(tick / this.hertz)
    const rest = tick - seconds * this.hertz
    return seconds * NS_PER_SECOND + Math.ceil((rest * NS_PER_SECOND) / this.hertz)
  }
}
