/**
 * How an instruction is declared: its mnemonic, its encodings as the manual writes them, and its meaning. Decoder
 * tables and handlers derive from these entries and nothing else.
 *
 * An encoding is `[prefix] opcode [/digit | :modrm] operands`:
 * - prefix `F2`, `F3`, `66` makes the entry apply to that mandatory prefix only;
 * - opcode is one byte, or `0F` and one byte; `+r` spreads over the eight low register encodings;
 * - `/digit` is ModRM.reg; `:C1` is the whole ModRM byte, for instructions that live in a group's register forms;
 * - operands are the manual's codes (SDM vol. 2 appendix A.2): `Eb Ev Ew Ed Gb Gv Gw Gd M Ib Ibs Iw Iz Jb Jz Ap Ob Ov Sw
 *   Cd Dd Rd Zb Zv`, fixed registers `AL eAX CL DX ES CS SS DS FS GS`, and the constant `1`.
 */
import type { Builder } from './builder.ts'

export interface Insn {
  mnemonic: string
  encodings: readonly string[]
  /** Operand size class when it does not follow from the first operand: byte, word, dword, or by prefix. */
  size?: 'b' | 'w' | 'd' | 'v'
  /** LOCK is allowed when operand 0 is memory. */
  lock?: boolean
  /** The meaning depends on the width of the stack pointer (SS.B). */
  stack?: boolean
  /** The meaning depends on the address size (string instructions, LOOP, XLAT). */
  addr?: boolean
  /** Control does not reach the next record: the block ends here. */
  ends?: boolean
  /**
   * The block ends here, and in most cases goes straight on with what follows (see Builder.resume): the run loop may want
   * to look first.
   */
  resumes?: boolean
  /** Conditional or unconditional direct branch that may be linked to its target. */
  branch?: boolean
  /** Indirect near jump: its record may remember a target (see Builder.jumpIndirect). */
  indirect?: boolean
  /** On x87, MMX or XMM registers: far quicker where it is translated. */
  wide?: boolean
  /** The memory operand's ESP base counts after the pop (POP Ev). */
  popAddress?: boolean
  semantics(b: Builder): void
}

/** Names of the sixteen conditions, in encoding order (SDM vol. 1 appendix B). */
export const CONDITIONS = [
  'O',
  'NO',
  'B',
  'AE',
  'E',
  'NE',
  'BE',
  'A',
  'S',
  'NS',
  'P',
  'NP',
  'L',
  'GE',
  'LE',
  'G',
] as const

/** Two-digit upper-case hex, as encodings spell bytes. */
export function hex2(v: number): string {
  return v.toString(16).toUpperCase().padStart(2, '0')
}
