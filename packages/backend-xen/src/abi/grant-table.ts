/** xen/include/public/grant_table.h, version 1. */
import { layout } from './layout.ts'

export const GNTTABOP_MAP_GRANT_REF = 0
export const GNTTABOP_UNMAP_GRANT_REF = 1
export const GNTTABOP_SETUP_TABLE = 2
export const GNTTABOP_COPY = 5
export const GNTTABOP_QUERY_SIZE = 6
export const GNTTABOP_UNMAP_AND_REPLACE = 7
export const GNTTABOP_SET_VERSION = 8
export const GNTTABOP_GET_VERSION = 10

/** struct grant_entry_v1. */
export const GRANT_ENTRY_SIZE = 8
export const GRANT_FLAGS = 0
export const GRANT_DOMID = 2
export const GRANT_FRAME = 4

export const GTF_TYPE_MASK = 3
export const GTF_PERMIT_ACCESS = 1
export const GTF_READONLY = 1 << 2
export const GTF_READING = 1 << 3
export const GTF_WRITING = 1 << 4

/** The first references are for the toolstack's own use: console 0, xenstore 1. */
export const GNTTAB_NR_RESERVED_ENTRIES = 8
export const GNTTAB_RESERVED_CONSOLE = 0
export const GNTTAB_RESERVED_XENSTORE = 1

/** How a grant is mapped: for devices, by the processor; read-only; for user level; at an entry whose machine address is given. */
export const GNTMAP_DEVICE_MAP = 1 << 0
export const GNTMAP_HOST_MAP = 1 << 1
export const GNTMAP_READONLY = 1 << 2
export const GNTMAP_APPLICATION_MAP = 1 << 3
export const GNTMAP_CONTAINS_PTE = 1 << 4
/** The flags' bits from here up are for the entry's available ones. */
export const GNTMAP_GUEST_AVAIL_SHIFT = 16

export const GNTST_OKAY = 0
export const GNTST_GENERAL_ERROR = -1
export const GNTST_BAD_DOMAIN = -2
export const GNTST_BAD_GNTREF = -3
export const GNTST_BAD_HANDLE = -4
export const GNTST_PERMISSION_DENIED = -8
export const GNTST_BAD_PAGE = -9
export const GNTST_BAD_COPY_ARG = -10
export const GNTST_NO_SPACE = -13

export const GNTCOPY_SOURCE_GREF = 1
export const GNTCOPY_DEST_GREF = 2

export const GNTTAB_MAP_GRANT_REF = layout(32, {
  hostAddr: [0, 'u64'],
  flags: [8, 'u32'],
  ref: [12, 'u32'],
  dom: [16, 'u16'],
  status: [18, 's16'],
  handle: [20, 'u32'],
  devBusAddr: [24, 'u64'],
})
export const GNTTAB_UNMAP_GRANT_REF = layout(24, {
  hostAddr: [0, 'u64'],
  devBusAddr: [8, 'u64'],
  handle: [16, 'u32'],
  status: [20, 's16'],
})
export const GNTTAB_UNMAP_AND_REPLACE = layout(24, {
  hostAddr: [0, 'u64'],
  newAddr: [8, 'u64'],
  handle: [16, 'u32'],
  status: [20, 's16'],
})
export const GNTTAB_SETUP_TABLE = layout(16, {
  dom: [0, 'u16'],
  nrFrames: [4, 'u32'],
  status: [8, 's16'],
  frameList: [12, 'u32'],
})
export const GNTTAB_COPY = layout(24, {
  sourceRef: [0, 'u32'],
  sourceDomid: [4, 'u16'],
  sourceOffset: [6, 'u16'],
  destRef: [8, 'u32'],
  destDomid: [12, 'u16'],
  destOffset: [14, 'u16'],
  len: [16, 'u16'],
  flags: [18, 'u16'],
  status: [20, 's16'],
})
export const GNTTAB_QUERY_SIZE = layout(16, {
  dom: [0, 'u16'],
  nrFrames: [4, 'u32'],
  maxNrFrames: [8, 'u32'],
  status: [12, 's16'],
})
export const GNTTAB_SET_VERSION = layout(4, { version: [0, 'u32'] })
export const GNTTAB_GET_VERSION = layout(8, { dom: [0, 'u16'], version: [4, 'u32'] })
