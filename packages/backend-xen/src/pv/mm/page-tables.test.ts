/**
 * Page types, references and updates, against what xen/arch/x86/mm.c says of each: the function is named at each expected value.
 * The domain has a mapping of 4 MB from address 0, in which pseudo-physical page n is at n * 4096.
 */
import { beforeEach, expect, test } from 'vitest'
import { EBUSY, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from '../../abi/errno.ts'
import {
  DOMID_IO,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_PIN_L1_TABLE,
  MMUEXT_PIN_L2_TABLE,
  MMUEXT_PIN_L3_TABLE,
  MMUEXT_UNPIN_TABLE,
} from '../../abi/pv.ts'
import { DOMID_SELF, PAGE_SIZE } from '../../abi/xen.ts'
import { recount } from './audit.ts'
import { PGT_l1_page_table, PGT_l2_page_table, PGT_none, PGT_seg_desc_page, PGT_writable_page } from './frame-table.ts'
import { TestPv } from './testing.ts'

/** Present, writable, accessed, dirty; and read-only. */
const RW = 0x63
const RO = 0x61
/** Where requests and answers are, and pages that tests make tables of. */
const REQUESTS = 100 * PAGE_SIZE
const DONE = 101 * PAGE_SIZE
const A = 200
const B = 201
const C = 202

let pv: TestPv
beforeEach(() => {
  pv = new TestPv()
  return () => expect(recount(pv.mm)).toEqual([])
})

const call = (name: string, ...args: number[]): number => pv.call(name, ...args)
const machine = (pfn: number): number => pv.mfn(pfn) * PAGE_SIZE

/** Requests of [pointer, value]; the result, and how many were done. */
function update(
  requests: readonly (readonly [pointer: number, value: number, high?: number])[],
  foreigndom = DOMID_SELF,
) {
  pv.put(
    REQUESTS,
    requests.flatMap(([pointer, value, high]) => [pointer, 0, value, high ?? 0]),
  )
  const result = call('mmu_update', REQUESTS, requests.length, DONE, foreigndom)
  return [result, pv.memory.read32(pv.physical(DONE)!)]
}

function ext(...ops: readonly (readonly [cmd: number, arg1?: number, arg2?: number])[]): number {
  pv.put(
    REQUESTS,
    ops.flatMap(([cmd, arg1, arg2]) => [cmd, arg1 ?? 0, arg2 ?? 0]),
  )
  return call('mmuext_op', REQUESTS, ops.length, 0, DOMID_SELF)
}

/** A page of the guest's, mapped read-only from now on, with these entries. */
function table(pfn: number, entries: Readonly<Record<number, number>> = {}): number {
  for (const [slot, low] of Object.entries(entries)) pv.memory.write32(machine(pfn) + 8 * Number(slot), low)
  expect(call('update_va_mapping', pfn * PAGE_SIZE, machine(pfn) + RO, 0, 0)).toBe(0)
  return pv.mfn(pfn)
}

const use = (mfn: number) => [pv.mm.table.type[mfn], pv.mm.table.typeCount[mfn], pv.mm.table.count[mfn]]

test('the tables of the start are validated, pinned, and in use', () => {
  const l3 = pv.mm.baseptr
  // A pin, CR3; the read-only mapping, and the allocation.
  expect(use(l3)).toEqual([3, 2, 4])
  expect(pv.mm.table.type[pv.mfn(0)]).toBe(PGT_writable_page)
})

test('a page table can be pinned only while it is mapped read-only, and can then not be mapped writable', () => {
  expect(ext([MMUEXT_PIN_L1_TABLE, pv.mfn(A)])).toBe(-EINVAL) // _get_page_type: the page is writable
  const mfn = table(A)
  expect(ext([MMUEXT_PIN_L1_TABLE, mfn])).toBe(0)
  expect(use(mfn)).toEqual([PGT_l1_page_table, 1, 3])
  // get_page_from_l1e: could_not_pin.
  expect(call('update_va_mapping', A * PAGE_SIZE, machine(A) + RW, 0, 0)).toBe(-EBUSY)
  expect(update([[pv.entry(A * PAGE_SIZE), machine(A) + RW]])).toEqual([-EBUSY, 0])
  expect(ext([MMUEXT_PIN_L1_TABLE, mfn])).toBe(-EINVAL) // "already pinned"
  expect(ext([MMUEXT_PIN_L2_TABLE, mfn])).toBe(-EINVAL)
  expect(ext([MMUEXT_UNPIN_TABLE, mfn])).toBe(0)
  expect(ext([MMUEXT_UNPIN_TABLE, mfn])).toBe(-EINVAL) // "not pinned"
  expect(call('update_va_mapping', A * PAGE_SIZE, machine(A) + RW, 0, 0)).toBe(0)
  expect(use(mfn)).toEqual([PGT_writable_page, 1, 2])
})

test('entries of a validated table hold what they name', () => {
  const mfn = table(A, { 5: machine(B) + RW, 6: machine(C) + RO })
  expect(ext([MMUEXT_PIN_L1_TABLE, mfn])).toBe(0)
  expect([use(pv.mfn(B)), use(pv.mfn(C))]).toEqual([
    [PGT_writable_page, 2, 3],
    [PGT_writable_page, 1, 3],
  ])
  expect(update([[machine(A) + 8 * 5, 0]])).toEqual([0, 1])
  expect(use(pv.mfn(B))).toEqual([PGT_writable_page, 1, 2])
  expect(ext([MMUEXT_UNPIN_TABLE, mfn])).toBe(0)
  expect(use(pv.mfn(C))).toEqual([PGT_writable_page, 1, 2])
})

test('a forged page table is refused whole, and leaves nothing behind', () => {
  const other = 2 ** 20 // A frame above RAM.
  const forgeries: [string, number, number][] = [
    ['a frame of the hypervisor’s', pv.mm.layout.m2p.first * PAGE_SIZE + RO, 0],
    ['a frame of nobody’s', pv.mm.layout.free.first * PAGE_SIZE + RO, 0],
    ['a frame that is not there', 0x61, other >>> 0],
    ['caching attributes', machine(B) + RO + 0x18, 0],
    ['itself, writable', machine(A) + RW, 0],
    ['a page table in use, writable', pv.mm.baseptr * PAGE_SIZE + RW, 0],
  ]
  const mfn = table(A, { 1: machine(C) + RW })
  for (const [what, low, high] of forgeries) {
    pv.memory.write32(machine(A) + 16, low)
    pv.memory.write32(machine(A) + 20, high)
    expect([what, ext([MMUEXT_PIN_L1_TABLE, mfn])]).toEqual([what, expect.toSatisfy((result: number) => result < 0)])
    expect(use(mfn)).toEqual([PGT_none, 0, 2])
    expect(use(pv.mfn(C))).toEqual([PGT_writable_page, 1, 2])
  }
})

test('mod_l1_entry: errors by kind, nothing changed', () => {
  const at = pv.entry(B * PAGE_SIZE)
  const before = pv.memory.read(at, 8)
  expect(update([[at, machine(B) + RO + 0x10]])).toEqual([-EINVAL, 0]) // l1_disallow_mask
  expect(update([[at, 0x61, 0x1000]])).toEqual([-EPERM, 0]) // "non-privileged attempt to map MMIO space"
  expect(update([[at, 0xffff_f061, 0x000f_ffff]])).toEqual([-EINVAL, 0]) // INVALID_MFN
  expect(update([[at, pv.mm.layout.free.first * PAGE_SIZE + RO]])).toEqual([-EBUSY, 0]) // could_not_pin
  expect(update([[at, machine(B) + RO]], DOMID_IO)).toEqual([-EBUSY, 0])
  expect(pv.memory.read(at, 8)).toEqual(before)
  // What is done is counted, what comes after an error is not tried.
  expect(
    update([
      [at, machine(B) + RO],
      [at + 4, 0],
      [at, machine(B) + RW],
    ]),
  ).toEqual([-ENOSYS, 1])
  expect(pv.memory.read32(at)).toBe(machine(B) + RO)
})

test('do_mmu_update: whose pages', () => {
  const at = pv.entry(B * PAGE_SIZE)
  expect(update([[at, 0]], 0)[0]).toBe(-EPERM) // xsm_mmu_update
  expect(update([[at, 0]], 1)[0]).toBe(-ESRCH) // get_pg_owner: one's own number is none
  expect(update([[at, 0]], 77)[0]).toBe(-ESRCH)
  expect(update([[at, machine(B) + RO]], (2 << 16) | DOMID_SELF)[0]).toBe(0) // page tables of domain 2 - 1, oneself
  expect(update([[at, 0]], (1 << 16) | DOMID_SELF)[0]).toBe(-EPERM)
  expect(update([[at, 0]], (9 << 16) | DOMID_SELF)[0]).toBe(-ESRCH)
  expect(update([[pv.mm.layout.m2p.first * PAGE_SIZE, 0]])[0]).toBe(-EINVAL) // "Could not get page for normal update"
  expect(call('mmu_update', 0xe000_0000, 1, DONE, DOMID_SELF)).toBe(-EFAULT)
  expect(call('mmu_update', 0xe000_0000, 0, DONE, DOMID_SELF)).toBe(0)
})

test('accessed and dirty bits are kept on request', () => {
  const at = pv.entry(B * PAGE_SIZE)
  expect(
    update([
      [at, machine(B) + RW],
      [at + 2, machine(B) + 3],
    ]),
  ).toEqual([0, 2])
  expect(pv.memory.read32(at)).toBe(machine(B) + RW)
  expect(update([[at, machine(B) + 3]])).toEqual([0, 1])
  expect(pv.memory.read32(at)).toBe(machine(B) + 3)
})

test('the M2P table is the guest’s to write by request only, for its own frames', () => {
  expect(update([[machine(B) + 1, 4711]])).toEqual([0, 1])
  expect(pv.memory.read32(pv.physical(0xf580_0000 + 4 * pv.mfn(B))!)).toBe(4711)
  expect(update([[pv.mm.layout.m2p.first * PAGE_SIZE + 1, 4711]])).toEqual([-EINVAL, 0])
  expect(pv.physical(0xf580_0000, true)).toBeUndefined()
})

test('a page that is no page table is written as it is; descriptors are not', () => {
  expect(update([[machine(B) + 8, 1, 2]])).toEqual([0, 1])
  expect(pv.memory.read32(machine(B) + 12)).toBe(2)
  table(B)
  expect(pv.mm.getDescriptors(pv.mfn(B))).toBe(true)
  expect(update([[machine(B) + 8, 1]])).toEqual([-EINVAL, 0])
  expect(pv.mm.table.type[pv.mfn(B)]).toBe(PGT_seg_desc_page)
  pv.mm.putDescriptors(pv.mfn(B))
  pv.descriptorsOk = false
  expect(pv.mm.getDescriptors(pv.mfn(C))).toBe(false) // it is writable
  expect(pv.mm.getDescriptors(pv.mfn(B))).toBe(true) // validated, and not written since
  pv.mm.putDescriptors(pv.mfn(B))
})

test('directories: the hypervisor’s part is not the guest’s', () => {
  const l2 = pv.memory.read32(pv.mm.baseptr * PAGE_SIZE + 24) & ~0xfff
  expect(update([[l2 + 8 * 428, 0]])).toEqual([-EPERM, 0]) // "L2 update in Xen-private area"
  expect(update([[l2 + 8 * 427, 0]])).toEqual([0, 1])
  expect(update([[pv.mm.baseptr * PAGE_SIZE + 24, 0]])).toEqual([-EINVAL, 0]) // mod_l3_entry: slot 3
  expect(update([[l2, machine(B) + 0x67]])).toEqual([-EINVAL, 0]) // B is writable
  expect(update([[l2, machine(B) + 0xe7]])).toEqual([-EINVAL, 0]) // PSE
  table(B, { 0: machine(C) + RW })
  expect(update([[l2, machine(B) + 0x67]])).toEqual([0, 1])
  expect(pv.mm.translate(0xc000_0000)).toEqual({ mfn: pv.mfn(C), writable: true })
  expect(use(pv.mfn(B))).toEqual([PGT_l1_page_table, 1, 3])
  expect(update([[l2, 0]])).toEqual([0, 1])
  expect(pv.mm.translate(0xc000_0000)).toBeUndefined()
})

test('another space: its own directory for the hypervisor’s part, and CR3', () => {
  const first = pv.memory.read32(pv.mm.baseptr * PAGE_SIZE) & ~0xfff
  const last = pv.memory.read32(pv.mm.baseptr * PAGE_SIZE + 24) & ~0xfff
  const l3 = table(A, { 0: first + 1, 3: last + 1, 7: 0xdead })
  expect(ext([MMUEXT_PIN_L3_TABLE, l3])).toBe(-EINVAL) // pae_xen_mappings_check: "PAE L3 3rd slot is shared"
  table(B, { 511: 0xdead_b001 })
  pv.memory.write32(machine(A) + 24, machine(B) + 1)
  expect(ext([MMUEXT_NEW_BASEPTR, l3])).toBe(0)
  expect(pv.asked).toContain(`cr3 ${l3}`)
  // promote_l3_table clears what a 64-bit processor would see; init_xen_pae_l2_slots covers what the guest had there.
  expect([pv.memory.read32(machine(A) + 56), pv.memory.read32(machine(B) + 8 * 511)]).toEqual([0, 0])
  expect(pv.mm.translate(0xf580_0000)?.mfn).toBe(pv.mm.layout.m2p.first)
  expect(use(pv.mfn(B))).toEqual([PGT_l2_page_table, 1, 3])
  expect(ext([MMUEXT_PIN_L2_TABLE, pv.mfn(B)])).toBe(-EINVAL) // PGT_pae_xen_l2
  // A change in use is seen at once: these entries are in registers.
  pv.asked.length = 0
  expect(update([[machine(A) + 8, machine(C) + 1]])[0]).toBe(-EINVAL)
  table(C)
  expect(update([[machine(A) + 8, machine(C) + 1]])).toEqual([0, 1])
  expect(pv.asked).toEqual(['flush', 'drop ldt', `cr3 ${l3}`])
})

test('linear page tables: a directory that names itself or another one, read-only', () => {
  const l2 = pv.memory.read32(pv.mm.baseptr * PAGE_SIZE) & ~0xfff
  expect(update([[l2 + 8 * 9, l2 + 0x67]])).toEqual([-EINVAL, 0]) // "with write perms"
  expect(update([[l2 + 8 * 9, l2 + 0x65]])).toEqual([0, 1])
  // The page tables' own entries can be read there.
  expect(pv.mm.translate(9 * 2 ** 21)?.mfn).toBe((pv.memory.read32(l2) & ~0xfff) / PAGE_SIZE)
  const other = table(A, { 1: l2 + 0x65 })
  // By another: only a directory without such entries (inc_linear_uses), in one that is not named so itself.
  expect(ext([MMUEXT_PIN_L2_TABLE, other])).toBe(0)
  expect(update([[l2 + 8 * 10, machine(A) + 0x65]])[0]).toBe(-EINVAL)
  expect(update([[machine(A) + 8, 0]])).toEqual([0, 1])
  expect(update([[l2 + 8 * 10, machine(A) + 0x65]])).toEqual([0, 1])
  expect(pv.mm.table.linear[other]).toBe(-1)
  expect(ext([MMUEXT_UNPIN_TABLE, other])).toBe(0)
  expect(update([[l2 + 8 * 10, 0]])).toEqual([0, 1])
  expect(pv.mm.table.linear[other]).toBe(0)
})

test('a page that becomes a table is out of the TLB', () => {
  expect(call('update_va_mapping', A * PAGE_SIZE, 0, 0, 0)).toBe(0)
  pv.asked.length = 0
  expect(ext([MMUEXT_PIN_L1_TABLE, pv.mfn(A)])).toBe(0)
  expect(pv.asked).toEqual(['flush'])
  pv.memory.fill(machine(B), 0, PAGE_SIZE)
  expect(call('update_va_mapping', B * PAGE_SIZE, 0, 0, 1)).toBe(0)
  pv.asked.length = 0
  // The guest has flushed it itself.
  expect(ext([MMUEXT_PIN_L1_TABLE, pv.mfn(B)])).toBe(0)
  expect(pv.asked).toEqual([])
})
