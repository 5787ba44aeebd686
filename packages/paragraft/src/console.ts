/**
 * The person's end of the guest's consoles. Output of every console device goes one way; input is either typed, and
 * reaches the guest at once, or held, and released line by line at points that the guest's own execution defines, so
 * that a piped script gives the same run each time.
 */
import type { ConsolePort, InputArrival, Snapshotable } from '@paragraft/core'
import { TextWatch } from './until.ts'

/**
 * A guest that asks for a character this often without having written anything is waiting for one. Far above the few
 * looks at the line status that a driver takes between two characters it sends.
 */
const POLLS_BEFORE_INPUT = 20_000

/** Virtual idle time without console traffic after which a held line is released. */
export const IDLE_BEFORE_INPUT_NS = 20_000_000

const NEWLINE = 10

export interface ConsoleHubOptions {
  /** Guest output, as it comes; the bytes are the receiver's to keep. */
  output: (bytes: Uint8Array) => void
  /** Now, for the record of arrivals. */
  stamp: () => { instructions: number; virtualNs: number }
}

/** What a snapshot keeps: input that has come, and what of it the guest does not have yet. */
export interface ConsoleHubState {
  arrivals: InputArrival[]
  pending: Uint8Array
  held: Uint8Array
  polls: number
  idleNs: number
}

export class ConsoleHub implements Snapshotable<ConsoleHubState> {
  /** Every arrival so far. */
  readonly arrivals: InputArrival[] = []
  readonly #options: ConsoleHubOptions
  readonly #ports: HubPort[] = []
  #pending: number[] = []
  #held: number[] = []
  #watches: { watch: TextWatch; seen: (text: string) => void }[] = []
  #polls = 0
  #idleNs = 0

  constructor(options: ConsoleHubOptions) {
    this.#options = options
  }

  /**
   * A port for one console device. `ready` says whether the guest listens there; without it, it always does. A device
   * that only writes gives `() => false`.
   */
  port(ready: () => boolean = () => true): ConsolePort {
    const port = new HubPort(
      bytes => this.#write(bytes),
      () => (ready() ? this.#read() : -1),
      ready,
    )
    this.#ports.push(port)
    return port
  }

  /** Watches the output for a text from now on; `seen` is called once, at the byte that completes it. */
  watch(text: string, seen: (text: string) => void): void {
    this.#watches.push({ watch: new TextWatch(text), seen })
  }

  /** Typed input: the guest can have it at once. */
  type(bytes: Uint8Array): void {
    this.#arrived([...bytes])
    for (const port of this.#ports) port.onInput?.()
  }

  /** Input to be released at idle points. */
  hold(bytes: Uint8Array): void {
    for (const byte of bytes) this.#held.push(byte)
  }

  /** True while held input waits for its idle point. */
  get holding(): boolean {
    return this.#held.length > 0
  }

  /** True if some device would take input now. */
  get listening(): boolean {
    return this.#ports.some(port => port.ready())
  }

  /** Virtual idle time that must still pass before a held line is released; Infinity if nobody listens or none waits. */
  get idleStillNeeded(): number {
    if (!this.holding || !this.listening) return Number.POSITIVE_INFINITY
    return Math.max(0, IDLE_BEFORE_INPUT_NS - this.#idleNs)
  }

  /** The guest was idle for so long. Releases a line when that completes the wait. */
  idled(ns: number): void {
    this.#idleNs += ns
    if (this.idleStillNeeded === 0) this.release()
  }

  /** Gives the guest the next held line, its newline included. */
  release(): void {
    if (this.#takeLine()) for (const port of this.#ports) port.onInput?.()
  }

  /** Makes the next held line pending; false if there is none. */
  #takeLine(): boolean {
    const end = this.#held.indexOf(NEWLINE)
    const line = end < 0 ? this.#held : this.#held.slice(0, end + 1)
    this.#held = end < 0 ? [] : this.#held.slice(end + 1)
    if (line.length > 0) this.#arrived(line)
    return line.length > 0
  }

  /** Enters an arrival; telling the devices is the caller's, since one of them may be asking just now. */
  #arrived(bytes: number[]): void {
    this.arrivals.push({ ...this.#options.stamp(), bytes: String.fromCharCode(...bytes) })
    this.#pending.push(...bytes)
    this.#active()
  }

  #active(): void {
    this.#polls = 0
    this.#idleNs = 0
  }

  save(): ConsoleHubState {
    return {
      arrivals: this.arrivals.map(arrival => ({ ...arrival })),
      pending: Uint8Array.from(this.#pending),
      held: Uint8Array.from(this.#held),
      polls: this.#polls,
      idleNs: this.#idleNs,
    }
  }

  restore(state: ConsoleHubState): void {
    this.arrivals.splice(0, this.arrivals.length, ...state.arrivals)
    this.#pending = [...state.pending]
    this.#held = [...state.held]
    this.#polls = state.polls
    this.#idleNs = state.idleNs
  }

  #write(bytes: Uint8Array): void {
    this.#active()
    // A device writes out of a buffer that it fills again, and an embedder's stream may queue what it is given.
    const copy = new Uint8Array(bytes.length)
    for (let i = 0; i < bytes.length; i++) copy[i] = bytes[i]!
    this.#options.output(copy)
    for (const { watch, seen } of this.#watches) if (watch.push(bytes)) seen(watch.text)
  }

  #read(): number {
    if (this.#pending.length === 0) {
      if (!this.holding || ++this.#polls < POLLS_BEFORE_INPUT || !this.#takeLine()) return -1
    }
    this.#active()
    return this.#pending.shift()!
  }
}

class HubPort implements ConsolePort {
  onInput: (() => void) | null = null
  readonly write: (bytes: Uint8Array) => void
  readonly read: () => number
  readonly ready: () => boolean

  constructor(write: (bytes: Uint8Array) => void, read: () => number, ready: () => boolean) {
    this.write = write
    this.read = read
    this.ready = ready
  }
}
