// Made by scripts/gen-config.ts from config-table.ts.
import type { Backend, Device, InputArrival, OpsModule } from '@paragraft/core'
import type { BackendName, BackendOptionsByName } from './config.ts'
import type { EngineName } from './engines.ts'

/** The settings of a run. All of them optional. */
export interface RunConfig {
  /**
   * The guest's image, for a command line that names none.
   */
  guest?: string | undefined
  /**
   * Who plays the hypervisor: the name or path of a package, or a backend itself. Default: native.
   */
  backend?: BackendName | Backend | undefined
  /**
   * Options of backends, by the name of each; those of the backend that runs are used. An artefact is a name, or the path or package that it is loaded from.
   */
  backends?: BackendOptionsByName | undefined
  /**
   * Options for whichever backend runs.
   * @deprecated Use `backends: { NAME: { … } }`, which keeps the options of each.
   */
  backendOptions?: Record<string, unknown> | undefined
  /**
   * Names or paths of ops modules, or modules themselves, in the order in which they are grafted. none leaves out the backend's default.
   */
  ops?: (string | OpsModule)[] | undefined
  /**
   * RAM, as "256M" or in bytes. Default: 256M.
   */
  memory?: string | number | undefined
  /**
   * The guest's command line.
   */
  append?: string | undefined
  /**
   * Initial RAM disk.
   */
  initrd?: string | undefined
  /**
   * Boot modules: FILE, or FILE=COMMAND LINE.
   */
  module?: string[] | undefined
  /**
   * Names or paths of devices, or devices themselves, that sit on the board's buses beside its own.
   */
  device?: (string | Device)[] | undefined
  /**
   * A raw disk image, or several in their order.
   */
  disk?: string | string[] | undefined
  /**
   * The network interface: none, loopback or peer; with =FILE, frames are captured into it.
   */
  net?: string | undefined
  /**
   * Stop with status 0 when this text has been on the console.
   */
  until?: string | undefined
  /**
   * Stop with status 4 after so many seconds of the host's time.
   */
  timeout?: number | undefined
  /**
   * Print the VGA text screen when the run stops.
   */
  screen?: boolean | undefined
  /**
   * Write the run as data into this file.
   */
  report?: string | undefined
  /**
   * Traces: KIND, or KIND=FILE.
   */
  trace?: string[] | undefined
  /**
   * The engine. All make the same run, at different speeds.
   */
  engine?: EngineName | undefined
  /**
   * Virtual nanoseconds per instruction, a whole number.
   */
  nsPerInstruction?: number | undefined
  /**
   * Input of an earlier run, from its report: delivered at the same points in place of standard input.
   */
  replay?: InputArrival[] | undefined
}

/** A config file's contents. Paths and names in it are seen from its folder. */
export interface ParagraftConfig extends RunConfig {
  /** For JSON: where the schema is, `./node_modules/paragraft/schema/config.json`. */
  $schema?: string
  /** Settings under a name, laid over those at the top by `--profile NAME`. */
  profiles?: Record<string, RunConfig>
}
