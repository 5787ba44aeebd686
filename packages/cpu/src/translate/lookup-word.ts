/** The second argument of helper `regionPage`: what a look-up is for (see page-lookups.ts). */

/** Bit: for writing. */
export const LOOKUP_WRITE = 1
/** Position and mask of the bytes that the accesses span. */
export const LOOKUP_SPAN = 1
export const LOOKUP_SPANS = 0x7ff
/** Position and mask of the first access's distance from the lowest. */
export const LOOKUP_OFFSET = 12
export const LOOKUP_OFFSETS = 0xfff
/** Bit: nothing but the first access itself decides whether its instruction faults. */
export const LOOKUP_PLAIN: number = 1 << 24
