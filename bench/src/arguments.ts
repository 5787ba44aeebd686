/** The command line of `pnpm bench`. */
import { parseArgs } from 'node:util'
import { type Group, KERNELS, type Kernel } from './kernels.ts'
import { SUBJECTS, type Subject } from './subjects.ts'

export interface Options {
  kernels: Kernel[]
  subjects: Subject[]
  runs: number
  boots: number
  target: number
  timeout: number
  write: boolean
  render: boolean
}

export class UsageError extends Error {}

const GROUPS: readonly Group[] = ['compute', 'paravirt', 'hypervisor']
const names = (list: readonly { name: string }[]): string => list.map(({ name }) => name).join(', ')
const USUAL = SUBJECTS.filter(({ usual }) => usual).map(({ name }) => name)
const QUICK_SUBJECTS = ['paragraft', 'v86', 'qemu']

export const HELP = `pnpm bench: Paragraft and its peers side by side, by CPU time

usage: pnpm bench [options]

Runs the kernels of guests/bench and boots of Debian's kernel in every emulator by turns, and prints the tables. First all
kernels run with the same counts everywhere, and their checksums are compared; then counts are found with which each takes
about as long as --target says. Each runs twice in a machine, and the second time counts. About half an hour on two quiet cores; --quick takes some minutes.

what to run
  --kernels LIST      names of kernels or of groups (${GROUPS.join(', ')}), with commas; none for boots only. Default: all
  --boots N           boots of Debian's kernel; 0 for none. Default: as --runs. They need \`pnpm guests\` first
  --emulators LIST    of: ${names(SUBJECTS)}
                      Default: ${USUAL.join(', ')}

how
  --runs N            interleaved runs, of which the median counts. Default: 5
  --target MS         CPU time of a kernel in a run. Default: 250
  --quick             3 runs of 100 ms, 1 boot, ${QUICK_SUBJECTS.join(', ')}; each can still be said otherwise
  --timeout SECONDS   real time after which an emulator is given up. Default: 600

what to do with it
  --write             keep the figures: bench/figures.json, and from it bench/README.md and the plots
  --render            measure nothing: make README and plots from bench/figures.json

examples
  pnpm bench --quick                                       where are we?
  pnpm bench --kernels sieve,irq --emulators paragraft,v86 --boots 0
  pnpm bench --write                                       the figures that are committed

The kernels: ${GROUPS.map(group => `\n  ${group}: ${names(KERNELS.filter(kernel => kernel.group === group))}`).join('')}
`

const OPTIONS = {
  kernels: { type: 'string' },
  boots: { type: 'string' },
  emulators: { type: 'string' },
  runs: { type: 'string' },
  target: { type: 'string' },
  timeout: { type: 'string' },
  quick: { type: 'boolean' },
  write: { type: 'boolean' },
  render: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

/** Throws {@link UsageError}. */
export function parse(argv: readonly string[]): Options | 'help' {
  const values = typed(argv)
  if (values.help) return 'help'
  const quick = values.quick ?? false
  const runs = number(values.runs, '--runs', 1) ?? (quick ? 3 : 5)
  return {
    kernels: kernelsNamed(values.kernels),
    subjects: pick(SUBJECTS, values.emulators ?? (quick ? QUICK_SUBJECTS : USUAL).join(','), 'emulator'),
    runs,
    boots: number(values.boots, '--boots', 0) ?? (quick ? 1 : runs),
    target: number(values.target, '--target', 10) ?? (quick ? 100 : 250),
    timeout: number(values.timeout, '--timeout', 1) ?? 600,
    write: values.write ?? false,
    render: values.render ?? false,
  }
}

function typed(argv: readonly string[]) {
  try {
    // `pnpm bench -- --quick` hands the dashes on.
    return parseArgs({ args: argv.filter(argument => argument !== '--'), options: OPTIONS }).values
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('\n')[0]} See pnpm bench --help.`)
  }
}

function number(text: string | undefined, option: string, least: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < least) throw new UsageError(`${option} ${text}: not a number from ${least}`)
  return value
}

function kernelsNamed(list: string | undefined): Kernel[] {
  if (list === undefined) return [...KERNELS]
  if (list === 'none') return []
  const wanted = list.split(',').flatMap(name => {
    const members = KERNELS.filter(({ group }) => group === name).map(kernel => kernel.name)
    return members.length === 0 ? [name] : members
  })
  return pick(KERNELS, wanted.join(','), 'kernel')
}

/** In the list's own order, each once. */
function pick<T extends { name: string }>(from: readonly T[], list: string, what: string): T[] {
  const wanted = list.split(',')
  const unknown = wanted.find(name => !from.some(entry => entry.name === name))
  if (unknown !== undefined) throw new UsageError(`there is no ${what} ${unknown}; choose of ${names(from)}`)
  return from.filter(({ name }) => wanted.includes(name))
}
