import { expect, test } from 'vitest'
import { MmioMap } from './mmio-bus.ts'
import { TestReporter } from './testing.ts'

function bytes(length: number) {
  const data = new Uint8Array(length)
  return {
    data,
    mmioRead(offset: number, size: number) {
      let value = 0
      for (let i = 0; i < size; i++) value |= data[offset + i]! << (8 * i)
      return value >>> 0
    },
    mmioWrite(offset: number, size: number, value: number) {
      for (let i = 0; i < size; i++) data[offset + i] = value >>> (8 * i)
    },
  }
}

test('finds the claim among several and passes offsets relative to its base', () => {
  const map = new MmioMap(new TestReporter())
  const devices = [0xfee0_0000, 0xfec0_0000, 0xe000_0000].map((base, index) => {
    const device = bytes(0x1000)
    device.data[8] = index + 1
    map.claim(base, 0x1000, device, `d${index}`)
    return device
  })
  expect(map.mmioRead(0xfee0_0008, 4)).toBe(1)
  expect(map.mmioRead(0xfec0_0008, 4)).toBe(2)
  expect(map.mmioRead(0xe000_0008, 1)).toBe(3)
  map.mmioWrite(0xfec0_0ffc, 4, 0x8899_aabb)
  expect([...devices[1]!.data.subarray(0xffc)]).toEqual([0xbb, 0xaa, 0x99, 0x88])
})

// PCI 2.3 section 3.3.3.1: a read that ends in master abort returns all ones.
test('splits accesses at the end of a claim; outside they read as ones and are reported by page', () => {
  const reporter = new TestReporter()
  const map = new MmioMap(reporter)
  const device = bytes(0x10)
  map.claim(0x1000_0000, 0x10, device, 'd')
  device.data[15] = 0x42
  expect(map.mmioRead(0x1000_000f, 4)).toBe(0xffff_ff42)
  map.mmioWrite(0x0fff_fffe, 4, 0x0403_0201)
  expect([...device.data.subarray(0, 2)]).toEqual([3, 4])
  expect(new Set(reporter.keys)).toEqual(new Set(['mmio 0x10000000 read', 'mmio 0xffff000 write']))
})

test('refuses overlaps and impossible ranges; a released range is free again', () => {
  const map = new MmioMap(new TestReporter())
  const release = map.claim(0x1000, 0x1000, bytes(1), 'a')
  expect(() => map.claim(0x1fff, 1, bytes(1), 'b')).toThrow(expect.objectContaining({ code: 'PG_MMIO_OVERLAP' }))
  expect(() => map.claim(-1, 4, bytes(1), 'b')).toThrow(expect.objectContaining({ code: 'PG_MMIO_RANGE' }))
  map.mmioRead(0x1000, 1)
  release()
  expect(map.mmioRead(0x1000, 1)).toBe(0xff)
  map.claim(0x1fff, 1, bytes(1), 'b')
})
