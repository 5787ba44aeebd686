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
import { ParagraftError } from '@paragraft/core/errors'
import type { BootModule, GuestImage } from '@paragraft/core/image'
import type { GuestLayout, HostStub } from '@paragraft/core/layout'
import { type AdmittedOps, type AdmittedSlot, type AnswerKind, nativeSymbol } from '@paragraft/core/ops'
import { link, objectExtent } from '../formats/elf-link.ts'
import { type ObjectFile, readObject } from '../formats/elf-rel.ts'
import type { Reservation } from '../heads/memory-map.ts'
import { readAlternatives, type Scrub, scrubs } from '../layouts/alternatives.ts'
import { ImageView } from '../layouts/view.ts'
import { Assembler, JUMP_BYTES, MOV_MEMORY_BYTES, THUNK_BYTES } from './asm.ts'
import { findRoom, PAGE, type Room } from './room.ts'

export interface GraftRequest {
  image: GuestImage
  layout: GuestLayout
  /** At least one; a later module wins a slot that several answer. */
  modules: readonly AdmittedOps[]
  /** The entry that the head's probe named: linear address at entry. */
  entry: number
  /** RAM of the machine, bytes. */
  memorySize: number
  /** True for heads that enter with paging on: the installer then uses virtual addresses. Default false. */
  paging?: boolean
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
  /** For {@link import('@paragraft/core/head').PlaceOptions.reserve}: keep this out of RAM, say so in the memory map. */
  reserve: Reservation[]
  /** For heads that list boot modules: the region, in place, with the modules' names and versions as command line. */
  bootModules: BootModule[]
  /** Linear address of the installer, and of the guest's own entry that it jumps to. */
  entry: number
  originalEntry: number
  pages: { va: number; pa: number; length: number; stubs: boolean }[]
  hostStubs: PlannedStub[]
  counters: CallCounter[]
  installs: { slot: number; op: string; target: number }[]
  owners: SlotOwner[]
  scrubs: (Scrub & { pa: number })[]
}

/** A stub is 5 bytes (opcode, index, ret); at this distance its address is easy to read in a trace. */
const STUB_STRIDE = 8
const MOST_HOST_STUBS = 0x1_0000

interface Code {
  module: number
  object: ObjectFile
  size: number
  offset: number
}

/** Sizes and offsets of the region's parts, fixed before its address is. */
interface Parts {
  counters: number
  stubs: number
  installer: number
  code: Code[]
  total: number
}

/**
 * Plans a graft. Throws `PG_GRAFT_NO_ROOM` (with sizes), `PG_GRAFT_NO_NOP`, `PG_GRAFT_CODE` and `PG_GRAFT_SYMBOL` for code
 * answers that the object does not have, and what reading and linking the object throws (`PG_IMAGE_…`, `PG_LINK_…`).
 */
export function planGraft(request: GraftRequest): GraftPlan {
  const { image, layout, memorySize } = request
  const answers = request.modules.flatMap((module, index) => module.slots.map(answer => ({ module: index, answer })))
  const parts = measure(request, answers)
  const room = findRoom(image, layout, parts.total, memorySize)
  const bytes = new Uint8Array(room.length)
  const targets = new Map(layout.slots.map(slot => [slot.slot, slot.target]))
  const owners = new Map<number, SlotOwner>(
    layout.slots.map(({ slot, op }) => [slot, { slot, op, owner: 'guest', answer: 'native' }]),
  )
  const thunks = new Assembler(room.va + parts.installer + installerBytes(request))
  const hostStubs: PlannedStub[] = []
  const counters: CallCounter[] = []

  request.modules.forEach((module, index) => {
    const linked = linkModule(request, parts, index, room, bytes, targets)
    for (const admitted of module.slots) {
      const { slot, op } = admitted.slot
      const target = (() => {
        switch (admitted.answer.kind) {
          case 'native':
            return undefined
          case 'nop':
            return nopOf(layout, admitted)
          case 'value':
            return admitted.answer.value >>> 0
          case 'host': {
            const offset = parts.stubs + hostStubs.length * STUB_STRIDE
            const stub = new Assembler(room.va + offset).hostOp(hostStubs.length).ret()
            bytes.set(stub.bytes(), offset)
            const at = { va: room.va + offset, pa: room.pa + offset }
            hostStubs.push({ index: hostStubs.length, slot, op, module: index, answer: admitted, ...at })
            return at.va
          }
          case 'code': {
            const offset = parts.counters + counters.length * 4
            counters.push({ slot, module: index, va: room.va + offset, pa: room.pa + offset })
            const thunk = thunks.here
            const code = symbolOf(linked, admitted.answer.symbol, op)
            thunks.lockInc(room.va + offset)
            if (admitted.thunk) thunks.callKeepingEcx(code)
            else thunks.jump(code)
            return thunk
          }
        }
      })()
      if (target === undefined) continue
      targets.set(slot, target)
      owners.set(slot, { slot, op, owner: module.module.name, answer: admitted.answer.kind })
    }
  })

  const installs = layout.slots
    .filter(({ slot, target }) => targets.get(slot) !== target)
    .map(({ slot, op }) => ({ slot, op, target: targets.get(slot) as number }))
  const base = request.paging ? room.va : room.pa
  const table = request.paging ? layout.tableVa : layout.tablePa
  const installer = new Assembler(base + parts.installer)
  for (const { slot, target } of installs) installer.movMemory(table + 4 * slot, target)
  installer.jump(request.entry)
  bytes.set(installer.bytes(), parts.installer)
  bytes.set(thunks.bytes(), parts.installer + installerBytes(request))

  const names = request.modules.map(({ module }) => `${module.name} ${module.version}`).join(', ')
  const replaced = new Set(installs.map(install => install.slot))
  return {
    request,
    room,
    bytes,
    reserve: [{ base: room.pa, length: room.length, type: 2, what: `ops of ${names}` }],
    bootModules: [{ bytes, commandLine: names, at: room.pa }],
    entry: base + parts.installer,
    originalEntry: request.entry,
    pages: pagesOf(room, parts),
    hostStubs,
    counters,
    installs,
    owners: [...owners.values()],
    scrubs: planScrubs(image, layout, replaced),
  }
}

/** Reads every object, and lays the region's parts out. */
function measure(request: GraftRequest, answers: readonly { module: number; answer: AdmittedSlot }[]): Parts {
  const count = (kind: AnswerKind): number => answers.filter(({ answer }) => answer.answer.kind === kind).length
  const hosts = count('host')
  if (hosts > MOST_HOST_STUBS) {
    throw new ParagraftError(
      'PG_GRAFT_HOST_STUBS',
      `${hosts} host answers; the opcode's index holds ${MOST_HOST_STUBS}`,
      {
        fields: { hosts, limit: MOST_HOST_STUBS },
        hint: 'Load fewer modules.',
      },
    )
  }
  const counters = 0
  const stubs = counters + up(count('code') * 4)
  const installer = stubs + up(hosts * STUB_STRIDE)
  let total = installer + up(installerBytes(request) + count('code') * THUNK_BYTES)
  const code: Code[] = []
  request.modules.forEach(({ object: bytes }, module) => {
    if (bytes === undefined) return
    const object = readObject(bytes)
    const { size, align } = objectExtent(object)
    if (align > PAGE) {
      throw new ParagraftError('PG_GRAFT_CODE', `the object of module ${module} wants an alignment of ${align} bytes`, {
        fields: { module: request.modules[module]?.module, align, limit: PAGE },
        hint: 'Align sections to a page at most.',
      })
    }
    code.push({ module, object, size, offset: total })
    total += up(size)
  })
  return { counters, stubs, installer, code, total }
}

/** Room for one MOV per slot of the table and the jump: more than is used when some slots stay. */
function installerBytes(request: GraftRequest): number {
  return Math.ceil((request.layout.slots.length * MOV_MEMORY_BYTES + JUMP_BYTES) / 16) * 16
}

type Linked = ReturnType<typeof link>

function linkModule(
  request: GraftRequest,
  parts: Parts,
  module: number,
  room: Room,
  bytes: Uint8Array,
  targets: ReadonlyMap<number, number>,
): Linked | undefined {
  const code = parts.code.find(part => part.module === module)
  if (code === undefined) return undefined
  const { layout, entry } = request
  const symbols = new Map<string, number>([
    ['pg_table', layout.tableVa],
    ['pg_entry', entry],
    ...layout.slots
      .filter(slot => slot.kind === 'fn')
      .map(slot => [nativeSymbol(slot.op), targets.get(slot.slot) as number] as const),
  ])
  const linked = link(code.object, {
    base: room.va + code.offset,
    resolve: name => symbols.get(name),
    maxSize: room.length,
  })
  bytes.set(linked.bytes, code.offset)
  return linked
}

function symbolOf(linked: Linked | undefined, symbol: string, op: string): number {
  if (linked === undefined) {
    throw new ParagraftError(
      'PG_GRAFT_CODE',
      `${op} is answered by code (${symbol}), and the module brings no object`,
      {
        fields: { op, symbol },
        hint: 'Give defineOps a `code.object`.',
      },
    )
  }
  const address = linked.symbols.get(symbol)
  const home = linked.sections.find(
    s => s.executable && address !== undefined && address >= s.address && address < s.address + s.size,
  )
  if (address === undefined || home === undefined) {
    const known = [...linked.symbols.keys()].sort()
    throw new ParagraftError(
      'PG_GRAFT_SYMBOL',
      address === undefined ? `the object does not define ${symbol}` : `${symbol} is not in a code section`,
      { fields: { op, symbol, known }, hint: 'Define it as a global function in an executable section.' },
    )
  }
  return address
}

function nopOf(layout: GuestLayout, admitted: AdmittedSlot): number {
  if (layout.nopVa !== null) return layout.nopVa
  throw new ParagraftError(
    'PG_GRAFT_NO_NOP',
    `${admitted.slot.op} is answered by nop, and this guest's own was not found`,
    {
      fields: { op: admitted.slot.op, era: layout.era },
      hint: 'Answer it with `native` or with code: a no-op of another address would be called, not erased.',
    },
  )
}

function pagesOf(room: Room, parts: Parts): GraftPlan['pages'] {
  const bounds = [parts.counters, parts.stubs, parts.installer, room.length]
  return bounds
    .slice(0, -1)
    .map((from, i) => ({ from, length: (bounds[i + 1] as number) - from, stubs: from === parts.stubs && i === 1 }))
    .filter(({ length }) => length > 0)
    .map(({ from, length, stubs }) => ({ va: room.va + from, pa: room.pa + from, length, stubs }))
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

const up = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE
