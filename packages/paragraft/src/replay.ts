/** Input of an earlier run that is given to the guest again, each arrival at its virtual time. */
import type { Clock, InputArrival, SavedTimer, Snapshotable, Timer } from '@paragraft/core'

/** What a snapshot keeps: arrivals that are still to come. */
export type ReplayState = { arrival: InputArrival; timer: SavedTimer }[]

export class Replay implements Snapshotable<ReplayState> {
  readonly #clock: Clock
  readonly #deliver: (arrival: InputArrival) => void
  readonly #coming = new Map<Timer, InputArrival>()

  constructor(clock: Clock, deliver: (arrival: InputArrival) => void) {
    this.#clock = clock
    this.#deliver = deliver
  }

  /** Gives the guest these, in place of any that were still to come. At the same time as a device's event, they come first. */
  start(arrivals: readonly InputArrival[]): void {
    for (const timer of this.#coming.keys()) timer.cancel()
    this.#coming.clear()
    for (const [index, arrival] of arrivals.entries()) {
      this.#await(arrival, { at: arrival.virtualNs, order: index - arrivals.length })
    }
  }

  save(): ReplayState {
    return Array.from(this.#coming, ([timer, arrival]) => ({ arrival: { ...arrival }, timer: timer.save() }))
  }

  restore(state: ReplayState): void {
    for (const { arrival, timer } of state) this.#await(arrival, timer)
  }

  #await(arrival: InputArrival, saved: SavedTimer): void {
    const timer = this.#clock.resume(saved, () => {
      this.#coming.delete(timer)
      this.#deliver(arrival)
    })
    this.#coming.set(timer, arrival)
  }
}
