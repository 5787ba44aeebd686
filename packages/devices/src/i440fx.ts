/**
 * The board's own PCI functions: i440FX host bridge (Intel 82441FX data sheet), PIIX3 ISA bridge with its PIRQ routing
 * and PIIX4 power management (Intel 82371AB data sheet), with the identities QEMU's `pc` board shows.
 */
import type { Line } from '@paragraft/core/ports'
import type { PciBus } from './pci.ts'
import { PciFunction, type PciFunctionState } from './pci-function.ts'

const QEMU_SUBSYSTEM_VENDOR = 0x1af4
const QEMU_SUBSYSTEM = 0x1100
/** PIRQRC[A:D] (PIIX 4.1.9): bit 7 disables, bits 3–0 name the IRQ. */
const PIRQRC = 0x60
const PIRQ_DISABLED = 0x80
/** IRQs that a PIRQ may be routed to; the others are reserved (PIIX 4.1.9). */
const PIRQ_IRQS = new Set([3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15])
/** PIRQA–PIRQD as firmware routes them. */
export const PIRQ_ROUTES = [10, 10, 11, 11] as const

/** 00:00.0. The PAM and SMRAM registers can be written, but all of the first megabyte is RAM and stays so. */
export function hostBridge(): PciFunction {
  const bridge = new PciFunction({
    name: 'i440fx',
    vendor: 0x8086,
    device: 0x1237,
    classCode: 0x06_0000,
    revision: 2,
    subsystemVendor: QEMU_SUBSYSTEM_VENDOR,
    subsystem: QEMU_SUBSYSTEM,
  })
  bridge.writable.fill(0xff, 0x50, 0x73)
  return bridge
}

/** 00:01.0: routes PIRQs to IRQ lines, and re-routes them while they are asserted. */
export class IsaBridge extends PciFunction {
  readonly #levels = [false, false, false, false]
  readonly #asserted = new Array<boolean>(16).fill(false)
  readonly #irq: readonly Line[]

  /** `irq[n]` is a driver's end of IRQ n. */
  constructor(irq: readonly Line[]) {
    super({
      name: 'piix3',
      vendor: 0x8086,
      device: 0x7000,
      classCode: 0x06_0100,
      subsystemVendor: QEMU_SUBSYSTEM_VENDOR,
      subsystem: QEMU_SUBSYSTEM,
      multifunction: true,
    })
    this.#irq = irq
    this.config.fill(PIRQ_DISABLED, PIRQRC, PIRQRC + 4)
    this.writable.fill(0x8f, PIRQRC, PIRQRC + 4)
    this.onConfigWrite = offset => {
      if (offset >= PIRQRC && offset < PIRQRC + 4) this.#route()
    }
  }

  /** Takes the bus's PIRQ wires and routes them as firmware does. */
  wire(bus: PciBus): void {
    for (let index = 0; index < 4; index++) {
      bus.pirq[index as 0 | 1 | 2 | 3] = {
        set: level => {
          this.#levels[index] = level
          this.#route()
        },
      }
    }
    this.initialiseAsFirmware()
  }

  initialiseAsFirmware(): void {
    this.config.set(PIRQ_ROUTES, PIRQRC)
    this.#route()
  }

  override restore(state: PciFunctionState): void {
    super.restore(state)
    this.#route()
  }

  #route(): void {
    const wanted = new Array<boolean>(16).fill(false)
    for (let index = 0; index < 4; index++) {
      const route = this.config[PIRQRC + index]!
      if (route & PIRQ_DISABLED || !PIRQ_IRQS.has(route & 15) || !this.#levels[index]) continue
      wanted[route & 15] = true
    }
    for (const [irq, level] of wanted.entries()) {
      if (this.#asserted[irq] === level) continue
      this.#asserted[irq] = level
      this.#irq[irq]?.set(level)
    }
  }
}

/** 00:01.3: says where the PM registers are. Firmware has put and locked them; the base cannot be moved. */
export function powerManagement(pmBase: number): PciFunction {
  const pm = new PciFunction({
    name: 'piix4 pm',
    vendor: 0x8086,
    device: 0x7113,
    classCode: 0x06_8000,
    revision: 3,
    subsystemVendor: QEMU_SUBSYSTEM_VENDOR,
    subsystem: QEMU_SUBSYSTEM,
    interruptPin: 1,
  })
  pm.config[0x40] = (pmBase & 0xc0) | 1
  pm.config[0x41] = pmBase >> 8
  // PMREGMISC: PM I/O space enabled.
  pm.config[0x80] = 1
  pm.config[0x3c] = 9
  return pm
}
