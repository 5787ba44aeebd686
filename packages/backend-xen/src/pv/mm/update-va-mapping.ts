/** update_va_mapping (xen/arch/x86/mm.c, __do_update_va_mapping): the entry of the lowest level for one address. */
import { EFAULT, EINVAL } from '../../abi/errno.ts'
import { UVMF_ALL, UVMF_FLUSHTYPE_MASK, UVMF_INVLPG, UVMF_LOCAL, UVMF_TLB_FLUSH } from '../../abi/pv.ts'
import { readWord } from '../../domain.ts'
import type { ParavirtualDomain } from '../ports.ts'
import { refuseOthers } from './foreign.ts'

export function updateVaMapping(domain: ParavirtualDomain, [address, low, high, flags]: readonly number[]): number {
  const { tables } = domain.mm
  const at = tables.guestL1Entry(address!)
  if (at === undefined) return -EINVAL
  const result = tables.update(at, low!, high!)
  return result === 0 ? flush(domain, address!, flags!) : result
}

export function updateVaMappingOtherdomain(domain: ParavirtualDomain, args: readonly number[]): number {
  return refuseOthers(args[4]! & 0xffff) || updateVaMapping(domain, args)
}

function flush(domain: ParavirtualDomain, address: number, flags: number): number {
  const type = flags & UVMF_FLUSHTYPE_MASK
  if (type !== UVMF_TLB_FLUSH && type !== UVMF_INVLPG) return 0
  const whom = (flags & ~UVMF_FLUSHTYPE_MASK) >>> 0
  const self = whom === UVMF_LOCAL || whom === UVMF_ALL ? true : maskHasSelf(domain, whom)
  if (self === undefined) return -EFAULT
  if (!self) return 0
  if (type === UVMF_TLB_FLUSH) domain.mm.flushTlb()
  else domain.mm.vcpu.invlpg(address)
  return 0
}

/** True if a mask of virtual processors that the guest points to has its only one in it; undefined for a bad pointer. */
export function maskHasSelf(domain: ParavirtualDomain, pointer: number): boolean | undefined {
  const word = readWord(domain, pointer)
  return word === undefined ? undefined : (word & 1) !== 0
}
