/** The command line. It asks nothing: what is not said has a default. */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { EXIT_INTERNAL, EXIT_OK, EXIT_USAGE } from '@paragraft/core'
import { isParagraftError, ParagraftError } from '@paragraft/core/errors'
import { type Scaffolded, scaffold } from './scaffold.ts'

const HELP = `create-backend: a small working backend for Paragraft, to make yours of

usage: npm create @paragraft/backend DIRECTORY [-- OPTIONS]
       pnpm create @paragraft/backend DIRECTORY [OPTIONS]

  DIRECTORY         where; its last part is the backend's name, as in --backend NAME
  --package NAME    the package's name; default paragraft-backend-NAME
  --help, --version

It holds a hypercall interface of three calls: the host's side in TypeScript, the guest's in assembly, ops that use them,
tests that boot a guest, and a CI file. Exit status: 0, or 2 when nothing was made.
`

function main(argv: string[]): number {
  try {
    const { values, positionals } = parse(argv)
    if (values.help) process.stdout.write(HELP)
    else if (values.version) process.stdout.write(`${version()}\n`)
    else {
      const [directory, ...more] = positionals
      if (directory === undefined) throw usage('no DIRECTORY was given')
      if (more.length > 0) throw usage(`one DIRECTORY only, not ${positionals.join(' and ')}`)
      const { package: packageName } = values
      process.stdout.write(said(scaffold({ directory, ...(packageName === undefined ? {} : { packageName }) })))
    }
    return EXIT_OK
  } catch (error) {
    if (!isParagraftError(error)) throw error
    process.stderr.write(`create-backend: ${error.message} [${error.code}]\n                ${error.hint}\n`)
    return EXIT_USAGE
  }
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        package: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    })
  } catch (cause) {
    throw usage((cause as Error).message, cause)
  }
}

function usage(message: string, cause?: unknown): ParagraftError {
  return new ParagraftError('PG_USAGE', message, { hint: 'npm create @paragraft/backend -- --help', cause })
}

function said({ directory, names, files }: Scaffolded): string {
  const folder = relative(process.cwd(), directory) || '.'
  return `${names.package}: ${files.length} files in ${folder}

  cd ${folder}
  npm install
  npm test          builds it, and boots a guest under it
  npm start         the same guest, and what it asked of your hypervisor

README.md says where to begin.
`
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version
}

try {
  process.exitCode = main(process.argv.slice(2))
} catch (error) {
  const text = error instanceof Error ? error.stack : String(error)
  process.stderr.write(`create-backend: this is a bug. Please report it with the following:\n${text}\n`)
  process.exitCode = EXIT_INTERNAL
}
