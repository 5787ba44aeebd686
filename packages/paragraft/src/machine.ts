/**
 * A machine that has been put together and can be run: the engine, its devices and its backend, the graft and the ledger,
 * behind core's `Machine`. How it is put together is assemble.ts; what happens around it is run.ts.
 */
import type {
  BackendCounts,
  Clock,
  ExitCounts,
  GuestFaultKind,
  GuestMemory,
  InputArrival,
  LedgerRow,
  Machine,
  MachineEvent,
  OpsModule,
  RegisterView,
  RunOutcome,
  RunReport,
  StopReason,
} from '@paragraft/core'
import type { Bookkeeper, Installed } from './bookkeeper.ts'
import type { ConsoleHub } from './console.ts'
import { Replay } from './replay.ts'
import type { ReportLog } from './reporter.ts'
import { LONGEST_SLICE, type ScheduleOptions, type Scheduler } from './scheduler.ts'

/** An installer is one MOV per slot and a jump; after this many instructions nobody watches for it closely. */
const INSTALLER_INSTRUCTIONS = 1000

/** What assembly hands over. */
export interface MachineParts {
  scheduler: Scheduler
  memory: GuestMemory
  console: ConsoleHub
  reports: ReportLog
  /** Null for a guest without a table. */
  books: Bookkeeper | null
  backendName: string
  headName: string
  modules: RunReport['modules']
  registers: () => RegisterView
  instructions: () => number
  exits: () => ExitCounts
  /** What the backend has counted. */
  counts: () => BackendCounts
  /** The text screen, line by line; empty when the machine has none. */
  screen: () => string[]
  /** One scan code byte from the keyboard; nothing happens when the machine has none. */
  key: (scancode: number) => void
  /** Installs a module that waits for the embedder's word; returns how many slots it took. */
  install: (module: OpsModule) => number
  /** The whole machine as a snapshot. */
  snapshot: () => Uint8Array
}

export class PcMachine implements Machine {
  /** The person's end of the guest's consoles. */
  readonly console: ConsoleHub
  readonly memory: GuestMemory
  readonly backendName: string
  readonly headName: string
  /** Input of an earlier run that is still to come. */
  readonly replaying: Replay
  readonly #parts: MachineParts
  readonly #listeners = new Set<(event: MachineEvent) => void>()

  constructor(parts: MachineParts) {
    this.#parts = parts
    this.console = parts.console
    this.memory = parts.memory
    this.backendName = parts.backendName
    this.headName = parts.headName
    this.replaying = new Replay(parts.scheduler.clock, arrival => this.#deliver(arrival))
    parts.scheduler.onIdle = ns => parts.console.idled(ns)
    parts.scheduler.onStop = reason => this.#emit({ kind: 'stop', reason })
    parts.scheduler.onSlice = () => this.#afterSlice()
    this.#setSlice()
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

  /** Makes `run` return `budget` at the next instruction boundary: for those who are called while it runs. */
  pause(): void {
    this.#parts.scheduler.pause()
  }

  /**
   * The whole machine, to go on from in another process: `createMachine` with `snapshot`. Between two calls of `run` only, and
   * before the guest has ended. The media behind its disk are not in it. Throws `PG_SNAPSHOT_MOMENT`,
   * `PG_SNAPSHOT_UNSUPPORTED` (the backend cannot), `PG_SNAPSHOT_TIMER` and `PG_SNAPSHOT_VALUE`.
   */
  snapshot(): Uint8Array {
    return this.#parts.snapshot()
  }

  /** Gives the guest the input of an earlier run from its report, as far as it has not had it, at the same virtual times. */
  replay(arrivals: readonly InputArrival[]): void {
    this.replaying.start(arrivals.slice(this.console.arrivals.length))
  }

  /**
   * Installs an ops module that the machine was given with `install: 'embedder'`: from its next call on the guest goes to the
   * module's functions. Returns how many slots changed hands. Throws `PG_INSTALL_MODULE`, `PG_INSTALL_PATCHED` (the guest has
   * patched call sites of these ops), `PG_INSTALL_TABLE` and `PG_INSTALL_UNMAPPED`; nothing is changed then.
   */
  install(module: OpsModule): number {
    return this.#parts.install(module)
  }

  /** Ends the run; the first reason stays. */
  stop(reason: StopReason): void {
    this.#parts.scheduler.stop(reason)
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

  /** The ledger, a row per slot of the guest's table; empty for a guest without one. */
  ops(): readonly LedgerRow[] {
    const served = this.#parts.counts().ops ?? {}
    const rows = this.#parts.books?.rows() ?? []
    return rows.map(row => (Object.hasOwn(served, row.op) ? { ...row, via: served[row.op]! } : row))
  }

  /** The VGA text screen, line by line, without trailing spaces. */
  screen(): string[] {
    return this.#parts.screen()
  }

  /**
   * Keys pressed and released on the PC's keyboard: bytes of scan code set 1, as `I8042.key` takes them. Recorded like
   * typed text, so that a replay has them too.
   */
  key(...scancodes: number[]): void {
    const at = { instructions: this.instructions(), virtualNs: this.clock.now() }
    this.console.arrivals.push({ ...at, bytes: String.fromCharCode(...scancodes.map(b => b & 0xff)), keyboard: true })
    for (const scancode of scancodes) this.#parts.key(scancode)
  }

  on(listener: (event: MachineEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Passes an event of the parts on to whoever listens. */
  said(key: string, message: string): void {
    this.#emit({ kind: 'report', key, message })
  }

  /** A slot has changed hands while the guest runs. */
  installed(installed: Installed): void {
    this.#emit({ kind: 'installed', ...installed })
  }

  /** The run report, with the stop and the host's seconds that its caller measured. */
  report(stop: StopReason, seconds: number): RunReport {
    const { ops: _, ...counts } = this.#parts.counts()
    return {
      stop,
      instructions: this.instructions(),
      seconds,
      virtualNs: this.clock.now(),
      backend: this.backendName,
      head: this.headName,
      modules: this.#parts.modules,
      ops: this.ops().map(({ op, slot, owner, answer, sites, patched, calls, via, before }) => {
        return {
          op,
          slot,
          owner,
          answer,
          sites,
          patched,
          calls,
          ...(via === undefined ? {} : { via }),
          ...(before === undefined ? {} : { before }),
        }
      }),
      exits: { ...this.exits() },
      ...counts,
      input: this.console.arrivals,
      reports: this.#parts.reports.all(),
    }
  }

  #afterSlice(): void {
    const { books } = this.#parts
    if (books === null) return
    const at = { virtualNs: this.clock.now(), instructions: this.instructions() }
    for (const installed of books.look(at)) this.#emit({ kind: 'installed', ...installed })
    this.#setSlice()
  }

  /** The installer is the guest's first hundred instructions: only there is every one looked at. */
  #setSlice(): void {
    const { books, scheduler } = this.#parts
    const installing = books?.expectsInstalls === true && this.instructions() < INSTALLER_INSTRUCTIONS
    scheduler.longestSlice = installing ? 1 : LONGEST_SLICE
  }

  #deliver({ bytes, keyboard }: InputArrival): void {
    const typed = Uint8Array.from(bytes, character => character.charCodeAt(0) & 0xff)
    if (keyboard) this.key(...typed)
    else this.console.type(typed)
  }

  #emit(
    event: MachineEvent extends infer E ? (E extends unknown ? Omit<E, 'at' | 'instructions'> : never) : never,
  ): void {
    if (this.#listeners.size === 0) return
    const full = { at: this.clock.now(), instructions: this.instructions(), ...event } as MachineEvent
    for (const listener of this.#listeners) listener(full)
  }
}
