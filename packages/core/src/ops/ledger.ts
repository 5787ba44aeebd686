/** The ledger: who owns each slot, since when, how many sites, how many patched, how often called. */
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
}
