/**
 * Kernels measured: one run of all emulators with the same small counts, whose checksums must agree; one to learn how long
 * an iteration takes where the code is warm; then the runs that count, in turns.
 */
import type { KernelFigures, SubjectFigures } from './figures.ts'
import { GUEST_PANIC, type Mark } from './job.ts'
import type { Kernel } from './kernels.ts'
import type { Progress } from './progress.ts'
import { kernelsJob, type Subject, Unfinished } from './subjects.ts'

export interface KernelPlan {
  kernels: readonly Kernel[]
  subjects: readonly Subject[]
  runs: number
  /** CPU milliseconds that a measured run of a kernel is made to take. */
  target: number
  /** Real seconds after which an emulator is given up. */
  timeout: number
}

/** One kernel's run, from its start line to its end line. */
export interface Run {
  name: string
  count: number
  checksum: string
  seconds: number
  instructions?: number
}

/** The runs that a guest's lines tell of. */
export function runsOf(marks: readonly Mark[]): Run[] {
  const runs: Run[] = []
  let start: Mark | undefined
  for (const mark of marks) {
    const [what, name, value] = mark.text.split(' ') as [string, string, string]
    if (what === 'start') start = mark
    if (what !== 'end' || start === undefined) continue
    runs.push({
      name,
      count: Number(start.text.split(' ')[2]),
      checksum: value,
      seconds: mark.cpuSeconds - start.cpuSeconds,
      ...(mark.instructions === undefined || start.instructions === undefined
        ? {}
        : { instructions: mark.instructions - start.instructions }),
    })
  }
  return runs
}

/** Counts of a kernel, one run after the other: all but the last are for the emulator to see what is hot. */
type Counts = readonly (readonly [name: string, counts: readonly number[]])[]

/** What is known of one emulator while it is being measured. */
interface State {
  subject: Subject
  figures: SubjectFigures
  /** Estimated CPU nanoseconds an iteration. */
  estimate: Map<string, number>
}

/** In front of every machine's kernels: what an emulator needs once, such as V8's optimisation of an interpreter. */
const WARM_UP = [
  ['sort', 60],
  ['int_ring3', 20000],
] as const
/**
 * Parts of the target: of the run that estimates how long an iteration takes, and of the run before each that is measured,
 * in which compilers may find out what is hot.
 */
const CALIBRATION = 0.4
const PRELUDE = 1
/** A guest's count is a 32-bit number, and a clock that ticks in hundredths may show no time at all. */
const MOST = 0x7fffffff
const SHORTEST_SECONDS = 0.005

export async function measureKernels(plan: KernelPlan, progress: Progress): Promise<SubjectFigures[]> {
  const states: State[] = plan.subjects.map(subject => ({
    subject,
    figures: { name: subject.name, title: subject.title, kernels: {}, failed: {} },
    estimate: new Map(),
  }))
  const { kernels, target } = plan

  const checksums = new Map<string, { checksum: string; title: string }>()
  for (const state of states) {
    progress.phase(`comparing checksums: ${state.subject.title}`, kernels.length)
    const counts: Counts = kernels.map(({ name, probe }) => [name, [probe]])
    for (const [run] of await runAll(state, counts, plan, progress)) {
      if (run === undefined) continue
      const first = checksums.get(run.name)
      if (first === undefined) checksums.set(run.name, { checksum: run.checksum, title: state.subject.title })
      else if (first.checksum !== run.checksum)
        throw new Error(
          `${run.name}: ${first.title} computed ${first.checksum} and ${state.subject.title} ${run.checksum}; one is wrong`,
        )
      learn(state, run)
    }
  }
  for (const state of states) {
    progress.phase(`calibrating: ${state.subject.title}`, kernels.length)
    const counts = countsFor(state, plan, [target * CALIBRATION, target * CALIBRATION])
    for (const [, run] of await runAll(state, counts, plan, progress)) learn(state, run)
  }

  const counts = new Map(states.map(state => [state, countsFor(state, plan, [target * PRELUDE, target])]))
  for (let repetition = 1; repetition <= plan.runs; repetition++) {
    for (const state of states) {
      progress.phase(`run ${repetition} of ${plan.runs}: ${state.subject.title}`, kernels.length)
      for (const [first, run] of await runAll(state, counts.get(state) as Counts, plan, progress))
        note(state, first, run)
    }
  }
  return states.map(({ figures }) => figures)
}

function learn(state: State, run: Run | undefined): void {
  if (run === undefined) return
  state.estimate.set(run.name, (Math.max(run.seconds, SHORTEST_SECONDS) / run.count) * 1e9)
}

function countsFor(state: State, plan: KernelPlan, milliseconds: readonly number[]): Counts {
  return plan.kernels.map(({ name, probe }) => {
    const ns = state.estimate.get(name)
    const count = (ms: number): number =>
      ns === undefined ? probe : Math.min(MOST, Math.max(1, Math.round((ms * 1e6) / ns)))
    return [name, milliseconds.map(count)]
  })
}

function note({ figures }: State, first: Run | undefined, run: Run | undefined): void {
  if (first === undefined || run === undefined) return
  const kernel: KernelFigures = (figures.kernels[run.name] ??= { count: run.count, ns: [], first: [] })
  kernel.ns.push((run.seconds / run.count) * 1e9)
  kernel.first.push((first.seconds / first.count) * 1e9)
  if (run.instructions !== undefined) kernel.instructions = run.instructions / run.count
}

/**
 * Runs the kernels in one machine, and gives each one's runs; where one brings the emulator down, the others go on in a new
 * machine without it.
 */
async function runAll(state: State, counts: Counts, plan: KernelPlan, progress: Progress): Promise<Run[][]> {
  const { subject, figures } = state
  const all: Run[][] = []
  let left = counts.filter(([name]) => !(name in figures.failed))
  while (left.length > 0) {
    const list = left.flatMap(([name, each]) => each.map(count => [name, count] as const))
    const { marks, trouble } = await attempt(subject, [...WARM_UP, ...list], plan.timeout, progress)
    const runs = runsOf(marks)
    if (trouble !== undefined && runs.length < WARM_UP.length) throw new Error(`${subject.title}: ${trouble}`)
    let at = WARM_UP.length
    let done = 0
    for (; done < left.length; done++) {
      const own = runs.slice(at, (at += (left[done] as Counts[number])[1].length))
      if (runs.length < at) break
      all.push(own)
    }
    if (trouble === undefined || done === left.length) break
    const culprit = (left[done] as Counts[number])[0]
    figures.failed[culprit] = trouble
    progress.said(`${subject.title}: ${culprit}: ${trouble}`)
    left = left.slice(done + 1)
  }
  return all
}

/** One machine's marks, and what went wrong with it. */
async function attempt(
  subject: Subject,
  list: readonly (readonly [name: string, count: number])[],
  timeout: number,
  progress: Progress,
): Promise<{ marks: readonly Mark[]; trouble?: string }> {
  try {
    const onMark = (mark: Mark): void => progress.mark(mark.text)
    const marks = await subject.run(kernelsJob(subject, list), { timeout, onMark })
    const panic = marks.find(({ text }) => text.startsWith(GUEST_PANIC))
    return panic === undefined ? { marks } : { marks, trouble: panic.text }
  } catch (error) {
    if (!(error instanceof Unfinished)) throw error
    return { marks: error.marks, trouble: error.message }
  }
}
