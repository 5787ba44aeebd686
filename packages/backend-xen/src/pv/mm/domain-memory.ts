/** The memory half of a paravirtual domain put together, on RAM and the virtual processor. */

import { ParagraftError } from '@paragraft/core/errors'
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import { PAGE_SIZE } from '../../abi/xen.ts'
import type { Frames } from '../../ports.ts'
import type { PvMemory, VcpuMemory } from '../ports.ts'
import { PAGE_ACCESSED, PAGE_DIRTY, PAGE_PRESENT, PAGE_USER } from './entries.ts'
import {
  FrameTable,
  type FrameTableState,
  PGT_l3_page_table,
  PGT_seg_desc_page,
  PGT_writable_page,
} from './frame-table.ts'
import { GrantMappings, type GrantMappingsState } from './grant-mapping.ts'
import { type MachineLayout, machineLayout } from './machine.ts'
import { PageTables } from './page-tables.ts'
import { References } from './references.ts'
import { WritablePageTables } from './writable.ts'

/** Entries by which the hypervisor maps its tables: for the guest to read, at every level. */
const XEN_ENTRY = PAGE_PRESENT | PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY
/** What the machine-to-physical table holds for frames that are no guest's. */
const INVALID_M2P_ENTRY = 0xff

export interface DomainMemoryState {
  table: FrameTableState
  references: number
  grants: GrantMappingsState
  baseptr: number
  writablePageTables: boolean
}

export class DomainMemory implements PvMemory, Snapshotable<DomainMemoryState> {
  readonly memory: GuestMemory
  readonly layout: MachineLayout
  readonly table: FrameTable
  readonly references: References
  readonly tables: PageTables
  readonly frames: Frames
  readonly vcpu: VcpuMemory
  readonly grants = new GrantMappings()
  readonly #writable: WritablePageTables

  /** Shares the machine's RAM out; the domain builder has written what it holds at the start. */
  constructor(memory: GuestMemory, vcpu: VcpuMemory) {
    this.memory = memory
    this.layout = machineLayout(memory.size)
    this.vcpu = vcpu
    writeM2p(memory, this.layout)
    this.table = new FrameTable(memory, this.layout)
    this.references = new References({
      memory,
      frames: this.table,
      xenEntries: Array.from(
        { length: this.layout.m2pTables.count },
        (_, index) => (this.layout.m2pTables.first + index) * PAGE_SIZE + XEN_ENTRY,
      ),
      checkDescriptors: mfn => vcpu.checkDescriptors(mfn),
      dropLdt: () => vcpu.dropLdt(),
      flushTlb: () => this.flushTlb(),
    })
    this.tables = new PageTables(memory, this.references, mfn => {
      vcpu.dropLdt()
      vcpu.loadBaseptr(mfn)
      this.references.flushed()
    })
    this.#writable = new WritablePageTables(memory, this.tables, vcpu)
    this.frames = {
      address: mfn => (this.table.isGuests(mfn) ? mfn * PAGE_SIZE : undefined),
      hold: (mfn, write) =>
        write ? this.references.getPageAndType(mfn, PGT_writable_page) === 0 : this.references.getPage(mfn),
      release: (mfn, write) => (write ? this.references.putPageAndType(mfn) : this.references.putPage(mfn)),
    }
  }

  save(): DomainMemoryState {
    const { table, references, grants, baseptr, writablePageTables } = this
    return {
      table: table.save(),
      references: references.save(),
      grants: grants.save(),
      baseptr,
      writablePageTables,
    }
  }

  /** The processor's registers, which name the tables in use, are the engine's to restore. */
  restore({ table, references, grants, baseptr, writablePageTables }: DomainMemoryState): void {
    this.table.restore(table)
    this.references.restore(references)
    this.grants.restore(grants)
    this.tables.baseptr = baseptr
    this.writablePageTables = writablePageTables
  }

  set writablePageTables(on: boolean) {
    this.#writable.pageTables = on
  }

  get writablePageTables(): boolean {
    return this.#writable.pageTables
  }

  /** Tables above page tables are written as those are; Xen has no such thing. */
  set writableDirectories(on: boolean) {
    this.#writable.directories = on
  }

  get baseptr(): number {
    return this.tables.baseptr
  }

  /** RAM address of a frame of the grant table, which the guest may map from now on. */
  grantFrame(index: number): number {
    this.table.share(this.layout.grants + index)
    return (this.layout.grants + index) * PAGE_SIZE
  }

  /** Pages that the domain may have: those that it began with, and what libxl adds to that. */
  get maximumPages(): number {
    return this.layout.p2m.length + this.layout.free.count
  }

  /** More pages for the domain, `1 << order` consecutive ones below a frame; the first, or undefined: there are none, or it has enough. */
  addPages(order: number, limit: number): number | undefined {
    if (this.table.pages + (1 << order) > this.maximumPages) return undefined
    const first = this.table.take(order, limit)
    if (first !== undefined) this.assignPages(first, order)
    return first
  }

  /** Pages that were taken become the domain's. */
  assignPages(first: number, order: number): void {
    for (let mfn = first; mfn < first + (1 << order); mfn++) this.table.allocate(mfn)
  }

  start(baseptr: number): void {
    const pinned = this.references.getPageAndType(baseptr, PGT_l3_page_table) === 0 && this.references.pin(baseptr)
    if (!pinned || this.newBaseptr(baseptr) < 0) {
      throw new ParagraftError('PG_HEAD_NO_MATCH', 'the page tables that the xen-pv head has made do not validate', {
        fields: { head: 'xen-pv', baseptr },
        hint: 'This is a bug of the domain builder.',
      })
    }
  }

  newBaseptr(mfn: number): number {
    return this.tables.newBaseptr(mfn)
  }

  pageFault(address: number, errorCode: number): 'fixed' | 'guest' {
    return this.#writable.fault(address, errorCode) ? 'fixed' : 'guest'
  }

  translate(address: number): { mfn: number; writable: boolean } | undefined {
    return this.tables.translate(address)
  }

  getDescriptors(mfn: number): boolean {
    return this.references.getPageAndType(mfn, PGT_seg_desc_page) === 0
  }

  putDescriptors(mfn: number): void {
    this.references.putPageAndType(mfn)
  }

  flushTlb(): void {
    this.vcpu.flushTlb()
    this.references.flushed()
  }
}

/** The machine-to-physical table and the page tables through which guests read it. */
function writeM2p(memory: GuestMemory, { m2p, m2pTables, p2m }: MachineLayout): void {
  memory.fill(m2p.first * PAGE_SIZE, INVALID_M2P_ENTRY, m2p.count * PAGE_SIZE)
  for (const [pfn, mfn] of p2m.entries()) memory.write32(m2p.first * PAGE_SIZE + 4 * mfn, pfn)
  memory.fill(m2pTables.first * PAGE_SIZE, 0, m2pTables.count * PAGE_SIZE)
  for (let page = 0; page < m2p.count; page++) {
    memory.write32(m2pTables.first * PAGE_SIZE + 8 * page, (m2p.first + page) * PAGE_SIZE + XEN_ENTRY)
  }
}
