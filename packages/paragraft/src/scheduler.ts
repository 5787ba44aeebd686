/**
 * The run loop. Virtual time is retired instructions times a constant, plus what port accesses took, plus the idle time
 * that was skipped; the agenda of scheduled events bounds how far the processor runs at a time, so that every event falls on
 * an exact instruction boundary and the same boot gives the same run.
 */
import type { RegisterView, RunOptions, RunOutcome, Snapshotable, StopReason } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import { EventClock, type EventClockState, ISA_CYCLE_NS } from '@paragraft/devices'

/** The part of the engine that the run loop drives. */
export interface RunnableProcessor {
  /**
   * Runs at most so many instructions. `budget`: all of them retired. `halt`: HLT, and no interrupt is deliverable.
   * `shutdown`: triple fault. `runaway`: exceptions without end. `exit`: `requestExit` was called.
   */
  run(maxInstructions: number): 'budget' | 'halt' | 'shutdown' | 'runaway' | 'exit'
  /** Retired instructions since power-on; exact also while a port of the processor is being served. */
  instructions(): number
  /** Takes so many instructions off what `run` has still to do; called while a port is being served. */
  shorten(count: number): void
  /** Makes `run` return at the next instruction boundary. */
  requestExit(): void
  registers(): RegisterView
  /** Somebody other than an interrupt may end the halt: a hypervisor, at whose word the guest waits. */
  awaited?(): boolean
}

/** How `run` treats a halted guest that an event can wake. */
export interface ScheduleOptions extends RunOptions {
  /**
   * `skip` (default): virtual time jumps to the next event. `return`: the call returns `idle`, and its caller decides
   * how far to move time with `skipIdle`.
   */
  idle?: 'skip' | 'return'
}

/** Longest run between two looks at the agenda, so that a machine without events comes up for air. */
export const LONGEST_SLICE = 1_000_000
/** A halted guest whose events never wake it must not keep `run` for ever. */
const MOST_SKIPS = 10_000

const EFLAGS_IF = 0x200

/** Indices of the times that virtual time consists of, apart from the instructions'. */
const SKIPPED_NS = 0
const SPENT_NS = 1

/** What a snapshot keeps of virtual time, apart from the instructions that the engine counts. */
export interface SchedulerState {
  skippedNs: number
  spentNs: number
  agenda: EventClockState
}

export class Scheduler implements Snapshotable<SchedulerState> {
  readonly clock: EventClock
  /** Virtual nanoseconds that one retired instruction takes. */
  readonly nsPerInstruction: number
  /** Most instructions between two calls of `onSlice`. */
  longestSlice = LONGEST_SLICE
  /** Called after idle time has been skipped, with its length. */
  onIdle: ((ns: number) => void) | null = null
  /** Called once, when the machine stops. */
  onStop: ((reason: StopReason) => void) | null = null
  /** Called between two runs of the processor. */
  onSlice: (() => void) | null = null

  readonly #processor: RunnableProcessor
  /** SKIPPED_NS and SPENT_NS. Fields would begin as small integers, and V8 would compile anew whatever uses them when they grow. */
  readonly #times = new Float64Array(2)
  /** Instructions in each time that accesses take, up to a cycle of the ISA bus. */
  readonly #instructionsIn: Int32Array
  #sliceEnd = Number.POSITIVE_INFINITY
  #running = false
  #paused = false
  #inRun = false
  #restoring: EventClockState | null = null
  #stop: StopReason | null = null

  constructor(processor: RunnableProcessor, nsPerInstruction: number) {
    this.#processor = processor
    this.nsPerInstruction = nsPerInstruction
    this.#instructionsIn = new Int32Array(ISA_CYCLE_NS + 1).map((_, ns) => Math.ceil(ns / nsPerInstruction))
    this.clock = new EventClock(() => this.now())
    this.clock.onEarlier = at => {
      if (this.#running && at < this.#sliceEnd) processor.requestExit()
    }
  }

  /** Virtual nanoseconds since power-on. */
  now(): number {
    return this.#processor.instructions() * this.nsPerInstruction + this.#times[SKIPPED_NS]! + this.#times[SPENT_NS]!
  }

  /** Virtual nanoseconds that passed while the processor was halted. */
  get skippedNs(): number {
    return this.#times[SKIPPED_NS]!
  }

  /** The instruction being executed takes so much longer: a port kept the processor waiting. Events come that much sooner. */
  spend(ns: number): void {
    this.#times[SPENT_NS]! += ns
    if (!this.#running) return
    this.#processor.shorten(ns <= ISA_CYCLE_NS ? this.#instructionsIn[ns]! : Math.ceil(ns / this.nsPerInstruction))
  }

  /** Why the machine stopped, if it has. */
  get stopped(): StopReason | null {
    return this.#stop
  }

  /** Ends the run at this instruction boundary; the first reason stays. */
  stop(reason: StopReason): void {
    if (this.#stop !== null) return
    this.#stop = reason
    this.onStop?.(reason)
    if (this.#running) this.#processor.requestExit()
  }

  /** Makes `run` return `budget` at the next instruction boundary. */
  pause(): void {
    this.#paused = true
    if (this.#running) this.#processor.requestExit()
  }

  save(): SchedulerState {
    return { skippedNs: this.#times[SKIPPED_NS]!, spentNs: this.#times[SPENT_NS]!, agenda: this.clock.save() }
  }

  /** Time as it was. What waits on it is the timers' owners' to resume; {@link finishRestore} is for when they have. */
  restore({ skippedNs, spentNs, agenda }: SchedulerState): void {
    this.#times[SKIPPED_NS] = skippedNs
    this.#times[SPENT_NS] = spentNs
    this.#restoring = agenda
  }

  /** The agenda is as it was. Throws `PG_SNAPSHOT_STATE` when it has other timers than it had. */
  finishRestore(): void {
    const agenda = this.#restoring
    if (agenda === null) return
    this.#restoring = null
    if (this.clock.size !== agenda.size) {
      throw new ParagraftError(
        'PG_SNAPSHOT_STATE',
        `${agenda.size} timers were saved, and ${this.clock.size} have come back`,
        {
          fields: { saved: agenda.size, restored: this.clock.size },
          hint: 'The state of a part does not fit the part.',
        },
      )
    }
    this.clock.restore(agenda)
  }

  /** True while the processor runs, and its ports and timers are served. */
  get running(): boolean {
    return this.#inRun
  }

  /** Moves virtual time of a halted guest forward to `at`, but not beyond the next event. */
  skipIdle(at: number): void {
    const now = this.now()
    const target = Math.min(Math.max(at, now), Math.max(this.clock.nextAt(), now))
    if (!Number.isFinite(target)) return
    this.#times[SKIPPED_NS]! += target - now
    this.onIdle?.(target - now)
  }

  run(options: ScheduleOptions = {}): RunOutcome {
    this.#inRun = true
    try {
      return this.#run(options)
    } finally {
      this.#inRun = false
    }
  }

  #run(options: ScheduleOptions): RunOutcome {
    const lastInstruction = this.#processor.instructions() + (options.instructions ?? Number.POSITIVE_INFINITY)
    const lastNs = options.untilVirtualNs ?? Number.POSITIVE_INFINITY
    for (let skips = 0; ; ) {
      this.clock.runDue()
      if (this.#stop !== null) return this.#stop
      if (this.#paused) {
        this.#paused = false
        return { kind: 'budget' }
      }
      const now = this.now()
      const instructionsLeft = lastInstruction - this.#processor.instructions()
      if (instructionsLeft <= 0 || now >= lastNs) return { kind: 'budget' }

      const ns = Math.min(this.clock.nextAt(), lastNs) - now
      const instructions = Math.min(Math.ceil(ns / this.nsPerInstruction), instructionsLeft, this.longestSlice)
      this.#sliceEnd = now + instructions * this.nsPerInstruction
      this.#running = true
      let why: 'budget' | 'halt' | 'shutdown' | 'runaway' | 'exit'
      try {
        why = this.#processor.run(instructions)
      } finally {
        this.#running = false
      }
      this.onSlice?.()

      if (why === 'shutdown') this.stop(tripleFault(this.#processor.registers()))
      if (why === 'runaway') this.stop(runaway(this.#processor.registers()))
      if (why !== 'halt' || this.#stop !== null) continue
      // Events that became due at this very boundary come first: one of them may wake the guest.
      if (this.clock.nextAt() <= this.now()) continue
      const registers = this.#processor.registers()
      if ((registers.eflags & EFLAGS_IF) === 0 && this.#processor.awaited?.() !== true) {
        this.stop({ kind: 'haltedForever', registers })
        continue
      }
      if (options.idle === 'return' || this.clock.nextAt() === Number.POSITIVE_INFINITY) return { kind: 'idle' }
      if (++skips > MOST_SKIPS) return { kind: 'budget' }
      this.skipIdle(lastNs)
    }
  }
}

function tripleFault(registers: RegisterView): StopReason {
  return {
    kind: 'guestFault',
    fault: 'triple-fault',
    message: 'the guest triple-faulted: an exception while a double fault was being delivered',
    code: 'PG_GUEST_TRIPLE_FAULT',
    registers,
  }
}

function runaway(registers: RegisterView): StopReason {
  return {
    kind: 'guestFault',
    fault: 'runaway',
    message:
      'the guest executes nothing any more: its exception handlers fault at their first instruction, without end',
    code: 'PG_GUEST_RUNAWAY',
    registers,
  }
}
