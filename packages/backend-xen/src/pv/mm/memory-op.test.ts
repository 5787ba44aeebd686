/** memory_op of a paravirtual domain (xen/common/memory.c), with the function that says it at each expected value. */
import { beforeEach, expect, test } from 'vitest'
import { EACCES, EFAULT, EINVAL, ENOMEM, ENOSYS, EPERM, ESRCH } from '../../abi/errno.ts'
import * as abi from '../../abi/memory.ts'
import { MMUEXT_PIN_L1_TABLE } from '../../abi/pv.ts'
import { DOMID_SELF, PAGE_SIZE } from '../../abi/xen.ts'
import { recount } from './audit.ts'
import { TestPv } from './testing.ts'

const ARG = 100 * PAGE_SIZE
const LIST = 101 * PAGE_SIZE
const OUT = 102 * PAGE_SIZE
const NOWHERE = 0x4000_0000

let pv: TestPv
beforeEach(() => {
  pv = new TestPv()
  return () => expect(recount(pv.mm)).toEqual([])
})

const call = (name: string, ...args: number[]): number => pv.call(name, ...args)
const op = (command: number, ...words: number[]): number => call('memory_op', command, pv.put(ARG, words))
const word = (address: number): number => pv.memory.read32(pv.physical(address)!)
const reservation = (command: number, frames: readonly number[], order = 0, flags = 0, domid = DOMID_SELF): number =>
  op(command, pv.put(LIST, frames), frames.length, order, flags, domid)
const m2p = (mfn: number): number => word(0xf580_0000 + 4 * mfn)
/** Takes the mapping of a page away, so that nobody refers to it. */
const unmap = (pfn: number): number => call('update_va_mapping', pfn * PAGE_SIZE, 0, 0, 0)

test('a page goes when nobody refers to it any more, and comes back zeroed, with the number that it is given', () => {
  const pages = pv.mm.table.pages
  const mfn = pv.mfn(200)
  pv.memory.write32(mfn * PAGE_SIZE, 4711)
  // guest_remove_page: it is still mapped.
  expect(reservation(abi.XENMEM_DECREASE_RESERVATION, [mfn])).toBe(1)
  expect([pv.mm.table.pages, pv.mm.translate(200 * PAGE_SIZE)?.mfn]).toEqual([pages, mfn])
  expect(unmap(200)).toBe(0)
  expect([pv.mm.table.pages, m2p(mfn)]).toEqual([pages - 1, 0xffff_ffff])
  expect(call('update_va_mapping', 200 * PAGE_SIZE, mfn * PAGE_SIZE + 0x63, 0, 0)).toBeLessThan(0)

  expect(reservation(abi.XENMEM_POPULATE_PHYSMAP, [200])).toBe(1)
  expect([word(LIST), m2p(mfn), pv.memory.read32(mfn * PAGE_SIZE)]).toEqual([mfn, 200, 0])
})

test('a pin ends with the page', () => {
  expect(unmap(200)).toBe(0)
  pv.put(ARG, [MMUEXT_PIN_L1_TABLE, pv.mfn(200), 0])
  expect(call('mmuext_op', ARG, 1, 0, DOMID_SELF)).toBe(0)
  const pages = pv.mm.table.pages
  expect(reservation(abi.XENMEM_DECREASE_RESERVATION, [pv.mfn(200)])).toBe(1)
  expect(pv.mm.table.pages).toBe(pages - 1)
})

test('extents: how many were done, whatever ended it', () => {
  const bad = pv.mm.layout.m2p.first
  unmap(200)
  expect(reservation(abi.XENMEM_DECREASE_RESERVATION, [pv.mfn(200), bad, pv.mfn(201)])).toBe(1)
  // do_memory_op: what it cannot make sense of is none done; one that goes on goes on.
  expect(reservation(abi.XENMEM_DECREASE_RESERVATION, [bad], 0, 0, 5)).toBe(0)
  expect(reservation(abi.XENMEM_POPULATE_PHYSMAP, [1], 10)).toBe(0)
  expect(reservation(abi.XENMEM_POPULATE_PHYSMAP, [1], 0, 12)).toBe(0)
  expect(reservation(abi.XENMEM_POPULATE_PHYSMAP, [1], 0, abi.XENMEMF_POPULATE_ON_DEMAND)).toBe(0)
  expect(call('memory_op', abi.XENMEM_POPULATE_PHYSMAP | (3 << 6), NOWHERE)).toBe(3)
  expect(reservation(abi.XENMEM_POPULATE_PHYSMAP | (1 << 6), [1, 2])).toBe(2)
  // increase_reservation wants no list; contiguous frames, aligned; and no more than the domain may have.
  const { count } = pv.mm.layout.free
  expect(op(abi.XENMEM_INCREASE_RESERVATION, LIST, 1, 3, 0, DOMID_SELF)).toBe(1)
  expect(word(LIST) % 8).toBe(0)
  const left = pv.mm.maximumPages - pv.mm.table.pages
  expect(op(abi.XENMEM_INCREASE_RESERVATION, 0, count, 0, 0, DOMID_SELF)).toBe(left)
  expect(pv.mm.table.pages).toBe(pv.mm.maximumPages)
})

test('a page of the hypervisor’s that is given back is only out of sight', () => {
  const { sharedInfo } = pv.mm.layout
  expect(reservation(abi.XENMEM_DECREASE_RESERVATION, [sharedInfo])).toBe(1)
  expect(pv.mm.frames.address(sharedInfo)).toBeUndefined()
  expect(op(abi.XENMEM_INCREASE_RESERVATION, LIST, 16, 0, 0, DOMID_SELF)).toBe(16)
  for (let i = 0; i < 16; i++) expect(word(LIST + 4 * i)).not.toBe(sharedInfo)
})

const exchange = (
  frames: readonly number[],
  inOrder: number,
  outExtents: number,
  outOrder: number,
  ...out: number[]
): number =>
  op(
    abi.XENMEM_EXCHANGE,
    pv.put(LIST, frames),
    frames.length,
    inOrder,
    0,
    DOMID_SELF,
    pv.put(OUT, out),
    outExtents,
    outOrder,
    0,
    DOMID_SELF,
    0,
  )

test('memory_exchange: pages that nobody uses, for others that lie together', () => {
  const four = [200, 201, 202, 203]
  for (const pfn of four) unmap(pfn)
  const pages = pv.mm.table.pages
  expect(
    exchange(
      four.map(pfn => pv.mfn(pfn)),
      0,
      1,
      2,
      500,
    ),
  ).toBe(0)
  expect([word(ARG + 40), pv.mm.table.pages]).toEqual([4, pages])
  const first = word(OUT)
  expect(first % 4).toBe(0)
  expect([0, 1, 2, 3].map(i => m2p(first + i))).toEqual([500, 501, 502, 503])
  expect(m2p(pv.mfn(200))).toBe(0xffff_ffff)
})

test('memory_exchange: a chunk that fails stays, those before it are done', () => {
  unmap(200)
  unmap(201)
  const [free, used] = [pv.mfn(200), pv.mfn(300)]
  const pages = pv.mm.table.pages
  expect(exchange([free, used], 0, 2, 0, 1, 2)).toBe(-EINVAL) // steal_page: mapped
  expect([word(ARG + 40), pv.mm.table.pages, pv.mm.frames.address(used)]).toEqual([1, pages, used * PAGE_SIZE])
  expect(exchange([pv.mfn(201), pv.mfn(201)], 0, 1, 1, 1)).toBe(-EINVAL) // stolen already
  expect(pv.mm.frames.address(pv.mfn(201))).toBeDefined()
  expect(exchange([pv.mfn(201)], 0, 2, 0, 1)).toBe(-EINVAL) // sizes
  expect(exchange(new Array(1024).fill(1), 0, 1, 10, 1)).toBe(-EPERM) // max_order
  expect(call('memory_op', abi.XENMEM_EXCHANGE, NOWHERE)).toBe(-EFAULT)
  expect(call('memory_op', abi.XENMEM_EXCHANGE | 64, ARG)).toBe(-EINVAL)
  // Nothing is left: alloc_domheap_pages.
  op(abi.XENMEM_INCREASE_RESERVATION, 0, pv.mm.layout.free.count, 0, 0, DOMID_SELF)
  expect(exchange([pv.mfn(201)], 0, 1, 0, 1)).toBe(pv.mm.table.freeCount > 0 ? 0 : -ENOMEM)
})

test('the M2P table, and how much there is', () => {
  expect(op(abi.XENMEM_MACHPHYS_MAPPING)).toBe(0)
  expect([word(ARG), word(ARG + 4), word(ARG + 8)]).toEqual([0xf580_0000, 0xffe0_0000, 0x297_ffff])
  expect(op(abi.XENMEM_MACHPHYS_MFN_LIST, 8, LIST, 0)).toBe(0)
  expect([word(ARG + 8), word(LIST)]).toEqual([1, pv.mm.layout.m2p.first])
  expect(op(abi.XENMEM_MAXIMUM_RAM_PAGE)).toBe(2 ** 12 - 1)
  expect(op(abi.XENMEM_CURRENT_RESERVATION, DOMID_SELF)).toBe(pv.mm.layout.p2m.length)
  expect(op(abi.XENMEM_MAXIMUM_RESERVATION, DOMID_SELF)).toBe(pv.mm.layout.p2m.length + 256)
  expect(op(abi.XENMEM_CURRENT_RESERVATION, 0)).toBe(-EPERM)
  expect(op(abi.XENMEM_CURRENT_RESERVATION, 9)).toBe(-ESRCH)
  expect(op(abi.XENMEM_MAXIMUM_GPFN, DOMID_SELF)).toBe(0)
})

test('what is not such a domain’s', () => {
  expect(op(abi.XENMEM_ADD_TO_PHYSMAP, DOMID_SELF, 0, 0, 1)).toBe(-EACCES) // xatp_permission_check
  expect(op(abi.XENMEM_REMOVE_FROM_PHYSMAP, DOMID_SELF, 1)).toBe(-EACCES)
  expect(op(abi.XENMEM_ADD_TO_PHYSMAP, 9, 0, 0, 1)).toBe(-ESRCH)
  expect(call('memory_op', abi.XENMEM_ADD_TO_PHYSMAP_BATCH, NOWHERE)).toBe(-EFAULT)
  expect(op(abi.XENMEM_MACHINE_MEMORY_MAP)).toBe(-EPERM)
  expect(op(abi.XENMEM_CLAIM_PAGES, 0, 0, 0, 0, DOMID_SELF)).toBe(-ENOSYS) // not in compat_memory_op
  expect(op(abi.XENMEM_MEMORY_MAP, 4, LIST)).toBe(0)
  expect([word(ARG), word(LIST), word(LIST + 8), word(LIST + 16)]).toEqual([
    1,
    0,
    pv.mm.layout.p2m.length * PAGE_SIZE,
    1,
  ])
})
