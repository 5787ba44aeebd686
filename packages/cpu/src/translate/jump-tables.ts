/**
 * Jumps through tables of addresses: `JMP [table + 4 * index]`, or a load of that kind and a jump to what it loaded. What the
 * table holds while the region is made is a hint where its jumps go; the region compares the address it really got, and
 * looks up any other.
 */
import { TLB_SUPERVISOR_READ, TLB_USER_READ, ZERO } from '../state.ts'
import type { BasicBlock, CodeView, Instruction } from './graph.ts'

/** Entries of a table that are looked at, and targets of it that a region takes. */
const MOST_ENTRIES = 256
const MOST_TARGETS = 32

export class JumpTables {
  readonly #view: CodeView
  readonly #executed: (target: number) => boolean
  /** Targets by the table's address; the place of a table is its dispatch block's number, less 1 and negative. */
  readonly #tables = new Map<number, readonly number[]>()

  constructor(view: CodeView, executed: (target: number) => boolean) {
    this.#view = view
    this.#executed = executed
  }

  /** Number of the dispatch block for `jump`, which follows `before`; 0 when it goes through no table that is known. */
  find(jump: Instruction, before: Instruction | null): number {
    const load = jump.form === 'm' ? jump : loadOf(jump, before)
    if (load === null || load.base !== ZERO || load.index === ZERO || load.scale !== 2 || load.ea16) return 0
    const table = load.disp >>> 0
    if (!this.#tables.has(table)) this.#tables.set(table, this.#read(table))
    if ((this.#tables.get(table) as readonly number[]).length < 2) return 0
    return -1 - [...this.#tables.keys()].indexOf(table)
  }
  targets(dispatch: number): readonly number[] {
    return [...this.#tables.values()][-1 - dispatch]
  }
  blocks(): BasicBlock[] {
    return [...this.#tables.values()].map((successors, n) => ({ eip: -1 - n, code: [], successors: [...successors] }))
  }

  /** Addresses of code that has been executed, in ascending order. */
  #read(table: number): readonly number[] {
    const { u32, user } = this.#view
    const found = new Set<number>()
    for (let n = 0, at = table; n < MOST_ENTRIES && found.size < MOST_TARGETS; n++, at = (at + 4) >>> 0) {
      const entry = u32[((user ? TLB_USER_READ : TLB_SUPERVISOR_READ) >>> 2) + (at >>> 12)]
      if (entry === 0 || (at & 3) !== 0) break
      const target = u32[((at + entry + 3) >>> 0) >>> 2]
      if (this.#executed(target)) found.add(target)
    }
    return [...found].sort((a, b) => a - b)
  }
}

/** The load of the register that `jump` goes to, where that is the instruction before. */
function loadOf(jump: Instruction, before: Instruction | null): Instruction | null {
  if (before === null || before.insn.mnemonic !== 'MOV' || before.form !== 'rm') return null
  return before.size === 4 && before.a === jump.a ? before : null
}
