/**
 * virtio block device (Virtual I/O Device 1.1, 5.2) on a block port: read, write, flush and identity. Requests are
 * served when the driver kicks; what the medium refuses becomes VIRTIO_BLK_S_IOERR, never a host error.
 */
import type { BlockPort, GuestMemory, Reporter } from '@paragraft/core/ports'
import { type VirtioDevice, VirtioPci } from './virtio-pci.ts'
import { type Virtqueue, type VirtqueueChain, VirtqueueError, type VirtqueueSegment } from './virtqueue.ts'

const SECTOR = 512
const QUEUE_SIZE = 128
const HEADER_SIZE = 16
/** Two descriptors of a chain are the header and the status byte (5.2.5). */
const SEG_MAX = QUEUE_SIZE - 2
/** Bytes of one request that the device will move; larger ones fail. Linux stays far below. */
const REQUEST_LIMIT = 64 << 20
const ID_BYTES = 20

const F_SEG_MAX = 1n << 2n
const F_RO = 1n << 5n
const F_BLK_SIZE = 1n << 6n
const F_FLUSH = 1n << 9n
const F_INDIRECT_DESC = 1n << 28n

const T_IN = 0
const T_OUT = 1
const T_FLUSH = 4
const T_GET_ID = 8
const S_OK = 0
const S_IOERR = 1
const S_UNSUPP = 2

export interface VirtioBlkOptions {
  memory: GuestMemory
  disk: BlockPort
  reporter: Reporter
  /** What `/dev/disk/by-id` shows, at most 20 ASCII characters. */
  serial?: string
}

/** A virtio disk as a PCI function, 1AF4:1001. */
export function createVirtioBlk(options: VirtioBlkOptions): VirtioPci {
  return new VirtioPci(new VirtioBlk(options), options.memory, options.reporter)
}

class VirtioBlk implements VirtioDevice {
  readonly name = 'virtio-blk'
  readonly pciDevice = 0x1001
  readonly type = 2
  readonly classCode = 0x01_0000
  readonly queueSizes = [QUEUE_SIZE]
  readonly features: bigint
  readonly config = new Uint8Array(60)
  readonly #memory: GuestMemory
  readonly #disk: BlockPort
  readonly #reporter: Reporter
  readonly #serial: string

  constructor(options: VirtioBlkOptions) {
    this.#memory = options.memory
    this.#disk = options.disk
    this.#reporter = options.reporter
    this.#serial = options.serial ?? 'paragraft0'
    this.features = F_SEG_MAX | F_BLK_SIZE | F_FLUSH | F_INDIRECT_DESC | (options.disk.readOnly ? F_RO : 0n)
    const view = new DataView(this.config.buffer)
    view.setBigUint64(0, BigInt(options.disk.sectors), true)
    view.setUint32(12, SEG_MAX, true)
    view.setUint32(20, SECTOR, true)
  }

  serve(queue: Virtqueue): boolean {
    let used = false
    // The driver cannot add while we work, so one ring is all there can be.
    for (let count = 0; count < queue.state.size; count++) {
      const chain = queue.pop()
      if (!chain) break
      queue.push(chain.head, this.#request(chain))
      used = true
    }
    return used
  }

  /** Serves one request and returns the bytes written to guest memory, status included. */
  #request(chain: VirtqueueChain): number {
    const header = takeFront(chain.readable, HEADER_SIZE)
    const status = takeBack(chain.writable)
    if (!header || status === undefined) throw new VirtqueueError('request without header or status byte')
    const bytes = this.#gather(header, HEADER_SIZE)
    const view = new DataView(bytes.buffer)
    const type = view.getUint32(0, true)
    const sector = view.getUint32(8, true) + view.getUint32(12, true) * 0x1_0000_0000
    let result = S_OK
    let written = 0
    try {
      if (type === T_IN) written = this.#read(sector, chain.writable)
      else if (type === T_OUT) this.#write(sector, chain.readable)
      else if (type === T_FLUSH) this.#disk.flush()
      else if (type === T_GET_ID) written = this.#identify(chain.writable)
      else result = S_UNSUPP
    } catch (cause) {
      result = S_IOERR
      written = 0
      this.#reporter.report(`virtio-blk request ${type}`, `a disk request failed: ${(cause as Error).message}`)
    }
    this.#memory.write8(status, result)
    return written + 1
  }

  #read(sector: number, into: readonly VirtqueueSegment[]): number {
    const data = new Uint8Array(this.#span(sector, into))
    this.#disk.read(sector, data)
    this.#scatter(into, data)
    return data.length
  }

  #write(sector: number, from: readonly VirtqueueSegment[]): void {
    const length = this.#span(sector, from)
    if (this.#disk.readOnly) throw new Error('the disk is read-only')
    this.#disk.write(sector, this.#gather(from, length))
  }

  #identify(into: readonly VirtqueueSegment[]): number {
    const id = new Uint8Array(ID_BYTES)
    for (let i = 0; i < Math.min(ID_BYTES, this.#serial.length); i++) id[i] = this.#serial.charCodeAt(i)
    return this.#scatter(into, id)
  }

  /** Length of a request's data after checking that it is whole sectors inside the disk. */
  #span(sector: number, segments: readonly VirtqueueSegment[]): number {
    const length = total(segments)
    if (length % SECTOR !== 0) throw new Error(`${length} bytes are not whole sectors`)
    if (length > REQUEST_LIMIT) throw new Error(`${length} bytes in one request`)
    if (!(sector + length / SECTOR <= this.#disk.sectors)) throw new Error(`sector ${sector} is past the end`)
    return length
  }

  #gather(segments: readonly VirtqueueSegment[], length: number): Uint8Array {
    const data = new Uint8Array(length)
    let at = 0
    for (const segment of segments) {
      data.set(this.#memory.read(segment.address, segment.length), at)
      at += segment.length
    }
    return data
  }

  /** Copies as much as fits and returns how much that was. */
  #scatter(segments: readonly VirtqueueSegment[], data: Uint8Array): number {
    let at = 0
    for (const segment of segments) {
      const part = data.subarray(at, at + segment.length)
      if (part.length > 0) this.#memory.write(segment.address, part)
      at += part.length
    }
    return at
  }
}

function total(segments: readonly VirtqueueSegment[]): number {
  return segments.reduce((sum, segment) => sum + segment.length, 0)
}

/** Removes the first `length` bytes from the list and returns them, or undefined if there are fewer. */
function takeFront(segments: VirtqueueSegment[], length: number): VirtqueueSegment[] | undefined {
  const taken: VirtqueueSegment[] = []
  let left = length
  while (left > 0) {
    const first = segments[0]
    if (!first) return undefined
    const part = Math.min(left, first.length)
    taken.push({ address: first.address, length: part })
    left -= part
    if (part === first.length) segments.shift()
    else segments[0] = { address: first.address + part, length: first.length - part }
  }
  return taken
}

/** Removes the last byte from the list and returns its address. */
function takeBack(segments: VirtqueueSegment[]): number | undefined {
  while (segments.length > 0 && segments[segments.length - 1]!.length === 0) segments.pop()
  const last = segments[segments.length - 1]
  if (!last) return undefined
  last.length--
  return last.address + last.length
}
