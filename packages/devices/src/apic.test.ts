import { expect, test } from 'vitest'
import { APIC_DEFAULT_BASE, IA32_APIC_BASE, LocalApic } from './apic.ts'
import { IoApic } from './ioapic.ts'
import { MmioMap } from './mmio-bus.ts'
import { TestClock, TestLine, TestReporter } from './testing.ts'

// Section numbers: Intel SDM vol. 3A chapter 10 (APIC), 82093AA data sheet (I/O APIC).
function setup() {
  const clock = new TestClock()
  const reporter = new TestReporter()
  const map = new MmioMap(reporter)
  const intr = new TestLine()
  const nmi = new TestLine()
  const pic = { level: false, vector: 0x30, pending: () => pic.level, acknowledge: () => pic.vector }
  const apic = new LocalApic({
    mmioBus: map,
    clock,
    intr,
    nmi,
    extInt: pic,
    reporter,
    onEoi: vector => ioapic.endOfInterrupt(vector),
  })
  const ioapic = new IoApic({ mmioBus: map, apicBus: apic, reporter })
  const r = (offset: number) => map.mmioRead(APIC_DEFAULT_BASE + offset, 4)
  const w = (offset: number, value: number) => map.mmioWrite(APIC_DEFAULT_BASE + offset, 4, value)
  const io = {
    read(register: number) {
      map.mmioWrite(0xfec0_0000, 4, register)
      return map.mmioRead(0xfec0_0010, 4)
    },
    write(register: number, value: number) {
      map.mmioWrite(0xfec0_0000, 4, register)
      map.mmioWrite(0xfec0_0010, 4, value >>> 0)
    },
    entry(pin: number, low: number, high = 0) {
      io.write(0x11 + 2 * pin, high)
      io.write(0x10 + 2 * pin, low)
    },
  }
  const enable = () => w(0xf0, 0x1ff)
  const self = (vector: number) => w(0x300, 0x4_4000 | vector)
  return { clock, reporter, map, intr, nmi, pic, apic, ioapic, r, w, io, enable, self }
}

test('power-on state (10.4.7.1): disabled by software, LVTs masked, version 14h with six entries', () => {
  const { r, apic } = setup()
  expect([r(0x20), r(0x30), r(0x80), r(0xe0), r(0xf0)]).toEqual([0, 0x0005_0014, 0, 0xffff_ffff, 0xff])
  for (let offset = 0x320; offset <= 0x370; offset += 0x10) expect(r(offset)).toBe(0x1_0000)
  expect(apic.readMsr(IA32_APIC_BASE)).toBe(0xfee0_0900n)
  expect(apic.readMsr(0x1c)).toBeUndefined()
})

test('delivers by priority class and holds what TPR and ISR forbid (10.8.3)', () => {
  const { r, w, intr, apic, enable, self } = setup()
  enable()
  self(0x51)
  self(0x83)
  self(0x81)
  expect(apic.acknowledge()).toBe(0x83)
  // The same class waits for the EOI.
  expect([intr.level, r(0xa0)]).toEqual([false, 0x80])
  w(0xb0, 0)
  expect(apic.acknowledge()).toBe(0x81)
  w(0xb0, 0)
  w(0x80, 0x5f)
  expect([intr.level, r(0xa0)]).toEqual([false, 0x5f])
  w(0x80, 0x4f)
  expect(intr.level).toBe(true)
  expect(apic.acknowledge()).toBe(0x51)
  // 51h is word 2, bit 17 of ISR.
  expect(r(0x120)).toBe(1 << 17)
})

test('a request withdrawn by TPR before INTA gives the spurious vector, without ISR (10.9)', () => {
  const { r, w, apic, enable, self } = setup()
  enable()
  self(0x41)
  w(0x80, 0xff)
  expect(apic.acknowledge()).toBe(0xff)
  expect(r(0x120)).toBe(0)
})

test('the virtual wire: LINT0 as ExtINT passes the 8259 through, and its mask stops it (10.5.1)', () => {
  const { w, intr, apic, pic } = setup()
  pic.level = true
  apic.lint0.set(true)
  expect(intr.level).toBe(false)
  apic.initialiseAsFirmware()
  expect(intr.level).toBe(true)
  expect(apic.acknowledge()).toBe(0x30)
  w(0x350, 0x1_0700)
  expect(intr.level).toBe(false)
})

test('disabled by IA32_APIC_BASE the 8259 drives INTR, and the register page is gone (10.4.3)', () => {
  const { map, intr, apic, pic, enable, r } = setup()
  enable()
  expect(apic.writeMsr(IA32_APIC_BASE, 0xfee0_0000n)).toBe(true)
  pic.level = true
  apic.lint0.set(true)
  expect([intr.level, apic.acknowledge()]).toEqual([true, 0x30])
  expect(map.mmioRead(0xfee0_0030, 4)).toBe(0xffff_ffff)
  // Enabled again elsewhere, it starts from reset.
  expect(apic.writeMsr(IA32_APIC_BASE, 0xfed4_0800n)).toBe(true)
  expect(map.mmioRead(0xfed4_00f0, 4)).toBe(0xff)
  expect(r(0x30)).toBe(0xffff_ffff)
  expect(apic.readMsr(IA32_APIC_BASE)).toBe(0xfed4_0900n)
})

test('refuses x2APIC and reserved bits of IA32_APIC_BASE, and survives a base on top of another device', () => {
  const { apic, reporter, map } = setup()
  expect(apic.writeMsr(IA32_APIC_BASE, 0xfee0_0c00n)).toBe(false)
  expect(apic.writeMsr(IA32_APIC_BASE, 0xff00_0000_fee0_0800n)).toBe(false)
  expect(apic.writeMsr(0x1c, 0n)).toBe(false)
  expect(apic.writeMsr(IA32_APIC_BASE, 0xfec0_0800n)).toBe(true)
  expect(reporter.keys).toEqual(['apic base 0xfec00000'])
  expect(map.mmioRead(0xfec0_0000, 4)).toBe(0)
})

test('one-shot timer: initial count through the divider at 1 GHz, then silence (10.5.4)', () => {
  const { clock, r, w, intr, apic, enable } = setup()
  enable()
  w(0x3e0, 0x03)
  w(0x320, 0x40)
  w(0x380, 1000)
  clock.advance(1600)
  expect(r(0x390)).toBe(900)
  clock.advance(14_399)
  expect([r(0x390), intr.level]).toEqual([1, false])
  clock.advance(1)
  expect([r(0x390), intr.level]).toEqual([0, true])
  expect(apic.acknowledge()).toBe(0x40)
  w(0xb0, 0)
  clock.advance(1_000_000)
  expect(intr.level).toBe(false)
})

test('periodic timer counts around; masking stops interrupts but not the count', () => {
  const { clock, r, w, apic, enable, intr } = setup()
  enable()
  w(0x3e0, 0x0b)
  w(0x320, 0x2_0040)
  w(0x380, 10_000)
  let count = 0
  for (let step = 0; step < 100; step++) {
    clock.advance(1_000)
    if (!intr.level) continue
    expect(apic.acknowledge()).toBe(0x40)
    w(0xb0, 0)
    count++
  }
  expect(count).toBe(10)
  w(0x320, 0x3_0040)
  expect(clock.nextAt()).toBe(Infinity)
  clock.advance(2_500)
  expect([r(0x390), intr.level]).toEqual([7_500, false])
  w(0x320, 0x2_0040)
  clock.advance(7_500)
  expect(intr.level).toBe(true)
})

test('a one-shot that ran out while masked does not fire when unmasked; absurd periods are bounded', () => {
  const { clock, w, intr, enable } = setup()
  enable()
  w(0x3e0, 0x0b)
  w(0x320, 0x1_0040)
  w(0x380, 100)
  clock.advance(200)
  w(0x320, 0x40)
  clock.advance(1000)
  expect(intr.level).toBe(false)
  w(0x320, 0x2_0040)
  w(0x380, 1)
  expect(clock.nextAt() - clock.now()).toBe(1000)
})

test('software disable masks every LVT entry and refuses interrupts (10.4.7.2)', () => {
  const { r, w, enable, self, intr } = setup()
  enable()
  w(0x320, 0x40)
  w(0xf0, 0xff)
  expect(r(0x320)).toBe(0x1_0040)
  w(0x320, 0x41)
  expect(r(0x320)).toBe(0x1_0041)
  self(0x50)
  expect(intr.level).toBe(false)
})

test('ICR: self, all, physical and logical destinations; all-but-self reaches nobody (10.6.1, 10.6.2)', () => {
  const { r, w, enable, nmi } = setup()
  enable()
  w(0xd0, 0x0200_0000)
  const requested = (vector: number) => ((r(0x200 + (vector >> 5) * 16) >>> (vector & 31)) & 1) === 1
  w(0x300, 0x8_0000 | 0x61)
  w(0x300, 0xc_0000 | 0x62)
  expect([requested(0x61), requested(0x62)]).toEqual([true, false])
  w(0x310, 0)
  w(0x300, 0x63)
  w(0x310, 0x0500_0000)
  w(0x300, 0x64)
  w(0x310, 0x0300_0000)
  w(0x300, 0x865)
  w(0x310, 0x0400_0000)
  w(0x300, 0x866)
  expect([0x63, 0x64, 0x65, 0x66].map(requested)).toEqual([true, false, true, false])
  // Cluster model: cluster 1, member 2.
  w(0xe0, 0x0fff_ffff)
  w(0xd0, 0x1200_0000)
  w(0x310, 0x1200_0000)
  w(0x300, 0x867)
  w(0x310, 0x2200_0000)
  w(0x300, 0x868)
  expect([requested(0x67), requested(0x68)]).toEqual([true, false])
  w(0x300, 0x4_4400)
  expect(nmi.rises).toBe(1)
})

test('ESR collects illegal vectors and registers, shown after a write (10.5.3)', () => {
  const { r, w, enable, self, intr, apic } = setup()
  enable()
  w(0x370, 0xfe)
  self(0x0f)
  expect([r(0x280), intr.level]).toEqual([0, true])
  w(0x280, 0)
  expect(r(0x280)).toBe(0x20)
  expect(apic.acknowledge()).toBe(0xfe)
  r(0x3f0)
  w(0x280, 0)
  expect(r(0x280)).toBe(0x80)
  // An error interrupt with an illegal vector of its own must not recurse.
  w(0x370, 0x05)
  self(0x01)
  w(0x280, 0)
  expect(r(0x280)).toBe(0x60)
})

test('I/O APIC: identity, version and index space (3.2)', () => {
  const { io, reporter } = setup()
  expect([io.read(0), io.read(1), io.read(2)]).toEqual([0x0100_0000, 0x0017_0011, 0x0100_0000])
  expect(io.read(0x3e)).toBe(0x1_0000)
  expect(io.read(0x40)).toBe(0)
  expect(reporter.keys).toEqual(['ioapic register 0x40'])
})

test('edge pins send once per rise and ignore rises while masked (3.2.4)', () => {
  const { io, ioapic, apic, enable, intr, w } = setup()
  enable()
  const pin = ioapic.lines[4]!
  io.entry(4, 0x1_0034)
  pin.set(true)
  io.entry(4, 0x34)
  expect(intr.level).toBe(false)
  pin.set(false)
  pin.set(true)
  expect(apic.acknowledge()).toBe(0x34)
  w(0xb0, 0)
  expect(intr.level).toBe(false)
})

test('level pins repeat after EOI while asserted, with remote IRR in between (3.2.4)', () => {
  const { io, ioapic, apic, enable, intr, w } = setup()
  enable()
  io.entry(9, 0xa039)
  const pin = ioapic.lines[9]!
  pin.set(true)
  expect(io.read(0x10 + 18)).toBe(0xe039)
  expect(apic.acknowledge()).toBe(0x39)
  w(0xb0, 0)
  expect([intr.level, io.read(0x22)]).toEqual([true, 0xe039])
  expect(apic.acknowledge()).toBe(0x39)
  pin.set(false)
  w(0xb0, 0)
  expect([intr.level, io.read(0x22)]).toEqual([false, 0xa039])
})

test('logical destinations choose by LDR; switching to edge clears remote IRR', () => {
  const { io, ioapic, enable, intr, w } = setup()
  enable()
  w(0xd0, 0x0100_0000)
  io.entry(10, 0x8000 | 0x800 | 0x3a, 0x0200_0000)
  ioapic.lines[10]!.set(true)
  expect(intr.level).toBe(false)
  expect(io.read(0x24)).toBe(0x4000 | 0x8000 | 0x800 | 0x3a)
  io.entry(10, 0x1_083a, 0x0100_0000)
  expect(io.read(0x24)).toBe(0x1_083a)
  io.entry(10, 0x883a, 0x0100_0000)
  expect(intr.level).toBe(true)
})

test('both save and restore with an interrupt in flight', () => {
  const a = setup()
  a.enable()
  a.io.entry(11, 0x803b)
  a.ioapic.lines[11]!.set(true)
  const b = setup()
  b.apic.restore(a.apic.save())
  b.ioapic.restore(a.ioapic.save())
  expect([b.intr.level, b.apic.acknowledge()]).toEqual([true, 0x3b])
  b.ioapic.lines[11]!.set(false)
  b.w(0xb0, 0)
  expect(b.intr.level).toBe(false)
})
