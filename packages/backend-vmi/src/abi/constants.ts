/**
 * The constants of VMI's calls. Linux 2.6.21–2.6.36 asm/vmi.h and asm/vmi_time.h; "Paravirtualization API Version 2.0",
 * appendix B. The names are those headers'.
 */

/** Flags of AllocatePage, ReleasePage, SetPxE and UpdatePxE: what kind of table the page is or the entry is in. */
export const VMI_PAGE_PT = 0x01
export const VMI_PAGE_PD = 0x02
export const VMI_PAGE_PDP = 0x04
export const VMI_PAGE_PML4 = 0x08

/** Flags of AllocatePage and ReleasePage alone. */
export const VMI_PAGE_PAE = 0x10
export const VMI_PAGE_CLONE = 0x20
export const VMI_PAGE_ZEROED = 0x40

/** Flags of SetPxE and UpdatePxE alone. */
export const VMI_PAGE_CURRENT_AS = 0x10
/** The update may wait for the next invalidation; only with {@link VMI_PAGE_CURRENT_AS}. */
export const VMI_PAGE_DEFER = 0x20
/** With {@link VMI_PAGE_CURRENT_AS}: the page of virtual memory that the entry maps. */
export const VMI_PAGE_VA_MASK = 0xffff_f000

/** `how` of FlushTLB. */
export const VMI_FLUSH_TLB = 0x01
export const VMI_FLUSH_GLOBAL = 0x02

/** Slots of SetLinearMapping. */
export const VMI_LINEAR_MAP_SLOTS = 4

/** Modes of SetLazyMode; MMU and CPU do not nest. The specification's third, descriptor tables, is a bit for deferral alone. */
export const VMI_LAZY_NONE = 0
export const VMI_LAZY_MMU = 1
export const VMI_LAZY_CPU = 2
export const VMI_DEFER_DT = 4

/** The bit of Get- and SetInterruptMask: EFLAGS.IF. */
export const VMI_INTERRUPT_MASK = 0x200
/** The bits of SetIOPLMask: EFLAGS.IOPL, in place. */
export const VMI_IOPL_MASK = 0x3000

/** `how` of Reboot. */
export const VMI_REBOOT_SOFT = 0
export const VMI_REBOOT_HARD = 1

/** Counters of GetCycleCounter, SetAlarm and CancelAlarm. */
export const VMI_CYCLES_REAL = 0
export const VMI_CYCLES_AVAILABLE = 1
export const VMI_CYCLES_STOLEN = 2
/** Counters that have an alarm: real and available. */
export const VMI_ALARM_COUNTERS = 2

/** Flags of SetAlarm. */
export const VMI_ALARM_COUNTER_MASK = 0xff
export const VMI_ALARM_WIRED_IRQ0 = 0
export const VMI_ALARM_WIRED_LVTT = 0x1_0000
export const VMI_ALARM_IS_ONESHOT = 0
export const VMI_ALARM_IS_PERIODIC = 0x100

/** Units of GetWallclockTime a second. */
export const VMI_WALLCLOCK_HZ = 1_000_000_000
