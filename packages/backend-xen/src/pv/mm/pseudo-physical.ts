/** A domain's memory as it numbers it itself: frame n is machine frame `p2m[n]`. For whoever places something before the guest runs. */
import { ParagraftError } from '@paragraft/core/errors'
import type { GuestMemory } from '@paragraft/core/ports'
import { PAGE_SIZE } from '../../abi/xen.ts'

export class PseudoPhysicalMemory implements GuestMemory {
  readonly size: number
  readonly #memory: GuestMemory
  readonly #p2m: Uint32Array

  constructor(memory: GuestMemory, p2m: Uint32Array) {
    this.size = p2m.length * PAGE_SIZE
    this.#memory = memory
    this.#p2m = p2m
  }

  read8(pa: number): number {
    return this.#memory.read8(this.#machine(pa))
  }

  read16(pa: number): number {
    return this.read8(pa) | (this.read8(pa + 1) << 8)
  }

  read32(pa: number): number {
    return (this.read16(pa) | (this.read16(pa + 2) << 16)) >>> 0
  }

  write8(pa: number, value: number): void {
    this.#memory.write8(this.#machine(pa), value)
  }

  write16(pa: number, value: number): void {
    this.write8(pa, value & 0xff)
    this.write8(pa + 1, (value >>> 8) & 0xff)
  }

  write32(pa: number, value: number): void {
    this.write16(pa, value & 0xffff)
    this.write16(pa + 2, value >>> 16)
  }

  read(pa: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    this.#pieces(pa, length, (at, from, count) => bytes.set(this.#memory.read(at, count), from))
    return bytes
  }

  write(pa: number, bytes: Uint8Array): void {
    this.#pieces(pa, bytes.length, (at, from, count) => this.#memory.write(at, bytes.subarray(from, from + count)))
  }

  fill(pa: number, value: number, length: number): void {
    this.#pieces(pa, length, (at, _from, count) => this.#memory.fill(at, value, count))
  }

  #machine(pa: number): number {
    const mfn = this.#p2m[Math.floor(pa / PAGE_SIZE)]
    if (mfn === undefined) {
      throw new ParagraftError('PG_MEMORY_RANGE', `outside the domain's memory: 0x${pa.toString(16)}`, {
        fields: { address: pa, size: this.size },
        hint: 'Pseudo-physical addresses end where the domain has no more pages.',
      })
    }
    return mfn * PAGE_SIZE + (pa % PAGE_SIZE)
  }

  /** Splits a range at page boundaries. */
  #pieces(pa: number, length: number, use: (at: number, from: number, count: number) => void): void {
    if (length > 0) this.#machine(pa + length - 1)
    for (let from = 0; from < length; ) {
      const count = Math.min(length - from, PAGE_SIZE - ((pa + from) % PAGE_SIZE))
      use(this.#machine(pa + from), from, count)
      from += count
    }
  }
}
