/** What the machine under a ROM keeps: page tables as told, updates that wait, lazy mode, time, processors to come. */
import { isParagraftError } from '@paragraft/core/errors'
import type { BackendPorts } from '@paragraft/core/ops'
import type { Snapshotable } from '@paragraft/core/ports'
import { VMI_LAZY_NONE } from '../abi/constants.ts'
import { PageTables, type PageTablesState } from './page-tables.ts'
import type { Update, UpdateQueue } from './queue.ts'
import { VmiTime, type VmiTimeState } from './time.ts'

/** What a snapshot keeps; a ROM's queue, and its lazy mode, are in guest memory. */
export interface SavedVmiState {
  tables: PageTablesState
  time: VmiTimeState
  apStates: [apicId: number, state: Readonly<Record<string, number>>][]
  lazyMode: number
}

export class VmiState implements Snapshotable<SavedVmiState> {
  readonly ports: BackendPorts
  readonly tables: PageTables
  readonly time: VmiTime
  /** Initial states of processors by APIC identity, as SetInitialAPState gave them. */
  readonly apStates = new Map<number, Readonly<Record<string, number>>>()
  readonly #queue: UpdateQueue | undefined
  #lazyMode: number = VMI_LAZY_NONE

  constructor(ports: BackendPorts, queue: UpdateQueue | undefined, stolenPercent: number) {
    this.ports = ports
    this.#queue = queue
    this.tables = new PageTables(ports.memory.size, ports.reporter)
    this.time = new VmiTime(ports, stolenPercent)
  }

  save(): SavedVmiState {
    return {
      tables: this.tables.save(),
      time: this.time.save(),
      apStates: [...this.apStates],
      lazyMode: this.#lazyMode,
    }
  }

  restore(state: SavedVmiState): void {
    this.tables.restore(state.tables)
    this.time.restore(state.time)
    this.apStates.clear()
    for (const [apicId, ap] of state.apStates) this.apStates.set(apicId, ap)
    this.#lazyMode = state.lazyMode
  }

  /** The ROM's own code begins and ends modes where it has a queue. */
  get lazyMode(): number {
    return this.#queue?.lazyMode ?? this.#lazyMode
  }

  set lazyMode(mode: number) {
    if (this.#queue === undefined) this.#lazyMode = mode
    else this.#queue.lazyMode = mode
  }

  /** Updates that wait. */
  get waiting(): number {
    return this.#queue?.count ?? 0
  }

  /** Carries out an update of a page-table entry, or takes notice of one that the guest has made. */
  update(update: Update): void {
    const { entry, low, high, flags, long, told } = update
    const { memory, virtual } = this.ports
    const call = `${told ? 'Update' : 'Set'}PxE${long ? 'Long' : ''}`
    const size = long ? 8 : 4
    const pa = this.tables.physical(entry, size)
    if (told) {
      this.tables.counts.told++
    } else if (pa === undefined) {
      // Both halves before either is changed: a fault in the second must not leave half an entry.
      if (long) virtual.writeVirtual32((entry + 4) >>> 0, this.#halfWay(entry, high))
      virtual.writeVirtual32(entry, low)
    } else {
      if (long) memory.write32(pa + 4, high)
      memory.write32(pa, low)
    }
    if (!told) this.tables.counts.set++
    this.tables.touched(call, pa, flags, long)
  }

  /**
   * Carries out what waits, oldest first. An entry that cannot be written is dropped, and reported: its guest has taken the page
   * away that it asked to be written.
   */
  drain(): void {
    if (this.#queue === undefined || this.#queue.count === 0) return
    for (const update of this.#queue.entries()) {
      try {
        this.update(update)
        this.tables.counts.deferred++
      } catch (error) {
        if (!isParagraftError(error)) throw error
        this.ports.reporter.report('vmi deferred update', `a deferred update could not be made: ${error.message}`)
      }
    }
    this.#queue.clear()
  }

  /** Asks for the low half of an entry of 8 bytes before its high half is changed; gives the high half back. */
  #halfWay(entry: number, high: number): number {
    const { virtual } = this.ports
    virtual.writeVirtual32(entry, virtual.readVirtual32(entry))
    return high
  }
}
