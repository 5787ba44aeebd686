/**
 * What only paravirtual guests' virtual processors use: arch-x86/xen.h and xen-x86_32.h (traps), callback.h, nmi.h, physdev.h.
 * 32-bit layouts.
 */
import { layout } from './layout.ts'

/** struct trap_info; a table of them ends with one whose address is 0. */
export const TRAP_INFO = layout(8, { vector: [0, 'u8'], flags: [1, 'u8'], cs: [2, 'u16'], address: [4, 'u32'] })
/** Lowest privilege that may use the trap by INT n. */
export const TRAP_DPL = 3
/** Events are masked on the way in. */
export const TRAP_MASKS_EVENTS = 4

export const CALLBACKTYPE_EVENT = 0
export const CALLBACKTYPE_FAILSAFE = 1
export const CALLBACKTYPE_NMI = 4
export const CALLBACKTYPE_SYSENTER = 5
export const CALLBACKTYPE_SYSCALL32 = 7
export const CALLBACKF_MASK_EVENTS = 1
export const CALLBACKOP_REGISTER = 0
export const CALLBACKOP_UNREGISTER = 1
/** struct callback_register, with its 32-bit xen_callback_t. */
export const CALLBACK_REGISTER = layout(12, { type: [0, 'u16'], flags: [2, 'u16'], cs: [4, 'u32'], eip: [8, 'u32'] })
export const CALLBACK_UNREGISTER = layout(4, { type: [0, 'u16'] })

export const XENNMI_REGISTER_CALLBACK = 0
export const XENNMI_UNREGISTER_CALLBACK = 1
export const XENNMI_CALLBACK = layout(8, { handlerAddress: [0, 'u32'] })

export const PHYSDEVOP_EOI = 12
export const PHYSDEVOP_IRQ_STATUS_QUERY = 5
export const PHYSDEVOP_SET_IOPL = 6
export const PHYSDEVOP_SET_IOBITMAP = 7
export const PHYSDEV_SET_IOPL = layout(4, { iopl: [0, 'u32'] })
export const PHYSDEV_SET_IOBITMAP = layout(8, { bitmap: [0, 'u32'], nrPorts: [4, 'u32'] })
/** struct physdev_op: the command, and its argument. */
export const PHYSDEV_OP_ARGUMENT = 4

export const VMASST_CMD_ENABLE = 0
export const VMASST_CMD_DISABLE = 1
export const VMASST_TYPE_4GB_SEGMENTS = 0
export const VMASST_TYPE_4GB_SEGMENTS_NOTIFY = 1
export const VMASST_TYPE_WRITABLE_PAGETABLES = 2
export const VMASST_TYPE_PAE_EXTENDED_CR3 = 3
export const VMASST_TYPE_ARCHITECTURAL_IOPL = 4
export const VMASST_TYPE_RUNSTATE_UPDATE_FLAG = 5

/** GDT entries that a guest may have; from there up they are the hypervisor's. */
export const FIRST_RESERVED_GDT_ENTRY = 14 * 512
export const FIRST_RESERVED_GDT_PAGE = 14
/** Last byte of the table: one page of the hypervisor's own. */
export const LAST_RESERVED_GDT_BYTE = 0xefff
