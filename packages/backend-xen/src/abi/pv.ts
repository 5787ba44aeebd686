/**
 * What only paravirtual guests use: xen/include/public/xen.h, arch-x86/xen-x86_32.h and xen.h's start_info. 32-bit layouts.
 */
import { layout } from './layout.ts'

/** Where the hypervisor's part of the address space begins: nothing from here up is the guest's (__HYPERVISOR_VIRT_START_PAE). */
export const HYPERVISOR_VIRT_START = 0xf580_0000
/** Where the machine-to-physical table is, a word a frame, and where the largest would end (MACH2PHYS_COMPAT_VIRT_END). */
export const MACH2PHYS_VIRT_START = 0xf580_0000
export const MACH2PHYS_VIRT_END = 0xffe0_0000

/** Xen's flat selectors. */
export const FLAT_RING1_CS = 0xe019
export const FLAT_RING1_DS = 0xe021
export const FLAT_RING3_CS = 0xe02b
export const FLAT_RING3_DS = 0xe033

/** struct start_info. */
export const START_INFO = layout(1112, {
  nrPages: [32, 'u32'],
  /** A machine address. */
  sharedInfo: [36, 'u32'],
  flags: [40, 'u32'],
  storeMfn: [44, 'u32'],
  storeEvtchn: [48, 'u32'],
  consoleMfn: [52, 'u32'],
  consoleEvtchn: [56, 'u32'],
  ptBase: [60, 'u32'],
  nrPtFrames: [64, 'u32'],
  mfnList: [68, 'u32'],
  modStart: [72, 'u32'],
  modLen: [76, 'u32'],
  firstP2mPfn: [1104, 'u32'],
  nrP2mFrames: [1108, 'u32'],
})
export const START_INFO_MAGIC = 'xen-3.0-x86_32p'
export const START_INFO_CMD_LINE = 80
export const MAX_GUEST_CMDLINE = 1024
/** `modStart` is a frame number, and the module is not mapped. */
export const SIF_MOD_START_PFN = 1 << 3

/** Domain ids that stand for no domain of their own. */
export const DOMID_IO = 0x7ff1
export const DOMID_XEN = 0x7ff2

/** mmu_update: the low bits of a request's pointer. */
export const MMU_NORMAL_PT_UPDATE = 0
export const MMU_MACHPHYS_UPDATE = 1
export const MMU_PT_UPDATE_PRESERVE_AD = 2
export const MMU_PT_UPDATE_NO_TRANSLATE = 3
export const MMU_UPDATE = layout(16, {
  ptrLow: [0, 'u32'],
  ptrHigh: [4, 'u32'],
  valLow: [8, 'u32'],
  valHigh: [12, 'u32'],
})

/** update_va_mapping: what is dropped of the TLB afterwards, and of which processors' (a pointer to a mask, or one of these). */
export const UVMF_TLB_FLUSH = 1
export const UVMF_INVLPG = 2
export const UVMF_FLUSHTYPE_MASK = 3
export const UVMF_LOCAL = 0
export const UVMF_ALL = 4

export const MMUEXT_PIN_L1_TABLE = 0
export const MMUEXT_PIN_L2_TABLE = 1
export const MMUEXT_PIN_L3_TABLE = 2
export const MMUEXT_PIN_L4_TABLE = 3
export const MMUEXT_UNPIN_TABLE = 4
export const MMUEXT_NEW_BASEPTR = 5
export const MMUEXT_TLB_FLUSH_LOCAL = 6
export const MMUEXT_INVLPG_LOCAL = 7
export const MMUEXT_TLB_FLUSH_MULTI = 8
export const MMUEXT_INVLPG_MULTI = 9
export const MMUEXT_TLB_FLUSH_ALL = 10
export const MMUEXT_INVLPG_ALL = 11
export const MMUEXT_FLUSH_CACHE = 12
export const MMUEXT_SET_LDT = 13
export const MMUEXT_NEW_USER_BASEPTR = 15
export const MMUEXT_CLEAR_PAGE = 16
export const MMUEXT_COPY_PAGE = 17
export const MMUEXT_FLUSH_CACHE_GLOBAL = 18
export const MMUEXT_MARK_SUPER = 19
export const MMUEXT_UNMARK_SUPER = 20
/** `arg1`: a frame or a linear address; `arg2`: entries of the LDT, a pointer to a mask of processors, or a frame. */
export const MMUEXT_OP = layout(12, { cmd: [0, 'u32'], arg1: [4, 'u32'], arg2: [8, 'u32'] })
/** The count's highest bit: a call that is resumed (Xen's own use). */
export const MMU_UPDATE_PREEMPTED = 0x8000_0000
