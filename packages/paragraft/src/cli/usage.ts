/** What is wrong with a command line, and the help that each command gives. */
import { type DeprecationNotice, tellOnce } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'

/** A refusal of what the user typed: exit status 2. */
export function usageError(message: string, hint: string, fields: Record<string, unknown> = {}): ParagraftError {
  return new ParagraftError('PG_USAGE', message, { hint, fields })
}

/** One command of the command line. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  readonly help: string
  /** Returns the exit status. `argv` is what follows the command's name. */
  run(argv: string[], world: World): Promise<number>
}

/** What the command line has of the process around it; tests give their own. */
export interface World {
  /** The user's folder: relative paths, the config file and the names of plug-ins start here. */
  readonly cwd: string
  readonly stdin: NodeJS.ReadStream
  /** Writes at once, without buffering. */
  readonly stdout: (bytes: Uint8Array | string) => void
  readonly stderr: (text: string) => void
  readonly stderrIsTerminal: boolean
}

/** Tells the user of what a later version will refuse, each once; `asked`: of everything, else of what everybody is told. */
export function tellDeprecations(world: World, asked: boolean): (notice: DeprecationNotice) => void {
  return tellOnce(({ code, message, instead }) => {
    world.stderr(`paragraft: ${message} [${code}]\n           ${instead}\n`)
  }, asked)
}
