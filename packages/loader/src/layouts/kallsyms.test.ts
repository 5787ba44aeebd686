import { expect, test } from 'vitest'
import { readKallsyms } from './kallsyms.ts'
import { kallsymsFixture, type Sym } from './layouts.fixtures.ts'

const segment = (bytes: Uint8Array) => ({
  paddr: 0,
  vaddr: 0xc1000000,
  bytes,
  memorySize: bytes.length,
  flags: { read: true, write: false, execute: false },
})

const many: Sym[] = Array.from({ length: 700 }, (_, i) => ({
  type: i % 2 === 0 ? 't' : 'T',
  name: `native_function_${i}${i === 300 ? '_x'.repeat(100) : ''}`,
  value: 0xc1000000 + 32 * i,
}))

test.each(['4.6', '6.2', '6.4'] as const)('the order of the pieces of %s is understood', form => {
  const found = readKallsyms([segment(kallsymsFixture(many, form, 0xc1000000))])
  expect(found).toEqual(many)
})

test('in a 64-bit kernel per-CPU symbols come first, and kernel addresses are signed', () => {
  const base = -0x7f000000
  const symbols: Sym[] = [
    { type: 'A', name: 'fixed_percpu_data', value: 0 },
    { type: 'A', name: 'cpu_number', value: 0x1000 },
    ...many.map((symbol, i) => ({ ...symbol, value: base + 32 * i })),
  ]
  expect(readKallsyms([segment(kallsymsFixture(symbols, '6.2', base, 8))], 8)).toEqual(symbols)
})

test('it is found in the middle of other data', () => {
  const inner = kallsymsFixture(many, '6.2', 0xc1000000)
  const bytes = new Uint8Array(0x4000 + inner.length + 100).fill(0x41)
  bytes.set(inner, 0x4000)
  expect(readKallsyms([segment(new Uint8Array(64)), segment(bytes)])).toEqual(many)
})

test('a list whose names do not meet its markers is not believed', () => {
  const bytes = kallsymsFixture(many, '6.2', 0xc1000000)
  // The first name follows offsets, base and count.
  bytes[4 * many.length + 8]! += 1
  expect(readKallsyms([segment(bytes)])).toBeUndefined()
})

test('what is no kallsyms gives nothing, and in bounded time', () => {
  expect(readKallsyms([])).toBeUndefined()
  expect(readKallsyms([segment(new Uint8Array(1 << 20))])).toBeUndefined()
  // The token table alone, with zeros before it: every word could be the first marker.
  const whole = kallsymsFixture(many, '6.2', 0xc1000000)
  const anchor = whole.subarray(whole.length - 512 - 400)
  const hostile = new Uint8Array(4 << 20)
  hostile.set(anchor, hostile.length - anchor.length)
  expect(readKallsyms([segment(hostile)])).toBeUndefined()
})
