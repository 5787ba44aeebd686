/**
 * The local APIC's timer (Intel SDM vol. 3A, 10.5.4): counts a 1 GHz bus clock through a divider in virtual time,
 * one-shot or periodic. Nothing runs while it is masked; its count is arithmetic.
 */
import type { Clock, SavedTimer, Timer } from '@paragraft/core/ports'

/**
 * Expiries closer together than this are merged. No driver programs such periods, and a guest that does would have
 * the machine stop after every instruction.
 */
const SHORTEST_NS = 1_000

/** Divide configuration, bits 3, 1 and 0 (SDM figure 10-10). */
const DIVIDERS = [2, 4, 8, 16, 32, 64, 128, 1] as const

export interface ApicTimerState {
  initial: number
  divide: number
  periodic: boolean
  startNs: number
  /** One-shot: the expiry has been delivered. */
  expired: boolean
}

/** What a snapshot keeps: registers, and the expiry that is awaited. */
export interface ApicTimerSnapshot extends ApicTimerState {
  enabled: boolean
  timer: SavedTimer | null
}

export class ApicTimer {
  state: ApicTimerState = { initial: 0, divide: 0, periodic: false, startNs: 0, expired: false }
  readonly #clock: Clock
  readonly #onExpiry: () => void
  #enabled = false
  #timer: Timer | null = null

  constructor(clock: Clock, onExpiry: () => void) {
    this.#clock = clock
    this.#onExpiry = onExpiry
  }

  /** Writing the initial count starts the timer; 0 stops it. */
  start(initial: number): void {
    Object.assign(this.state, { initial, startNs: this.#clock.now(), expired: false })
    this.#arm()
  }

  /** Divide configuration register; a count under way goes on from its value. */
  setDivide(value: number): void {
    const current = this.current()
    this.state.divide = value & 0x0b
    if (this.state.initial > 0) {
      this.state.startNs = this.#clock.now() - (this.state.initial - current) * this.#divider()
    }
    this.#arm()
  }

  /** Mode and mask from the LVT entry. */
  configure(periodic: boolean, enabled: boolean): void {
    // A one-shot that ran out behind the mask is gone; unmasking does not bring it back.
    if (enabled && !this.#enabled && !this.state.periodic && this.current() === 0) this.state.expired = true
    this.#enabled = enabled
    if (periodic !== this.state.periodic) {
      const current = this.current()
      this.state.periodic = periodic
      this.state.expired = current === 0
      if (this.state.initial > 0) {
        this.state.startNs = this.#clock.now() - (this.state.initial - current) * this.#divider()
      }
    }
    this.#arm()
  }

  /** Current count register. */
  current(): number {
    const { initial, periodic, startNs } = this.state
    if (initial === 0) return 0
    const elapsed = Math.floor((this.#clock.now() - startNs) / this.#divider())
    if (periodic) return initial - (elapsed % initial)
    return Math.max(0, initial - elapsed)
  }

  reset(): void {
    this.state = { initial: 0, divide: 0, periodic: false, startNs: 0, expired: false }
    this.#enabled = false
    this.#arm()
  }

  save(): ApicTimerSnapshot {
    return { ...this.state, enabled: this.#enabled, timer: this.#timer?.save() ?? null }
  }

  restore({ enabled, timer, ...state }: ApicTimerSnapshot): void {
    this.state = state
    this.#enabled = enabled
    this.#timer?.cancel()
    this.#timer = timer === null ? null : this.#clock.resume(timer, () => this.#expire())
  }

  #divider(): number {
    const { divide } = this.state
    return DIVIDERS[((divide & 8) >> 1) | (divide & 3)]!
  }

  #arm(): void {
    this.#timer?.cancel()
    this.#timer = null
    const { initial, periodic, startNs, expired } = this.state
    if (!this.#enabled || initial === 0 || (!periodic && expired)) return
    const now = this.#clock.now()
    const period = initial * this.#divider()
    let at = startNs + period
    if (periodic && at <= now) at = startNs + (Math.floor((now - startNs) / period) + 1) * period
    if (periodic && period < SHORTEST_NS) at = Math.max(at, now + SHORTEST_NS)
    this.#timer = this.#clock.schedule(at, () => this.#expire())
  }

  #expire(): void {
    this.#timer = null
    this.state.expired = true
    this.#onExpiry()
    this.#arm()
  }
}
