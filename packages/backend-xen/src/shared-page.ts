/**
 * A page of the hypervisor's that a guest can see: shared_info, a frame of the grant table. Until the guest puts it into
 * its address space it lives here; from then on in the RAM page where the guest wants it, and everybody reads and writes
 * it there.
 */
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import { PAGE_SIZE } from './abi/xen.ts'

/** Where it is, and what it holds while that is here. */
export interface SharedPageState {
  at: number | null
  own: Uint8Array
}

export class SharedPage implements Snapshotable<SharedPageState> {
  readonly #memory: GuestMemory
  readonly #own = new Uint8Array(PAGE_SIZE)
  readonly #view = new DataView(this.#own.buffer)
  #at: number | null = null

  constructor(memory: GuestMemory) {
    this.#memory = memory
  }

  /** RAM address, or null while the guest has not mapped it. */
  get address(): number | null {
    return this.#at
  }

  /** The page appears at a RAM address, with what it holds. */
  moveTo(address: number): void {
    if (address === this.#at) return
    const contents = this.#at === null ? this.#own : this.#memory.read(this.#at, PAGE_SIZE)
    this.#memory.write(address, contents)
    this.#at = address
  }

  /** The page leaves the guest's address space, and keeps what it holds. */
  withdraw(): void {
    if (this.#at === null) return
    this.#own.set(this.#memory.read(this.#at, PAGE_SIZE))
    this.#at = null
  }

  save(): SharedPageState {
    return { at: this.#at, own: this.#own.slice() }
  }

  restore({ at, own }: SharedPageState): void {
    this.#at = at
    this.#own.set(own)
  }

  read8(offset: number): number {
    return this.#at === null ? this.#view.getUint8(offset) : this.#memory.read8(this.#at + offset)
  }

  write8(offset: number, value: number): void {
    if (this.#at === null) this.#view.setUint8(offset, value)
    else this.#memory.write8(this.#at + offset, value)
  }

  read16(offset: number): number {
    return this.#at === null ? this.#view.getUint16(offset, true) : this.#memory.read16(this.#at + offset)
  }

  write16(offset: number, value: number): void {
    if (this.#at === null) this.#view.setUint16(offset, value, true)
    else this.#memory.write16(this.#at + offset, value)
  }

  read32(offset: number): number {
    return this.#at === null ? this.#view.getUint32(offset, true) : this.#memory.read32(this.#at + offset)
  }

  write32(offset: number, value: number): void {
    if (this.#at === null) this.#view.setUint32(offset, value, true)
    else this.#memory.write32(this.#at + offset, value)
  }

  read(offset: number, length: number): Uint8Array {
    if (this.#at !== null) return this.#memory.read(this.#at + offset, length)
    return this.#own.slice(offset, offset + length)
  }

  write(offset: number, bytes: Uint8Array): void {
    if (this.#at === null) this.#own.set(bytes, offset)
    else this.#memory.write(this.#at + offset, bytes)
  }
}
