/**
 * Pages that the toolstack shares with the guest from the start: the console's and xenstore's. A PVH domain has them at the
 * end of its memory, in a range that its memory map keeps from it.
 */
import { PAGE_SIZE } from './abi/xen.ts'

/** Physical addresses, for a machine with so much RAM. */
export interface SpecialPages {
  readonly base: number
  readonly length: number
  readonly console: number
  readonly store: number
}

export function specialPages(memorySize: number): SpecialPages {
  const length = 2 * PAGE_SIZE
  const base = memorySize - length
  return { base, length, console: base, store: base + PAGE_SIZE }
}
