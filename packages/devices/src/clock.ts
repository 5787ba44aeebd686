/**
 * Virtual time's agenda: callbacks ordered by (time, order of scheduling), so that two runs fire the same events in
 * the same order. The machine asks `nextAt()` to bound its run slices and calls `runDue()` between them.
 */
import type { Clock, SavedTimer, Snapshotable, Timer } from '@paragraft/core/ports'

interface Entry {
  readonly at: number
  readonly sequence: number
  readonly callback: () => void
  /** Position in the heap, -1 once fired or cancelled. */
  index: number
  /** Its owner has saved it since the last {@link EventClock.save}. */
  saved: boolean
}

/** The agenda apart from its timers, which their owners save. */
export interface EventClockState {
  sequence: number
  /** Timers that wait. */
  size: number
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence)
}

/** A binary heap of timers over a time source that its owner advances. */
export class EventClock implements Clock, Snapshotable<EventClockState> {
  readonly #now: () => number
  readonly #heap: Entry[] = []
  #sequence = 0
  /** Called when a new event becomes the earliest: the machine shortens the slice it is in. */
  onEarlier: ((at: number) => void) | null = null

  /** `now` gives virtual nanoseconds since power-on, an integer that never goes back. */
  constructor(now: () => number) {
    this.#now = now
  }

  now(): number {
    return this.#now()
  }

  schedule(at: number, callback: () => void): Timer {
    return this.#add(at, this.#sequence++, callback)
  }

  resume({ at, order }: SavedTimer, callback: () => void): Timer {
    return this.#add(at, order, callback)
  }

  /** To be called before the timers' owners save theirs: {@link unsaved} counts from here. */
  save(): EventClockState {
    for (const entry of this.#heap) entry.saved = false
    return { sequence: this.#sequence, size: this.#heap.length }
  }

  /** To be called when the owners have resumed their timers. */
  restore(state: EventClockState): void {
    this.#sequence = state.sequence
  }

  /** Timers that nobody has saved since {@link save}. */
  get unsaved(): number {
    return this.#heap.filter(entry => !entry.saved).length
  }

  /** Virtual time of the earliest event, Infinity when there is none. */
  nextAt(): number {
    return this.#heap.length > 0 ? this.#heap[0]!.at : Infinity
  }

  /** Runs every event due at or before `now`, those included that the callbacks add; returns how many ran. */
  runDue(now: number = this.#now()): number {
    let count = 0
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now) {
      const entry = this.#heap[0]!
      this.#remove(entry)
      entry.callback()
      count++
    }
    return count
  }

  /** Events that wait. */
  get size(): number {
    return this.#heap.length
  }

  #add(at: number, sequence: number, callback: () => void): Timer {
    const entry: Entry = { at, sequence, callback, index: this.#heap.length, saved: false }
    this.#heap.push(entry)
    this.#up(entry)
    if (entry.index === 0) this.onEarlier?.(at)
    return {
      cancel: () => this.#remove(entry),
      save: () => {
        entry.saved = true
        return { at, order: sequence }
      },
    }
  }

  #remove(entry: Entry): void {
    const index = entry.index
    if (index < 0) return
    entry.index = -1
    const last = this.#heap.pop()!
    if (last === entry) return
    this.#heap[index] = last
    last.index = index
    this.#up(last)
    this.#down(last)
  }

  #up(entry: Entry): void {
    const heap = this.#heap
    let index = entry.index
    while (index > 0) {
      const parent = heap[(index - 1) >> 1]!
      if (!before(entry, parent)) break
      heap[index] = parent
      parent.index = index
      index = (index - 1) >> 1
    }
    heap[index] = entry
    entry.index = index
  }

  #down(entry: Entry): void {
    const heap = this.#heap
    let index = entry.index
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      const candidate = heap[child]!
      if (!before(candidate, entry)) break
      heap[index] = candidate
      candidate.index = index
      index = child
    }
    heap[index] = entry
    entry.index = index
  }
}
