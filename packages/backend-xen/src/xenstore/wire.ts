/**
 * Xenstore's page (xen/include/public/io/xs_wire.h): a ring of bytes each way, with messages of a header and up to 4096
 * bytes in them. Indices run freely and are the guest's to forge: the ring's own size bounds whatever they claim.
 */
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import { decode, encode, layout } from '../abi/layout.ts'

const RING_SIZE = 1024
const REQ = 0
const RSP = 1024
const REQ_CONS = 2048
const REQ_PROD = 2052
const RSP_CONS = 2056
const RSP_PROD = 2060

export const XSD_SOCKMSG = layout(16, { type: [0, 'u32'], reqId: [4, 'u32'], txId: [8, 'u32'], len: [12, 'u32'] })
export const XENSTORE_PAYLOAD_MAX = 4096

/** Message types. */
export const XS_DIRECTORY = 1
export const XS_READ = 2
export const XS_GET_PERMS = 3
export const XS_WATCH = 4
export const XS_UNWATCH = 5
export const XS_TRANSACTION_START = 6
export const XS_TRANSACTION_END = 7
export const XS_GET_DOMAIN_PATH = 10
export const XS_WRITE = 11
export const XS_MKDIR = 12
export const XS_RM = 13
export const XS_SET_PERMS = 14
export const XS_WATCH_EVENT = 15
export const XS_ERROR = 16
export const XS_IS_DOMAIN_INTRODUCED = 17
export const XS_RESET_WATCHES = 19

export interface Message {
  type: number
  reqId: number
  txId: number
  payload: Uint8Array
}

/** Where the ring is, and bytes on their way. */
export interface StoreRingState {
  page: number
  input: Uint8Array
  output: Uint8Array[]
  broken: boolean
}

/** The transport: requests come out whole, replies go in as there is room. */
export class StoreRing implements Snapshotable<StoreRingState> {
  readonly #memory: GuestMemory
  #page: number
  readonly #onRequest: (message: Message) => void
  #input: number[] = []
  #output: Uint8Array[] = []
  #broken = false

  /** `page`: RAM address of the page. */
  constructor(memory: GuestMemory, page: number, onRequest: (message: Message) => void) {
    this.#memory = memory
    this.#page = page
    this.#onRequest = onRequest
  }

  save(): StoreRingState {
    return {
      page: this.#page,
      input: Uint8Array.from(this.#input),
      output: this.#output.map(bytes => bytes.slice()),
      broken: this.#broken,
    }
  }

  restore({ page, input, output, broken }: StoreRingState): void {
    this.#page = page
    this.#input = [...input]
    this.#output = output
    this.#broken = broken
  }

  /** Puts a message in the queue; {@link service} or {@link flush} moves it. */
  send({ type, reqId, txId, payload }: Message): void {
    const bytes = new Uint8Array(XSD_SOCKMSG.size + payload.length)
    bytes.set(encode(XSD_SOCKMSG, { type, reqId, txId, len: payload.length }))
    bytes.set(payload, XSD_SOCKMSG.size)
    this.#output.push(bytes)
  }

  /** The guest rang. Returns whether it is to be told that something moved. */
  service(): boolean {
    let moved = false
    // Requests wait while their answers would: a guest that does not read is not served.
    while (!this.#broken && this.#output.length === 0) {
      if (!this.#take()) break
      moved = true
      this.#dispatch()
      this.flush()
    }
    return this.flush() || moved
  }

  /** Moves what waits into the ring; returns whether anything moved. */
  flush(): boolean {
    const memory = this.#memory
    let producer = memory.read32(this.#page + RSP_PROD)
    const consumer = memory.read32(this.#page + RSP_CONS)
    let room = Math.max(0, RING_SIZE - ((producer - consumer) >>> 0))
    const first = producer
    while (room > 0 && this.#output.length > 0) {
      const bytes = this.#output[0]!
      const count = Math.min(room, bytes.length)
      for (let i = 0; i < count; i++) {
        memory.write8(this.#page + RSP + (producer % RING_SIZE), bytes[i]!)
        producer = (producer + 1) >>> 0
      }
      room -= count
      if (count === bytes.length) this.#output.shift()
      else this.#output[0] = bytes.subarray(count)
    }
    memory.write32(this.#page + RSP_PROD, producer)
    return producer !== first
  }

  /** Takes what the request ring holds; false when it is empty. */
  #take(): boolean {
    const memory = this.#memory
    const producer = memory.read32(this.#page + REQ_PROD)
    const consumer = memory.read32(this.#page + REQ_CONS)
    const count = Math.min((producer - consumer) >>> 0, RING_SIZE)
    for (let i = 0; i < count; i++) {
      this.#input.push(memory.read8(this.#page + REQ + (((consumer + i) >>> 0) % RING_SIZE)))
    }
    memory.write32(this.#page + REQ_CONS, producer)
    return count > 0
  }

  #dispatch(): void {
    while (!this.#broken && this.#input.length >= XSD_SOCKMSG.size) {
      const { type, reqId, txId, len } = decode(XSD_SOCKMSG, Uint8Array.from(this.#input.slice(0, XSD_SOCKMSG.size)))
      if (len > XENSTORE_PAYLOAD_MAX) {
        // xenstored hangs up on such a client.
        this.#broken = true
        this.#input = []
        return
      }
      if (this.#input.length < XSD_SOCKMSG.size + len) return
      const payload = Uint8Array.from(this.#input.slice(XSD_SOCKMSG.size, XSD_SOCKMSG.size + len))
      this.#input = this.#input.slice(XSD_SOCKMSG.size + len)
      this.#onRequest({ type, reqId, txId, payload })
    }
  }
}
