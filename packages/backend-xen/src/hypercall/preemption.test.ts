/** Long calls: what is in the registers between two parts, and that the parts make what the whole would (sources at the sources). */
import { expect, test } from 'vitest'
import { EINVAL } from '../abi/errno.ts'
import * as grants from '../abi/grant-table.ts'
import { hypercallNumber } from '../abi/hypercalls.ts'
import * as memory from '../abi/memory.ts'
import {
  FLAT_RING1_CS,
  MMU_MACHPHYS_UPDATE,
  MMU_UPDATE_PREEMPTED,
  MMUEXT_PIN_L1_TABLE,
  MMUEXT_TLB_FLUSH_LOCAL,
  MMUEXT_UNPIN_TABLE,
} from '../abi/pv.ts'
import { DOMID_SELF, MULTICALL_ENTRY, PAGE_SIZE } from '../abi/xen.ts'
import { TestPvDomain } from '../pv/testing.ts'
import { TestDomain } from '../testing.ts'
import { PART } from './preemption.ts'

const COUNT = 10_000
const PARTS = Math.ceil(COUNT / PART)
const LIST = 0x10_0000
const ARG = PAGE_SIZE
const VERSION = (4 << 16) | 17

/** A call to its end; how many parts it took. */
function parts(guest: TestDomain | TestPvDomain): number {
  let made = 1
  while (guest.part()) made++
  return made
}

function pvh(): TestDomain & { words(at: number, ...values: number[]): number } {
  const guest = new TestDomain(2 ** 26)
  return Object.assign(guest, {
    words(at: number, ...values: number[]) {
      for (const [i, value] of values.entries()) guest.memory.write32(at + 4 * i, value >>> 0)
      return at
    },
  })
}

test('multicall: the list and its length go on, every entry has its result', () => {
  const guest = pvh()
  for (let i = 0; i < COUNT; i++) guest.words(LIST + i * MULTICALL_ENTRY.size, hypercallNumber('xen_version'))
  const multicall = hypercallNumber('multicall')
  guest.begin(multicall, LIST, COUNT)
  expect(guest.part()).toBe(true)
  expect(guest.registers).toMatchObject({
    EAX: multicall,
    EBX: LIST + PART * MULTICALL_ENTRY.size,
    ECX: COUNT - PART,
  })
  expect([parts(guest), guest.registers['EAX']]).toEqual([PARTS - 1, 0])
  for (let i = 0; i < COUNT; i++) {
    if (guest.memory.read32(LIST + i * MULTICALL_ENTRY.size + 4) !== VERSION) throw new Error(`entry ${i}`)
  }
  expect(guest.domain.counts().hypercalls).toEqual({ multicall: PARTS, xen_version: COUNT })
})

test('a call that is made in one part is made whole', () => {
  const guest = pvh()
  guest.begin(hypercallNumber('multicall'), LIST, PART)
  expect(parts(guest)).toBe(1)
})

test('memory_op: the extent to go on with is in the command', () => {
  const guest = pvh()
  const first = 2000
  for (let i = 0; i < COUNT; i++) guest.words(LIST + 4 * i, first + i)
  guest.words(ARG, LIST, COUNT, 0, 0, DOMID_SELF)
  const before = guest.call(hypercallNumber('memory_op'), memory.XENMEM_CURRENT_RESERVATION, guest.words(0, DOMID_SELF))
  const populated = (): number => guest.call(hypercallNumber('memory_op'), memory.XENMEM_CURRENT_RESERVATION, 0)
  guest.begin(hypercallNumber('memory_op'), memory.XENMEM_DECREASE_RESERVATION, ARG)
  expect(guest.part()).toBe(true)
  expect(guest.registers).toMatchObject({
    EBX: (PART << memory.MEMOP_EXTENT_SHIFT) | memory.XENMEM_DECREASE_RESERVATION,
    ECX: ARG,
  })
  expect([parts(guest), guest.registers['EAX'], populated()]).toEqual([PARTS - 1, COUNT, before - COUNT])

  // One that is not to be had, in a later part: those before it are done, and counted from the beginning.
  guest.words(LIST + 4 * 5000, 0xffff_fff0)
  expect(guest.call(hypercallNumber('memory_op'), memory.XENMEM_POPULATE_PHYSMAP, ARG)).toBe(5000)
  expect(populated()).toBe(before - COUNT + 5000)
})

test('extents of many frames are as much work as they have frames', () => {
  const guest = pvh()
  guest.words(LIST, 4096, 4096 + 512, 4096 + 1024, 4096 + 1536)
  guest.words(ARG, LIST, 4, 9, 0, DOMID_SELF)
  guest.begin(hypercallNumber('memory_op'), memory.XENMEM_DECREASE_RESERVATION, ARG)
  expect([parts(guest), guest.registers['EAX']]).toEqual([2, 4])
})

test('add_to_physmap_batch: every entry has its error', () => {
  const guest = pvh()
  const [gpfns, errs] = [LIST + 4 * COUNT, LIST + 8 * COUNT]
  for (let i = 0; i < COUNT; i++) {
    // Frames of the grant table go round; one of it does not exist.
    guest.words(LIST + 4 * i, i === 7000 ? 1000 : 0)
    guest.words(gpfns + 4 * i, 3000 + i)
    guest.words(errs + 4 * i, 1)
  }
  guest.words(ARG, DOMID_SELF | (memory.XENMAPSPACE_GRANT_TABLE << 16), COUNT, LIST, gpfns, errs)
  guest.begin(hypercallNumber('memory_op'), memory.XENMEM_ADD_TO_PHYSMAP_BATCH, ARG)
  expect([parts(guest), guest.registers['EAX']]).toEqual([PARTS, 0])
  for (let i = 0; i < COUNT; i++) {
    const expected = i === 7000 ? -EINVAL : 0
    if ((guest.memory.read32(errs + 4 * i) | 0) !== expected) throw new Error(`entry ${i}`)
  }
})

test('grant_table_op: the structures and their count go on', () => {
  const guest = pvh()
  const { size, fields } = grants.GNTTAB_UNMAP_GRANT_REF
  const op = grants.GNTTABOP_UNMAP_GRANT_REF
  guest.begin(hypercallNumber('grant_table_op'), op, LIST, COUNT)
  expect(guest.part()).toBe(true)
  expect(guest.registers).toMatchObject({ EBX: op, ECX: LIST + PART * size, EDX: COUNT - PART })
  expect([parts(guest), guest.registers['EAX']]).toEqual([PARTS - 1, 0])
  for (let i = 0; i < COUNT; i++) {
    const status = guest.memory.read16(LIST + i * size + fields.status[0])
    if (status !== (grants.GNTST_BAD_HANDLE & 0xffff)) throw new Error(`structure ${i}`)
  }
})

test('console_io: all of it, once', () => {
  const guest = pvh()
  const text = 'paragraft'.repeat(50_000)
  guest.memory.write(LIST, new TextEncoder().encode(text))
  guest.begin(hypercallNumber('console_io'), 0, text.length, LIST)
  expect(parts(guest)).toBeGreaterThan(1)
  expect([guest.console.output, guest.registers['EAX']]).toEqual([text, 0])
})

test.each([
  ['multicall', [0xffff_ff00, 0xffff_ffff]],
  ['grant_table_op', [grants.GNTTABOP_UNMAP_GRANT_REF, 0xffff_ff00, 0x7fff_ffff]],
  ['console_io', [0, 0x7fff_ffff, 0xffff_ff00]],
] as const)('%s %j over memory that has no end: the host has its turn', (name, args) => {
  const size = 2 ** 20
  const guest = new TestDomain(size, va => (va >>> 0) % size)
  guest.begin(hypercallNumber(name), ...args)
  for (let part = 0; part < 5; part++) expect(guest.part()).toBe(true)
  expect(guest.registers['EAX']).toBe(hypercallNumber(name))
})

/** Requests for the M2P table: frame of page i counts as i + 7. The `wrong`th is of no command that there is. */
function machphysRequests(pv: TestPvDomain, count: number, wrong = -1): void {
  for (let i = 0; i < count; i++) {
    const pointer = pv.mfn(1000 + (i % 10)) * PAGE_SIZE + MMU_MACHPHYS_UPDATE
    put(pv, LIST + 16 * i, i === wrong ? 0xffff_f001 : pointer, 0, i, 0)
  }
}

function put(pv: TestPvDomain, at: number, ...words: number[]): number {
  for (const [i, word] of words.entries()) pv.memory.write32(pv.physical(at + 4 * i)!, word >>> 0)
  return at
}

const word = (pv: TestPvDomain, at: number): number => pv.memory.read32(pv.physical(at)!)
const m2p = (pv: TestPvDomain, pfn: number): number =>
  pv.memory.read32(pv.layout.m2p.first * PAGE_SIZE + 4 * pv.mfn(pfn))

test('mmu_update: a mark in the count, and the number of those done grows', () => {
  const pv = new TestPvDomain()
  machphysRequests(pv, COUNT)
  pv.begin(hypercallNumber('mmu_update'), LIST, COUNT, ARG, DOMID_SELF)
  expect([pv.part(), word(pv, ARG)]).toEqual([true, PART])
  expect(pv.registers).toMatchObject({
    EIP: 0,
    EAX: hypercallNumber('mmu_update'),
    EBX: LIST + 16 * PART,
    ECX: MMU_UPDATE_PREEMPTED + COUNT - PART,
    EDX: ARG,
    ESI: DOMID_SELF,
  })
  expect([parts(pv), pv.registers['EAX'], pv.registers['EIP'], word(pv, ARG)]).toEqual([PARTS - 1, 0, 2, COUNT])
  for (let n = 0; n < 10; n++) expect(m2p(pv, 1000 + n)).toBe(COUNT - 10 + n)

  machphysRequests(pv, COUNT, 5000)
  expect(pv.call(hypercallNumber('mmu_update'), LIST, COUNT, ARG, DOMID_SELF)).toBe(-EINVAL)
  expect([word(pv, ARG), m2p(pv, 1000), m2p(pv, 1009)]).toEqual([5000, 4990, 4999])
})

test('an event comes between two parts, and returns to the instruction that calls', () => {
  const pv = new TestPvDomain()
  const handler = 0x1234
  const stack = 0x20_0000
  for (let i = 0; i < COUNT; i++) put(pv, LIST + 12 * i, MMUEXT_TLB_FLUSH_LOCAL, 0, 0)
  expect(pv.call(hypercallNumber('set_callbacks'), FLAT_RING1_CS, handler, FLAT_RING1_CS, 0)).toBe(0)
  // vcpu_info: evtchn_upcall_pending, evtchn_upcall_mask (xen.h).
  pv.memory.write8(pv.layout.sharedInfo * PAGE_SIZE, 1)
  pv.memory.write8(pv.layout.sharedInfo * PAGE_SIZE + 1, 0)
  pv.registers['ESP'] = stack
  pv.begin(hypercallNumber('mmuext_op'), LIST, COUNT, 0, DOMID_SELF)
  // This world's port enters nothing: what there is of the handler is its frame, and the mask.
  pv.part()
  expect(pv.memory.read8(pv.layout.sharedInfo * PAGE_SIZE + 1)).toBe(1)
  expect([word(pv, stack - 12), word(pv, stack - 8)]).toEqual([0, FLAT_RING1_CS])
  expect(pv.registers).toMatchObject({
    EAX: hypercallNumber('mmuext_op'),
    EBX: LIST + 12 * PART,
    ECX: MMU_UPDATE_PREEMPTED + COUNT - PART,
  })
  // The handler is done.
  pv.memory.write16(pv.layout.sharedInfo * PAGE_SIZE, 0)
  expect([parts(pv), pv.registers['EAX']]).toEqual([PARTS - 1, 0])
})

test('a long call in a multicall is left in the list as its rest', () => {
  const pv = new TestPvDomain()
  const [mmuUpdate, version] = [hypercallNumber('mmu_update'), hypercallNumber('xen_version')]
  const calls = 0x20_0000
  machphysRequests(pv, 3000)
  put(pv, calls, version, 0, 0, 0, 0, 0, 0, 0, mmuUpdate, 0, LIST, 3000, ARG, DOMID_SELF, 0, 0, version)
  pv.begin(hypercallNumber('multicall'), calls, 3)
  expect(pv.part()).toBe(true)
  // One entry of the part is the first call.
  const done = PART - 1
  expect(pv.registers).toMatchObject({ EBX: calls + MULTICALL_ENTRY.size, ECX: 2 })
  const entry = [0, 8, 12, 16, 20].map(offset => word(pv, calls + MULTICALL_ENTRY.size + offset))
  expect(entry).toEqual([mmuUpdate, LIST + 16 * done, MMU_UPDATE_PREEMPTED + 3000 - done, ARG, DOMID_SELF])
  expect([parts(pv), pv.registers['EAX'], word(pv, ARG)]).toEqual([2, 0, 3000])
  expect([4, 36, 68].map(offset => word(pv, calls + offset))).toEqual([VERSION, 0, VERSION])
})

test('pins are long: some make a part', () => {
  const pv = new TestPvDomain()
  const table = pv.mfn(1000)
  pv.memory.fill(pv.page(1000), 0, PAGE_SIZE)
  expect(pv.call(hypercallNumber('update_va_mapping'), 1000 * PAGE_SIZE, 0, 0, 0)).toBe(0)
  for (let i = 0; i < 64; i++) put(pv, LIST + 12 * i, i % 2 ? MMUEXT_UNPIN_TABLE : MMUEXT_PIN_L1_TABLE, table, 0)
  pv.begin(hypercallNumber('mmuext_op'), LIST, 64, ARG, DOMID_SELF)
  expect([parts(pv), pv.registers['EAX'], word(pv, ARG)]).toEqual([32, 0, 64])
})

test('set_trap_table goes on with the next entry', () => {
  const pv = new TestPvDomain()
  const entries = PART + 3
  for (let i = 0; i < entries; i++) put(pv, LIST + 8 * i, 0x20 | (FLAT_RING1_CS << 16), 0x1000 + i)
  put(pv, LIST + 8 * entries, 0, 0)
  pv.begin(hypercallNumber('set_trap_table'), LIST)
  expect(pv.part()).toBe(true)
  expect(pv.registers).toMatchObject({ EBX: LIST + 8 * PART, EIP: 0 })
  expect([parts(pv), pv.registers['EAX']]).toEqual([1, 0])
})
