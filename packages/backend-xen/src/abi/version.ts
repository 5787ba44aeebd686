/** xen/include/public/version.h and features.h. */
import { layout } from './layout.ts'

export const XENVER_VERSION = 0
export const XENVER_EXTRAVERSION = 1
export const XENVER_COMPILE_INFO = 2
export const XENVER_CAPABILITIES = 3
export const XENVER_CHANGESET = 4
export const XENVER_PLATFORM_PARAMETERS = 5
export const XENVER_GET_FEATURES = 6
export const XENVER_PAGESIZE = 7
export const XENVER_GUEST_HANDLE = 8
export const XENVER_COMMANDLINE = 9
export const XENVER_BUILD_ID = 10

/** The hypervisor whose interface this is. */
export const XEN_MAJOR = 4
export const XEN_MINOR = 17

export const XEN_FEATURE_INFO = layout(8, { submapIdx: [0, 'u32'], submap: [4, 'u32'] })

export const XENFEAT_WRITABLE_PAGE_TABLES = 0
export const XENFEAT_AUTO_TRANSLATED_PHYSMAP = 2
export const XENFEAT_PAE_PGDIR_ABOVE_4GB = 4
export const XENFEAT_MMU_PT_UPDATE_PRESERVE_AD = 5
export const XENFEAT_HIGHMEM_ASSIST = 6
export const XENFEAT_GNTTAB_MAP_AVAIL_BITS = 7
export const XENFEAT_HVM_CALLBACK_VECTOR = 8
export const XENFEAT_HVM_SAFE_PVCLOCK = 9
export const XENFEAT_MEMORY_OP_VNODE_SUPPORTED = 13
export const XENFEAT_NOT_DIRECT_MAPPED = 16
