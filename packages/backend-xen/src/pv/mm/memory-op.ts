/**
 * memory_op of a paravirtual domain (xen/common/memory.c, compat/memory.c; xen/arch/x86/x86_64/compat/mm.c): frames come and go by
 * their machine numbers, and the guest learns of the M2P table. Frames of the domain that is built last are all that there are.
 */
import { EACCES, EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from '../../abi/errno.ts'
import * as abi from '../../abi/memory.ts'
import { MACH2PHYS_VIRT_END, MACH2PHYS_VIRT_START } from '../../abi/pv.ts'
import { DOMID_SELF, GUEST_DOMID } from '../../abi/xen.ts'
import { readStruct, readWord, writeStruct, writeWord } from '../../domain.ts'
import { eachExtent, MAX_EXTENTS, memoryMap, notSelf, setMemoryMap } from '../../hypercall/memory-op.ts'
import type { Continuation } from '../../hypercall/preemption.ts'
import type { ParavirtualDomain } from '../ports.ts'
import { exchange } from './exchange.ts'

const PAGE_SHIFT = 12
/** Frames whose entries of the M2P table make 2 MB of it, in which the list of its frames counts. */
const M2P_EXTENT_FRAMES = 512
const M2P_EXTENT_ENTRIES = 0x8_0000
/** arch.max_pfn of shared_info, by which the guest says how many frames it counts. */
const SHARED_MAX_PFN = 2316

export function pvMemoryOp(domain: ParavirtualDomain, [command, address]: readonly number[]): number | Continuation {
  const at = address!
  const op = command! & abi.MEMOP_CMD_MASK
  const start = command! >>> abi.MEMOP_EXTENT_SHIFT
  switch (op) {
    case abi.XENMEM_INCREASE_RESERVATION:
    case abi.XENMEM_DECREASE_RESERVATION:
    case abi.XENMEM_POPULATE_PHYSMAP:
      return reservation(domain, op, at, start)
    case abi.XENMEM_ADD_TO_PHYSMAP:
    case abi.XENMEM_ADD_TO_PHYSMAP_BATCH:
    case abi.XENMEM_REMOVE_FROM_PHYSMAP:
      return physmap(domain, op, at)
    case abi.XENMEM_MEMORY_MAP:
      return memoryMap(domain, at)
    case abi.XENMEM_SET_MEMORY_MAP:
      return setMemoryMap(domain, at)
    case abi.XENMEM_MACHINE_MEMORY_MAP:
    case abi.XENMEM_SET_POD_TARGET:
    case abi.XENMEM_GET_POD_TARGET:
      // The control domain's.
      return -EPERM
    case abi.XENMEM_GET_VNUMAINFO:
      return -EOPNOTSUPP
    case abi.XENMEM_MACHPHYS_MAPPING: {
      const maxMfn = (MACH2PHYS_VIRT_END - MACH2PHYS_VIRT_START) / 4 - 1
      const mapping = { vStart: MACH2PHYS_VIRT_START, vEnd: MACH2PHYS_VIRT_END, maxMfn }
      return writeStruct(domain, at, abi.XEN_MACHPHYS_MAPPING, mapping) ? 0 : -EFAULT
    }
    case abi.XENMEM_MACHPHYS_MFN_LIST:
    case abi.XENMEM_MACHPHYS_COMPAT_MFN_LIST:
      return machphysList(domain, at)
    case abi.XENMEM_EXCHANGE:
      return start !== 0 ? -EINVAL : exchange(domain, at)
    case abi.XENMEM_MAXIMUM_RAM_PAGE:
      return start !== 0 ? -EINVAL : domain.mm.layout.frames - 1
    case abi.XENMEM_CURRENT_RESERVATION:
    case abi.XENMEM_MAXIMUM_RESERVATION:
    case abi.XENMEM_MAXIMUM_GPFN:
      return start !== 0 ? -EINVAL : statistics(domain, op, at)
    default:
      domain.reporter.report(`memory_op ${op}`, `the guest asked for memory operation ${op}`)
      return -ENOSYS
  }
}

/** The domain's own physical address space is its own business. */
function physmap(domain: ParavirtualDomain, op: number, at: number): number {
  const size = op === abi.XENMEM_ADD_TO_PHYSMAP ? abi.XEN_ADD_TO_PHYSMAP.size : abi.XEN_REMOVE_FROM_PHYSMAP.size
  const bytes = domain.guest.copyFrom(
    at,
    op === abi.XENMEM_ADD_TO_PHYSMAP_BATCH ? abi.XEN_ADD_TO_PHYSMAP_BATCH.size : size,
  )
  if (bytes === undefined) return -EFAULT
  const refusal = notSelf(bytes[0]! | (bytes[1]! << 8))
  return refusal === -ESRCH ? refusal : -EACCES
}

function statistics(domain: ParavirtualDomain, op: number, at: number): number {
  const values = readStruct(domain, at, abi.DOMID_ARGUMENT)
  if (values === undefined) return -EFAULT
  const refusal = notSelf(values.domid)
  if (refusal !== 0) return refusal
  if (op === abi.XENMEM_CURRENT_RESERVATION) return domain.mm.table.pages
  if (op === abi.XENMEM_MAXIMUM_RESERVATION) return domain.mm.maximumPages
  return ((domain.shared.read32(SHARED_MAX_PFN) || 1) - 1) | 0
}

/** Extents of `1 << order` frames, one by one; the answer is how many are done, whatever ended it. */
function reservation(domain: ParavirtualDomain, op: number, at: number, start: number): number | Continuation {
  const values = readStruct(domain, at, abi.XEN_MEMORY_RESERVATION)
  if (values === undefined) return start
  const { nrExtents, extentStart, extentOrder, memFlags, domid } = values
  if (nrExtents > MAX_EXTENTS || start >= nrExtents) return start
  if (domid !== DOMID_SELF && domid !== GUEST_DOMID) return start
  const bits = memFlags & abi.XENMEMF_ADDRESS_BITS
  if (extentOrder > abi.DOMU_MAX_ORDER || (bits !== 0 && bits <= PAGE_SHIFT)) return start
  const limit = bits === 0 ? domain.mm.layout.frames : Math.min(domain.mm.layout.frames, 2 ** (bits - PAGE_SHIFT))
  return eachExtent(domain, op, values, start, extent => {
    const pointer = (extentStart + 4 * extent) >>> 0
    const named = op === abi.XENMEM_INCREASE_RESERVATION ? 0 : readWord(domain, pointer)
    if (named === undefined) return false
    if (op === abi.XENMEM_DECREASE_RESERVATION) {
      for (let page = 0; page < 1 << extentOrder; page++) if (!removePage(domain, named + page)) return false
      return true
    }
    // Pages on demand are not for oneself.
    if ((memFlags & abi.XENMEMF_POPULATE_ON_DEMAND) !== 0 && op === abi.XENMEM_POPULATE_PHYSMAP) return false
    const mfn = domain.mm.addPages(extentOrder, limit)
    if (mfn === undefined) return false
    if (op === abi.XENMEM_POPULATE_PHYSMAP) {
      for (let page = 0; page < 1 << extentOrder; page++) domain.mm.table.setPfn(mfn + page, named + page)
    }
    const told = op === abi.XENMEM_INCREASE_RESERVATION && extentStart === 0
    return told || writeWord(domain, pointer, mfn)
  })
}

/** guest_remove_page: the page goes as soon as nobody refers to it; a pin ends now. */
function removePage({ mm: { references } }: ParavirtualDomain, mfn: number): boolean {
  if (!references.getPage(mfn)) return false
  if (references.unpin(mfn)) references.putPageAndType(mfn)
  references.putAllocation(mfn)
  references.putPage(mfn)
  return true
}

/** The frames of the M2P table, one for each 2 MB of it. */
function machphysList(domain: ParavirtualDomain, at: number): number {
  const values = readStruct(domain, at, abi.XEN_MACHPHYS_MFN_LIST)
  if (values === undefined) return -EFAULT
  const { m2p, frames } = domain.mm.layout
  const extents = Math.min(values.maxExtents, Math.ceil(frames / M2P_EXTENT_ENTRIES))
  for (let i = 0; i < extents; i++) {
    if (!writeWord(domain, values.extentStart + 4 * i, m2p.first + i * M2P_EXTENT_FRAMES)) return -EFAULT
  }
  return writeStruct(domain, at, abi.XEN_MACHPHYS_MFN_LIST, { ...values, nrExtents: extents }) ? 0 : -EFAULT
}
