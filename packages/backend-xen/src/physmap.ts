/**
 * The guest's physical address space, for guests whose frame numbers are RAM's own (PVH). A frame is RAM, or a page of the
 * hypervisor's, or empty: ballooned away, never there. RAM that was given back keeps nothing: it reads as
 * zeros, and keeps what is written to it (Xen: all ones, writes dropped).
 */
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import { PAGE_SIZE } from './abi/xen.ts'
import type { Frames } from './ports.ts'
import type { SharedPage } from './shared-page.ts'

export class PhysMap implements Frames, Snapshotable<number[]> {
  /** Most frames of RAM that the guest may have. */
  readonly limit: number
  readonly #memory: GuestMemory
  readonly #pages: number
  readonly #empty = new Set<number>()
  readonly #shared = new Map<number, SharedPage>()

  /** `hole`: a range of physical addresses, in whole pages, that has no RAM at first. */
  constructor(memory: GuestMemory, hole: { base: number; end: number } = { base: 0, end: 0 }) {
    this.#memory = memory
    this.#pages = Math.floor(memory.size / PAGE_SIZE)
    for (let gfn = hole.base / PAGE_SIZE; gfn < hole.end / PAGE_SIZE; gfn++) this.#empty.add(gfn)
    this.limit = this.#pages - this.#empty.size
  }

  /** The highest frame that there can be. */
  get last(): number {
    return this.#pages - 1
  }

  /** Frames of RAM that the guest has; the hypervisor's pages are none. */
  get populated(): number {
    return this.#pages - this.#empty.size - this.#shared.size
  }

  /** Frames without RAM. */
  save(): number[] {
    return [...this.#empty]
  }

  restore(empty: number[]): void {
    this.#empty.clear()
    for (const gfn of empty) this.#empty.add(gfn)
  }

  /** A page of the hypervisor's is where it has been restored to. */
  adopt(page: SharedPage): void {
    if (page.address !== null) this.#shared.set(page.address / PAGE_SIZE, page)
  }

  address(gfn: number): number | undefined {
    return gfn < this.#pages && !this.#empty.has(gfn) ? gfn * PAGE_SIZE : undefined
  }

  /** Guest memory here is plain, and a frame that was given back keeps what is written to it. */
  hold(gfn: number): boolean {
    return this.address(gfn) !== undefined
  }

  release(): void {}

  /** The guest gives a frame back; false when it has none there. */
  depopulate(gfn: number): boolean {
    if (this.address(gfn) === undefined) return false
    this.#shared.get(gfn)?.withdraw()
    this.#shared.delete(gfn)
    this.#memory.fill(gfn * PAGE_SIZE, 0, PAGE_SIZE)
    this.#empty.add(gfn)
    return true
  }

  /** Fresh RAM, zeroed, where nothing was, while the guest may have more; false elsewhere. */
  populate(gfn: number): boolean {
    if (this.populated >= this.limit || !this.#empty.delete(gfn)) return false
    this.#memory.fill(gfn * PAGE_SIZE, 0, PAGE_SIZE)
    return true
  }

  /** A page of the hypervisor's appears at a frame, in place of what was there; it leaves where it was. */
  place(page: SharedPage, gfn: number): boolean {
    if (gfn >= this.#pages) return false
    const before = page.address
    const other = this.#shared.get(gfn)
    if (other !== undefined && other !== page) other.withdraw()
    this.#empty.delete(gfn)
    page.moveTo(gfn * PAGE_SIZE)
    if (before !== null && before !== gfn * PAGE_SIZE) {
      this.#shared.delete(before / PAGE_SIZE)
      this.depopulate(before / PAGE_SIZE)
    }
    this.#shared.set(gfn, page)
    return true
  }
}
