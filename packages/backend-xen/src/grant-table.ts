/**
 * The guest's grant table, version 1 (xen/common/grant_table.c): frames of entries that say which page another domain may
 * use. The guest writes entries; whoever uses a grant marks it as read or written until it is done.
 */
import type { GuestMemory } from '@paragraft/core/ports'
import {
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
import { SharedPage } from './shared-page.ts'

/** Xen's default (gnttab_max_frames). */
export const MAX_GRANT_FRAMES = 64
const ENTRIES_PER_FRAME = PAGE_SIZE / GRANT_ENTRY_SIZE

export class GrantTable implements BackendGrants {
  readonly #memory: GuestMemory
  readonly #frames: Frames
  readonly #table: SharedPage[] = []
  /** Uses of each reference: readers and writers. */
  readonly #uses = new Map<number, { readers: number; writers: number }>()

  constructor(memory: GuestMemory, frames: Frames) {
    this.#memory = memory
    this.#frames = frames
    this.frame(0)
  }

  /** Frames that the table has. */
  get size(): number {
    return this.#table.length
  }

  /** A frame of the table, which grows to have it; undefined beyond the most that it may. */
  frame(index: number): SharedPage | undefined {
    if (index >= MAX_GRANT_FRAMES) return undefined
    while (this.#table.length <= index) this.#table.push(new SharedPage(this.#memory))
    return this.#table[index]
  }

  map(ref: number, write: boolean): number | undefined {
    const address = this.lookup(ref, BACKEND_DOMID, write)
    if (address === undefined) return undefined
    const uses = this.#uses.get(ref) ?? { readers: 0, writers: 0 }
    if (write) uses.writers++
    else uses.readers++
    this.#uses.set(ref, uses)
    this.#mark(ref, uses)
    return address
  }

  unmap(ref: number, write: boolean): void {
    const uses = this.#uses.get(ref)
    if (uses === undefined) return
    if (write) uses.writers = Math.max(0, uses.writers - 1)
    else uses.readers = Math.max(0, uses.readers - 1)
    this.#mark(ref, uses)
    if (uses.readers + uses.writers === 0) this.#uses.delete(ref)
  }

  /** RAM address of what a domain was granted; undefined when it was not. */
  lookup(ref: number, domid: number, write: boolean): number | undefined {
    const entry = this.#entry(ref)
    if (entry === undefined) return undefined
    const { page, at } = entry
    const flags = page.read16(at + GRANT_FLAGS)
    if ((flags & GTF_TYPE_MASK) !== GTF_PERMIT_ACCESS || page.read16(at + GRANT_DOMID) !== domid) return undefined
    if (write && (flags & GTF_READONLY) !== 0) return undefined
    return this.#frames.address(page.read32(at + GRANT_FRAME))
  }

  /** The toolstack's entries for pages that it shares with the backend domain. */
  grant(ref: number, gfn: number): void {
    const { page, at } = this.#entry(ref)!
    page.write16(at + GRANT_DOMID, BACKEND_DOMID)
    page.write32(at + GRANT_FRAME, gfn)
    page.write16(at + GRANT_FLAGS, GTF_PERMIT_ACCESS)
  }

  #mark(ref: number, { readers, writers }: { readers: number; writers: number }): void {
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
