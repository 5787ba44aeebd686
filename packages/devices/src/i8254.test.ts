import { expect, test } from 'vitest'
import { I8254, PIT_HZ } from './i8254.ts'
import { PortBus } from './io-bus.ts'
import { TestClock, TestLine, TestReporter } from './testing.ts'
import { Oscillator } from './ticks.ts'

// Mode descriptions: Intel 8254 data sheet (231164-005), "Mode definitions".
const oscillator = new Oscillator(PIT_HZ)

function setup() {
  const clock = new TestClock()
  const bus = new PortBus(new TestReporter())
  const irq = new TestLine()
  const pit = new I8254({ bus, clock, irq })
  const w = (port: number, value: number) => bus.ioWrite(port, 1, value)
  const r = (port: number) => bus.ioRead(port, 1)
  /** Moves time to the start of the given tick. */
  const toTick = (tick: number) => clock.advance(oscillator.timeOf(tick) - clock.now())
  const program = (channel: number, mode: number, count: number) => {
    w(0x43, (channel << 6) | 0x30 | (mode << 1))
    w(0x40 + channel, count & 0xff)
    w(0x40 + channel, count >> 8)
  }
  const latch = (channel: number) => {
    w(0x43, channel << 6)
    return r(0x40 + channel) | (r(0x40 + channel) << 8)
  }
  const status = (channel: number) => {
    w(0x43, 0xe0 | (2 << channel))
    return r(0x40 + channel)
  }
  const out = (channel: number) => status(channel) >> 7
  return { clock, irq, pit, w, r, toTick, program, latch, status, out }
}

test('mode 0: OUT rises N + 1 clocks after the count is written and stays; the count goes on from FFFFh', () => {
  const { irq, program, toTick, latch, out } = setup()
  program(0, 0, 5)
  expect(out(0)).toBe(0)
  const seen: number[] = []
  for (let tick = 1; tick <= 8; tick++) {
    toTick(tick)
    seen.push(latch(0))
    expect(out(0)).toBe(tick >= 6 ? 1 : 0)
    expect(irq.level).toBe(tick >= 6)
  }
  expect(seen).toEqual([5, 4, 3, 2, 1, 0, 0xffff, 0xfffe])
  expect(irq.rises).toBe(1)
})

test('mode 0: the first byte of a new count stops the old one, the gate suspends counting', () => {
  const { w, program, toTick, out, latch } = setup()
  program(0, 0, 3)
  toTick(2)
  w(0x40, 0x10)
  toTick(100)
  expect(out(0)).toBe(0)
  w(0x40, 0x00)
  toTick(101 + 0x10)
  expect(out(0)).toBe(1)
  // Counter 2 has a gate: port 61h bit 0.
  w(0x61, 1)
  program(2, 0, 10)
  toTick(122)
  const before = latch(2)
  w(0x61, 0)
  toTick(1000)
  expect(latch(2)).toBe(before)
  w(0x61, 1)
  toTick(1000 + before)
  expect(out(2)).toBe(1)
})

test('mode 1: a trigger makes OUT low for N clocks, and a second one starts them again', () => {
  const { w, program, toTick, out } = setup()
  program(2, 1, 4)
  toTick(10)
  expect(out(2)).toBe(1)
  w(0x61, 1)
  const wave: number[] = []
  for (let tick = 11; tick <= 16; tick++) {
    toTick(tick)
    wave.push(out(2))
  }
  expect(wave).toEqual([0, 0, 0, 0, 1, 1])
})

test('mode 2: OUT is low for the last of N clocks; one interrupt each period, none lost in a day', () => {
  const { clock, irq, program, toTick, out, latch } = setup()
  program(0, 2, 4)
  const wave: number[] = []
  const counts: number[] = []
  for (let tick = 1; tick <= 9; tick++) {
    toTick(tick)
    wave.push(out(0))
    counts.push(latch(0))
  }
  expect(wave).toEqual([1, 1, 1, 0, 1, 1, 1, 0, 1])
  expect(counts).toEqual([4, 3, 2, 1, 4, 3, 2, 1, 4])
  program(0, 2, 11932)
  const rises = irq.rises
  const start = oscillator.ticksAt(clock.now()) + 1
  clock.advance(1_000_000_000)
  expect(irq.rises - rises).toBe(Math.floor((oscillator.ticksAt(clock.now()) - start) / 11932))
})

test('mode 2: a new count takes over at the end of the period', () => {
  const { w, program, toTick, latch } = setup()
  program(0, 2, 10)
  toTick(3)
  w(0x40, 20)
  w(0x40, 0)
  const counts: number[] = []
  for (const tick of [4, 10, 11, 12, 30, 31]) {
    toTick(tick)
    counts.push(latch(0))
  }
  expect(counts).toEqual([7, 1, 20, 19, 1, 20])
})

test('mode 3: even counts halve the period, odd ones are high one clock longer; both count by two', () => {
  const { irq, program, toTick, out, latch } = setup()
  program(0, 3, 4)
  const even: number[][] = []
  for (let tick = 1; tick <= 5; tick++) {
    toTick(tick)
    even.push([out(0), latch(0)])
  }
  expect(even).toEqual([
    [1, 4],
    [1, 2],
    [0, 4],
    [0, 2],
    [1, 4],
  ])
  program(0, 3, 5)
  const odd: number[][] = []
  for (let tick = 6; tick <= 11; tick++) {
    toTick(tick)
    odd.push([out(0), latch(0)])
  }
  expect(odd).toEqual([
    [1, 4],
    [1, 2],
    [1, 0],
    [0, 4],
    [0, 2],
    [1, 4],
  ])
  expect(irq.level).toBe(true)
})

test('mode 3: a new count waits for the end of the half period', () => {
  const { w, program, toTick, out } = setup()
  program(0, 3, 8)
  toTick(2)
  w(0x40, 4)
  w(0x40, 0)
  const wave: number[] = []
  for (let tick = 3; tick <= 12; tick++) {
    toTick(tick)
    wave.push(out(0))
  }
  // High for the four clocks 1–4 of the old count, then halves of two.
  expect(wave).toEqual([1, 1, 0, 0, 1, 1, 0, 0, 1, 1])
})

test('modes 4 and 5: one strobe of one clock, N + 1 clocks after the write or N after the trigger', () => {
  const { irq, w, program, toTick, out } = setup()
  program(0, 4, 3)
  const software: number[] = []
  for (let tick = 1; tick <= 6; tick++) {
    toTick(tick)
    software.push(out(0))
  }
  expect(software).toEqual([1, 1, 1, 0, 1, 1])
  expect(irq.rises).toBe(2)
  program(2, 5, 2)
  w(0x61, 1)
  const hardware: number[] = []
  for (let tick = 7; tick <= 11; tick++) {
    toTick(tick)
    hardware.push(out(2))
  }
  expect(hardware).toEqual([1, 1, 0, 1, 1])
})

test('latched counts hold until read, and a second latch does not replace the first ("counter latch command")', () => {
  const { w, r, program, toTick } = setup()
  program(0, 2, 0x1000)
  toTick(0x101)
  w(0x43, 0x00)
  toTick(0x201)
  w(0x43, 0x00)
  expect([r(0x40), r(0x40)]).toEqual([0x00, 0x0f])
  expect([r(0x40), r(0x40)]).toEqual([0x00, 0x0e])
})

test('read-back latches status before count, with null count until the load ("read-back command")', () => {
  const { w, r, program, toTick } = setup()
  program(0, 2, 100)
  w(0x43, 0xe2)
  // OUT high, null count, both bytes, mode 2, binary.
  expect(r(0x40)).toBe(0xf4)
  toTick(11)
  w(0x43, 0xc2)
  expect([r(0x40), r(0x40), r(0x40)]).toEqual([0xb4, 90, 0])
})

test('one-byte accesses, BCD and the count 0 ("read/write", "initial count 0 is 2^16 or 10^4")', () => {
  const { w, r, toTick, latch } = setup()
  w(0x43, 0x14)
  w(0x40, 50)
  toTick(2)
  expect([r(0x40), r(0x40)]).toEqual([49, 49])
  w(0x43, 0x35)
  w(0x40, 0)
  w(0x40, 0)
  toTick(4)
  expect(latch(0)).toBe(0x9999)
  w(0x43, 0x24)
  w(0x40, 2)
  toTick(5)
  expect(r(0x40)).toBe(2)
  toTick(6)
  expect(r(0x40)).toBe(1)
})

test('port 61h shows OUT 2 and a refresh bit that toggles every 18 clocks (AT technical reference)', () => {
  const { w, r, program, toTick } = setup()
  w(0x61, 0x01)
  program(2, 0, 100)
  expect(r(0x61) & 0x2f).toBe(0x01)
  toTick(17)
  expect(r(0x61) & 0x10).toBe(0)
  toTick(18)
  expect(r(0x61) & 0x10).toBe(0x10)
  toTick(101)
  expect(r(0x61) & 0x20).toBe(0x20)
})

test('counts that the data sheet forbids make no event storm: 1 in modes 2 and 3', () => {
  for (const mode of [2, 3]) {
    const { clock, program } = setup()
    program(0, mode, 1)
    expect(clock.nextAt()).toBe(Infinity)
  }
})

test('saves and restores in the middle of a period', () => {
  const a = setup()
  a.program(0, 2, 1000)
  a.toTick(501)
  const b = setup()
  b.toTick(501)
  b.pit.restore(a.pit.save())
  expect(b.latch(0)).toBe(500)
  const rises = b.irq.rises
  b.toTick(1001)
  expect(b.irq.rises).toBe(rises + 1)
})
