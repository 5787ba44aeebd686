import { expect, test } from 'vitest'
import { AcpiPm } from './acpi-pm.ts'
import { PortBus } from './io-bus.ts'
import { ResetControl } from './reset-control.ts'
import { TestClock, TestLine, TestPower, TestReporter } from './testing.ts'

function setup() {
  const clock = new TestClock()
  const reporter = new TestReporter()
  const bus = new PortBus(reporter)
  const sci = new TestLine()
  const power = new TestPower()
  const pm = new AcpiPm({ bus, clock, sci, power, reporter })
  return { clock, reporter, bus, sci, power, pm }
}

test('SLP_EN with the S5 type switches off: 2000h to 604h, as on QEMU pc', () => {
  const { bus, power, reporter } = setup()
  bus.ioWrite(0x604, 2, 0x2000)
  expect(power.events).toEqual(['off'])
  bus.ioWrite(0x604, 2, 0x2400)
  expect(power.events).toEqual(['off'])
  expect(reporter.keys).toEqual(['acpi sleep 1'])
})

test('SLP_EN works as a byte write to the upper half of PM1 control', () => {
  const { bus, power } = setup()
  bus.ioWrite(0x605, 1, 0x20)
  expect(power.events).toEqual(['off'])
})

test('SMI commands F1h and F0h switch SCI_EN, which software cannot write (ACPI 3.0 4.7.3.2.1)', () => {
  const { bus } = setup()
  bus.ioWrite(0x604, 2, 0x0003)
  expect(bus.ioRead(0x604, 2)).toBe(0x0002)
  bus.ioWrite(0xb2, 1, 0xf1)
  expect(bus.ioRead(0x604, 2)).toBe(0x0003)
  bus.ioWrite(0xb2, 1, 0xf0)
  expect(bus.ioRead(0x604, 2)).toBe(0x0002)
})

test('the PM timer counts 3,579,545 ticks a second in 24 bits, and its top bit raises an SCI (4.7.3.3)', () => {
  const { bus, clock, sci } = setup()
  clock.advance(1_000_000_000)
  expect(bus.ioRead(0x608, 4)).toBe(3_579_545)
  bus.ioWrite(0xb2, 1, 0xf1)
  bus.ioWrite(0x602, 2, 0x0001)
  // 2^23 ticks take 2.343484… s (2.3435 s in the specification).
  clock.advance(1_343_484_000)
  expect(sci.level).toBe(false)
  clock.advance(1_000)
  expect(sci.level).toBe(true)
  expect(bus.ioRead(0x600, 2)).toBe(0x0001)
  bus.ioWrite(0x600, 2, 0x0001)
  expect([bus.ioRead(0x600, 2), sci.level]).toEqual([0, false])
  clock.advance(4_686_970_000)
  expect(bus.ioRead(0x608, 4)).toBeLessThan(0x100_0000)
})

test('the power button asks only when enabled, and status bits clear by writing ones', () => {
  const { bus, sci, pm } = setup()
  bus.ioWrite(0xb2, 1, 0xf1)
  pm.pressPowerButton()
  expect(sci.level).toBe(false)
  bus.ioWrite(0x602, 2, 0x0100)
  expect(sci.level).toBe(true)
  bus.ioWrite(0x600, 4, 0x0100_0000)
  expect(sci.level).toBe(true)
  bus.ioWrite(0x601, 1, 0x01)
  expect([sci.level, bus.ioRead(0x600, 4)]).toEqual([false, 0x0100_0000])
})

test('unknown PM registers are reported once and do nothing', () => {
  const { bus, reporter } = setup()
  expect(bus.ioRead(0x610, 4)).toBe(0)
  bus.ioWrite(0x610, 4, 1)
  expect(reporter.keys).toEqual(['acpi-pm 0x10 read', 'acpi-pm 0x10 write'])
})

test('the reset control register resets on a rise of bit 2 (PIIX4 4.2.5.1)', () => {
  const power = new TestPower()
  const control = new ResetControl(power)
  control.ioWrite(0xcf9, 1, 0x02)
  expect(power.events).toEqual([])
  control.ioWrite(0xcf9, 1, 0x06)
  control.ioWrite(0xcf9, 1, 0x06)
  expect(power.events.length).toBe(1)
  expect(control.ioRead()).toBe(0x06)
})
