/** Admission: a module and a guest's layout come to a plan per slot, or to a coded refusal. Pure. */

import type { LayoutSlot } from '../layout.ts'
import type { CallingConvention } from './calling.ts'
import type { Answer } from './define.ts'
import type { Arch, Era } from './era.ts'
import type { HostFunction } from './host.ts'

/** What will be in one slot. */
export interface AdmittedSlot {
  readonly slot: LayoutSlot
  readonly answer: Answer
  /** The op whose answer it is: the slot's own, or the one that an adapter leads to. */
  readonly answeredOp: string
  /** Name of the adapter between the two, if any. */
  readonly adapter?: string
  /** How the guest calls the slot; absent for data slots. */
  readonly convention?: CallingConvention
  /** The function to run for a host answer, adapter included. */
  readonly host?: HostFunction
}

/** A module admitted to a guest: everything the graft and the ledger need. */
export interface AdmittedOps {
  readonly module: { readonly name: string; readonly version: string }
  readonly era: Era
  readonly arch: Arch
  /** In slot order, one per slot of the guest's table. */
  readonly slots: readonly AdmittedSlot[]
  /** Ops that the module answers and this guest does not have. */
  readonly unused: readonly string[]
}
