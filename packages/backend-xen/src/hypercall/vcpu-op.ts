/** vcpu_op and set_timer_op (xen/common/domain.c, do_vcpu_op; xen/common/schedule.c, do_set_timer_op). One processor, 0. */
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOSYS, ETIME } from '../abi/errno.ts'
import * as abi from '../abi/vcpu.ts'
import { PAGE_SIZE, VCPU_INFO_SIZE } from '../abi/xen.ts'
import { type Domain, readStruct, writeWord } from '../domain.ts'

export function vcpuOp(domain: Domain, [command, vcpu, address]: readonly number[]): number {
  if (vcpu !== 0) return -ENOENT
  const at = address!
  switch (command) {
    case abi.VCPUOP_INITIALISE:
      return -EEXIST
    case abi.VCPUOP_UP:
      return 0
    case abi.VCPUOP_IS_UP:
      return 1
    case abi.VCPUOP_GET_RUNSTATE_INFO:
      return domain.guest.copyTo(at, domain.runstate.bytes()) ? 0 : -EFAULT
    case abi.VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA: {
      const values = readStruct(domain, at, abi.VCPU_REGISTER_MEMORY_AREA)
      return values !== undefined && domain.runstate.register(values.address) ? 0 : -EFAULT
    }
    case abi.VCPUOP_SET_PERIODIC_TIMER: {
      const values = readStruct(domain, at, abi.VCPU_SET_PERIODIC_TIMER)
      if (values === undefined) return -EFAULT
      if (values.periodNs < abi.SHORTEST_PERIOD_NS || values.periodNs > Number.MAX_SAFE_INTEGER) return -EINVAL
      domain.timers.setPeriodic(values.periodNs)
      return 0
    }
    case abi.VCPUOP_STOP_PERIODIC_TIMER:
      domain.timers.stopPeriodic()
      return 0
    case abi.VCPUOP_SET_SINGLESHOT_TIMER: {
      const values = readStruct(domain, at, abi.VCPU_SET_SINGLESHOT_TIMER)
      if (values === undefined) return -EFAULT
      if ((values.flags & abi.VCPU_SSHOTTMR_FUTURE) !== 0 && values.timeoutAbsNs < domain.time.now()) return -ETIME
      domain.timers.setSingleshot(Math.min(values.timeoutAbsNs, Number.MAX_SAFE_INTEGER))
      return 0
    }
    case abi.VCPUOP_STOP_SINGLESHOT_TIMER:
      domain.timers.stopSingleshot()
      return 0
    case abi.VCPUOP_REGISTER_VCPU_INFO:
      return registerVcpuInfo(domain, at)
    case abi.VCPUOP_SEND_NMI:
      if (at !== 0) return -EINVAL
      domain.sendNmi()
      return 0
    case abi.VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA: {
      const values = readStruct(domain, at, abi.VCPU_REGISTER_MEMORY_AREA)
      if (values === undefined) return -EFAULT
      let ok = true
      domain.time.writeTo((offset, value) => {
        ok &&= writeWord(domain, values.address + offset, value)
      })
      return ok ? 0 : -EFAULT
    }
    default:
      domain.reporter.report(`vcpu_op ${command}`, `the guest asked for virtual processor operation ${command}`)
      return -ENOSYS
  }
}

/** Once only, inside one page of the guest's (map_vcpu_info). */
function registerVcpuInfo(domain: Domain, at: number): number {
  const values = readStruct(domain, at, abi.VCPU_REGISTER_VCPU_INFO)
  if (values === undefined) return -EFAULT
  if (values.offset > PAGE_SIZE - VCPU_INFO_SIZE) return -EINVAL
  if (domain.vcpu.placed) return -EINVAL
  const page = domain.frames.address(values.mfn)
  // It is written to from now on, whatever becomes of the guest's own mappings of it.
  if (page === undefined || !domain.frames.hold(values.mfn, true)) return -EINVAL
  domain.vcpu.place(page + values.offset)
  domain.time.refresh(true)
  domain.events.announceAll()
  return 0
}

/** set_timer_op: a system time in two halves; 0 stops the timer. */
export function setTimerOp(domain: Domain, [low, high]: readonly number[]): number {
  const timeout = low! + high! * 2 ** 32
  if (timeout === 0) domain.timers.stopSingleshot()
  else if (timeout >= 2 ** 63) domain.timers.setSingleshot(domain.time.now() + NEGATIVE_TIMEOUT_NS)
  else domain.timers.setSingleshot(Math.min(timeout, Number.MAX_SAFE_INTEGER))
  return 0
}

/** A negative time is a guest's wrapped jiffies; Xen looks again soon. */
const NEGATIVE_TIMEOUT_NS = 100_000_000
