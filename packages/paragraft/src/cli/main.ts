/**
 * The command line: picks the command, and turns what comes back, or what is thrown, into an exit status. A coded error
 * is the user's to mend (2); anything else is a bug of ours (1).
 */
import { readFileSync } from 'node:fs'
import { EXIT_INTERNAL, EXIT_OK, EXIT_USAGE } from '@paragraft/core'
import { isParagraftError } from '@paragraft/core/errors'
import { compareCommand } from '../commands/compare.ts'
import { inspectCommand } from '../commands/inspect.ts'
import { lockstepCommand } from '../commands/lockstep.ts'
import { objectCommand } from '../commands/object.ts'
import { opsCommand } from '../commands/ops.ts'
import { pluginsCommand } from '../commands/plugins.ts'
import { runCommand } from '../commands/run.ts'
import { type Command, usageError, type World } from './usage.ts'

/** A command is one file in `commands/` and one entry here. */
const COMMANDS: readonly Command[] = [
  runCommand,
  compareCommand,
  inspectCommand,
  opsCommand,
  objectCommand,
  pluginsCommand,
  lockstepCommand,
]

const HELP = `paragraft: run paravirtual x86 guests, with ops of your choice

usage: paragraft COMMAND …

${COMMANDS.map(command => `  ${command.name.padEnd(9)}${command.summary}`).join('\n')}

  paragraft COMMAND --help     what a command does, and its options
  paragraft --version
`

/** This package's version. */
export function version(): string {
  const manifest = new URL('../package.json', import.meta.url)
  const inSource = new URL('../../package.json', import.meta.url)
  for (const url of [manifest, inSource]) {
    try {
      return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version
    } catch {
      // dist/ is one level deep, src/cli/ two.
    }
  }
  return 'unknown'
}

/** Runs a command line; `argv` without the interpreter and the script. Resolves with the exit status. */
export async function main(argv: string[], world: World): Promise<number> {
  try {
    const [first, ...rest] = argv
    if (first === '--version' || first === '-v') {
      world.stdout(`${version()}\n`)
      return EXIT_OK
    }
    if (first === '--help' || first === '-h' || first === 'help') {
      world.stdout(HELP)
      return EXIT_OK
    }
    if (first === undefined) {
      world.stderr(HELP)
      return EXIT_USAGE
    }
    const command = COMMANDS.find(candidate => candidate.name === first)
    if (command === undefined) {
      throw usageError(
        `there is no command ${first}`,
        `The commands are ${COMMANDS.map(item => item.name).join(', ')}.`,
      )
    }
    if (rest.includes('--help') || rest.includes('-h')) {
      world.stdout(command.help)
      return EXIT_OK
    }
    return await command.run(rest, world)
  } catch (error) {
    return explain(error, world)
  }
}

/** Says what went wrong and returns the status for it. */
function explain(error: unknown, world: World): number {
  if (isParagraftError(error)) {
    world.stderr(`paragraft: ${error.message} [${error.code}]\n`)
    if (error.hint !== '') world.stderr(`           ${error.hint}\n`)
    return EXIT_USAGE
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  world.stderr(
    `paragraft: this is a bug in paragraft, not in your guest. Please report it with the following:\n` +
      `paragraft ${version()}, node ${process.version}, ${process.platform} ${process.arch}\n${text}\n`,
  )
  return EXIT_INTERNAL
}
