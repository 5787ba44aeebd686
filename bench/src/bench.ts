/** The command: measures, writes bench/figures.json, and from it the tables of bench/README.md and the plots. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { HELP, type Options, parse, UsageError } from './arguments.ts'
import { COMMAND_LINE, measureBoots } from './boots.ts'
import type { Figures, SubjectFigures } from './figures.ts'
import { measureKernels } from './measure.ts'
import { Progress } from './progress.ts'
import { plots, readmeWith } from './publish.ts'
import { MANIFEST, missingForBoots, type Subject } from './subjects.ts'
import { report } from './tables.ts'
import { measureXen } from './xen.ts'

const file = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))

async function measure(options: Options, progress: Progress): Promise<Figures> {
  const subjects = present(options.subjects, progress)
  const bootSubjects = options.boots === 0 ? [] : bootable(subjects, progress)
  const kernels = options.kernels
  const measured: SubjectFigures[] =
    kernels.length === 0
      ? subjects.map(({ name, title }) => ({ name, title, kernels: {}, failed: {} }))
      : await measureKernels({ ...options, kernels, subjects }, progress)
  const boots = await measureBoots(bootSubjects, options.boots, options.timeout, progress)
  for (const subject of measured) {
    const boot = boots.get(subject.name)
    if (boot !== undefined) subject.boot = boot
  }
  const xen = options.boots === 0 ? undefined : measureXen(options.boots, options.timeout, progress)
  progress.end()
  return {
    date: new Date().toISOString().slice(0, 10),
    host: `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${firstLine('qemu-system-i386')}`,
    runs: kernels.length === 0 ? 0 : options.runs,
    boots: boots.size === 0 ? 0 : options.boots,
    target: options.target,
    guest: kernelPackage(),
    commandLine: COMMAND_LINE,
    subjects: measured,
    ...(xen === undefined ? {} : { xen }),
  }
}

/** Subjects whose needs are met here; the others are named. */
function present(subjects: readonly Subject[], progress: Progress): Subject[] {
  return subjects.filter(({ title, needs }) => {
    if (needs === undefined || needs.there()) return true
    progress.said(`${title} is left out: ${needs.what} is missing`)
    return false
  })
}

function bootable(subjects: readonly Subject[], progress: Progress): readonly Subject[] {
  const missing = missingForBoots()
  if (missing.length === 0) return subjects
  progress.said(`no boots: ${missing.join(', ')} missing; run \`pnpm guests\` first`)
  return []
}

function firstLine(command: string): string {
  const said = spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout ?? ''
  return (said.split('\n')[0] ?? '').replace(/ \(.*/, '').replace('emulator version ', '')
}

function kernelPackage(): string {
  if (!existsSync(MANIFEST)) return 'no kernel'
  const { packages } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { packages: Record<string, string> }
  return (
    Object.entries(packages)
      .find(([name]) => name.startsWith('linux-image'))
      ?.join(' ') ?? 'unknown kernel'
  )
}

/** Puts the figures into the README, and draws the plots. */
function publish(figures: Figures): void {
  writeFileSync(file('README.md'), readmeWith(readFileSync(file('README.md'), 'utf8'), figures))
  for (const [name, svg] of Object.entries(plots(figures))) writeFileSync(file(name), svg)
}

async function main(): Promise<number> {
  const options = parse(process.argv.slice(2))
  if (options === 'help') {
    process.stdout.write(HELP)
    return 0
  }
  const saved = file('figures.json')
  if (options.render) {
    publish(JSON.parse(readFileSync(saved, 'utf8')) as Figures)
    return 0
  }
  const figures = await measure(options, new Progress())
  process.stdout.write(`${report(figures)}\n`)
  if (!options.write) return 0
  writeFileSync(saved, `${JSON.stringify(figures, null, 1)}\n`)
  publish(figures)
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
