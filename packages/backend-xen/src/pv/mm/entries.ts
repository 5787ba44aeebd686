/**
 * Entries of PAE page tables as Xen sees them: 40 bits of frame, 24 of flags (xen/arch/x86/include/asm/x86_64/page.h). Here an
 * entry is its two words; flags of the upper one keep their places in it.
 */

export const PAGE_PRESENT = 1 << 0
export const PAGE_RW = 1 << 1
export const PAGE_USER = 1 << 2
export const PAGE_ACCESSED = 1 << 5
export const PAGE_DIRTY = 1 << 6
export const PAGE_PSE = 1 << 7
export const PAGE_GLOBAL = 1 << 8
export const PAGE_AVAIL = 7 << 9
/** In the upper word: bits 52–62, which nothing uses. */
export const PAGE_AVAIL_HIGH = 0x7ff0_0000
export const PAGE_NX = 0x8000_0000

const PAGE_FLAGS = 0xfff
const FRAME_HIGH = 0x000f_ffff

/** Flags that a guest may set in an entry of each level (xen/arch/x86/mm.c: base_disallow_mask and what is made of it). */
const ALLOWED = PAGE_PRESENT | PAGE_RW | PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY | PAGE_AVAIL
const L1_ALLOWED = ALLOWED | PAGE_GLOBAL

/** The frame, below 2^40. */
export function frameOf(low: number, high: number): number {
  return (low >>> 12) + (high & FRAME_HIGH) * 0x10_0000
}

/** L1_DISALLOW_MASK of a domain without devices: no caching attributes. */
export function l1Allowed(low: number): boolean {
  return (low & PAGE_FLAGS & ~L1_ALLOWED) === 0
}

export function l2Allowed(low: number): boolean {
  return (low & PAGE_FLAGS & ~ALLOWED) === 0
}

/** COMPAT_L3_DISALLOW_MASK: nothing above the frame. */
export function l3Allowed(low: number, high: number): boolean {
  return l2Allowed(low) && (high & (PAGE_AVAIL_HIGH | PAGE_NX)) === 0
}

/** FASTPATH_FLAG_WHITELIST: what may change in an entry without another look at its frame. */
const UNCHECKED_LOW = PAGE_AVAIL | PAGE_GLOBAL | PAGE_DIRTY | PAGE_ACCESSED | PAGE_USER
const UNCHECKED_HIGH = PAGE_NX | PAGE_AVAIL_HIGH

/** True when two entries differ in nothing that has to be validated. */
export function similar(low: number, high: number, otherLow: number, otherHigh: number): boolean {
  return ((low ^ otherLow) & ~UNCHECKED_LOW) === 0 && ((high ^ otherHigh) & ~UNCHECKED_HIGH) === 0
}
