/** Shared rings (xen/include/public/io/ring.h): four indices, then entries from byte 64 on, as many as a power of two allows. */
export const RING_REQ_PROD = 0
export const RING_REQ_EVENT = 4
export const RING_RSP_PROD = 8
export const RING_RSP_EVENT = 12
export const RING_ENTRIES = 64
