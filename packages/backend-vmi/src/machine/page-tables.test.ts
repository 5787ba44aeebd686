import { beforeEach, expect, test } from 'vitest'
import {
  VMI_PAGE_CLONE,
  VMI_PAGE_PAE,
  VMI_PAGE_PD,
  VMI_PAGE_PDP,
  VMI_PAGE_PT,
  VMI_PAGE_ZEROED,
} from '../abi/constants.ts'
import { PageTables } from './page-tables.ts'

const L1 = VMI_PAGE_PT | VMI_PAGE_PAE | VMI_PAGE_ZEROED
const L2 = VMI_PAGE_PD | VMI_PAGE_PAE | VMI_PAGE_ZEROED
const FRAMES = 1024

let said: string[]
let tables: PageTables

beforeEach(() => {
  said = []
  tables = new PageTables(FRAMES * 4096, { report: key => void said.push(key) })
})

test('frames become tables and memory again, and both are counted', () => {
  tables.allocate(5, L1, 0, 0, 0)
  tables.allocate(6, L2, 0, 0, 0)
  tables.release(5, L1)
  tables.allocate(5, L2, 0, 0, 0)
  expect(tables.counts).toMatchObject({ tables: 2, allocated: 3, released: 1, wrong: 0 })
  expect(said).toEqual([])
})

test('a clone copies a table of its own kind, within its entries', () => {
  tables.allocate(5, L2, 0, 0, 0)
  tables.allocate(6, L2 | VMI_PAGE_CLONE, 5, 384, 128)
  expect(said).toEqual([])
  tables.allocate(7, L2 | VMI_PAGE_CLONE, 5, 384, 129)
  tables.allocate(8, L1 | VMI_PAGE_CLONE, 5, 0, 1)
  tables.allocate(9, L2 | VMI_PAGE_CLONE, 99, 0, 1)
  expect(said).toEqual(['vmi AllocatePage range', 'vmi AllocatePage source', 'vmi AllocatePage source'])
})

test('several PAE root tables may share a frame (SDM vol. 3A 4.4.1: 32 bytes each)', () => {
  tables.allocate(5, VMI_PAGE_PDP | VMI_PAGE_PAE, 0, 0, 0)
  tables.allocate(5, VMI_PAGE_PDP | VMI_PAGE_PAE, 0, 0, 0)
  expect(said).toEqual([])
})

test.each<[string, () => void]>([
  ['vmi AllocatePage frame', () => tables.allocate(FRAMES, L1, 0, 0, 0)],
  ['vmi AllocatePage kind', () => tables.allocate(5, VMI_PAGE_ZEROED, 0, 0, 0)],
  ['vmi AllocatePage kind', () => tables.allocate(5, VMI_PAGE_PT | VMI_PAGE_PD, 0, 0, 0)],
  ['vmi ReleasePage frame', () => tables.release(5, L1)],
  ['vmi SetLinearMapping slot', () => tables.setLinearMapping(4, 0, 1, 0)],
  ['vmi SetLinearMapping slot', () => tables.setLinearMapping(-1, 0, 1, 0)],
  ['vmi SetLinearMapping range', () => tables.setLinearMapping(0, 0xffff_f000, 2, 0)],
  ['vmi SetLinearMapping range', () => tables.setLinearMapping(0, 0x123, 1, 0)],
])('%s: said wrong, and nothing changes', (key, action) => {
  action()
  expect(said).toEqual([key])
  expect(tables.counts).toMatchObject({ tables: 0, allocated: 0, released: 0, wrong: 1 })
  expect(tables.physical(0, 1)).toBeUndefined()
})

test('said twice, or released as another kind', () => {
  tables.allocate(5, L1, 0, 0, 0)
  tables.allocate(5, L2, 0, 0, 0)
  tables.release(5, L2)
  expect(said).toEqual(['vmi AllocatePage twice', 'vmi ReleasePage kind'])
})

test('linear mappings translate, up to the end of memory', () => {
  tables.setLinearMapping(0, 0xc000_0000, 4096, 0)
  tables.setLinearMapping(1, 0xf000_0000, 1, 7)
  expect(tables.physical(0xc000_1234, 4)).toBe(0x1234)
  expect(tables.physical(0xf000_0ff8, 8)).toBe(0x7ff8)
  expect(tables.physical(0xf000_0ffc, 8)).toBeUndefined()
  expect(tables.physical(0xc000_0000 + FRAMES * 4096, 4)).toBeUndefined()
  tables.setLinearMapping(1, 0, 0, 0)
  expect(tables.physical(0xf000_0000, 4)).toBeUndefined()
})

test('an entry belongs into a table of its kind and size; a large page may pass for PT in a directory', () => {
  tables.allocate(5, L1, 0, 0, 0)
  tables.allocate(6, L2, 0, 0, 0)
  tables.touched('SetPxELong', 5 * 4096, VMI_PAGE_PT, true)
  tables.touched('SetPxELong', 6 * 4096, VMI_PAGE_PT, true)
  tables.touched('SetPxELong', 9 * 4096, VMI_PAGE_PD, true)
  expect(said).toEqual([])
  tables.touched('SetPxELong', 5 * 4096, VMI_PAGE_PD, true)
  tables.touched('SetPxE', 5 * 4096, VMI_PAGE_PT, false)
  tables.touched('SetPxE', undefined, 0, false)
  expect(said).toEqual(['vmi SetPxELong table', 'vmi SetPxE size', 'vmi SetPxE kind'])
})
