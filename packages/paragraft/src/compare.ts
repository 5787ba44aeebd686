/** Several runs side by side: what each came to, how often its guest left, and who answered which op how often. */
import type { AnswerKind, ExitCounts, RunReport, StopReason } from '@paragraft/core'

/** A run under a name of the caller's, or why it was refused before the guest started. */
export type NamedRun =
  | { readonly name: string; readonly report: RunReport }
  | { readonly name: string; readonly refused: { readonly code: string; readonly message: string } }

/** One run of a comparison, without what stands in its rows. */
export interface ComparedRun {
  readonly name: string
  readonly refused?: { readonly code: string; readonly message: string }
  readonly backend?: string
  readonly head?: string
  readonly modules?: RunReport['modules']
  readonly stop?: StopReason
  readonly instructions?: number
  readonly virtualNs?: number
  /** Calls to its hypervisor, when the backend counts them. */
  readonly hypercalls?: number
}

/** What one run made of an op. */
export interface ComparedAnswer {
  readonly owner: string
  readonly answer: AnswerKind
  readonly calls: number
  /** What the backend's interface makes of the op, where it serves the guest's own. */
  readonly via?: string
}

/** Rows have one entry a run, in the order of `runs`; null where a run has no such thing. */
export interface Comparison {
  readonly runs: readonly ComparedRun[]
  readonly exits: readonly { readonly kind: keyof ExitCounts; readonly counts: readonly (number | null)[] }[]
  readonly hypercalls: readonly { readonly name: string; readonly counts: readonly (number | null)[] }[]
  readonly ops: readonly { readonly op: string; readonly answers: readonly (ComparedAnswer | null)[] }[]
}

/** Puts runs side by side. Rows are in the order in which they first occur; an op in several slots has its calls added up. */
export function compareRuns(named: readonly NamedRun[]): Comparison {
  const reports = named.map(run => ('report' in run ? run.report : undefined))
  const rows = <Key extends string, Cell>(
    keys: (report: RunReport) => readonly Key[],
    cell: (report: RunReport, key: Key) => Cell | undefined,
  ): [Key, (Cell | null)[]][] => {
    const all = new Set(reports.flatMap(report => (report === undefined ? [] : keys(report))))
    return [...all].map(key => [key, reports.map(report => (report && cell(report, key)) ?? null)])
  }
  return {
    runs: named.map(run => ('report' in run ? { name: run.name, ...summary(run.report) } : run)),
    exits: rows(
      ({ exits }) => Object.keys(exits) as (keyof ExitCounts)[],
      ({ exits }, kind) => exits[kind],
    ).map(([kind, counts]) => ({ kind, counts })),
    hypercalls: rows(
      ({ hypercalls = {} }) => Object.keys(hypercalls),
      // A backend that counts, and counted none.
      ({ hypercalls }, name) => hypercalls && (hypercalls[name] ?? 0),
    ).map(([name, counts]) => ({ name, counts })),
    ops: rows(({ ops }) => ops.map(({ op }) => op), answerOf).map(([op, answers]) => ({ op, answers })),
  }
}

function summary(report: RunReport): Omit<ComparedRun, 'name'> {
  const { backend, head, modules, stop, instructions, virtualNs, hypercalls } = report
  const total = hypercalls && Object.values(hypercalls).reduce((sum, count) => sum + count, 0)
  return {
    backend,
    head,
    modules,
    stop,
    instructions,
    virtualNs,
    ...(total === undefined ? {} : { hypercalls: total }),
  }
}

function answerOf({ ops }: RunReport, op: string): ComparedAnswer | undefined {
  const slots = ops.filter(row => row.op === op)
  const [first] = slots
  if (first === undefined) return undefined
  const { owner, answer, via } = first
  const calls = slots.reduce((sum, row) => sum + row.calls, 0)
  return { owner, answer, calls, ...(via === undefined ? {} : { via }) }
}
