/** Grants mapped into page tables (xen/common/grant_table.c, map_grant_ref, unmap_common; xen/arch/x86/pv/grant_table.c). */
import { beforeEach, expect, test } from 'vitest'
import * as abi from '../../abi/grant-table.ts'
import { MMUEXT_PIN_L1_TABLE } from '../../abi/pv.ts'
import { DOMID_SELF, PAGE_SIZE } from '../../abi/xen.ts'
import { recount } from './audit.ts'
import { PGT_writable_page } from './frame-table.ts'
import { TestPv } from './testing.ts'

const ARG = 100 * PAGE_SIZE
const TABLE = 101 * PAGE_SIZE
/** A page that is granted, and where it is mapped. */
const PAGE = 200
const HERE = 201 * PAGE_SIZE
const HOST = abi.GNTMAP_HOST_MAP
const RO = abi.GNTMAP_READONLY

let pv: TestPv
beforeEach(() => {
  pv = new TestPv()
  const first = pv.mm.layout.grants
  expect(call('update_va_mapping', TABLE, first * PAGE_SIZE + 0x63, 0, 0)).toBe(0)
  expect(call('update_va_mapping', HERE, 0, 0, 0)).toBe(0)
  return () => expect(recount(pv.mm, pv.held())).toEqual([])
})

const call = (name: string, ...args: number[]): number => pv.call(name, ...args)
const word = (address: number): number => pv.memory.read32(pv.physical(address)!)
const signed16 = (value: number): number => (value << 16) >> 16
/** An entry of the guest's table: to itself (1), or to the backend's domain (0). */
const grant = (ref: number, flags: number, domid: number, mfn = pv.mfn(PAGE)): number =>
  pv.put(TABLE + 8 * ref, [flags | (domid << 16), mfn])

function map(ref: number, flags: number, at = HERE, dom = DOMID_SELF): [status: number, handle: number] {
  pv.put(ARG, [at, 0, flags, ref, dom, 0, 0, 0])
  expect(call('grant_table_op', 0, ARG, 1)).toBe(0)
  return [word(ARG + 16) >> 16, word(ARG + 20)]
}

function unmap(handle: number, at = HERE, bus = 0): number {
  pv.put(ARG, [at, 0, bus, 0, handle, 0])
  expect(call('grant_table_op', 1, ARG, 1)).toBe(0)
  return signed16(word(ARG + 20))
}

test('a mapping by linear address: the hypervisor’s entry, in use as long as it is there', () => {
  grant(9, 1, 1)
  const [status, handle] = map(9, HOST)
  expect(status).toBe(0)
  const at = pv.entry(HERE)
  // grant_to_pte_flags: P, RW, A, D; NX.
  expect([pv.memory.read32(at), pv.memory.read32(at + 4)]).toEqual([pv.mfn(PAGE) * PAGE_SIZE + 0x63, 0x8000_0000])
  // GTF_reading, GTF_writing.
  expect(word(TABLE + 72) & 0xffff).toBe(1 | 8 | 16)
  expect(pv.mm.table.typeCount[pv.mfn(PAGE)]).toBe(2)
  expect(unmap(handle)).toBe(0)
  expect([pv.memory.read32(at), word(TABLE + 72) & 0xffff, pv.mm.table.typeCount[pv.mfn(PAGE)]]).toEqual([0, 1, 1])
  expect(unmap(handle)).toBe(abi.GNTST_BAD_HANDLE)
})

test('a mapping by the entry’s machine address; read-only; for user level; with bits of its own', () => {
  grant(9, 5, 1)
  const at = pv.entry(HERE)
  expect(map(9, HOST | abi.GNTMAP_CONTAINS_PTE, at)[0]).toBe(abi.GNTST_GENERAL_ERROR) // "write-pin a r/o grant entry"
  const flags = HOST | RO | abi.GNTMAP_CONTAINS_PTE | abi.GNTMAP_APPLICATION_MAP | (5 << 16)
  const [status, handle] = map(9, flags, at)
  expect([status, pv.memory.read32(at)]).toEqual([0, pv.mfn(PAGE) * PAGE_SIZE + 0x65 + (5 << 9)])
  expect(map(9, flags, at + 4)[0]).toBe(abi.GNTST_GENERAL_ERROR) // "Misaligned PTE address"
  expect(map(9, flags, pv.mfn(PAGE) * PAGE_SIZE)[0]).toBe(abi.GNTST_GENERAL_ERROR) // no page table
  expect(unmap(handle, at)).toBe(0)
})

test('for devices, or both: each use ends on its own', () => {
  grant(9, 1, 1)
  const [status, handle] = map(9, HOST | abi.GNTMAP_DEVICE_MAP)
  expect([status, word(ARG + 24)]).toEqual([0, pv.mfn(PAGE) * PAGE_SIZE])
  expect(unmap(handle, 0, 0x1000)).toBe(abi.GNTST_GENERAL_ERROR) // "Bus address doesn't match gntref"
  expect(unmap(handle)).toBe(0)
  expect(pv.mm.table.typeCount[pv.mfn(PAGE)]).toBe(2)
  expect(unmap(handle, 0, pv.mfn(PAGE) * PAGE_SIZE)).toBe(0)
  expect([pv.mm.table.typeCount[pv.mfn(PAGE)], unmap(handle)]).toEqual([1, abi.GNTST_BAD_HANDLE])
})

test('statuses', () => {
  grant(9, 1, 1)
  expect(map(9, 0)[0]).toBe(abi.GNTST_BAD_GNTREF) // "Bad flags in grant map op"
  expect(map(9, HOST, HERE, 5)[0]).toBe(abi.GNTST_BAD_DOMAIN)
  expect(map(9, HOST, HERE, 0)[0]).toBe(abi.GNTST_BAD_GNTREF) // domain 0 has granted nothing
  expect(map(0x8000, HOST)[0]).toBe(abi.GNTST_BAD_GNTREF)
  expect(map(10, HOST)[0]).toBe(abi.GNTST_GENERAL_ERROR) // _set_status_v1: bad flags
  grant(11, 1, 0)
  expect(map(11, HOST)[0]).toBe(abi.GNTST_GENERAL_ERROR) // granted to another
  grant(12, 1, 1, pv.mm.layout.m2p.first)
  expect(map(12, HOST)[0]).toBe(abi.GNTST_BAD_PAGE)
  expect(map(9, HOST, 0x4000_0000)[0]).toBe(abi.GNTST_GENERAL_ERROR) // "Could not find L1 PTE"
  expect(map(9, HOST, 0xf580_0000)[0]).toBe(abi.GNTST_GENERAL_ERROR)
  // Nothing is left in use by what failed.
  expect([9, 11, 12].map(ref => word(TABLE + 8 * ref) & 0xffff)).toEqual([1, 1, 1])
})

test('a page table is not granted for writing, nor copied over; a page in use for writing becomes no table', () => {
  call('update_va_mapping', PAGE * PAGE_SIZE, pv.mfn(PAGE) * PAGE_SIZE + 0x61, 0, 0)
  const pin = (): number => call('mmuext_op', pv.put(ARG, [MMUEXT_PIN_L1_TABLE, pv.mfn(PAGE), 0]), 1, 0, DOMID_SELF)
  grant(9, 1, 1)
  grant(10, 1, 0)
  const { grants } = pv.domain
  const page = grants.map(10, true)
  expect(page).toBe(pv.mfn(PAGE) * PAGE_SIZE)
  expect(pin()).toBeLessThan(0)
  grants.unmap(10, true)
  expect(pin()).toBe(0)
  expect(grants.map(10, true)).toBeUndefined()
  expect(grants.map(10, false)).toBe(page)
  grants.unmap(10, false)
  expect(map(9, HOST)[0]).toBe(abi.GNTST_GENERAL_ERROR) // "Could not pin grant frame"
  expect(map(9, HOST | RO)[0]).toBe(0)
  // gnttab_copy_claim_buf: the destination is to be a writable page.
  pv.put(ARG, [pv.mfn(300), DOMID_SELF, pv.mfn(PAGE), DOMID_SELF, 16, 0])
  expect(call('grant_table_op', 5, ARG, 1)).toBe(0)
  expect(signed16(word(ARG + 20))).toBe(abi.GNTST_GENERAL_ERROR)
  expect(pv.mm.table.type[pv.mfn(300)]).toBe(PGT_writable_page)
})

test('while a grant is in use its frame is what it was', () => {
  grant(10, 1, 0)
  const { grants } = pv.domain
  expect(grants.map(10, false)).toBe(pv.mfn(PAGE) * PAGE_SIZE)
  grant(10, 1, 0, pv.mfn(300))
  expect(grants.map(10, true)).toBe(pv.mfn(PAGE) * PAGE_SIZE)
  grants.unmap(10, true)
  grants.unmap(10, false)
  expect(grants.map(10, false)).toBe(pv.mfn(300) * PAGE_SIZE)
  grants.unmap(10, false)
})

test('an entry that a grant made, dropped otherwise: its handle is good for nothing', () => {
  grant(9, 1, 1)
  const [, handle] = map(9, HOST)
  expect(call('update_va_mapping', HERE, 0, 0, 0)).toBe(0)
  expect(pv.mm.table.typeCount[pv.mfn(PAGE)]).toBe(1)
  expect(unmap(handle)).toBe(abi.GNTST_GENERAL_ERROR) // "doesn't match grant"
})

test('GNTTABOP_unmap_and_replace: what is mapped elsewhere moves here', () => {
  grant(9, 1, 1)
  const [, handle] = map(9, HOST)
  pv.put(ARG, [HERE, 0, 300 * PAGE_SIZE, 0, handle, 0])
  expect(call('grant_table_op', 7, ARG, 1)).toBe(0)
  expect(signed16(word(ARG + 20))).toBe(0)
  expect([pv.mm.translate(HERE)?.mfn, pv.mm.translate(300 * PAGE_SIZE)]).toEqual([pv.mfn(300), undefined])
})
