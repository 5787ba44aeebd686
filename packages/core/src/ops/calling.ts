/** Calling conventions of ops, as data. */
import type { Arch } from './era.ts'

/** Where one 32-bit half (or a whole 64-bit register argument) of a parameter is. */
export type Place = { readonly register: string } | { /** Bytes above the return address' slot: [ESP + offset] at entry. */ readonly stack: number }

/** How one op is called. */
export interface CallingConvention {
  readonly arch: Arch
  readonly calleeSave: boolean
  /** One entry per parameter, in order; a u64 on i386 has two places, low half first. */
  readonly params: readonly (readonly Place[])[]
  /** Registers of the result, low half first; empty for void. */
  readonly result: readonly string[]
  /** Registers that the op may change (result registers included). */
  readonly clobbers: readonly string[]
  /** `jump`: entered by JMP with a frame on the stack and never returns to its caller (iret, sysexit). */
  readonly entered: 'call' | 'jump'
}
