/**
 * Where a module may live: RAM of the guest that stays mapped and executable from its first instruction on.
 *
 * Linux on i386 (`mk_early_pgtbl_32`, arch/x86/kernel/head32.c) maps everything up to
 * roundup(PA(_end) + page tables for all of lowmem, one page directory entry), writable and executable, and its later
 * lowmem mapping replaces those entries only for RAM. A range just below that limit, reported as reserved in the
 * memory map, therefore keeps its early mapping for good, with NX on. W^X is broken for these pages and no others.
 *
 * The page tables for a 3 GB / 1 GB split are 256 pages without PAE and 516 with it; the end that the smaller number
 * gives, rounded to the smaller directory entry (2 MB), is mapped in both cases.
 */
import { ParagraftError } from '@paragraft/core/errors'
import type { GuestImage } from '@paragraft/core/image'
import type { GuestLayout } from '@paragraft/core/layout'

export const PAGE = 4096
const PMD_SIZE = 0x20_0000
const EARLY_TABLE_PAGES = 256

/**
 * Guests of the single-`paravirt_ops` eras (1.x) map all low memory when they set up their own tables and know
 * nothing of NX; before that, at least this much beyond their own end (head.S maps whole 4 MB directory entries).
 */
const ERA1_BEYOND_END = 0x10_0000

/** Pages for a graft: `pa` physical, `va` where the guest's kernel mapping shows them. */
export interface Room {
  pa: number
  va: number
  length: number
}

/** Physical end of the image, zero fill included: `_end`. */
function imageEnd(image: GuestImage): number {
  return image.segments.reduce((end, s) => Math.max(end, s.paddr + s.memorySize), 0)
}

/**
 * Finds room for `bytes` bytes. Throws `PG_GRAFT_NO_ROOM` with the sizes when they do not fit.
 * `memorySize`: RAM of the machine in bytes.
 */
export function findRoom(image: GuestImage, layout: GuestLayout, bytes: number, memorySize: number): Room {
  const end = imageEnd(image)
  const low = up(end, PAGE)
  const mapped = up(end + (layout.era.startsWith('1.') ? ERA1_BEYOND_END : EARLY_TABLE_PAGES * PAGE), PMD_SIZE)
  const high = down(Math.min(mapped, memorySize), PAGE)
  const length = up(bytes, PAGE)
  if (high - length < low) {
    throw new ParagraftError(
      'PG_GRAFT_NO_ROOM',
      `the module needs ${length} bytes; the guest keeps ${Math.max(0, high - low)} bytes mapped above its end`,
      {
        fields: { need: length, room: Math.max(0, high - low), imageEnd: end, mappedEnd: mapped, memorySize },
        hint:
          memorySize < mapped
            ? 'Give the machine more memory.'
            : 'Make the module smaller: host answers take a few bytes of guest memory, code answers all of theirs.',
      },
    )
  }
  const pa = high - length
  return { pa, va: pa + (layout.tableVa - layout.tablePa), length }
}

const up = (value: number, align: number): number => Math.ceil(value / align) * align
const down = (value: number, align: number): number => Math.floor(value / align) * align
