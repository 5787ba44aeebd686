/**
 * Changing entries of page tables that are in use, entry by entry, with the references that go with them (xen/arch/x86/mm.c:
 * mod_l1_entry, mod_l2_entry, mod_l3_entry, new_guest_cr3), and looking addresses up in those that the processor uses.
 */
import type { GuestMemory } from '@paragraft/core/ports'
import { EINVAL, EPERM } from '../../abi/errno.ts'
import { PAGE_SIZE } from '../../abi/xen.ts'
import {
  frameOf,
  l1Allowed,
  l2Allowed,
  l3Allowed,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_PRESENT,
  PAGE_PSE,
  PAGE_RW,
  similar,
} from './entries.ts'
import { PGT_l1_page_table, PGT_l2_page_table, PGT_l3_page_table, VALIDATED } from './frame-table.ts'
import type { References } from './references.ts'

/** The last slot of a page-directory-pointer table has the hypervisor's part, and is not to be changed while it is in use. */
const XEN_L3_SLOT = 3

export interface UpdateOptions {
  /** Accessed and dirty bits that are set stay set (MMU_PT_UPDATE_PRESERVE_AD). */
  preserve?: boolean
  /** The frames are to be DOMID_IO's. */
  foreign?: boolean
}

export class PageTables {
  readonly references: References
  readonly #memory: GuestMemory
  readonly #load: (mfn: number) => void
  /** The page-directory-pointer table in use; 0 before the start. */
  baseptr = 0

  /** `load`: the processor is to use this page-directory-pointer table, as it is now. */
  constructor(memory: GuestMemory, references: References, load: (mfn: number) => void) {
    this.#memory = memory
    this.references = references
    this.#load = load
  }

  /** new_guest_cr3: the table becomes the one in use, validated if it is not. 0, or -EINVAL. */
  newBaseptr(mfn: number): number {
    if (mfn !== this.baseptr) {
      const result = this.references.getPageAndType(mfn, PGT_l3_page_table)
      if (result < 0) return result
      const before = this.baseptr
      this.baseptr = mfn
      this.#load(mfn)
      if (before !== 0) this.references.putPageAndType(before)
      return 0
    }
    this.#load(mfn)
    return 0
  }

  /** Writes an entry of a validated page table of any level. `at`: a machine address, aligned to an entry. */
  update(at: number, low: number, high: number, options: UpdateOptions = {}): number {
    const mfn = Math.floor(at / PAGE_SIZE)
    const slot = (at % PAGE_SIZE) >>> 3
    switch (this.references.frames.type[mfn]) {
      case PGT_l1_page_table:
        return this.#updateL1(at, low, high, options)
      case PGT_l2_page_table:
        return options.foreign ? -EINVAL : this.#updateL2(at, mfn, slot, low, high, options)
      case PGT_l3_page_table:
        return options.foreign ? -EINVAL : this.#updateL3(at, mfn, slot, low, high, options)
      default:
        return -EINVAL
    }
  }

  /** True for a page in use in a role that has been validated (page_lock). */
  inUse(mfn: number): boolean {
    const { typeCount, flags } = this.references.frames
    return typeCount[mfn]! > 0 && (flags[mfn]! & VALIDATED) !== 0
  }

  /** The machine address of the entry for a linear address in its page table, by the tables in use (map_guest_l1e). */
  l1Entry(address: number): number | undefined {
    const at = this.l2Entry(address)
    const l2 = at === undefined ? undefined : this.#entry(Math.floor(at / PAGE_SIZE), (at % PAGE_SIZE) / 8)
    return l2 === undefined || (l2.low & PAGE_PSE) !== 0 ? undefined : l2.mfn * PAGE_SIZE + 8 * ((address >>> 12) & 511)
  }

  /** The machine address of the entry for a linear address in its directory. */
  l2Entry(address: number): number | undefined {
    if (this.baseptr === 0) return undefined
    const l3 = this.#entry(this.baseptr, address >>> 30)
    return l3 === undefined ? undefined : l3.mfn * PAGE_SIZE + 8 * ((address >>> 21) & 511)
  }

  /** The entry for a linear address, if its page table is one of the guest's that is in use; what update_va_mapping and grants change. */
  guestL1Entry(address: number): number | undefined {
    const at = this.l1Entry(address)
    if (at === undefined) return undefined
    const mfn = Math.floor(at / PAGE_SIZE)
    const { frames } = this.references
    return frames.isGuests(mfn) && this.inUse(mfn) && frames.type[mfn] === PGT_l1_page_table ? at : undefined
  }

  translate(address: number): { mfn: number; writable: boolean } | undefined {
    const at = this.l1Entry(address)
    if (at === undefined) return undefined
    const low = this.#memory.read32(at)
    if ((low & PAGE_PRESENT) === 0) return undefined
    const directory = this.#memory.read32(this.l2Entry(address)!)
    return { mfn: frameOf(low, this.#memory.read32(at + 4)), writable: (low & directory & PAGE_RW) !== 0 }
  }

  /** An entry that is present. */
  #entry(mfn: number, slot: number): { low: number; mfn: number } | undefined {
    const at = mfn * PAGE_SIZE + 8 * slot
    const low = this.#memory.read32(at)
    return (low & PAGE_PRESENT) === 0 ? undefined : { low, mfn: frameOf(low, this.#memory.read32(at + 4)) }
  }

  /** Writes both words, and says what was there. */
  write(at: number, low: number, high: number, preserve = false): void {
    const kept = preserve ? this.#memory.read32(at) & (PAGE_ACCESSED | PAGE_DIRTY) : 0
    this.#memory.write32(at, (low | kept) >>> 0)
    this.#memory.write32(at + 4, high >>> 0)
  }

  #updateL1(at: number, low: number, high: number, { preserve, foreign }: UpdateOptions): number {
    const oldLow = this.#memory.read32(at)
    const oldHigh = this.#memory.read32(at + 4)
    if ((low & PAGE_PRESENT) !== 0) {
      if (!l1Allowed(low)) return -EINVAL
      if (!similar(oldLow, oldHigh, low, high)) {
        const result = this.references.getL1e(low, high, foreign)
        if (result < 0) return result
      } else {
        this.write(at, low, high, preserve)
        return 0
      }
    }
    this.write(at, low, high, preserve)
    this.references.putL1e(oldLow, oldHigh)
    return 0
  }

  #updateL2(at: number, mfn: number, slot: number, low: number, high: number, { preserve }: UpdateOptions): number {
    if (!this.references.isGuestL2Slot(mfn, slot)) return -EPERM
    const oldLow = this.#memory.read32(at)
    const oldHigh = this.#memory.read32(at + 4)
    if ((low & PAGE_PRESENT) !== 0) {
      if (!l2Allowed(low)) return -EINVAL
      if (similar(oldLow, oldHigh, low, high)) {
        this.write(at, low, high, preserve)
        return 0
      }
      const result = this.references.getL2e(low, high, mfn)
      if (result < 0) return result
    }
    this.write(at, low, high, preserve)
    this.references.putL2e(oldLow, oldHigh, mfn)
    return 0
  }

  #updateL3(at: number, mfn: number, slot: number, low: number, high: number, { preserve }: UpdateOptions): number {
    if (slot >= XEN_L3_SLOT) return -EINVAL
    const oldLow = this.#memory.read32(at)
    const oldHigh = this.#memory.read32(at + 4)
    let kept = false
    if ((low & PAGE_PRESENT) !== 0) {
      if (!l3Allowed(low, high)) return -EINVAL
      kept = similar(oldLow, oldHigh, low, high)
      const result = kept ? 0 : this.references.getL3e(low, high)
      if (result < 0) return result
    }
    this.write(at, this.references.adjustL3e(low), high, preserve)
    // A 32-bit processor keeps these entries in registers.
    if (mfn === this.baseptr) this.#load(mfn)
    if (!kept) this.references.putL3e(oldLow, oldHigh, mfn)
    return 0
  }
}
