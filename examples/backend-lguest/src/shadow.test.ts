/** Shadow page tables: what is filled in, what is forgotten, and what ends the guest. Bits: Intel SDM vol. 3A, table 4-6. */
import { beforeEach, expect, test } from 'vitest'
import { GuestKilled, HOST_BYTES, hostBase } from './memory.ts'
import { ShadowTables } from './shadow.ts'
import { arrayMemory, FakeProcessor } from './testing.ts'

const MEMORY = 8 * 2 ** 20
const HOST = hostBase(MEMORY)
/** The guest's tables: two directories, and a table that both have at 0 and at C0000000h. */
const [DIRECTORY, OTHER, TABLE] = [0x1000, 0x2000, 0x3000]
const KERNEL = 0xc000_0000
const [P, RW, US, A, D] = [0x1, 0x2, 0x4, 0x20, 0x40]
/** A page fault's error code: present, write, user. */
const [WRITE, USER] = [2, 4]

let memory: ReturnType<typeof arrayMemory>
let cpu: FakeProcessor
let shadow: ShadowTables

beforeEach(() => {
  memory = arrayMemory(MEMORY)
  cpu = new FakeProcessor()
  shadow = new ShadowTables({ memory, processor: cpu.processor }, HOST, HOST_BYTES)
  shadow.kernelBase = KERNEL
  for (const directory of [DIRECTORY, OTHER]) {
    for (const index of [0, KERNEL >>> 22]) memory.write32(directory + 4 * index, TABLE | P | RW | US)
  }
  shadow.load(DIRECTORY)
})

const map = (address: number, entry: number): void => memory.write32(TABLE + 4 * ((address >>> 12) & 1023), entry)

/** What the processor would find for an address: the entry in the tables that CR3 has. */
function seen(address: number): number {
  const directory = memory.read32(cpu.cr3 + 4 * (address >>> 22))
  return (directory & P) === 0 ? 0 : memory.read32((directory & ~0xfff) + 4 * ((address >>> 12) & 1023))
}

test('nothing is there at first; a read fills in a page read-only, and sets the accessed bit', () => {
  map(0x5000, 0x7000 | P | RW | US)
  expect(seen(0x5000)).toBe(0)
  expect(shadow.fix(0x5123, USER)).toBe(true)
  expect(seen(0x5000)).toBe(0x7000 | P | US)
  expect(memory.read32(TABLE + 4 * 5)).toBe(0x7000 | P | RW | US | A)
})

test('the first write makes it writable, and sets the dirty bit', () => {
  map(0x5000, 0x7000 | P | RW | US)
  shadow.fix(0x5000, 0)
  expect(shadow.fix(0x5000, P | WRITE)).toBe(true)
  expect(seen(0x5000)).toBe(0x7000 | P | RW | US)
  expect(memory.read32(TABLE + 4 * 5)).toBe(0x7000 | P | RW | US | A | D)
})

test('what the guest’s own tables forbid is the guest’s fault', () => {
  expect(shadow.fix(0x5000, 0)).toBe(false)
  map(0x5000, 0x7000 | P | US)
  expect(shadow.fix(0x5000, WRITE)).toBe(false)
  expect(shadow.fix(0x5000, USER)).toBe(true)
  map(0x6000, 0x7000 | P | RW)
  expect(shadow.fix(0x6000, USER)).toBe(false)
  expect(shadow.fix(0x6000, 0)).toBe(true)
  expect(seen(0x6000) & US).toBe(0)
  expect(memory.read32(TABLE + 4 * 6) & (A | D)).toBe(A)
})

test.each([
  ['memory that it does not have', 0x5000, HOST | P],
  ['memory that nobody has', 0x5000, 0xfff0_0000 | P],
])('a guest that maps %s is ended', (_, address, entry) => {
  map(address, entry >>> 0)
  expect(() => shadow.fix(address, 0)).toThrow(GuestKilled)
  expect(seen(address)).toBe(0)
})

test('so is one with tables where it has no memory, or with large pages', () => {
  memory.write32(DIRECTORY + 4 * 1, HOST | P)
  memory.write32(DIRECTORY + 4 * 2, 0x40_0000 | P | 0x80)
  expect(() => shadow.fix(0x40_0000, 0)).toThrow(GuestKilled)
  expect(() => shadow.fix(0x80_0000, 0)).toThrow(GuestKilled)
  for (const directory of [HOST, 0x1001, 0xffff_f000]) expect(() => shadow.load(directory)).toThrow(GuestKilled)
})

test('a changed entry is forgotten in its space, in the kernel’s half in every space', () => {
  map(0x5000, 0x7000 | P | US)
  for (const directory of [OTHER, DIRECTORY]) {
    shadow.load(directory)
    shadow.fix(0x5000, 0)
    shadow.fix(KERNEL + 0x5000, 0)
  }
  shadow.forgetPage(OTHER, 0x5000)
  shadow.forgetPage(OTHER, KERNEL + 0x5000)
  expect([seen(0x5000) & P, seen(KERNEL + 0x5000)]).toEqual([P, 0])
  shadow.load(OTHER)
  expect([seen(0x5000), seen(KERNEL + 0x5000)]).toEqual([0, 0])
  shadow.fix(0x5000, 0)
  shadow.forgetDirectory(OTHER, 0)
  expect(seen(0x5000)).toBe(0)
})

test('a flush of all leaves other spaces their programs’ half, unless the kernel’s is meant', () => {
  map(0x5000, 0x7000 | P | US)
  for (const directory of [OTHER, DIRECTORY]) {
    shadow.load(directory)
    shadow.fix(0x5000, 0)
    shadow.fix(KERNEL + 0x5000, 0)
  }
  shadow.forgetAll(false)
  expect([seen(0x5000), seen(KERNEL + 0x5000) & P]).toEqual([0, P])
  shadow.load(OTHER)
  expect(seen(0x5000) & P).toBe(P)
  shadow.forgetAll(true)
  expect([seen(0x5000), seen(KERNEL + 0x5000)]).toEqual([0, 0])
})

test('tables that are taken down and made anew begin empty', () => {
  map(0x5000, 0x7000 | P | US)
  shadow.load(OTHER)
  shadow.fix(0x5000, 0)
  shadow.load(DIRECTORY)
  shadow.drop(OTHER)
  shadow.drop(DIRECTORY)
  shadow.load(OTHER)
  expect(seen(0x5000)).toBe(0)
})

test('however many spaces and tables there are, the host’s memory is enough, and no other is written', () => {
  const guests = () => Buffer.from(memory.read(0x10_0000, HOST - 0x10_0000))
  const before = guests()
  for (let round = 0; round < 12; round++) {
    const directory = 0x8_0000 + round * 0x1000
    for (let index = 0; index < 1024; index++) memory.write32(directory + 4 * index, TABLE | P | RW | US)
    map(0, 0x7000 | P | RW | US)
    shadow.load(directory)
    const fixed = Array.from({ length: 1024 }, (_, index) => shadow.fix((index * 2 ** 22) >>> 0, WRITE))
    expect(new Set(fixed)).toEqual(new Set([true]))
    expect(seen(0xffc0_0000)).toBe(0x7000 | P | RW | US)
  }
  expect(guests().equals(before)).toBe(true)
})
