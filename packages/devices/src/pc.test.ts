import { expect, test } from 'vitest'
import { PortBus } from './io-bus.ts'
import { MmioMap } from './mmio-bus.ts'
import { createPcDevices, installFirmwareTables } from './pc.ts'
import { TestClock, TestConsole, TestDisk, TestLine, TestMemory, TestPower, TestReporter } from './testing.ts'

function board(disks = [new TestDisk(64)]) {
  const clock = new TestClock()
  const reporter = new TestReporter()
  const bus = new PortBus(reporter)
  const map = new MmioMap(reporter)
  const memory = new TestMemory(2 << 20)
  const power = new TestPower()
  const intr = new TestLine()
  const nmi = new TestLine()
  const a20 = new TestLine()
  const console = new TestConsole()
  const debugConsole = new TestConsole()
  const options = {
    ioBus: bus,
    mmioBus: map,
    clock,
    memory,
    power,
    reporter,
    intr,
    nmi,
    a20,
    console,
    debugConsole,
    disks,
    rtcEpochSeconds: 0,
    memorySize: memory.size,
  }
  const pc = createPcDevices(options)
  const out = (port: number, value: number, size = 1) => bus.ioWrite(port, size, value >>> 0)
  const inb = (port: number) => bus.ioRead(port, 1)
  const apic = (offset: number, value: number) => map.mmioWrite(0xfee0_0000 + offset, 4, value)
  const ioapic = (register: number, value: number) => {
    map.mmioWrite(0xfec0_0000, 4, register)
    map.mmioWrite(0xfec0_0010, 4, value)
  }
  const config = (register: number) => {
    out(0xcf8, 0x8000_2000 | register, 4)
    return bus.ioRead(0xcfc, 4)
  }
  return { ...options, bus, map, pc, out, inb, apic, ioapic, config }
}

/** The 8259s at 20h and 28h with these masks. */
function programPics(b: ReturnType<typeof board>, master: number, slave: number) {
  for (const [port, values] of [
    [0x20, [0x11, 0x20, 4, 1]],
    [0xa0, [0x11, 0x28, 2, 1]],
  ] as const) {
    b.out(port, values[0])
    for (const value of values.slice(1)) b.out(port + 1, value)
  }
  b.out(0x21, master)
  b.out(0xa1, slave)
}

test('the timer interrupts through the 8259s and the virtual wire of the local APIC', () => {
  const b = board()
  programPics(b, 0xfe, 0xff)
  // Mode 2, 11932 ticks: 100.0 Hz.
  for (const [port, value] of [
    [0x43, 0x34],
    [0x40, 0x9c],
    [0x40, 0x2e],
  ] as const)
    b.out(port, value)
  let count = 0
  for (let ms = 0; ms < 1000; ms++) {
    b.clock.advance(1_000_000)
    if (!b.intr.level) continue
    expect(b.pc.interrupt.pending()).toBe(true)
    expect(b.pc.interrupt.acknowledge()).toBe(0x20)
    b.out(0x20, 0x20)
    count++
  }
  expect(count).toBe(99)
})

test('the same timer arrives at I/O APIC input 2, and the keyboard at input 1', () => {
  const b = board()
  b.apic(0xf0, 0x1ff)
  b.ioapic(0x14, 0x30)
  b.ioapic(0x12, 0x31)
  for (const [port, value] of [
    [0x43, 0x34],
    [0x40, 0x9c],
    [0x40, 0x2e],
  ] as const)
    b.out(port, value)
  b.clock.advance(11_000_000)
  expect(b.pc.interrupt.acknowledge()).toBe(0x30)
  b.apic(0xb0, 0)
  b.pc.i8042.key(0x1e)
  expect(b.pc.interrupt.acknowledge()).toBe(0x31)
  expect(b.inb(0x60)).toBe(0x1e)
})

test('COM1 speaks and interrupts on IRQ 4; the debug console and exit ports are there', () => {
  const b = board()
  programPics(b, 0xef, 0xff)
  b.out(0x3fc, 0x08)
  b.out(0x3f9, 0x02)
  expect(b.pc.interrupt.acknowledge()).toBe(0x24)
  b.out(0x3f8, 0x21)
  b.out(0xe9, 0x3f)
  b.out(0x501, 2)
  expect([b.console.output, b.debugConsole.output, b.power.events]).toEqual(['!', '?', ['exit 2']])
})

test('the disk sits in slot 4 as firmware leaves it, and interrupts on IRQ 11', () => {
  const b = board()
  programPics(b, 0xfb, 0xf7)
  expect([b.config(0), b.config(0x10), b.config(0x14)]).toEqual([0x1001_1af4, 0xc001, 0xfeb0_0000])
  expect(b.config(0x3c) & 0xffff).toBe(0x010b)
  expect(b.bus.ioRead(0xc014, 4)).toBe(64)
  b.pc.disks[0]!.configChanged()
  expect(b.pc.interrupt.acknowledge()).toBe(0x2b)
  expect(b.inb(0xc013)).toBe(2)
})

test('further disks sit in the next slots, each with registers and a PIRQ of its own', () => {
  const b = board([new TestDisk(64), new TestDisk(65), new TestDisk(66)])
  const read = (slot: number, register: number) => {
    b.out(0xcf8, 0x8000_0000 + (slot << 11) + register, 4)
    return b.bus.ioRead(0xcfc, 4)
  }
  for (const once of [1, 2]) {
    expect(
      [4, 5, 6, 7].map(slot => read(slot, 0)),
      `time ${once}`,
    ).toEqual([0x1001_1af4, 0x1001_1af4, 0x1001_1af4, 0xffff_ffff])
    expect([4, 5, 6].map(slot => read(slot, 0x10))).toEqual([0xc001, 0xc101, 0xc201])
    expect([4, 5, 6].map(slot => read(slot, 0x14))).toEqual([0xfeb0_0000, 0xfeb0_8000, 0xfeb1_0000])
    expect([0xc014, 0xc114, 0xc214].map(port => b.bus.ioRead(port, 4))).toEqual([64, 65, 66])
    b.pc.reset()
  }
  // INTA of slots 4, 5 and 6 is PIRQ D, A and B: (slot - 1 + pin) mod 4, as QEMU's board wires it (pci_slot_get_pirq).
  expect([4, 5, 6].map(slot => read(slot, 0x3c) & 0xff)).toEqual([11, 10, 10])
})

test('power off, reset by 0xCF9, keyboard controller and port 92h, A20', () => {
  const b = board()
  b.out(0xcf9, 0x06)
  b.out(0x64, 0xfe)
  b.out(0x92, 0x00)
  b.out(0x92, 0x03)
  b.out(0x604, 0x2000, 2)
  expect(b.power.events.length).toBe(4)
  expect([b.power.events.at(-1), b.a20.level]).toEqual(['off', true])
})

test('FERR# is IRQ 13 until port F0h is written', () => {
  const b = board()
  programPics(b, 0xfb, 0xdf)
  b.pc.ferr.set(true)
  expect(b.pc.interrupt.pending()).toBe(true)
  b.out(0xf0, 0)
  expect(b.pc.interrupt.pending()).toBe(false)
})

test('the SCI and a PCI interrupt routed to IRQ 9 share the wire', () => {
  const b = board()
  programPics(b, 0xfb, 0xfd)
  b.out(0xb2, 0xf1)
  b.out(0x602, 0x0100, 2)
  b.pc.acpi.pressPowerButton()
  expect(b.pc.interrupt.acknowledge()).toBe(0x29)
  b.out(0xcf8, 0x8000_0860, 4)
  b.out(0xcff, 0x09)
  b.pc.disks[0]!.configChanged()
  b.out(0x600, 0x0100, 2)
  b.out(0xa0, 0x20)
  b.out(0x20, 0x20)
  expect(b.pc.interrupt.acknowledge()).toBe(0x29)
  b.inb(0xc013)
  b.out(0xa0, 0x20)
  b.out(0x20, 0x20)
  expect(b.pc.interrupt.pending()).toBe(false)
})

test('reset brings back what firmware leaves: masks, timer, virtual wire, BARs', () => {
  const b = board()
  const registers = () => [b.inb(0x21), b.inb(0xa1), b.inb(0x4d1), b.config(0x10), b.map.mmioRead(0xfee0_0350, 4)]
  const before = registers()
  programPics(b, 0, 0)
  b.out(0x4d1, 0)
  b.apic(0x350, 0x1_0000)
  b.out(0xcf8, 0x8000_2010, 4)
  b.out(0xcfc, 0xd000, 4)
  b.out(0x3f9, 0x0f)
  b.pc.reset()
  expect(registers()).toEqual(before)
  expect([b.inb(0x3f9), b.intr.level]).toEqual([0, false])
})

test('the firmware tables go below 1 MB, and a second board on the same bus is refused', () => {
  const b = board()
  const { rsdp, end } = installFirmwareTables(b.memory)
  expect(String.fromCharCode(...b.memory.read(rsdp, 8))).toBe('RSD PTR ')
  expect(end).toBeLessThanOrEqual(0x10_0000)
  expect(() => createPcDevices(b)).toThrow(expect.objectContaining({ code: 'PG_IO_OVERLAP' }))
})

test('any guest access to any port or register page is survived (fixed seed)', () => {
  const b = board()
  let seed = 0x9e37_79b9
  const random = (n: number) => {
    seed ^= seed << 13
    seed ^= seed >>> 17
    seed ^= seed << 5
    return (seed >>> 0) % n
  }
  const bases = [0x20, 0x40, 0x60, 0x70, 0xa0, 0x3b0, 0x3f8, 0x4d0, 0x600, 0xb2, 0xcf8, 0xc000]
  const windows = [0xfee0_0000, 0xfec0_0000, 0xfeb0_0000, 0xfeb0_1000, 0xfeb0_3000]
  const wrong: string[] = []
  const check = (holds: boolean, what: string) => {
    if (!holds) wrong.push(what)
  }
  for (let step = 0; step < 20_000; step++) {
    const size = [1, 2, 4][random(3)]!
    const value = random(0x1_0000_0000) >>> (32 - 8 * size)
    const port = random(4) ? bases[random(bases.length)]! + random(16) : random(0x1_0000)
    const pa = windows[random(windows.length)]! + random(0x400)
    const fits = (result: number) => Number.isInteger(result) && result >= 0 && result < 2 ** (8 * size)
    if (random(2)) b.out(port, value, size)
    else check(fits(b.bus.ioRead(port, size)), `in ${port}/${size}`)
    if (random(2)) b.map.mmioWrite(pa, size, value)
    else check(fits(b.map.mmioRead(pa, size)), `read ${pa}/${size}`)
    if (random(8) === 0) b.clock.advance(random(10_000))
    if (b.pc.interrupt.pending()) check(b.pc.interrupt.acknowledge() < 256, 'vector')
    if (random(64) === 0) b.pc.apic.writeMsr(0x1b, 0xfee0_0800n)
    check(b.pc.interrupt.pending() === b.intr.level, 'INTR')
  }
  expect(wrong).toEqual([])
})

test('cards get the slots behind the disk, with their ROMs assigned and off, and keep them over a reset', () => {
  const b = board()
  const card = { name: 'card', vendor: 0x15ad, device: 0x801, classCode: 0x08_8000 }
  b.pc.plug({ ...card, rom: Uint8Array.of(0x55, 0xaa) })
  b.pc.plug({ ...card, rom: new Uint8Array(5000) })
  b.pc.plug(card)
  const read = (slot: number, register: number) => {
    b.out(0xcf8, 0x8000_0000 + (slot << 11) + register, 4)
    return b.bus.ioRead(0xcfc, 4)
  }
  for (const once of [1, 2]) {
    expect(read(5, 0), `time ${once}`).toBe(0x0801_15ad)
    expect([read(5, 0x30), read(6, 0x30), read(7, 0x30)]).toEqual([0xfea0_0000, 0xfea0_2000, 0])
    b.pc.reset()
  }
  read(5, 0x30)
  b.out(0xcfc, 0xfea0_0001, 4)
  expect(b.map.mmioRead(0xfea0_0000, 2)).toBe(0xaa55)
  for (let slot = 8; slot < 32; slot++) b.pc.plug(card)
  expect(() => b.pc.plug(card)).toThrow(expect.objectContaining({ code: 'PG_PCI_SLOT' }))
})

test('a hypervisor can fire the timer: IRQ 0 at the 8259, the LVT timer entry at the local APIC', () => {
  const b = board()
  programPics(b, 0xfe, 0xff)
  b.pc.timerIrq()
  expect(b.intr.level).toBe(true)
  expect(b.pc.interrupt.acknowledge()).toBe(0x20)
  b.out(0x20, 0x20)
  b.pc.timerIrq()
  expect(b.pc.interrupt.acknowledge()).toBe(0x20)
  b.out(0x20, 0x20)
  // LVT timer: masked, then vector 31h, fixed (SDM vol. 3A figure 10-8).
  b.apic(0xf0, 0x1ff)
  b.apic(0x320, 0x1_0031)
  b.pc.apic.expireTimer()
  expect(b.intr.level).toBe(false)
  b.apic(0x320, 0x31)
  b.pc.apic.expireTimer()
  expect(b.pc.interrupt.acknowledge()).toBe(0x31)
})
