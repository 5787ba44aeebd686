/**
 * What a region covers: basic blocks of guest code, found from a hot entry by direct branches. Only code that has been
 * executed before belongs to it, so that neither cold paths are translated nor pages touched that the guest did not
 * touch; every other target is an exit.
 */
import type { Decoded, Decoder } from '../decode/decode.ts'
import {
  BLK_HEAT,
  BLK_HOT,
  BLK_RECORDS,
  BLOCK_HEADER,
  REC_LINK,
  REC_LINKABLE,
  REC_OFF,
  RECORD_SIZE,
} from '../decode/record.ts'
import type { Blocks } from '../interp/blocks.ts'
import { itlbTag } from '../interp/lookup.ts'
import type { Insn } from '../isa/define.ts'
import { MODE_CODE32 } from '../mode.ts'
import { ITLB, ITLB_ENTRIES, RAM } from '../state.ts'
import { JumpTables } from './jump-tables.ts'

/** One decoded instruction of a region: what `Decoded` says, and where it stands. */
export interface Instruction {
  readonly insn: Insn
  readonly id: number
  readonly size: 1 | 2 | 4
  readonly form: string
  readonly addr32: boolean
  readonly a: number
  readonly b: number
  readonly base: number
  readonly index: number
  readonly scale: number
  readonly disp: number
  readonly seg: number
  readonly imm: number
  readonly extra: number
  readonly ea16: boolean
  readonly eip: number
  readonly next: number
  /** Target of a direct branch. */
  readonly target: number
  /** Where an indirect branch went last, as far as the interpreter remembers; 0 when unknown. */
  readonly seen: number
  /** Counter of executions to keep (address in linear memory), 0 for none. */
  readonly probe: number
  /** Number of the block without code where a jump through a table goes on; 0 for everything else. */
  dispatch: number
  /** What a call calls, or an indirect one called last, where that is short and in the region: it follows the call in its block. */
  leaf: readonly Instruction[] | null
  /** Where the return at the end of such code goes; 0 for every other instruction. */
  readonly back: number
}

/** A block, or, with a negative number for an EIP and no code, where jumps through one table part (JumpTables). */
export interface BasicBlock {
  readonly eip: number
  readonly code: Instruction[]
  /** EIPs to which control goes from here directly: taken, then through. Not all of them are in the region. */
  readonly successors: number[]
}

/** Why a region's code ended where it did, counted for the statistics. */
export type EndReason = 'cold' | 'size' | 'untranslated' | 'page' | 'indirect' | 'far'

export interface Graph {
  readonly eip: number
  readonly mode: number
  readonly blocks: Map<number, BasicBlock>
  /** Pages it was decoded from: linear page address to physical. */
  readonly pages: Map<number, number>
  /** Lines of 64 bytes by physical page number: those below 32, those from 32 on. */
  readonly lines: Map<number, [number, number]>
  readonly instructions: number
  /** Code bytes by physical page number: pairs of offsets in the page, from and to. */
  readonly bytes: Map<number, number[]>
  readonly ends: Partial<Record<EndReason, number>>
}

/** Instructions of a region at most, and of the branches that one of them may follow. */
const MAX_INSTRUCTIONS = 200
const MAX_PAGES = 4
/** Instructions of a function at most that becomes part of its callers. */
const MAX_LEAF = 12
/** A target joins the region when it was entered at least once for so many entries that make a block hot. */
const COLD_RATIO = 64

/** Instructions that leave a region for good: what follows is found by looking at EIP. */
const TRANSFERS = new Set([
  'RET',
  'JMPN',
  'CALLF',
  'CALLFM',
  'JMPF',
  'JMPFM',
  'RETF',
  'IRET',
  'INT',
  'INT3',
  'INT1',
  'SYSENTER',
  'SYSEXIT',
  'UD',
])
/** Instructions that the interpreter keeps: their helpers look at the record. */
const KEPT = new Set(['HOSTOP'])

/** What finding a graph needs to know of the machine. */
export interface CodeView {
  readonly u8: Uint8Array
  readonly u16: Uint16Array
  readonly u32: Uint32Array
  readonly i32: Int32Array
  readonly decoder: Decoder
  readonly blocks: Blocks
  /** Base of the code segment is 0 in every mode that has regions, so EIPs are linear addresses. */
  readonly user: boolean
}

class Finder {
  readonly #view: CodeView
  readonly #mode: number
  readonly #pages = new Map<number, number>()
  readonly #lines = new Map<number, [number, number]>()
  readonly #bytes = new Map<number, number[]>()
  readonly #at = new Map<number, Instruction>()
  readonly #ends: Partial<Record<EndReason, number>> = {}
  readonly #tables: JumpTables
  /** Instructions that are in the region once more, as part of callers. */
  #copied = 0

  constructor(view: CodeView, mode: number) {
    this.#view = view
    this.#mode = mode
    this.#tables = new JumpTables(view, target => this.#executed(target) !== 0)
  }

  find(eip: number): Graph | null {
    const leaders = new Set([eip])
    const queue = [eip]
    for (let head = queue.shift(); head !== undefined; head = queue.shift()) {
      for (const target of this.#follow(head, head === eip)) {
        if (leaders.has(target)) continue
        leaders.add(target)
        queue.push(target)
      }
    }
    if (!this.#at.has(eip)) return null
    const blocks = new Map<number, BasicBlock>()
    for (const leader of leaders) {
      const block = this.#block(leader, leaders)
      if (block !== null) blocks.set(leader, block)
    }
    for (const block of this.#tables.blocks()) blocks.set(block.eip, block)
    return {
      eip,
      mode: this.#mode,
      blocks,
      pages: this.#pages,
      lines: this.#lines,
      bytes: this.#bytes,
      instructions: this.#at.size + this.#copied,
      ends: this.#ends,
    }
  }

  #end(reason: EndReason): readonly number[] {
    this.#ends[reason] = (this.#ends[reason] ?? 0) + 1
    return []
  }

  /** Decodes from `eip` up to a branch and returns the branch's targets that belong to the region. */
  #follow(eip: number, first: boolean): readonly number[] {
    if (this.#at.has(eip)) return []
    const known = first ? 1 : this.#executed(eip)
    if (known === 0) return this.#end('cold')
    let head = eip
    let before: Instruction | null = null
    for (let at = eip; ; ) {
      if (this.#at.size + this.#copied >= MAX_INSTRUCTIONS) return this.#end('size')
      const i = this.#decode(at, head)
      if (i === null) return this.#end('untranslated')
      this.#at.set(at, i)
      const { insn } = i
      if (insn.branch || insn.indirect || insn.ends || TRANSFERS.has(insn.mnemonic)) return this.#targets(i, before)
      before = i
      at = i.next
      // The interpreter's blocks end here, these do not.
      if (insn.resumes) head = at
      if (this.#at.has(at)) return [at]
    }
  }

  #targets(i: Instruction, before: Instruction | null): readonly number[] {
    const { mnemonic } = i.insn
    if (mnemonic === 'JMPN') {
      i.dispatch = this.#tables.find(i, before)
      if (i.dispatch !== 0) return this.#tables.targets(i.dispatch)
    }
    if (mnemonic === 'CALL' || mnemonic === 'CALLN') {
      i.leaf = this.#leaf(i.insn.indirect ? i.seen : i.target, i.next)
      this.#copied += i.leaf?.length ?? 0
      return [i.next]
    }
    if (TRANSFERS.has(mnemonic)) return this.#end(mnemonic === 'RET' || mnemonic === 'JMPN' ? 'indirect' : 'far')
    if (mnemonic === 'JMP') return [i.target]
    return i.insn.branch ? [i.target, i.next] : [i.next]
  }

  /**
   * The function at `eip`, if it is a few instructions up to its return, in pages that the region has anyway: another page would
   * be one more that has to be in the instruction TLB whenever the region is entered.
   */
  #leaf(eip: number, back: number): Instruction[] | null {
    if (this.#executed(eip) === 0) return null
    const code: Instruction[] = []
    for (let at = eip; code.length < MAX_LEAF; ) {
      if (!this.#pages.has(at - (at & 0xfff))) return null
      const i = this.#at.get(at) ?? this.#decode(at, eip)
      if (i === null) return null
      const { insn } = i
      if (insn.mnemonic === 'RET') return [...code, { ...i, back }]
      if (insn.branch || insn.indirect || insn.ends || insn.resumes || TRANSFERS.has(insn.mnemonic)) return null
      code.push(i)
      at = i.next
    }
    return null
  }

  #block(leader: number, leaders: ReadonlySet<number>): BasicBlock | null {
    const code: Instruction[] = []
    for (let at = leader; ; ) {
      const i = this.#at.get(at)
      if (i === undefined || (at !== leader && leaders.has(at))) {
        return code.length > 0 ? { eip: leader, code, successors: [at] } : null
      }
      code.push(i)
      const { insn } = i
      if (insn.branch || insn.indirect || insn.ends || TRANSFERS.has(insn.mnemonic)) {
        const { mnemonic } = insn
        if (i.leaf !== null) code.push(...i.leaf)
        const successors =
          mnemonic === 'CALL' || mnemonic === 'CALLN'
            ? // Whatever else an indirect call calls comes back by a way of its own.
              i.leaf !== null && insn.indirect
              ? [i.next, i.next]
              : [i.next]
            : TRANSFERS.has(mnemonic)
              ? i.dispatch === 0
                ? []
                : [i.dispatch]
              : mnemonic === 'JMP'
                ? [i.target]
                : insn.branch
                  ? [i.target, i.next]
                  : [i.next]
        return { eip: leader, code, successors }
      }
      at = i.next
    }
  }

  /** Block of records at `eip`, when the interpreter has one; 0 otherwise. */
  #record(eip: number): number {
    const page = this.#page(eip)
    return page < 0 ? 0 : this.#view.blocks.find(page + (eip & 0xfff), this.#mode)
  }

  /** Whether code at `eip` has been entered often enough to belong to a hot region. */
  #executed(eip: number): number {
    const block = this.#record(eip)
    if (block === 0) return 0
    const { i32 } = this.#view
    const hot = i32[(block + BLK_HOT) >> 2]
    return hot - i32[(block + BLK_HEAT) >> 2] >= hot / COLD_RATIO ? block : 0
  }

  /** Physical page of `lin` as the instruction TLB has it, -1 when it has not. */
  #page(lin: number): number {
    const page = lin - (lin & 0xfff)
    const known = this.#pages.get(page)
    if (known !== undefined) return known
    const { u32 } = this.#view
    const slot = (ITLB >> 2) + ((lin >>> 12) & (ITLB_ENTRIES - 1)) * 2
    if (u32[slot] !== itlbTag(lin, this.#view.user)) return -1
    return u32[slot + 1]
  }

  #decode(eip: number, head: number): Instruction | null {
    const { u8, decoder, blocks } = this.#view
    const page = this.#page(eip)
    if (page < 0) return null
    const rest = 0x1000 - (eip & 0xfff)
    const second = this.#page((eip + rest) >>> 0)
    let crossed = false
    let d: Decoded
    try {
      d = decoder.decode(
        i => {
          if (i < rest) return u8[RAM + page + (eip & 0xfff) + i]
          if (second < 0) throw CROSSING
          crossed = true
          return u8[RAM + second + i - rest]
        },
        (this.#mode & MODE_CODE32) !== 0,
      )
    } catch {
      return null
    }
    const { insn } = d
    if (insn === null || KEPT.has(insn.mnemonic)) return null
    // 16-bit operand sizes cut the targets of branches; nobody who is in a hurry uses them.
    if ((insn.branch || insn.indirect) && d.size !== 4) return null
    if (!this.#cover(eip - (eip & 0xfff), page, eip & 0xfff, Math.min(d.length, rest))) return null
    if (crossed && !this.#cover(eip - (eip & 0xfff) + 0x1000, second, 0, d.length - rest)) return null
    const next = (eip + d.length) >>> 0
    return {
      insn,
      id: d.id,
      size: d.size,
      form: d.form,
      addr32: d.addr32,
      a: d.a,
      b: d.b,
      base: d.base,
      index: d.index,
      scale: d.scale,
      disp: d.disp,
      seg: d.seg,
      imm: d.imm,
      extra: d.extra,
      ea16: d.ea16,
      eip,
      next,
      target: d.relative ? (next + d.imm) >>> 0 : 0,
      seen: insn.indirect ? this.#seen(head, eip) : 0,
      probe: blocks.probeAt(page + (eip & 0xfff)),
      dispatch: 0,
      leaf: null,
      back: 0,
    }
  }

  /** Notes bytes as part of the region; false when it would span too many pages. */
  #cover(linear: number, physical: number, from: number, length: number): boolean {
    if (!this.#pages.has(linear)) {
      if (this.#pages.size === MAX_PAGES) return false
      this.#pages.set(linear, physical)
    }
    const lines = this.#lines.get(physical >>> 12) ?? [0, 0]
    for (let line = from >> 6; line <= (from + length - 1) >> 6; line++) lines[line >> 5] |= 1 << (line & 31)
    this.#lines.set(physical >>> 12, lines)
    const bytes = this.#bytes.get(physical >>> 12) ?? []
    if (bytes.at(-1) === from) bytes[bytes.length - 1] = from + length
    else bytes.push(from, from + length)
    this.#bytes.set(physical >>> 12, bytes)
    return true
  }

  /** Last target of the indirect branch that ends the interpreter's block at `head`. */
  #seen(head: number, eip: number): number {
    const block = this.#record(head)
    if (block === 0) return 0
    const { u8, u16, u32 } = this.#view
    const last = block + BLOCK_HEADER + (u32[(block + BLK_RECORDS) >> 2] - 1) * RECORD_SIZE
    if (u16[(last + REC_OFF) >> 1] !== (eip & 0xfff) || u8[last + REC_LINKABLE] === 0) return 0
    return u32[(last + REC_LINK) >> 2]
  }
}

const CROSSING = Symbol('crossing')

/** The region from `eip` under `mode`; null when not even its first instruction can be translated. */
export function findGraph(view: CodeView, eip: number, mode: number): Graph | null {
  return new Finder(view, mode).find(eip)
}
