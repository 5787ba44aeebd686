/**
 * Handlers: every combination of instruction, operand form, operand size, stack width and address size that can be
 * decoded, with its semantics written out. Both interpreters are made from this list.
 */
import { BLK_TOTAL, REC_HANDLER, REC_INDEX, REC_LINK, REC_OFF, RECORD_SIZE } from '../decode/record.ts'
import { buildTable, formLetter, type OpcodeTable, parseEncoding, sizeClass } from '../decode/table.ts'
import { load, type Stmt, type Type } from '../ir/ir.ts'
import { Builder, LOCAL_REC, type Size } from '../isa/builder.ts'
import type { Insn } from '../isa/define.ts'
import { SIMD } from '../isa/fpu.ts'
import { ISA } from '../isa/index.ts'
import {
  ATTENTION,
  BUDGET,
  CUR_BLOCK,
  EIP,
  EIP_BASE,
  SEG,
  SEG_BASE,
  SEG_CS,
  SEG_LIMIT,
  SEG_SIZE,
  TMP_EA,
} from '../state.ts'
import { PAIRS } from './pairs.ts'

export interface Handler {
  name: string
  body: readonly Stmt[]
  temps: Readonly<Record<Type, number>>
}

/** ATTENTION value by which a block under a code segment limit asks to be run an instruction at a time. */
export const ATTENTION_STEP = 2

const rec = { k: 'local', t: 'i32', i: LOCAL_REC } as const
/** EIP of the current record. */
const here = (b: Builder) => b.add(b.word(EIP_BASE), load('16u', rec, REC_OFF))
/** Gives back what the block was charged for this and the following instructions. */
function refund(b: Builder): void {
  const left = b.sub(load('32', b.word(CUR_BLOCK), BLK_TOTAL), load('8u', rec, REC_INDEX))
  b.setWord(BUDGET, b.add(b.word(BUDGET), left))
}

/** Gives the block up: its instruction is to run by itself, with every check. */
function leaveToStep(b: Builder): void {
  refund(b)
  b.setWord(EIP, here(b))
  b.setWord(ATTENTION, b.c(ATTENTION_STEP))
  b.exit('return')
}

/** Records that are no instructions: the glue of blocks. */
const MICRO: Record<string, (b: Builder) => void> = {
  /** Falls out of the block to the next one. */
  END: b => b.branch(REC_LINK, b.add(b.word(EIP_BASE), b.imm())),
  /** 16-bit effective address into TMP_EA. */
  EA16: b => b.setWord(TMP_EA, b.and(b.ea(), 0xffff)),
  /** Counts an execution at the counter (i64) whose address is the immediate. */
  PROBE: b => {
    const at = b.let(b.imm())
    const one = { k: 'const', t: 'i64', v: 1n } as const
    b.store('64', at, b.op('add', load('64', at), one))
  },
  /** Reports the instruction about to run. */
  TRACE: b => void b.call('trace'),
  /** The block's code was overwritten while it ran. */
  STALE: b => {
    refund(b)
    b.setWord(EIP, here(b))
    b.exit('lookup')
  },
  /** The block's code was overwritten before it was entered: nothing has been charged. */
  STALE_ENTRY: b => {
    b.setWord(EIP, here(b))
    b.exit('lookup')
  },
  /** The block may reach past the code segment's limit (its last byte is the immediate): go by single steps. */
  LIMIT: b => {
    const last = b.add(b.word(EIP_BASE), b.imm())
    b.if(b.cmp('gt_u', last, b.word(SEG + SEG_CS * SEG_SIZE + SEG_LIMIT)), () => leaveToStep(b))
  },
  /** The instruction goes on in the next page: it must still be the one (physical address: the immediate) it was. */
  CROSS: b => {
    const lin = b.let(b.add(b.add(b.word(EIP_BASE), b.word(SEG + SEG_CS * SEG_SIZE + SEG_BASE)), 0x1000))
    const { tag, physical } = b.itlb(lin)
    b.if(b.or(tag, b.xor(physical, b.imm())), () => leaveToStep(b))
  },
  /** Undefined opcode. */
  UNDEFINED: b => b.raise(6),
}

/** A handler that is written out when somebody first wants its code; most never are where the code is prebuilt. */
class WrittenLater implements Handler {
  readonly name: string
  readonly #write: () => Builder
  #written: Builder | null = null

  constructor(name: string, write: () => Builder) {
    this.name = name
    this.#write = write
  }
  get #builder(): Builder {
    this.#written ??= this.#write()
    return this.#written
  }
  get body(): readonly Stmt[] {
    return this.#builder.body
  }
  get temps(): Builder['temps'] {
    return this.#builder.temps
  }
}

function write(b: Builder, semantics: (b: Builder) => void): Builder {
  semantics(b)
  b.exit('next')
  return b
}

/** Operand forms that occur, in order of appearance: a number each. */
const FORMS = new Map<string, number>()
function formNumber(form: string): number {
  const known = FORMS.get(form)
  if (known !== undefined) return known
  FORMS.set(form, FORMS.size)
  return FORMS.size - 1
}

const key = (id: number, form: string, size: number, stack32: boolean, addr32: boolean, flat: boolean): number =>
  (((id * 64 + formNumber(form)) * 8 + size) * 2 + (stack32 ? 1 : 0)) * 4 + (addr32 ? 2 : 0) + (flat ? 1 : 0)

/** Whether a handler of its own for flat segments would be any different. */
const usesSegments = (insn: Insn, form: string): boolean =>
  form.includes('m') || insn.stack === true || (insn.addr === true && insn.branch !== true)

/** What a handler stands for. */
interface Variant {
  insn: Insn
  size: Size
  form: string
  stack32: boolean
  addr32: boolean
  flat: boolean
}

function writePair(a: Variant, c: Variant, stale: number): Builder {
  const first = new Builder(a.size, a.form, a.stack32, a.addr32, a.flat)
  a.insn.semantics(first)
  // The first may have overwritten the second: then its record says so.
  if (first.wrote)
    first.if(first.cmp('eq', load('16u', rec, RECORD_SIZE + REC_HANDLER), stale), () => first.exit('next'))
  const second = first.follow(c.size, c.form, c.stack32, c.addr32, c.flat, RECORD_SIZE)
  c.insn.semantics(second)
  second.exit('skip')
  return second
}

export interface HandlerSet {
  table: OpcodeTable
  handlers: readonly Handler[]
  /** Position of the SIMD pseudo-entry. */
  simdId: number
  simd: Insn
  micro(name: keyof typeof MICRO): number
  pairs: PairTable
  /** Handler of a decoded instruction; `flat` as in Builder, where there is such a variant. */
  find(id: number, form: string, size: number, stack32: boolean, addr32: boolean, flat: boolean): number
}

/** The pairs as a table: a row for each first instruction that has any, a column for each second. */
class PairTable {
  /** Row of each handler, and column; 0 where it has none. */
  readonly rows: Uint8Array
  readonly columns: Uint8Array
  /** By row << 8 | column; 0 where there is no pair. */
  readonly both: Uint16Array
  #nextRow = 1
  #nextColumn = 1

  /** `handlers`: how many there are before the pairs. */
  constructor(handlers: number) {
    this.rows = new Uint8Array(handlers)
    this.columns = new Uint8Array(handlers)
    this.both = new Uint16Array(0x10000)
  }
  add(first: number, second: number, both: number): void {
    if (this.rows[first] === 0) this.rows[first] = this.#nextRow++
    if (this.columns[second] === 0) this.columns[second] = this.#nextColumn++
    if (this.#nextRow > 256 || this.#nextColumn > 256) throw new Error('too many pairs for the table')
    this.both[(this.rows[first] << 8) | this.columns[second]] = both
  }
  /** Handler of both, 0 when there is none; a pair itself is no first instruction. */
  get(first: number, second: number): number {
    if (first >= this.rows.length) return 0
    return this.both[(this.rows[first] << 8) | this.columns[second]]
  }
}

const SIZES: Record<'b' | 'w' | 'd' | 'v', readonly Size[]> = { b: [1], w: [2], d: [4], v: [2, 4] }

export function buildHandlers(): HandlerSet {
  const table = buildTable(ISA)
  const handlers: Handler[] = []
  const index = new Map<number, number>()
  const microIndex: Record<string, number> = {}
  const variants = new Map<string, Variant & { at: number }>()
  for (const [name, semantics] of Object.entries(MICRO)) {
    microIndex[name] = handlers.length
    handlers.push(new WrittenLater(name, () => write(new Builder(4, '', true, true), semantics)))
  }
  const add = (id: number, insn: Insn, form: string, size: Size): void => {
    for (const stack32 of insn.stack ? [true, false] : [true]) {
      for (const addr32 of insn.addr ? [true, false] : [true]) {
        for (const flat of usesSegments(insn, form) && stack32 && addr32 ? [false, true] : [false]) {
          const k = key(id, form, size, stack32, addr32, flat)
          if (index.has(k)) continue
          index.set(k, handlers.length)
          const suffix = `${stack32 ? '' : '.s16'}${addr32 ? '' : '.a16'}${flat ? '.flat' : ''}`
          const name = `${insn.mnemonic}.${form}${size * 8}${suffix}`
          variants.set(name, { at: handlers.length, insn, size, form, stack32, addr32, flat })
          handlers.push(
            new WrittenLater(name, () => write(new Builder(size, form, stack32, addr32, flat), b => insn.semantics(b))),
          )
        }
      }
    }
  }
  for (const [id, insn] of ISA.entries()) {
    for (const encoding of insn.encodings) {
      const { operands, digit } = parseEncoding(encoding)
      const entry = { insn, id, operands, modrm: digit >= 0 }
      const forms = new Set([false, true].map(memory => operands.map(o => formLetter(o, memory)).join('')))
      for (const size of SIZES[sizeClass(entry)]) for (const form of forms) add(id, insn, form, size)
    }
  }
  const simdId = ISA.length
  for (const form of ['xm', 'mx', 'xx']) add(simdId, SIMD, form, 4)
  const pairs = new PairTable(handlers.length)
  for (const [firstName, secondName] of PAIRS) {
    const first = variants.get(firstName)
    const second = variants.get(secondName)
    if (!first || !second) throw new Error(`no handlers for the pair ${firstName}, ${secondName}`)
    pairs.add(first.at, second.at, handlers.length)
    const name = `${firstName}+${secondName}`
    handlers.push(new WrittenLater(name, () => writePair(first, second, microIndex.STALE)))
  }
  return {
    table,
    handlers,
    simdId,
    simd: SIMD,
    micro: name => microIndex[name],
    pairs,
    find(id, form, size, stack32, addr32, flat) {
      const insn = id === simdId ? SIMD : ISA[id]
      const wide = [stack32 || !insn.stack, addr32 || !insn.addr] as const
      const found =
        (flat ? index.get(key(id, form, size, ...wide, true)) : undefined) ??
        index.get(key(id, form, size, ...wide, false))
      if (found === undefined) throw new Error(`no handler for ${insn.mnemonic} ${form} ${size}`)
      return found
    },
  }
}
