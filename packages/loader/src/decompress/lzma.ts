/**
 * The LZMA decoder (LZMA specification, Igor Pavlov, 2015): range coder, probability models, literals and matches.
 * It decodes one LZMA2 chunk at a time straight into the caller's output, which serves as the dictionary. Every
 * chunk has an exact length in and out; a byte more or less on either side is corrupt, so no input can make it run on.
 */
import { corrupt } from '@paragraft/core/elf'

const STATES = 12
const POS_STATES = 16
const PROB_INIT = 1024
const TOP = 0x0100_0000
const MATCH_MIN_LENGTH = 2
const END_POS_MODEL = 14
const FULL_DISTANCES = 128

/** Offsets into the one array of probabilities. */
const IS_MATCH = 0
const IS_REP = IS_MATCH + STATES * POS_STATES
const IS_REP_G0 = IS_REP + STATES
const IS_REP_G1 = IS_REP_G0 + STATES
const IS_REP_G2 = IS_REP_G1 + STATES
const IS_REP0_LONG = IS_REP_G2 + STATES
const POS_SLOT = IS_REP0_LONG + STATES * POS_STATES
const POS_SPECIAL = POS_SLOT + 4 * 64
const ALIGN = POS_SPECIAL + FULL_DISTANCES - END_POS_MODEL + 1
const LENGTH = ALIGN + 16
/** A length coder: choice, choice2, low [16][8], mid [16][8], high [256]. */
const LEN_LOW = 2
const LEN_MID = LEN_LOW + POS_STATES * 8
const LEN_HIGH = LEN_MID + POS_STATES * 8
const REP_LENGTH = LENGTH + LEN_HIGH + 256
const LITERAL = REP_LENGTH + LEN_HIGH + 256
/** lc + lp is at most 4 in LZMA2. */
const PROBS = LITERAL + (0x300 << 4)

/** The state of LZMA between chunks. */
export class LzmaDecoder {
  private readonly probs = new Uint16Array(PROBS)
  private readonly input: Uint8Array
  private readonly output: Uint8Array
  private inputAt = 0
  private inputEnd = 0
  // Both as signed 32-bit values: such numbers stay out of the heap.
  private range = 0
  private code = 0
  private state = 0
  private rep0 = 0
  private rep1 = 0
  private rep2 = 0
  private rep3 = 0
  private lc = 0
  private lpMask = 0
  private pbMask = 0

  constructor(input: Uint8Array, output: Uint8Array) {
    this.input = input
    this.output = output
  }

  /** Sets lc, lp, pb from the properties byte (pb * 45 + lp * 9 + lc). */
  setProperties(byte: number): void {
    if (byte > (4 * 5 + 4) * 9 + 8) throw corrupt('LZMA data', 'the properties byte is out of range', { byte })
    this.lc = byte % 9
    const rest = (byte - this.lc) / 9
    const lp = rest % 5
    if (this.lc + lp > 4) throw corrupt('LZMA data', 'lc + lp is more than 4', { byte })
    this.lpMask = (1 << lp) - 1
    this.pbMask = (1 << ((rest - lp) / 5)) - 1
  }

  /** A state reset: all probabilities even, no history. */
  reset(): void {
    this.probs.fill(PROB_INIT)
    this.state = 0
    this.rep0 = this.rep1 = this.rep2 = this.rep3 = 0
  }

  /**
   * Decodes `input[from..to)` into `output[at..end)`, both exactly. Matches may reach back to `dictStart`, and no
   * further than `dictSize` bytes.
   */
  decode(from: number, to: number, at: number, end: number, dictStart: number, dictSize: number): void {
    this.inputEnd = to
    this.startRange(from)
    const { output } = this
    while (at < end) {
      const posState = (at - dictStart) & this.pbMask
      if (this.bit(IS_MATCH + (this.state << 4) + posState) === 0) {
        output[at] = this.literal(at, dictStart)
        at++
        continue
      }
      let length: number
      if (this.bit(IS_REP + this.state) === 0) {
        this.rep3 = this.rep2
        this.rep2 = this.rep1
        this.rep1 = this.rep0
        length = this.length(LENGTH, posState)
        this.state = this.state < 7 ? 7 : 10
        this.rep0 = this.distance(length)
      } else if (this.bit(IS_REP_G0 + this.state) === 0) {
        if (this.bit(IS_REP0_LONG + (this.state << 4) + posState) === 0) {
          this.state = this.state < 7 ? 9 : 11
          length = 1
        } else {
          length = this.length(REP_LENGTH, posState)
          this.state = this.state < 7 ? 8 : 11
        }
      } else {
        let distance: number
        if (this.bit(IS_REP_G1 + this.state) === 0) {
          distance = this.rep1
        } else {
          if (this.bit(IS_REP_G2 + this.state) === 0) {
            distance = this.rep2
          } else {
            distance = this.rep3
            this.rep3 = this.rep2
          }
          this.rep2 = this.rep1
        }
        this.rep1 = this.rep0
        this.rep0 = distance
        length = this.length(REP_LENGTH, posState)
        this.state = this.state < 7 ? 8 : 11
      }
      // rep0 is the distance less one; 0xFFFFFFFF, LZMA's end marker, has no place in LZMA2 and fails here as well.
      const back = (this.rep0 >>> 0) + 1
      if (back > at - dictStart || back > dictSize)
        throw corrupt('LZMA data', 'a match reaches back too far', { at, back })
      if (length > end - at) throw corrupt('LZMA data', 'a match runs past the end of its chunk', { at, length })
      if (back >= length && length > 16) {
        output.copyWithin(at, at - back, at - back + length)
        at += length
      } else {
        for (const stop = at + length; at < stop; at++) output[at] = output[at - back] as number
      }
    }
    this.normalize()
    if (this.inputAt !== to || this.code !== 0)
      throw corrupt('LZMA data', 'a chunk does not end where it should', { at })
  }

  private startRange(from: number): void {
    if (this.inputEnd - from < 5) throw corrupt('LZMA data', 'a chunk is too short')
    const { input } = this
    if (input[from] !== 0) throw corrupt('LZMA data', 'the range coder starts with a byte other than 0')
    this.range = -1
    this.code =
      ((input[from + 1] as number) << 24) |
      ((input[from + 2] as number) << 16) |
      ((input[from + 3] as number) << 8) |
      (input[from + 4] as number)
    this.inputAt = from + 5
  }

  private normalize(): void {
    if (this.range >>> 0 >= TOP) return
    if (this.inputAt >= this.inputEnd) throw corrupt('LZMA data', 'a chunk ends too early')
    this.range <<= 8
    this.code = (this.code << 8) | (this.input[this.inputAt++] as number)
  }

  /** One bit by the adaptive model at `index`. */
  private bit(index: number): number {
    this.normalize()
    const prob = this.probs[index] as number
    const bound = Math.imul(this.range >>> 11, prob)
    if (this.code >>> 0 < bound >>> 0) {
      this.range = bound
      this.probs[index] = prob + ((2048 - prob) >> 5)
      return 0
    }
    this.range = (this.range - bound) | 0
    this.code = (this.code - bound) | 0
    this.probs[index] = prob - (prob >> 5)
    return 1
  }

  private direct(count: number): number {
    let value = 0
    for (; count > 0; count--) {
      this.normalize()
      this.range >>>= 1
      this.range |= 0
      if (this.code >>> 0 >= this.range >>> 0) {
        this.code = (this.code - this.range) | 0
        value = (value << 1) | 1
      } else {
        value <<= 1
      }
    }
    return value
  }

  /** A tree of `bits` levels, most significant bit first. */
  private tree(base: number, bits: number): number {
    let symbol = 1
    for (let i = 0; i < bits; i++) symbol = (symbol << 1) | this.bit(base + symbol)
    return symbol - (1 << bits)
  }

  private reverseTree(base: number, bits: number): number {
    let symbol = 1
    let value = 0
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(base + symbol)
      symbol = (symbol << 1) | bit
      value |= bit << i
    }
    return value
  }

  private literal(at: number, dictStart: number): number {
    const { output } = this
    const previous = at > dictStart ? (output[at - 1] as number) : 0
    const context = (((at - dictStart) & this.lpMask) << this.lc) + (previous >> (8 - this.lc))
    const base = LITERAL + 0x300 * context
    let symbol = 1
    if (this.state >= 7) {
      // After a match the byte that would have come next steers the models, until it is wrong for the first time.
      let match = output[at - (this.rep0 >>> 0) - 1] as number
      while (symbol < 0x100) {
        const matchBit = (match >> 7) & 1
        match <<= 1
        const bit = this.bit(base + ((1 + matchBit) << 8) + symbol)
        symbol = (symbol << 1) | bit
        if (matchBit !== bit) break
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.bit(base + symbol)
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6
    return symbol - 0x100
  }

  private length(base: number, posState: number): number {
    if (this.bit(base) === 0) return MATCH_MIN_LENGTH + this.tree(base + LEN_LOW + (posState << 3), 3)
    if (this.bit(base + 1) === 0) return MATCH_MIN_LENGTH + 8 + this.tree(base + LEN_MID + (posState << 3), 3)
    return MATCH_MIN_LENGTH + 16 + this.tree(base + LEN_HIGH, 8)
  }

  /** The distance less one, as a signed 32-bit value. */
  private distance(length: number): number {
    const slot = this.tree(POS_SLOT + (Math.min(length - MATCH_MIN_LENGTH, 3) << 6), 6)
    if (slot < 4) return slot
    const bits = (slot >> 1) - 1
    const base = (2 | (slot & 1)) << bits
    if (slot < END_POS_MODEL) return base + this.reverseTree(POS_SPECIAL + base - slot, bits)
    return base | (this.direct(bits - 4) << 4) | this.reverseTree(ALIGN, 4) | 0
  }
}
