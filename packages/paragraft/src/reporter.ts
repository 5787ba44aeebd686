/**
 * Diagnostics said once: the first report of a key is passed on, later ones are counted. A guest can make up keys without end
 * (MSRs, ports, hypercalls by number), so that beyond a number of them all further ones are one.
 */
import type { Reporter, Snapshotable } from '@paragraft/core'

/** One subject that was reported. */
export interface Reported {
  key: string
  message: string
  count: number
}

/** Keys that are told apart. */
export const MOST_KEYS = 1000
const BEYOND: readonly [string, string] = [
  'more',
  `more than ${MOST_KEYS} different things; what is beyond is counted here`,
]

export class ReportLog implements Reporter, Snapshotable<Reported[]> {
  readonly #reports = new Map<string, Reported>()
  readonly #first: (report: Reported) => void

  /** `first` is called for the first report of each key. */
  constructor(first: (report: Reported) => void) {
    this.#first = first
  }

  report(key: string, message: string): void {
    const known = this.#reports.get(key)
    if (known) {
      known.count++
      return
    }
    if (this.#reports.size >= MOST_KEYS && key !== BEYOND[0]) {
      this.report(...BEYOND)
      return
    }
    const reported = { key, message, count: 1 }
    this.#reports.set(key, reported)
    this.#first(reported)
  }

  save(): Reported[] {
    return this.all()
  }

  restore(reports: Reported[]): void {
    this.#reports.clear()
    for (const { key, message, count } of reports) this.#reports.set(key, { key, message, count })
  }

  /** All subjects, in the order of their first report. */
  all(): Reported[] {
    return [...this.#reports.values()].map(reported => ({ ...reported }))
  }
}
