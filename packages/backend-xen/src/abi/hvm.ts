/** xen/include/public/hvm/hvm_op.h and params.h; arch-x86/cpuid.h; arch-x86/hvm/start_info.h. */
import { layout } from './layout.ts'

export const HVMOP_SET_PARAM = 0
export const HVMOP_GET_PARAM = 1
export const HVMOP_FLUSH_TLBS = 5
export const HVMOP_PAGETABLE_DYING = 9
export const HVMOP_GET_TIME = 10
export const HVMOP_SET_EVTCHN_UPCALL_VECTOR = 23

export const XEN_HVM_PARAM = layout(16, {
  domid: [0, 'u16'],
  index: [4, 'u32'],
  valueLow: [8, 'u32'],
  valueHigh: [12, 'u32'],
})
export const XEN_HVM_EVTCHN_UPCALL_VECTOR = layout(8, { vcpu: [0, 'u32'], vector: [4, 'u8'] })

export const XEN_HVM_GET_TIME = layout(8, { now: [0, 'u64'] })

export const HVM_PARAM_CALLBACK_IRQ = 0
export const HVM_PARAM_STORE_PFN = 1
export const HVM_PARAM_STORE_EVTCHN = 2
export const HVM_PARAM_VM86_TSS = 15
export const HVM_PARAM_CONSOLE_PFN = 17
export const HVM_PARAM_CONSOLE_EVTCHN = 18
export const HVM_PARAM_ACPI_IOPORTS_LOCATION = 19
export const HVM_PARAM_VM_GENERATION_ID_ADDR = 34
export const HVM_PARAM_X87_FIP_WIDTH = 36
export const HVM_PARAM_VM86_TSS_SIZED = 37
export const HVM_NR_PARAMS = 39

/** The upper byte of HVM_PARAM_CALLBACK_IRQ says how the upcall comes; the vector is then in the low one. */
export const CALLBACK_TYPE_VECTOR = 2

export const XEN_CPUID_FIRST_LEAF = 0x4000_0000
export const XEN_CPUID_MAX_LEAF = 0x4000_0005
export const XEN_HVM_CPUID_VCPU_ID_PRESENT = 1 << 3
export const XEN_HVM_CPUID_DOMID_PRESENT = 1 << 4
export const XEN_HVM_CPUID_UPCALL_VECTOR = 1 << 6
/** CPUID leaf 1, ECX: a hypervisor is present. */
export const CPUID_HYPERVISOR = 0x8000_0000
/** Writing a guest frame's address here fills that page with hypercalls. */
export const HYPERCALL_MSR = 0x4000_0000

export const HVM_START_MAGIC = 0x336e_c578
export const HVM_START_INFO = layout(56, {
  magic: [0, 'u32'],
  version: [4, 'u32'],
  flags: [8, 'u32'],
  nrModules: [12, 'u32'],
  modlistPaddr: [16, 'u64'],
  cmdlinePaddr: [24, 'u64'],
  rsdpPaddr: [32, 'u64'],
  memmapPaddr: [40, 'u64'],
  memmapEntries: [48, 'u32'],
})
export const HVM_MODLIST_ENTRY = layout(32, { paddr: [0, 'u64'], size: [8, 'u64'], cmdlinePaddr: [16, 'u64'] })
export const HVM_MEMMAP_TABLE_ENTRY = layout(24, { addr: [0, 'u64'], size: [8, 'u64'], type: [16, 'u32'] })
