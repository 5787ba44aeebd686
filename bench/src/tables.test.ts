import { expect, test } from 'vitest'
import { spans } from './boots.ts'
import { type Figures, geomean, median, type SubjectFigures } from './figures.ts'
import { plot } from './plot.ts'
import { bootTable, kernelTable, paravirtTable, report, time, xenTable } from './tables.ts'

const subject = (
  name: string,
  kernels: Record<string, number[]>,
  boot?: [kernel: number[], whole: number[]],
): SubjectFigures => ({
  name,
  title: name.toUpperCase(),
  kernels: Object.fromEntries(
    Object.entries(kernels).map(([kernel, ns]) => [kernel, { count: 1, ns, first: ns, instructions: 1234.4 }]),
  ),
  failed: {},
  ...(boot === undefined ? {} : { boot: { kernel: boot[0], whole: boot[1], instructions: 4e8 } }),
})

const figures = (...subjects: SubjectFigures[]): Figures => ({
  date: '2026-01-01',
  host: 'a host',
  runs: 3,
  boots: 1,
  target: 300,
  guest: 'a kernel',
  commandLine: 'quiet',
  subjects,
})

test('guests of Xen, where they were measured', () => {
  expect(xenTable(figures())).toBe('')
  const hypercall = { 'xen-pv': [600, 700, 800], 'xen-pvh': [2500] }
  const xen = { date: '2026-01-02', prompt: [1.25], instructions: 29_963_654, hypercall }
  const lines = xenTable({ ...figures(), xen }).split('\n')
  expect(lines[0]).toContain('(2026-01-02, medians of 1)')
  expect(lines.slice(2).map(line => line.split(' | ').at(-1))).toEqual(['1.25 |', '700 ns |', '2.50 µs |'])
  expect(lines[2]).toContain('30 M instructions')
})

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([5, 1, 3])).toBe(3)
  expect(median([4, 1, 3, 100])).toBe(3.5)
})

test('the geometric mean of a ratio and its inverse is one', () => {
  expect(geomean([4, 0.25])).toBeCloseTo(1)
  expect(geomean([2, 8])).toBeCloseTo(4)
})

test('times have three digits in a unit that suits', () => {
  expect([12.34, 123.4, 1234, 12_345, 1_234_567].map(time)).toEqual([
    '12.3 ns',
    '123 ns',
    '1.23 µs',
    '12.3 µs',
    '1.23 ms',
  ])
  expect(time(undefined)).toBe('')
})

test('a kernel table has medians, ratios to each peer, geometric means and the worst', () => {
  const lines = kernelTable(
    figures(
      subject('paragraft', { sieve: [100, 300, 200], fib: [100] }),
      subject('v86', { sieve: [400], fib: [800] }),
      subject('qemu', { sieve: [100], fib: [200] }),
    ),
    'compute',
  ).split('\n')
  expect(lines[2]).toBe('| `sieve` the primes below 32768 | 1,234 | 200 ns | 400 ns | 100 ns | 0.50 | 2.00 |')
  // √(0.5 · 0.125) and √(2 · 0.5)
  expect(lines[4]).toBe('| **geometric mean** |  |  |  |  | **0.25** | **1.00** |')
  expect(lines[5]).toBe('| worst |  |  |  |  | 0.50 | 2.00 |')
})

test('hypervisor kernels are compared with the better of the two as well, where both were measured', () => {
  const table = kernelTable(
    figures(
      subject('paragraft', { irq: [300], invlpg: [10] }),
      subject('v86', { irq: [600] }),
      subject('qemu', { irq: [100], invlpg: [20] }),
    ),
    'hypervisor',
  )
  expect(table).toContain('| 0.50 | 3.00 | 3.00 |')
  expect(table).toContain('| 10.0 ns |  | 20.0 ns |  | 0.50 |  |')
})

test('a kernel that failed says so', () => {
  const broken: SubjectFigures = { ...subject('v86', {}), failed: { irq: 'died' } }
  expect(kernelTable(figures(subject('paragraft', { irq: [1] }), broken), 'hypervisor')).toContain('| failed |')
})

test('paravirtual ratios are within an emulator', () => {
  const table = paravirtTable(figures(subject('qemu', { pv_irq_native: [100], pv_irq_patched: [110] })))
  expect(table.split('\n')[2]).toBe('| patched ÷ native, flags and CLI | 1.10 |')
})

test('a boot is from the first text to the last, and from power-on to the last', () => {
  const marks = [
    { text: 'a', cpuSeconds: 2, instructions: 100 },
    { text: 'b', cpuSeconds: 7, instructions: 350 },
  ]
  expect(spans(marks)).toEqual({ whole: 7, kernel: 5, instructions: 250 })
})

test('boots are compared with those of the peers, and a peer that does not count has empty cells', () => {
  const silent = subject('qemu', {}, [[2], [3]])
  delete silent.boot?.instructions
  const lines = bootTable(figures(subject('paragraft', {}, [[4, 1, 2], [5]]), silent)).split('\n')
  expect(lines[2]).toBe('| PARAGRAFT | 2.00 | 1.00 | 5.00 | 400 M | 200 |')
  expect(lines[3]).toBe('| QEMU | 2.00 | 1.00 | 3.00 |  |  |')
})

test('what was not measured is left out', () => {
  expect(kernelTable(figures(subject('paragraft', {})), 'compute')).toBe('')
  expect(bootTable(figures(subject('paragraft', {})))).toBe('')
  expect(report({ ...figures(subject('paragraft', {})), boots: 0 })).toBe(
    '2026-01-01; kernels: medians of 3 interleaved runs of 300 CPU ms; a host.',
  )
  expect(report({ ...figures(subject('paragraft', {})), runs: 0 })).toBe(
    "2026-01-01; boots: medians of 1; a host.\nBoots: a kernel, `quiet`, to the shell's prompt.",
  )
})

test('the plot puts who is faster than QEMU to the right of it, and who is slower to the left', () => {
  const svg = plot(
    figures(subject('paragraft', { sieve: [50] }), subject('v86', { sieve: [200] }), subject('qemu', { sieve: [100] })),
    ['compute'],
    'a < b',
  )
  const x = (pattern: RegExp): number => Number(pattern.exec(svg ?? '')?.[1])
  const one = x(/class="one" x1="([\d.]+)"/)
  expect(x(/class="s0" cx="([\d.]+)" cy="(?!40)/)).toBeGreaterThan(one)
  expect(x(/class="s2" cx="([\d.]+)" cy="(?!40)/)).toBeLessThan(one)
  expect(svg).toContain('a &lt; b')
  expect(svg).toContain('prefers-color-scheme:dark')
  expect(plot(figures(subject('paragraft', { sieve: [50] })), ['compute'], '')).toBeUndefined()
})
