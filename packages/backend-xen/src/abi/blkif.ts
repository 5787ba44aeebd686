/** xen/include/public/io/blkif.h, in the layouts of 32-bit and 64-bit guests (the front end's key `protocol`). */
import { type Field, type Layout, layout } from './layout.ts'

export const BLKIF_OP_READ = 0
export const BLKIF_OP_WRITE = 1
export const BLKIF_OP_WRITE_BARRIER = 2
export const BLKIF_OP_FLUSH_DISKCACHE = 3

export const BLKIF_RSP_OKAY = 0
export const BLKIF_RSP_ERROR = -1
export const BLKIF_RSP_EOPNOTSUPP = -2

export const BLKIF_MAX_SEGMENTS_PER_REQUEST = 11
/** Sectors of 512 bytes in a page. */
export const SECTORS_PER_PAGE = 8
export const VDISK_READONLY = 4

export const BLKIF_REQUEST_SEGMENT = layout(8, { gref: [0, 'u32'], firstSect: [4, 'u8'], lastSect: [5, 'u8'] })

/** Request and response of one protocol; the identity is kept in halves, since it is the guest's 64 bits. */
export interface BlkifLayouts {
  readonly request: Layout<
    Readonly<Record<'operation' | 'nrSegments' | 'handle' | 'idLow' | 'idHigh' | 'sectorNumber', Field>>
  >
  /** Offset of the first segment in a request. */
  readonly segments: number
  readonly response: Layout<Readonly<Record<'idLow' | 'idHigh' | 'operation' | 'status', Field>>>
}

/** `id`: where a request's 64-bit members begin, which the machine's alignment decides; `response`: a response's size. */
function layouts(id: number, response: number): BlkifLayouts {
  const segments = id + 16
  return {
    request: layout(segments + BLKIF_MAX_SEGMENTS_PER_REQUEST * BLKIF_REQUEST_SEGMENT.size, {
      operation: [0, 'u8'],
      nrSegments: [1, 'u8'],
      handle: [2, 'u16'],
      idLow: [id, 'u32'],
      idHigh: [id + 4, 'u32'],
      sectorNumber: [id + 8, 'u64'],
    }),
    segments,
    response: layout(response, { idLow: [0, 'u32'], idHigh: [4, 'u32'], operation: [8, 'u8'], status: [10, 's16'] }),
  }
}

/** By the name that a front end gives. */
export const BLKIF_PROTOCOLS: ReadonlyMap<string, BlkifLayouts> = new Map([
  ['x86_32-abi', layouts(4, 12)],
  ['x86_64-abi', layouts(8, 16)],
])
