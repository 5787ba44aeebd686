/**
 * The machine as everybody outside the engine sees it: run it, look at it, learn why it stopped.
 * Exit statuses and the run report are the command line's contract with its callers; they live here so that an
 * embedder gets the same ones.
 */

import type { InstallMoment } from './ops/define.ts'
import type { OpReport } from './ops/ledger.ts'
import type { Clock, GuestMemory } from './ports.ts'

/** How the processor looks from outside; names as in the Intel SDM. All values unsigned 32-bit. */
export interface RegisterView {
  eax: number
  ecx: number
  edx: number
  ebx: number
  esp: number
  ebp: number
  esi: number
  edi: number
  eip: number
  eflags: number
  cr0: number
  cr2: number
  cr3: number
  cr4: number
  /** Selectors. */
  es: number
  cs: number
  ss: number
  ds: number
  fs: number
  gs: number
  /** Current privilege level, 0–3. */
  cpl: number
}

/** What kind of end a guest brought on itself. */
export type GuestFaultKind =
  /** A fault while a double fault was being delivered: the processor shut down (SDM vol. 3A 6.15, interrupt 8). */
  | 'triple-fault'
  /** Exceptions follow one another without end: the first instruction of each handler faults, and no time passes. */
  | 'runaway'
  /** A host op broke its own rules, e.g. its stub was not mapped at the first call. */
  | 'host-op'
  /** The guest did what its hypervisor ends guests for. */
  | 'crash'

/** Why a run ended. Plain data; `exitStatus` gives the command line's answer to each. */
export type StopReason =
  /** The guest switched the power off (ACPI S5, a hypervisor's shutdown call). */
  | { kind: 'powerOff' }
  /** The text asked for with `until` was seen on the console. */
  | { kind: 'until'; text: string }
  | { kind: 'guestFault'; fault: GuestFaultKind; message: string; code?: string; registers: RegisterView }
  /** The guest asked for a reset (keyboard controller, port 0xCF9, ACPI reset register). */
  | { kind: 'reset'; why: string }
  /** HLT with interrupts off and no NMI source: nothing can ever wake the processor. */
  | { kind: 'haltedForever'; registers: RegisterView }
  /** `isa-debug-exit` was written; `value` is what the guest wrote. */
  | { kind: 'debugExit'; value: number }
  | { kind: 'timeout'; seconds: number }
  /** The person at the console left (Ctrl-A x), or the embedder did. */
  | { kind: 'quit' }

/**
 * What one call of {@link Machine.run} comes back with: a stop, or one of two pauses after which the machine can be
 * run again. `budget`: the instruction or time limit of the call was reached. `idle`: the guest halted with interrupts
 * on and only the outside (input) can wake it.
 */
export type RunOutcome = StopReason | { kind: 'budget' } | { kind: 'idle' }

export interface RunOptions {
  /** Return `budget` after at least this many retired instructions. Default: no limit. */
  instructions?: number
  /** Return `budget` when virtual time reaches this (nanoseconds since power-on). Default: no limit. */
  untilVirtualNs?: number
}

/** Exits that left the engine, counted by kind since power-on. */
export interface ExitCounts {
  io: number
  mmio: number
  msr: number
  cpuid: number
  hypercall: number
  hlt: number
  exception: number
}

/** A thing that happened, for a trace or a timeline. `at` is the virtual time in ns, `instructions` the count then. */
export type MachineEvent = { at: number; instructions: number } & (
  | { kind: 'installed'; op: string; slot: number; owner: string }
  | { kind: 'report'; key: string; message: string }
  | { kind: 'stop'; reason: StopReason }
)

/** A machine, built and ready to run. Synchronous: nothing happens between two calls of `run`. */
export interface Machine {
  /** Runs until a stop, a pause, or the limits in `options`. After a stop it returns the same stop again. */
  run(options?: RunOptions): RunOutcome
  readonly memory: GuestMemory
  readonly clock: Clock
  /** A snapshot of the registers, exact at the instruction boundary where the machine stands. */
  registers(): RegisterView
  /** Retired instructions since power-on. */
  instructions(): number
  exits(): Readonly<ExitCounts>
  /** The rows of the ledger: one per slot of the guest's table; empty for a guest without one. */
  ops(): readonly OpReport[]
  /** Calls `listener` for every event from now on; returns a function that stops it. */
  on(listener: (event: MachineEvent) => void): () => void
}

/**
 * One arrival of console input, recorded so that a run can be replayed. `instructions` and `virtualNs` are the count
 * and the time at delivery; while the guest idles only the latter moves.
 */
export interface InputArrival {
  instructions: number
  virtualNs: number
  /** The bytes, as a Latin-1 string. */
  bytes: string
  /** The bytes are scan codes of the PC's keyboard, not characters for a console. */
  keyboard?: true
}

/** What `--report` writes. */
export interface RunReport {
  stop: StopReason
  instructions: number
  /** Host seconds that the run took. */
  seconds: number
  virtualNs: number
  backend: string
  head: string
  /** `install`: when its functions were to be installed, where that is not at entry. */
  modules: { name: string; version: string; install?: InstallMoment }[]
  ops: OpReport[]
  exits: ExitCounts
  input: InputArrival[]
  /** Calls of the guest to its hypervisor by name, when the backend counts them. */
  hypercalls?: Readonly<Record<string, number>>
  /** Notifications of the guest by port or source, when the backend counts them. */
  events?: Readonly<Record<string, number>>
  /** How the backend answers the calls of its interface in this boot, by name. */
  answers?: Readonly<Record<string, string>>
  /** Diagnostics said through the reporter, with how often each was said. */
  reports?: { key: string; message: string; count: number }[]
}

/** Exit statuses of the command line. */
export const EXIT_OK = 0
/** Our own fault: a bug, with a report to send. */
export const EXIT_INTERNAL = 1
/** Bad usage, config, image or module. */
export const EXIT_USAGE = 2
/** The guest faulted, crashed, reset, or halted for ever with interrupts off. */
export const EXIT_GUEST = 3
export const EXIT_TIMEOUT = 4

/** The exit status for a stop; `isa-debug-exit` gives (value << 1) | 1, cut to the 8 bits of a process status, as QEMU. */
export function exitStatus(stop: StopReason): number {
  switch (stop.kind) {
    case 'powerOff':
    case 'until':
    case 'quit':
      return EXIT_OK
    case 'guestFault':
    case 'reset':
    case 'haltedForever':
      return EXIT_GUEST
    case 'timeout':
      return EXIT_TIMEOUT
    case 'debugExit':
      return ((stop.value << 1) | 1) & 0xff
  }
}
