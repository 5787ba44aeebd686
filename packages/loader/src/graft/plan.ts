/**
 * Planning a graft: everything that will be in guest memory is computed here, and nothing is written.
 *
 * The walk of a boot with ops modules:
 *
 *   image   = await parseImage(bytes)
 *   head    = the backend's head that matches; its probe names the entry
 *   layout  = requireLayout(image)
 *   modules = ops modules, each through core's admit(module, layout)
 *   plan    = planGraft({ image, layout, modules, entry, memorySize })
 *   start   = head.place(image, { …, reserve: plan.reserve, modules: [...plan.bootModules, …] }, memory)
 *   graft   = applyGraft(memory, start, plan)                               (apply.ts)
 *   the machine runs from graft.startOfDay, with the host-op opcode valid in graft.pages where `stubs` is set
 *
 * One region of guest RAM takes it all, page by page: counters, host stubs, the installer and the counting thunks, then
 * the code of each module. Several modules go into one graft, in the order given: a later one takes a slot from an
 * earlier one, and its `pg_native_…` is then the earlier one's function.
 */

import type { LinkedObject } from '@paragraft/core/elf'
import { ParagraftError } from '@paragraft/core/errors'
import type { BootModule, GuestImage } from '@paragraft/core/image'
import type { GuestLayout, HostStub } from '@paragraft/core/layout'
import type { AdmittedOps, AdmittedSlot, AnswerKind } from '@paragraft/core/ops'
import type { Reservation } from '@paragraft/core/placement'
import { readAlternatives, type Scrub, scrubs } from '../layouts/alternatives.ts'
import { ImageView } from '../layouts/view.ts'
import { measure, pageRanges } from './parts.ts'
import { codeAddress, Region, symbolAddress } from './region.ts'
import { findRoom, type Room } from './room.ts'

export interface GraftRequest {
  image: GuestImage
  layout: GuestLayout
  /** At least one; a later module wins a slot that several answer. */
  modules: readonly AdmittedOps[]
  /** The entry that the head's probe named: linear address at entry. Or the one that a module brings for the head. */
  entry: number | BroughtEntry
  /** RAM of the machine, bytes. */
  memorySize: number
  /** True for heads that enter with paging on: the installer then uses virtual addresses. Default false. */
  paging?: boolean
  /** Physical address below which the region must end; for further grafts of one guest. */
  below?: number
  /** Index of the first host stub; for further grafts of one guest. Default 0. */
  firstStub?: number
}

/** An entrypoint in a module's code: its index into {@link GraftRequest.modules}, and the symbol. */
export interface BroughtEntry {
  module: number
  symbol: string
}

/** A host stub with the answer that its index stands for. */
export interface PlannedStub extends HostStub {
  /** Index into {@link GraftRequest.modules}. */
  module: number
  slot: number
  op: string
  answer: AdmittedSlot
}

/** Where the calls of one `code` answer are counted: a 32-bit word in the region. */
export interface CallCounter {
  slot: number
  module: number
  va: number
  pa: number
}

/** Who owns a slot after the graft. */
export interface SlotOwner {
  slot: number
  op: string
  /** Module name, or `guest`. */
  owner: string
  answer: AnswerKind
}

/** Everything that {@link planGraft} decided. Plain data, to be handed to `applyGraft`. */
export interface GraftPlan {
  request: GraftRequest
  room: Room
  /** The region's contents, `room.length` bytes. */
  bytes: Uint8Array
  /** For `PlaceOptions.reserve`: keep this out of RAM, say so in the memory map. */
  reserve: Reservation[]
  /** For heads that list boot modules: the region, in place, with the modules' names and versions as command line. */
  bootModules: BootModule[]
  /** Linear address of the installer, and of the entry that it jumps to: the guest's own, or a module's for this head. */
  entry: number
  originalEntry: number
  pages: { va: number; pa: number; length: number; stubs: boolean }[]
  hostStubs: PlannedStub[]
  counters: CallCounter[]
  installs: { slot: number; op: string; target: number }[]
  owners: SlotOwner[]
  scrubs: (Scrub & { pa: number })[]
}

/**
 * Plans a graft. Throws `PG_GRAFT_NO_ROOM` (with sizes), `PG_GRAFT_NO_NOP`, `PG_GRAFT_CODE` and `PG_GRAFT_SYMBOL` for code
 * answers that the object does not have, and what reading and linking the object throws (`PG_IMAGE_…`, `PG_LINK_…`).
 */
export function planGraft(request: GraftRequest): GraftPlan {
  const { image, layout, modules, entry, memorySize, paging = false, below, firstStub = 0 } = request
  const parts = measure(modules, layout.slots.length)
  const room = findRoom(image, layout, parts.total, Math.min(memorySize, below ?? memorySize))
  const region = new Region(room, parts, firstStub)
  const table = new Table(layout, region)
  let originalEntry = typeof entry === 'number' ? entry : undefined
  const guest = guestSymbols(image)
  modules.forEach((module, index) => {
    const linked = region.link(index, layout, table.targets, originalEntry, guest)
    if (typeof entry !== 'number' && entry.module === index) {
      originalEntry = codeAddress(linked, entry.symbol, { entry: entry.symbol })
    }
    for (const answer of module.slots) table.answer(answer, index, module.module.name, linked)
  })
  const installs = table.installs()
  if (originalEntry === undefined) throw new RangeError('the entry is of a module that is not there')
  const installer = region.finish(installs, paging ? layout.tableVa : layout.tablePa, originalEntry, paging)
  const names = modules.map(({ module }) => `${module.name} ${module.version}`).join(', ')
  return {
    request,
    room,
    bytes: region.bytes,
    reserve: [{ base: room.pa, length: room.length, type: 2, what: `ops of ${names}` }],
    bootModules: [{ bytes: region.bytes, commandLine: names, at: room.pa }],
    entry: installer,
    originalEntry,
    pages: pageRanges(parts, room.length).map(({ offset, ...range }) => ({ ...region.at(offset), ...range })),
    hostStubs: table.hostStubs,
    counters: table.counters,
    installs,
    owners: [...table.owners.values()],
    scrubs: planScrubs(image, layout, new Set(installs.map(install => install.slot))),
  }
}

/** The table as it will be, module by module. */
class Table {
  readonly targets: Map<number, number>
  readonly owners: Map<number, SlotOwner>
  readonly hostStubs: PlannedStub[] = []
  readonly counters: CallCounter[] = []
  readonly #layout: GuestLayout
  readonly #region: Region

  constructor(layout: GuestLayout, region: Region) {
    this.#layout = layout
    this.#region = region
    this.targets = new Map(layout.slots.map(slot => [slot.slot, slot.target]))
    this.owners = new Map(layout.slots.map(({ slot, op }) => [slot, { slot, op, owner: 'guest', answer: 'native' }]))
  }

  /** Enters one answer; `native` leaves the slot to whoever has it. */
  answer(admitted: AdmittedSlot, module: number, owner: string, linked: LinkedObject | undefined): void {
    const { slot, op } = admitted.slot
    const target = this.#target(admitted, module, linked)
    if (target === undefined) return
    this.targets.set(slot, target)
    this.owners.set(slot, { slot, op, owner, answer: admitted.answer.kind })
  }

  /** The slots whose contents change. */
  installs(): GraftPlan['installs'] {
    return this.#layout.slots.flatMap(({ slot, op, target: before }) => {
      const target = this.targets.get(slot)
      return target === undefined || target === before ? [] : [{ slot, op, target }]
    })
  }

  #target(admitted: AdmittedSlot, module: number, linked: LinkedObject | undefined): number | undefined {
    const { answer } = admitted
    const { slot, op } = admitted.slot
    switch (answer.kind) {
      case 'native':
        return undefined
      case 'nop':
        return nopOf(this.#layout, op)
      case 'value':
        return typeof answer.value === 'string' ? symbolAddress(linked, answer.value, op) : answer.value >>> 0
      case 'host': {
        const stub = this.#region.stub()
        this.hostStubs.push({ ...stub, slot, op, module, answer: admitted })
        return stub.va
      }
      case 'code': {
        const { va, counter } = this.#region.thunk(admitted, linked, answer.symbol)
        this.counters.push({ slot, module, ...counter })
        return va
      }
    }
  }
}

/** Addresses of what the image's symbol table names once, or always the same. */
function guestSymbols(image: GuestImage): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  const ambiguous = new Set<string>()
  for (const { name, value } of image.symbols) {
    if ((found.get(name) ?? value) !== value) ambiguous.add(name)
    found.set(name, value)
  }
  for (const name of ambiguous) found.delete(name)
  return found
}

function nopOf(layout: GuestLayout, op: string): number {
  if (layout.nopVa !== null) return layout.nopVa
  throw new ParagraftError('PG_GRAFT_NO_NOP', `${op} is answered by nop, and this guest's own was not found`, {
    fields: { op, era: layout.era },
    hint: 'Answer it with `native` or with code: a no-op of another address would be called, not erased.',
  })
}

/** The patch records that would take a replaced slot's sites away from the table. */
function planScrubs(image: GuestImage, layout: GuestLayout, replaced: ReadonlySet<number>): GraftPlan['scrubs'] {
  const view = new ImageView(image)
  const entries = readAlternatives(view)
  if (entries === undefined) return []
  return scrubs(entries, layout.sites, replaced).scrubs.map(scrub => {
    const pa = view.physical(scrub.va)
    if (pa === undefined) {
      throw new ParagraftError('PG_GRAFT_SCRUB', `the patch record at 0x${scrub.va.toString(16)} is in no segment`, {
        fields: { va: scrub.va, what: scrub.what },
        hint: "The image's section and program headers disagree.",
      })
    }
    return { ...scrub, pa }
  })
}
