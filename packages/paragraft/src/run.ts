/**
 * A run from the outside: slices of the synchronous machine, and between them the outside world – typed and piped input,
 * the host's clock for a time limit, pauses that keep an idle guest from racing through its own time while somebody may
 * still type.
 */
import type { InputArrival, RunOutcome, RunReport, StopReason } from '@paragraft/core'
import type { PcMachine } from './machine.ts'
import type { Moment } from './moment.ts'

/** Where an input source puts what it has. */
export interface InputSink {
  data(bytes: Uint8Array): void
  /** No more will come. */
  end(): void
  /** The person wants out. */
  leave(): void
}

export interface InputSource {
  /** `typed`: a person; reaches the guest at once. `held`: a script; released line by line while the guest idles. */
  readonly manner: 'typed' | 'held'
  /** Begins to deliver, from the event loop only. */
  start(sink: InputSink): void
  stop(): void
}

export interface RunMachineOptions {
  /** Stop when this text has been on the console. */
  until?: string
  /** Stop after so many seconds of the host's time. */
  timeout?: number
  input?: InputSource
  /** Input of an earlier run, delivered at the same virtual times. */
  replay?: readonly InputArrival[]
  /** Something to be done once, between two instructions: a snapshot. Not done if the run ends before. */
  at?: { moment: Moment; act: (machine: PcMachine) => void }
  /** Called after every slice, e.g. to flush output. */
  onSlice?: () => void
}

/** Longest that the event loop is kept from turning, in milliseconds. */
const TURN_MS = 30
/** Shorter pauses than a timer can keep are skipped. */
const SHORTEST_PAUSE_MS = 1
const FIRST_BUDGET = 200_000
const SMALLEST_BUDGET = 10_000
const LARGEST_BUDGET = 1 << 28

/** Runs a machine to its end and reports. */
export async function run(machine: PcMachine, options: RunMachineOptions = {}): Promise<RunReport> {
  const outside = new Outside(machine, options)
  try {
    const stop = await outside.loop()
    return machine.report(stop, outside.seconds())
  } finally {
    options.input?.stop()
  }
}

class Outside {
  readonly #machine: PcMachine
  readonly #options: RunMachineOptions
  readonly #started = performance.now()
  readonly #deadline: number
  /** Where the run is to be interrupted; Infinity when it is not, or has been. */
  #dueInstructions = Number.POSITIVE_INFINITY
  #dueNs = Number.POSITIVE_INFINITY
  #due = false
  #inputEnded = true
  #wake: (() => void) | null = null
  #budget = FIRST_BUDGET
  #lastTurn = this.#started

  constructor(machine: PcMachine, options: RunMachineOptions) {
    this.#machine = machine
    this.#options = options
    this.#deadline = options.timeout === undefined ? Number.POSITIVE_INFINITY : this.#started + options.timeout * 1000
    if (options.until !== undefined) machine.console.watch(options.until, text => machine.stop({ kind: 'until', text }))
    if (options.replay !== undefined) machine.replay(options.replay)
    if (options.at !== undefined) this.#expect(options.at.moment)
    if (options.input !== undefined) this.#connect(options.input)
  }

  seconds(): number {
    return (performance.now() - this.#started) / 1000
  }

  #connect(input: InputSource): void {
    this.#inputEnded = false
    const { console } = this.#machine
    input.start({
      data: bytes => {
        if (input.manner === 'typed') console.type(bytes)
        else console.hold(bytes)
        this.#wake?.()
      },
      end: () => {
        this.#inputEnded = true
        this.#wake?.()
      },
      leave: () => {
        this.#machine.stop({ kind: 'quit' })
        this.#wake?.()
      },
    })
  }

  async loop(): Promise<StopReason> {
    for (;;) {
      const outcome = this.#slice()
      this.#options.onSlice?.()
      this.#meet()
      if (outcome.kind === 'idle') await this.#idle()
      else if (outcome.kind !== 'budget') return outcome
      if (performance.now() >= this.#deadline)
        this.#machine.stop({ kind: 'timeout', seconds: this.#options.timeout ?? 0 })
      else if (performance.now() - this.#lastTurn >= TURN_MS) await this.#turn()
    }
  }

  #expect(moment: Moment): void {
    const machine = this.#machine
    if (moment.kind === 'instructions') this.#dueInstructions = moment.count
    else if (moment.kind === 'time') this.#dueNs = moment.virtualNs
    else {
      machine.console.watch(moment.text, () => {
        this.#due = true
        machine.pause()
      })
    }
  }

  /** Does what was to be done, if its moment has come. */
  #meet(): void {
    const machine = this.#machine
    const come = machine.instructions() >= this.#dueInstructions || machine.clock.now() >= this.#dueNs || this.#due
    if (!come) return
    this.#dueInstructions = this.#dueNs = Number.POSITIVE_INFINITY
    this.#due = false
    this.#options.at?.act(machine)
  }

  /** One run of the machine, of a length that keeps the event loop turning. */
  #slice(): RunOutcome {
    const watched = !this.#inputEnded || this.#machine.console.holding
    const before = performance.now()
    const outcome = this.#machine.run({
      instructions: Math.min(this.#budget, Math.max(this.#dueInstructions - this.#machine.instructions(), 1)),
      untilVirtualNs: this.#dueNs,
      idle: watched ? 'return' : 'skip',
    })
    const took = performance.now() - before
    if (took > TURN_MS) this.#budget = Math.max(SMALLEST_BUDGET, this.#budget >> 1)
    else if (took < TURN_MS / 4 && outcome.kind === 'budget') this.#budget = Math.min(LARGEST_BUDGET, this.#budget * 2)
    return outcome
  }

  async #idle(): Promise<void> {
    const machine = this.#machine
    const now = machine.clock.now()
    const next = machine.nextEventAt()
    const needed = machine.console.idleStillNeeded
    if (needed !== Number.POSITIVE_INFINITY) {
      // With no event before it, the release of the line is itself the next event.
      if (needed === 0) machine.console.release()
      else this.#skipIdle(now + needed)
    } else if (!this.#inputEnded) {
      await this.#pause(now, next)
    } else if (next === Number.POSITIVE_INFINITY) {
      machine.stop({ kind: 'haltedForever', registers: machine.registers() })
    } else {
      this.#skipIdle(next)
    }
  }

  /** Lets the host's time pass until the next event, or until something arrives. */
  async #pause(now: number, next: number): Promise<void> {
    const before = performance.now()
    const wait = Math.min((next - now) / 1e6, this.#deadline - before)
    if (wait < SHORTEST_PAUSE_MS) return this.#skipIdle(next)
    await new Promise<void>(resolve => {
      const timer = wait === Number.POSITIVE_INFINITY ? undefined : setTimeout(resolve, Math.min(wait, 1 << 30))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = null
    this.#lastTurn = performance.now()
    this.#skipIdle(now + Math.floor((this.#lastTurn - before) * 1e6))
  }

  /** Idle time passes, up to the moment that was asked for. */
  #skipIdle(at: number): void {
    this.#machine.skipIdle(Math.min(at, this.#dueNs))
  }

  /** Lets the event loop turn once. */
  async #turn(): Promise<void> {
    await new Promise<void>(resolve => {
      const immediate = (globalThis as { setImmediate?: (callback: () => void) => void }).setImmediate
      if (immediate) immediate(resolve)
      else setTimeout(resolve, 0)
    })
    this.#lastTurn = performance.now()
  }
}
