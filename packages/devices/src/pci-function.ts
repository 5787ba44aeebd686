/**
 * One PCI function's configuration space, type 0 header (PCI Local Bus 2.3, chapter 6): identity, command and status,
 * base address registers that size and move, a capability list, and its INTx pin.
 */
import type { IoBus, Line, MmioBus, Reporter, Snapshotable } from '@paragraft/core/ports'
import { hex } from './hex.ts'
import { NOT_CONNECTED } from './line.ts'

/** Register offsets of the type 0 header. */
export const PCI_COMMAND = 0x04
export const PCI_STATUS = 0x06
export const PCI_BAR0 = 0x10
/** Expansion ROM base: bit 0 enables it, bits 31–11 are the address (6.2.5.2). */
export const PCI_ROM = 0x30
export const PCI_CAPABILITIES = 0x34
export const PCI_INTERRUPT_LINE = 0x3c
const PCI_INTERRUPT_PIN = 0x3d

export const COMMAND_IO = 0x01
export const COMMAND_MEMORY = 0x02
export const COMMAND_MASTER = 0x04
const COMMAND_INTX_DISABLE = 0x400
const STATUS_INTERRUPT = 0x08
const STATUS_CAPABILITIES = 0x10
/** Commands that stick: I/O, memory, master, parity and SERR responses, INTx disable. */
const COMMAND_WRITABLE = 0x0547

/** What stands behind a BAR; offsets count from the BAR's base, wherever the guest has put it. */
export interface PciBarHandler {
  barRead(offset: number, size: number): number
  barWrite(offset: number, size: number, value: number): void
}

export interface PciBar {
  kind: 'io' | 'memory'
  /** A power of two; at least 4 for I/O, 16 for memory. */
  size: number
  handler: PciBarHandler
}

export interface PciFunctionOptions {
  name: string
  vendor: number
  device: number
  /** Base class, sub-class and interface: 24 bits. */
  classCode: number
  revision?: number
  subsystemVendor?: number
  subsystem?: number
  /** Set in function 0 of a device that has more functions. */
  multifunction?: boolean
  /** 1 = INTA … 4 = INTD, 0 = none. */
  interruptPin?: number
  bars?: readonly (PciBar | undefined)[]
  /** Capability structures without their next pointers, in list order. */
  capabilities?: readonly Uint8Array[]
  /** The expansion ROM; its window is the next power of two from 2 KiB on, the rest of it reads as all ones. */
  rom?: Uint8Array
}

/** What the bus gives a function when it is plugged in. */
export interface PciSlotPorts {
  ioBus: IoBus
  mmioBus: MmioBus
  reporter: Reporter
  /** The function's INTx wire. */
  intx: Line
}

export interface PciFunctionState {
  config: number[]
  interrupt: boolean
}

const ROM_ENABLE = 1
const ROM_ADDRESS = 0xffff_f800
const ROM_SMALLEST = 2048

/** A window onto a ROM. */
function romBar(rom: Uint8Array): PciBar {
  let size = ROM_SMALLEST
  while (size < rom.length) size *= 2
  return {
    kind: 'memory',
    size,
    handler: {
      barRead(offset, width) {
        let value = 0
        for (let i = 0; i < width; i++) value |= (rom[offset + i] ?? 0xff) << (8 * i)
        return value >>> 0
      },
      barWrite() {},
    },
  }
}

export class PciFunction implements Snapshotable<PciFunctionState> {
  readonly name: string
  /** The 256 bytes; devices may initialise their own registers here. */
  readonly config = new Uint8Array(256)
  /** Bits of each byte that software can change. */
  readonly writable = new Uint8Array(256)
  /** Offset at which each capability was placed. */
  readonly capabilityOffsets: readonly number[]
  /** Called before a configuration read and after a write, with the byte range touched. */
  onConfigRead: ((offset: number, size: number) => void) | null = null
  onConfigWrite: ((offset: number, size: number) => void) | null = null

  readonly #view = new DataView(this.config.buffer)
  readonly #bars: readonly (PciBar | undefined)[]
  readonly #rom: PciBar | undefined
  #romMapped: { base: number; release: () => void } | undefined
  readonly #mapped: ({ base: number; release: () => void } | undefined)[] = []
  readonly #initial: Uint8Array
  #ports: PciSlotPorts | null = null
  #intx: Line = NOT_CONNECTED
  #interrupt = false

  constructor(options: PciFunctionOptions) {
    this.name = options.name
    this.#bars = options.bars ?? []
    const view = this.#view
    view.setUint16(0x00, options.vendor, true)
    view.setUint16(0x02, options.device, true)
    view.setUint32(0x08, ((options.classCode << 8) | (options.revision ?? 0)) >>> 0, true)
    view.setUint8(0x0e, options.multifunction ? 0x80 : 0)
    view.setUint16(0x2c, options.subsystemVendor ?? 0, true)
    view.setUint16(0x2e, options.subsystem ?? 0, true)
    view.setUint8(PCI_INTERRUPT_PIN, options.interruptPin ?? 0)
    const writable = new DataView(this.writable.buffer)
    writable.setUint16(PCI_COMMAND, COMMAND_WRITABLE, true)
    writable.setUint16(0x0c, 0xffff, true) // cache line size, latency timer
    writable.setUint8(PCI_INTERRUPT_LINE, 0xff)
    for (const [index, bar] of this.#bars.entries()) {
      if (!bar) continue
      writable.setUint32(PCI_BAR0 + 4 * index, -bar.size >>> 0, true)
      if (bar.kind === 'io') view.setUint8(PCI_BAR0 + 4 * index, 1)
    }
    this.#rom = options.rom === undefined ? undefined : romBar(options.rom)
    if (this.#rom) writable.setUint32(PCI_ROM, (-this.#rom.size | ROM_ENABLE) >>> 0, true)
    this.capabilityOffsets = this.#placeCapabilities(options.capabilities ?? [])
    this.#initial = this.config.slice()
  }

  /** Called by the bus. */
  connect(ports: PciSlotPorts): void {
    this.#ports = ports
    this.#intx = ports.intx
  }

  /** Drives the function's INTx pin. */
  setInterrupt(level: boolean): void {
    this.#interrupt = level
    const status = this.#view.getUint16(PCI_STATUS, true) & ~STATUS_INTERRUPT
    this.#view.setUint16(PCI_STATUS, status | (level ? STATUS_INTERRUPT : 0), true)
    this.#intx.set(level && (this.#view.getUint16(PCI_COMMAND, true) & COMMAND_INTX_DISABLE) === 0)
  }

  /** Assigns a base as firmware does. */
  assignBar(index: number, base: number): void {
    const offset = PCI_BAR0 + 4 * index
    this.#view.setUint32(offset, (base | (this.#bars[index]?.kind === 'io' ? 1 : 0)) >>> 0, true)
    this.#remap()
  }

  /** Assigns the expansion ROM's base as firmware does: off. */
  assignRom(base: number): void {
    this.#view.setUint32(PCI_ROM, base, true)
    this.#remap()
  }

  /** Bytes of the expansion ROM's window; 0 without one. */
  get romSize(): number {
    return this.#rom?.size ?? 0
  }

  /** `size` bytes at `offset`, aligned within a dword. */
  read(offset: number, size: number): number {
    this.onConfigRead?.(offset, size)
    if (size === 1) return this.#view.getUint8(offset)
    return size === 2 ? this.#view.getUint16(offset, true) : this.#view.getUint32(offset, true)
  }

  write(offset: number, size: number, value: number): void {
    for (let i = 0; i < size; i++) {
      const mask = this.writable[offset + i]!
      this.config[offset + i] = (this.config[offset + i]! & ~mask) | ((value >>> (8 * i)) & mask)
    }
    if (offset < PCI_BAR0 + 24 || (offset & ~3) === PCI_ROM) this.#remap()
    if (offset <= PCI_COMMAND + 1) this.setInterrupt(this.#interrupt)
    this.onConfigWrite?.(offset, size)
  }

  /** RST#: registers as built, BARs unmapped. */
  reset(): void {
    this.config.set(this.#initial)
    this.setInterrupt(false)
    this.#remap()
  }

  save(): PciFunctionState {
    return { config: [...this.config], interrupt: this.#interrupt }
  }

  restore(state: PciFunctionState): void {
    this.config.set(state.config)
    this.setInterrupt(state.interrupt)
    this.#remap()
  }

  /** Gives up the addresses that it decodes, until its registers say again where they are. */
  unmap(): void {
    for (const mapped of [...this.#mapped, this.#romMapped]) mapped?.release()
    this.#mapped.length = 0
    this.#romMapped = undefined
  }

  #placeCapabilities(capabilities: readonly Uint8Array[]): number[] {
    const offsets: number[] = []
    let at = 0x40
    let link = PCI_CAPABILITIES
    for (const capability of capabilities) {
      this.config.set(capability, at)
      this.config[link] = at
      link = at + 1
      offsets.push(at)
      at += (capability.length + 3) & ~3
    }
    if (offsets.length > 0) this.config[PCI_STATUS] = STATUS_CAPABILITIES
    return offsets
  }

  /** Claims and releases what BARs and the command register now say. */
  #remap(): void {
    const command = this.#view.getUint16(PCI_COMMAND, true)
    for (const [index, bar] of this.#bars.entries()) {
      if (!bar || !this.#ports) continue
      const enabled = (command & (bar.kind === 'io' ? COMMAND_IO : COMMAND_MEMORY)) !== 0
      const raw = this.#view.getUint32(PCI_BAR0 + 4 * index, true)
      const base = (raw & (bar.kind === 'io' ? ~3 : ~15)) >>> 0
      // 0 means not assigned; an I/O base above 64 K is a sizing probe.
      const wanted = enabled && base !== 0 && (bar.kind === 'memory' || base + bar.size <= 0x1_0000) ? base : -1
      const mapped = this.#mapped[index]
      if ((mapped?.base ?? -1) === wanted) continue
      mapped?.release()
      this.#mapped[index] = wanted < 0 ? undefined : this.#claim(this.#ports, bar, `BAR${index}`, wanted)
    }
    if (this.#rom && this.#ports) {
      const raw = this.#view.getUint32(PCI_ROM, true)
      const base = (raw & ROM_ADDRESS) >>> 0
      const wanted = command & COMMAND_MEMORY && raw & ROM_ENABLE && base !== 0 ? base : -1
      if ((this.#romMapped?.base ?? -1) === wanted) return
      this.#romMapped?.release()
      this.#romMapped = wanted < 0 ? undefined : this.#claim(this.#ports, this.#rom, 'ROM', wanted)
    }
  }

  #claim(
    ports: PciSlotPorts,
    bar: PciBar,
    what: string,
    base: number,
  ): { base: number; release: () => void } | undefined {
    const { handler } = bar
    const name = `${this.name} ${what}`
    try {
      const release =
        bar.kind === 'io'
          ? ports.ioBus.claim(
              base,
              bar.size,
              {
                ioRead: (port, size) => handler.barRead(port - base, size),
                ioWrite: (port, size, value) => handler.barWrite(port - base, size, value),
              },
              name,
            )
          : ports.mmioBus.claim(
              base,
              bar.size,
              {
                mmioRead: (offset, size) => handler.barRead(offset, size),
                mmioWrite: (offset, size, value) => handler.barWrite(offset, size, value),
              },
              name,
            )
      return { base, release }
    } catch (cause) {
      // The guest has put it on top of something else: it decodes nothing there, and people hear of it.
      ports.reporter.report(`${name} ${hex(base)}`, `${name} cannot be mapped: ${(cause as Error).message}`)
      return undefined
    }
  }
}
