/** hvm_op (xen/arch/x86/hvm/hvm.c, do_hvm_op): parameters, time, and how the upcall comes. */
import { EFAULT, EINVAL, ENOENT, ENOSYS, EPERM, ESRCH } from '../abi/errno.ts'
import * as abi from '../abi/hvm.ts'
import { DOMID_SELF, GUEST_DOMID } from '../abi/xen.ts'
import { readStruct, type TranslatedDomain, writeStruct } from '../domain.ts'

export function hvmOp(domain: TranslatedDomain, [command, address]: readonly number[]): number {
  const at = address!
  switch (command) {
    case abi.HVMOP_SET_PARAM:
    case abi.HVMOP_GET_PARAM:
      return param(domain, command, at)
    case abi.HVMOP_FLUSH_TLBS:
      if (at !== 0) return -EINVAL
      domain.processor.flushTlbGlobal()
      return 0
    case abi.HVMOP_PAGETABLE_DYING:
      // For shadowed page tables alone: with the processor's own nested ones there is nothing to be told.
      return -EINVAL
    case abi.HVMOP_GET_TIME:
      return writeStruct(domain, at, abi.XEN_HVM_GET_TIME, { now: domain.time.now() }) ? 0 : -EFAULT
    case abi.HVMOP_SET_EVTCHN_UPCALL_VECTOR: {
      const values = readStruct(domain, at, abi.XEN_HVM_EVTCHN_UPCALL_VECTOR)
      if (values === undefined) return -EFAULT
      if (values.vector < 16) return -EINVAL
      if (values.vcpu !== 0) return -ENOENT
      domain.setUpcallVector(values.vector)
      return 0
    }
    default:
      domain.reporter.report(`hvm_op ${command}`, `the guest asked for HVM operation ${command}`)
      return -ENOSYS
  }
}

function param(domain: TranslatedDomain, command: number, at: number): number {
  const values = readStruct(domain, at, abi.XEN_HVM_PARAM)
  if (values === undefined) return -EFAULT
  if (values.index >= abi.HVM_NR_PARAMS) return -EINVAL
  if (values.domid !== DOMID_SELF && values.domid !== GUEST_DOMID) return values.domid === 0 ? -EPERM : -ESRCH
  if (command === abi.HVMOP_SET_PARAM) {
    return domain.params.set(values.index, { low: values.valueLow, high: values.valueHigh })
  }
  const value = domain.params.get(values.index)
  if (typeof value === 'number') return value
  return writeStruct(domain, at, abi.XEN_HVM_PARAM, { ...values, valueLow: value.low, valueHigh: value.high })
    ? 0
    : -EFAULT
}
