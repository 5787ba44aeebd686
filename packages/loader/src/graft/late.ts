/**
 * Grafts that take their slots later, in a guest that has booted the ordinary way: their code lies in reserved memory from the
 * start, and at the moment of installation only words of the table change. The guest calls through its slots, so it goes on
 * with the new functions at its next call; a site that its patcher has rewritten asks no slot any more, and then it is too
 * late.
 */
import { guestPhysical } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import type { StartOfDay } from '@paragraft/core/image'
import type { CallSite, GuestLayout } from '@paragraft/core/layout'
import type { GuestMemory } from '@paragraft/core/ports'
import { checkReserved } from './apply.ts'
import { type GraftPlan, type GraftRequest, planGraft } from './plan.ts'

/** `CALL r/m32` and `JMP r/m32` with a disp32 operand (Intel SDM vol. 2): what a site is before it is patched. */
const CALL_INDIRECT = 0x15ff
const JUMP_INDIRECT = 0x25ff

/** A site is patched when it no longer goes through its slot. `memory`: by the guest's physical addresses. */
export function isPatched(site: CallSite, layout: GuestLayout, memory: GuestMemory): boolean {
  const opcode = memory.read16(site.pa)
  if (opcode !== CALL_INDIRECT && opcode !== JUMP_INDIRECT) return true
  return memory.read32(site.pa + 2) !== layout.tableVa + 4 * site.slot
}

/**
 * Plans a graft for later, below those that are planned already: `entry` is the one of the modules that are installed at entry,
 * whose functions it finds in the table, `late` are others for later. Throws what `planGraft` throws.
 */
export function planLateGraft(
  request: GraftRequest,
  entry: GraftPlan | undefined,
  late: readonly GraftPlan[],
): GraftPlan {
  const earlier = [...(entry === undefined ? [] : [entry]), ...late]
  const held = new Map(entry?.installs.map(({ slot, target }) => [slot, target]))
  const slots = request.layout.slots.map(slot => ({ ...slot, target: held.get(slot.slot) ?? slot.target }))
  return planGraft({
    ...request,
    layout: { ...request.layout, slots },
    firstStub: earlier.reduce((sum, { hostStubs }) => sum + hostStubs.length, 0),
    ...(earlier.length === 0 ? {} : { below: Math.min(...earlier.map(({ room }) => room.pa)) }),
  })
}

/** Writes the region of a graft for later into the memory of a guest that has been placed. Throws `PG_GRAFT_NOT_RESERVED`. */
export function placeLateGraft(ram: GuestMemory, start: StartOfDay, plan: GraftPlan): void {
  const memory = guestPhysical(ram, start)
  checkReserved(memory, start, plan.room)
  memory.write(plan.room.pa, plan.bytes)
}

/**
 * Takes the slots. `memory`: by the guest's physical addresses. Throws `PG_INSTALL_PATCHED` when the guest has patched call sites
 * of them, and `PG_INSTALL_TABLE` when one holds something else than it did at entry; the table is then as before.
 */
export function installLateGraft(memory: GuestMemory, plan: GraftPlan): void {
  const { layout, modules } = plan.request
  const module = modules.map(({ module: { name } }) => name).join(', ')
  const taken = new Map(plan.installs.map(({ slot, op }) => [slot, op]))
  const patched = layout.sites.filter(site => taken.has(site.slot) && isPatched(site, layout, memory))
  if (patched.length > 0) {
    const ops = [...new Set(patched.map(({ slot }) => taken.get(slot)!))]
    throw new ParagraftError(
      'PG_INSTALL_PATCHED',
      `${module} comes too late: the guest has patched ${patched.length} call sites of ${ops.join(', ')}`,
      {
        fields: { module, ops, sites: patched.length },
        hint: 'Install it before the guest patches its call sites, or at entry.',
      },
    )
  }
  const before = new Map(layout.slots.map(({ slot, target }) => [slot, target]))
  for (const { slot, op } of plan.installs) {
    const [found, expected] = [memory.read32(layout.tablePa + 4 * slot), before.get(slot)]
    if (found === expected) continue
    throw new ParagraftError(
      'PG_INSTALL_TABLE',
      `${module} was planned for slot ${slot} (${op}) with 0x${expected?.toString(16)}, and it holds 0x${found.toString(16)}`,
      {
        fields: { module, slot, op, found, expected },
        hint: 'The guest, or another module, has taken the slot meanwhile.',
      },
    )
  }
  for (const scrub of plan.scrubs) memory.write(scrub.pa, scrub.bytes)
  for (const { slot, target } of plan.installs) memory.write32(layout.tablePa + 4 * slot, target)
}
