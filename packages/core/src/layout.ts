/**
 * Where a given guest keeps its op table, and what a graft makes of it. Plain data: the loader finds it, `inspect`
 * prints it, admission and the ledger read it.
 */

import type { StartOfDay } from './image.ts'
import type { AdmittedOps } from './ops/admission.ts'
import type { Arch } from './ops/era.ts'

/** One slot of the guest's table. */
export interface LayoutSlot {
  slot: number
  /** Op identity in the catalogue: `mmu.flush_tlb_one_user`. */
  op: string
  /** Version of the op (its signature) in this guest: `1.0.0`. */
  version: string
  /** `data`: a word of information, not a function pointer (eras 1.x: `kernel_rpl`, `name` …). */
  kind: 'fn' | 'data'
  calleeSave: boolean
  /** What the slot holds in the unmodified image: the native function's virtual address, or the data word. */
  target: number
  /** Name of that function, when the image says. */
  targetName?: string
}

/** An instruction in the guest's text that goes through the table. */
export interface CallSite {
  va: number
  pa: number
  slot: number
  /** Bytes that the guest's patcher owns at `va` (6 for `FF 15 disp32`). */
  length: number
  kind: 'call' | 'jump'
}

/** One independent way of finding the table, and what it says; admission to a graft needs them to agree. */
export interface Oracle {
  /** `ksymtab`, `site-vote`, `kallsyms`, `btf`, `relocs`, `symtab` … */
  name: string
  /** Virtual address of the table, or null when this oracle has nothing to say here. */
  tableVa: number | null
  /** What it looked at: `265 of 265 sites`, `__ksymtab entry 7031`, or why it is silent. */
  says: string
}

export interface GuestLayout {
  /** Era id: `5.0`, `4.0-lite` … */
  era: string
  arch: Arch
  tableVa: number
  tablePa: number
  slots: LayoutSlot[]
  sites: CallSite[]
  /** The guest's own `_paravirt_nop`, which its patcher recognises by address; null when it was not found. */
  nopVa: number | null
  oracles: Oracle[]
  /** Text ranges a module's code may not use, and where it may; filled by the loader for its own use. */
  notes?: string[]
}

/** Outcome of looking for a table: the layout, or why there is none. */
export type LayoutResult =
  | { found: true; layout: GuestLayout }
  | { found: false; code: 'PG_LAYOUT_NOT_FOUND' | 'PG_LAYOUT_DISAGREE'; reason: string; oracles: Oracle[] }

/** One host op stub placed in guest memory: the machine turns `index` (the stub opcode's operand) into the op. */
export interface HostStub {
  index: number
  slot: number
  /** Guest virtual and physical address of the stub's first byte. */
  va: number
  pa: number
}

/** Where a graft put the module, and what the guest's own code will install. */
export interface Graft {
  layout: GuestLayout
  admitted: AdmittedOps
  /** Start of day with the entrypoint redirected to the module. */
  startOfDay: StartOfDay
  /** Entry of the module's start code, and the original entrypoint that it jumps to (both linear at entry). */
  entry: number
  originalEntry: number
  /** The module's pages: code, data and stubs. `stubs: true` marks pages where the host-op opcode is valid. */
  pages: { va: number; pa: number; length: number; stubs: boolean }[]
  hostStubs: HostStub[]
  /** New contents of the slots that change, as the module's guest code will write them. */
  installs: { slot: number; op: string; target: number }[]
  /** Patch records neutralised so that sites keep going through the table (FACTS: the alternatives trap). */
  scrubbed: { va: number; slot: number; what: string }[]
}
