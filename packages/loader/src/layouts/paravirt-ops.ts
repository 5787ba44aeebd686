/**
 * Guests of the first eras (1.x), with the one `struct paravirt_ops` of Linux 2.6.20 to 2.6.23. They keep their symbols
 * and their `.parainstructions`; `oldguest` is one of them.
 */
import type { Era } from '@paragraft/core/ops'
import type { TableKind } from './table.ts'

/** The release, 2.6.x, of each ABI is no help here: [major, minor] is 2.6 for all; size and functions settle it. */
export const paravirtOps: TableKind = {
  symbol: 'paravirt_ops',
  era: (era: Era) => /\bparavirt_ops paravirt_ops$/.test(era.container),
}
