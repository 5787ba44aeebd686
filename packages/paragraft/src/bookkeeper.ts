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
import { type AppliedGraft, codeCalls } from '@paragraft/loader'

/** `CALL r/m32` and `JMP r/m32` with a disp32 operand (Intel SDM vol. 2): what a site is before it is patched. */
const CALL_INDIRECT = 0x15ff
const JUMP_INDIRECT = 0x25ff

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
  }

  /** Every row, up to date. */
  rows(): LedgerRow[] {
    const { graft, layout, memory } = this.#sources
    for (const site of layout.sites) {
      if (this.#patched.has(site) || !isPatched(site, layout, memory)) continue
      this.#patched.add(site)
      this.#ledger.patched(site.slot)
    }
    for (const [slot, calls] of this.#hostCalls) this.#enter(slot, calls)
    for (const [slot, calls] of graft === undefined ? [] : codeCalls(memory, graft)) this.#enter(slot, calls)
    for (const [slot, counters] of this.#probes) {
      this.#enter(
        slot,
        counters.reduce((sum, count) => sum + count(), 0),
      )
    }
    return this.#ledger.rows()
  }

  #enter(slot: number, calls: number): void {
    const before = this.#entered.get(slot) ?? 0
    if (calls > before) this.#ledger.called(slot, calls - before)
    this.#entered.set(slot, calls)
  }
}

/** A site is patched when it no longer goes through its slot. */
function isPatched(site: CallSite, layout: GuestLayout, memory: GuestMemory): boolean {
  const opcode = memory.read16(site.pa)
  if (opcode !== CALL_INDIRECT && opcode !== JUMP_INDIRECT) return true
  return memory.read32(site.pa + 2) !== layout.tableVa + 4 * site.slot
}
