/** Time: an interrupt so often, and the time of day where the guest can read it. */
import type { Clock, SavedTimer, Snapshotable, Timer } from '@paragraft/core/ports'
import { DATA } from './abi.ts'
import type { SharedPage } from './shared.ts'

const NS_PER_SECOND = 1e9
/** The machine's time-stamp counter counts nanoseconds. */
const TSC_KHZ = 1_000_000
/** An interrupt more often than this would leave no time for anything else. */
const SHORTEST_PERIOD_NS = 10_000

export interface ClockState {
  period: number
  timer: SavedTimer | null
}

export class ClockEvent implements Snapshotable<ClockState> {
  readonly #clock: Clock
  readonly #epochSeconds: number
  readonly #page: SharedPage
  readonly #tick: () => void
  #timer: Timer | undefined
  #period = 0

  constructor(clock: Clock, epochSeconds: number, page: SharedPage, tick: () => void) {
    this.#clock = clock
    this.#epochSeconds = epochSeconds
    this.#page = page
    this.#tick = tick
  }

  /** Puts the time where the guest can read it. */
  tell(): void {
    const now = this.#clock.now()
    this.#page.set(DATA.tscKhz, TSC_KHZ)
    this.#page.set(DATA.timeSeconds, this.#epochSeconds + Math.floor(now / NS_PER_SECOND))
    this.#page.set(DATA.timeNanoseconds, now % NS_PER_SECOND)
  }

  /** Ticks so often, in nanoseconds, from now on; 0: never again. */
  every(period: number): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#period = period === 0 ? 0 : Math.max(period, SHORTEST_PERIOD_NS)
    if (this.#period !== 0) this.#timer = this.#clock.schedule(this.#clock.now() + this.#period, () => this.#due())
  }

  save(): ClockState {
    return { period: this.#period, timer: this.#timer?.save() ?? null }
  }

  restore({ period, timer }: ClockState): void {
    this.#period = period
    this.#timer = timer === null ? undefined : this.#clock.resume(timer, () => this.#due())
  }

  #due(): void {
    this.#timer = this.#clock.schedule(this.#clock.now() + this.#period, () => this.#due())
    this.tell()
    this.#tick()
  }
}
