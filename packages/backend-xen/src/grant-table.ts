/**
 * The guest's grant table, version 1 (xen/common/grant_table.c): frames of entries that say which page another domain may
 * use. The guest writes entries; whoever uses a grant marks it as read or written until it is done.
 */
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import {
  GNTST_BAD_GNTREF,
  GNTST_BAD_PAGE,
  GNTST_GENERAL_ERROR,
  GRANT_DOMID,
  GRANT_ENTRY_SIZE,
  GRANT_FLAGS,
  GRANT_FRAME,
  GTF_PERMIT_ACCESS,
  GTF_READING,
  GTF_READONLY,
  GTF_TYPE_MASK,
  GTF_WRITING,
} from './abi/grant-table.ts'
import { BACKEND_DOMID, PAGE_SIZE } from './abi/xen.ts'
import type { BackendGrants, Frames } from './ports.ts'
import { SharedPage, type SharedPageState } from './shared-page.ts'

/** Xen's default (gnttab_max_frames). */
export const MAX_GRANT_FRAMES = 64
const ENTRIES_PER_FRAME = PAGE_SIZE / GRANT_ENTRY_SIZE

/** A reference in use: whom it was granted, which frame it named when that began, and how many read and write. */
interface ActiveEntry {
  readonly domid: number
  readonly gfn: number
  readonly address: number
  readers: number
  writers: number
}

/** Frames of the table, and references in use. */
export interface GrantTableState {
  table: SharedPageState[]
  active: [ref: number, entry: ActiveEntry][]
}

export class GrantTable implements BackendGrants, Snapshotable<GrantTableState> {
  readonly #memory: GuestMemory
  readonly #frames: Frames
  readonly #place: (index: number) => number | undefined
  readonly #table: SharedPage[] = []
  readonly #active = new Map<number, ActiveEntry>()

  /** `place`: RAM address where a frame of the table is from the start, if it is anywhere. */
  constructor(memory: GuestMemory, frames: Frames, place: (index: number) => number | undefined = () => undefined) {
    this.#memory = memory
    this.#frames = frames
    this.#place = place
    this.frame(0)
  }

  /** Frames that the table has. */
  get size(): number {
    return this.#table.length
  }

  get pages(): readonly SharedPage[] {
    return this.#table
  }

  /** A frame of the table, which grows to have it; undefined beyond the most that it may. */
  frame(index: number): SharedPage | undefined {
    if (index >= MAX_GRANT_FRAMES) return undefined
    while (this.#table.length <= index) {
      const address = this.#place(this.#table.length)
      const page = new SharedPage(this.#memory)
      if (address !== undefined) page.moveTo(address)
      this.#table.push(page)
    }
    return this.#table[index]
  }

  save(): GrantTableState {
    return {
      table: this.#table.map(page => page.save()),
      active: Array.from(this.#active, ([ref, entry]) => [ref, { ...entry }]),
    }
  }

  restore({ table, active }: GrantTableState): void {
    for (const [index, saved] of table.entries()) {
      // Not by `frame`: what a page holds where it is placed is memory's, and there already.
      const page = (this.#table[index] ??= new SharedPage(this.#memory))
      page.restore(saved)
    }
    this.#active.clear()
    for (const [ref, entry] of active) this.#active.set(ref, { ...entry })
  }

  map(ref: number, write: boolean): number | undefined {
    const address = this.pin(ref, BACKEND_DOMID, write)
    return address < 0 ? undefined : address
  }

  unmap(ref: number, write: boolean): void {
    this.unpin(ref, write)
  }

  /**
   * A domain begins to use what it was granted: the page's RAM address, or a status, which is negative. While a reference is in
   * use its frame is what it was, whatever the entry says meanwhile (map_grant_ref, acquire_grant_for_copy, _set_status_v1).
   */
  pin(ref: number, domid: number, write: boolean): number {
    const entry = this.#entry(ref)
    if (entry === undefined) return GNTST_BAD_GNTREF
    const active = this.#active.get(ref)
    if (active !== undefined && active.domid !== domid) return GNTST_GENERAL_ERROR
    const { page, at } = entry
    const flags = page.read16(at + GRANT_FLAGS)
    const granted = (flags & GTF_TYPE_MASK) === GTF_PERMIT_ACCESS && page.read16(at + GRANT_DOMID) === domid
    if (active === undefined && !granted) return GNTST_GENERAL_ERROR
    if (write && (active?.writers ?? 0) === 0 && (flags & GTF_READONLY) !== 0) return GNTST_GENERAL_ERROR
    const gfn = active?.gfn ?? page.read32(at + GRANT_FRAME)
    const address = active?.address ?? this.#frames.address(gfn)
    if (address === undefined) return GNTST_BAD_PAGE
    if (!this.#frames.hold(gfn, write)) return GNTST_GENERAL_ERROR
    const uses = active ?? { domid, gfn, address, readers: 0, writers: 0 }
    if (write) uses.writers++
    else uses.readers++
    this.#active.set(ref, uses)
    this.#mark(ref, uses)
    return address
  }

  /** The end of a use that {@link pin} began. */
  unpin(ref: number, write: boolean): void {
    const uses = this.#active.get(ref)
    if (uses === undefined || (write ? uses.writers : uses.readers) === 0) return
    if (write) uses.writers--
    else uses.readers--
    this.#frames.release(uses.gfn, write)
    this.#mark(ref, uses)
    if (uses.readers + uses.writers === 0) this.#active.delete(ref)
  }

  /** The toolstack's entries for pages that it shares with the backend domain. */
  grant(ref: number, gfn: number): void {
    const { page, at } = this.#entry(ref)!
    page.write16(at + GRANT_DOMID, BACKEND_DOMID)
    page.write32(at + GRANT_FRAME, gfn)
    page.write16(at + GRANT_FLAGS, GTF_PERMIT_ACCESS)
  }

  #mark(ref: number, { readers, writers }: ActiveEntry): void {
    const entry = this.#entry(ref)
    if (entry === undefined) return
    const { page, at } = entry
    const kept = page.read16(at + GRANT_FLAGS) & ~(GTF_READING | GTF_WRITING)
    const used = (readers + writers > 0 ? GTF_READING : 0) | (writers > 0 ? GTF_WRITING : 0)
    page.write16(at + GRANT_FLAGS, kept | used)
  }

  #entry(ref: number): { page: SharedPage; at: number } | undefined {
    const page = this.#table[Math.floor(ref / ENTRIES_PER_FRAME)]
    return page === undefined ? undefined : { page, at: (ref % ENTRIES_PER_FRAME) * GRANT_ENTRY_SIZE }
  }
}
