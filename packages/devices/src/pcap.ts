/**
 * A network port that writes down what goes through it, in the classic capture format (IETF draft-ietf-opsawg-pcap): a file
 * header, then each frame behind its time and length, little-endian, in the order of virtual time.
 */
import type { Clock, NetPort } from '@paragraft/core/ports'

/** Magic of a file whose times are in microseconds. */
const MAGIC = 0xa1b2c3d4
const LINKTYPE_ETHERNET = 1
const SNAPLEN = 65_535

/** The header that the file begins with. */
export function pcapHeader(): Uint8Array {
  return words(MAGIC, (4 << 16) | 2, 0, 0, SNAPLEN, LINKTYPE_ETHERNET)
}

/** One frame at a virtual time in nanoseconds. */
export function pcapRecord(at: number, frame: Uint8Array): Uint8Array {
  const kept = frame.subarray(0, SNAPLEN)
  const microseconds = Math.floor(at / 1000)
  const header = words(Math.floor(microseconds / 1e6), microseconds % 1e6, kept.length, frame.length)
  const record = new Uint8Array(header.length + kept.length)
  record.set(header)
  record.set(kept, header.length)
  return record
}

/** Between a guest's interface and another port: frames pass both ways and are written as they do. */
export class CapturedNet implements NetPort {
  onReceive: ((frame: Uint8Array) => void) | null = null
  readonly #inner: NetPort
  readonly #clock: Clock
  readonly #write: (bytes: Uint8Array) => void

  /** `write` gets the file piece by piece, its header at once. */
  constructor(inner: NetPort, clock: Clock, write: (bytes: Uint8Array) => void) {
    this.#inner = inner
    this.#clock = clock
    this.#write = write
    write(pcapHeader())
    inner.onReceive = frame => {
      this.#record(frame)
      this.onReceive?.(frame)
    }
  }

  get mac(): Uint8Array {
    return this.#inner.mac
  }

  send(frame: Uint8Array): void {
    this.#record(frame)
    this.#inner.send(frame)
  }

  /** What the other port keeps; null if it keeps nothing. */
  save(): unknown {
    return this.#inner.save?.() ?? null
  }

  restore(state: unknown): void {
    this.#inner.restore?.(state)
  }

  #record(frame: Uint8Array): void {
    this.#write(pcapRecord(this.#clock.now(), frame))
  }
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length)
  const view = new DataView(bytes.buffer)
  for (const [index, value] of values.entries()) view.setUint32(4 * index, value >>> 0, true)
  return bytes
}
