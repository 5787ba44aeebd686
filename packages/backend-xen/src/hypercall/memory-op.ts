/** memory_op for guests whose physical address space the hypervisor translates (xen/common/memory.c). */
import type { MemoryRange } from '@paragraft/core'
import { EFAULT, EILSEQ, EINVAL, ENOSYS, EPERM, ESRCH } from '../abi/errno.ts'
import { encode } from '../abi/layout.ts'
import * as abi from '../abi/memory.ts'
import { DOMID_FIRST_RESERVED, DOMID_SELF, GUEST_DOMID } from '../abi/xen.ts'
import { type Domain, readStruct, readWord, type TranslatedDomain, writeStruct, writeWord } from '../domain.ts'
import type { SharedPage } from '../shared-page.ts'
import type { Continuation } from './preemption.ts'

export function memoryOp(domain: TranslatedDomain, [command, address]: readonly number[]): number | Continuation {
  const at = address!
  const op = command! & abi.MEMOP_CMD_MASK
  const start = command! >>> abi.MEMOP_EXTENT_SHIFT
  switch (op) {
    case abi.XENMEM_INCREASE_RESERVATION:
    case abi.XENMEM_DECREASE_RESERVATION:
    case abi.XENMEM_POPULATE_PHYSMAP:
      return reservation(domain, op, at, start)
    case abi.XENMEM_MAXIMUM_RAM_PAGE:
      return domain.physmap.last
    case abi.XENMEM_CURRENT_RESERVATION:
    case abi.XENMEM_MAXIMUM_RESERVATION: {
      const values = readStruct(domain, at, abi.DOMID_ARGUMENT)
      if (values === undefined) return -EFAULT
      const refusal = notSelf(values.domid)
      if (refusal !== 0) return refusal
      return op === abi.XENMEM_CURRENT_RESERVATION ? domain.physmap.populated : domain.physmap.limit
    }
    case abi.XENMEM_ADD_TO_PHYSMAP: {
      const values = readStruct(domain, at, abi.XEN_ADD_TO_PHYSMAP)
      if (values === undefined) return -EFAULT
      return notSelf(values.domid) || addToPhysmap(domain, values.space, values.idx, values.gpfn)
    }
    case abi.XENMEM_ADD_TO_PHYSMAP_BATCH:
      return addBatch(domain, at, start)
    case abi.XENMEM_REMOVE_FROM_PHYSMAP: {
      const values = readStruct(domain, at, abi.XEN_REMOVE_FROM_PHYSMAP)
      if (values === undefined) return -EFAULT
      return notSelf(values.domid) || (domain.physmap.depopulate(values.gpfn) ? 0 : -EINVAL)
    }
    case abi.XENMEM_MEMORY_MAP:
      return memoryMap(domain, at)
    case abi.XENMEM_SET_MEMORY_MAP:
      return setMemoryMap(domain, at)
    case abi.XENMEM_MACHINE_MEMORY_MAP:
      // The control domain's.
      return -EPERM
    default:
      domain.reporter.report(`memory_op ${op}`, `the guest asked for memory operation ${op}`)
      return -ENOSYS
  }
}

/** 0 for the guest itself; of others it may ask nothing. */
export function notSelf(domid: number): number {
  if (domid === DOMID_SELF || domid === GUEST_DOMID) return 0
  return domid >= DOMID_FIRST_RESERVED || domid !== 0 ? -ESRCH : -EPERM
}

/** A memory_op that goes on with an extent: in the upper bits of its command. */
export function fromExtent(op: number, extent: number): Continuation {
  return { args: [((extent << abi.MEMOP_EXTENT_SHIFT) | op) >>> 0] }
}

/** Extents that a command can count; a reservation of more is none. */
export const MAX_EXTENTS = 0xffff_ffff >>> abi.MEMOP_EXTENT_SHIFT

/** Extents of `1 << extentOrder` frames from the `start`th on, until one fails; the answer is how many are done. */
export function eachExtent(
  { preemption }: Domain,
  op: number,
  { nrExtents, extentOrder }: { readonly nrExtents: number; readonly extentOrder: number },
  start: number,
  serve: (extent: number) => boolean,
): number | Continuation {
  for (let extent = start; extent < nrExtents; extent++) {
    if (!serve(extent)) return extent
    if (preemption.spend(1 << extentOrder) && extent + 1 < nrExtents) return fromExtent(op, extent + 1)
  }
  return nrExtents
}

/** Frames come and go one by one. */
function reservation(domain: TranslatedDomain, op: number, at: number, start: number): number | Continuation {
  const values = readStruct(domain, at, abi.XEN_MEMORY_RESERVATION)
  if (values === undefined) return -EFAULT
  if (notSelf(values.domid) !== 0) return -ESRCH
  if (values.nrExtents > MAX_EXTENTS || start >= values.nrExtents) return start
  if (values.extentOrder > abi.DOMU_MAX_ORDER) return op === abi.XENMEM_DECREASE_RESERVATION ? -EINVAL : 0
  const { physmap } = domain
  const count = 1 << values.extentOrder
  return eachExtent(domain, op, values, start, extent => {
    const first = readWord(domain, (values.extentStart + 4 * extent) >>> 0)
    if (first === undefined) return false
    for (let page = 0; page < count; page++) {
      const gfn = first + page
      // Frames beyond what the domain was built with are not there to be had.
      const done =
        op === abi.XENMEM_DECREASE_RESERVATION
          ? physmap.depopulate(gfn)
          : op === abi.XENMEM_POPULATE_PHYSMAP && physmap.populate(gfn)
      if (!done) return false
    }
    return true
  })
}

function addToPhysmap(domain: TranslatedDomain, space: number, idx: number, gpfn: number): number {
  let page: SharedPage | undefined
  if (space === abi.XENMAPSPACE_SHARED_INFO) {
    if (idx === 0) page = domain.shared
  } else if (space === abi.XENMAPSPACE_GRANT_TABLE) {
    // Frames of status are version 2's.
    if (idx < abi.XENMAPIDX_GRANT_TABLE_STATUS) page = domain.grants.frame(idx)
  } else return -ENOSYS
  return page !== undefined && domain.physmap.place(page, gpfn) ? 0 : -EINVAL
}

function addBatch(domain: TranslatedDomain, at: number, start: number): number | Continuation {
  const values = readStruct(domain, at, abi.XEN_ADD_TO_PHYSMAP_BATCH)
  if (values === undefined) return -EFAULT
  const refusal = notSelf(values.domid)
  if (refusal !== 0) return refusal
  if (start !== 0 && start >= values.size) return -EILSEQ
  for (let i = start; i < values.size; i++) {
    const idx = readWord(domain, values.idxs + 4 * i)
    const gpfn = readWord(domain, values.gpfns + 4 * i)
    if (idx === undefined || gpfn === undefined) return -EFAULT
    if (!writeWord(domain, values.errs + 4 * i, addToPhysmap(domain, values.space, idx, gpfn))) return -EFAULT
    if (domain.preemption.spend() && i + 1 < values.size) return fromExtent(abi.XENMEM_ADD_TO_PHYSMAP_BATCH, i + 1)
  }
  return 0
}

/** A domain's map of its memory, as it was built or has set it since. */
interface MappedMemory {
  readonly memoryMap: MemoryRange[]
}

/** The map that the domain was built with, or has set since, as the BIOS would tell it. */
export function memoryMap(domain: Domain & MappedMemory, at: number): number {
  const values = readStruct(domain, at, abi.XEN_MEMORY_MAP)
  if (values === undefined) return -EFAULT
  if (domain.memoryMap.length === 0) return -ENOSYS
  if (values.nrEntries < 1) return -EINVAL
  const entries = domain.memoryMap.slice(0, values.nrEntries)
  for (const [index, { base, length, type }] of entries.entries()) {
    const entry = encode(abi.E820_ENTRY, { addr: base, size: length, type })
    if (!domain.guest.copyTo(values.buffer + index * abi.E820_ENTRY.size, entry)) return -EFAULT
  }
  return writeStruct(domain, at, abi.XEN_MEMORY_MAP, { ...values, nrEntries: entries.length }) ? 0 : -EFAULT
}

/** A boot loader tells the kernel behind it which frames it has used. */
export function setMemoryMap(domain: Domain & MappedMemory, at: number): number {
  const values = readStruct(domain, at, abi.XEN_FOREIGN_MEMORY_MAP)
  if (values === undefined) return -EFAULT
  const refusal = notSelf(values.domid)
  if (refusal !== 0) return refusal
  if (values.nrEntries > abi.E820_MAX) return -EINVAL
  const map: MemoryRange[] = []
  for (let i = 0; i < values.nrEntries; i++) {
    const entry = readStruct(domain, values.buffer + i * abi.E820_ENTRY.size, abi.E820_ENTRY)
    if (entry === undefined) return -EFAULT
    map.push({ base: entry.addr, length: entry.size, type: entry.type })
  }
  domain.memoryMap.splice(0, domain.memoryMap.length, ...map)
  return 0
}
