/**
 * What a module or backend author writes: `defineOps` with one explicit answer per op, and `defineBackend`.
 * Both check everything that can be checked without a guest; admission (admission.ts) does the rest.
 */
import type { Head } from '../head.ts'
import type { Clock, ConsolePort, GuestMemory, IoBus, Line, MmioBus, PowerPort, Reporter } from '../ports.ts'
import type { Era } from './era.ts'
import type { HostFunction } from './host.ts'

/** Version of the plug-in API, apart from the packages' versions. Semver: `^0.1.0` excludes 0.2. */
export const API_VERSION = '0.1.0'

/** How an op is answered. `version`: the range of op versions (signatures) that the answer is written for. */
export type Answer =
  /** The guest's own function stays. */
  | { readonly kind: 'native' }
  /** The guest's own `_paravirt_nop`, so that its patcher recognises it. */
  | { readonly kind: 'nop' }
  /** Machine code that came with the module: a symbol of `code.object`. */
  | { readonly kind: 'code'; readonly symbol: string; readonly version?: string }
  /** A TypeScript function, reached by a stub. */
  | { readonly kind: 'host'; readonly fn: HostFunction; readonly version?: string }
  /** For data slots (eras 1.x) only: the word to be stored. */
  | { readonly kind: 'value'; readonly value: number }

export type AnswerKind = Answer['kind']

/** Answers by op identity. */
export type Answers = Readonly<Record<string, Answer>>

/** Machine code of a module: one relocatable object, ELF32 ET_REL EM_386. */
export interface ModuleCode {
  /**
   * Undefined symbols that the loader resolves: `pg_native_<group>_<op>` is the function that the guest's table
   * held before (e.g. `pg_native_mmu_flush_tlb_one_user`), `pg_table` the table, `pg_entry` the original entrypoint.
   */
  readonly object: Uint8Array
}

export interface OpsDefinition {
  /** npm package name, or any name without spaces; the ledger's owner. */
  readonly name: string
  /** Semver version of the module. */
  readonly version: string
  /** Range of {@link API_VERSION} that the module is written for: `^0.1.0`. */
  readonly apiVersion: string
  /** Range of ops ABIs (`Era.abi`) that the module targets: `5.x`, `>=1.3.0 <2`. */
  readonly opsAbi: string
  /** Architectures it targets; default `['i386']`. */
  readonly arch?: readonly ('i386' | 'x86_64')[]
  /** Variants of the eras it targets; default both. */
  readonly variants?: readonly ('full' | 'lite')[]
  /** One answer per op of every target era, or a function that gives them era by era. */
  readonly ops: Answers | ((era: Era) => Answers)
  readonly code?: ModuleCode
}

/** A checked module, branded by `Symbol.for('paragraft.ops')`. Only {@link defineOps} makes one. */
export interface OpsModule extends OpsDefinition {
  /** The answers for an era, as the author gave them. */
  answersFor(era: Era): Answers
}

/** The ports a backend gets. Never the machine. */
export interface BackendPorts {
  readonly memory: GuestMemory
  readonly clock: Clock
  readonly io: IoBus
  readonly mmio: MmioBus
  readonly console: ConsolePort
  readonly power: PowerPort
  readonly reporter: Reporter
  /** The processor's interrupt pin and NMI. */
  readonly intr: Line
  readonly nmi: Line
}

/** What a created backend does for the machine while it runs. Everything is optional. */
export interface BackendInstance {
  /** INTA cycle, when the backend owns the interrupt controller. */
  acknowledgeInterrupt?(): number
  /** MSRs that it implements; undefined / false: not its own. */
  readMsr?(index: number): bigint | undefined
  writeMsr?(index: number, value: bigint): boolean
  /** CPUID leaves that it implements (hypervisor range); undefined: not its own. */
  cpuid?(leaf: number, subleaf: number): { eax: number; ebx: number; ecx: number; edx: number } | undefined
}

export interface BackendDefinition {
  readonly name: string
  readonly version: string
  readonly apiVersion: string
  /** Its ways in: heads of its own, or the names of the hardware's heads, which the loader supplies (`multiboot`, `linux`). */
  readonly heads: readonly (Head | string)[]
  /** The ops it installs, when it brings some; absent: the guest's own stay. */
  readonly ops?: OpsModule
  create(ports: BackendPorts): BackendInstance
}

/** A checked backend, branded by `Symbol.for('paragraft.backend')`. */
export type Backend = BackendDefinition
