/** Looking for a guest's op table: every kind of layout is asked, and exactly one may answer. */
import { ParagraftError } from '@paragraft/core/errors'
import type { GuestImage } from '@paragraft/core/image'
import type { GuestLayout, LayoutResult } from '@paragraft/core/layout'
import { linuxPvOps } from './linux-pv-ops.ts'
import { paravirtOps } from './paravirt-ops.ts'
import { findTable, openImage, type TableKind } from './table.ts'

/** A new kind of guest kernel is one file and one entry here. */
const KINDS: readonly TableKind[] = [linuxPvOps, paravirtOps]

/** Finds where the guest keeps its op table. Pure: a refusal is an answer here, for `inspect`. */
export function findLayout(image: GuestImage): LayoutResult {
  if (image.machine !== 'i386') {
    return {
      found: false,
      code: 'PG_LAYOUT_NOT_FOUND',
      reason: `no layout for ${image.machine} guests yet`,
      oracles: [],
    }
  }
  const refusals: Extract<LayoutResult, { found: false }>[] = []
  const open = openImage(image)
  for (const kind of KINDS) {
    const result = findTable(open, kind)
    if (result.found) return result
    refusals.push(result)
  }
  return (
    refusals.find(refusal => refusal.code === 'PG_LAYOUT_DISAGREE') ??
    refusals[0] ?? { found: false, code: 'PG_LAYOUT_NOT_FOUND', reason: 'no layout is known', oracles: [] }
  )
}

/** The layout, or its coded refusal (`PG_LAYOUT_NOT_FOUND`, `PG_LAYOUT_DISAGREE`) as an error. */
export function requireLayout(image: GuestImage): GuestLayout {
  const result = findLayout(image)
  if (result.found) return result.layout
  throw new ParagraftError(result.code, `the guest's op table: ${result.reason}`, {
    fields: { format: image.format, oracles: result.oracles },
    hint:
      result.code === 'PG_LAYOUT_DISAGREE'
        ? 'The image contradicts itself; nothing is grafted onto it. Run `paragraft inspect` for what each oracle says.'
        : 'This guest keeps no op table that is known here: boot it without --ops.',
  })
}
