/** What a device's author writes: `defineDevice`. A device of the user's sits on the buses of the board, beside the board's own. */
import type { Clock, GuestMemory, IoBus, Line, MmioBus, PciCard, Reporter, Snapshotable } from '../ports.ts'
import { API_VERSION } from './api-version.ts'
import { checkPlugin, shape } from './shape.ts'

/** The ports that a device gets. Never the machine. */
export interface DevicePorts {
  /** For devices that are bus masters. */
  readonly memory: GuestMemory
  readonly clock: Clock
  readonly io: IoBus
  readonly mmio: MmioBus
  readonly reporter: Reporter
  /** What a clock showed at power-on, in seconds since 1970. */
  readonly epochSeconds: number
  /**
   * A driver's end of the ISA bus's interrupt line `irq`, at the 8259 and the I/O APIC alike, not asserted. Lines that PCI or other
   * devices use may be shared; throws `PG_DEVICE_IRQ` for those that belong to a device of the board alone.
   */
  irq(irq: number): Line
  /** Plugs a card into a free slot of PCI bus 0. Throws `PG_PCI_SLOT`. */
  plug(card: PciCard): void
}

/** A created device: its state, if a snapshot is to keep it. Everything else it does by what it has claimed. */
export interface DeviceInstance extends Partial<Snapshotable> {}

export interface DeviceDefinition {
  /** npm package name, or any name without spaces. */
  readonly name: string
  readonly version: string
  /** Range of `API_VERSION` that the device is written for: `^1.1.0`. */
  readonly apiVersion: string
  /** Called once, when the board is there and before the guest is placed. Throws `PG_IO_OVERLAP` and the like for what is taken. */
  create(ports: DevicePorts): DeviceInstance
}

/** A checked device, branded by `Symbol.for('paragraft.device')`. */
export type Device = DeviceDefinition

const DEVICE = Symbol.for('paragraft.device')

/** Checks a device and brands it. Throws `PG_DEVICE` (shape) and `PG_API_VERSION`. */
export function defineDevice(definition: DeviceDefinition): Device {
  checkPlugin(definition, 'PG_DEVICE', 'defineDevice')
  const { name, create } = definition
  if (typeof create !== 'function') throw shape('PG_DEVICE', name, 'create', create, 'a function of the ports')
  return Object.freeze(Object.defineProperty({ ...definition }, DEVICE, { value: API_VERSION }))
}

/** True for a device made by {@link defineDevice} of any copy of this package. */
export function isDevice(candidate: unknown): candidate is Device {
  return typeof candidate === 'object' && candidate !== null && DEVICE in candidate
}
