/**
 * A virtual processor that waits in a hypercall: blocked until an event, or polling for ports, which end the wait whether or not the
 * guest takes events.
 */
import type { BackendProcessor } from '@paragraft/core/ops'
import type { Clock, SavedTimer, Snapshotable, Timer } from '@paragraft/core/ports'
import type { Runstate } from './runstate.ts'

export type WaitingState = { ports: readonly number[]; timer: SavedTimer | null } | null

export class Waiting implements Snapshotable<WaitingState> {
  readonly #processor: BackendProcessor
  readonly #clock: Clock
  readonly #runstate: Runstate
  #polling: { ports: readonly number[]; timer: Timer | null } | null = null

  constructor(processor: BackendProcessor, clock: Clock, runstate: Runstate) {
    this.#processor = processor
    this.#clock = clock
    this.#runstate = runstate
  }

  /** It polls: a port or the time will end the halt, with interrupts off too. */
  get polls(): boolean {
    return this.#polling !== null && !this.forever
  }

  /** It polls for nothing, without an end: only an event that it takes can wake it. */
  get forever(): boolean {
    return this.#polling?.ports.length === 0 && this.#polling.timer === null
  }

  /** Until one of the ports is pending, or until a system time. */
  poll(ports: readonly number[], until: number | null): void {
    const timer = until === null ? null : this.#clock.schedule(until, () => this.#wake())
    this.#polling = { ports, timer }
    this.#runstate.block()
    this.#processor.halt()
  }

  save(): WaitingState {
    const polling = this.#polling
    return polling === null ? null : { ports: [...polling.ports], timer: polling.timer?.save() ?? null }
  }

  restore(state: WaitingState): void {
    if (state === null) return
    const timer = state.timer === null ? null : this.#clock.resume(state.timer, () => this.#wake())
    this.#polling = { ports: state.ports, timer }
  }

  /** A port became pending. */
  pending(port: number): void {
    if (this.#polling?.ports.includes(port)) this.#wake()
  }

  /** The processor is seen to run: whatever it waited for is over, if only by an interrupt. */
  running(): void {
    this.#polling?.timer?.cancel()
    this.#polling = null
    this.#runstate.run()
  }

  #wake(): void {
    this.running()
    this.#processor.resume()
  }
}
