/** What is tested, and what the suite is lent for it. */
import type { Machine } from '@paragraft/core'
import type { Backend, BackendOptionValues, OpsModule } from '@paragraft/core/ops'
import type { BlockPort, Clock, NetPort } from '@paragraft/core/ports'

/** A runner's function: vitest's `test`, node:test's, or any that takes a name and a body that throws when it fails. */
export type TestFunction = (name: string, body: () => void | Promise<void>) => unknown

/** What the suite asks of a machine factory: part of the configuration that `createMachine` of `paragraft` takes. */
export interface MachineRequest {
  image: Uint8Array
  imageName: string
  backend: Backend
  backendOptions?: BackendOptionValues
  ops: readonly OpsModule[]
  /** Bytes. */
  memory: number
  commandLine: string
  disk?: BlockPort
  net?: (clock: Clock) => NetPort
  /** What {@link SuiteMachine.snapshot} gave: the machine goes on from there. */
  snapshot?: Uint8Array
  output: (bytes: Uint8Array) => void
}

/** A machine, with what the suite needs beyond core's contract. */
export interface SuiteMachine extends Machine {
  /** The whole machine, saved between two calls of `run`. Throws `PG_ABILITY` where the backend does not support it. */
  snapshot(): Uint8Array
  /** Installs a module that waits for the embedder; how many slots it took. Throws the `PG_INSTALL_…` codes. */
  install(module: OpsModule): number
}

/** Builds a machine; coded errors where the contracts refuse. `createMachine` of `paragraft` is one. */
export type MachineFactory = (request: MachineRequest) => Promise<SuiteMachine> | SuiteMachine

/** The package.json of what is tested, or the part that matters. */
export interface PackageManifest {
  readonly name?: unknown
  readonly paragraft?: unknown
}

/** What {@link conformance} is given. */
export interface Subject {
  readonly test: TestFunction
  readonly createMachine: MachineFactory
  readonly backend: Backend
  /** The backend's options for every machine of the suite. */
  readonly backendOptions?: BackendOptionValues
  /** Modules that are grafted onto the suite's guests: the backend's own, or the one that is to be tested on it. */
  readonly ops?: readonly OpsModule[]
  /**
   * The package.json of the backend, or of the module that is tested: its `paragraft` is held against the definition. Cases are
   * left out by the abilities that it lists, and by nothing else.
   */
  readonly manifest: PackageManifest
  /** Comes before every name. */
  readonly label?: string
}
