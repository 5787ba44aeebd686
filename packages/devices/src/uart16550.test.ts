import { expect, test } from 'vitest'
import { PortBus } from './io-bus.ts'
import { TestClock, TestConsole, TestLine, TestReporter } from './testing.ts'
import { Uart16550 } from './uart16550.ts'

// Section numbers: TI PC16550D data sheet, SNLS378C.
const BASE = 0x3f8
/** Ten bits at 115,200 baud (8N1): 86,806 ns. */
const CHARACTER = 86_806

function setup() {
  const clock = new TestClock()
  const bus = new PortBus(new TestReporter())
  const irq = new TestLine()
  const console = new TestConsole()
  const uart = new Uart16550({ bus, base: BASE, irq, console, clock, name: 'COM1' })
  const w = (register: number, value: number) => bus.ioWrite(BASE + register, 1, value)
  const r = (register: number) => bus.ioRead(BASE + register, 1)
  /** Divisor 1, 8N1, FIFOs on with trigger 14, OUT2 DTR RTS. */
  const program = () => {
    w(3, 0x83)
    w(0, 1)
    w(1, 0)
    w(3, 0x03)
    w(2, 0xc7)
    w(4, 0x0b)
  }
  return { clock, bus, irq, console, uart, w, r, program }
}

test('sends what is written to THR at once and is always ready for more (8.6.4 bits 5, 6)', () => {
  const { w, r, console, program } = setup()
  program()
  for (const character of 'hi\n') w(0, character.charCodeAt(0))
  expect(console.output).toBe('hi\n')
  expect(r(5)).toBe(0x60)
})

test('identifies as a 16550A: FIFO bits in IIR, scratch register, IER keeps four bits (8.6.2, 8.6.5)', () => {
  const { w, r } = setup()
  expect(r(2)).toBe(0x01)
  w(2, 0x01)
  expect(r(2)).toBe(0xc1)
  w(2, 0x00)
  expect(r(2)).toBe(0x01)
  w(7, 0x5a)
  expect(r(7)).toBe(0x5a)
  w(1, 0xff)
  expect(r(1)).toBe(0x0f)
})

test('DLAB shows the divisor in registers 0 and 1 (8.6.1)', () => {
  const { w, r } = setup()
  w(3, 0x83)
  w(0, 0x34)
  w(1, 0x12)
  expect([r(0), r(1)]).toEqual([0x34, 0x12])
  w(3, 0x03)
  expect([r(0), r(1)]).toEqual([0, 0])
})

test('THRE interrupts when enabled, clears by IIR, and comes again after a write (table 3)', () => {
  const { w, r, irq, program } = setup()
  program()
  w(1, 0x02)
  expect(irq.level).toBe(true)
  expect(r(2)).toBe(0xc2)
  expect(irq.level).toBe(false)
  expect(r(2)).toBe(0xc1)
  w(0, 0x41)
  expect([irq.level, irq.rises]).toEqual([true, 2])
  // Disabling and enabling again asks again: what drivers use to find a lost interrupt.
  r(2)
  w(1, 0x00)
  w(1, 0x02)
  expect(r(2)).toBe(0xc2)
})

test('without OUT2, and in loopback, the interrupt does not leave the chip', () => {
  const { w, irq, program } = setup()
  program()
  w(4, 0x03)
  w(1, 0x02)
  expect(irq.level).toBe(false)
  w(4, 0x0b)
  expect(irq.level).toBe(true)
  w(4, 0x1b)
  expect(irq.level).toBe(false)
})

test('receives one character per character time and interrupts at the trigger level (8.6.3)', () => {
  const { clock, w, r, irq, console, program } = setup()
  program()
  w(1, 0x01)
  console.type('abcdefghijklmnopqrst')
  clock.advance(CHARACTER - 1)
  expect(r(5) & 1).toBe(0)
  clock.advance(1)
  expect(r(5) & 1).toBe(1)
  clock.advance(12 * CHARACTER)
  expect(irq.level).toBe(false)
  clock.advance(CHARACTER)
  expect(irq.level).toBe(true)
  expect(r(2)).toBe(0xc4)
  // Sixteen fit; the rest waits outside and no overrun is ever seen.
  clock.advance(20 * CHARACTER)
  expect(console.input.length).toBe(4)
  expect(r(5) & 0x02).toBe(0)
  let text = ''
  for (let i = 0; i < 16; i++) text += String.fromCharCode(r(0))
  clock.advance(5 * CHARACTER)
  while (r(5) & 1) text += String.fromCharCode(r(0))
  expect(text).toBe('abcdefghijklmnopqrst')
})

test('four idle character times with characters below the trigger raise the timeout interrupt (8.7.1)', () => {
  const { clock, w, r, irq, console, program } = setup()
  program()
  w(1, 0x01)
  console.type('x')
  clock.advance(CHARACTER)
  clock.advance(4 * CHARACTER - 1)
  expect(irq.level).toBe(false)
  clock.advance(1)
  expect([irq.level, r(2)]).toEqual([true, 0xcc])
  expect(r(0)).toBe(0x78)
  expect([irq.level, r(2)]).toEqual([false, 0xc1])
})

test('loopback returns bytes and ties the modem lines with their deltas (8.6.7)', () => {
  const { w, r, console, program } = setup()
  program()
  expect(r(6)).toBe(0xb0)
  w(4, 0x10)
  expect(r(6)).toBe(0x0b)
  w(4, 0x1f)
  expect(r(6)).toBe(0xfb)
  // RI falling sets TERI (8.6.8).
  w(4, 0x1b)
  expect(r(6)).toBe(0xb4)
  w(0, 0x5a)
  expect(r(5)).toBe(0x61)
  expect(r(0)).toBe(0x5a)
  expect(console.output).toBe('')
})

test('an overrun in loopback sets OE once, and the line status interrupt has priority (8.6.4, table 3)', () => {
  const { w, r, program } = setup()
  program()
  w(4, 0x18)
  w(1, 0x05)
  for (let i = 0; i < 17; i++) w(0, i)
  expect(r(2)).toBe(0xc6)
  expect(r(5)).toBe(0x63)
  expect(r(5)).toBe(0x61)
  expect(r(2)).toBe(0xc4)
  w(2, 0xc3)
  expect([r(5), r(2)]).toEqual([0x60, 0xc1])
})

test('polling LSR finds input that nobody announced, and a fallback to no FIFO holds one character', () => {
  const { clock, w, r, console } = setup()
  w(3, 0x03)
  console.input.push(0x61, 0x62)
  expect(r(5)).toBe(0x60)
  clock.advance(12 * CHARACTER)
  expect(r(5)).toBe(0x61)
  clock.advance(100 * CHARACTER)
  expect(console.input.length).toBe(1)
  expect(r(0)).toBe(0x61)
})

test('says when the guest can receive: receive interrupt on, or DTR up', () => {
  const { w, uart } = setup()
  let told = 0
  uart.onReady = () => told++
  expect(uart.ready()).toBe(false)
  w(4, 0x11)
  expect(uart.ready()).toBe(false)
  w(4, 0x01)
  expect([uart.ready(), told]).toEqual([true, 1])
  w(4, 0x00)
  w(1, 0x01)
  expect([uart.ready(), told]).toEqual([true, 2])
})

test('saves and restores registers and characters', () => {
  const a = setup()
  a.program()
  a.w(1, 0x01)
  a.console.type('ab')
  a.clock.advance(CHARACTER)
  const b = setup()
  b.clock.advance(CHARACTER)
  b.uart.restore(a.uart.save())
  // The second is on the line and arrives when it would have.
  expect(b.r(5) & 1).toBe(1)
  b.clock.advance(CHARACTER)
  expect([b.r(5) & 1, b.r(0), b.r(0), b.r(1), b.r(4)]).toEqual([1, 0x61, 0x62, 0x01, 0x0b])
})
