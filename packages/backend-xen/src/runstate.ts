/**
 * What a virtual processor has been doing (struct vcpu_runstate_info). It has a real one to itself, so it is never runnable
 * without running: time is spent running, or blocked in a hypercall. A HLT of the guest's own is not seen here and counts as
 * running.
 */
import type { Snapshotable } from '@paragraft/core/ports'
import { encode } from './abi/layout.ts'
import { RUNSTATE_BLOCKED, RUNSTATE_RUNNING, VCPU_RUNSTATE_INFO } from './abi/vcpu.ts'

export interface RunstateState {
  area: number | null
  state: number
  since: number
  running: number
  blocked: number
}

export class Runstate implements Snapshotable<RunstateState> {
  readonly #now: () => number
  readonly #write: (address: number, bytes: Uint8Array) => boolean
  #area: number | null = null
  #state = RUNSTATE_RUNNING
  #since: number
  readonly #spent = { running: 0, blocked: 0 }

  /** `write`: into guest memory by a guest pointer. */
  constructor(now: () => number, write: (address: number, bytes: Uint8Array) => boolean) {
    this.#now = now
    this.#write = write
    this.#since = now()
  }

  /** The guest wants it kept up to date at a guest address. */
  register(address: number): boolean {
    if (!this.#write(address, this.bytes())) return false
    this.#area = address
    return true
  }

  save(): RunstateState {
    return { area: this.#area, state: this.#state, since: this.#since, ...this.#spent }
  }

  restore({ area, state, since, running, blocked }: RunstateState): void {
    this.#area = area
    this.#state = state
    this.#since = since
    Object.assign(this.#spent, { running, blocked })
  }

  block(): void {
    this.#enter(RUNSTATE_BLOCKED)
  }

  run(): void {
    this.#enter(RUNSTATE_RUNNING)
  }

  bytes(): Uint8Array {
    const now = this.#now()
    const passed = now - this.#since
    const { running, blocked } = this.#spent
    return encode(VCPU_RUNSTATE_INFO, {
      state: this.#state,
      stateEntryTime: this.#since,
      running: running + (this.#state === RUNSTATE_RUNNING ? passed : 0),
      blocked: blocked + (this.#state === RUNSTATE_BLOCKED ? passed : 0),
    })
  }

  #enter(state: number): void {
    if (state === this.#state) return
    const now = this.#now()
    this.#spent[this.#state === RUNSTATE_BLOCKED ? 'blocked' : 'running'] += now - this.#since
    this.#state = state
    this.#since = now
    // A guest that has unmapped the area since is not told, as in Xen.
    if (this.#area !== null) this.#write(this.#area, this.bytes())
  }
}
