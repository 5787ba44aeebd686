/**
 * The guest's physical address space, for guests whose frame numbers are RAM's own (PVH). A frame is RAM, or a page of the
 * hypervisor's, or empty: ballooned away, never there. RAM that was given back keeps nothing; what the processor reads
 * where no frame is populated is unspecified here (Xen: all ones).
 */
import type { GuestMemory } from '@paragraft/core/ports'
import { PAGE_SIZE } from './abi/xen.ts'
import type { Frames } from './ports.ts'
import type { SharedPage } from './shared-page.ts'

export class PhysMap implements Frames {
  readonly #memory: GuestMemory
  readonly #pages: number
  readonly #empty = new Set<number>()
  readonly #shared = new Map<number, SharedPage>()

  constructor(memory: GuestMemory) {
    this.#memory = memory
    this.#pages = Math.floor(memory.size / PAGE_SIZE)
  }

  /** Frames that there can be. */
  get limit(): number {
    return this.#pages
  }

  /** Frames that hold RAM of the guest's. */
  get populated(): number {
    return this.#pages - this.#empty.size
  }

  address(gfn: number): number | undefined {
    return gfn < this.#pages && !this.#empty.has(gfn) ? gfn * PAGE_SIZE : undefined
  }

  /** The guest gives a frame back; false when it has none there. */
  depopulate(gfn: number): boolean {
    if (this.address(gfn) === undefined) return false
    this.#shared.get(gfn)?.withdraw()
    this.#shared.delete(gfn)
    this.#memory.fill(gfn * PAGE_SIZE, 0, PAGE_SIZE)
    this.#empty.add(gfn)
    return true
  }

  /** Fresh RAM, zeroed, where nothing was; false elsewhere. */
  populate(gfn: number): boolean {
    if (!this.#empty.delete(gfn)) return false
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
