/**
 * How the machine's RAM is shared out: which frames are the domain's at the start, in what order, and which are the hypervisor's own.
 * A function of the amount of RAM, so that the domain builder and the page tables agree without a word.
 *
 *   0 | the domain's frames … | free | M2P table | its page tables | shared_info | descriptors | grant table
 */
import { ParagraftError } from '@paragraft/core/errors'
import { PAGE_SIZE } from '../../abi/xen.ts'
import { MAX_GRANT_FRAMES } from '../../grant-table.ts'

/** Frames left over at the start: for a domain that exchanges some, or that was built with less than it may have (libxl's slack). */
const FREE_FRAMES = 256
const ENTRIES_PER_TABLE = 512
/** Primes, candidates for the stride from one frame of the domain to the next. */
const STRIDES = [7919, 7907, 7901]

export interface MachineLayout {
  /** Frames of RAM. */
  readonly frames: number
  /** The domain's frames, by pseudo-physical frame number. */
  readonly p2m: Uint32Array
  /** Frames that nobody has, first and count. */
  readonly free: { readonly first: number; readonly count: number }
  /** Frames of the M2P table, and of the page tables that map it. */
  readonly m2p: { readonly first: number; readonly count: number }
  readonly m2pTables: { readonly first: number; readonly count: number }
  readonly sharedInfo: number
  /** Xen's own page of descriptors, seen from selector 0xE000 up. */
  readonly descriptors: number
  /** The grant table's frames, first of {@link MAX_GRANT_FRAMES}. */
  readonly grants: number
}

/** Frame 0 is nobody's: a number that stands for "none" must not be a page. `PG_HEAD_NO_ROOM` for a machine without room. */
export function machineLayout(memorySize: number): MachineLayout {
  const frames = Math.floor(memorySize / PAGE_SIZE)
  const m2pFrames = Math.ceil((frames * 4) / PAGE_SIZE)
  const m2pTables = Math.ceil(m2pFrames / ENTRIES_PER_TABLE)
  const own = m2pFrames + m2pTables + 2 + MAX_GRANT_FRAMES
  const count = frames - 1 - own - FREE_FRAMES
  if (count < FREE_FRAMES) {
    throw new ParagraftError(
      'PG_HEAD_NO_ROOM',
      `${memorySize} bytes of memory leave a paravirtual domain ${count} pages`,
      {
        fields: { head: 'xen-pv', memorySize, pages: count },
        hint: 'Give the machine more memory: 16 MiB or more.',
      },
    )
  }
  let next = 1 + count
  const take = (length: number): { first: number; count: number } => {
    const range = { first: next, count: length }
    next += length
    return range
  }
  return {
    frames,
    p2m: scattered(1, count),
    free: take(FREE_FRAMES),
    m2p: take(m2pFrames),
    m2pTables: take(m2pTables),
    sharedInfo: take(1).first,
    descriptors: take(1).first,
    grants: take(MAX_GRANT_FRAMES).first,
  }
}

/** `count` frames from `first`, in an order in which no two neighbours are neighbours: a guest that mistakes one kind of number for the other is caught at once. */
function scattered(first: number, count: number): Uint32Array {
  const stride = STRIDES.find(prime => count % prime > 0 && prime % count > 1 && prime % count < count - 1)!
  const p2m = new Uint32Array(count)
  let at = count - 1
  for (let pfn = 0; pfn < count; pfn++) {
    p2m[pfn] = first + at
    at = (at + stride) % count
  }
  return p2m
}
