import { expect, test } from 'vitest'
import { I8042 } from './i8042.ts'
import { PortBus } from './io-bus.ts'
import { scancodesOf } from './scancodes.ts'
import { TestLine, TestPower, TestReporter } from './testing.ts'

// IBM PC AT technical reference, "Keyboard controller"; codes as every PC driver expects them.
function setup() {
  const reporter = new TestReporter()
  const bus = new PortBus(reporter)
  const irq = new TestLine()
  const a20 = new TestLine()
  const power = new TestPower()
  const kbc = new I8042({ bus, irq, a20, power, reporter })
  const command = (value: number) => bus.ioWrite(0x64, 1, value)
  const data = (value: number) => bus.ioWrite(0x60, 1, value)
  const read = () => bus.ioRead(0x60, 1)
  const full = () => bus.ioRead(0x64, 1) & 1
  return { reporter, bus, irq, a20, power, kbc, command, data, read, full }
}

test('self test answers 55h, the interface test 00h, the missing mouse 01h', () => {
  const { command, read, full } = setup()
  for (const [code, answer] of [
    [0xaa, 0x55],
    [0xab, 0x00],
    [0xa9, 0x01],
  ] as const) {
    command(code)
    expect([full(), read(), full()]).toEqual([1, answer, 0])
  }
})

test('the command byte is read by 20h and written by 60h, other RAM beside it', () => {
  const { command, data, read } = setup()
  command(0x60)
  data(0x65)
  command(0x20)
  expect(read()).toBe(0x65)
  command(0x61)
  data(0x99)
  command(0x21)
  expect(read()).toBe(0x99)
})

test('the keyboard acknowledges, resets with FA AA, and identifies as AB 41 (translated) or AB 83', () => {
  const { command, data, read, full } = setup()
  data(0xff)
  expect([read(), read(), full()]).toEqual([0xfa, 0xaa, 0])
  data(0xf2)
  expect([read(), read(), read()]).toEqual([0xfa, 0xab, 0x41])
  command(0x60)
  data(0x01)
  data(0xf2)
  expect([read(), read(), read()]).toEqual([0xfa, 0xab, 0x83])
  data(0xed)
  data(0x07)
  expect([read(), read(), full()]).toEqual([0xfa, 0xfa, 0])
})

test('typed codes arrive one interrupt each, wait while the keyboard is disabled, and are dropped when it is off', () => {
  const { kbc, irq, command, data, read, full } = setup()
  kbc.key(0x1e)
  kbc.key(0x9e)
  expect([irq.level, irq.rises]).toEqual([true, 1])
  expect(read()).toBe(0x1e)
  expect([irq.level, irq.rises]).toEqual([true, 2])
  expect([read(), full(), irq.level]).toEqual([0x9e, 0, false])
  command(0xad)
  kbc.key(0x30)
  expect([full(), irq.level]).toEqual([0, false])
  command(0xae)
  expect([full(), read()]).toEqual([1, 0x30])
  data(0xf5)
  read()
  kbc.key(0x30)
  expect(full()).toBe(0)
})

test('a flood of keys stops at the keyboard buffer', () => {
  const { kbc, read, full } = setup()
  for (let i = 0; i < 1000; i++) expect(kbc.key(0x1e)).toBe(i < 64)
  let count = 0
  while (full()) {
    read()
    count++
  }
  expect(count).toBe(64)
})

test('FEh pulses reset; D1h and port 92h drive A20 and reset', () => {
  const { bus, power, a20, command, data } = setup()
  command(0xfe)
  expect(power.events).toEqual(['reset: keyboard controller'])
  command(0xd1)
  data(0xdd)
  expect(bus.ioRead(0x92, 1)).toBe(0)
  bus.ioWrite(0x92, 1, 0x02)
  expect(a20.level).toBe(true)
  command(0xd0)
  expect(bus.ioRead(0x60, 1) & 0x03).toBe(0x03)
  bus.ioWrite(0x92, 1, 0x03)
  expect(power.events.length).toBe(2)
})

test('unknown controller commands are reported', () => {
  const { reporter, command } = setup()
  command(0x90)
  expect(reporter.keys).toEqual(['i8042 command 0x90'])
})

test('typed text becomes scan codes of set 1, with Shift and releases (US keyboard)', () => {
  expect(scancodesOf('a')).toEqual([0x1e, 0x9e])
  expect(scancodesOf('A')).toEqual([0x2a, 0x1e, 0x9e, 0xaa])
  expect(scancodesOf('\n1!')).toEqual([0x1c, 0x9c, 0x02, 0x82, 0x2a, 0x02, 0x82, 0xaa])
  expect(scancodesOf('\u001bé ')).toEqual([0x01, 0x81, 0x39, 0xb9])
  // Every printable ASCII character has a key.
  for (let code = 32; code < 127; code++) expect(scancodesOf(String.fromCharCode(code)).length).toBeGreaterThan(1)
})

test('saves and restores what waits to be read', () => {
  const a = setup()
  a.kbc.key(0x1e)
  a.command(0xd1)
  a.data(0xdd)
  const b = setup()
  b.kbc.restore(a.kbc.save())
  expect([b.full(), b.irq.level, b.read(), b.bus.ioRead(0x92, 1)]).toEqual([1, true, 0x1e, 0])
})
