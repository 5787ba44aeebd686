/** xen/include/public/memory.h. */
import { layout } from './layout.ts'

export const XENMEM_INCREASE_RESERVATION = 0
export const XENMEM_DECREASE_RESERVATION = 1
export const XENMEM_MAXIMUM_RAM_PAGE = 2
export const XENMEM_CURRENT_RESERVATION = 3
export const XENMEM_MAXIMUM_RESERVATION = 4
export const XENMEM_MACHPHYS_MFN_LIST = 5
export const XENMEM_POPULATE_PHYSMAP = 6
export const XENMEM_ADD_TO_PHYSMAP = 7
export const XENMEM_MEMORY_MAP = 9
export const XENMEM_MACHINE_MEMORY_MAP = 10
export const XENMEM_EXCHANGE = 11
export const XENMEM_MACHPHYS_MAPPING = 12
export const XENMEM_SET_MEMORY_MAP = 13
export const XENMEM_MAXIMUM_GPFN = 14
export const XENMEM_REMOVE_FROM_PHYSMAP = 15
export const XENMEM_SET_POD_TARGET = 16
export const XENMEM_GET_POD_TARGET = 17
export const XENMEM_ADD_TO_PHYSMAP_BATCH = 23
export const XENMEM_CLAIM_PAGES = 24
export const XENMEM_MACHPHYS_COMPAT_MFN_LIST = 25
export const XENMEM_GET_VNUMAINFO = 26
/** Operations whose upper bits are where a long one goes on (MEMOP_EXTENT_SHIFT). */
export const MEMOP_CMD_MASK = 63
export const MEMOP_EXTENT_SHIFT = 6
/** Orders that an ordinary domain may ask for (CONFIG_DOMU_MAX_ORDER). */
export const DOMU_MAX_ORDER = 9
/** Of a reservation's flags: below which power of two the frames must be, or 0. */
export const XENMEMF_ADDRESS_BITS = 0xff
export const XENMEMF_POPULATE_ON_DEMAND = 1 << 16

export const XENMAPSPACE_SHARED_INFO = 0
export const XENMAPSPACE_GRANT_TABLE = 1
/** The index asks for a frame of grant status, which only version 2 has. */
export const XENMAPIDX_GRANT_TABLE_STATUS = 0x8000_0000

export const XEN_MEMORY_RESERVATION = layout(20, {
  extentStart: [0, 'u32'],
  nrExtents: [4, 'u32'],
  extentOrder: [8, 'u32'],
  memFlags: [12, 'u32'],
  domid: [16, 'u16'],
})
/** struct xen_memory_exchange: the reservations that go and come, and how many extents of the first were exchanged. */
export const XEN_MEMORY_EXCHANGE_OUT = 20
export const XEN_MEMORY_EXCHANGE = layout(44, { nrExchanged: [40, 'u32'] })
export const XEN_MACHPHYS_MAPPING = layout(12, { vStart: [0, 'u32'], vEnd: [4, 'u32'], maxMfn: [8, 'u32'] })
export const XEN_MACHPHYS_MFN_LIST = layout(12, {
  maxExtents: [0, 'u32'],
  extentStart: [4, 'u32'],
  nrExtents: [8, 'u32'],
})
export const XEN_ADD_TO_PHYSMAP = layout(16, {
  domid: [0, 'u16'],
  size: [2, 'u16'],
  space: [4, 'u32'],
  idx: [8, 'u32'],
  gpfn: [12, 'u32'],
})
export const XEN_ADD_TO_PHYSMAP_BATCH = layout(20, {
  domid: [0, 'u16'],
  space: [2, 'u16'],
  size: [4, 'u16'],
  idxs: [8, 'u32'],
  gpfns: [12, 'u32'],
  errs: [16, 'u32'],
})
export const XEN_REMOVE_FROM_PHYSMAP = layout(8, { domid: [0, 'u16'], gpfn: [4, 'u32'] })
export const XEN_MEMORY_MAP = layout(8, { nrEntries: [0, 'u32'], buffer: [4, 'u32'] })
/** `map` of the domain, behind its number. */
export const XEN_FOREIGN_MEMORY_MAP = layout(12, { domid: [0, 'u16'], nrEntries: [4, 'u32'], buffer: [8, 'u32'] })
/** Entries of a domain's map. */
export const E820_MAX = 1024
/** struct e820entry of the BIOS call: packed. */
export const E820_ENTRY = layout(20, { addr: [0, 'u64'], size: [8, 'u64'], type: [16, 'u32'] })
export const DOMID_ARGUMENT = layout(2, { domid: [0, 'u16'] })
