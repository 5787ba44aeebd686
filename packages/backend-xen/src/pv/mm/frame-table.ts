/**
 * What is known of each machine frame (struct page_info, xen/arch/x86/include/asm/mm.h): whose it is, how often it is
 * referred to, and in what role. A frame has one role at a time; it changes only while nobody uses the frame in the old one.
 */
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import { PAGE_SIZE } from '../../abi/xen.ts'
import type { MachineLayout } from './machine.ts'

/** Roles. Page tables by level, so that the numbers are comparable; `none`: never used in one, or released. */
export const PGT_none = 0
export const PGT_l1_page_table = 1
export const PGT_l2_page_table = 2
export const PGT_l3_page_table = 3
export const PGT_seg_desc_page = 5
export const PGT_writable_page = 7

/** Owners. */
export const OWNER_NONE = 0
export const OWNER_GUEST = 1
export const OWNER_XEN = 2

/** Flags: PGC_allocated, PGC_xen_heap, PGT_validated, PGT_pinned, PGT_pae_xen_l2. */
export const ALLOCATED = 1
export const XEN_HEAP = 2
export const VALIDATED = 4
export const PINNED = 8
export const PAE_XEN_L2 = 16

const INVALID_M2P_ENTRY = 0xffff_ffff

/** The columns of {@link FrameTable}, which has a row for each frame. */
const COLUMNS = ['owner', 'flags', 'count', 'type', 'typeCount', 'linear', 'stamp'] as const

/** `free`: in the order in which they are had, last first. */
export interface FrameTableState {
  columns: Record<(typeof COLUMNS)[number], Uint8Array>
  free: number[]
  pages: number
}

export class FrameTable implements Snapshotable<FrameTableState> {
  readonly size: number
  readonly owner: Uint8Array
  readonly flags: Uint8Array
  /** References of every kind, the allocation's own among them. */
  readonly count: Int32Array
  readonly type: Uint8Array
  readonly typeCount: Int32Array
  /** Entries of page tables of its own level: positive for a table that has some, negative for one that they name. */
  readonly linear: Int32Array
  /** The epoch of the TLB in which the frame was last used in its role. */
  readonly stamp: Uint32Array
  readonly #memory: GuestMemory
  readonly #m2p: number
  #free: number[] = []
  #pages = 0

  constructor(memory: GuestMemory, layout: MachineLayout) {
    this.size = layout.frames
    this.owner = new Uint8Array(this.size)
    this.flags = new Uint8Array(this.size)
    this.count = new Int32Array(this.size)
    this.type = new Uint8Array(this.size)
    this.typeCount = new Int32Array(this.size)
    this.linear = new Int32Array(this.size)
    this.stamp = new Uint32Array(this.size)
    this.#memory = memory
    this.#m2p = layout.m2p.first * PAGE_SIZE
    for (let mfn = layout.free.first + layout.free.count - 1; mfn >= layout.free.first; mfn--) this.#free.push(mfn)
    this.owner.fill(OWNER_XEN, layout.free.first + layout.free.count)
    for (const mfn of layout.p2m) this.allocate(mfn)
    this.share(layout.sharedInfo)
  }

  save(): FrameTableState {
    const columns = Object.fromEntries(COLUMNS.map(name => [name, bytesOf(this[name]).slice()]))
    return { columns: columns as FrameTableState['columns'], free: [...this.#free], pages: this.#pages }
  }

  restore({ columns, free, pages }: FrameTableState): void {
    for (const name of COLUMNS) {
      const bytes = bytesOf(this[name])
      if (columns[name].length !== bytes.length) throw new RangeError(`${columns[name].length} bytes of ${name}`)
      bytes.set(columns[name])
    }
    this.#free = [...free]
    this.#pages = pages
  }

  /** Pages that the domain has; those that the hypervisor shares with it are none. */
  get pages(): number {
    return this.#pages
  }

  get freeCount(): number {
    return this.#free.length
  }

  isGuests(mfn: number): boolean {
    return mfn < this.size && this.owner[mfn] === OWNER_GUEST
  }

  /** A frame becomes the domain's. */
  allocate(mfn: number): void {
    this.owner[mfn] = OWNER_GUEST
    this.flags[mfn] = ALLOCATED
    this.count[mfn] = 1
    this.type[mfn] = PGT_none
    this.typeCount[mfn] = 0
    this.linear[mfn] = 0
    this.#pages++
  }

  /** A page of the hypervisor's becomes visible to the domain, writable for good (share_xen_page_with_guest). */
  share(mfn: number): void {
    this.owner[mfn] = OWNER_GUEST
    this.flags[mfn] = ALLOCATED | XEN_HEAP | VALIDATED
    this.count[mfn] = 1
    this.type[mfn] = PGT_writable_page
    this.typeCount[mfn] = 1
  }

  /** A frame of the domain's that nobody refers to any more goes back; a page of the hypervisor's is only out of its sight. */
  release(mfn: number): void {
    if ((this.flags[mfn]! & XEN_HEAP) !== 0) {
      this.owner[mfn] = OWNER_XEN
      return
    }
    this.#pages--
    this.owner[mfn] = OWNER_NONE
    this.discard(mfn)
  }

  /**
   * steal_page: takes a page from the domain that nobody refers to. False: it is not the domain's, or in use. It is nobody's until
   * {@link unsteal} gives it back or {@link discard} frees it.
   */
  steal(mfn: number): boolean {
    if (
      !this.isGuests(mfn) ||
      this.flags[mfn]! & XEN_HEAP ||
      this.count[mfn] !== 1 ||
      !(this.flags[mfn]! & ALLOCATED)
    ) {
      return false
    }
    this.#pages--
    this.owner[mfn] = OWNER_NONE
    return true
  }

  unsteal(mfn: number): void {
    this.owner[mfn] = OWNER_GUEST
    this.#pages++
  }

  /** A frame that is nobody's is free to be had. */
  discard(mfn: number): void {
    this.flags[mfn] = 0
    this.count[mfn] = 0
    this.type[mfn] = PGT_none
    this.#memory.fill(mfn * PAGE_SIZE, 0, PAGE_SIZE)
    this.setPfn(mfn, INVALID_M2P_ENTRY)
    this.#free.push(mfn)
  }

  /** Takes `1 << order` consecutive frames below `limit`, aligned to as many, that nobody has; the first, or undefined. They are nobody's yet. */
  take(order: number, limit = this.size): number | undefined {
    const count = 1 << order
    const free = order === 0 ? undefined : new Set(this.#free)
    const fits = (mfn: number): boolean => {
      if (mfn + count > limit || mfn % count !== 0) return false
      for (let each = mfn + 1; each < mfn + count; each++) if (!free!.has(each)) return false
      return true
    }
    const at = this.#free.findLastIndex(fits)
    if (at < 0) return undefined
    const first = this.#free[at]!
    if (order === 0) this.#free.splice(at, 1)
    else this.#free = this.#free.filter(mfn => mfn < first || mfn >= first + count)
    return first
  }

  /** Gives back what {@link take} gave. */
  untake(first: number, order: number): void {
    for (let mfn = first + (1 << order) - 1; mfn >= first; mfn--) this.#free.push(mfn)
  }

  /** The machine-to-physical table's entry of a frame. */
  pfn(mfn: number): number {
    return this.#memory.read32(this.#m2p + 4 * mfn)
  }

  setPfn(mfn: number, pfn: number): void {
    this.#memory.write32(this.#m2p + 4 * mfn, pfn >>> 0)
  }
}

function bytesOf({ buffer }: Uint8Array | Int32Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer)
}
