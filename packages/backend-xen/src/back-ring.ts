/**
 * The back end's side of a shared ring: requests are taken in order, responses put in the same slots. The indices are the
 * guest's to forge: a producer further ahead than the ring is long breaks the ring, and nothing of it is served any more
 * (ring.h, RING_REQUEST_PROD_OVERFLOW).
 */
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import { decode, encode, type Field, type Layout, type Values } from './abi/layout.ts'
import { RING_ENTRIES, RING_REQ_EVENT, RING_REQ_PROD, RING_RSP_EVENT, RING_RSP_PROD } from './abi/ring.ts'
import { PAGE_SIZE } from './abi/xen.ts'

/** Where it is, and how far either side has come. */
export interface BackRingState {
  page: number
  consumed: number
  produced: number
  announced: number
  broken: boolean
}

export class BackRing implements Snapshotable<BackRingState> {
  /** Entries. */
  readonly size: number
  readonly #memory: GuestMemory
  #page: number
  readonly #entry: number
  #consumed: number
  #produced: number
  #announced: number
  #broken = false

  /** `page`: RAM address; `entry`: bytes of an entry, request or response, whichever is longer. */
  constructor(memory: GuestMemory, page: number, entry: number) {
    this.#memory = memory
    this.#page = page
    this.#entry = entry
    this.size = 2 ** Math.floor(Math.log2((PAGE_SIZE - RING_ENTRIES) / entry))
    // A front end that reconnects may go on where responses ended.
    this.#consumed = this.#produced = this.#announced = memory.read32(page + RING_RSP_PROD)
  }

  save(): BackRingState {
    return {
      page: this.#page,
      consumed: this.#consumed,
      produced: this.#produced,
      announced: this.#announced,
      broken: this.#broken,
    }
  }

  restore({ page, consumed, produced, announced, broken }: BackRingState): void {
    this.#page = page
    this.#consumed = consumed
    this.#produced = produced
    this.#announced = announced
    this.#broken = broken
  }

  get broken(): boolean {
    return this.#broken
  }

  /** Requests that wait; 0 of a broken ring. */
  get waiting(): number {
    if (this.#broken) return 0
    const count = (this.#memory.read32(this.#page + RING_REQ_PROD) - this.#consumed) >>> 0
    if (count > this.size) {
      this.#broken = true
      return 0
    }
    return count
  }

  /** The next request's bytes, a copy that the guest cannot change any more. There must be one. */
  take(): Uint8Array {
    const bytes = this.#memory.read(this.#at(this.#consumed), this.#entry)
    this.#consumed = (this.#consumed + 1) >>> 0
    return bytes
  }

  /** A request decoded. */
  takeAs<Fields extends Readonly<Record<string, Field>>>(layout: Layout<Fields>): Values<Layout<Fields>> {
    return decode(layout, this.take())
  }

  /** Puts the next response; {@link push} shows it to the guest. */
  put<Fields extends Readonly<Record<string, Field>>>(
    layout: Layout<Fields>,
    values: Partial<Record<keyof Fields, number>>,
  ): void {
    this.#memory.write(this.#at(this.#produced), encode(layout, values))
    this.#produced = (this.#produced + 1) >>> 0
  }

  /** Shows what was put; returns whether the guest asked to be told of it. */
  push(): boolean {
    const before = this.#announced
    this.#announced = this.#produced
    this.#memory.write32(this.#page + RING_RSP_PROD, this.#produced)
    const event = this.#memory.read32(this.#page + RING_RSP_EVENT)
    return (this.#produced - event) >>> 0 < (this.#produced - before) >>> 0
  }

  /** Asks to be told of the next request. */
  rearm(): void {
    if (!this.#broken) this.#memory.write32(this.#page + RING_REQ_EVENT, (this.#consumed + 1) >>> 0)
  }

  #at(index: number): number {
    return this.#page + RING_ENTRIES + (index % this.size) * this.#entry
  }
}
