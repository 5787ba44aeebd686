/** Diagnostics said once: the first report of a key is passed on, later ones are counted. */
import type { Reporter } from '@paragraft/core'

/** One subject that was reported. */
export interface Reported {
  key: string
  message: string
  count: number
}

export class ReportLog implements Reporter {
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
    const reported = { key, message, count: 1 }
    this.#reports.set(key, reported)
    this.#first(reported)
  }

  /** All subjects, in the order of their first report. */
  all(): Reported[] {
    return [...this.#reports.values()].map(reported => ({ ...reported }))
  }
}
