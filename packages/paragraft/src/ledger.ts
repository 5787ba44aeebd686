/**
 * The ledger of a running machine: for every slot of the guest's table who owns it, how many call sites it has, how many
 * of those the guest's patcher has rewritten, and how often its answer was reached.
 */
import type { CallSite, GuestLayout, GuestMemory, OpReport } from '@paragraft/core'
import { type AppliedGraft, codeCalls } from '@paragraft/loader'

/** `CALL r/m32` and `JMP r/m32` with a disp32 operand (Intel SDM vol. 2): what a site is before it is patched. */
const CALL_INDIRECT = 0x15ff
const JUMP_INDIRECT = 0x25ff

export interface LedgerSources {
  layout: GuestLayout
  /** Absent when the guest's own ops stay. */
  graft?: AppliedGraft
  memory: GuestMemory
  /** Calls of a host answer by slot. */
  hostCalls: ReadonlyMap<number, number>
  /** Executions of a native function by its virtual address, where they are watched. */
  nativeCalls: (va: number) => number
}

export class Ledger {
  readonly #sources: LedgerSources
  readonly #installed = new Set<number>()

  constructor(sources: LedgerSources) {
    this.#sources = sources
  }

  /** Slots whose new function has appeared in the guest's table since the last look. */
  newlyInstalled(): { slot: number; op: string; owner: string }[] {
    const { graft, layout, memory } = this.#sources
    if (graft === undefined || this.#installed.size === graft.installs.length) return []
    const found = graft.installs.filter(
      ({ slot, target }) => !this.#installed.has(slot) && memory.read32(layout.tablePa + 4 * slot) === target,
    )
    for (const { slot } of found) this.#installed.add(slot)
    return found.map(({ slot, op }) => ({
      slot,
      op,
      owner: graft.owners.find(owner => owner.slot === slot)?.owner ?? 'guest',
    }))
  }

  /** One row per slot of the table. */
  rows(): OpReport[] {
    const { graft, layout, memory, hostCalls, nativeCalls } = this.#sources
    const code = graft === undefined ? new Map<number, number>() : codeCalls(memory, graft)
    return layout.slots.map(({ slot, op, target, kind }): OpReport => {
      const owner = graft?.owners.find(candidate => candidate.slot === slot)
      const answer = owner?.answer ?? 'native'
      const sites = layout.sites.filter(site => site.slot === slot)
      const calls =
        answer === 'host'
          ? (hostCalls.get(slot) ?? 0)
          : answer === 'code'
            ? (code.get(slot) ?? 0)
            : answer === 'native' && kind === 'fn'
              ? nativeCalls(target)
              : 0
      return {
        op,
        slot,
        owner: owner?.owner ?? 'guest',
        answer,
        sites: sites.length,
        patched: sites.filter(site => isPatched(site, layout, memory)).length,
        calls,
      }
    })
  }
}

/** A site is patched when it no longer goes through its slot. */
function isPatched(site: CallSite, layout: GuestLayout, memory: GuestMemory): boolean {
  const opcode = memory.read16(site.pa)
  if (opcode !== CALL_INDIRECT && opcode !== JUMP_INDIRECT) return true
  return memory.read32(site.pa + 2) !== layout.tableVa + 4 * site.slot
}
