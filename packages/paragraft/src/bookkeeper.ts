/**
 * Keeps core's ledger for a running machine: sees the module's functions appear in the guest's table, the guest's patcher
 * rewrite its call sites, and every call that reaches an answer.
 */
import {
  type CallSite,
  type GuestLayout,
  type GuestMemory,
  Ledger,
  type LedgerRow,
  type Moment,
  type Snapshotable,
} from '@paragraft/core'
import { type AppliedGraft, codeCalls, type GraftPlan, isPatched } from '@paragraft/loader'

export interface BookkeeperSources {
  layout: GuestLayout
  /** Absent when the guest's own ops stay. */
  graft?: AppliedGraft
  memory: GuestMemory
  /** Counts executions of the instruction at a physical address; returns a function that reads the count. */
  probe: (pa: number) => () => number
}

/** A slot that changed hands. */
export interface Installed {
  slot: number
  op: string
  owner: string
}

/** What a snapshot keeps; the counts of probes are the engine's, those of code answers in guest memory. */
export interface BookkeeperState {
  ledger: LedgerRow[]
  /** Slots whose function has not been seen in the table. */
  awaited: number[]
  /** Patched call sites, by their physical addresses. */
  patched: number[]
  hostCalls: [slot: number, calls: number][]
  entered: [slot: number, calls: number][]
  /** Calls that earlier owners had had of slots that changed hands while the guest ran. */
  earlier: [slot: number, calls: number][]
}

export class Bookkeeper implements Snapshotable<BookkeeperState> {
  readonly #sources: BookkeeperSources
  readonly #ledger: Ledger
  /** Slots whose module function has not been seen in the table yet. */
  readonly #awaited: Map<number, { op: string; target: number }>
  readonly #patched = new Set<CallSite>()
  readonly #hostCalls = new Map<number, number>()
  /** Counters of the call sites of each slot that stays the guest's. */
  readonly #probes = new Map<number, (() => number)[]>()
  /** Calls already entered, by slot. */
  readonly #entered = new Map<number, number>()
  /** Grafts that took slots while the guest ran, and the calls that those slots had had by then. */
  readonly #late: GraftPlan[] = []
  readonly #earlier = new Map<number, number>()

  constructor(sources: BookkeeperSources) {
    const { graft, layout, memory, probe } = sources
    this.#sources = sources
    this.#ledger = new Ledger(layout)
    this.#awaited = new Map(graft?.installs.map(({ slot, op, target }) => [slot, { op, target }]))
    const replaced = new Set(this.#awaited.keys())
    // What the guest keeps is counted where it is called: its functions have other callers too, and are shared by slots.
    for (const { slot, pa } of layout.sites) {
      if (replaced.has(slot) || pa < 0 || pa >= memory.size) continue
      const counters = this.#probes.get(slot) ?? []
      counters.push(probe(pa))
      this.#probes.set(slot, counters)
    }
  }

  /** True while functions of the module are still to appear in the guest's table. */
  get expectsInstalls(): boolean {
    return this.#awaited.size > 0
  }

  /** Looks at the table; enters and returns what has been installed since the last look. */
  look(at: Moment): Installed[] {
    const { graft, layout, memory } = this.#sources
    const found: Installed[] = []
    for (const [slot, { op, target }] of this.#awaited) {
      if (memory.read32(layout.tablePa + 4 * slot) !== target) continue
      this.#awaited.delete(slot)
      const { owner, answer } = graft?.owners.find(candidate => candidate.slot === slot) ?? {
        owner: 'guest',
        answer: 'native' as const,
      }
      const adapter = graft?.modules
        .find(({ module }) => module.name === owner)
        ?.slots.find(s => s.slot.slot === slot)?.adapter
      this.#ledger.install(slot, { owner, answer, target, at, ...(adapter === undefined ? {} : { adapter }) })
      found.push({ slot, op, owner })
    }
    return found
  }

  /** A graft has taken its slots while the guest runs: enters both owners, and the moment. */
  changed(plan: GraftPlan, at: Moment): Installed[] {
    // Calls until now are the earlier owners'.
    this.rows()
    this.resume(plan)
    const module = plan.request.modules[0]
    return plan.installs.map(({ slot, op, target }) => {
      const { owner, answer } = plan.owners.find(candidate => candidate.slot === slot)!
      const adapter = module?.slots.find(admitted => admitted.slot.slot === slot)?.adapter
      this.#earlier.set(slot, this.#entered.get(slot) ?? 0)
      this.#hostCalls.delete(slot)
      this.#ledger.install(slot, {
        owner,
        answer,
        target,
        at,
        late: true,
        ...(adapter === undefined ? {} : { adapter }),
      })
      return { slot, op, owner }
    })
  }

  /** A graft that took its slots before: from now on their calls are counted where it answers. */
  resume(plan: GraftPlan): void {
    this.#late.push(plan)
    for (const { slot } of plan.installs) this.#probes.delete(slot)
  }

  /** Enters a call that a host function answers. */
  hostCalled(slot: number): void {
    this.#hostCalls.set(slot, (this.#hostCalls.get(slot) ?? 0) + 1)
  }

  save(): BookkeeperState {
    return {
      ledger: this.#ledger.rows(),
      awaited: [...this.#awaited.keys()],
      patched: Array.from(this.#patched, site => site.pa),
      hostCalls: [...this.#hostCalls],
      entered: [...this.#entered],
      earlier: [...this.#earlier],
    }
  }

  restore(state: BookkeeperState): void {
    this.#ledger.restore(state.ledger)
    const awaited = new Set(state.awaited)
    for (const slot of [...this.#awaited.keys()]) if (!awaited.has(slot)) this.#awaited.delete(slot)
    const patched = new Set(state.patched)
    for (const site of this.#sources.layout.sites) if (patched.has(site.pa)) this.#patched.add(site)
    for (const [slot, calls] of state.hostCalls) this.#hostCalls.set(slot, calls)
    for (const [slot, calls] of state.entered) this.#entered.set(slot, calls)
    for (const [slot, calls] of state.earlier) this.#earlier.set(slot, calls)
  }

  /** Every row, up to date. */
  rows(): LedgerRow[] {
    const { graft, layout, memory } = this.#sources
    for (const site of layout.sites) {
      if (this.#patched.has(site) || !isPatched(site, layout, memory)) continue
      this.#patched.add(site)
      this.#ledger.patched(site.slot)
    }
    for (const [slot, calls] of this.#hostCalls) this.#enter(slot, this.#since(slot) + calls)
    for (const [slot, calls] of graft === undefined ? [] : codeCalls(memory, graft)) {
      if (!this.#earlier.has(slot)) this.#enter(slot, calls)
    }
    for (const plan of this.#late) {
      for (const [slot, calls] of codeCalls(memory, plan)) this.#enter(slot, this.#since(slot) + calls)
    }
    for (const [slot, counters] of this.#probes) {
      this.#enter(
        slot,
        counters.reduce((sum, count) => sum + count(), 0),
      )
    }
    return this.#ledger.rows()
  }

  #since(slot: number): number {
    return this.#earlier.get(slot) ?? 0
  }

  #enter(slot: number, calls: number): void {
    const before = this.#entered.get(slot) ?? 0
    if (calls > before) this.#ledger.called(slot, calls - before)
    this.#entered.set(slot, calls)
  }
}
