/** What a config file may say, and `createMachine`'s choice of engines. The keys have the command line options' names. */
import type { Backend, InputArrival, OpsModule } from '@paragraft/core'
import type { EngineKind } from '@paragraft/cpu'

/** Engines to choose from. `auto` is the fastest that this version has. */
export const ENGINES = ['auto', 'translator', 'interpreter', 'reference'] as const
export type EngineName = (typeof ENGINES)[number]

/** What the processor package calls each of them. */
export const ENGINE_KINDS: Readonly<Record<EngineName, EngineKind>> = {
  auto: 'translator',
  translator: 'translator',
  interpreter: 'interpreter',
  reference: 'reference',
}

/** A config file's contents: `export default defineConfig({ … })` in `paragraft.config.ts`. All of it optional. */
export interface ParagraftConfig {
  /** Name or path of a backend, or a backend itself. */
  backend?: string | Backend
  /** The backend's options by name; an artefact by name, or as a path or package that is loaded. */
  backendOptions?: Record<string, unknown>
  /** Names or paths of ops modules, or modules themselves, in the order in which they are offered the guest. */
  ops?: (string | OpsModule)[]
  /** RAM: `'256M'`, or bytes. */
  memory?: string | number
  /** The guest's command line. */
  append?: string
  initrd?: string
  /** Boot modules: `'FILE'` or `'FILE=COMMAND LINE'`. */
  module?: string[]
  disk?: string
  /** `'none'`, `'loopback'`, `'peer'`; with `'=FILE'`, frames are captured into it. */
  net?: string
  /** Stop with status 0 when this text has been on the console. */
  until?: string
  /** Stop with status 4 after so many seconds of the host's time. */
  timeout?: number
  screen?: boolean
  report?: string
  trace?: string[]
  engine?: EngineName
  /** Virtual nanoseconds per instruction. */
  nsPerInstruction?: number
  /** Input of an earlier run, from its report: delivered at the same points in place of standard input. */
  replay?: InputArrival[]
}

/** Gives a config file its types. */
export function defineConfig(config: ParagraftConfig): ParagraftConfig {
  return config
}
