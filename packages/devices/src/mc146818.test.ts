import { expect, test } from 'vitest'
import { PortBus } from './io-bus.ts'
import { Mc146818 } from './mc146818.ts'
import { TestClock, TestLine, TestReporter } from './testing.ts'

// Motorola MC146818A data sheet. 2006-03-21 13:45:56 UTC, a Tuesday.
const EPOCH = Date.UTC(2006, 2, 21, 13, 45, 56) / 1000
const SECOND = 1_000_000_000

function setup(memorySize = 256 << 20) {
  const clock = new TestClock()
  const bus = new PortBus(new TestReporter())
  const irq = new TestLine()
  const rtc = new Mc146818({ bus, clock, irq, epochSeconds: EPOCH, memorySize })
  const r = (index: number) => {
    bus.ioWrite(0x70, 1, index)
    return bus.ioRead(0x71, 1)
  }
  const w = (index: number, value: number) => {
    bus.ioWrite(0x70, 1, index)
    bus.ioWrite(0x71, 1, value)
  }
  const time = () => [0x32, 9, 8, 7, 6, 4, 2, 0].map(r)
  return { clock, bus, irq, rtc, r, w, time }
}

test('shows the epoch plus virtual time in BCD and 24 hours (table 2)', () => {
  const { clock, time } = setup()
  expect(time()).toEqual([0x20, 0x06, 0x03, 0x21, 3, 0x13, 0x45, 0x56])
  clock.advance(4 * SECOND - 1)
  expect(time()).toEqual([0x20, 0x06, 0x03, 0x21, 3, 0x13, 0x45, 0x59])
  clock.advance(1)
  expect(time()).toEqual([0x20, 0x06, 0x03, 0x21, 3, 0x13, 0x46, 0x00])
  clock.advance(11 * 3600 * SECOND)
  expect(time()).toEqual([0x20, 0x06, 0x03, 0x22, 4, 0x00, 0x46, 0x00])
})

test('binary and 12-hour formats by register B (DM, 24/12)', () => {
  const { w, r } = setup()
  w(0x0b, 0x04)
  expect([r(4), r(2), r(0)]).toEqual([0x81, 45, 56])
  w(0x0b, 0x00)
  expect([r(4), r(2)]).toEqual([0x81, 0x45])
})

test('UIP is up for the last 2,228 µs of a second: 244 before the update, 1,984 in it (table 3)', () => {
  const { clock, r } = setup()
  clock.advance(SECOND - 2_228_001)
  expect(r(0x0a)).toBe(0x26)
  clock.advance(1)
  expect(r(0x0a)).toBe(0xa6)
  clock.advance(2_228_000)
  expect(r(0x0a)).toBe(0x26)
})

test('SET stops the time so that it can be written; it goes on from there ("SET")', () => {
  const { clock, w, time } = setup()
  w(0x0b, 0x82)
  const bytes: [number, number][] = [
    [0x32, 0x19],
    [9, 0x99],
    [8, 0x12],
    [7, 0x31],
    [4, 0x23],
    [2, 0x59],
    [0, 0x58],
  ]
  for (const [index, value] of bytes) w(index, value)
  clock.advance(60 * SECOND)
  w(0x0b, 0x02)
  clock.advance(2 * SECOND)
  expect(time()).toEqual([0x20, 0x00, 0x01, 0x01, 7, 0, 0, 0])
})

test('out of divider reset the first update comes after half a second ("DV2–DV0")', () => {
  const { clock, w, r } = setup()
  w(0x0a, 0x76)
  clock.advance(10 * SECOND)
  expect(r(0)).toBe(0x56)
  w(0x0a, 0x26)
  clock.advance(SECOND / 2 - 1)
  expect(r(0)).toBe(0x56)
  clock.advance(1)
  expect(r(0)).toBe(0x57)
})

test('periodic interrupts come at 32768 >> (RS - 1) Hz until register C is read (table 5)', () => {
  const { clock, w, r, irq } = setup()
  w(0x0b, 0x42)
  clock.advance(976_562)
  expect(irq.level).toBe(false)
  clock.advance(1)
  expect(irq.level).toBe(true)
  expect(r(0x0c)).toBe(0xc0)
  expect([irq.level, r(0x0c)]).toEqual([false, 0x00])
  let count = 0
  for (let ms = 0; ms < 1000; ms++) {
    clock.advance(1_000_000)
    if (r(0x0c) & 0x40) count++
  }
  expect(count).toBe(1000)
  expect(irq.rises).toBeGreaterThanOrEqual(1000)
})

test('flags are set without their enables, and enabling one that is set interrupts ("register C")', () => {
  const { clock, w, r, irq } = setup()
  r(0x0c)
  clock.advance(SECOND)
  w(0x0b, 0x12)
  expect(irq.level).toBe(true)
  expect(r(0x0c)).toBe(0xd0)
})

test('update-ended interrupt at each new second', () => {
  const { clock, w, r, irq } = setup()
  r(0x0c)
  w(0x0b, 0x12)
  clock.advance(SECOND - 1)
  expect(irq.level).toBe(false)
  clock.advance(1)
  expect(irq.level).toBe(true)
  expect(r(0x0c) & 0x90).toBe(0x90)
  clock.advance(SECOND)
  expect(irq.rises).toBe(2)
})

test('alarm: exact, with wildcards, and never for a time that does not exist ("alarm bytes")', () => {
  const { clock, w, r, irq } = setup()
  w(5, 0x13)
  w(3, 0x46)
  w(1, 0x10)
  r(0x0c)
  w(0x0b, 0x22)
  clock.advance(14 * SECOND - 1)
  expect(irq.level).toBe(false)
  clock.advance(1)
  expect(irq.level).toBe(true)
  expect(r(0x0c) & 0xa0).toBe(0xa0)
  // Any hour, any minute, second 10: once a minute.
  w(5, 0xff)
  w(3, 0xc0)
  clock.advance(60 * SECOND)
  expect(irq.rises).toBe(2)
  r(0x0c)
  w(1, 0x75)
  clock.advance(3600 * SECOND)
  expect(irq.rises).toBe(2)
})

test('memory size bytes and their checksum (AT technical reference, CMOS RAM map)', () => {
  const { r } = setup(256 << 20)
  expect(r(0x15) | (r(0x16) << 8)).toBe(640)
  expect(r(0x17) | (r(0x18) << 8)).toBe(0xffff)
  // (256 MB - 16 MB) / 64 KB.
  expect(r(0x34) | (r(0x35) << 8)).toBe(3840)
  let sum = 0
  for (let index = 0x10; index <= 0x2d; index++) sum += r(index)
  expect((r(0x2e) << 8) | r(0x2f)).toBe(sum & 0xffff)
  expect(r(0x0d)).toBe(0x80)
})

test('the index register is write-only, bit 7 is the NMI mask, and NVRAM keeps what is written', () => {
  const { bus, w, r } = setup()
  w(0x40 | 0x80, 0x77)
  expect(r(0x40)).toBe(0x77)
  expect(bus.ioRead(0x70, 1)).toBe(0xff)
})

test('nonsense in the time bytes is carried over, never kept as NaN', () => {
  const { w, time } = setup()
  w(0x0b, 0x82)
  for (const index of [0, 2, 4, 6, 7, 8, 9, 0x32]) w(index, 0xff)
  w(0x0b, 0x02)
  for (const byte of time()) expect(Number.isInteger(byte)).toBe(true)
})
