/**
 * The bookkeeping checked against the memory that it is about: every count is made again from the page tables as they are, and what
 * must never be is looked for. For tests, and for whoever suspects a bug.
 */
import type { GuestMemory } from '@paragraft/core/ports'
import { PAGE_SIZE } from '../../abi/xen.ts'
import type { DomainMemory } from './domain-memory.ts'
import { frameOf, PAGE_PRESENT, PAGE_RW } from './entries.ts'
import {
  ALLOCATED,
  OWNER_GUEST,
  PAE_XEN_L2,
  PGT_l1_page_table,
  PGT_l2_page_table,
  PGT_l3_page_table,
  PGT_writable_page,
  PINNED,
  VALIDATED,
  XEN_HEAP,
} from './frame-table.ts'

/** References that are not entries of page tables: of backends, descriptor tables, grants; by frame. */
export type Held = ReadonlyMap<number, { readonly pages: number; readonly types: number }>

/** What is wrong, a line each; none when all is well. */
export function recount(mm: DomainMemory, held: Held = new Map()): string[] {
  const { table, memory } = mm
  const wrong: string[] = []
  const pages = new Int32Array(table.size)
  const types = new Int32Array(table.size)
  const refer = (mfn: number, typed: boolean): void => {
    pages[mfn]!++
    if (typed) types[mfn]!++
  }
  for (const [mfn, { pages: p, types: t }] of held) {
    pages[mfn]! += p
    types[mfn]! += t
  }
  if (mm.baseptr !== 0) refer(mm.baseptr, true)

  for (let mfn = 0; mfn < table.size; mfn++) {
    const flags = table.flags[mfn]!
    if (table.count[mfn]! < 0 || table.typeCount[mfn]! < 0) wrong.push(`frame ${mfn}: a count is negative`)
    if (table.owner[mfn] !== OWNER_GUEST) continue
    if ((flags & ALLOCATED) !== 0) pages[mfn]!++
    if ((flags & XEN_HEAP) !== 0) types[mfn]!++
    if ((flags & PINNED) !== 0) refer(mfn, true)
    if (table.typeCount[mfn] === 0 || table.type[mfn]! > PGT_l3_page_table) continue
    if ((flags & VALIDATED) === 0) wrong.push(`frame ${mfn}: in use as a table, and not validated`)
    for (const { low, target, slot } of entries(memory, mfn, table.type[mfn]!)) {
      const level = table.type[mfn]!
      if (level === PGT_l2_page_table && (flags & PAE_XEN_L2) !== 0 && slot >= 428) continue
      if (level === PGT_l2_page_table && target === mfn) continue
      if (!table.isGuests(target)) {
        wrong.push(`frame ${mfn}, slot ${slot}: names frame ${target}, which is not the guest's`)
        continue
      }
      refer(target, level !== PGT_l1_page_table || (low & PAGE_RW) !== 0)
      const type = table.type[target]!
      if (level === PGT_l1_page_table && (low & PAGE_RW) !== 0 && type !== PGT_writable_page) {
        wrong.push(`frame ${mfn}, slot ${slot}: writable mapping of frame ${target}, which is of type ${type}`)
      }
      const linear = level === PGT_l2_page_table && type === PGT_l2_page_table
      if (level !== PGT_l1_page_table && type !== level - 1 && !linear) {
        wrong.push(`frame ${mfn}, slot ${slot}: names frame ${target} of type ${type} as a table`)
      }
    }
  }
  for (let mfn = 0; mfn < table.size; mfn++) {
    if (table.owner[mfn] !== OWNER_GUEST) continue
    if (pages[mfn] !== table.count[mfn])
      wrong.push(`frame ${mfn}: ${table.count[mfn]} references, counted ${pages[mfn]}`)
    if (types[mfn] !== table.typeCount[mfn]) {
      wrong.push(`frame ${mfn}: ${table.typeCount[mfn]} uses as ${table.type[mfn]}, counted ${types[mfn]}`)
    }
  }
  return wrong
}

/** Entries that are present. */
function* entries(
  memory: GuestMemory,
  mfn: number,
  type: number,
): Generator<{ low: number; target: number; slot: number }> {
  const bytes = memory.read(mfn * PAGE_SIZE, PAGE_SIZE)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, PAGE_SIZE / 4)
  const count = type === PGT_l3_page_table ? 4 : 512
  for (let slot = 0; slot < count; slot++) {
    const low = words[2 * slot]!
    if ((low & PAGE_PRESENT) !== 0) yield { low, target: frameOf(low, words[2 * slot + 1]!), slot }
  }
}
