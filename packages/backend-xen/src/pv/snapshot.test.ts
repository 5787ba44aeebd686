/** A paravirtual domain saved and restored in the middle of what only the hypervisor knows: memory is there before its parts. */
import { expect, test } from 'vitest'
import { hypercallNumber } from '../abi/hypercalls.ts'
import { DOMID_SELF, GUEST_DOMID, PAGE_SIZE, VCPU_UPCALL_MASK, VCPU_UPCALL_PENDING } from '../abi/xen.ts'
import { TestPvDomain } from './testing.ts'

/** Where arguments are: page 1 of the domain, at the same linear address. */
const ARG = PAGE_SIZE
const [HERE, GRANTED] = [0x300, 0x301]
/** The first reference of the table's second frame. */
const REF = 512

function words(pv: TestPvDomain, ...values: number[]): number {
  for (const [i, value] of values.entries()) pv.memory.write32(pv.page(1) + 4 * i, value >>> 0)
  return ARG
}
const call = (pv: TestPvDomain, name: string, ...args: number[]): number => pv.call(hypercallNumber(name), ...args)

function continued(pv: TestPvDomain): TestPvDomain {
  const next = new TestPvDomain()
  next.memory.bytes.set(pv.memory.bytes)
  const state = pv.domain.save()
  next.domain.restore(structuredClone(state))
  expect(next.domain.save()).toEqual(state)
  expect(next.memory.bytes.every((byte, at) => byte === pv.memory.bytes[at])).toBe(true)
  return next
}

test('a grant table that has grown, a page that a grant maps, and its handle', () => {
  const pv = new TestPvDomain()
  expect(call(pv, 'grant_table_op', 2, words(pv, DOMID_SELF, 2, 0, ARG + 64), 1)).toBe(0)
  pv.grant(REF, pv.mfn(GRANTED), 1)
  pv.memory.write16(pv.layout.grants * PAGE_SIZE + 8 * REF + 2, GUEST_DOMID)
  expect(call(pv, 'update_va_mapping', HERE * PAGE_SIZE, 0, 0, 0)).toBe(0)
  // GNTMAP_host_map.
  expect(call(pv, 'grant_table_op', 0, words(pv, HERE * PAGE_SIZE, 0, 2, REF, DOMID_SELF, 0, 0, 0), 1)).toBe(0)
  expect(pv.memory.read16(pv.page(1) + 18)).toBe(0)
  const handle = pv.memory.read32(pv.page(1) + 20)

  const next = continued(pv)
  // GTF_reading and GTF_writing go as the mapping does.
  expect(next.grantFlags(REF)).toBe(0x19)
  expect(call(next, 'grant_table_op', 1, words(next, HERE * PAGE_SIZE, 0, 0, 0, handle, 0), 1)).toBe(0)
  expect([next.memory.read16(next.page(1) + 20), next.grantFlags(REF)]).toEqual([0, 1])
})

test('frames given back and taken again come in the same order', () => {
  const pv = new TestPvDomain()
  const reserve = (domain: TestPvDomain, operation: number, ...mfns: number[]): number => {
    for (const [i, mfn] of mfns.entries()) domain.memory.write32(domain.page(1) + 64 + 4 * i, mfn)
    return call(domain, 'memory_op', operation, words(domain, ARG + 64, mfns.length, 0, 0, DOMID_SELF))
  }
  for (const pfn of [HERE, GRANTED]) {
    expect(call(pv, 'update_va_mapping', pfn * PAGE_SIZE, 0, 0, 0)).toBe(0)
  }
  // XENMEM_decrease_reservation and XENMEM_populate_physmap.
  expect(reserve(pv, 1, pv.mfn(GRANTED), pv.mfn(HERE))).toBe(2)
  const next = continued(pv)
  for (const domain of [pv, next]) {
    expect(reserve(domain, 6, HERE, GRANTED)).toBe(2)
    expect([0, 1].map(i => domain.memory.read32(domain.page(1) + 64 + 4 * i))).toEqual([pv.mfn(HERE), pv.mfn(GRANTED)])
  }
})

test('an event that is masked is looked at again when it would have been', () => {
  const pv = new TestPvDomain()
  // EVTCHNOP_bind_ipi, EVTCHNOP_unmask, EVTCHNOP_send.
  expect(call(pv, 'event_channel_op', 7, words(pv, 0, 0))).toBe(0)
  const port = pv.memory.read32(pv.page(1) + 4)
  expect(call(pv, 'event_channel_op', 9, words(pv, port))).toBe(0)
  pv.clock.advance(3_000_000)
  expect(call(pv, 'event_channel_op', 4, words(pv, port))).toBe(0)
  const info = pv.layout.sharedInfo * PAGE_SIZE
  expect([pv.memory.read8(info + VCPU_UPCALL_PENDING), pv.intr]).toEqual([1, false])

  const next = new TestPvDomain()
  next.clock.advance(3_000_000)
  next.memory.bytes.set(pv.memory.bytes)
  next.domain.restore(structuredClone(pv.domain.save()))
  for (const domain of [pv, next]) {
    domain.memory.write8(info + VCPU_UPCALL_MASK, 0)
    domain.clock.advance(9_999_999)
    expect(domain.intr).toBe(false)
    domain.clock.advance(1)
    expect(domain.intr).toBe(true)
  }
})
