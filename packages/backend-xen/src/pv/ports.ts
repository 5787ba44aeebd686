/**
 * What the two halves of a paravirtual domain want of each other: the memory half (`mm/`: page types, page tables, frames)
 * and the virtual processor (`cpu/`). Frames are machine frame numbers (MFN), addresses are the guest's linear ones.
 */
import type { MemoryRange } from '@paragraft/core'
import type { Domain } from '../domain.ts'
import type { Frames } from '../ports.ts'
import type { DomainMemory } from './mm/domain-memory.ts'

/** The virtual processor, as the page tables use it. */
export interface VcpuMemory {
  /**
   * CR3 names this frame, a page-directory-pointer table, from now on; the TLB is empty. Its four entries are read now. As in
   * Xen, which runs such a guest in 64-bit mode, they may have R/W, U/S, A and D set, and entries of all levels bits 52–62.
   */
  loadBaseptr(mfn: number): void
  flushTlb(): void
  /** Drops what the TLB has of one page. */
  invlpg(address: number): void
  /**
   * Executes the one instruction at CS:EIP as the guest would, delivering nothing meanwhile. `accept` is asked when it has
   * retired. False: it faulted, or was not accepted, and the registers are what they were; what it wrote is
   * the caller's to take back.
   */
  step(accept: () => boolean): boolean
  /** MMUEXT_SET_LDT, arguments checked: `base` is page-aligned, `entries` at most 8192. Its frames are asked for at use. */
  setLdt(base: number, entries: number): void
  /** A frame of the LDT may no longer be mapped where it was: forget all that were asked for, and release them. */
  dropLdt(): void
  /** Checks the 512 descriptors of a frame, and mends in place what Xen mends (check_descriptor); false: one is refused. */
  checkDescriptors(mfn: number): boolean
}

/** The memory half, as the virtual processor and the services use it. */
export interface PvMemory {
  /** The domain's pages by machine frame. */
  readonly frames: Frames
  /** The page-directory-pointer table in use. */
  readonly baseptr: number
  /** VMASST_TYPE_writable_pagetables. */
  writablePageTables: boolean
  /** The tables that the domain builder made come into use: validated and pinned. */
  start(baseptr: number): void
  /** MOV CR3 and MMUEXT_NEW_BASEPTR: 0, or a negative error. */
  newBaseptr(mfn: number): number
  /** A #PF. `fixed`: its instruction has been executed; `guest`: the fault is the guest's own. */
  pageFault(address: number, errorCode: number): 'fixed' | 'guest'
  /** The frame behind a linear address by the tables in use, and whether they allow writes; undefined: not mapped. */
  translate(address: number): { mfn: number; writable: boolean } | undefined
  /** A reference to a frame as PGT_seg_desc_page: its descriptors are checked, and it is not writable meanwhile. False: refused. */
  getDescriptors(mfn: number): boolean
  putDescriptors(mfn: number): void
}

/** A domain that keeps its own physical address space: hypercalls on page tables and frames. */
export interface ParavirtualDomain extends Domain {
  readonly mm: DomainMemory
  /** As XENMEM_memory_map tells it; libxl gives such a domain one range, from 0 to what it may have. */
  readonly memoryMap: MemoryRange[]
}
