import { expect, test } from 'vitest'
import { isParagraftError } from './errors.ts'
import { guestPhysical, ramAddress } from './guest-physical.ts'
import type { GuestMemory } from './ports.ts'

const PAGE = 4096

/** Two guest pages, in the wrong order in RAM, and a page that is nobody's between them. */
const RAM_OF = new Map([
  [0, 2 * PAGE],
  [PAGE, 0],
])
const start = { ramPage: (pa: number) => RAM_OF.get(pa) }

function ram(): GuestMemory & { bytes: Uint8Array } {
  const bytes = new Uint8Array(3 * PAGE)
  return {
    bytes,
    size: bytes.length,
    read: (pa: number, length: number) => bytes.slice(pa, pa + length),
    write: (pa: number, from: Uint8Array) => bytes.set(from, pa),
    fill: (pa: number, value: number, length: number) => bytes.fill(value, pa, pa + length),
  } as never
}

test('a guest without frames of its own has RAM as it is', () => {
  const memory = ram()
  expect(guestPhysical(memory, {})).toBe(memory)
  expect(ramAddress({}, 0x1234)).toBe(0x1234)
})

test('what crosses a page goes to both', () => {
  const memory = ram()
  const guest = guestPhysical(memory, start)
  guest.write32(PAGE - 1, 0x84332211)
  expect(memory.bytes[3 * PAGE - 1]).toBe(0x11)
  expect([...memory.bytes.subarray(0, 3)]).toEqual([0x22, 0x33, 0x84])
  expect(guest.read32(PAGE - 1)).toBe(0x84332211)
  expect(guest.read16(PAGE)).toBe(0x3322)
  guest.fill(PAGE - 2, 7, 4)
  expect([...guest.read(PAGE - 3, 6)]).toEqual([0, 7, 7, 7, 7, 0x84])
  expect(memory.bytes.subarray(PAGE, 2 * PAGE).every(byte => byte === 0)).toBe(true)
  expect(ramAddress(start, 0x1234)).toBe(0x234)
})

test('where the guest has no page nothing is written, of the pages before it neither', () => {
  const memory = ram()
  const guest = guestPhysical(memory, start)
  expect(() => guest.write(2 * PAGE - 1, Uint8Array.of(1, 2))).toThrow(
    expect.toSatisfy(error => isParagraftError(error) && error.code === 'PG_MEMORY_RANGE'),
  )
  expect(memory.bytes.every(byte => byte === 0)).toBe(true)
})
