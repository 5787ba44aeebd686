/**
 * Every device: whatever a guest has done to it, saved into another of its kind, the two cannot be told apart by what is done
 * to both from then on. Ports, values and pauses are made up, the same on every run.
 */
import type { IoHandler, Line, NetPort, Snapshotable } from '@paragraft/core/ports'
import { expect, test } from 'vitest'
import { AcpiPm } from './acpi-pm.ts'
import { LocalApic } from './apic.ts'
import { I8042 } from './i8042.ts'
import { I8254 } from './i8254.ts'
import { I8259Pair } from './i8259.ts'
import { PortBus } from './io-bus.ts'
import { IoApic } from './ioapic.ts'
import { Mc146818 } from './mc146818.ts'
import { MmioMap } from './mmio-bus.ts'
import { LoopbackNet, PeerNet } from './net-peer.ts'
import { createPcDevices } from './pc.ts'
import { TestClock, TestConsole, TestDisk, TestMemory, TestPower, TestReporter } from './testing.ts'
import { Uart16550 } from './uart16550.ts'
import { Vga } from './vga.ts'

/** Park and Miller's generator, so that a failure can be had again. */
function randomSource(seed: number): (n: number) => number {
  let state = seed
  return n => {
    state = (state * 48_271) % 0x7fff_ffff
    return state % n
  }
}

/** What a device is plugged into, and everything that came out of it, in order, with its time. */
class Bench {
  readonly clock = new TestClock()
  readonly reporter = new TestReporter()
  readonly io = new PortBus(this.reporter)
  readonly mmio = new MmioMap(this.reporter)
  readonly power = new TestPower()
  readonly console = new TestConsole()
  readonly memory = new TestMemory(2 ** 20)
  events: string[] = []
  /** Levels of all wires. A new bench hears only of changes, as whoever is at the other end. */
  readonly levels = new Map<string, boolean>()

  wire(name: string): Line {
    return {
      set: level => {
        if (level === (this.levels.get(name) ?? false)) return
        this.levels.set(name, level)
        this.events.push(`${this.clock.now()} ${name} ${level}`)
      },
    }
  }
}

interface Subject {
  device: Snapshotable
  /** One action of the guest's or the world's, by numbers from a random source; what it answers is compared. */
  act(random: (n: number) => number): unknown
}

/** Reads and writes of ports, as guests choose them, and bad ones. */
function onPorts(
  device: IoHandler & Snapshotable,
  ports: number[],
  more: ((value: number) => unknown)[] = [],
): Subject {
  return {
    device,
    act(random) {
      const choice = random(3 + (more.length > 0 ? 1 : 0))
      const port = ports[random(ports.length)]!
      if (choice === 0) return device.ioRead(port, 1)
      if (choice === 3) return more[random(more.length)]!(random(256))
      device.ioWrite(port, 1, random(256))
      return null
    },
  }
}

const range = (first: number, count: number): number[] => Array.from({ length: count }, (_, n) => first + n)

const DEVICES: Record<string, (bench: Bench) => Subject> = {
  i8254: bench => {
    const { io: bus, clock } = bench
    return onPorts(new I8254({ bus, clock, irq: bench.wire('irq0') }), [0x40, 0x41, 0x42, 0x43, 0x61])
  },
  i8259: bench => {
    const pic = new I8259Pair({ bus: bench.io, intr: bench.wire('intr') })
    return onPorts(
      pic,
      [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1],
      [value => pic.lines[value & 15]!.set((value & 16) !== 0), () => pic.acknowledge()],
    )
  },
  mc146818: bench => {
    const options = { bus: bench.io, clock: bench.clock, irq: bench.wire('irq8'), memorySize: 2 ** 20 }
    const rtc = new Mc146818({ ...options, epochSeconds: 1_700_000_000 })
    // Mostly the registers, which decide, and not the memory behind them.
    const access = (write: boolean) => (value: number) => {
      rtc.ioWrite(0x70, 1, value % 14)
      return write ? rtc.ioWrite(0x71, 1, value) : rtc.ioRead(0x71)
    }
    return onPorts(rtc, [0x70, 0x71], [access(true), access(false)])
  },
  i8042: bench => {
    const { io: bus, power, reporter } = bench
    const i8042 = new I8042({ bus, irq: bench.wire('irq1'), a20: bench.wire('a20 closed'), power, reporter })
    return onPorts(i8042, [0x60, 0x64, 0x92], [value => i8042.key(value)])
  },
  uart16550: bench => {
    const { io: bus, clock, console } = bench
    const uart = new Uart16550({ bus, base: 0x3f8, irq: bench.wire('irq4'), console, clock, name: 'COM1' })
    return onPorts(uart, range(0x3f8, 8), [value => console.type(String.fromCharCode(value)), () => console.output])
  },
  vga: ({ io: bus, clock, memory }) => onPorts(new Vga({ bus, clock, memory }), range(0x3b0, 48)),
  'acpi-pm': bench => {
    const { io: bus, clock, power, reporter } = bench
    const pm = new AcpiPm({ bus, clock, sci: bench.wire('sci'), power, reporter })
    return onPorts(
      pm,
      [...range(0x600, 8), ...range(0x600, 4)],
      [
        value => bus.ioWrite(0xb2, 1, value & 1 ? 0xf1 : 0xf0),
        () => pm.pressPowerButton(),
        // Far enough for the timer's top bit to turn.
        value => clock.advance(value * 40_000_000),
        () => bus.ioRead(0xb2, 1),
      ],
    )
  },
  apic: bench => {
    const { mmio: mmioBus, clock, reporter } = bench
    const extInt = { pending: () => false, acknowledge: () => 0xee }
    const intr = bench.wire('intr')
    const apic = new LocalApic({ mmioBus, clock, intr, nmi: bench.wire('nmi'), extInt, reporter })
    apic.initialiseAsFirmware()
    const registers = [
      0x80, 0xb0, 0xd0, 0xe0, 0xf0, 0x280, 0x300, 0x310, 0x320, 0x350, 0x360, 0x370, 0x380, 0x390, 0x3e0,
    ]
    const vector = (random: (n: number) => number): number => 32 + random(224)
    return {
      device: apic,
      act(random) {
        const register = registers[random(registers.length)]!
        switch (random(7)) {
          case 0:
            return apic.mmioRead(register, 4)
          case 1:
            return apic.acknowledge()
          case 2:
            return apic.lint0.set(random(2) === 1)
          case 3:
            return apic.mmioWrite(0x380, 4, random(100_000))
          case 4:
            // The timer's entry, unmasked, one-shot or periodic.
            return apic.mmioWrite(0x320, 4, vector(random) | (random(2) << 17))
          case 5:
            return apic.deliver({
              mode: 0,
              vector: vector(random),
              level: random(2) === 1,
              destination: 0xff,
              logical: false,
            })
          default:
            return apic.mmioWrite(register, 4, vector(random) | (random(2) << 16) | 0x100)
        }
      },
    }
  },
  ioapic: bench => {
    const { mmio: mmioBus, reporter } = bench
    const apicBus = { deliver: (message: object) => void bench.events.push(JSON.stringify(message)) }
    const ioapic = new IoApic({ mmioBus, apicBus, reporter })
    return {
      device: ioapic,
      act(random) {
        switch (random(4)) {
          case 0:
            ioapic.mmioWrite(0, 4, random(0x40))
            return ioapic.mmioRead(0x10, 4)
          case 1:
            ioapic.mmioWrite(0, 4, 0x10 + random(48))
            return ioapic.mmioWrite(0x10, 4, random(2 ** 17))
          case 2:
            return ioapic.endOfInterrupt(random(256))
          default:
            return ioapic.lines[random(24)]!.set(random(2) === 1)
        }
      },
    }
  },
  loopback: bench => network(bench, new LoopbackNet({ clock: bench.clock })),
  peer: bench => network(bench, new PeerNet({ clock: bench.clock })),
  // All of it with its wiring: PCI that moves, a disk that is driven, INTx on shared lines.
  board: bench => {
    const { io: ioBus, mmio: mmioBus, clock, memory, power, reporter, console } = bench
    const board = createPcDevices({
      ioBus,
      mmioBus,
      clock,
      memory,
      power,
      reporter,
      console,
      intr: bench.wire('intr'),
      nmi: bench.wire('nmi'),
      disks: [new TestDisk(64)],
      rtcEpochSeconds: 1_700_000_000,
      memorySize: memory.size,
    })
    const ports = [
      ...range(0xcf8, 8),
      ...range(0xc000, 24),
      0x20,
      0x21,
      0xa1,
      0x40,
      0x43,
      0x70,
      0x71,
      0x80,
      0x3f9,
      0x3fc,
    ]
    const configure = (random: (n: number) => number): void => {
      const device = [0x800, 0xb00, 0x2000][random(3)]!
      ioBus.ioWrite(0xcf8, 4, 0x8000_0000 + device + [4, 0x10, 0x14, 0x3c, 0x60][random(5)]!)
      ioBus.ioWrite(0xcfc, 2, [0xc001, 0xd001, 7, 0x407, 0x0b0a, 0x8080][random(6)]!)
    }
    return {
      device: board,
      act(random) {
        const port = ports[random(ports.length)]!
        switch (random(5)) {
          case 0:
          case 1:
            return ioBus.ioRead(port, 1)
          case 2:
            return configure(random)
          case 3:
            return board.interrupt.pending() ? board.interrupt.acknowledge() : -1
          default:
            return ioBus.ioWrite(port, 1, random(256))
        }
      },
    }
  },
}

function network(bench: Bench, net: NetPort & Snapshotable): Subject {
  net.onReceive = frame => void bench.events.push(`${bench.clock.now()} ${frame.join()}`)
  const arp = [...new Array<number>(6).fill(0xff), ...new Array<number>(6).fill(2), 8, 6, 0, 1, 8, 0, 6, 4, 0, 1]
  return {
    device: net,
    act: random => net.send(Uint8Array.of(...arp, ...range(random(200), 14), 10, 0, 0, 1, ...range(0, 18))),
  }
}

/** Wires keep their levels across a restore: those of the first bench are put on the second. */
function alike(make: (bench: Bench) => Subject, seed: number): void {
  const random = randomSource(seed)
  const [first, second] = [new Bench(), new Bench()]
  const a = make(first)
  for (let steps = 40 + random(120); steps > 0; steps--) {
    a.act(random)
    if (random(3) === 0) first.clock.advance(random(10 ** random(9)))
  }
  const agenda = first.clock.save()
  const state = a.device.save()
  expect(first.clock.unsaved).toBe(0)
  expect(a.device.save()).toEqual(state)

  const b = make(second)
  second.clock.advance(first.clock.now() - second.clock.now())
  second.memory.bytes.set(first.memory.bytes)
  second.console.input = [...first.console.input]
  second.console.output = first.console.output
  b.device.restore(structuredClone(state))
  expect(second.clock.size).toBe(agenda.size)
  second.clock.restore(agenda)
  expect(b.device.save()).toEqual(state)
  second.levels.clear()
  for (const [name, level] of first.levels) second.levels.set(name, level)
  for (const bench of [first, second]) {
    bench.events = []
    bench.power.events.length = 0
  }

  const [left, right] = [randomSource(seed + 1), randomSource(seed + 1)]
  for (let step = 0; step < 150; step++) {
    expect([step, b.act(right)]).toEqual([step, a.act(left)])
    const pause = left(3) === 0 ? 10 ** left(9) : 0
    if (right(3) === 0) right(9)
    first.clock.advance(pause)
    second.clock.advance(pause)
    expect(second.events).toEqual(first.events)
  }
  expect(b.device.save()).toEqual(a.device.save())
  expect(second.power.events).toEqual(first.power.events)
}

test.each(Object.entries(DEVICES))('%s', (_, make) => {
  for (let seed = 1; seed <= 25; seed++) alike(make, seed)
})
