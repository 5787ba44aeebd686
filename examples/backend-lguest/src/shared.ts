/** struct lguest_data, the page that host and guest both read and write, as the host has it. */
import type { Snapshotable } from '@paragraft/core/ports'
import { DATA_BYTES } from './abi.ts'
import { GuestKilled, type GuestRam, hex } from './memory.ts'

export class SharedPage implements Snapshotable<number | null> {
  readonly #ram: GuestRam
  /** Physical address; null until the guest has said. */
  #pa: number | null = null

  constructor(ram: GuestRam) {
    this.#ram = ram
  }

  get attached(): boolean {
    return this.#pa !== null
  }

  /** The guest says where it is, once. Throws {@link GuestKilled}. */
  attach(pa: number): void {
    if (this.attached) throw new GuestKilled('it calls lguestInit twice')
    if (!this.#ram.has(pa, DATA_BYTES)) throw new GuestKilled(`its struct lguest_data is at ${hex(pa)}`)
    this.#pa = pa
  }

  /** Words and bytes by their offset. Before there is a page, all are 0, and nothing is written. */
  get(offset: number): number {
    return this.#pa === null ? 0 : this.#ram.read32(this.#pa + offset)
  }

  set(offset: number, value: number): void {
    if (this.#pa !== null) this.#ram.write32(this.#pa + offset, value)
  }

  getByte(offset: number): number {
    return this.#pa === null ? 0 : this.#ram.read8(this.#pa + offset)
  }

  setByte(offset: number, value: number): void {
    if (this.#pa !== null) this.#ram.write8(this.#pa + offset, value)
  }

  save(): number | null {
    return this.#pa
  }

  restore(pa: number | null): void {
    this.#pa = pa
  }
}
