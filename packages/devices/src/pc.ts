/**
 * The board: an i440FX/PIIX PC put together from the devices of this package, on ports that the machine gives. IRQ n of the
 * 8259 pair is also input n of the I/O APIC, but IRQ 0 is input 2; PCI interrupts come in on IRQ 10 and 11.
 */
import type {
  BlockPort,
  Clock,
  ConsolePort,
  GuestMemory,
  IoBus,
  Line,
  MmioBus,
  PciCard,
  PowerPort,
  Reporter,
  Snapshotable,
} from '@paragraft/core/ports'
import { type NamedStates, together } from '@paragraft/core/snapshot'
import { type AcpiPlacement, placeAcpi } from './acpi.ts'
import { AcpiPm } from './acpi-pm.ts'
import { LocalApic } from './apic.ts'
import { DebugConsole } from './debugcon.ts'
import { DebugExit } from './debugexit.ts'
import { hostBridge, IsaBridge, PIRQ_ROUTES, powerManagement } from './i440fx.ts'
import { I8042 } from './i8042.ts'
import { I8254 } from './i8254.ts'
import { I8259Pair } from './i8259.ts'
import type { InterruptController } from './interrupt-controller.ts'
import { IoApic } from './ioapic.ts'
import { fanOut, NOT_CONNECTED, SharedLine } from './line.ts'
import { Mc146818 } from './mc146818.ts'
import { PciBus, pirqOf } from './pci.ts'
import {
  COMMAND_IO,
  COMMAND_MASTER,
  COMMAND_MEMORY,
  PCI_COMMAND,
  PCI_INTERRUPT_LINE,
  PciFunction,
} from './pci-function.ts'
import { ResetControl } from './reset-control.ts'
import { Uart16550 } from './uart16550.ts'
import { Vga } from './vga.ts'
import { createVirtioBlk } from './virtio-blk.ts'
import type { VirtioPci } from './virtio-pci.ts'

/** Where firmware puts the first disk: slot 4, I/O and memory base. */
const DISK_SLOT = 4
const DISK_IO_BASE = 0xc000
const DISK_MEMORY_BASE = 0xfeb0_0000
/** From one disk to the next: 28 of them end below the I/O APIC. */
const DISK_IO_STEP = 0x100
const DISK_MEMORY_STEP = 0x8000
/** Cards that are plugged in come behind the first disk's slot, and the other disks; their ROMs one after another from here. */
const CARD_SLOT = 5
const CARD_ROM_BASE = 0xfea0_0000
/** Lines that PCI may be routed to, the SCI is on, or an added device may take: all but those of the board's own ISA devices. */
const SHARED_IRQS = [3, 5, 6, 7, 9, 10, 11, 12, 14, 15]
/** ELCR: IRQ 9 (SCI), 10 and 11 (PCI) are level triggered. */
const ELCR_SLAVE = 0x0e

export interface PcOptions {
  ioBus: IoBus
  mmioBus: MmioBus
  clock: Clock
  memory: GuestMemory
  power: PowerPort
  reporter: Reporter
  /** INTR of the processor. */
  intr: Line
  /** NMI of the processor; a rise is one NMI. */
  nmi?: Line
  /** A20 gate of the processor; open at power-on. */
  a20?: Line
  /** COM1. */
  console: ConsolePort
  /** Port 0xE9; without it the port is not there. */
  debugConsole?: Pick<ConsolePort, 'write'>
  /** First port of `isa-debug-exit`, default 0x501. */
  debugExitPort?: number
  /** Virtio disks, in the slots from 4 on. */
  disks?: readonly BlockPort[]
  /** What the real-time clock shows at virtual time 0, in seconds since 1970-01-01 UTC. */
  rtcEpochSeconds: number
  /** RAM in bytes. */
  memorySize: number
}

/** The devices of one board. */
export interface PcDevices extends Snapshotable<NamedStates> {
  readonly uart: Uart16550
  readonly pic: I8259Pair
  /** Also IA32_APIC_BASE: `readMsr` and `writeMsr`. */
  readonly apic: LocalApic
  readonly ioapic: IoApic
  readonly pit: I8254
  readonly rtc: Mc146818
  readonly i8042: I8042
  readonly vga: Vga
  readonly pci: PciBus
  readonly acpi: AcpiPm
  readonly disks: readonly VirtioPci[]
  /** INTR's level and INTA, whoever answers at the moment. */
  readonly interrupt: InterruptController
  /** FERR# of the processor: IRQ 13, until the guest writes port F0h. */
  readonly ferr: Line
  /** Plugs a card into the first free slot, as firmware leaves it: its ROM's base assigned and off. `PG_PCI_SLOT`. */
  plug(card: PciCard): void
  /** A new driver's end of an ISA interrupt line; undefined for those that have their one driver on the board. */
  isaLine(irq: number): Line | undefined
  /** An edge on IRQ 0, whoever keeps the time. */
  timerIrq(): void
  /** The board's reset line: every device as after power-on, with what firmware leaves behind. */
  reset(): void
}

/** Builds the board; every device claims its ports, so that two boards on one bus are refused (`PG_IO_OVERLAP`). */
export function createPcDevices(options: PcOptions): PcDevices {
  const { ioBus: bus, mmioBus, clock, memory, power, reporter } = options
  const pic: I8259Pair = new I8259Pair({ bus, intr: { set: level => apic.lint0.set(level) } })
  const apic: LocalApic = new LocalApic({
    mmioBus,
    clock,
    intr: options.intr,
    nmi: options.nmi ?? NOT_CONNECTED,
    extInt: pic,
    reporter,
    onEoi: vector => ioapic.endOfInterrupt(vector),
  })
  const ioapic: IoApic = new IoApic({ mmioBus, apicBus: apic, reporter })
  const irq = pic.lines.map((line, index) => fanOut(line, ioapic.lines[index === 0 ? 2 : index]!))

  const pit = new I8254({ bus, clock, irq: irq[0]! })
  const i8042 = new I8042({ bus, irq: irq[1]!, a20: options.a20 ?? NOT_CONNECTED, power, reporter })
  const uart = new Uart16550({ bus, base: 0x3f8, irq: irq[4]!, console: options.console, clock, name: 'COM1' })
  const { rtcEpochSeconds: epochSeconds, memorySize } = options
  const rtc = new Mc146818({ bus, clock, irq: irq[8]!, epochSeconds, memorySize })
  const vga = new Vga({ bus, clock, memory })
  const shared = new Map(SHARED_IRQS.map(number => [number, new SharedLine(irq[number]!)]))
  const isaLine = (number: number): Line | undefined => shared.get(number)?.driver()
  const acpi = new AcpiPm({ bus, clock, sci: isaLine(9)!, power, reporter })
  if (options.debugConsole) new DebugConsole({ bus, console: options.debugConsole })
  new DebugExit({ bus, power, ...(options.debugExitPort === undefined ? {} : { port: options.debugExitPort }) })
  const latches = claimLatches(bus)
  claimCoprocessorError(bus, irq[13]!)

  const resetControl = new ResetControl(power)
  const pci = new PciBus({ ioBus: bus, mmioBus, reporter, resetControl })
  const isaBridge = new IsaBridge(irq.map((line, index) => isaLine(index) ?? line))
  pci.add(0, 0, hostBridge())
  pci.add(1, 0, isaBridge)
  pci.add(1, 3, powerManagement(acpi.base))
  const disks = (options.disks ?? []).map(disk => createVirtioBlk({ memory, disk, reporter }))
  for (const [index, disk] of disks.entries()) pci.add(DISK_SLOT + index, 0, disk.pci)
  isaBridge.wire(pci)

  const cards: { card: PciFunction; romBase: number }[] = []
  let nextRom = CARD_ROM_BASE
  const initialiseCard = ({ card, romBase }: { card: PciFunction; romBase: number }): void => {
    if (romBase !== 0) card.assignRom(romBase)
    card.write(PCI_COMMAND, 2, COMMAND_MEMORY)
  }
  const firmware = (): void => {
    pic.initialiseAsFirmware()
    pic.ioWrite(0x4d1, 1, ELCR_SLAVE)
    apic.initialiseAsFirmware()
    pit.initialiseAsFirmware()
    uart.initialiseAsFirmware()
    isaBridge.initialiseAsFirmware()
    for (const card of cards) initialiseCard(card)
    for (const [index, disk] of disks.entries()) {
      disk.pci.assignBar(0, DISK_IO_BASE + index * DISK_IO_STEP)
      disk.pci.assignBar(1, DISK_MEMORY_BASE + index * DISK_MEMORY_STEP)
      disk.pci.write(PCI_COMMAND, 2, COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER)
      disk.pci.write(PCI_INTERRUPT_LINE, 1, PIRQ_ROUTES[pirqOf(DISK_SLOT + index, 1) as 0 | 1 | 2 | 3])
    }
  }
  firmware()
  // Whoever pulls wires before those at their ends: an interrupt controller keeps the levels of its inputs itself.
  const kept = together({
    latches,
    uart,
    pit,
    rtc,
    i8042,
    vga,
    acpi,
    resetControl,
    ...Object.fromEntries(disks.map((disk, index) => [`disk ${index}`, disk])),
    pci,
    ioapic,
    pic,
    apic,
  })
  return {
    ...kept,
    uart,
    pic,
    apic,
    ioapic,
    pit,
    rtc,
    i8042,
    vga,
    pci,
    acpi,
    disks,
    interrupt: apic,
    ferr: irq[13]!,
    isaLine,
    plug(options) {
      const card = new PciFunction(options)
      const size = card.romSize
      const romBase = size === 0 ? 0 : Math.ceil(nextRom / size) * size
      pci.add(pci.freeSlot(CARD_SLOT) ?? 32, 0, card)
      if (size > 0) nextRom = romBase + size
      cards.push({ card, romBase })
      initialiseCard({ card, romBase })
    },
    timerIrq() {
      irq[0]!.set(false)
      irq[0]!.set(true)
    },
    reset() {
      for (const disk of disks) disk.reset()
      for (const device of [uart, pit, rtc, i8042, vga, acpi, resetControl, pci, ioapic, pic, apic]) device.reset()
      firmware()
    },
  }
}

/**
 * Writes the tables that describe this board to guest memory: ACPI from 0xE0000. Called by whoever loads the guest, after
 * memory has been filled; the memory map must keep 0xE0000–0xFFFFF reserved.
 */
export function installFirmwareTables(memory: GuestMemory): AcpiPlacement {
  return placeAcpi(memory)
}

/** Port 80h shows POST codes and, with EDh, is written for its delay; DMA's page registers are its neighbours. */
function claimLatches(bus: IoBus): Snapshotable<Uint8Array> {
  const latches = new Uint8Array(16)
  bus.claim(
    0x80,
    16,
    {
      ioWidth: 1,
      ioRead: port => latches[port & 15]!,
      ioWrite: (port, _size, value) => {
        latches[port & 15] = value
      },
    },
    'POST and DMA page registers',
  )
  bus.claim(0xed, 1, { ioWidth: 1, ioRead: () => 0xff, ioWrite: () => {} }, 'i/o delay')
  return { save: () => latches.slice(), restore: state => latches.set(state) }
}

/** Writes to F0h and F1h clear the coprocessor error request (AT technical reference, "Coprocessor"). */
function claimCoprocessorError(bus: IoBus, irq13: Line): void {
  bus.claim(0xf0, 2, { ioWidth: 1, ioRead: () => 0xff, ioWrite: () => irq13.set(false) }, 'coprocessor error')
}
