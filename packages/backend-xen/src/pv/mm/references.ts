/**
 * References to the domain's frames, and the validation that comes with the first of a role (xen/arch/x86/mm.c: get_page,
 * _get_page_type, promote_l1_table …, and their opposites). What keeps a guest inside its memory is this: no entry of a page table is
 * seen by the processor unless a reference was taken for it, and no page table is writable.
 *
 * A failed validation leaves nothing behind. Xen interrupts and resumes long ones; here they run to their end.
 */
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import { EBUSY, EINVAL, EPERM } from '../../abi/errno.ts'
import { HYPERVISOR_VIRT_START } from '../../abi/pv.ts'
import { PAGE_SIZE } from '../../abi/xen.ts'
import { frameOf, l1Allowed, l2Allowed, l3Allowed, PAGE_ACCESSED, PAGE_PRESENT, PAGE_RW, PAGE_USER } from './entries.ts'
import {
  ALLOCATED,
  type FrameTable,
  PAE_XEN_L2,
  PGT_l1_page_table,
  PGT_l2_page_table,
  PGT_l3_page_table,
  PGT_none,
  PGT_seg_desc_page,
  PGT_writable_page,
  PINNED,
  VALIDATED,
} from './frame-table.ts'

const ENTRIES = 512
const L3_ENTRIES = 4
/** The slot of a page-directory-pointer table whose directory has the hypervisor's entries, and the first of those (COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT). */
const XEN_L3_SLOT = 3
export const FIRST_XEN_L2_SLOT = (HYPERVISOR_VIRT_START >>> 21) & 511
/** The frame of an all-ones entry, with which some guests say "none". */
const INVALID_MFN = 2 ** 40 - 1
/** What a 64-bit processor needs set in entries of the level above directories, whatever a 32-bit guest thinks (adjust_guest_l3e). */
const L3_ADDED = PAGE_USER | PAGE_RW
const L3_REMOVED = PAGE_USER | PAGE_RW | PAGE_ACCESSED

export interface ReferencesOptions {
  memory: GuestMemory
  frames: FrameTable
  /** Low words of the hypervisor's entries, from {@link FIRST_XEN_L2_SLOT} on; the others are empty. */
  xenEntries: readonly number[]
  /** Checks all descriptors of a page, and mends them where Xen does. */
  checkDescriptors(mfn: number): boolean
  /** Frames of the LDT are to be forgotten. */
  dropLdt(): void
  /** A frame changes its role: what the TLB has of it must be gone. */
  flushTlb(): void
}

/** State: the epoch of the TLB; the rest is the frame table's. */
export class References implements Snapshotable<number> {
  readonly frames: FrameTable
  readonly #options: ReferencesOptions
  readonly #memory: GuestMemory
  #epoch = 1

  constructor(options: ReferencesOptions) {
    this.#options = options
    this.#memory = options.memory
    this.frames = options.frames
  }

  save(): number {
    return this.#epoch
  }

  restore(epoch: number): void {
    this.#epoch = epoch
  }

  /** The TLB is empty. */
  flushed(): void {
    this.#epoch++
  }

  /** A reference to a page of the domain's; false when it is not. */
  getPage(mfn: number): boolean {
    if (!this.frames.isGuests(mfn) || this.frames.count[mfn] === 0) return false
    this.frames.count[mfn]!++
    return true
  }

  putPage(mfn: number): void {
    if (--this.frames.count[mfn]! === 0) this.frames.release(mfn)
  }

  /** The reference that the domain has to its own page, dropped once (put_page_alloc_ref). */
  putAllocation(mfn: number): void {
    if ((this.frames.flags[mfn]! & ALLOCATED) === 0) return
    this.frames.flags[mfn]! &= ~ALLOCATED
    this.putPage(mfn)
  }

  getPageAndType(mfn: number, type: number, xenL2 = false): number {
    if (!this.getPage(mfn)) return -EINVAL
    const result = this.getType(mfn, type, xenL2)
    if (result < 0) this.putPage(mfn)
    return result
  }

  putPageAndType(mfn: number, table = -1): void {
    this.putType(mfn, table)
    this.putPage(mfn)
  }

  /** A use of a referenced page in a role; its first is validated. 0, or -EINVAL. */
  getType(mfn: number, type: number, xenL2 = false): number {
    const { flags, typeCount } = this.frames
    if (typeCount[mfn]! > 0) {
      const same = this.frames.type[mfn] === type && ((flags[mfn]! & PAE_XEN_L2) !== 0) === xenL2
      // A page that is being validated counts once, and is not to be had.
      if (!same || (flags[mfn]! & VALIDATED) === 0) return -EINVAL
      typeCount[mfn]!++
      return 0
    }
    if (this.frames.type[mfn] !== type || xenL2) {
      // The role before may still be in the TLB: a writable page, above all, that becomes a table.
      if (this.frames.type[mfn] !== PGT_none && this.frames.stamp[mfn] === this.#epoch) this.#options.flushTlb()
      flags[mfn]! &= ~(VALIDATED | PAE_XEN_L2)
      flags[mfn]! |= (type === PGT_writable_page ? VALIDATED : 0) | (xenL2 ? PAE_XEN_L2 : 0)
      this.frames.type[mfn] = type
    }
    typeCount[mfn] = 1
    if ((flags[mfn]! & VALIDATED) !== 0) return 0
    this.frames.linear[mfn] = 0
    const result = this.#promote(mfn, type, xenL2)
    if (result === 0) flags[mfn]! |= VALIDATED
    else {
      typeCount[mfn] = 0
      this.frames.type[mfn] = PGT_none
      flags[mfn]! &= ~(VALIDATED | PAE_XEN_L2 | PINNED)
    }
    return result
  }

  /** The end of a use. `table`: the page table whose entry it was, when that may be of the page's own level. */
  putType(mfn: number, table = -1): void {
    const { flags, type, typeCount, linear, stamp } = this.frames
    const sameLevel = table >= 0 && type[table] === type[mfn]
    if (typeCount[mfn] === 1 && type[mfn]! <= PGT_l3_page_table && (flags[mfn]! & VALIDATED) !== 0) {
      flags[mfn]! &= ~VALIDATED
      this.#demote(mfn, type[mfn]!)
    }
    if (sameLevel) {
      linear[mfn]!++
      linear[table]!--
    }
    stamp[mfn] = this.#epoch
    typeCount[mfn]!--
  }

  /** Sets a pin, which holds a role; false when it has one. */
  pin(mfn: number): boolean {
    if ((this.frames.flags[mfn]! & PINNED) !== 0) return false
    this.frames.flags[mfn]! |= PINNED
    return true
  }

  unpin(mfn: number): boolean {
    if ((this.frames.flags[mfn]! & PINNED) === 0) return false
    this.frames.flags[mfn]! &= ~PINNED
    return true
  }

  /** get_page_from_l1e, of an entry that is present. 0; -EINVAL, -EPERM or -EBUSY, and nothing was taken. `foreign`: DOMID_IO's frames are asked for. */
  getL1e(low: number, high: number, foreign = false): number {
    if (!l1Allowed(low)) return -EINVAL
    const mfn = frameOf(low, high)
    if (mfn >= this.frames.size) return mfn === INVALID_MFN ? -EINVAL : -EPERM
    if (foreign || !this.getPage(mfn)) return -EBUSY
    if ((low & PAGE_RW) === 0 || this.getType(mfn, PGT_writable_page) === 0) return 0
    this.putPage(mfn)
    return -EBUSY
  }

  putL1e(low: number, high: number): void {
    if ((low & PAGE_PRESENT) === 0) return
    const mfn = frameOf(low, high)
    if ((low & PAGE_RW) !== 0) this.putPageAndType(mfn)
    else {
      if (this.frames.type[mfn] === PGT_seg_desc_page && this.frames.typeCount[mfn]! > 0) this.#options.dropLdt()
      this.putPage(mfn)
    }
  }

  /** get_page_from_l2e, of an entry that is present in the directory `table`. */
  getL2e(low: number, high: number, table: number): number {
    if (!l2Allowed(low)) return -EINVAL
    const mfn = frameOf(low, high)
    const result = this.getPageAndType(mfn, PGT_l1_page_table)
    return result < 0 && this.#getLinear(low, mfn, table) ? 0 : result
  }

  putL2e(low: number, high: number, table: number): void {
    const mfn = frameOf(low, high)
    if ((low & PAGE_PRESENT) !== 0 && mfn !== table) this.putPageAndType(mfn, table)
  }

  /** get_page_from_l3e, of an entry that is present. */
  getL3e(low: number, high: number): number {
    return l3Allowed(low, high) ? this.getPageAndType(frameOf(low, high), PGT_l2_page_table) : -EINVAL
  }

  putL3e(low: number, high: number, table: number): void {
    if ((low & PAGE_PRESENT) !== 0) this.putPageAndType(frameOf(low, high), table)
  }

  /** adjust_guest_l3e, of the low word. */
  adjustL3e(low: number): number {
    return (low & PAGE_PRESENT) !== 0 ? low | L3_ADDED : low
  }

  /** True for slots of a directory that are the guest's to fill (is_guest_l2_slot). */
  isGuestL2Slot(mfn: number, slot: number): boolean {
    return (this.frames.flags[mfn]! & PAE_XEN_L2) === 0 || slot < FIRST_XEN_L2_SLOT
  }

  /**
   * A directory named as a page table, by another or by itself, so that the tables appear in the address space. Read-only; of
   * others only one that has no such entries itself, from one that is not named so (define_get_linear_pagetable).
   */
  #getLinear(low: number, mfn: number, table: number): boolean {
    if ((low & PAGE_RW) !== 0) return false
    if (mfn === table) return true
    const { type, flags, linear, typeCount } = this.frames
    if (!this.getPage(mfn)) return false
    const validated = type[mfn] === PGT_l2_page_table && (flags[mfn]! & VALIDATED) !== 0
    if (linear[table]! < 0 || linear[mfn]! > 0 || !validated) {
      this.putPage(mfn)
      return false
    }
    linear[table]!++
    linear[mfn]!--
    typeCount[mfn]!++
    return true
  }

  #promote(mfn: number, type: number, xenL2: boolean): number {
    switch (type) {
      case PGT_l1_page_table:
        return this.#promoteL1(mfn)
      case PGT_l2_page_table:
        return this.#promoteL2(mfn, xenL2)
      case PGT_l3_page_table:
        return this.#promoteL3(mfn)
      default:
        return this.#options.checkDescriptors(mfn) ? 0 : -EINVAL
    }
  }

  #demote(mfn: number, type: number): void {
    const words = this.#words(mfn, type === PGT_l3_page_table ? L3_ENTRIES : ENTRIES)
    switch (type) {
      case PGT_l1_page_table:
        for (let i = 0; i < words.length; i += 2) this.putL1e(words[i]!, words[i + 1]!)
        break
      case PGT_l2_page_table:
        for (let slot = ENTRIES - 1; slot >= 0; slot--) {
          if (this.isGuestL2Slot(mfn, slot)) this.putL2e(words[2 * slot]!, words[2 * slot + 1]!, mfn)
        }
        this.frames.flags[mfn]! &= ~PAE_XEN_L2
        break
      case PGT_l3_page_table:
        for (let slot = L3_ENTRIES - 1; slot >= 0; slot--) this.#dropL3Slot(mfn, slot, words)
    }
  }

  #promoteL1(mfn: number): number {
    const words = this.#words(mfn, ENTRIES)
    for (let i = 0; i < words.length; i += 2) {
      if ((words[i]! & PAGE_PRESENT) === 0) continue
      const result = this.getL1e(words[i]!, words[i + 1]!)
      if (result === 0) continue
      for (let taken = 0; taken < i; taken += 2) this.putL1e(words[taken]!, words[taken + 1]!)
      return result
    }
    return 0
  }

  #promoteL2(mfn: number, xenL2: boolean): number {
    const words = this.#words(mfn, ENTRIES)
    const slots = xenL2 ? FIRST_XEN_L2_SLOT : ENTRIES
    for (let slot = 0; slot < slots; slot++) {
      if ((words[2 * slot]! & PAGE_PRESENT) === 0) continue
      const result = this.getL2e(words[2 * slot]!, words[2 * slot + 1]!, mfn)
      if (result === 0) continue
      while (--slot >= 0) this.putL2e(words[2 * slot]!, words[2 * slot + 1]!, mfn)
      return result
    }
    if (xenL2) this.#installXenEntries(mfn)
    return 0
  }

  #promoteL3(mfn: number): number {
    // A 64-bit processor sees the whole page.
    this.#memory.fill(mfn * PAGE_SIZE + 8 * L3_ENTRIES, 0, PAGE_SIZE - 8 * L3_ENTRIES)
    const words = this.#words(mfn, L3_ENTRIES)
    for (let slot = 0; slot < L3_ENTRIES; slot++) {
      const low = words[2 * slot]!
      const high = words[2 * slot + 1]!
      let result = 0
      if (slot === XEN_L3_SLOT) result = this.#getXenL2(low, high)
      else if ((low & PAGE_PRESENT) === 0) continue
      else result = this.getL3e(low, high)
      if (result < 0) {
        while (--slot >= 0) this.#dropL3Slot(mfn, slot, words)
        return result
      }
      this.#memory.write32(mfn * PAGE_SIZE + 8 * slot, this.adjustL3e(low))
    }
    return 0
  }

  /** The last slot's directory must be there, and no other table's (pae_xen_mappings_check). */
  #getXenL2(low: number, high: number): number {
    if ((low & PAGE_PRESENT) === 0 || !l3Allowed(low, high)) return -EINVAL
    const mfn = frameOf(low, high)
    const result = this.getPageAndType(mfn, PGT_l2_page_table, true)
    if (result < 0 || this.frames.typeCount[mfn] === 1) return result
    this.putPageAndType(mfn)
    return -EINVAL
  }

  #dropL3Slot(mfn: number, slot: number, words: Uint32Array): void {
    const low = words[2 * slot]!
    if ((low & PAGE_PRESENT) === 0) return
    this.putL3e(low, words[2 * slot + 1]!, mfn)
    this.#memory.write32(mfn * PAGE_SIZE + 8 * slot, (low & ~L3_REMOVED) >>> 0)
  }

  /** The machine-to-physical table appears, whatever the guest had there. */
  #installXenEntries(mfn: number): void {
    const entries = new Uint32Array(2 * (ENTRIES - FIRST_XEN_L2_SLOT))
    for (const [index, low] of this.#options.xenEntries.entries()) entries[2 * index] = low
    this.#memory.write(mfn * PAGE_SIZE + 8 * FIRST_XEN_L2_SLOT, new Uint8Array(entries.buffer))
  }

  /** The words of a table's first entries, as they are now. */
  #words(mfn: number, entries: number): Uint32Array {
    const bytes = this.#memory.read(mfn * PAGE_SIZE, 8 * entries)
    return new Uint32Array(bytes.buffer, bytes.byteOffset, 2 * entries)
  }
}
