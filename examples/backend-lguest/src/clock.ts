/** Time: an interrupt so often, and the time of day where the guest can read it. */
import type { Clock, Timer } from '@paragraft/core/ports'
import { DATA } from './abi.ts'
import type { GuestRam } from './memory.ts'

const NS_PER_SECOND = 1e9
/** The machine's time-stamp counter counts nanoseconds. */
const TSC_KHZ = 1_000_000
/** An interrupt more often than this would leave no time for anything else. */
const SHORTEST_PERIOD_NS = 10_000

export class ClockEvent {
  readonly #clock: Clock
  readonly #epochSeconds: number
  readonly #ram: GuestRam
  #timer: Timer | undefined
  #data: number | undefined

  constructor(clock: Clock, epochSeconds: number, ram: GuestRam) {
    this.#clock = clock
    this.#epochSeconds = epochSeconds
    this.#ram = ram
  }

  set data(pa: number) {
    this.#data = pa
    this.#ram.write32(pa + DATA.tscKhz, TSC_KHZ)
    this.tell()
  }

  /** Puts the time where the guest can read it. */
  tell(): void {
    if (this.#data === undefined) return
    const now = this.#clock.now()
    this.#ram.write32(this.#data + DATA.timeSeconds, this.#epochSeconds + Math.floor(now / NS_PER_SECOND))
    this.#ram.write32(this.#data + DATA.timeNanoseconds, now % NS_PER_SECOND)
  }

  /** Calls `tick` so often, from now; 0: never again. */
  every(periodNs: number, tick: () => void): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (periodNs === 0) return
    const period = Math.max(periodNs, SHORTEST_PERIOD_NS)
    const next = (at: number): void => {
      this.#timer = this.#clock.schedule(at, () => {
        next(at + period)
        this.tell()
        tick()
      })
    }
    next(this.#clock.now() + period)
  }
}
