/**
 * A virtio device on PCI, transitional: the legacy I/O interface in BAR 0 and the modern one in memory BAR 1 (Virtual I/O Device
 * 1.1, 4.1), interrupts by INTx. The device itself is a `VirtioDevice`; this file knows nothing of disks.
 */
import type { GuestMemory, Reporter, Snapshotable } from '@paragraft/core/ports'
import { hex } from './hex.ts'
import { type PciBarHandler, PciFunction } from './pci-function.ts'
import { Virtqueue, type VirtqueueState } from './virtqueue.ts'

const VENDOR = 0x1af4
const VIRTIO_F_VERSION_1 = 1n << 32n
const VIRTIO_F_ANY_LAYOUT = 1n << 27n

/** Device status bits (2.1). */
const STATUS_DRIVER_OK = 0x04
const STATUS_FEATURES_OK = 0x08
const STATUS_NEEDS_RESET = 0x40
/** ISR status bits (4.1.4.5). */
const ISR_QUEUE = 1
const ISR_CONFIG = 2
const NO_VECTOR = 0xffff

/** Where the modern structures lie in BAR 1. */
const COMMON = 0x0000
const ISR = 0x1000
const DEVICE = 0x2000
const NOTIFY = 0x3000
const MODERN_SIZE = 0x4000
const COMMON_SIZE = 56
const LEGACY_HEADER = 20
const LEGACY_SIZE = 128
/** Capability types (4.1.4). */
const CAP_PCI_CFG = 5

/** What a device kind brings: its identity, its configuration space and what it does with requests. */
export interface VirtioDevice {
  readonly name: string
  /** Transitional PCI device ID, 0x1000–0x103F. */
  readonly pciDevice: number
  /** Device type number: the legacy subsystem ID. */
  readonly type: number
  readonly classCode: number
  /** Device-specific feature bits; the transport adds its own. */
  readonly features: bigint
  readonly queueSizes: readonly number[]
  /** Device configuration, at most 108 bytes; read by the guest, not writable. */
  readonly config: Uint8Array
  /**
   * Serves everything that waits in a queue; true if buffers were used. A thrown error means the driver broke the
   * ring: the transport sets DEVICE_NEEDS_RESET.
   */
  serve(queue: Virtqueue, index: number): boolean
}

/** What a snapshot keeps; the PCI function's state is the bus's to save. */
export interface VirtioPciState {
  queues: VirtqueueState[]
  status: number
  isr: number
  driverFeatures: bigint
  featureSelect: number
  driverFeatureSelect: number
  queueSelect: number
  generation: number
}

export class VirtioPci implements PciBarHandler, Snapshotable<VirtioPciState> {
  readonly pci: PciFunction
  readonly #device: VirtioDevice
  readonly #reporter: Reporter
  readonly #queues: readonly Virtqueue[]
  readonly #features: bigint
  readonly #cfgOffset: number
  #status = 0
  #isr = 0
  #driverFeatures = 0n
  #featureSelect = 0
  #driverFeatureSelect = 0
  #queueSelect = 0
  #generation = 0

  constructor(device: VirtioDevice, memory: GuestMemory, reporter: Reporter) {
    this.#device = device
    this.#reporter = reporter
    this.#queues = device.queueSizes.map(size => new Virtqueue(memory, size))
    this.#features = device.features | VIRTIO_F_VERSION_1 | VIRTIO_F_ANY_LAYOUT
    const legacy: PciBarHandler = {
      barRead: (offset, size) => this.#legacyRead(offset, size),
      barWrite: (offset, size, value) => this.#legacyWrite(offset, size, value),
    }
    this.pci = new PciFunction({
      name: device.name,
      vendor: VENDOR,
      device: device.pciDevice,
      classCode: device.classCode,
      subsystemVendor: VENDOR,
      subsystem: device.type,
      interruptPin: 1,
      bars: [
        { kind: 'io', size: LEGACY_SIZE, handler: legacy },
        { kind: 'memory', size: MODERN_SIZE, handler: this },
      ],
      capabilities: [
        capability(1, COMMON, COMMON_SIZE),
        capability(3, ISR, 4),
        capability(4, DEVICE, 0x1000),
        Uint8Array.of(...capability(2, NOTIFY, 0x1000), 4, 0, 0, 0),
        Uint8Array.of(...capability(CAP_PCI_CFG, 0, 0), 0, 0, 0, 0),
      ],
    })
    // The length bytes of a longer capability count what follows it.
    this.pci.config[this.pci.capabilityOffsets[3]! + 2] = 20
    this.#cfgOffset = this.pci.capabilityOffsets[4]!
    this.pci.config[this.#cfgOffset + 2] = 20
    this.#openConfigWindow()
  }

  /** The device's configuration has changed: tells the driver. */
  configChanged(): void {
    this.#generation = (this.#generation + 1) & 0xff
    this.#raise(ISR_CONFIG)
  }

  reset(): void {
    this.#resetDevice()
  }

  save(): VirtioPciState {
    return {
      queues: this.#queues.map(queue => ({ ...queue.state })),
      status: this.#status,
      isr: this.#isr,
      driverFeatures: this.#driverFeatures,
      featureSelect: this.#featureSelect,
      driverFeatureSelect: this.#driverFeatureSelect,
      queueSelect: this.#queueSelect,
      generation: this.#generation,
    }
  }

  restore(state: VirtioPciState): void {
    for (const [index, queue] of this.#queues.entries()) queue.state = { ...state.queues[index]! }
    this.#status = state.status
    this.#isr = state.isr
    this.#driverFeatures = state.driverFeatures
    this.#featureSelect = state.featureSelect
    this.#driverFeatureSelect = state.driverFeatureSelect
    this.#queueSelect = state.queueSelect
    this.#generation = state.generation
  }

  /* ---- modern interface (4.1.4) ---- */

  barRead(offset: number, size: number): number {
    if (offset < COMMON + COMMON_SIZE) return readFrom(this.#common(), offset, size)
    if (offset >= ISR && offset < DEVICE) return this.#readIsr()
    if (offset >= DEVICE && offset < NOTIFY) return readFrom(this.#device.config, offset - DEVICE, size)
    return 0
  }

  barWrite(offset: number, size: number, value: number): void {
    if (offset < COMMON + COMMON_SIZE) this.#writeCommon(offset, size, value)
    else if (offset >= NOTIFY) this.#notify((offset - NOTIFY) >> 2)
    else this.#ignored(offset, size)
  }

  /** The common configuration structure as bytes (4.1.4.3). */
  #common(): Uint8Array {
    const bytes = new Uint8Array(COMMON_SIZE)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, this.#featureSelect, true)
    view.setUint32(4, featureWord(this.#features, this.#featureSelect), true)
    view.setUint32(8, this.#driverFeatureSelect, true)
    view.setUint32(12, featureWord(this.#driverFeatures, this.#driverFeatureSelect), true)
    view.setUint16(16, NO_VECTOR, true)
    view.setUint16(18, this.#queues.length, true)
    view.setUint8(20, this.#status)
    view.setUint8(21, this.#generation)
    view.setUint16(22, this.#queueSelect, true)
    const queue = this.#selected()
    if (!queue) return bytes
    const { size, ready, desc, driver, device } = queue.state
    view.setUint16(24, size, true)
    view.setUint16(26, NO_VECTOR, true)
    view.setUint16(28, ready ? 1 : 0, true)
    view.setUint16(30, this.#queueSelect, true)
    for (const [index, address] of [desc, driver, device].entries()) {
      view.setUint32(32 + 8 * index, address % 0x1_0000_0000, true)
      view.setUint32(36 + 8 * index, Math.floor(address / 0x1_0000_0000), true)
    }
    return bytes
  }

  #writeCommon(offset: number, size: number, value: number): void {
    const state = this.#selected()?.state
    switch (offset) {
      case 0:
        this.#featureSelect = value
        break
      case 8:
        this.#driverFeatureSelect = value
        break
      case 12:
        this.#writeFeatures(this.#driverFeatureSelect, value)
        break
      case 16: // vectors: there is no MSI-X, NO_VECTOR is what reads back
      case 26:
        break
      case 20:
        this.#writeStatus(value)
        break
      case 22:
        this.#queueSelect = value & 0xffff
        break
      case 24:
        if (state && value > 0 && value <= this.#selected()!.maxSize && (value & (value - 1)) === 0) state.size = value
        break
      case 28:
        if (state && value === 1) state.ready = true
        break
      default:
        if (offset >= 32 && offset < COMMON_SIZE && size === 4 && offset % 4 === 0)
          this.#writeAddress(state, offset - 32, value)
        else this.#ignored(offset, size)
    }
  }

  /** One half of desc, driver or device address. */
  #writeAddress(state: VirtqueueState | undefined, offset: number, value: number): void {
    if (!state || state.ready) return
    const field = (['desc', 'driver', 'device'] as const)[offset >> 3]!
    const low = state[field] % 0x1_0000_0000
    const high = Math.floor(state[field] / 0x1_0000_0000)
    state[field] = offset & 4 ? value * 0x1_0000_0000 + low : high * 0x1_0000_0000 + value
  }

  /* ---- legacy interface (4.1.4.8) ---- */

  #legacyRead(offset: number, size: number): number {
    if (offset >= LEGACY_HEADER) return readFrom(this.#device.config, offset - LEGACY_HEADER, size)
    if (offset === 19 && size === 1) return this.#readIsr()
    const bytes = new Uint8Array(LEGACY_HEADER)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, featureWord(this.#features, 0), true)
    view.setUint32(4, featureWord(this.#driverFeatures, 0), true)
    const queue = this.#selected()
    if (queue) {
      view.setUint32(8, queue.state.ready ? Math.floor(queue.state.desc / 4096) : 0, true)
      view.setUint16(12, queue.maxSize, true)
    }
    view.setUint16(14, this.#queueSelect, true)
    view.setUint8(18, this.#status)
    return readFrom(bytes, offset, size)
  }

  #legacyWrite(offset: number, size: number, value: number): void {
    switch (offset) {
      case 4:
        this.#writeFeatures(0, value)
        break
      case 8: {
        const queue = this.#selected()
        if (queue && value === 0) queue.reset()
        else queue?.placeLegacy(value)
        break
      }
      case 14:
        this.#queueSelect = value & 0xffff
        break
      case 16:
        this.#notify(value & 0xffff)
        break
      case 18:
        this.#writeStatus(value & 0xff)
        break
      default:
        this.#ignored(offset, size)
    }
  }

  /* ---- common to both ---- */

  #selected(): Virtqueue | undefined {
    return this.#queues[this.#queueSelect]
  }

  #readIsr(): number {
    const value = this.#isr
    this.#isr = 0
    this.pci.setInterrupt(false)
    return value
  }

  #writeFeatures(word: number, value: number): void {
    // Frozen once the driver has said FEATURES_OK (3.1.1).
    if (word > 1 || this.#status & STATUS_FEATURES_OK) return
    const shift = BigInt(32 * word)
    const kept = this.#driverFeatures & ~(0xffff_ffffn << shift)
    this.#driverFeatures = kept | (BigInt(value >>> 0) << shift)
  }

  #writeStatus(value: number): void {
    if (value === 0) {
      this.#resetDevice()
      return
    }
    let status = value & 0xff
    // Features that were not offered: FEATURES_OK does not stick (3.1.1 step 6).
    if (status & STATUS_FEATURES_OK && this.#driverFeatures & ~this.#features) status &= ~STATUS_FEATURES_OK
    this.#status = status | (this.#status & STATUS_NEEDS_RESET)
  }

  #resetDevice(): void {
    this.#status = this.#isr = 0
    this.#driverFeatures = 0n
    this.#featureSelect = this.#driverFeatureSelect = this.#queueSelect = 0
    for (const queue of this.#queues) queue.reset()
    this.pci.setInterrupt(false)
  }

  #notify(index: number): void {
    const queue = this.#queues[index]
    if (!queue || !(this.#status & STATUS_DRIVER_OK) || this.#status & STATUS_NEEDS_RESET) return
    try {
      if (this.#device.serve(queue, index) && queue.wantsInterrupt()) this.#raise(ISR_QUEUE)
    } catch (cause) {
      this.#reporter.report(`${this.#device.name} ring`, `the driver broke the ring: ${(cause as Error).message}`)
      this.#status |= STATUS_NEEDS_RESET
      this.configChanged()
    }
  }

  #raise(bit: number): void {
    this.#isr |= bit
    this.pci.setInterrupt(true)
  }

  /** The PCI configuration access capability: a window onto the BARs without memory accesses (4.1.4.7). */
  #openConfigWindow(): void {
    const { config, writable } = this.pci
    const at = this.#cfgOffset
    writable[at + 4] = 0xff // bar
    writable.fill(0xff, at + 8, at + 20) // offset, length, data
    const view = new DataView(config.buffer)
    const target = (): [number, number] | undefined => {
      const offset = view.getUint32(at + 8, true)
      const length = view.getUint32(at + 12, true)
      if (config[at + 4] !== 1 || ![1, 2, 4].includes(length) || offset % length !== 0) return undefined
      return offset + length <= MODERN_SIZE ? [offset, length] : undefined
    }
    const touchesData = (offset: number, size: number): boolean => offset < at + 20 && offset + size > at + 16
    this.pci.onConfigRead = (offset, size) => {
      const window = touchesData(offset, size) ? target() : undefined
      if (window) view.setUint32(at + 16, this.barRead(...window) >>> 0, true)
    }
    this.pci.onConfigWrite = (offset, size) => {
      const window = touchesData(offset, size) ? target() : undefined
      if (!window) return
      const data = view.getUint32(at + 16, true)
      this.barWrite(...window, window[1] === 4 ? data : data & (window[1] === 2 ? 0xffff : 0xff))
    }
  }

  #ignored(offset: number, size: number): void {
    this.#reporter.report(
      `${this.#device.name} write ${hex(offset)}/${size}`,
      `a ${size}-byte write at ${hex(offset)} of ${this.#device.name} is ignored`,
    )
  }
}

/** `struct virtio_pci_cap` for BAR 1. */
function capability(type: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  bytes[0] = 0x09 // vendor specific
  bytes[2] = 16
  bytes[3] = type
  bytes[4] = 1
  view.setUint32(8, offset, true)
  view.setUint32(12, length, true)
  return bytes
}

function featureWord(features: bigint, select: number): number {
  return select > 1 ? 0 : Number((features >> BigInt(32 * select)) & 0xffff_ffffn)
}

/** A little-endian read of `size` bytes; past the end there are zeros. */
function readFrom(bytes: Uint8Array, offset: number, size: number): number {
  let value = 0
  for (let i = 0; i < size; i++) value |= (bytes[offset + i] ?? 0) << (8 * i)
  return value >>> 0
}
