/**
 * What the guest says of its page tables: which frames are tables of which kind, where physical memory is mapped, and how many
 * entries it sets. The processor walks the guest's own tables, so nothing here decides what is mapped; what is said is checked, and
 * what cannot be true is reported once.
 */
import type { Reporter, Snapshotable } from '@paragraft/core/ports'
import {
  VMI_LINEAR_MAP_SLOTS,
  VMI_PAGE_CLONE,
  VMI_PAGE_PAE,
  VMI_PAGE_PD,
  VMI_PAGE_PDP,
  VMI_PAGE_PML4,
  VMI_PAGE_PT,
  VMI_PAGE_ZEROED,
} from '../abi/constants.ts'

const PAGE = 4096
const KINDS = VMI_PAGE_PT | VMI_PAGE_PD | VMI_PAGE_PDP | VMI_PAGE_PML4
const ALLOCATE_FLAGS = KINDS | VMI_PAGE_PAE | VMI_PAGE_CLONE | VMI_PAGE_ZEROED
const KIND_NAMES: Readonly<Record<number, string>> = {
  [VMI_PAGE_PT]: 'page table',
  [VMI_PAGE_PD]: 'page directory',
  [VMI_PAGE_PDP]: 'page-directory-pointer table',
  [VMI_PAGE_PML4]: 'page-map level-4 table',
}

/** A frame that is a page table. */
interface Table {
  kind: number
  pae: boolean
}

interface Mapping {
  va: number
  pages: number
  frame: number
}

/** Counts of what the guest told, for tests and reports. */
export interface PageTableCounts {
  /** Frames that are page tables now. */
  tables: number
  allocated: number
  released: number
  /** Entries that the machine wrote for the guest. */
  set: number
  /** Entries that the guest wrote itself and told of. */
  told: number
  /** Those of both that came out of a queue. */
  deferred: number
  /** Things said that cannot be true. */
  wrong: number
}

export interface PageTablesState {
  counts: PageTableCounts
  tables: [frame: number, table: Table][]
  /** By slot. */
  mappings: (Mapping | null)[]
}

export class PageTables implements Snapshotable<PageTablesState> {
  readonly counts: PageTableCounts = { tables: 0, allocated: 0, released: 0, set: 0, told: 0, deferred: 0, wrong: 0 }
  readonly #frames: number
  readonly #reporter: Reporter
  readonly #tables = new Map<number, Table>()
  readonly #mappings: (Mapping | undefined)[] = []

  constructor(memorySize: number, reporter: Reporter) {
    this.#frames = Math.floor(memorySize / PAGE)
    this.#reporter = reporter
  }

  save(): PageTablesState {
    return {
      counts: { ...this.counts },
      tables: Array.from(this.#tables, ([frame, table]) => [frame, { ...table }]),
      mappings: Array.from(this.#mappings, mapping => (mapping === undefined ? null : { ...mapping })),
    }
  }

  restore(state: PageTablesState): void {
    Object.assign(this.counts, state.counts)
    this.#tables.clear()
    for (const [frame, table] of state.tables) this.#tables.set(frame, { ...table })
    this.#mappings.splice(0, this.#mappings.length, ...state.mappings.map(mapping => mapping ?? undefined))
  }

  /** AllocatePage. Said of a frame that is one already, or is none, it changes nothing. */
  allocate(frame: number, flags: number, source: number, start: number, count: number): void {
    const kind = flags & KINDS
    if ((flags & ~ALLOCATE_FLAGS) !== 0) this.#wrong('AllocatePage flags', `flags 0x${flags.toString(16)} are unknown`)
    if (KIND_NAMES[kind] === undefined) {
      this.#wrong('AllocatePage kind', `kind ${kind} is none, or several`)
      return
    }
    if (frame >= this.#frames) {
      this.#wrong('AllocatePage frame', `frame 0x${frame.toString(16)} is not memory`)
      return
    }
    const pae = (flags & VMI_PAGE_PAE) !== 0
    const known = this.#tables.get(frame)
    // Several PAE root tables may share a page (32 bytes each), and each is told.
    if (known !== undefined && !(kind === VMI_PAGE_PDP && known.kind === kind)) {
      this.#wrong('AllocatePage twice', `frame 0x${frame.toString(16)} is a ${KIND_NAMES[known.kind]} already`)
      return
    }
    if ((flags & VMI_PAGE_CLONE) !== 0) {
      const entries = pae ? 512 : 1024
      const model = this.#tables.get(source)
      if (model === undefined || model.kind !== kind || model.pae !== pae) {
        this.#wrong('AllocatePage source', `frame 0x${source.toString(16)} is no ${KIND_NAMES[kind]} to be cloned`)
      }
      if (start + count > entries) {
        this.#wrong('AllocatePage range', `entries ${start} to ${start + count} are more than a table has`)
      }
    }
    this.#tables.set(frame, { kind, pae })
    this.counts.allocated++
    this.counts.tables = this.#tables.size
  }

  /** ReleasePage. */
  release(frame: number, flags: number): void {
    const known = this.#tables.get(frame)
    const kind = flags & KINDS
    if (known === undefined) {
      this.#wrong('ReleasePage frame', `frame 0x${frame.toString(16)} is no page table`)
      return
    }
    if (known.kind !== kind || known.pae !== ((flags & VMI_PAGE_PAE) !== 0)) {
      this.#wrong('ReleasePage kind', `frame 0x${frame.toString(16)} is a ${KIND_NAMES[known.kind]}, of another kind`)
    }
    this.#tables.delete(frame)
    this.counts.released++
    this.counts.tables = this.#tables.size
  }

  /** SetLinearMapping: physical memory from `frame` on is mapped at `va`. A slot is replaced; no pages clear it. */
  setLinearMapping(slot: number, va: number, pages: number, frame: number): void {
    if (slot < 0 || slot >= VMI_LINEAR_MAP_SLOTS) {
      this.#wrong('SetLinearMapping slot', `there is no slot ${slot}`)
      return
    }
    if (va % PAGE !== 0 || va + pages * PAGE > 2 ** 32 || frame + pages > 2 ** 20) {
      this.#wrong('SetLinearMapping range', `${pages} pages from 0x${va.toString(16)} are no mapping`)
      return
    }
    this.#mappings[slot] = pages === 0 ? undefined : { va, pages, frame }
  }

  /** The physical address that a registered mapping gives for `size` bytes at `va`, if it is memory; else undefined. */
  physical(va: number, size: number): number | undefined {
    for (const mapping of this.#mappings) {
      if (mapping === undefined || va < mapping.va || va + size > mapping.va + mapping.pages * PAGE) continue
      const pa = mapping.frame * PAGE + (va - mapping.va)
      if (pa + size <= this.#frames * PAGE) return pa
    }
    return undefined
  }

  /** An entry at physical address `pa` is being set or told, with these flags. */
  touched(call: string, pa: number | undefined, flags: number, long: boolean): void {
    const kind = flags & KINDS
    if (KIND_NAMES[kind] === undefined) this.#wrong(`${call} kind`, `kind ${kind} is none, or several`)
    const table = pa === undefined ? undefined : this.#tables.get(Math.floor(pa / PAGE))
    // Linux passes PT for large pages, which are set in directories (vmi_set_pte, vmi_set_pte_atomic): a known liberty.
    const liberty = table?.kind === VMI_PAGE_PD && kind === VMI_PAGE_PT
    if (table !== undefined && table.kind !== kind && !liberty) {
      this.#wrong(`${call} table`, `an entry of a ${KIND_NAMES[kind]} is set in a ${KIND_NAMES[table.kind]}`)
    }
    if (table !== undefined && table.pae !== long) {
      this.#wrong(`${call} size`, `an entry of ${long ? 8 : 4} bytes is set in a table of the other size`)
    }
  }

  /** Reports something that cannot be true, once. */
  #wrong(subject: string, message: string): void {
    this.counts.wrong++
    this.#reporter.report(`vmi ${subject}`, `the guest says something wrong by ${subject.split(' ')[0]}: ${message}`)
  }
}
