/**
 * Linux with the single `pv_ops` (4.20 and up), stripped and unprepared: Debian's i386 kernels are of this kind.
 * The structure is `struct paravirt_patch_template` (arch/x86/include/asm/paravirt_types.h).
 */
import type { Era } from '@paragraft/core/ops'
import type { TableKind } from './table.ts'

/** First and last kernel release of each ops ABI with this container, as [major, minor]. */
const RELEASES: Readonly<Record<string, readonly [from: number, to: number]>> = {
  '4.0': [420, 515],
  '5.0': [516, 607],
  '6.0': [608, 618],
}

export const linuxPvOps: TableKind = {
  symbol: 'pv_ops',
  era: (era: Era) => /\bpv_ops$/.test(era.container),
  release(era: Era, major: number, minor: number): boolean {
    const range = RELEASES[era.id.replace('-lite', '')]
    const release = major * 100 + minor
    return range !== undefined && release >= range[0] && release <= range[1]
  },
}
