import { expect, test } from 'vitest'
import { buildDsdt, buildFadt, buildMadt, placeAcpi } from './acpi.ts'
import * as aml from './aml.ts'
import { TestMemory } from './testing.ts'

// Section numbers: ACPI 3.0.
const sum = (bytes: Uint8Array) => bytes.reduce((total, byte) => (total + byte) & 0xff, 0)
const text = (bytes: Uint8Array) => String.fromCharCode(...bytes)

test('integers take the shortest form (20.2.3)', () => {
  expect([0, 1, 2, 0x100, 0x1_0000].map(value => [...aml.integer(value)])).toEqual([
    [0x00],
    [0x01],
    [0x0a, 0x02],
    [0x0b, 0x00, 0x01],
    [0x0c, 0x00, 0x00, 0x01, 0x00],
  ])
})

test('EISA IDs are compressed big-endian: PNP0A03 is 41 D0 0A 03 (ASL EISAID)', () => {
  expect(aml.eisaId('PNP0A03')).toEqual([0x0c, 0x41, 0xd0, 0x0a, 0x03])
  expect(aml.eisaId('PNP0501')).toEqual([0x0c, 0x41, 0xd0, 0x05, 0x01])
})

test('package lengths grow from one byte to four (20.2.4)', () => {
  const lead = (count: number) => aml.buffer(new Array<number>(count).fill(0)).slice(1, 5)
  // Body is the BufferSize term and the bytes; the length counts its own bytes.
  expect(lead(10)[0]).toBe(1 + 2 + 10)
  expect(lead(100).slice(0, 2)).toEqual([0x40 | ((2 + 2 + 100) & 15), (2 + 2 + 100) >> 4])
  const three = 3 + 3 + 5000
  expect(lead(5000).slice(0, 3)).toEqual([0x80 | (three & 15), (three >> 4) & 0xff, three >> 12])
})

test('names: root, dual and multi prefixes, segments padded with underscores (20.2.2)', () => {
  const one = aml.integer(1)
  expect(text(Uint8Array.from(aml.name('COM1', one)))).toBe('\bCOM1\x01')
  expect(text(Uint8Array.from(aml.name('\\_S5', one)))).toBe('\b\\_S5_\x01')
  expect(text(Uint8Array.from(aml.name('_SB.PCI0', one)))).toBe('\b._SB_PCI0\x01')
  expect(text(Uint8Array.from(aml.name('\\A.B.C', one)))).toBe('\b\\/\x03A___B___C___\x01')
})

test('every table sums to zero and says its own length (5.2.6)', () => {
  for (const table of [buildFadt(0xe0040, 0xe0080), buildMadt(), buildDsdt()]) {
    expect(sum(table)).toBe(0)
    expect(new DataView(table.buffer).getUint32(4, true)).toBe(table.length)
  }
})

test('FADT names the PM registers, SMI commands and the reset register at their offsets (5.2.9)', () => {
  const fadt = buildFadt(0xe0040, 0xe0080)
  const view = new DataView(fadt.buffer)
  expect([view.getUint32(36, true), view.getUint32(40, true)]).toEqual([0xe0040, 0xe0080])
  expect([view.getUint16(46, true), view.getUint32(48, true), fadt[52], fadt[53]]).toEqual([9, 0xb2, 0xf1, 0xf0])
  expect([view.getUint32(56, true), view.getUint32(64, true), view.getUint32(76, true)]).toEqual([0x600, 0x604, 0x608])
  expect([fadt[88], fadt[89], fadt[91], fadt[108]]).toEqual([4, 2, 4, 0x32])
  // RESET_REG: I/O space, 8 bits, port 0xCF9, value 6.
  expect([fadt[116], fadt[117], view.getUint32(120, true), fadt[128]]).toEqual([1, 8, 0xcf9, 6])
})

test('MADT: a processor, an I/O APIC, IRQ 0 on input 2, level SCI, NMI on LINT1 (5.2.11)', () => {
  const madt = buildMadt()
  const entries: number[][] = []
  for (let at = 44; at < madt.length; at += madt[at + 1]!) entries.push([...madt.subarray(at, at + madt[at + 1]!)])
  expect(entries.map(entry => entry[0])).toEqual([0, 1, 2, 2, 2, 2, 4])
  expect(entries[0]).toEqual([0, 8, 0, 0, 1, 0, 0, 0])
  expect(entries[1]).toEqual([1, 12, 1, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0])
  expect(entries[2]).toEqual([2, 10, 0, 0, 2, 0, 0, 0, 0, 0])
  expect(entries[3]).toEqual([2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0])
})

test('DSDT: S5 is type 0, as PM1 control understands it; COM1 is there', () => {
  const bytes = buildDsdt()
  const at = text(bytes).indexOf('_S5_')
  // Name(\_S5, Package(4) {0, 0, 0, 0}): package op, length, 4 elements, four zero ops.
  expect([...bytes.subarray(at + 4, at + 11)]).toEqual([0x12, 6, 4, 0, 0, 0, 0])
  expect(text(bytes)).toContain('COM1')
  // IO descriptor 3F8h, 8 ports, and IRQ 4.
  const crs = text(Uint8Array.of(0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8, 0x22, 0x10, 0))
  expect(text(bytes)).toContain(crs)
})

test('placement: RSDP on a 16-byte boundary below 1 MB, everything reachable from it (5.2.5)', () => {
  const memory = new TestMemory(1 << 20)
  const placed = placeAcpi(memory)
  expect(placed.rsdp % 16).toBe(0)
  const rsdp = memory.read(placed.rsdp, 20)
  expect([text(rsdp.subarray(0, 8)), sum(rsdp)]).toEqual(['RSD PTR ', 0])
  const rsdt = memory.read32(placed.rsdp + 16)
  expect(text(memory.read(rsdt, 4))).toBe('RSDT')
  const pointers = [memory.read32(rsdt + 36), memory.read32(rsdt + 40)]
  expect(pointers.map(pointer => text(memory.read(pointer, 4)))).toEqual(['FACP', 'APIC'])
  const facs = memory.read32(pointers[0]! + 36)
  expect([text(memory.read(facs, 4)), facs % 64]).toEqual(['FACS', 0])
  expect(text(memory.read(memory.read32(pointers[0]! + 40), 4))).toBe('DSDT')
  expect(placed.end).toBeLessThanOrEqual(0x10_0000)
})

test('refuses a place where no guest looks, and then writes nothing', () => {
  for (const at of [0xf_ff00, 0x9_0000]) {
    const memory = new TestMemory(1 << 20)
    expect(() => placeAcpi(memory, at)).toThrow(expect.objectContaining({ code: 'PG_ACPI_PLACE' }))
    expect(memory.bytes.every(byte => byte === 0)).toBe(true)
  }
})
