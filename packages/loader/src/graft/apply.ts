/**
 * Applying a planned graft to a placed guest: check that the guest is the one that was planned for, write the region,
 * neutralise the patch records, and redirect the entrypoint. All checks come before the first write.
 *
 * The table itself is not written here: the module's own guest code, the installer, does that as the guest's first
 * instructions, and then jumps to the entry as if nothing had happened.
 */
import { guestPhysical } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import type { StartOfDay } from '@paragraft/core/image'
import type { Graft } from '@paragraft/core/layout'
import type { AdmittedOps } from '@paragraft/core/ops'
import type { GuestMemory } from '@paragraft/core/ports'
import type { CallCounter, GraftPlan, PlannedStub, SlotOwner } from './plan.ts'

const CR0_PG = 0x8000_0000
const hex = (value: number): string => `0x${value.toString(16)}`

/** A graft in place. {@link Graft.admitted} is the last module's; {@link modules} has all. */
export interface AppliedGraft extends Graft {
  modules: AdmittedOps[]
  hostStubs: PlannedStub[]
  counters: CallCounter[]
  owners: SlotOwner[]
}

/**
 * Puts a plan into the memory of a guest that its head has placed, by the guest's own physical addresses. Throws `PG_GRAFT_MISMATCH` when the placed guest is not
 * what the plan was made for, `PG_GRAFT_NOT_RESERVED` when the head did not keep the region free; memory is then as before.
 */
export function applyGraft(ram: GuestMemory, startOfDay: StartOfDay, plan: GraftPlan): AppliedGraft {
  const memory = guestPhysical(ram, startOfDay)
  const { layout, modules, image } = plan.request
  const last = modules[modules.length - 1]
  if (last === undefined) throw mismatch('there is no module to graft', { format: image.format })
  check(memory, startOfDay, plan)
  memory.write(plan.room.pa, plan.bytes)
  for (const scrub of plan.scrubs) memory.write(scrub.pa, scrub.bytes)
  return {
    layout,
    admitted: last,
    modules: [...modules],
    startOfDay: {
      ...startOfDay,
      registers: { ...startOfDay.registers, eip: plan.entry },
      used: [...startOfDay.used, { base: plan.room.pa, length: plan.room.length, what: 'grafted ops' }].sort(
        (a, b) => a.base - b.base,
      ),
    },
    entry: plan.entry,
    originalEntry: plan.originalEntry,
    pages: plan.pages,
    hostStubs: plan.hostStubs,
    counters: plan.counters,
    owners: plan.owners,
    installs: plan.installs,
    scrubbed: plan.scrubs.map(scrub => ({ va: scrub.siteVa, slot: scrub.slot, what: scrub.what })),
  }
}

/** Calls so far of every slot that is answered by code, by slot number. `memory`: by the guest's physical addresses. */
export function codeCalls(memory: GuestMemory, graft: Pick<AppliedGraft, 'counters'>): Map<number, number> {
  const calls = new Map<number, number>()
  for (const { slot, pa } of graft.counters) calls.set(slot, memory.read32(pa))
  return calls
}

function check(memory: GuestMemory, start: StartOfDay, plan: GraftPlan): void {
  const { layout, paging = false } = plan.request
  if (start.registers.eip !== plan.originalEntry) {
    throw mismatch(`the head enters at ${hex(start.registers.eip)}, planned was ${hex(plan.originalEntry)}`, {
      eip: start.registers.eip,
      planned: plan.originalEntry,
    })
  }
  if ((((start.registers.cr0 ?? 0) & CR0_PG) !== 0) !== paging) {
    throw mismatch(`the head enters with paging ${paging ? 'off' : 'on'}, planned was the opposite`, {
      cr0: start.registers.cr0 ?? 0,
    })
  }
  checkReserved(memory, start, plan.room)
  for (const { slot, target, op } of layout.slots) {
    const found = memory.read32(layout.tablePa + 4 * slot)
    if (found !== target) {
      throw mismatch(`slot ${slot} (${op}) holds ${hex(found)}, the image had ${hex(target)}`, {
        slot,
        op,
        found,
        target,
      })
    }
  }
}

/** Throws `PG_GRAFT_NOT_RESERVED` unless the head has kept the region free. */
export function checkReserved(memory: GuestMemory, start: StartOfDay, { pa, length }: GraftPlan['room']): void {
  const end = pa + length
  const clash =
    start.used.find(piece => piece.base < end && pa < piece.base + piece.length) ??
    start.memoryMap.find(range => range.type === 1 && range.base < end && pa < range.base + range.length)
  if (clash !== undefined || end > memory.size) {
    throw new ParagraftError('PG_GRAFT_NOT_RESERVED', `${hex(pa)}–${hex(end)} was not kept free for the module`, {
      fields: { base: pa, length, memorySize: memory.size, ...(clash === undefined ? {} : { clash }) },
      hint: "Pass the plan's `reserve` to the head's place().",
    })
  }
}

function mismatch(message: string, fields: Record<string, unknown>): ParagraftError {
  return new ParagraftError('PG_GRAFT_MISMATCH', message, {
    fields,
    hint: 'Plan the graft for the same image, head and memory size that are placed.',
  })
}
