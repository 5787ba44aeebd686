/**
 * Blocks of decoded records: building them from guest code, finding them again, and dropping them when their code is
 * written. A block never leaves its physical page; an instruction that crosses a page is run as a single step.
 */
import { GuestFault } from '../context.ts'
import type { Decoded, Decoder } from '../decode/decode.ts'
import {
  BLK_BYTES,
  BLK_COUNT,
  BLK_CROSS,
  BLK_EIP,
  BLK_FIRST,
  BLK_HEAT,
  BLK_HOT,
  BLK_MODE,
  BLK_NEXT,
  BLK_PHYS,
  BLK_RECORDS,
  BLK_TOTAL,
  BLK_TWIN,
  BLOCK_HEADER,
  REC_HANDLER,
  REC_IMM,
  REC_INDEX,
  RECORD_SIZE,
} from '../decode/record.ts'
import { PAGE_SHARED } from '../mmu/physical.ts'
import { MODE_CODE32, MODE_LIMIT, MODE_TRACE } from '../mode.ts'
import {
  BLOCK_HASH,
  BLOCKS_HEAT,
  BLOCKS_NEXT,
  CODE_HEADS,
  CODE_LINES,
  PAGE_FLAGS,
  PROBED,
  RAM,
  RECORDS,
  RECORDS_SIZE,
  STALE,
  STALE_ENTRY,
} from '../state.ts'
import type { HandlerSet } from './handlers.ts'
import { HASH_ENTRIES, HASH_ENTRY, hashSlot } from './lookup.ts'
import { Records } from './records.ts'

export const MAX_INSTRUCTIONS = 64
/** Records of the longest block: up to four an instruction, LIMIT and END. */
const MAX_RECORDS = MAX_INSTRUCTIONS * 4 + 2
const SCRATCH_BLOCK = RECORDS
/** Where there is still room for the longest. */
export const LAST_BLOCK: number = RECORDS + RECORDS_SIZE - BLOCK_HEADER - MAX_RECORDS * RECORD_SIZE
/** Block of no instructions: what is current while a region runs. Its one record is at offset 0 of the page. */
export const REGION_BLOCK: number = SCRATCH_BLOCK + BLOCK_HEADER + 16 * RECORD_SIZE
const FIRST_BLOCK = REGION_BLOCK + BLOCK_HEADER + RECORD_SIZE
/** Heat of a block that is not counted. */
const COLD = 0x7fffffff
/** log2 of the bytes for which PROBED has a bit. */
export const PROBED_SHIFT = 7
/** A wide instruction counts for so many others when it comes to translation. */
export const WIDE_WEIGHT = 8
const PAGE = 0x1000
/** Bytes of a line: see CODE_LINES. */
const LINE = 64

/** Bit of a physical address in the word that PROBED has for its page. */
const probedBit = (pa: number): number => 1 << ((pa & 0xfff) >> PROBED_SHIFT)

/** What the processor's memory management does for code pages. */
export interface CodePages {
  markCodePage(pa: number): void
  unmarkCodePage(pa: number): void
}

/** Translated regions, as far as the blocks have to know them. Lines are 64 bytes; bit n of the masks is line n. */
export interface Regions {
  /** Whether there is code of a region in [from, to), inside one page. */
  overlap(page: number, from: number, to: number): boolean
  /** Drops the regions whose code overlaps [from, to), inside one page. */
  invalidate(page: number, from: number, to: number): void
  /** Lines of the page that hold code of regions: those below 32, or those from 32 on. */
  lines(page: number, half: 0 | 1): number
  /** Drops all. */
  dropAll(): void
}

/**
 * Builds the block at a physical address, as `Blocks.build` would, from address `block` of the pool on; `heat` is that of a
 * block of ordinary instructions. Answers where the block ends; or 0, and nothing but unused records has changed.
 */
export type QuickBuild = (block: number, phys: number, mode: number, heat: number) => number

export class Blocks {
  /** Set where there is a shortcut: it builds most blocks. */
  quick: QuickBuild | null = null
  /** The same: drops the blocks that overlap [from, to), inside one page that holds code. 0: nothing has changed. */
  drop: ((from: number, to: number) => number) | null = null
  /** Set where there is a translator. */
  regions: Regions | null = null
  readonly #u8: Uint8Array
  readonly #view: DataView
  readonly #u16: Uint16Array
  readonly #u32: Uint32Array
  readonly #records: Records
  readonly #decoder: Decoder
  readonly #pages: CodePages
  /** CODE_HEADS and CODE_LINES. */
  readonly #heads: Uint32Array
  readonly #lines: Uint32Array
  /** Blocks that cross into a page, by that page's number. */
  readonly #crossings = new Map<number, Set<number>>()
  /** Counter address of each probed physical address. */
  readonly #probes = new Map<number, number>()
  /** PROBED. */
  readonly #probed: Uint32Array
  /** Times the whole pool was dropped because it was full. */
  flushes = 0

  /** `pairs`: neighbours that have a handler between them get it. */
  constructor(
    buffer: ArrayBufferLike,
    ramSize: number,
    set: HandlerSet,
    decoder: Decoder,
    pages: CodePages,
    pairs: boolean,
  ) {
    this.#u8 = new Uint8Array(buffer)
    this.#view = new DataView(buffer)
    this.#u16 = new Uint16Array(buffer)
    this.#u32 = new Uint32Array(buffer)
    this.#next = FIRST_BLOCK
    this.heat = COLD
    this.#records = new Records(buffer, set, pairs)
    this.#decoder = decoder
    this.#pages = pages
    const count = Math.ceil(ramSize / PAGE)
    this.#heads = new Uint32Array(buffer, CODE_HEADS, count)
    this.#lines = new Uint32Array(buffer, CODE_LINES, count * 2)
    this.#probed = new Uint32Array(buffer, PROBED, count)
    this.#u16[STALE >> 1] = this.#records.micro.stale
    this.#u16[STALE_ENTRY >> 1] = this.#records.micro.staleEntry
  }

  /** Where in linear memory the next block goes. */
  get #next(): number {
    return this.#u32[BLOCKS_NEXT >> 2]
  }
  set #next(address: number) {
    this.#u32[BLOCKS_NEXT >> 2] = address
  }
  /** Entries after which a block counts as hot. */
  get heat(): number {
    return this.#u32[BLOCKS_HEAT >> 2]
  }
  set heat(entries: number) {
    this.#u32[BLOCKS_HEAT >> 2] = entries
  }

  /** The block at a physical address, if it has been decoded under that mode; its table entry is renewed. */
  find(phys: number, mode: number): number {
    const slot = hashSlot(phys, mode) >>> 2
    if (this.#u32[slot] === phys && this.#u32[slot + 1] === mode) return this.#u32[slot + 2]
    // Nothing was ever entered here, or it is gone: at worst a block is decoded twice.
    if (this.#u32[slot + 1] === 0) return 0
    // Another block may have taken the entry; the page's list still has this one.
    for (let block = this.#heads[Math.floor(phys / PAGE)]; block !== 0; block = this.#u32[(block + BLK_NEXT) >> 2]) {
      const at = block >> 2
      if (this.#u32[at + BLK_PHYS / 4] !== phys || this.#u32[at + BLK_MODE / 4] !== mode) continue
      if (this.#u32[at + BLK_COUNT / 4] === 0) continue
      this.#enter(block, phys, mode)
      return block
    }
    return 0
  }

  /**
   * Decodes the block at physical address `phys` (in RAM) and makes it findable. `nextPage` gives the physical address
   * of the linear page that follows, -1 when it has none in RAM. Returns 0 when the first instruction cannot be had:
   * a single step will tell why.
   */
  build(phys: number, mode: number, nextPage: () => number): number {
    if (this.#next > LAST_BLOCK) this.flush()
    return this.#buildQuick(phys, mode) || this.#buildExact(phys, mode, nextPage)
  }

  /** Answers 0 where the shortcut declines, or there is none. */
  #buildQuick(phys: number, mode: number): number {
    const { quick } = this
    if (quick === null) return 0
    const block = this.#next
    const end = quick(block, phys, mode, this.heat)
    if (end === 0) return 0
    this.#publish(block, phys, this.#u32[(block + BLK_BYTES) >> 2], mode)
    this.#next = end
    return block
  }

  #buildExact(phys: number, mode: number, nextPage: () => number): number {
    const page = phys - (phys & 0xfff)
    const ram = RAM + page
    const start = phys & 0xfff
    const code32 = (mode & MODE_CODE32) !== 0
    const block = this.#next
    let rec = block + BLOCK_HEADER
    const limitRecord = mode & MODE_LIMIT ? rec : 0
    if (limitRecord !== 0) rec += RECORD_SIZE
    let off = start
    let count = 0
    let wide = 0
    for (let ended = false; !ended; ) {
      let d: Decoded | null = null
      if (off < PAGE && count < MAX_INSTRUCTIONS)
        d = this.#decoder.decodeWithin(this.#view, ram + off, ram + PAGE, code32)
      if (d === null) {
        if (count === 0) return this.#buildCrossing(phys, mode, nextPage)
        rec = this.#records.end(rec, off, count, mode)
        break
      }
      rec = this.#records.instruction(rec, d, off, count, mode, this.probeAt(page + off))
      off += d.length
      count++
      if (d.insn?.wide) wide++
      ended = d.insn === null || d.entry.ends
      if (!ended && d.entry.resumes) {
        rec = this.#records.end(rec, off, count, mode)
        ended = true
      }
    }
    if (limitRecord !== 0) this.#records.plain(limitRecord, this.#records.micro.limit, start, 0, 0, off - 1)
    this.#header(block, phys, off - start, count, rec, mode, wide)
    this.#publish(block, phys, off - start, mode)
    this.#next = rec
    return block
  }

  /** A block of one instruction that crosses into the next page; a record before it checks that page at each run. */
  #buildCrossing(phys: number, mode: number, nextPage: () => number): number {
    if (mode & MODE_LIMIT) return 0
    const second = nextPage()
    if (second < 0) return 0
    const off = phys & 0xfff
    const rest = PAGE - off
    let d: Decoded
    try {
      d = this.#decoder.decode(
        i => this.#u8[RAM + (i < rest ? phys + i : second + i - rest)],
        (mode & MODE_CODE32) !== 0,
      )
    } catch (e) {
      if (e instanceof GuestFault) return 0
      throw e
    }
    if (d.length <= rest) return 0
    const block = this.#next
    let rec = this.#records.plain(block + BLOCK_HEADER, this.#records.micro.cross, off, 0, 0, second)
    rec = this.#records.instruction(rec, d, off, 0, mode, this.probeAt(phys))
    if (!(d.insn === null || d.entry.ends)) rec = this.#records.end(rec, off + d.length, 1, mode)
    this.#header(block, phys, rest, 1, rec, mode)
    this.#u32[(block + BLK_CROSS) >> 2] = second
    this.#publish(block, phys, rest, mode)
    this.#markCode(second, second + d.length - rest)
    const page = Math.floor(second / PAGE)
    this.#u8[PAGE_FLAGS + page] |= PAGE_SHARED
    const crossing = this.#crossings.get(page) ?? new Set()
    this.#crossings.set(page, crossing.add(block))
    this.#next = rec
    return block
  }

  /**
   * One instruction in the scratch block, which nothing finds again. `fetch` gives its bytes and may throw the fault
   * of fetching them. `trace` puts a TRACE record before it. Returns the block and what was decoded.
   */
  buildSingle(fetch: (i: number) => number, off: number, mode: number, phys: number, trace: boolean): Decoded {
    const d = this.#decoder.decode(fetch, (mode & MODE_CODE32) !== 0)
    const flags = (mode & ~MODE_TRACE) | MODE_LIMIT | (trace ? MODE_TRACE : 0)
    let rec = SCRATCH_BLOCK + BLOCK_HEADER
    rec = this.#records.instruction(rec, d, off, 0, flags, this.probeAt(phys))
    if (!(d.insn === null || d.entry.ends)) rec = this.#records.end(rec, off + d.length, 1, flags)
    this.#header(SCRATCH_BLOCK, phys, d.length, 1, rec, mode)
    return d
  }
  get scratch(): number {
    return SCRATCH_BLOCK
  }

  /** Drops the blocks that overlap a write; called for writes into marked pages, before or after the bytes change. */
  invalidate(pa: number, size: number): void {
    for (let at = pa; at < pa + size; ) {
      const pageEnd = at - (at & 0xfff) + PAGE
      const end = Math.min(pa + size, pageEnd)
      this.#invalidateInPage(at, end)
      at = end
    }
  }

  /** Drops everything. */
  flush(): void {
    this.flushes++
    this.regions?.dropAll()
    this.#u32.fill(0, BLOCK_HASH >> 2, (BLOCK_HASH + HASH_ENTRIES * HASH_ENTRY) >> 2)
    for (let page = 0; page < this.#heads.length; page++) {
      if (this.#lines[page * 2] === 0 && this.#lines[page * 2 + 1] === 0) continue
      this.#heads[page] = 0
      this.#pages.unmarkCodePage(page * PAGE)
    }
    this.#crossings.clear()
    this.#lines.fill(0)
    this.#next = FIRST_BLOCK
  }

  /** Counts executions of the instruction at physical address `pa` at `counter`. */
  addProbe(pa: number, counter: number): void {
    this.#probed[Math.floor(pa / PAGE)] |= probedBit(pa)
    this.#probes.set(pa, counter)
    this.invalidate(pa, 1)
  }
  /** Counter of the probe at a physical address; 0 when it has none. */
  probeAt(pa: number): number {
    if ((this.#probed[Math.floor(pa / PAGE)] & probedBit(pa)) === 0) return 0
    return this.#probes.get(pa) ?? 0
  }

  /** Takes back the probe count of a record of `block` whose instruction did not complete. */
  unprobe(block: number, rec: number): void {
    if (this.#probes.size === 0) return
    const { probe } = this.#records.micro
    const index = this.#u8[rec + REC_INDEX]
    const first = block + BLOCK_HEADER
    for (let r = rec - RECORD_SIZE; r >= first && this.#u8[r + REC_INDEX] === index; r -= RECORD_SIZE) {
      if (this.#u16[(r + REC_HANDLER) >> 1] !== probe) continue
      const at = this.#u32[(r + REC_IMM) >> 2] >> 2
      if (this.#u32[at]-- === 0) this.#u32[at + 1]--
      return
    }
  }

  /** `wide`: instructions among the `count` that gain most by translation. */
  #header(block: number, phys: number, bytes: number, count: number, end: number, mode: number, wide = 0): void {
    const at = block >> 2
    this.#u32.fill(0, at, at + BLOCK_HEADER / 4)
    this.#u32[at + BLK_COUNT / 4] = count
    this.#u32[at + BLK_TOTAL / 4] = count
    this.#u32[at + BLK_PHYS / 4] = phys
    this.#u32[at + BLK_BYTES / 4] = bytes
    this.#u32[at + BLK_RECORDS / 4] = (end - block - BLOCK_HEADER) / RECORD_SIZE
    this.#u32[at + BLK_MODE / 4] = mode
    const hot = Math.ceil((this.heat * count) / (count + wide * (WIDE_WEIGHT - 1)))
    this.#u32[at + BLK_HOT / 4] = this.#u32[at + BLK_HEAT / 4] = hot
  }

  /**
   * Puts the region at `slot` of the interpreter's table in the place of a block whose code runs at `eip`. False when
   * there is no room for the copy that is run where the region declines.
   */
  setRegion(block: number, eip: number, slot: number): boolean {
    const at = block >> 2
    if (this.#u32[at + BLK_TWIN / 4] === 0) {
      const size = BLOCK_HEADER + this.#u32[at + BLK_RECORDS / 4] * RECORD_SIZE
      if (this.#next + size > RECORDS + RECORDS_SIZE) return false
      this.#u8.copyWithin(this.#next, block, block + size)
      this.#u32[(this.#next + BLK_HEAT) >> 2] = COLD
      this.#u32[at + BLK_TWIN / 4] = this.#next
      this.#next += size
    }
    const handler = (block + BLOCK_HEADER + REC_HANDLER) >> 1
    this.#u32[at + BLK_EIP / 4] = eip
    this.#u32[at + BLK_FIRST / 4] = this.#u16[handler]
    this.#u16[handler] = slot
    return true
  }
  /** Takes a region out of the block's place again. */
  clearRegion(block: number): void {
    if (this.#u32[(block + BLK_COUNT) >> 2] === 0) return
    this.#u16[(block + BLOCK_HEADER + REC_HANDLER) >> 1] = this.#u32[(block + BLK_FIRST) >> 2]
  }
  /** Notes lines of a region's code, inside one page. */
  markRegion(page: number, low: number, high: number): void {
    if (this.#lines[page * 2] === 0 && this.#lines[page * 2 + 1] === 0) this.#pages.markCodePage(page * PAGE)
    this.#lines[page * 2] |= low
    this.#lines[page * 2 + 1] |= high
    this.#u8[PAGE_FLAGS + page] |= PAGE_SHARED
  }

  #publish(block: number, phys: number, bytes: number, mode: number): void {
    const page = Math.floor(phys / PAGE)
    this.#markCode(phys, phys + bytes)
    this.#u32[(block + BLK_NEXT) >> 2] = this.#heads[page]
    this.#heads[page] = block
    this.#enter(block, phys, mode)
  }

  /** Notes the lines of [from, to), inside one page, as code. */
  #markCode(from: number, to: number): void {
    const at = Math.floor(from / PAGE) * 2
    if (this.#lines[at] === 0 && this.#lines[at + 1] === 0) this.#pages.markCodePage(from - (from & 0xfff))
    this.#markLines(from, to)
  }

  #markLines(from: number, to: number): void {
    const at = Math.floor(from / PAGE) * 2
    for (let line = (from & 0xfff) >> 6; line <= ((to - 1) & 0xfff) >> 6; line++) {
      this.#lines[at + (line >> 5)] |= 1 << (line & 31)
    }
  }

  #enter(block: number, phys: number, mode: number): void {
    const slot = hashSlot(phys, mode) >>> 2
    this.#u32[slot] = phys
    this.#u32[slot + 1] = mode
    this.#u32[slot + 2] = block
  }

  #invalidateInPage(from: number, to: number): void {
    const page = Math.floor(from / PAGE)
    if (page >= this.#heads.length || !this.#holdsCode(page, (from & 0xfff) >> 6, ((to - 1) & 0xfff) >> 6)) return
    if (this.drop !== null && this.drop(from, to) !== 0) return
    const translated = this.regions?.overlap(page, from, to) ?? false
    const crossed = (from & 0xfff) < LINE && this.#crossings.has(page)
    if (!translated && !crossed && !this.#overlaps(page, from, to)) return
    if (translated) this.regions?.invalidate(page, from, to)
    const u32 = this.#u32
    let block = this.#heads[page]
    let kept = 0
    this.#u8[PAGE_FLAGS + page] &= ~PAGE_SHARED
    this.#lines[page * 2] = this.#lines[page * 2 + 1] = 0
    const [low, high] = [this.regions?.lines(page, 0) ?? 0, this.regions?.lines(page, 1) ?? 0]
    if ((low | high) !== 0) this.markRegion(page, low, high)
    while (block !== 0) {
      const at = block >> 2
      const next = u32[at + BLK_NEXT / 4]
      const phys = u32[at + BLK_PHYS / 4]
      const end = phys + u32[at + BLK_BYTES / 4]
      if (phys < to && end > from) {
        this.#makeStale(block, phys)
      } else {
        u32[at + BLK_NEXT / 4] = kept
        kept = block
        this.#markLines(phys, end)
      }
      block = next
    }
    this.#heads[page] = kept
    this.#invalidateCrossings(page, from)
    if (this.#lines[page * 2] === 0 && this.#lines[page * 2 + 1] === 0) this.#pages.unmarkCodePage(page * PAGE)
  }

  /** Whether a block of `page` overlaps the bytes [from, to): code and data may share a line. */
  #overlaps(page: number, from: number, to: number): boolean {
    const u32 = this.#u32
    for (let block = this.#heads[page]; block !== 0; block = u32[(block + BLK_NEXT) >> 2]) {
      const phys = u32[(block + BLK_PHYS) >> 2]
      if (phys < to && phys + u32[(block + BLK_BYTES) >> 2] > from) return true
    }
    return false
  }

  /** Whether a line of `page` from the first to the last of these numbers holds code. */
  #holdsCode(page: number, first: number, last: number): boolean {
    for (let line = first; line <= last; line++) {
      if (this.#lines[page * 2 + (line >> 5)] & (1 << (line & 31))) return true
    }
    return false
  }

  /** Blocks that cross into a page have their few bytes in its first line. */
  #invalidateCrossings(page: number, from: number): void {
    const crossing = this.#crossings.get(page)
    if (crossing === undefined) return
    if ((from & 0xfff) >= LINE) {
      this.#markLines(page * PAGE, page * PAGE + 1)
      this.#u8[PAGE_FLAGS + page] |= PAGE_SHARED
      return
    }
    // The blocks stay listed in their own page, where a stale one does no harm.
    for (const block of crossing) this.#makeStale(block, this.#u32[(block + BLK_PHYS) >> 2])
    this.#crossings.delete(page)
  }

  /** Turns every record into one that leaves the block; a run in progress leaves at the next instruction. */
  #makeStale(block: number, phys: number): void {
    const slot = hashSlot(phys, this.#u32[(block + BLK_MODE) >> 2]) >>> 2
    if (this.#u32[slot + 2] === block) this.#u32[slot] = this.#u32[slot + 1] = this.#u32[slot + 2] = 0
    const records = this.#u32[(block + BLK_RECORDS) >> 2]
    const first = block + BLOCK_HEADER
    for (let i = 0; i < records; i++) {
      this.#u16[(first + i * RECORD_SIZE + REC_HANDLER) >> 1] =
        i === 0 ? this.#records.micro.staleEntry : this.#records.micro.stale
    }
    this.#u32[(block + BLK_COUNT) >> 2] = 0
    const twin = this.#u32[(block + BLK_TWIN) >> 2]
    if (twin !== 0) this.#makeStale(twin, phys)
  }
}
