/**
 * The instruction TLB that generated code looks blocks up with: direct-mapped words {tag, physical page} in linear
 * memory, filled by the engine and emptied page by page as the architecture asks (SDM vol. 3A 4.10.4): what an INVLPG or
 * a load of CR3 leaves valid stays, since a miss here costs more than a hundred instructions.
 */
import type { Processor } from '../processor.ts'
import { CPL, ITLB, ITLB_ENTRIES, ITLB_LOCAL, ITLB_LOCAL_COUNT } from '../state.ts'
import { itlbTag } from './lookup.ts'

const FIRST = ITLB >> 2
const MASK = ITLB_ENTRIES - 1

export class InstructionTlb {
  readonly #cpu: Processor
  /** Slots filled from pages that are not global, since they were last dropped; the same slot may come twice. */
  readonly #local: Uint16Array

  constructor(cpu: Processor) {
    this.#cpu = cpu
    this.#local = new Uint16Array(cpu.buffer, ITLB_LOCAL, ITLB_ENTRIES)
    cpu.onTlbFlush = (what, region) => {
      if (what === 'all') this.#dropAll()
      else if (what === 'nonglobal') this.#dropLocal()
      else if (region) this.#dropRegion(what >>> 22)
      else if (cpu.u32[FIRST + ((what >>> 12) & MASK) * 2] >>> 12 === what >>> 12) this.#drop((what >>> 12) & MASK)
    }
  }

  get #localCount(): number {
    return this.#cpu.u32[ITLB_LOCAL_COUNT >> 2]
  }
  set #localCount(count: number) {
    this.#cpu.u32[ITLB_LOCAL_COUNT >> 2] = count
  }

  /** Enters the page of `lin` at the current level, as the processor has just translated it for a fetch. */
  enter(lin: number, page: number): void {
    const { u32, walk } = this.#cpu
    const slot = (lin >>> 12) & MASK
    u32[FIRST + slot * 2] = itlbTag(lin, u32[CPL >> 2] === 3)
    u32[FIRST + slot * 2 + 1] = page
    if (walk.global) return
    if (this.#localCount === ITLB_ENTRIES) {
      this.#dropAll()
      this.enter(lin, page)
    } else this.#local[this.#localCount++] = slot
  }

  #drop(slot: number): void {
    if (this.#cpu.u32[FIRST + slot * 2] === 0) return
    this.#cpu.u32[FIRST + slot * 2] = 0
    // A translated region has looked its pages up at its start only: it must leave.
    this.#cpu.attention()
  }
  #dropLocal(): void {
    for (let i = 0; i < this.#localCount; i++) this.#drop(this.#local[i])
    this.#localCount = 0
  }
  #dropRegion(region: number): void {
    for (let slot = 0; slot < ITLB_ENTRIES; slot++) {
      if (this.#cpu.u32[FIRST + slot * 2] >>> 22 === region) this.#drop(slot)
    }
  }
  #dropAll(): void {
    this.#cpu.u32.fill(0, FIRST, FIRST + ITLB_ENTRIES * 2)
    this.#cpu.attention()
    this.#localCount = 0
  }
}
