/**
 * The device's side of a split virtqueue (Virtual I/O Device 1.1, 2.6). The rings live in guest memory and are
 * trusted for nothing: lengths, indices and loops are checked, and a broken ring is a `VirtqueueError`, never a hang.
 */
import type { GuestMemory } from '@paragraft/core/ports'

const DESC_NEXT = 1
const DESC_WRITE = 2
const DESC_INDIRECT = 4
const DESC_SIZE = 16
const AVAIL_NO_INTERRUPT = 1

/** The driver has broken the rules of the ring; the device stops and asks to be reset. */
export class VirtqueueError extends Error {}

/** A piece of guest memory that a descriptor names. */
export interface VirtqueueSegment {
  address: number
  length: number
}

/** One request: what the device may read, then what it may write. */
export interface VirtqueueChain {
  head: number
  readable: VirtqueueSegment[]
  writable: VirtqueueSegment[]
}

export interface VirtqueueState {
  size: number
  ready: boolean
  desc: number
  driver: number
  device: number
  lastAvail: number
  usedIndex: number
}

export class Virtqueue {
  readonly maxSize: number
  state: VirtqueueState
  readonly #memory: GuestMemory

  constructor(memory: GuestMemory, maxSize: number) {
    this.#memory = memory
    this.maxSize = maxSize
    this.state = this.#initial()
  }

  reset(): void {
    this.state = this.#initial()
  }

  /** Places the three parts as the legacy interface does: one block, used ring on the next 4096 boundary (2.6.2). */
  placeLegacy(pageFrame: number): void {
    const s = this.state
    s.desc = pageFrame * 4096
    s.driver = s.desc + DESC_SIZE * s.size
    s.device = Math.ceil((s.driver + 6 + 2 * s.size) / 4096) * 4096
    s.ready = pageFrame !== 0
  }

  /** The next request, or undefined when none waits. */
  pop(): VirtqueueChain | undefined {
    const s = this.state
    if (!s.ready) return undefined
    const available = this.#read16(s.driver + 2)
    const waiting = (available - s.lastAvail) & 0xffff
    if (waiting === 0) return undefined
    if (waiting > s.size) throw new VirtqueueError(`available index is ${waiting} ahead in a ring of ${s.size}`)
    const head = this.#read16(s.driver + 4 + 2 * (s.lastAvail % s.size))
    s.lastAvail = (s.lastAvail + 1) & 0xffff
    return this.#walk(head)
  }

  /** Returns a chain with `written` bytes filled in. */
  push(head: number, written: number): void {
    const s = this.state
    const at = s.device + 4 + 8 * (s.usedIndex % s.size)
    this.#check(at, 8)
    this.#check(s.device, 4)
    this.#memory.write32(at, head)
    this.#memory.write32(at + 4, written)
    s.usedIndex = (s.usedIndex + 1) & 0xffff
    this.#memory.write16(s.device + 2, s.usedIndex)
  }

  /** Whether the driver wants to hear of used buffers now. */
  wantsInterrupt(): boolean {
    return (this.#read16(this.state.driver) & AVAIL_NO_INTERRUPT) === 0
  }

  #initial(): VirtqueueState {
    return { size: this.maxSize, ready: false, desc: 0, driver: 0, device: 0, lastAvail: 0, usedIndex: 0 }
  }

  #walk(head: number): VirtqueueChain {
    const chain: VirtqueueChain = { head, readable: [], writable: [] }
    let table = this.state.desc
    let entries = this.state.size
    let index = head
    // No chain, direct or indirect, may be longer than the queue (2.6.5.3.1); that also ends loops. Drivers measure
    // against the size the device offers, not the one they chose.
    for (let count = 0; ; count++) {
      if (index >= entries) throw new VirtqueueError(`descriptor ${index} of ${entries}`)
      if (count >= this.maxSize) throw new VirtqueueError('descriptor chain longer than the queue')
      const at = table + DESC_SIZE * index
      this.#check(at, DESC_SIZE)
      const high = this.#memory.read32(at + 4)
      const address = high * 0x1_0000_0000 + this.#memory.read32(at)
      const length = this.#memory.read32(at + 8)
      const flags = this.#memory.read16(at + 12)
      const next = this.#memory.read16(at + 14)
      if (flags & DESC_INDIRECT) {
        if (table !== this.state.desc) throw new VirtqueueError('indirect table inside an indirect table')
        if (flags & DESC_NEXT) throw new VirtqueueError('indirect descriptor that goes on')
        if (length === 0 || length % DESC_SIZE !== 0) throw new VirtqueueError(`indirect table of ${length} bytes`)
        table = address
        entries = length / DESC_SIZE
        index = 0
        count = -1
        continue
      }
      this.#check(address, length)
      if (flags & DESC_WRITE) chain.writable.push({ address, length })
      else if (chain.writable.length > 0) throw new VirtqueueError('readable descriptor after a writable one')
      else chain.readable.push({ address, length })
      if (!(flags & DESC_NEXT)) return chain
      index = next
    }
  }

  #read16(address: number): number {
    this.#check(address, 2)
    return this.#memory.read16(address)
  }

  #check(address: number, length: number): void {
    if (!(address >= 0 && address + length <= this.#memory.size)) {
      throw new VirtqueueError(`address 0x${address.toString(16)} + ${length} outside memory`)
    }
  }
}
