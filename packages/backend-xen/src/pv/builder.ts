/**
 * The domain builder: what the toolstack makes of an image before a paravirtual guest begins (tools/libs/guest/xg_dom_core.c and
 * xg_dom_x86.c). From the virtual base up: kernel, ramdisk, list of frames, start_info, xenstore's page, the console's, page tables, stack;
 * the initial mapping ends on a 4 MB boundary, 512 KB or more behind that.
 */
import { type GuestImage, type GuestMemory, guestPhysical, type PlaceOptions, type StartOfDay } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import { E820_RAM, Placement, reserveRanges } from '@paragraft/core/placement'
import { encode } from '../abi/layout.ts'
import * as pv from '../abi/pv.ts'
import { PAGE_SIZE } from '../abi/xen.ts'
import { pvHypercallPage } from '../hypercall-page.ts'
import { XEN_PV, type XenDescription } from '../notes.ts'
import { PAGE_ACCESSED, PAGE_DIRTY, PAGE_PRESENT, PAGE_RW, PAGE_USER } from './mm/entries.ts'
import { machineLayout } from './mm/machine.ts'

/** The initial mapping ends on a multiple of this, and so far behind what is in it. */
const MAPPING_ALIGN = 0x40_0000
const MAPPING_PAD = 0x8_0000
const L2_SPAN = 0x20_0000
const L3_SPAN = 0x4000_0000
const L3_SLOTS = 4
/** Flags of the entries that it makes, by level (lvl_prot of xg_dom_x86.c). */
const L1_PROT = PAGE_PRESENT | PAGE_RW | PAGE_ACCESSED
const L2_PROT = L1_PROT | PAGE_DIRTY | PAGE_USER
const L3_PROT = PAGE_PRESENT

/** Ports that libxl gives every domain, in this order. */
const STORE_EVTCHN = 1
const CONSOLE_EVTCHN = 2

const EFLAGS_IF = 0x202
/** PG, AM, WP, NE, ET, TS clear, MP, PE; PAE, OSFXSR, OSXMMEXCPT: how Xen has the processor while such a guest runs. */
const CR0 = 0x8005_0033
const CR4 = 0x620

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to

/** Where a piece is, in pages from the virtual base. */
interface Segment {
  readonly pfn: number
  readonly pages: number
}

/** Writes the domain into memory. Everything is checked before the first write; `PG_HEAD_NO_ROOM`, `PG_HEAD_OVERLAP`, `PG_HEAD_MODULES`. */
export function buildDomain(
  image: GuestImage,
  description: XenDescription,
  entry: number,
  options: PlaceOptions,
  memory: GuestMemory,
): StartOfDay {
  const { p2m, sharedInfo } = machineLayout(memory.size)
  const ramPage = (pa: number): number | undefined => {
    const mfn = p2m[pa / PAGE_SIZE]
    return mfn === undefined ? undefined : mfn * PAGE_SIZE
  }
  const domain = guestPhysical(memory, { ramPage })
  const modules = options.modules.filter(module => module.at === undefined)
  if (modules.length > 0) {
    throw new ParagraftError('PG_HEAD_MODULES', 'a paravirtual guest of Xen has no boot modules', {
      fields: { modules: modules.map(module => module.commandLine) },
      hint: 'Give it a ramdisk; it can have one.',
    })
  }
  const virtBase = description.virtBase ?? 0
  const map = reserveRanges([{ base: 0, length: p2m.length * PAGE_SIZE, type: E820_RAM }], options.reserve ?? [])
  const placement = new Placement(XEN_PV, map)
  placement.segments(kernelSegments(image, description))

  let next =
    roundUp(Math.max(...image.segments.map(end(description)), ...(options.reserve ?? []).map(reservedEnd)), PAGE_SIZE) /
    PAGE_SIZE
  const take = (pages: number): Segment => {
    const segment = { pfn: next, pages }
    next += pages
    return segment
  }
  const put = ({ pfn, pages }: Segment, bytes: Uint8Array, what: string): void =>
    placement.at(pfn * PAGE_SIZE, bytes, what, pages * PAGE_SIZE)
  const address = ({ pfn }: Segment): number => virtBase + pfn * PAGE_SIZE

  const initrd = options.initrd ?? new Uint8Array(0)
  const ramdisk = take(roundUp(initrd.length, PAGE_SIZE) / PAGE_SIZE)
  if (ramdisk.pages > 0) put(ramdisk, initrd, 'initrd')
  const list = take(roundUp(4 * p2m.length, PAGE_SIZE) / PAGE_SIZE)
  put(list, new Uint8Array(p2m.buffer, p2m.byteOffset, p2m.byteLength), 'list of frames')
  const startInfo = take(1)
  const store = take(1)
  const console = take(1)
  const tables = planTables(virtBase, next)
  if (tables.to > pv.HYPERVISOR_VIRT_START) {
    throw new ParagraftError(
      'PG_HEAD_NO_ROOM',
      `the initial mapping would end at 0x${tables.to.toString(16)}, in the hypervisor's part of the address space`,
      {
        fields: { head: XEN_PV, from: tables.from, to: tables.to },
        hint: 'The image and its ramdisk are too large for its virtual base.',
      },
    )
  }
  const tableSegment = take(tables.pages)
  const stack = take(1)

  put(
    startInfo,
    startInfoPage(options, {
      nrPages: p2m.length,
      sharedInfo: sharedInfo * PAGE_SIZE,
      storeMfn: p2m[store.pfn] ?? 0,
      storeEvtchn: STORE_EVTCHN,
      consoleMfn: p2m[console.pfn] ?? 0,
      consoleEvtchn: CONSOLE_EVTCHN,
      ptBase: address(tableSegment),
      nrPtFrames: tables.pages,
      mfnList: address(list),
      ...(ramdisk.pages > 0 ? { modStart: address(ramdisk), modLen: initrd.length } : {}),
    }),
    'start_info',
  )
  put(store, new Uint8Array(0), "xenstore's page")
  put(console, new Uint8Array(0), "the console's page")
  put(tableSegment, new Uint8Array(0), 'page tables')
  put(stack, new Uint8Array(0), 'stack')

  const used = placement.commit(domain)
  for (const [pa, low] of tableEntries(virtBase, tables, tableSegment, p2m)) domain.write32(pa, low)
  if (description.hypercallPage !== undefined) domain.write(description.hypercallPage - virtBase, pvHypercallPage())
  return {
    head: XEN_PV,
    registers: {
      eip: entry,
      esp: address(stack) + PAGE_SIZE,
      esi: address(startInfo),
      eflags: EFLAGS_IF,
      cr0: CR0,
      cr3: p2m[tableSegment.pfn]! * PAGE_SIZE,
      cr4: CR4,
      cs: pv.FLAT_RING1_CS,
      ds: pv.FLAT_RING1_DS,
    },
    memoryMap: map,
    used,
    ramPage,
  }
}

/** The kernel's segments at their pseudo-physical addresses. */
function kernelSegments(image: GuestImage, description: XenDescription): GuestImage['segments'] {
  const offset = paddrOffset(description)
  return image.segments.map(segment => ({ ...segment, paddr: segment.paddr - offset }))
}

/** Without a value of its own, the older string means the virtual base, and others mean 0 (elf_xen_addr_calc_check). */
export function paddrOffset({ source, virtBase = 0, paddrOffset: offset }: XenDescription): number {
  return offset ?? (source === '__xen_guest' ? virtBase : 0)
}

const end =
  (description: XenDescription) =>
  ({ paddr, memorySize }: { paddr: number; memorySize: number }): number =>
    paddr - paddrOffset(description) + memorySize
const reservedEnd = ({ base, length }: { base: number; length: number }): number => base + length

function startInfoPage(
  { commandLine }: PlaceOptions,
  values: Parameters<typeof encode<(typeof pv.START_INFO)['fields']>>[1],
): Uint8Array {
  if (commandLine.length >= pv.MAX_GUEST_CMDLINE) {
    throw new ParagraftError('PG_HEAD_COMMAND_LINE', `a command line of ${commandLine.length} characters is too long`, {
      fields: { head: XEN_PV, length: commandLine.length, limit: pv.MAX_GUEST_CMDLINE - 1 },
      hint: `start_info has room for ${pv.MAX_GUEST_CMDLINE - 1}.`,
    })
  }
  const bytes = encode(pv.START_INFO, values)
  const text = (at: number, string: string): void => bytes.set(Uint8Array.from(string, latin1), at)
  text(0, pv.START_INFO_MAGIC)
  text(pv.START_INFO_CMD_LINE, commandLine)
  return bytes
}

/** Characters above Latin-1 become `?`. */
function latin1(character: string): number {
  const code = character.charCodeAt(0)
  return code > 0xff ? 0x3f : code
}

/** Page tables for the initial mapping: one table at the top, directories, page tables, in this order. */
interface Tables {
  readonly pages: number
  /** Slots of the top table that have a directory, in order; the last always has (it is the hypervisor's, too). */
  readonly directories: readonly number[]
  /** The mapping's first and last-but-one address, multiples of a directory entry's span. */
  readonly from: number
  readonly to: number
}

/** `pages`: what is in the mapping without the tables themselves, and the stack behind them. */
function planTables(virtBase: number, pages: number): Tables {
  for (let count = 0; ; ) {
    const content = virtBase + (pages + count + 1) * PAGE_SIZE + MAPPING_PAD
    const to = roundUp(content, MAPPING_ALIGN)
    const from = Math.floor(virtBase / L2_SPAN) * L2_SPAN
    const directories = Array.from({ length: L3_SLOTS }, (_, slot) => slot).filter(
      slot => slot === L3_SLOTS - 1 || (slot * L3_SPAN < to && (slot + 1) * L3_SPAN > from),
    )
    const needed = 1 + directories.length + (to - from) / L2_SPAN
    if (needed <= count) return { pages: count, directories, from, to }
    count = needed
  }
}

/** Low words of all entries, by pseudo-physical address. Page tables are mapped read-only, everything else is writable. */
function* tableEntries(virtBase: number, tables: Tables, at: Segment, p2m: Uint32Array): Generator<[number, number]> {
  const { directories, from, to } = tables
  const machine = (pfn: number): number => p2m[pfn]! * PAGE_SIZE
  const l2 = at.pfn + 1
  const l1 = l2 + directories.length
  for (const [index, slot] of directories.entries()) {
    yield [at.pfn * PAGE_SIZE + 8 * slot, machine(l2 + index) + L3_PROT]
  }
  for (let address = from; address < to; address += L2_SPAN) {
    const directory = l2 + directories.indexOf(Math.floor(address / L3_SPAN))
    const table = l1 + (address - from) / L2_SPAN
    yield [directory * PAGE_SIZE + 8 * ((address % L3_SPAN) / L2_SPAN), machine(table) + L2_PROT]
    for (let page = 0; page < L2_SPAN / PAGE_SIZE; page++) {
      const pfn = (address - virtBase) / PAGE_SIZE + page
      if (pfn < 0 || pfn >= p2m.length) continue
      const readOnly = pfn >= at.pfn && pfn < at.pfn + at.pages
      yield [table * PAGE_SIZE + 8 * page, machine(pfn) + (readOnly ? L1_PROT & ~PAGE_RW : L1_PROT)]
    }
  }
}
