/** xen/include/public/vcpu.h. */
import { layout } from './layout.ts'

export const VCPUOP_INITIALISE = 0
export const VCPUOP_UP = 1
export const VCPUOP_DOWN = 2
export const VCPUOP_IS_UP = 3
export const VCPUOP_GET_RUNSTATE_INFO = 4
export const VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA = 5
export const VCPUOP_SET_PERIODIC_TIMER = 6
export const VCPUOP_STOP_PERIODIC_TIMER = 7
export const VCPUOP_SET_SINGLESHOT_TIMER = 8
export const VCPUOP_STOP_SINGLESHOT_TIMER = 9
export const VCPUOP_REGISTER_VCPU_INFO = 10
export const VCPUOP_SEND_NMI = 11
export const VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA = 13

export const RUNSTATE_RUNNING = 0
export const RUNSTATE_BLOCKED = 2

export const VCPU_RUNSTATE_INFO = layout(44, {
  state: [0, 's32'],
  stateEntryTime: [4, 'u64'],
  running: [12, 'u64'],
  runnable: [20, 'u64'],
  blocked: [28, 'u64'],
  offline: [36, 'u64'],
})
/** A guest handle in a union of 8 bytes. */
export const VCPU_REGISTER_MEMORY_AREA = layout(8, { address: [0, 'u32'] })
export const VCPU_SET_PERIODIC_TIMER = layout(8, { periodNs: [0, 'u64'] })
export const VCPU_SET_SINGLESHOT_TIMER = layout(12, { timeoutAbsNs: [0, 'u64'], flags: [8, 'u32'] })
export const VCPU_SSHOTTMR_FUTURE = 1
export const VCPU_REGISTER_VCPU_INFO = layout(16, { mfn: [0, 'u64'], offset: [8, 'u32'] })
/** Shortest period (xen/common/domain.c: do_vcpu_op). */
export const SHORTEST_PERIOD_NS = 1_000_000
