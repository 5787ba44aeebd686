/** Registers of a local APIC in xAPIC mode and their bits (Intel SDM vol. 3A, chapter 10), named as the manual names them. */

/** Register offsets (table 10-1). */
export const ID = 0x020
export const VERSION = 0x030
export const TPR = 0x080
export const APR = 0x090
export const PPR = 0x0a0
export const EOI = 0x0b0
export const RRD = 0x0c0
export const LDR = 0x0d0
export const DFR = 0x0e0
export const SVR = 0x0f0
export const ISR = 0x100
export const TMR = 0x180
export const IRR = 0x200
export const ESR = 0x280
export const ICR_LOW = 0x300
export const ICR_HIGH = 0x310
export const LVT_TIMER = 0x320
const LVT_LINT0 = 0x350
const LVT_LINT1 = 0x360
export const LVT_ERROR = 0x370
export const INITIAL_COUNT = 0x380
export const CURRENT_COUNT = 0x390
export const DIVIDE = 0x3e0

/** Version 14h, six LVT entries (index 5 is the highest). */
export const VERSION_VALUE = 0x0005_0014
export const SVR_ENABLED = 0x100
export const LVT_MASKED = 0x1_0000
export const LVT_LEVEL = 0x8000
export const LVT_REMOTE_IRR = 0x4000
export const TIMER_MODE_SHIFT = 17
/** Writable bits of each LVT entry, timer first: timer, thermal, performance, LINT0, LINT1, error (figure 10-8). */
export const LVT_WRITABLE = [0x7_00ff, 0x1_07ff, 0x1_07ff, 0x1_a7ff, 0x1_a7ff, 0x1_00ff] as const
export const LVT_COUNT = LVT_WRITABLE.length
export const LINT0 = (LVT_LINT0 - LVT_TIMER) >> 4
export const LINT1 = (LVT_LINT1 - LVT_TIMER) >> 4
export const ERROR = (LVT_ERROR - LVT_TIMER) >> 4

export const ESR_SEND_ILLEGAL_VECTOR = 0x20
export const ESR_RECEIVE_ILLEGAL_VECTOR = 0x40
export const ESR_ILLEGAL_REGISTER = 0x80
