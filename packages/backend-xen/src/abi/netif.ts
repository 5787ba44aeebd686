/** xen/include/public/io/netif.h. */
import { layout } from './layout.ts'

export const NETTXF_CSUM_BLANK = 1
export const NETTXF_MORE_DATA = 4
export const NETTXF_EXTRA_INFO = 8
export const XEN_NETIF_EXTRA_FLAG_MORE = 1
/** Slots that a packet may use at least. */
export const XEN_NETIF_NR_SLOTS_MIN = 18

export const NETIF_RSP_ERROR = -1
export const NETIF_RSP_OKAY = 0
/** For slots that held extra information. */
export const NETIF_RSP_NULL = 1

export const NETIF_TX_REQUEST = layout(12, {
  gref: [0, 'u32'],
  offset: [4, 'u16'],
  flags: [6, 'u16'],
  id: [8, 'u16'],
  size: [10, 'u16'],
})
export const NETIF_EXTRA_INFO = layout(8, { type: [0, 'u8'], flags: [1, 'u8'] })
export const NETIF_TX_RESPONSE = layout(4, { id: [0, 'u16'], status: [2, 's16'] })
export const NETIF_RX_REQUEST = layout(8, { id: [0, 'u16'], gref: [4, 'u32'] })
export const NETIF_RX_RESPONSE = layout(8, {
  id: [0, 'u16'],
  offset: [2, 'u16'],
  flags: [4, 'u16'],
  status: [6, 's16'],
})
