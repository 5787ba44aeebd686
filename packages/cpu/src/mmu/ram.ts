/**
 * The GuestMemory port over the processor's RAM: what devices (DMA), loaders and host ops get. Writes into pages that
 * hold code are reported, as the processor's own are.
 */
import { ParagraftError } from '@paragraft/core/errors'
import type { GuestMemory } from '@paragraft/core/ports'
import type { Processor } from '../processor.ts'
import { RAM } from '../state.ts'
import { PAGE_CODE } from './physical.ts'

/** RAM of one machine. Every method throws `PG_MEMORY_RANGE` when the range is not wholly inside RAM. */
export class Ram implements GuestMemory {
  readonly size: number
  readonly #cpu: Processor

  constructor(cpu: Processor) {
    this.#cpu = cpu
    this.size = cpu.ramSize
  }

  #at(pa: number, length: number): number {
    if (!Number.isInteger(pa) || !Number.isInteger(length) || pa < 0 || length < 0 || pa + length > this.size) {
      throw new ParagraftError('PG_MEMORY_RANGE', `guest memory ${hex(pa)}+${hex(length)} is outside RAM`, {
        fields: { address: pa, length, size: this.size },
        hint: 'give the machine more memory, or correct the address',
      })
    }
    return RAM + pa
  }

  /** Reports a finished write, page by page. */
  #wrote(pa: number, length: number): void {
    const { pageFlags } = this.#cpu
    for (let at = pa; at < pa + length; ) {
      const next = Math.min(at - (at % 4096) + 4096, pa + length)
      if ((pageFlags[at >>> 12]! & PAGE_CODE) !== 0) this.#cpu.onCodeWrite(at, next - at)
      at = next
    }
  }

  read8(pa: number): number {
    return this.#cpu.u8[this.#at(pa, 1)]!
  }
  read16(pa: number): number {
    return this.#cpu.view.getUint16(this.#at(pa, 2), true)
  }
  read32(pa: number): number {
    return this.#cpu.view.getUint32(this.#at(pa, 4), true)
  }
  write8(pa: number, value: number): void {
    this.#cpu.u8[this.#at(pa, 1)] = value
    this.#wrote(pa, 1)
  }
  write16(pa: number, value: number): void {
    this.#cpu.view.setUint16(this.#at(pa, 2), value, true)
    this.#wrote(pa, 2)
  }
  write32(pa: number, value: number): void {
    this.#cpu.view.setUint32(this.#at(pa, 4), value, true)
    this.#wrote(pa, 4)
  }
  read(pa: number, length: number): Uint8Array {
    const at = this.#at(pa, length)
    return this.#cpu.u8.slice(at, at + length)
  }
  write(pa: number, bytes: Uint8Array): void {
    this.#cpu.u8.set(bytes, this.#at(pa, bytes.length))
    this.#wrote(pa, bytes.length)
  }
  fill(pa: number, value: number, length: number): void {
    const at = this.#at(pa, length)
    this.#cpu.u8.fill(value, at, at + length)
    this.#wrote(pa, length)
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}
