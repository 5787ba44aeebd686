/** Medians of several runs, and the table that they are shown in. */
import type { Mark } from './job.ts'

/** What one peer needed, in every run. */
export interface Result {
  name: string
  title: string
  runs: Mark[][]
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

/** CPU time of a run from power-on to its end, and the part of it after the first text. */
export function spans(run: readonly Mark[]): { whole: number; kernel: number; instructions: number | undefined } {
  const first = run[0] as Mark
  const last = run.at(-1) as Mark
  return {
    whole: last.cpuSeconds,
    kernel: last.cpuSeconds - first.cpuSeconds,
    instructions: last.instructions === undefined ? undefined : last.instructions - (first.instructions as number),
  }
}

/** A Markdown table, a row per peer; ratios are to the first. */
export function table(results: readonly Result[]): string {
  const rows = results.map(({ title, runs }) => {
    const all = runs.map(spans)
    const counted = all.flatMap(({ instructions }) => (instructions === undefined ? [] : [instructions]))
    return {
      title,
      whole: median(all.map(({ whole }) => whole)),
      kernel: median(all.map(({ kernel }) => kernel)),
      instructions: counted.length === 0 ? undefined : median(counted),
    }
  })
  const [base] = rows
  if (base === undefined) return ''
  const lines = rows.map(({ title, whole, kernel, instructions }) => {
    const count = instructions === undefined ? '' : `${(instructions / 1e6).toFixed(0)} M`
    const rate = instructions === undefined ? '' : (instructions / 1e6 / kernel).toFixed(0)
    const cells = [
      kernel.toFixed(2),
      ratio(kernel, base.kernel),
      whole.toFixed(2),
      ratio(whole, base.whole),
      count,
      rate,
    ]
    return `| ${[title, ...cells].join(' | ')} |`
  })
  return [
    `| | kernel, CPU s | ratio | from power-on, CPU s | ratio | instructions of the kernel | million a second |`,
    '|---|---:|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n')
}

function ratio(value: number, base: number): string {
  return (value / base).toFixed(2)
}
