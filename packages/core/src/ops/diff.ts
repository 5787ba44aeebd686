/** What changed between two eras, by op identity: for `paragraft ops diff A B` and for authors who move a module. */
import { type Adapter, adaptersFor } from './adapters.ts'
import { opEntry, opVersion } from './catalogue.ts'
import type { Era, EraSlot } from './era.ts'

export interface OpChange {
  readonly op: string
  readonly from: EraSlot
  readonly to: EraSlot
}

export interface EraDiff {
  /** Ops of the second era that the first lacks. */
  readonly added: readonly EraSlot[]
  /** Ops of the first era that the second lacks, with those of the second whose answers adapters bring back. */
  readonly removed: readonly (EraSlot & { readonly servedBy: readonly string[] })[]
  /** Same op under another member name (the container's name does not count). */
  readonly renamed: readonly OpChange[]
  /** Same op with another signature. */
  readonly changed: readonly (OpChange & { readonly was: string; readonly is: string })[]
  /** Same op, but another calling convention: callee-save or no longer. */
  readonly convention: readonly OpChange[]
  /** Ops that are in both at different slots. */
  readonly moved: number
}

/** The difference from era `a` to era `b`. */
export function diffEras(a: Era, b: Era): EraDiff {
  const inA = new Map(a.slots.map(slot => [slot.op, slot]))
  const inB = new Map(b.slots.map(slot => [slot.op, slot]))
  const both = a.slots.flatMap((from): OpChange[] => {
    const to = inB.get(from.op)
    return to ? [{ op: from.op, from, to }] : []
  })
  const text = (slot: EraSlot) => opVersion(opEntry(slot.op), slot.version)?.signature.text ?? ''
  const table = new Set(a.slots.map(slot => slot.op))
  return {
    added: b.slots.filter(slot => !inA.has(slot.op)),
    removed: a.slots
      .filter(slot => !inB.has(slot.op))
      .map(slot => ({
        ...slot,
        servedBy: adaptersFor(slot.op, slot.version, table)
          .filter((adapter: Adapter) => inB.has(adapter.answered.op) && adapter.coverage === 'total')
          .map(adapter => adapter.answered.op),
      })),
    renamed: both.filter(({ from, to }) => memberName(from) !== memberName(to)),
    changed: both
      .filter(({ from, to }) => from.version !== to.version)
      .map(change => ({ ...change, was: text(change.from), is: text(change.to) })),
    convention: both.filter(({ from, to }) => from.calleeSave !== to.calleeSave),
    moved: both.filter(({ from, to }) => from.slot !== to.slot).length,
  }
}

/** `pv_mmu_ops.flush_tlb_single` → `flush_tlb_single`; `mmu.lazy_mode.enter` → `lazy_mode.enter`. */
function memberName(slot: EraSlot): string {
  return slot.member.replace(/^(pv_\w+_ops|init|time|cpu|irq|mmu|lock)\./, '')
}
