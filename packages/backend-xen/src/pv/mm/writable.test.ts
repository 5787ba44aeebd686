/** Writable page tables (xen/arch/x86/pv/ro-page-fault.c): which faults are served, which changes are taken. */
import { beforeEach, expect, test } from 'vitest'
import { PAGE_SIZE } from '../../abi/xen.ts'
import { recount } from './audit.ts'
import { PGT_writable_page } from './frame-table.ts'
import { TestPv } from './testing.ts'

const RW = 0x63
const RO = 0x61
/** Error codes of #PF: a write to a page that is present, by the kernel or by a program. */
const KERNEL_WRITE = 3
const USER_WRITE = 7
const TABLE = 200
const A = 201
const B = 202
/** The entry that the guest writes to, by its own read-only mapping of the table. */
const ENTRY = TABLE * PAGE_SIZE + 8 * 7

let pv: TestPv
let at: number
beforeEach(() => {
  pv = new TestPv()
  pv.mm.writablePageTables = true
  at = pv.mfn(TABLE) * PAGE_SIZE + 8 * 7
  pv.memory.write32(at, machine(A) + RW)
  call('update_va_mapping', TABLE * PAGE_SIZE, machine(TABLE) + RO, 0, 0)
  expect(pv.mm.references.getPageAndType(pv.mfn(TABLE), 1)).toBe(0)
  expect(pv.mm.references.pin(pv.mfn(TABLE))).toBe(true)
  pv.asked.length = 0
  return () => expect(recount(pv.mm)).toEqual([])
})

const machine = (pfn: number): number => pv.mfn(pfn) * PAGE_SIZE
const call = (name: string, ...args: number[]): number => pv.call(name, ...args)
const uses = (pfn: number): number => pv.mm.table.typeCount[pv.mfn(pfn)]!

/** The instruction that faults writes these words to RAM, by a mapping that must be open for it. */
function writing(...words: readonly [address: number, value: number][]): () => boolean {
  return () => {
    expect(pv.mm.translate(ENTRY)?.writable).toBe(true)
    for (const [address, value] of words) pv.memory.write32(address, value)
    return true
  }
}

test('a valid change is made, and what it replaces let go', () => {
  pv.instruction = writing([at, machine(B) + RO])
  expect(pv.mm.pageFault(ENTRY, KERNEL_WRITE)).toBe('fixed')
  expect(pv.memory.read32(at)).toBe(machine(B) + RO)
  expect([uses(A), pv.mm.table.count[pv.mfn(B)]]).toEqual([1, 3])
  // The mapping is read-only again, and the TLB has not got it as it was meanwhile.
  expect(pv.mm.translate(ENTRY)?.writable).toBe(false)
  expect(pv.asked).toEqual([`invlpg ${ENTRY}`, `invlpg ${ENTRY}`])
})

test('what the directory says of writing does not matter, and is as it was', () => {
  const directory = pv.mm.tables.l2Entry(ENTRY)!
  pv.memory.write32(directory, pv.memory.read32(directory) & ~2)
  pv.instruction = writing([at, 0])
  expect(pv.mm.pageFault(ENTRY, KERNEL_WRITE)).toBe('fixed')
  expect(pv.memory.read32(directory) & 2).toBe(0)
})

test('an invalid change is taken back, and the fault is the guest’s', () => {
  for (const value of [pv.mm.baseptr * PAGE_SIZE + RW, pv.mm.layout.m2p.first * PAGE_SIZE + RO, machine(B) + 0xe3]) {
    pv.instruction = writing([at, value])
    expect(pv.mm.pageFault(ENTRY, KERNEL_WRITE)).toBe('guest')
    expect(pv.memory.read32(at)).toBe(machine(A) + RW)
    expect([uses(A), uses(B)]).toEqual([2, 1])
  }
})

test('several entries at once: all or none', () => {
  pv.instruction = writing([at + 8, machine(B) + RW], [at + 16, pv.mm.baseptr * PAGE_SIZE + RW])
  expect(pv.mm.pageFault(ENTRY, KERNEL_WRITE)).toBe('guest')
  expect([pv.memory.read32(at + 8), pv.memory.read32(at + 16), uses(B)]).toEqual([0, 0, 1])
  pv.instruction = writing([at + 8, machine(B) + RW], [at + 16, machine(B) + RW])
  expect(pv.mm.pageFault(ENTRY, KERNEL_WRITE)).toBe('fixed')
  expect(uses(B)).toBe(3)
})

test('a store that is not aligned to its size is not made', () => {
  pv.instruction = writing([at + 2, 0xffff_0000])
  expect(pv.mm.pageFault(ENTRY + 2, KERNEL_WRITE)).toBe('guest')
  expect([pv.memory.read32(at), pv.memory.read32(at + 4)]).toEqual([machine(A) + RW, 0])
})

test('the upper half before the lower: the entry is not present until it is whole', () => {
  pv.instruction = writing([at + 4, 0x000f_0000])
  expect(pv.mm.pageFault(ENTRY + 4, KERNEL_WRITE)).toBe('fixed')
  expect([pv.memory.read32(at), pv.memory.read32(at + 4)]).toEqual([machine(A) + RW - 1, 0x000f_0000])
  expect(uses(A)).toBe(1)
})

test('an instruction that faults by itself changes nothing', () => {
  pv.instruction = () => {
    pv.memory.write32(at, 0)
    return false
  }
  expect(pv.mm.pageFault(ENTRY, KERNEL_WRITE)).toBe('guest')
  expect([pv.memory.read32(at), pv.mm.translate(ENTRY)?.writable]).toEqual([machine(A) + RW, false])
})

test('a table that maps itself, changed through that mapping', () => {
  const own = pv.entry(ENTRY)
  const table = Math.floor(own / PAGE_SIZE)
  // The page table in use is mapped read-only somewhere: its own entry is in it.
  const pfn = pv.mm.table.pfn(table)
  const through = pfn * PAGE_SIZE + (own % PAGE_SIZE)
  pv.instruction = () => {
    expect(pv.mm.translate(through)?.writable).toBe(true)
    pv.memory.write32(own, machine(B) + RO)
    return true
  }
  expect(pv.mm.pageFault(through, KERNEL_WRITE)).toBe('fixed')
  expect(pv.mm.translate(ENTRY)?.mfn).toBe(pv.mfn(B))
  expect(pv.mm.translate(through)?.writable).toBe(false)
})

test('faults that are none of its business', () => {
  pv.instruction = () => {
    throw new Error('executed')
  }
  for (const code of [USER_WRITE, 2, 1, KERNEL_WRITE | 8, KERNEL_WRITE | 16])
    expect(pv.mm.pageFault(ENTRY, code)).toBe('guest')
  // Not mapped; read-only, but no page table; a table of another level; the hypervisor's.
  call('update_va_mapping', B * PAGE_SIZE, machine(B) + RO, 0, 0)
  const l3 = pv.mm.table.pfn(pv.mm.baseptr) * PAGE_SIZE
  for (const address of [0x4000_0000, B * PAGE_SIZE, l3, 0xf580_0000])
    expect(pv.mm.pageFault(address, KERNEL_WRITE)).toBe('guest')
  pv.mm.writablePageTables = false
  expect(pv.mm.pageFault(ENTRY, KERNEL_WRITE)).toBe('guest')
  expect(pv.mm.table.type[pv.mfn(A)]).toBe(PGT_writable_page)
})
