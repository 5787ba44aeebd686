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
  /** Iterations after which a kernel is as fast as it gets. */
  prelude: Map<string, number>
}

/** In front of every machine's kernels: what an emulator needs once, such as V8's optimisation of an interpreter. */
const WARM_UP = [
  ['sort', 60],
  ['int_ring3', 20000],
] as const
/** Part of the target that a run takes which estimates how long an iteration takes. */
const CALIBRATION = 0.4
/**
 * Before such a run comes one in which compilers may find out what is hot: as many iterations as the fastest emulator does
 * in the target's time, but not for longer than so many times the target.
 */
const LONGEST_PRELUDE = 3
/** A kernel is calibrated again, with a prelude by the new estimate, when it was so much faster than the last time. */
const STEADY = 0.8
const MOST_PASSES = 6
/** A guest's count is a 32-bit number, and a clock that ticks in hundredths may show no time at all. */
const MOST = 0x7fffffff
const SHORTEST_SECONDS = 0.005

export async function measureKernels(plan: KernelPlan, progress: Progress): Promise<SubjectFigures[]> {
  const states: State[] = plan.subjects.map(subject => ({
    subject,
    figures: { name: subject.name, title: subject.title, kernels: {}, failed: {} },
    estimate: new Map(),
    prelude: new Map(),
  }))
  const { kernels, target } = plan

  const checksums = new Map<string, { checksum: string; title: string }>()
  for (const state of states) {
    progress.phase(`comparing checksums: ${state.subject.title}`, kernels.length)
    const counts: Counts = kernels.map(({ name, probe }) => [name, [probe]])
    for (const [run] of await runAll(state, counts, plan.timeout, progress)) {
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
  const fastest = new Map(
    kernels.map(({ name }) => [name, Math.min(...states.map(({ estimate }) => estimate.get(name) ?? Infinity))]),
  )
  for (const state of states) {
    const like = states.find(({ subject }) => subject.name === state.subject.like)
    if (like === undefined) await calibrate(state, plan, fastest, progress)
    else Object.assign(state, { estimate: like.estimate, prelude: like.prelude })
  }

  const counts = new Map<State, Counts>()
  for (const state of states) {
    const each = kernels.map(({ name }): Counts[number] => {
      const count = iterations(state, name, target)
      return [name, [Math.max(count, state.prelude.get(name) ?? 0), count]]
    })
    counts.set(state, each)
  }
  for (let repetition = 1; repetition <= plan.runs; repetition++) {
    for (const state of states) {
      progress.phase(`run ${repetition} of ${plan.runs}: ${state.subject.title}`, kernels.length)
      for (const [first, run] of await runAll(state, counts.get(state) as Counts, plan.timeout, progress))
        note(state, first, run)
    }
  }
  return states.map(({ figures }) => figures)
}

/** Learns from longer and longer runs, until what is learnt stays the same. */
async function calibrate(
  state: State,
  { kernels, target, timeout }: KernelPlan,
  fastest: ReadonlyMap<string, number>,
  progress: Progress,
): Promise<void> {
  let open = kernels.map(({ name }) => name)
  for (let pass = 1; open.length > 0 && pass <= MOST_PASSES; pass++) {
    progress.phase(`calibrating: ${state.subject.title}`, open.length * 2)
    const before = new Map(state.estimate)
    const counts = open.map((name): Counts[number] => {
      const ofFastest = Math.round((target * 1e6) / (fastest.get(name) ?? Infinity))
      const prelude = Math.min(ofFastest, iterations(state, name, target * LONGEST_PRELUDE))
      return [name, [Math.max(1, prelude), iterations(state, name, target * CALIBRATION)]]
    })
    for (const [prelude, run] of await runAll(state, counts, timeout, progress)) {
      learn(state, run)
      if (prelude !== undefined) state.prelude.set(prelude.name, prelude.count)
    }
    open = open.filter(name => (state.estimate.get(name) ?? 0) < STEADY * (before.get(name) ?? 0))
    // What was as fast before needs no prelude beyond the usual.
    if (pass === 1) for (const { name } of kernels) if (!open.includes(name)) state.prelude.delete(name)
  }
}

function learn(state: State, run: Run | undefined): void {
  if (run === undefined) return
  const ns = (Math.max(run.seconds, SHORTEST_SECONDS) / run.count) * 1e9
  state.estimate.set(run.name, Math.min(ns, state.estimate.get(run.name) ?? ns))
}

/** Iterations that take so long, as far as is known. */
function iterations({ estimate }: State, name: string, milliseconds: number): number {
  return Math.min(MOST, Math.max(1, Math.round((milliseconds * 1e6) / (estimate.get(name) ?? Infinity))))
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
async function runAll(state: State, counts: Counts, timeout: number, progress: Progress): Promise<Run[][]> {
  const { subject, figures } = state
  const all: Run[][] = []
  let left = counts.filter(([name]) => !(name in figures.failed))
  while (left.length > 0) {
    const list = left.flatMap(([name, each]) => each.map(count => [name, count] as const))
    const { marks, trouble } = await attempt(subject, [...WARM_UP, ...list], timeout, progress)
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
