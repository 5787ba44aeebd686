/** xen/include/public/xen.h and arch-x86/xen-x86_32.h: what every part needs. 32-bit layouts. */
import { layout } from './layout.ts'

export const PAGE_SIZE = 4096

/** Domain ids. The guest is an ordinary domain; what serves it (xenstored, block and network backends) is domain 0. */
export const GUEST_DOMID = 1
export const BACKEND_DOMID = 0
export const DOMID_SELF = 0x7ff0
/** Ids from here up are reserved and name no domain. */
export const DOMID_FIRST_RESERVED = 0x7ff0

/** Virtual interrupts. */
export const VIRQ_TIMER = 0
export const VIRQ_DEBUG = 1
export const VIRQ_XENOPROF = 7
export const VIRQ_ARCH_0 = 16
export const NR_VIRQS = 24

/** struct shared_info. */
export const SHARED_VCPU_INFO_SIZE = 64
export const XEN_LEGACY_MAX_VCPUS = 32
export const SHARED_EVTCHN_PENDING = 2048
export const SHARED_EVTCHN_MASK = 2176
export const SHARED_WC_VERSION = 2304
export const SHARED_WC_SEC = 2308
export const SHARED_WC_NSEC = 2312
/** arch.wc_sec_hi: behind max_pfn, the frame list list, nmi_reason and three words of the p2m. */
export const SHARED_WC_SEC_HI = 2340
/** Event channels of the two-level ABI: a bit of an unsigned long selects an unsigned long. */
export const EVTCHN_2L_NR_CHANNELS = 1024

/** struct vcpu_info. */
export const VCPU_UPCALL_PENDING = 0
export const VCPU_UPCALL_MASK = 1
export const VCPU_PENDING_SEL = 4
export const VCPU_ARCH_CR2 = 8
export const VCPU_TIME = 32
export const VCPU_INFO_SIZE = 64

/** struct vcpu_time_info: nanoseconds = system_time + (((TSC - tsc_timestamp) << tsc_shift) * tsc_to_system_mul >> 32). */
export const VCPU_TIME_INFO = layout(32, {
  version: [0, 'u32'],
  tscTimestamp: [8, 'u64'],
  systemTime: [16, 'u64'],
  tscToSystemMul: [24, 'u32'],
  tscShift: [28, 'u8'],
  flags: [29, 'u8'],
})

/** struct multicall_entry. */
export const MULTICALL_ENTRY = layout(32, {
  op: [0, 'u32'],
  result: [4, 's32'],
  arg0: [8, 'u32'],
  arg1: [12, 'u32'],
  arg2: [16, 'u32'],
  arg3: [20, 'u32'],
  arg4: [24, 'u32'],
  arg5: [28, 'u32'],
})
