/**
 * Blocks of decoded records, built from plain 32-bit code, as interp/blocks.ts does. It does all others, whole: those with
 * what decoding.ts declines, with traces or probes or under a code segment limit, whose first instruction leaves its page, or that
 * are the first to want some handler.
 */
import {
  BLK_BYTES,
  BLK_COUNT,
  BLK_HEAT,
  BLK_HOT,
  BLK_MODE,
  BLK_PHYS,
  BLK_RECORDS,
  BLK_TOTAL,
  BLOCK_HEADER,
  REC_A,
  REC_BASE,
  REC_DISP,
  REC_HANDLER,
  REC_IMM,
  REC_INDEX,
  REC_LEN,
  REC_LINK,
  REC_LINKABLE,
  REC_OFF,
  REC_SCALE,
  REC_SEG,
  RECORD_SIZE,
} from '../decode/record.ts'
import { HANDLER_SLOTS, SLOT_ADDR32, SLOT_FLAT, SLOT_SIZE, SLOT_STACK32 } from '../decode/table.ts'
import {
  DECODE_COLUMNS,
  DECODE_END,
  DECODE_HANDLERS,
  DECODE_PAIRS,
  DECODE_ROWS,
  ENTRY_BRANCH,
  ENTRY_ENDS,
  ENTRY_INDIRECT,
  ENTRY_RESUMES,
  ENTRY_WIDE,
} from '../decode/tables.ts'
import { MAX_INSTRUCTIONS, PROBED_SHIFT, WIDE_WEIGHT } from '../interp/blocks.ts'
import { c32, type Expr, load } from '../ir/ir.ts'
import { MODE_CODE32, MODE_FLAT, MODE_LIMIT, MODE_STACK32, MODE_TRACE } from '../mode.ts'
import { PROBED, RAM, RAM_SIZE, SEG_CS, SEG_FS, SEG_GS, ZERO } from '../state.ts'
import { decode, type Instruction, instructionLocals, MAX_LENGTH, segAt } from './decoding.ts'
import { type Shortcut, type ShortcutBuilder, shortcut } from './module.ts'

const PAGE = 0x1000

/** Stores the words of a record; what is not given is 0. */
function record(b: ShortcutBuilder, rec: Expr, words: Readonly<Record<number, Expr>>): void {
  for (let at = 0; at < RECORD_SIZE; at += 4) b.store('32', rec, words[at] ?? c32(0), at)
}
/** Fields of the first two words, where the record has them. */
const bits = (b: ShortcutBuilder, field: number, v: Expr): Expr => b.shl(v, (field & 3) * 8)

function build(b: ShortcutBuilder, block: Expr, phys: Expr, mode: Expr, heat: Expr): void {
  b.declineIf(b.xor(b.and(mode, MODE_CODE32 | MODE_LIMIT | MODE_TRACE), MODE_CODE32))
  const page = b.let(b.and(phys, ~(PAGE - 1)))
  // An instruction is decoded before it is known where it ends.
  b.declineIf(b.cmp('ge_u', b.add(page, PAGE), b.word(RAM_SIZE)))
  const host = b.let(b.add(page, RAM))
  const end = b.let(b.add(host, PAGE))
  const rec = b.let(b.add(block, BLOCK_HEADER))
  const [count, wide, lastMain, going, start] = [0, 0, 0, 0, 0].map(() => b.temp('i32'))
  const d = instructionLocals(b)
  b.set(d.at, b.add(phys, RAM))
  for (const l of [count, wide, lastMain]) b.set(l, c32(0))

  const endRecord = (at: Expr): void => {
    const off = b.let(b.sub(at, host))
    record(b, rec, {
      [REC_HANDLER]: b.or(load('16u', c32(DECODE_END)), bits(b, REC_OFF, off)),
      [REC_LEN]: b.or(
        bits(b, REC_INDEX, count),
        bits(b, REC_LINKABLE, b.select(b.cmp('lt_u', off, PAGE), c32(1), c32(4))),
      ),
      [REC_IMM]: off,
    })
    b.set(rec, b.add(rec, RECORD_SIZE))
    b.set(going, c32(0))
  }

  b.doWhile(
    () => {
      b.set(going, c32(1))
      b.set(start, d.at)
      decode(b, d)
      const length = b.let(b.sub(d.at, start))
      b.if(
        b.or(b.cmp('gt_u', d.at, end), b.cmp('gt_u', length, MAX_LENGTH)),
        () => {
          b.declineIf(b.eqz(count))
          b.set(d.at, start)
          endRecord(start)
        },
        () => {
          const handler = instruction(b, d, { rec, mode, count, length, off: b.let(b.sub(start, host)) })
          pairUp(b, rec, handler, lastMain)
          b.set(rec, b.add(rec, RECORD_SIZE))
          b.set(count, b.add(count, 1))
          b.set(wide, b.add(wide, b.bool(b.and(d.flags, ENTRY_WIDE))))
          const full = b.or(b.cmp('ge_u', d.at, end), b.cmp('ge_u', count, MAX_INSTRUCTIONS))
          const stopped = b.or(b.bool(b.and(d.flags, ENTRY_RESUMES)), full)
          b.if(
            b.and(d.flags, ENTRY_ENDS),
            () => b.set(going, c32(0)),
            () => b.if(stopped, () => endRecord(d.at)),
          )
        },
      )
    },
    () => going,
  )
  const bytes = b.let(b.sub(d.at, b.add(phys, RAM)))
  b.declineIf(probed(b, phys, bytes))
  header(b, block, { phys, mode, heat, rec, count, wide, bytes })
  b.answer(rec)
}

/** Non-zero when something in `bytes` bytes at `phys`, or close by, is probed. */
function probed(b: ShortcutBuilder, phys: Expr, bytes: Expr): Expr {
  const bit = (at: Expr): Expr => b.and(b.shr(at, PROBED_SHIFT), 31)
  const first = b.let(bit(phys))
  const more = b.sub(bit(b.sub(b.add(phys, bytes), 1)), first)
  const bits = b.shl(b.shr(c32(-1), b.sub(c32(31), more)), first)
  return b.and(load('32', b.shl(b.shr(phys, 12), 2), PROBED), bits)
}

/** The record of an instruction at `off` of its page: answers its handler, or declines where that is not known yet. */
function instruction(
  b: ShortcutBuilder,
  d: Instruction,
  { rec, mode, count, length, off }: Readonly<Record<'rec' | 'mode' | 'count' | 'length' | 'off', Expr>>,
): Expr {
  const { flags, size, number } = d
  const isSegment = (i: number): Expr => b.cmp('eq', d.segment, segAt(i))
  // CS may be read but not written; nothing is known of FS and GS.
  const special = b.or(b.or(isSegment(SEG_CS), isSegment(SEG_FS)), isSegment(SEG_GS))
  const plain = b.and(b.cmp('eq', d.index, ZERO), b.eqz(special))
  const flat = b.let(b.and(b.bool(b.and(mode, MODE_FLAT)), plain))
  const stack32 = b.select(b.and(mode, MODE_STACK32), c32(SLOT_STACK32), c32(0))
  const variant = b.or(b.or(b.shl(size, SLOT_SIZE), d.memory), b.or(stack32, SLOT_ADDR32))
  const among = b.or(variant, b.select(flat, c32(SLOT_FLAT), c32(0)))
  const known = b.shl(b.add(b.op('mul', number, HANDLER_SLOTS), among), 1)
  const handler = b.let(load('16u', known, DECODE_HANDLERS))
  b.declineIf(b.eqz(handler))

  const last = b.let(b.or(d.segment, b.shl(d.extra, 16)))
  const linkable = b.let(c32(0))
  const dword = b.cmp('eq', size, 4)
  b.if(
    b.and(flags, ENTRY_BRANCH),
    () => {
      const next = b.let(b.add(off, length))
      b.set(d.imm, b.add(d.imm, next))
      const taken = b.select(b.cmp('lt_u', d.imm, PAGE), c32(1), c32(4))
      const through = b.select(b.cmp('lt_u', next, PAGE), c32(2), c32(8))
      b.if(dword, () => b.set(linkable, b.or(taken, through)))
      b.set(last, c32(0))
    },
    () =>
      b.if(b.and(b.bool(b.and(flags, ENTRY_INDIRECT)), b.or(flat, b.eqz(d.memory))), () => {
        b.if(dword, () => b.set(linkable, c32(4)))
        b.set(last, c32(0))
      }),
  )
  record(b, rec, {
    [REC_HANDLER]: b.or(handler, bits(b, REC_OFF, off)),
    [REC_LEN]: b.or(
      b.or(length, bits(b, REC_INDEX, count)),
      b.or(bits(b, REC_LINKABLE, linkable), bits(b, REC_SCALE, d.scale)),
    ),
    [REC_A]: b.or(d.a, b.shl(d.b, 16)),
    [REC_BASE]: b.or(d.base, b.shl(d.index, 16)),
    [REC_DISP]: d.disp,
    [REC_IMM]: d.imm,
    [REC_LINK]: c32(0),
    [REC_SEG]: last,
  })
  return handler
}

/** Gives the record before `rec` the handler of both, if it is no half of a pair and this one has a pair with it. */
function pairUp(b: ShortcutBuilder, rec: Expr, handler: Expr, lastMain: Expr): void {
  const both = b.let(c32(0))
  b.if(lastMain, () => {
    const row = load('8u', load('16u', lastMain, REC_HANDLER), DECODE_ROWS)
    const column = load('8u', handler, DECODE_COLUMNS)
    b.set(both, load('16u', b.shl(b.or(b.shl(row, 8), column), 1), DECODE_PAIRS))
  })
  b.if(
    both,
    () => {
      b.store('16', lastMain, both, REC_HANDLER)
      b.set(lastMain, c32(0))
    },
    () => b.set(lastMain, rec),
  )
}

function header(
  b: ShortcutBuilder,
  block: Expr,
  h: Readonly<Record<'phys' | 'mode' | 'heat' | 'rec' | 'count' | 'wide' | 'bytes', Expr>>,
): void {
  const weight = b.let(b.un('extend_u', b.add(h.count, b.op('mul', h.wide, WIDE_WEIGHT - 1))))
  const total = b.op('mul', b.un('extend_u', h.heat), b.un('extend_u', h.count))
  const hot = b.let(b.un('wrap', b.op('div_u', b.sub(b.op('add', total, weight), 1), weight)))
  const words: Readonly<Record<number, Expr>> = {
    [BLK_COUNT]: h.count,
    [BLK_TOTAL]: h.count,
    [BLK_PHYS]: h.phys,
    [BLK_BYTES]: h.bytes,
    [BLK_RECORDS]: b.shr(b.sub(b.sub(h.rec, block), BLOCK_HEADER), Math.log2(RECORD_SIZE)),
    [BLK_MODE]: h.mode,
    [BLK_HEAT]: hot,
    [BLK_HOT]: hot,
  }
  for (let at = 0; at < BLOCK_HEADER; at += 4) b.store('32', block, words[at] ?? c32(0), at)
}

export const BLOCKS: readonly Shortcut[] = [shortcut('build', 4, build, false)]
