/**
 * Physical addresses outside RAM: ranges claimed by devices, found by binary search with the last hit remembered
 * (drivers hammer one device at a time). Accesses that leave a claim are split into bytes; unclaimed bytes read as
 * all ones, as an unterminated PCI cycle does (PCI 2.3, 3.3.3.1 master abort).
 */
import { ParagraftError } from '@paragraft/core/errors'
import type { MmioBus, MmioHandler, Reporter } from '@paragraft/core/ports'
import { hex } from './hex.ts'

interface Claim {
  readonly base: number
  readonly end: number
  readonly handler: MmioHandler
  readonly name: string
}

/** The memory-mapped side of one machine: devices claim ranges, the processor's non-RAM accesses arrive here. */
export class MmioMap implements MmioBus {
  /** Sorted by base; never overlapping. */
  #claims: Claim[] = []
  #last: Claim | undefined
  readonly #reporter: Reporter

  constructor(reporter: Reporter) {
    this.#reporter = reporter
  }

  /**
   * Claims `length` bytes at `base` and returns what releases them.
   * @throws ParagraftError `PG_MMIO_OVERLAP` when any byte has an owner, `PG_MMIO_RANGE` for an impossible range.
   */
  claim(base: number, length: number, handler: MmioHandler, name: string): () => void {
    const end = base + length
    if (!Number.isSafeInteger(base) || !Number.isSafeInteger(end) || base < 0 || length < 1) {
      throw new ParagraftError('PG_MMIO_RANGE', `${name} claims an impossible address range`, {
        fields: { base, length },
      })
    }
    const owner = this.#claims.find(claim => claim.base < end && base < claim.end)
    if (owner) {
      throw new ParagraftError('PG_MMIO_OVERLAP', `${name} claims ${hex(base)}, inside what ${owner.name} owns`, {
        fields: { base, length, claimant: name, owner: owner.name },
        hint: 'Give one of the two devices another base address.',
      })
    }
    const claim: Claim = { base, end, handler, name }
    this.#claims = [...this.#claims, claim].sort((a, b) => a.base - b.base)
    return () => {
      this.#claims = this.#claims.filter(other => other !== claim)
      if (this.#last === claim) this.#last = undefined
    }
  }

  /** A read of 1, 2 or 4 bytes at physical address `pa`. */
  mmioRead(pa: number, size: number): number {
    const claim = this.#find(pa)
    if (claim && pa + size <= claim.end) return claim.handler.mmioRead(pa - claim.base, size)
    if (size > 1 && (claim || this.#find(pa + size - 1))) {
      let value = 0
      for (let i = 0; i < size; i++) value |= this.mmioRead(pa + i, 1) << (8 * i)
      return value >>> 0
    }
    this.#report(pa, 'read')
    return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff
  }

  /** A write of 1, 2 or 4 bytes at physical address `pa`. */
  mmioWrite(pa: number, size: number, value: number): void {
    const claim = this.#find(pa)
    if (claim && pa + size <= claim.end) {
      claim.handler.mmioWrite(pa - claim.base, size, value)
      return
    }
    if (size > 1 && (claim || this.#find(pa + size - 1))) {
      for (let i = 0; i < size; i++) this.mmioWrite(pa + i, 1, (value >>> (8 * i)) & 0xff)
      return
    }
    this.#report(pa, 'write')
  }

  #find(pa: number): Claim | undefined {
    const last = this.#last
    if (last && pa >= last.base && pa < last.end) return last
    let low = 0
    let high = this.#claims.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const claim = this.#claims[middle]!
      if (pa < claim.base) high = middle - 1
      else if (pa >= claim.end) low = middle + 1
      else {
        this.#last = claim
        return claim
      }
    }
    return undefined
  }

  /** One report per page: a guest that probes for RAM walks through millions of addresses. */
  #report(pa: number, what: string): void {
    const page = Math.floor(pa / 4096) * 4096
    this.#reporter.report(
      `mmio ${hex(page)} ${what}`,
      `${what} of physical ${hex(pa)}, where neither RAM nor a device is`,
    )
  }
}
