/**
 * The end of a PVH domain's physical address space. The last two pages are the console's and xenstore's, which the toolstack
 * shares with the guest from the start; its memory map keeps them from it. Below them is a hole that the map does not
 * mention: frames without RAM, where guests that look for one (GRUB does) put shared_info and grant table.
 */
import { PAGE_SIZE } from './abi/xen.ts'

/** A grant table of the longest, shared_info, and some. */
const HOLE_PAGES = 126

/** Physical addresses, for a machine with so much RAM. */
export interface SpecialPages {
  /** The reserved range. */
  readonly base: number
  readonly length: number
  readonly console: number
  readonly store: number
  /** The hole; it ends where the reserved range begins. */
  readonly hole: number
}

export function specialPages(memorySize: number): SpecialPages {
  const length = 2 * PAGE_SIZE
  const base = memorySize - length
  return { base, length, console: base, store: base + PAGE_SIZE, hole: base - HOLE_PAGES * PAGE_SIZE }
}
