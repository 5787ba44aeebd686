/** xen/include/public/sched.h. */
import { layout } from './layout.ts'

export const SCHEDOP_YIELD = 0
export const SCHEDOP_BLOCK = 1
export const SCHEDOP_SHUTDOWN = 2
export const SCHEDOP_POLL = 3
export const SCHEDOP_SHUTDOWN_CODE = 5
export const SCHEDOP_WATCHDOG = 6

export const SHUTDOWN_POWEROFF = 0
export const SHUTDOWN_REBOOT = 1
export const SHUTDOWN_SUSPEND = 2
export const SHUTDOWN_CRASH = 3
export const SHUTDOWN_WATCHDOG = 4
export const SHUTDOWN_SOFT_RESET = 5

export const SCHED_SHUTDOWN = layout(4, { reason: [0, 'u32'] })
export const SCHED_POLL = layout(16, { ports: [0, 'u32'], nrPorts: [4, 'u32'], timeout: [8, 'u64'] })
export const SCHED_WATCHDOG = layout(8, { id: [0, 'u32'], timeout: [4, 'u32'] })
/** More ports are refused (xen/common/sched: do_poll). */
export const POLL_MOST_PORTS = 128
