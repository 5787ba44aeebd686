/**
 * PCI bus 0 behind configuration mechanism #1 (PCI Local Bus 2.3, 3.2.2.3.2): address at 0xCF8, data at 0xCFC; and the
 * INTx wiring of an i440FX board: pin p of slot s goes to PIRQ (s - 1 + p) mod 4, which the PIIX routes to an IRQ.
 */
import { ParagraftError } from '@paragraft/core/errors'
import type { IoBus, IoHandler, Line, MmioBus, Reporter, Snapshotable } from '@paragraft/core/ports'
import { NOT_CONNECTED, SharedLine } from './line.ts'
import type { PciFunction, PciFunctionState } from './pci-function.ts'

const CONFIG_ADDRESS = 0xcf8
const CONFIG_DATA = 0xcfc
const ADDRESS_ENABLE = 0x8000_0000
const ADDRESS_WRITABLE = 0x80ff_fffc
const FUNCTIONS = 256

export interface PciBusOptions {
  ioBus: IoBus
  mmioBus: MmioBus
  reporter: Reporter
  /** Byte accesses to port 0xCF9, which lies inside the address register, belong to the reset control register. */
  resetControl?: IoHandler
}

/** The address register, and every function by its place: slot * 8 + function. */
export interface PciBusState {
  address: number
  functions: { place: number; state: PciFunctionState }[]
}

/** PIRQ (0 = A … 3 = D) of pin `pin` (1 = INTA) of device `slot`. */
export function pirqOf(slot: number, pin: number): number {
  return (slot + pin + 2) & 3
}

export class PciBus implements IoHandler, Snapshotable<PciBusState> {
  /** PIRQA–PIRQD as levels, shared by all slots; whoever routes them sets the receivers. */
  readonly pirq: [Line, Line, Line, Line] = [NOT_CONNECTED, NOT_CONNECTED, NOT_CONNECTED, NOT_CONNECTED]
  readonly #wires = [0, 1, 2, 3].map(index => new SharedLine({ set: level => this.pirq[index]!.set(level) }))
  readonly #options: PciBusOptions
  readonly #functions: (PciFunction | undefined)[] = new Array<PciFunction | undefined>(FUNCTIONS)
  #address = 0

  constructor(options: PciBusOptions) {
    this.#options = options
    options.ioBus.claim(CONFIG_ADDRESS, 8, this, 'pci configuration')
  }

  /**
   * Plugs a function in.
   * @throws ParagraftError `PG_PCI_SLOT` when the place is taken or does not exist.
   */
  add(slot: number, func: number, device: PciFunction): void {
    const index = slot * 8 + func
    if (!(slot >= 0 && slot < 32 && func >= 0 && func < 8) || this.#functions[index]) {
      throw new ParagraftError('PG_PCI_SLOT', `${device.name} cannot be plugged into 00:${slot.toString(16)}.${func}`, {
        fields: { slot, func, owner: this.#functions[index]?.name },
        hint: 'Choose a free slot from 0 to 31.',
      })
    }
    this.#functions[index] = device
    const pin = device.config[0x3d]!
    const { ioBus, mmioBus, reporter } = this.#options
    const intx = pin === 0 ? NOT_CONNECTED : this.#wires[pirqOf(slot, pin)]!.driver()
    device.connect({ ioBus, mmioBus, reporter, intx })
  }

  /** The first slot from `first` on without a function 0; undefined when there is none. */
  freeSlot(first: number): number | undefined {
    for (let slot = first; slot < 32; slot++) if (!this.#functions[slot * 8]) return slot
    return undefined
  }

  ioRead(port: number, size: number): number {
    if (port < CONFIG_DATA) {
      if (size === 4) return this.#address
      if (port === 0xcf9 && size === 1 && this.#options.resetControl) return this.#options.resetControl.ioRead(port, 1)
      return size === 2 ? 0xffff : 0xff
    }
    const device = this.#selected()
    if (!device) return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff
    return device.read((this.#address & 0xfc) + (port & 3), size)
  }

  ioWrite(port: number, size: number, value: number): void {
    if (port < CONFIG_DATA) {
      // Only a dword write reaches the address register; others pass to what is underneath.
      if (size === 4) this.#address = (value & ADDRESS_WRITABLE) >>> 0
      else if (port === 0xcf9 && size === 1) this.#options.resetControl?.ioWrite(port, 1, value)
      return
    }
    this.#selected()?.write((this.#address & 0xfc) + (port & 3), size, value)
  }

  reset(): void {
    this.#address = 0
    for (const device of this.#functions) device?.reset()
  }

  save(): PciBusState {
    const functions = this.#functions.flatMap((device, place) => (device ? [{ place, state: device.save() }] : []))
    return { address: this.#address, functions }
  }

  /** Moves what the guest has moved; a function that is not there is a `TypeError`. */
  restore(state: PciBusState): void {
    this.#address = state.address
    // Bases are given up before any is taken: two functions may have changed places.
    for (const { place } of state.functions) this.#functions[place]!.unmap()
    for (const { place, state: saved } of state.functions) this.#functions[place]!.restore(saved)
  }

  #selected(): PciFunction | undefined {
    const address = this.#address
    if (!(address & ADDRESS_ENABLE) || (address & 0x00ff_0000) !== 0) return undefined
    return this.#functions[(address >> 8) & 0xff]
  }
}
