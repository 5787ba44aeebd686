/**
 * A machine that has been put together and can be run: the engine, its devices and its backend, the graft and the ledger,
 * behind core's `Machine`. How it is put together is assemble.ts; what happens around it is run.ts.
 */
import type {
  Clock,
  ExitCounts,
  GuestFaultKind,
  GuestMemory,
  Machine,
  MachineEvent,
  OpReport,
  RegisterView,
  RunOutcome,
  RunReport,
  StopReason,
} from '@paragraft/core'
import type { ConsoleHub } from './console.ts'
import type { Ledger } from './ledger.ts'
import type { ReportLog } from './reporter.ts'
import type { ScheduleOptions, Scheduler } from './scheduler.ts'

/** What assembly hands over. */
export interface MachineParts {
  scheduler: Scheduler
  memory: GuestMemory
  console: ConsoleHub
  reports: ReportLog
  ledger: Ledger | null
  backendName: string
  headName: string
  modules: { name: string; version: string }[]
  registers: () => RegisterView
  instructions: () => number
  exits: () => ExitCounts
  /** The text screen, line by line; empty when the machine has none. */
  screen: () => string[]
}

export class PcMachine implements Machine {
  /** The person's end of the guest's consoles. */
  readonly console: ConsoleHub
  readonly memory: GuestMemory
  readonly backendName: string
  readonly headName: string
  readonly #parts: MachineParts
  readonly #listeners = new Set<(event: MachineEvent) => void>()

  constructor(parts: MachineParts) {
    this.#parts = parts
    this.console = parts.console
    this.memory = parts.memory
    this.backendName = parts.backendName
    this.headName = parts.headName
    parts.scheduler.onIdle = ns => parts.console.idled(ns)
    parts.scheduler.onSlice = () => this.#afterSlice()
  }

  get clock(): Clock {
    return this.#parts.scheduler.clock
  }

  run(options: ScheduleOptions = {}): RunOutcome {
    return this.#parts.scheduler.run(options)
  }

  /** Virtual time of the next event, Infinity if there is none. */
  nextEventAt(): number {
    return this.#parts.scheduler.clock.nextAt()
  }

  /** Moves the time of a halted guest forward, at most to its next event. */
  skipIdle(at: number): void {
    this.#parts.scheduler.skipIdle(at)
  }

  /** Ends the run; the first reason stays. */
  stop(reason: StopReason): void {
    if (this.#parts.scheduler.stopped !== null) return
    this.#parts.scheduler.stop(reason)
    this.#emit({ kind: 'stop', reason })
  }

  /** Ends the run because of something that the guest, or an answer that was given to it, did. */
  fault(fault: GuestFaultKind, code: string, message: string): void {
    this.stop({ kind: 'guestFault', fault, code, message, registers: this.registers() })
  }

  registers(): RegisterView {
    return this.#parts.registers()
  }

  instructions(): number {
    return this.#parts.instructions()
  }

  exits(): Readonly<ExitCounts> {
    return this.#parts.exits()
  }

  ops(): readonly OpReport[] {
    return this.#parts.ledger?.rows() ?? []
  }

  /** The VGA text screen, line by line, without trailing spaces. */
  screen(): string[] {
    return this.#parts.screen()
  }

  on(listener: (event: MachineEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Passes an event of the parts on to whoever listens. */
  said(key: string, message: string): void {
    this.#emit({ kind: 'report', key, message })
  }

  /** The run report, with the stop and the host's seconds that its caller measured. */
  report(stop: StopReason, seconds: number): RunReport {
    return {
      stop,
      instructions: this.instructions(),
      seconds,
      virtualNs: this.clock.now(),
      backend: this.backendName,
      head: this.headName,
      modules: this.#parts.modules,
      ops: [...this.ops()],
      exits: { ...this.exits() },
      input: this.console.arrivals,
      reports: this.#parts.reports.all(),
    }
  }

  #afterSlice(): void {
    if (this.#listeners.size === 0) return
    for (const installed of this.#parts.ledger?.newlyInstalled() ?? []) this.#emit({ kind: 'installed', ...installed })
  }

  #emit(event: MachineEvent extends infer E ? (E extends unknown ? Omit<E, 'at' | 'instructions'> : never) : never): void {
    if (this.#listeners.size === 0) return
    const full = { at: this.clock.now(), instructions: this.instructions(), ...event } as MachineEvent
    for (const listener of this.#listeners) listener(full)
  }
}
