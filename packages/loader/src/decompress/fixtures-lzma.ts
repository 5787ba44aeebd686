/**
 * A small LZMA2 encoder for fixtures (LZMA specification, Igor Pavlov, 2015): greedy, fixed lc/lp/pb, enough to make
 * every kind of packet: literals with and without a match byte, matches near and far, short and repeated ones.
 * Tests and the fuzzer make their .xz files with it, as no tool may be missing for them.
 */

const LC = 3
const LP = 0
const PB = 2
const CHUNK = 16 * 1024

/** LZMA's properties byte for the above. */
const PROPERTIES = (PB * 5 + LP) * 9 + LC

/** Adaptive probabilities by name; made on demand, even at first. */
class Models {
  private readonly trees = new Map<string, Uint16Array>()

  get(name: string, size = 1): Uint16Array {
    let tree = this.trees.get(name)
    if (tree === undefined) {
      tree = new Uint16Array(size).fill(1024)
      this.trees.set(name, tree)
    }
    return tree
  }
}

/** The range encoder, with carry. */
class RangeEncoder {
  readonly out: number[] = []
  private low = 0
  private range = 0xffffffff
  private cache = 0
  private cacheSize = 1

  bit(models: Uint16Array, index: number, bit: number): void {
    const prob = models[index] as number
    const bound = (this.range >>> 11) * prob
    if (bit === 0) {
      this.range = bound
      models[index] = prob + ((2048 - prob) >> 5)
    } else {
      this.low += bound
      this.range -= bound
      models[index] = prob - (prob >> 5)
    }
    this.normalize()
  }

  direct(value: number, count: number): void {
    for (let i = count - 1; i >= 0; i--) {
      this.range = Math.floor(this.range / 2)
      if (((value >>> i) & 1) === 1) this.low += this.range
      this.normalize()
    }
  }

  tree(models: Uint16Array, bits: number, value: number): void {
    let node = 1
    for (let i = bits - 1; i >= 0; i--) {
      const bit = (value >> i) & 1
      this.bit(models, node, bit)
      node = (node << 1) | bit
    }
  }

  reverseTree(models: Uint16Array, base: number, bits: number, value: number): void {
    let node = 1
    for (let i = 0; i < bits; i++) {
      const bit = (value >> i) & 1
      this.bit(models, base + node, bit)
      node = (node << 1) | bit
    }
  }

  flush(): Uint8Array {
    for (let i = 0; i < 5; i++) this.shiftLow()
    return Uint8Array.from(this.out)
  }

  private normalize(): void {
    while (this.range < 2 ** 24) {
      this.range *= 256
      this.shiftLow()
    }
  }

  private shiftLow(): void {
    if (this.low < 0xff000000 || this.low >= 2 ** 32) {
      const carry = this.low >= 2 ** 32 ? 1 : 0
      for (let byte = this.cache; this.cacheSize > 0; this.cacheSize--, byte = 0xff)
        this.out.push((byte + carry) & 0xff)
      this.cache = Math.floor(this.low / 2 ** 24) & 0xff
    }
    this.cacheSize++
    this.low = (this.low % 2 ** 24) * 256
  }
}

/** Encodes `data` as one LZMA2 stream with its end marker. `stored` makes uncompressed chunks instead. */
export function encodeLzma2(data: Uint8Array, stored = false): Uint8Array {
  const out: number[] = []
  const encoder = new LzmaEncoder(data)
  for (let at = 0; at < data.length; at += CHUNK) {
    const end = Math.min(at + CHUNK, data.length)
    const size = end - at - 1
    if (stored) {
      out.push(at === 0 ? 1 : 2, size >> 8, size & 0xff, ...data.subarray(at, end))
      continue
    }
    const packed = encoder.chunk(at, end)
    // The first chunk resets everything and brings the properties; the others go on.
    const control = at === 0 ? 0xe0 : 0x80
    out.push(
      control | (size >> 16),
      (size >> 8) & 0xff,
      size & 0xff,
      (packed.length - 1) >> 8,
      (packed.length - 1) & 0xff,
    )
    if (at === 0) out.push(PROPERTIES)
    for (const byte of packed) out.push(byte)
  }
  out.push(0)
  return Uint8Array.from(out)
}

class LzmaEncoder {
  private readonly data: Uint8Array
  private readonly models = new Models()
  private readonly last = new Map<number, number>()
  private state = 0
  private reps = [0, 0, 0, 0]

  constructor(data: Uint8Array) {
    this.data = data
  }

  chunk(start: number, end: number): Uint8Array {
    const coder = new RangeEncoder()
    for (let at = start; at < end; ) {
      const length = this.packet(coder, at, end)
      for (let i = at; i < at + length; i++) this.remember(i)
      at += length
    }
    return coder.flush()
  }

  private key(at: number): number {
    return (this.data[at] as number) | ((this.data[at + 1] ?? 0) << 8) | ((this.data[at + 2] ?? 0) << 16)
  }

  private remember(at: number): void {
    this.last.set(this.key(at), at)
  }

  private matchLength(at: number, distance: number, end: number): number {
    if (distance >= at) return 0
    let length = 0
    while (at + length < end && length < 273 && this.data[at + length] === this.data[at + length - distance - 1])
      length++
    return length
  }

  /** Encodes what starts at `at`; returns how many bytes that was. */
  private packet(coder: RangeEncoder, at: number, end: number): number {
    const { models } = this
    const posState = at & ((1 << PB) - 1)
    const isMatch = models.get(`match${this.state},${posState}`)
    const candidate = this.last.get(this.key(at))
    const simple = candidate === undefined ? 0 : this.matchLength(at, at - candidate - 1, end)
    const repLengths = this.reps.map(rep => this.matchLength(at, rep, end))
    const rep = repLengths.indexOf(Math.max(...repLengths))
    const repLength = repLengths[rep] as number
    if (repLength >= 2 && repLength >= simple) {
      coder.bit(isMatch, 0, 1)
      this.repeated(coder, rep, posState)
      this.length(coder, 'rep', repLength, posState)
      this.state = this.state < 7 ? 8 : 11
      return repLength
    }
    if (simple >= 3) {
      const distance = at - (candidate as number) - 1
      coder.bit(isMatch, 0, 1)
      coder.bit(models.get(`rep${this.state}`), 0, 0)
      this.length(coder, 'len', simple, posState)
      this.distance(coder, distance, simple)
      this.reps = [distance, this.reps[0] as number, this.reps[1] as number, this.reps[2] as number]
      this.state = this.state < 7 ? 7 : 10
      return simple
    }
    if (repLengths[0] === 1 && this.state < 7) {
      coder.bit(isMatch, 0, 1)
      coder.bit(models.get(`rep${this.state}`), 0, 1)
      coder.bit(models.get(`g0${this.state}`), 0, 0)
      coder.bit(models.get(`long${this.state},${posState}`), 0, 0)
      this.state = 9
      return 1
    }
    coder.bit(isMatch, 0, 0)
    this.literal(coder, at)
    return 1
  }

  private repeated(coder: RangeEncoder, rep: number, posState: number): void {
    const { models, state } = this
    coder.bit(models.get(`rep${state}`), 0, 1)
    coder.bit(models.get(`g0${state}`), 0, rep === 0 ? 0 : 1)
    if (rep === 0) {
      coder.bit(models.get(`long${state},${posState}`), 0, 1)
      return
    }
    coder.bit(models.get(`g1${state}`), 0, rep === 1 ? 0 : 1)
    if (rep > 1) coder.bit(models.get(`g2${state}`), 0, rep === 2 ? 0 : 1)
    const [distance] = this.reps.splice(rep, 1)
    this.reps.unshift(distance as number)
  }

  private literal(coder: RangeEncoder, at: number): void {
    const byte = this.data[at] as number
    const previous = at === 0 ? 0 : (this.data[at - 1] as number)
    const models = this.models.get(`literal${previous >> (8 - LC)}`, 0x300)
    let symbol = 1
    let steered = this.state >= 7
    const match = steered ? (this.data[at - (this.reps[0] as number) - 1] as number) : 0
    for (let i = 7; i >= 0; i--) {
      const bit = (byte >> i) & 1
      const matchBit = (match >> i) & 1
      coder.bit(models, steered ? ((1 + matchBit) << 8) + symbol : symbol, bit)
      symbol = (symbol << 1) | bit
      if (matchBit !== bit) steered = false
    }
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6
  }

  private length(coder: RangeEncoder, kind: string, length: number, posState: number): void {
    const { models } = this
    const value = length - 2
    const choice = models.get(`${kind}choice`, 2)
    coder.bit(choice, 0, value < 8 ? 0 : 1)
    if (value < 8) {
      coder.tree(models.get(`${kind}low${posState}`, 8), 3, value)
      return
    }
    coder.bit(choice, 1, value < 16 ? 0 : 1)
    if (value < 16) coder.tree(models.get(`${kind}mid${posState}`, 8), 3, value - 8)
    else coder.tree(models.get(`${kind}high`, 256), 8, value - 16)
  }

  private distance(coder: RangeEncoder, distance: number, length: number): void {
    const { models } = this
    const log = distance < 4 ? 0 : 31 - Math.clz32(distance)
    const slot = distance < 4 ? distance : (log << 1) | ((distance >> (log - 1)) & 1)
    coder.tree(models.get(`slot${Math.min(length - 2, 3)}`, 64), 6, slot)
    if (slot < 4) return
    const bits = (slot >> 1) - 1
    const base = (2 | (slot & 1)) << bits
    const rest = distance - base
    if (slot < 14) {
      coder.reverseTree(models.get('special', 128), base - slot, bits, rest)
    } else {
      coder.direct(rest >> 4, bits - 4)
      coder.reverseTree(models.get('align', 16), 0, 4, rest & 15)
    }
  }
}
