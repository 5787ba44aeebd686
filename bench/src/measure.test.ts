import { expect, test } from 'vitest'
import type { Job, Mark } from './job.ts'
import { type KernelPlan, measureKernels, runsOf } from './measure.ts'
import { Progress } from './progress.ts'
import { type RunOptions, type Subject, Unfinished } from './subjects.ts'

class Silent extends Progress {
  override phase(): void {}
  override mark(): void {}
  override said(): void {}
}

interface Behaviour {
  /** CPU nanoseconds an iteration. */
  ns: number
  /** So many iterations of a kernel take longer in every machine, as they are translated. */
  cold?: { iterations: number; ns: number }
  /** What the guest computes from a kernel and a count. */
  checksum?: (name: string, count: number) => string
  /** Kernels at which the emulator dies. */
  dies?: string[]
}

/** An emulator that takes just the time that it says. */
function fake(name: string, behaviour: Behaviour, jobs: Job[] = []): Subject {
  return {
    name,
    title: name,
    engine: 'none',
    boots: 'vmlinux',
    usual: true,
    async run(job: Job, { onMark }: RunOptions): Promise<Mark[]> {
      jobs.push(job)
      const marks: Mark[] = []
      const seen = new Map<string, number>()
      let cpuSeconds = 0
      const mark = (text: string): void => {
        const entry = { text, cpuSeconds, instructions: cpuSeconds * 1e9 }
        marks.push(entry)
        onMark?.(entry)
      }
      for (const part of job.commandLine.replace('run=', '').split(',')) {
        const [kernel, count] = part.split(':') as [string, string]
        mark(`start ${kernel} ${count}`)
        if (behaviour.dies?.includes(kernel)) throw new Unfinished('died', marks)
        const before = seen.get(kernel) ?? 0
        seen.set(kernel, before + Number(count))
        const slow = Math.max(0, Math.min(Number(count), (behaviour.cold?.iterations ?? 0) - before))
        cpuSeconds += (slow * (behaviour.cold?.ns ?? 0) + (Number(count) - slow) * behaviour.ns) / 1e9
        mark(`end ${kernel} ${behaviour.checksum?.(kernel, Number(count)) ?? count}`)
      }
      mark('done')
      return marks
    },
  }
}

const kernels = [
  { name: 'a', group: 'compute', what: '', probe: 100_000 },
  { name: 'b', group: 'compute', what: '', probe: 50_000 },
] as const
const plan = (subjects: Subject[]): KernelPlan => ({ kernels, subjects, runs: 2, target: 100, timeout: 1 })

test('a run is what lies between the ends of its two lines', () => {
  const marks = [
    { text: 'start a 10', cpuSeconds: 1, instructions: 100 },
    { text: 'end a 0000002a', cpuSeconds: 1.5, instructions: 400 },
    { text: 'start b 7', cpuSeconds: 2 },
    { text: 'end b 00000001', cpuSeconds: 2.25 },
    { text: 'start c 1', cpuSeconds: 3 },
  ]
  expect(runsOf(marks)).toEqual([
    { name: 'a', count: 10, checksum: '0000002a', seconds: 0.5, instructions: 300 },
    { name: 'b', count: 7, checksum: '00000001', seconds: 0.25 },
  ])
})

test('counts are found that take the target, and nanoseconds are per iteration', async () => {
  const jobs: Job[] = []
  const [slow, fast] = await measureKernels(
    plan([fake('slow', { ns: 400 }, jobs), fake('fast', { ns: 100 })]),
    new Silent(),
  )
  // 100 ms at 400 and at 100 ns an iteration.
  expect(slow?.kernels['a']).toMatchObject({ count: 250_000, instructions: expect.closeTo(400) })
  expect(fast?.kernels['a']).toMatchObject({ count: 1_000_000, instructions: expect.closeTo(100) })
  for (const ns of [...(slow?.kernels['b']?.ns ?? []), ...(slow?.kernels['b']?.first ?? [])])
    expect(ns).toBeCloseTo(400)
  expect(slow?.kernels['b']?.ns).toHaveLength(2)
  // Comparing, calibrating, twice measuring; and what is measured runs twice in its machine.
  expect(jobs).toHaveLength(4)
  expect(jobs[3]?.commandLine).toContain('a:250000,a:250000,b:250000,b:250000')
})

test('an emulator that becomes faster is calibrated until it does not', async () => {
  const jobs: Job[] = []
  // Cold for 90,000 iterations of a kernel, then ten times as fast.
  const [jit] = await measureKernels(
    plan([fake('jit', { ns: 100, cold: { iterations: 90_000, ns: 1000 } }, jobs)]),
    new Silent(),
  )
  expect(jit?.kernels['a']?.count).toBe(1_000_000)
  expect(jit?.kernels['a']?.ns[0]).toBeCloseTo(100)
  expect(jit?.kernels['a']?.first[0]).toBeCloseTo(181)
  expect(jobs.length).toBeGreaterThan(4)
})

test('an emulator like another one takes its counts', async () => {
  const jobs: Job[] = []
  const [, twin] = await measureKernels(
    plan([fake('one', { ns: 100 }), { ...fake('twin', { ns: 125 }, jobs), like: 'one' }]),
    new Silent(),
  )
  expect(twin?.kernels['a']?.count).toBe(1_000_000)
  expect(twin?.kernels['a']?.ns[0]).toBeCloseTo(125)
  expect(jobs).toHaveLength(3)
})

test('emulators that compute different things are not compared', async () => {
  const subjects = [fake('one', { ns: 100 }), fake('other', { ns: 100, checksum: name => `sum of ${name}` })]
  await expect(measureKernels(plan(subjects), new Silent())).rejects.toThrow('a: one computed 100000 and other sum')
})

test('a kernel that an emulator does not survive is named, and the others go on without it', async () => {
  const [result] = await measureKernels(plan([fake('weak', { ns: 100, dies: ['a'] })]), new Silent())
  expect(result?.failed).toEqual({ a: 'died' })
  expect(Object.keys(result?.kernels ?? {})).toEqual(['b'])
  expect(result?.kernels['b']?.ns).toHaveLength(2)
})

test('an emulator that does not even begin is an error', async () => {
  await expect(measureKernels(plan([fake('dead', { ns: 1, dies: ['sort'] })]), new Silent())).rejects.toThrow(
    'dead: died',
  )
})
