import { expect, test } from 'vitest'
import { I8259Pair } from './i8259.ts'
import { PortBus } from './io-bus.ts'
import { TestLine, TestReporter } from './testing.ts'

// Quoted terms: Intel 8259A data sheet (231468-003).
function setup(icw4 = 0x01, mask = 0x00) {
  const bus = new PortBus(new TestReporter())
  const intr = new TestLine()
  const pic = new I8259Pair({ bus, intr })
  const w = (port: number, value: number) => bus.ioWrite(port, 1, value)
  const r = (port: number) => bus.ioRead(port, 1)
  for (const [port, vector, cascade] of [
    [0x20, 0x20, 4],
    [0xa0, 0x28, 2],
  ] as const) {
    w(port, 0x11)
    w(port + 1, vector)
    w(port + 1, cascade)
    w(port + 1, icw4)
    w(port + 1, mask)
  }
  const irq = (n: number, level: boolean) => pic.lines[n]!.set(level)
  const isr = (port: number) => {
    w(port, 0x0b)
    const value = r(port)
    w(port, 0x0a)
    return value
  }
  return { bus, intr, pic, w, r, irq, isr }
}

test('serves by priority, holds back lower levels until EOI, and lets higher ones nest ("fully nested mode")', () => {
  const { pic, intr, irq, isr, w } = setup()
  irq(4, true)
  expect(intr.level).toBe(true)
  expect(pic.acknowledge()).toBe(0x24)
  expect(intr.level).toBe(false)
  irq(5, true)
  expect(intr.level).toBe(false)
  irq(1, true)
  expect(pic.acknowledge()).toBe(0x21)
  expect(isr(0x20)).toBe(0x12)
  w(0x20, 0x20)
  expect(isr(0x20)).toBe(0x10)
  w(0x20, 0x20)
  expect(intr.level).toBe(true)
  expect(pic.acknowledge()).toBe(0x25)
})

test('masks by OCW1 and keeps the request', () => {
  const { pic, intr, irq, w, r } = setup(0x01, 0xff)
  irq(0, true)
  expect([intr.level, r(0x20)]).toEqual([false, 0x01])
  w(0x21, 0xfe)
  expect([intr.level, r(0x21)]).toEqual([true, 0xfe])
  expect(pic.acknowledge()).toBe(0x20)
  // An edge is one request: the line stays high and nothing more comes.
  w(0x20, 0x20)
  expect([intr.level, r(0x20)]).toEqual([false, 0x00])
})

test('cascades: the slave answers with its own vector and both need an EOI', () => {
  const { pic, intr, irq, isr, w } = setup()
  irq(10, true)
  irq(8, true)
  expect(pic.acknowledge()).toBe(0x28)
  expect([isr(0xa0), isr(0x20)]).toEqual([0x01, 0x04])
  w(0xa0, 0x20)
  expect(intr.level).toBe(false)
  w(0x20, 0x20)
  expect(intr.level).toBe(true)
  expect(pic.acknowledge()).toBe(0x2a)
})

test('special fully nested mode lets the slave interrupt its own lower level ("special fully nested mode")', () => {
  for (const [icw4, expected] of [
    [0x01, false],
    [0x11, true],
  ] as const) {
    const { pic, intr, irq } = setup(icw4)
    irq(12, true)
    expect(pic.acknowledge()).toBe(0x2c)
    irq(9, true)
    expect(intr.level).toBe(expected)
  }
})

test('a request that goes away before INTA gives IR7 of its chip without setting ISR ("default IR7 routine")', () => {
  const { pic, irq, isr, intr } = setup()
  irq(3, true)
  irq(3, false)
  expect(intr.level).toBe(false)
  expect(pic.acknowledge()).toBe(0x27)
  expect(isr(0x20)).toBe(0)
})

test('level inputs by ELCR ask again after EOI while high, and ELCR keeps its fixed bits (PIIX4 4.2.3.6)', () => {
  const { pic, intr, irq, w, r } = setup()
  w(0x4d0, 0xff)
  w(0x4d1, 0xff)
  expect([r(0x4d0), r(0x4d1)]).toEqual([0xf8, 0xde])
  irq(11, true)
  expect(pic.acknowledge()).toBe(0x2b)
  w(0xa0, 0x20)
  w(0x20, 0x20)
  expect(intr.level).toBe(true)
  expect(pic.acknowledge()).toBe(0x2b)
  irq(11, false)
  w(0xa0, 0x20)
  w(0x20, 0x20)
  expect(intr.level).toBe(false)
})

test('automatic EOI leaves nothing in service, and a slave request behind another still gets through', () => {
  const { pic, irq, isr, intr } = setup(0x03)
  irq(8, true)
  irq(9, true)
  expect(pic.acknowledge()).toBe(0x28)
  expect(intr.level).toBe(true)
  expect(pic.acknowledge()).toBe(0x29)
  expect([isr(0x20), isr(0xa0), intr.level]).toEqual([0, 0, false])
})

test('rotation on non-specific EOI gives the served level the lowest priority ("automatic rotation")', () => {
  const { pic, irq, w } = setup()
  irq(4, true)
  expect(pic.acknowledge()).toBe(0x24)
  w(0x20, 0xa0)
  irq(4, false)
  irq(4, true)
  irq(6, true)
  // After the rotation 5 is highest, 4 lowest.
  expect(pic.acknowledge()).toBe(0x26)
})

test('set priority and specific EOI ("specific rotation")', () => {
  const { pic, irq, isr, w } = setup()
  w(0x20, 0xc5)
  irq(5, true)
  irq(6, true)
  expect(pic.acknowledge()).toBe(0x26)
  irq(7, true)
  w(0x20, 0x66)
  expect(isr(0x20)).toBe(0)
  expect(pic.acknowledge()).toBe(0x27)
})

test('special mask mode opens the levels below one that is in service and masked ("special mask mode")', () => {
  const { pic, intr, irq, w, isr } = setup()
  irq(2 + 1, true)
  expect(pic.acknowledge()).toBe(0x23)
  irq(6, true)
  expect(intr.level).toBe(false)
  w(0x21, 0x08)
  w(0x20, 0x68)
  expect(intr.level).toBe(true)
  expect(pic.acknowledge()).toBe(0x26)
  // A non-specific EOI does not touch the masked level.
  w(0x20, 0x20)
  expect(isr(0x20)).toBe(0x08)
})

test('poll command: the next read is an INTA that returns 80h plus the level ("poll command")', () => {
  const { irq, w, r, isr, intr } = setup()
  w(0x20, 0x0c)
  expect(r(0x20) & 0x80).toBe(0)
  irq(6, true)
  w(0x20, 0x0c)
  expect(r(0x20)).toBe(0x86)
  expect([isr(0x20), intr.level]).toEqual([0x40, false])
})

test('ICW1 forgets edges, masks and service, and needs a new edge ("initialization command words")', () => {
  const { pic, intr, irq, w, r } = setup()
  irq(1, true)
  w(0x21, 0xf0)
  w(0x20, 0x11)
  for (const value of [0x40, 4, 1]) w(0x21, value)
  expect([intr.level, r(0x20), r(0x21)]).toEqual([false, 0, 0])
  irq(1, false)
  irq(1, true)
  expect(pic.acknowledge()).toBe(0x41)
})

test('saves and restores requests in flight', () => {
  const a = setup()
  a.irq(14, true)
  const b = setup(0x01, 0xff)
  b.pic.restore(a.pic.save())
  expect(b.intr.level).toBe(true)
  expect(b.pic.acknowledge()).toBe(0x2e)
})
