/**
 * The ledger: who owns each slot, since when, how many sites go through it, how many the guest has patched, how often
 * it was called. The graft's installations, the guest's patcher and every call are entered here by the machine.
 */
import { ParagraftError } from '../errors.ts'
import type { AnswerKind } from './define.ts'

/** One row of `ops[]` in the run report. */
export interface OpReport {
  op: string
  slot: number
  /** Name of the module, or `guest` where the guest's own function stays. */
  owner: string
  answer: AnswerKind
  /** Call sites in the guest's text that name this slot. */
  sites: number
  /** Sites that the guest's patcher has rewritten, so that the slot is out of the way. */
  patched: number
  /** Calls that reached the answer. Native slots are counted only where the machine can see them. */
  calls: number
  /** What the backend's interface makes of the op, where it serves the guest's ops: `SetCR3: call`. */
  via?: string
  /** Who had the slot before, oldest first, where it changed hands while the guest ran. */
  before?: readonly EarlierOwner[]
}

/** An owner that a slot had until another took it. */
export interface EarlierOwner {
  owner: string
  answer: AnswerKind
  /** When the next one took it. */
  until: Moment
  /** Calls that reached it. */
  calls: number
}

/** When something happened, in both of the machine's counts. */
export interface Moment {
  /** Virtual nanoseconds since power-on. */
  readonly virtualNs: number
  /** Retired instructions since power-on. */
  readonly instructions: number
}

/** An entry of the ledger in full. */
export interface LedgerRow extends OpReport {
  /** When the present owner installed it; null: it was so in the image. */
  since: Moment | null
  /** What the slot holds: a guest virtual address, or a data word. */
  target: number
  /** Adapters between the slot's op and the answered one, if any. */
  adapter?: string
}

/** What is entered when a slot changes hands. */
export interface Installation {
  owner: string
  answer: AnswerKind
  target: number
  at: Moment
  adapter?: string
  /** The guest has been running: who had the slot before is kept. */
  late?: true
}

/** What the ledger needs of a guest's layout. */
export interface LedgerLayout {
  readonly slots: readonly { readonly slot: number; readonly op: string; readonly target: number }[]
  readonly sites: readonly { readonly slot: number }[]
}

export class Ledger {
  readonly #rows: LedgerRow[]

  constructor(layout: LedgerLayout) {
    this.#rows = layout.slots.map(({ slot, op, target }) => ({
      op,
      slot,
      owner: 'guest',
      answer: 'native',
      sites: layout.sites.filter(site => site.slot === slot).length,
      patched: 0,
      calls: 0,
      since: null,
      target,
    }))
  }

  /** Enters that a slot changed hands. Counts go on: they belong to the slot. Throws `PG_LEDGER_SLOT`. */
  install(slot: number, installation: Installation): void {
    const { owner, answer, target, at, adapter, late } = installation
    const row = this.#row(slot)
    if (late) {
      const before = row.before ?? []
      const calls = row.calls - before.reduce((sum, earlier) => sum + earlier.calls, 0)
      row.before = [...before, { owner: row.owner, answer: row.answer, until: { ...at }, calls }]
    }
    Object.assign(row, { owner, answer, target, since: { ...at } })
    if (adapter === undefined) delete row.adapter
    else row.adapter = adapter
  }

  /** Enters that the guest rewrote call sites of a slot. Throws `PG_LEDGER_SLOT`. */
  patched(slot: number, sites = 1): void {
    this.#row(slot).patched += sites
  }

  /** Enters calls that reached a slot's answer. Throws `PG_LEDGER_SLOT`. */
  called(slot: number, calls = 1): void {
    this.#row(slot).calls += calls
  }

  /** Takes over rows that {@link rows} gave, of a ledger for the same layout. Throws `PG_LEDGER_SLOT`. */
  restore(rows: readonly LedgerRow[]): void {
    for (const saved of rows) Object.assign(this.#row(saved.slot), saved)
  }

  /** A copy of all rows, in slot order. */
  rows(): LedgerRow[] {
    return this.#rows.map(row => ({ ...row }))
  }

  /** The rows as the run report has them. */
  report(): OpReport[] {
    return this.#rows.map(({ op, slot, owner, answer, sites, patched, calls }) => ({
      op,
      slot,
      owner,
      answer,
      sites,
      patched,
      calls,
    }))
  }

  #row(slot: number): LedgerRow {
    const row = this.#rows.find(candidate => candidate.slot === slot)
    if (row) return row
    throw new ParagraftError('PG_LEDGER_SLOT', `the guest's table has no slot ${slot}`, {
      fields: { slot, slots: this.#rows.length },
      hint: 'This is a bug in the caller: slots come from the layout for which the ledger was made.',
    })
  }
}

/** A table in plain text, numbers to the right, one line per row, without trailing spaces. */
export function formatTable(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [header, ...rows].map(row => row.map(String))
  const numeric = header.map((_, column) => rows.length > 0 && rows.every(row => typeof row[column] === 'number'))
  const widths = header.map((_, column) => Math.max(...cells.map(row => row[column]!.length)))
  return cells
    .map(row =>
      row
        .map((cell, column) => (numeric[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The ledger for people: one line per slot. */
export function formatLedger(rows: readonly (OpReport & Partial<LedgerRow>)[]): string {
  const served = rows.some(row => row.via !== undefined)
  const changed = rows.some(row => row.before !== undefined)
  return formatTable(
    [
      'slot',
      'op',
      ...(changed ? ['before'] : []),
      'owner',
      'answer',
      ...(served ? ['via'] : []),
      'since',
      'sites',
      'patched',
      'calls',
    ],
    rows.map(row => [
      row.slot,
      row.op,
      ...(changed ? [row.before?.map(({ owner }) => owner).join(', ') ?? '-'] : []),
      row.owner,
      row.answer,
      ...(served ? [row.via ?? '-'] : []),
      row.since ? `${(row.since.virtualNs / 1e6).toFixed(3)} ms` : '-',
      row.sites,
      row.patched,
      row.calls,
    ]),
  )
}
