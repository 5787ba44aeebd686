/** `paragraft compare`: the same guest under several backends or profiles, side by side. */
import { readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { type BlockPort, EXIT_OK, EXIT_USAGE, formatTable, type RunReport } from '@paragraft/core'
import { isParagraftError, ParagraftError } from '@paragraft/core/errors'
import { boot } from '../cli/boot.ts'
import { loadConfig } from '../cli/config-file.ts'
import { Progress } from '../cli/progress.ts'
import { stopText } from '../cli/said.ts'
import { ScratchDisk } from '../cli/scratch-disk.ts'
import { loadSettings, parseRunArguments, splitOptions } from '../cli/settings.ts'
import { type Command, tellDeprecations, usageError, type World } from '../cli/usage.ts'
import { type ComparedAnswer, type ComparedRun, type Comparison, compareRuns, type NamedRun } from '../compare.ts'

const HELP = `paragraft compare: one guest, several hypervisors, side by side

usage: paragraft compare [IMAGE] --backend A --backend B … [options]
       paragraft compare [IMAGE] [--profile A --profile B …] [options]
       paragraft compare --read A.json --read B.json …

Boots the guest once for each --backend and each --profile given, one after another, and prints what each run came to: why it
stopped, instructions, exits, hypercalls by name, and for each op who owns it and how often it was called. Without any of
them, once for each profile of the config. With --read nothing is booted: the files are reports of paragraft run --report.

The guests get no input and their consoles are not shown. What they write to a disk stays in memory, so that each finds
it as it was. A run that is refused before it starts is a column that says so.

  --backend NAME|PATH       a run under this backend
  --profile NAME            a run with this profile of the config
  --read FILE.json          a run that has been: the report that run --report wrote
  --all                     every op, also those that all runs leave to the guest and call as often
  --json                    the same as data
  --ops, --append, --initrd, --module, --memory, --disk, --net, --until, --timeout, --engine, --config, …
                            as for paragraft run, for every run

exit status
  0 compared, whatever the guests came to     2 bad usage or config, or no run could start

example
  paragraft compare oldguest.elf --backend native --backend vmi --timeout 60
`

const OWN_OPTIONS = {
  backend: { type: 'string', multiple: true },
  profile: { type: 'string', multiple: true },
  read: { type: 'string', multiple: true },
  all: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

/** A run to be made: its name, and what it adds to the arguments that all have. */
interface Variant {
  readonly name: string
  readonly arguments: readonly string[]
}

export const compareCommand: Command = {
  name: 'compare',
  summary: 'one guest under several backends or profiles, side by side',
  help: HELP,
  async run(argv, world) {
    const { own, rest, order } = splitOptions(argv, OWN_OPTIONS)
    const named =
      own.read === undefined
        ? await runAll(await variants(own, rest, order, world), rest, world)
        : readAll(own, rest, world)
    const comparison = compareRuns(distinct(named))
    world.stdout(own.json ? `${JSON.stringify(comparison, null, 2)}\n` : text(comparison, own.all ?? false))
    return named.some(run => 'report' in run) ? EXIT_OK : EXIT_USAGE
  },
}

type Own = ReturnType<typeof splitOptions<typeof OWN_OPTIONS>>['own']

/** The runs in the order in which they were asked for. */
async function variants(own: Own, rest: string[], order: string[], world: World): Promise<Variant[]> {
  const lists = { backend: [...(own.backend ?? [])], profile: [...(own.profile ?? [])] }
  const asked = order.flatMap((option): Variant[] => {
    const name = option === 'backend' || option === 'profile' ? lists[option].shift() : undefined
    return name === undefined ? [] : [{ name, arguments: [`--${option}`, name] }]
  })
  if (asked.length > 0) return asked
  const loaded = await loadConfig(world.cwd, parseRunArguments(rest).config)
  const profiles = Object.keys(loaded?.config.profiles ?? {})
  if (profiles.length === 0) {
    throw usageError('there is nothing to compare', 'Name backends with --backend, or give the config profiles.')
  }
  return profiles.map(name => ({ name, arguments: ['--profile', name] }))
}

async function runAll(runs: readonly Variant[], rest: string[], world: World): Promise<NamedRun[]> {
  const named: NamedRun[] = []
  const progress = new Progress(world)
  for (const { name, arguments: more } of runs) {
    const args = parseRunArguments([...rest, ...more])
    const deprecated = tellDeprecations(world, args.deprecations)
    try {
      const settings = await loadSettings(args, world.cwd, deprecated)
      const surroundings = {
        world,
        progress,
        deprecated,
        output: () => {},
        disk: (file: BlockPort) => new ScratchDisk(file),
      }
      named.push({ name, report: (await boot(settings, surroundings)).report })
    } catch (error) {
      if (!isParagraftError(error) || error.code === 'PG_USAGE' || error.code === 'PG_CONFIG') throw error
      named.push({ name, refused: { code: error.code, message: error.message } })
    }
  }
  return named
}

function readAll(own: Own, rest: string[], world: World): NamedRun[] {
  const more = [...rest, ...(own.backend ?? []), ...(own.profile ?? [])]
  if (more.length > 0)
    throw usageError(
      `with --read nothing is booted, and these would be for a boot: ${more.join(' ')}`,
      'Leave them out.',
    )
  return (own.read ?? []).map(file => ({ name: basename(file, '.json'), report: readReport(resolve(world.cwd, file)) }))
}

/** A report as `run --report` writes it. Throws `PG_REPORT_FILE`. */
function readReport(file: string): RunReport {
  const refuse = (why: string, cause?: unknown): ParagraftError =>
    new ParagraftError('PG_REPORT_FILE', `${file} is no report: ${why}`, {
      fields: { file },
      hint: 'Give a file that paragraft run --report wrote.',
      cause,
    })
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw refuse((cause as Error).message, cause)
  }
  const { stop, exits, ops, modules, instructions } = (value ?? {}) as Partial<RunReport>
  const fits =
    typeof stop?.kind === 'string' &&
    typeof exits === 'object' &&
    Array.isArray(ops) &&
    Array.isArray(modules) &&
    typeof instructions === 'number'
  if (!fits) throw refuse('it lacks what a report has')
  return value as RunReport
}

/** Names that stand for one run each: a second `vmi` is `vmi 2`. */
function distinct(named: readonly NamedRun[]): NamedRun[] {
  const seen = new Map<string, number>()
  return named.map(run => {
    const count = (seen.get(run.name) ?? 0) + 1
    seen.set(run.name, count)
    return count === 1 ? run : { ...run, name: `${run.name} ${count}` }
  })
}

const ABSENT = '-'

function text(comparison: Comparison, all: boolean): string {
  const { runs } = comparison
  const refusals = runs.flatMap(({ name, refused }) =>
    refused === undefined ? [] : [`${name}: ${refused.message} [${refused.code}]`],
  )
  const parts = [summaryText(comparison), ...refusals, ...callsText(comparison, all)]
  return `${parts.join('\n\n')}\n`
}

function summaryText({ runs, exits }: Comparison): string {
  const facts: [string, (run: ComparedRun) => string | number | undefined][] = [
    ['stop', ({ stop, refused }) => (stop === undefined ? `refused: ${refused?.code}` : stopText(stop))],
    ['backend', run => run.backend],
    ['head', run => run.head],
    ['ops modules', run => run.modules?.map(({ name, version }) => `${name} ${version}`).join(', ') || undefined],
    ['instructions', run => run.instructions],
    ['hypercalls', ({ hypercalls }) => hypercalls],
    ['guest ms', run => run.virtualNs && Number((run.virtualNs / 1e6).toFixed(3))],
  ]
  return formatTable(
    ['', ...runs.map(({ name }) => name)],
    [
      ...facts.map(([name, fact]) => [name, ...runs.map(run => fact(run) ?? ABSENT)]),
      ...exits.map(({ kind, counts }) => [`${kind} exits`, ...counts.map(count => count ?? ABSENT)]),
    ],
  )
}

/** Hypercalls and ops, of the runs that were made. */
function callsText({ runs, hypercalls, ops }: Comparison, all: boolean): string[] {
  const made = runs.flatMap(({ refused }, index) => (refused === undefined ? [index] : []))
  const of = <T>(row: readonly T[]): T[] => made.map(index => row[index] as T)
  const names = of(runs).map(({ name }) => name)
  const told = ops.filter(({ answers }) => all || differs(of(answers)))
  const parts: string[] = []
  if (hypercalls.length > 0) {
    const rows = hypercalls.map(({ name, counts }) => [name, ...of(counts).map(count => count ?? ABSENT)])
    parts.push(formatTable(['hypercall', ...names], rows))
  }
  if (told.length > 0) {
    const rows = told.map(({ op, answers }) => [op, ...of(answers).flatMap(cells)])
    parts.push(formatTable(['op', ...names.flatMap(name => [`${name}: owner`, 'answer', 'calls'])], rows))
  }
  const same = ops.length - told.length
  if (same > 0) parts.push(`${same} ops are the same in all runs; --all shows them`)
  return parts
}

function cells(answer: ComparedAnswer | null): (string | number)[] {
  if (answer === null) return [ABSENT, ABSENT, ABSENT]
  const { owner, answer: kind, via, calls } = answer
  return [owner, via === undefined ? kind : `${kind}, ${via}`, calls]
}

function differs([first, ...others]: readonly (ComparedAnswer | null)[]): boolean {
  const same = (other: ComparedAnswer | null): boolean =>
    other?.owner === first?.owner && other?.calls === first?.calls && other?.via === first?.via
  return !others.every(same)
}
