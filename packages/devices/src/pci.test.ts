import { expect, test } from 'vitest'
import { hostBridge, IsaBridge, powerManagement } from './i440fx.ts'
import { PortBus } from './io-bus.ts'
import { MmioMap } from './mmio-bus.ts'
import { PciBus, pirqOf } from './pci.ts'
import { PciFunction } from './pci-function.ts'
import { ResetControl } from './reset-control.ts'
import { TestLine, TestPower, TestReporter } from './testing.ts'

// Section numbers: PCI Local Bus Specification 2.3.
function setup() {
  const reporter = new TestReporter()
  const bus = new PortBus(reporter)
  const map = new MmioMap(reporter)
  const power = new TestPower()
  const pci = new PciBus({ ioBus: bus, mmioBus: map, reporter, resetControl: new ResetControl(power) })
  const select = (slot: number, func: number, register: number) =>
    bus.ioWrite(0xcf8, 4, (0x8000_0000 | (slot << 11) | (func << 8) | (register & 0xfc)) >>> 0)
  const r = (slot: number, func: number, register: number, size = 4) => {
    select(slot, func, register)
    return bus.ioRead(0xcfc + (register & 3), size)
  }
  const w = (slot: number, func: number, register: number, size: number, value: number) => {
    select(slot, func, register)
    bus.ioWrite(0xcfc + (register & 3), size, value >>> 0)
  }
  return { reporter, bus, map, power, pci, r, w }
}

/** A function with a 32-byte I/O BAR and a 4 KB memory BAR, that answers with the offset. */
function card(interruptPin = 1) {
  const handler = { barRead: (offset: number) => offset, barWrite: () => {} }
  return new PciFunction({
    name: 'card',
    vendor: 0x1234,
    device: 0x5678,
    classCode: 0xff_0000,
    interruptPin,
    bars: [
      { kind: 'io', size: 32, handler },
      { kind: 'memory', size: 4096, handler },
    ],
    capabilities: [Uint8Array.of(0x09, 0, 4, 1), Uint8Array.of(0x09, 0, 8, 2, 0, 0, 0, 0)],
  })
}

test('mechanism #1: enable bit, absent functions, sub-dword data accesses (3.2.2.3.2)', () => {
  const { bus, pci, r } = setup()
  pci.add(0, 0, hostBridge())
  expect(r(0, 0, 0)).toBe(0x1237_8086)
  expect([r(0, 0, 2, 2), r(0, 0, 0x0b, 1), r(0, 0, 0x0a, 1)]).toEqual([0x1237, 0x06, 0x00])
  expect([r(1, 0, 0), r(0, 1, 0, 2)]).toEqual([0xffff_ffff, 0xffff])
  bus.ioWrite(0xcf8, 4, 0x0000_0000)
  expect(bus.ioRead(0xcfc, 4)).toBe(0xffff_ffff)
  bus.ioWrite(0xcf8, 4, 0x8001_0000)
  expect(bus.ioRead(0xcfc, 4)).toBe(0xffff_ffff)
})

test('the address register reads back without its reserved bits, and only dword writes reach it', () => {
  const { bus, power } = setup()
  bus.ioWrite(0xcf8, 4, 0xffff_ffff)
  expect(bus.ioRead(0xcf8, 4)).toBe(0x80ff_fffc)
  bus.ioWrite(0xcf9, 1, 0x06)
  expect(bus.ioRead(0xcf8, 4)).toBe(0x80ff_fffc)
  expect([power.events.length, bus.ioRead(0xcf9, 1)]).toEqual([1, 0x06])
})

test('BARs size by writing ones (6.2.5.1), and decode only when enabled and placed', () => {
  const { bus, map, pci, r, w } = setup()
  pci.add(4, 0, card())
  w(4, 0, 0x10, 4, 0xffff_ffff)
  w(4, 0, 0x14, 4, 0xffff_ffff)
  w(4, 0, 0x18, 4, 0xffff_ffff)
  expect([r(4, 0, 0x10), r(4, 0, 0x14), r(4, 0, 0x18)]).toEqual([0xffff_ffe1, 0xffff_f000, 0])
  w(4, 0, 0x10, 4, 0xc000)
  w(4, 0, 0x14, 4, 0xe000_0000)
  expect(bus.ioRead(0xc004, 1)).toBe(0xff)
  w(4, 0, 0x04, 2, 0x0003)
  expect([bus.ioRead(0xc004, 1), map.mmioRead(0xe000_0abc, 4)]).toEqual([4, 0xabc])
  // Moved: the old place is free, the new one answers.
  w(4, 0, 0x10, 4, 0xd000)
  expect([bus.ioRead(0xc004, 1), bus.ioRead(0xd01f, 1)]).toEqual([0xff, 0x1f])
  w(4, 0, 0x04, 2, 0x0002)
  expect([bus.ioRead(0xd004, 1), map.mmioRead(0xe000_0004, 1)]).toEqual([0xff, 4])
})

test('a BAR placed upon another device decodes nothing there and is reported, not thrown', () => {
  const { bus, reporter, pci, w } = setup()
  bus.claim(0x3f8, 8, { ioRead: () => 0x42, ioWrite: () => {} }, 'COM1')
  pci.add(4, 0, card())
  w(4, 0, 0x04, 2, 0x0003)
  w(4, 0, 0x10, 4, 0x3e0)
  expect(bus.ioRead(0x3f8, 1)).toBe(0x42)
  expect(reporter.keys).toContain('card BAR0 0x3e0')
})

test('identity and BAR types are read-only; the capability list can be walked (6.7)', () => {
  const { pci, r, w } = setup()
  pci.add(4, 0, card())
  w(4, 0, 0x00, 4, 0)
  w(4, 0, 0x08, 4, 0)
  expect([r(4, 0, 0), r(4, 0, 8)]).toEqual([0x5678_1234, 0xff00_0000])
  expect(r(4, 0, 0x06, 2) & 0x10).toBe(0x10)
  const first = r(4, 0, 0x34, 1)
  const second = r(4, 0, first + 1, 1)
  expect([r(4, 0, first + 3, 1), r(4, 0, second + 3, 1), r(4, 0, second + 1, 1)]).toEqual([1, 2, 0])
})

test('INTx: status bit 3, the disable bit, and the shared wires of PIRQ', () => {
  const { pci, r, w } = setup()
  const irq = Array.from({ length: 16 }, () => new TestLine())
  const bridge = new IsaBridge(irq)
  pci.add(1, 0, bridge)
  bridge.wire(pci)
  const a = card()
  const b = card(4)
  pci.add(4, 0, a)
  pci.add(5, 0, b)
  // Slot 4 INTA and slot 5 INTD are both PIRQD, which firmware routes to IRQ 11.
  expect([pirqOf(4, 1), pirqOf(5, 4)]).toEqual([3, 3])
  a.setInterrupt(true)
  b.setInterrupt(true)
  a.setInterrupt(false)
  expect([irq[11]!.level, irq[11]!.rises]).toEqual([true, 1])
  expect([r(4, 0, 6, 2) & 8, r(5, 0, 6, 2) & 8]).toEqual([0, 8])
  w(5, 0, 4, 2, 0x400)
  expect([irq[11]!.level, r(5, 0, 6, 2) & 8]).toEqual([false, 8])
  w(5, 0, 4, 2, 0)
  // Re-routing moves an asserted request; reserved IRQs and the disable bit take none (PIIX 4.1.9).
  w(1, 0, 0x63, 1, 0x0a)
  expect([irq[10]!.level, irq[11]!.level]).toEqual([true, false])
  w(1, 0, 0x63, 1, 0x02)
  expect(irq.some(line => line.level)).toBe(false)
  w(1, 0, 0x63, 1, 0x8b)
  expect(irq.some(line => line.level)).toBe(false)
})

test('the board shows the identities of an i440FX with PIIX', () => {
  const { pci, r } = setup()
  pci.add(0, 0, hostBridge())
  pci.add(1, 0, new IsaBridge([]))
  pci.add(1, 3, powerManagement(0x600))
  expect([r(0, 0, 0), r(1, 0, 0), r(1, 3, 0)]).toEqual([0x1237_8086, 0x7000_8086, 0x7113_8086])
  expect([r(0, 0, 0x0a, 2), r(1, 0, 0x0a, 2), r(1, 3, 0x0a, 2)]).toEqual([0x0600, 0x0601, 0x0680])
  expect([r(1, 0, 0x0e, 1), r(1, 3, 0x40), r(1, 3, 0x80, 1)]).toEqual([0x80, 0x601, 1])
})

test('a slot takes one function', () => {
  const { pci } = setup()
  pci.add(4, 0, card())
  expect(() => pci.add(4, 0, card())).toThrow(expect.objectContaining({ code: 'PG_PCI_SLOT' }))
  expect(() => pci.add(32, 0, card())).toThrow(expect.objectContaining({ code: 'PG_PCI_SLOT' }))
})

test('an expansion ROM is sized, moved and switched on by its base register (6.2.5.2)', () => {
  const { map, pci, r, w } = setup()
  const rom = Uint8Array.from({ length: 3000 }, (_, n) => n)
  pci.add(5, 0, new PciFunction({ name: 'rom card', vendor: 1, device: 2, classCode: 0x08_8000, rom }))
  w(5, 0, 0x30, 4, 0xffff_fffe)
  // 3000 bytes take a window of 4 KiB; bit 0 enables.
  expect(r(5, 0, 0x30)).toBe(0xffff_f000)
  w(5, 0, 0x30, 4, 0xe000_0001)
  expect(map.mmioRead(0xe000_0004, 4)).toBe(0xffff_ffff)
  w(5, 0, 0x04, 2, 2)
  expect(map.mmioRead(0xe000_0004, 4)).toBe(0x0706_0504)
  map.mmioWrite(0xe000_0004, 4, 0)
  expect(map.mmioRead(0xe000_0005, 1)).toBe(5)
  expect(map.mmioRead(0xe000_0ffc, 4)).toBe(0xffff_ffff)
  w(5, 0, 0x30, 4, 0xe000_0000)
  expect(map.mmioRead(0xe000_0004, 4)).toBe(0xffff_ffff)
})
