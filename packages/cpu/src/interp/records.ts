/** Records: what the handlers are given of each decoded instruction, and what stands between instructions. */
import type { Decoded } from '../decode/decode.ts'
import {
  REC_A,
  REC_BASE,
  REC_DISP,
  REC_HANDLER,
  REC_LINKABLE,
  REC_SCALE,
  REC_SEG,
  RECORD_SIZE,
} from '../decode/record.ts'
import { HANDLER_SLOTS, handlerSlot } from '../decode/table.ts'
import { DECODE_HANDLERS } from '../decode/tables.ts'
import { MODE_FLAT, MODE_LIMIT, MODE_STACK32, MODE_TRACE } from '../mode.ts'
import { SEG, SEG_CS, SEG_FS, SEG_GS, SEG_SIZE, TMP_EA, ZERO } from '../state.ts'
import type { HandlerSet } from './handlers.ts'

const AT_CS = SEG + SEG_CS * SEG_SIZE
const AT_FS = SEG + SEG_FS * SEG_SIZE
const AT_GS = SEG + SEG_GS * SEG_SIZE
const PAGE = 0x1000

export class Records {
  /** Numbers of the handlers that are no instructions. */
  readonly micro: Record<
    'end' | 'trace' | 'probe' | 'undefined' | 'ea16' | 'limit' | 'cross' | 'stale' | 'staleEntry',
    number
  >
  readonly #u8: Uint8Array
  readonly #u16: Uint16Array
  readonly #u32: Uint32Array
  readonly #i32: Int32Array
  readonly #set: HandlerSet
  readonly #pairs: boolean
  /** Record of the last instruction that is not half of a pair. */
  #lastMain = 0

  /** `pairs`: neighbours that have a handler between them get it. */
  constructor(buffer: ArrayBufferLike, set: HandlerSet, pairs: boolean) {
    this.#u8 = new Uint8Array(buffer)
    this.#u16 = new Uint16Array(buffer)
    this.#u32 = new Uint32Array(buffer)
    this.#i32 = new Int32Array(buffer)
    this.#set = set
    this.#pairs = pairs
    this.micro = {
      end: set.micro('END'),
      trace: set.micro('TRACE'),
      probe: set.micro('PROBE'),
      undefined: set.micro('UNDEFINED'),
      ea16: set.micro('EA16'),
      limit: set.micro('LIMIT'),
      cross: set.micro('CROSS'),
      stale: set.micro('STALE'),
      staleEntry: set.micro('STALE_ENTRY'),
    }
  }

  /** A record with nothing but its place and its immediate. */
  plain(rec: number, handler: number, off: number, index: number, length: number, imm: number): number {
    const at = rec >> 2
    const u32 = this.#u32
    u32[at] = handler | (off << 16)
    u32[at + 1] = length | (index << 8)
    u32[at + 2] = u32[at + 3] = u32[at + 4] = 0
    this.#i32[at + 5] = imm
    u32[at + 6] = u32[at + 7] = 0
    return rec + RECORD_SIZE
  }

  /** The record after the last instruction of a block that goes on at `off`. */
  end(rec: number, off: number, index: number, mode: number): number {
    this.plain(rec, this.micro.end, off, index, 0, off)
    this.#u8[rec + REC_LINKABLE] = mode & MODE_LIMIT ? 0 : off < PAGE ? 1 : 4
    return rec + RECORD_SIZE
  }

  /** The records of one instruction; returns the address after them. */
  instruction(rec: number, d: Decoded, off: number, index: number, mode: number, probe: number): number {
    const { length, entry } = d
    if (mode & MODE_TRACE) rec = this.plain(rec, this.micro.trace, off, index, length, 0)
    if (probe !== 0) rec = this.plain(rec, this.micro.probe, off, index, length, probe)
    if (d.insn === null) return this.plain(rec, this.micro.undefined, off, index, length, 0)
    if (d.ea16) {
      this.plain(rec, this.micro.ea16, off, index, length, 0)
      this.#address(rec, d)
      rec += RECORD_SIZE
      d.base = TMP_EA
      d.index = ZERO
      d.disp = d.scale = 0
    }
    const { seg } = d
    // CS may be read but not written; nothing is known of FS and GS.
    const flat = (mode & MODE_FLAT) !== 0 && d.index === ZERO && seg !== AT_CS && seg !== AT_FS && seg !== AT_GS
    const handler = this.#handler(d, (mode & MODE_STACK32) !== 0, flat)
    let { imm } = d
    let linkable = 0
    let last = seg | (d.extra << 16)
    if (entry.branch) {
      const next = off + length
      imm += next
      if (d.size === 4 && !(mode & MODE_LIMIT)) linkable = (imm >= 0 && imm < PAGE ? 1 : 4) | (next < PAGE ? 2 : 8)
      last = 0
    } else if (entry.indirect && (flat || !d.memory)) {
      if (d.size === 4 && !(mode & MODE_LIMIT)) linkable = 4
      last = 0
    }
    this.plain(rec, handler, off, index, length, imm)
    this.#u8[rec + REC_LINKABLE] = linkable
    this.#u32[(rec + REC_A) >> 2] = d.a | (d.b << 16)
    this.#address(rec, d)
    this.#u32[(rec + REC_SEG) >> 2] = last
    if (this.#pairs) this.#pairUp(rec, handler, index)
    return rec + RECORD_SIZE
  }

  #address(rec: number, d: Decoded): void {
    this.#u8[rec + REC_SCALE] = d.scale
    this.#u32[(rec + REC_BASE) >> 2] = d.base | (d.index << 16)
    this.#i32[(rec + REC_DISP) >> 2] = d.disp
  }

  #handler(d: Decoded, stack32: boolean, flat: boolean): number {
    const slot = handlerSlot(d.memory, d.size, stack32, d.addr32, flat)
    const at = (DECODE_HANDLERS >> 1) + d.entry.number * HANDLER_SLOTS + slot
    const known = this.#u16[at]
    if (known !== 0) return known
    const found = this.#set.find(d.id, d.form, d.size, stack32, d.addr32, flat)
    this.#u16[at] = found
    return found
  }

  /** Gives the record before `rec` the handler of both, if it is the previous instruction and the pair has one. */
  #pairUp(rec: number, handler: number, index: number): void {
    const before = rec - RECORD_SIZE
    if (index > 0 && this.#lastMain === before) {
      const both = this.#set.pairs.get(this.#u16[(before + REC_HANDLER) >> 1], handler)
      if (both !== 0) {
        this.#u16[(before + REC_HANDLER) >> 1] = both
        this.#lastMain = 0
        return
      }
    }
    this.#lastMain = rec
  }
}
