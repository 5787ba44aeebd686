/**
 * XENMEM_exchange (xen/common/memory.c, memory_exchange; compat/memory.c): frames that the domain does not use at the moment for
 * others, in extents of another order. A chunk, as many as make whole extents on both sides, is exchanged or stays.
 */
import { EFAULT, EINVAL, ENOMEM, EPERM } from '../../abi/errno.ts'
import { decode, type Values } from '../../abi/layout.ts'
import * as abi from '../../abi/memory.ts'
import { readWord, writeWord } from '../../domain.ts'
import { notSelf } from '../../hypercall/memory-op.ts'
import type { Continuation } from '../../hypercall/preemption.ts'
import type { ParavirtualDomain } from '../ports.ts'

type Reservation = Values<typeof abi.XEN_MEMORY_RESERVATION>
const PAGE_SHIFT = 12
const NR_EXCHANGED = abi.XEN_MEMORY_EXCHANGE.fields.nrExchanged[0]

export function exchange(domain: ParavirtualDomain, at: number): number | Continuation {
  const bytes = domain.guest.copyFrom(at, abi.XEN_MEMORY_EXCHANGE.size)
  if (bytes === undefined) return -EFAULT
  const into = decode(abi.XEN_MEMORY_RESERVATION, bytes)
  const given = decode(abi.XEN_MEMORY_RESERVATION, bytes.subarray(abi.XEN_MEMORY_EXCHANGE_OUT))
  const { nrExchanged } = decode(abi.XEN_MEMORY_EXCHANGE, bytes)
  if (!consistent(into, given, nrExchanged)) return -EINVAL
  if (Math.max(into.extentOrder, given.extentOrder) > abi.DOMU_MAX_ORDER) return -EPERM
  const refusal = into.domid === given.domid ? notSelf(into.domid) : -EINVAL
  if (refusal !== 0) return refusal

  const chunk = Math.max(into.extentOrder, given.extentOrder)
  const inExtents = 1 << (chunk - into.extentOrder)
  const chunks = into.nrExtents / inExtents
  let result = 0
  let done = Math.floor(nrExchanged / inExtents)
  let enough = false
  while (done < chunks && !enough) {
    result = exchangeChunk(domain, into, given, chunk, done)
    if (result !== 0) break
    done++
    enough = domain.preemption.spend(1 << chunk)
  }
  if (!writeWord(domain, at + NR_EXCHANGED, done * inExtents)) return -EFAULT
  // Where it goes on is in the structure.
  return enough && done < chunks ? { args: [abi.XENMEM_EXCHANGE] } : result
}

/** Both sides have as many frames, which a word can count; a chunk begins where the guest says that it goes on. */
function consistent(into: Reservation, given: Reservation, nrExchanged: number): boolean {
  if (nrExchanged > into.nrExtents || into.extentOrder > 31 || given.extentOrder > 31) return false
  const frames = into.nrExtents * 2 ** into.extentOrder
  if (frames !== given.nrExtents * 2 ** given.extentOrder || frames > 0xffff_ffff) return false
  const larger = given.extentOrder - into.extentOrder
  return larger <= 0 || nrExchanged % 2 ** larger === 0
}

/** One chunk of `1 << chunk` frames, the `index`th of the call. 0, or an error, and nothing has changed. */
function exchangeChunk(
  domain: ParavirtualDomain,
  into: Reservation,
  given: Reservation,
  chunk: number,
  index: number,
): number {
  const { mm } = domain
  const stolen: number[] = []
  const taken: number[] = []
  const undo = (error: number): number => {
    for (const mfn of stolen) mm.table.unsteal(mfn)
    for (const first of taken) mm.table.untake(first, given.extentOrder)
    return error
  }
  const first = (reservation: Reservation, extent: number): number =>
    (reservation.extentStart + 4 * ((index << (chunk - reservation.extentOrder)) + extent)) >>> 0

  for (let extent = 0; extent < 1 << (chunk - into.extentOrder); extent++) {
    const named = readWord(domain, first(into, extent))
    if (named === undefined) return undo(-EFAULT)
    for (let mfn = named; mfn < named + (1 << into.extentOrder); mfn++) {
      if (!mm.table.steal(mfn)) return undo(-EINVAL)
      stolen.push(mfn)
    }
  }
  const bits = given.memFlags & abi.XENMEMF_ADDRESS_BITS
  for (let extent = 0; extent < 1 << (chunk - given.extentOrder); extent++) {
    const mfn = mm.table.take(given.extentOrder, bits === 0 ? undefined : 2 ** Math.max(0, bits - PAGE_SHIFT))
    if (mfn === undefined) return undo(-ENOMEM)
    taken.push(mfn)
  }

  let result = 0
  for (const mfn of stolen) mm.table.discard(mfn)
  for (const [extent, mfn] of taken.entries()) {
    mm.assignPages(mfn, given.extentOrder)
    const pointer = first(given, extent)
    const pfn = readWord(domain, pointer)
    for (let page = 0; pfn !== undefined && page < 1 << given.extentOrder; page++)
      mm.table.setPfn(mfn + page, pfn + page)
    if (pfn === undefined || !writeWord(domain, pointer, mfn)) result = -EFAULT
  }
  return result
}
