/**
 * kallsyms: the kernel's own compressed symbol list, found in a stripped image without any symbol or section.
 *
 * Written by scripts/kallsyms.c, read by kernel/kallsyms.c. Names are sequences of tokens; `kallsyms_token_table` has
 * 256 NUL-terminated strings and `kallsyms_token_index` their offsets, which makes the pair self-checking: it is the
 * anchor of the search. `kallsyms_markers` keeps the offset of every 256th name, which checks the names in turn.
 *
 * Order in memory, each piece aligned to the pointer size (i386: 4, x86_64: 8):
 *   … 6.3   offsets, relative_base, num_syms, names, markers, [seqs_of_names], token_table, token_index
 *           (seqs: 3 bytes a symbol, 6.2 and stable trees; before 4.6 `addresses` in place of offsets and base)
 *   6.4 …   num_syms, names, markers, token_table, token_index, offsets, relative_base, seqs_of_names
 *
 * CONFIG_KALLSYMS_ALL decides whether data is in it; Debian's i386 kernels list functions only.
 */
import type { ImageSegment } from '@paragraft/core/image'
import { word16, word32 } from './view.ts'

/** One symbol as kallsyms has it; `type` is the letter of nm (`t`, `T`, `d` …). */
export interface KallsymsSymbol {
  name: string
  type: string
  value: number
}

/** Above this a count is not believed: the largest kernels have a few hundred thousand symbols. */
const MOST_SYMBOLS = 2_000_000
/** A name is at most KSYM_NAME_LEN (512) characters and never more tokens than that. */
const LONGEST_NAME = 512
/** Words that may be looked at in all: a sound kallsyms needs a fraction, a malicious one must not take for ever. */
const BUDGET = 10_000_000

interface Tokens {
  /** Offset of the table, and the first byte after the index. */
  start: number
  end: number
  text: string[]
}

/** Every symbol that kallsyms has, in its order, or undefined when no segment holds a sound kallsyms. */
export function readKallsyms(segments: readonly ImageSegment[], align: 4 | 8 = 4): KallsymsSymbol[] | undefined {
  const budget: Budget = { left: BUDGET }
  for (const segment of segments) {
    for (const tokens of findTokens(segment.bytes, align)) {
      const symbols = decode(segment.bytes, tokens, align, budget)
      if (symbols !== undefined || budget.left <= 0) return symbols
    }
  }
  return undefined
}

interface Budget {
  left: number
}

const up = (value: number, align: number): number => Math.ceil(value / align) * align

/**
 * The token pair. Characters that occur in symbols keep the token of their own code, so the digits stand in a row as
 * "0\0" … "9\0"; from there 47 strings back lies token 1, whose place the index must confirm, as all the others.
 */
function* findTokens(bytes: Uint8Array, align: number): Generator<Tokens> {
  const digits = new Uint8Array(20)
  for (let i = 0; i < 10; i++) digits[2 * i] = 0x30 + i
  for (let at = find(bytes, digits, 0); at >= 0; at = find(bytes, digits, at + 1)) {
    let token1 = at
    for (let strings = 0x30 - 1; strings > 0 && token1 > 0; strings--) {
      const end = --token1
      while (token1 > 0 && bytes[token1 - 1] !== 0 && end - token1 < LONGEST_NAME) token1--
    }
    const ends: number[] = []
    let cursor = token1
    for (let token = 1; token < 256 && cursor < bytes.length; token++) {
      const from = cursor
      while (cursor < bytes.length && bytes[cursor] !== 0 && cursor - from < LONGEST_NAME) cursor++
      ends.push(++cursor)
    }
    // The padding is relative to the virtual address; segments start on page boundaries, so file offsets serve.
    const index = up(cursor, align)
    if (ends.length !== 255 || index + 512 > bytes.length) continue
    const start = token1 - word16(bytes, index + 2)
    if (start < 0) continue
    const text: string[] = []
    let sound = true
    for (let token = 0; token < 256 && sound; token++) {
      const from = start + word16(bytes, index + 2 * token)
      const to = token === 0 ? token1 : (ends[token - 1] ?? 0)
      const expected = token === 0 ? start : token === 1 ? token1 : (ends[token - 2] ?? 0)
      sound = from === expected && to > from
      text.push(latin(bytes, from, to - 1))
    }
    if (sound) yield { start, end: index + 512, text }
  }
}

function decode(bytes: Uint8Array, tokens: Tokens, align: number, budget: Budget): KallsymsSymbol[] | undefined {
  for (let markers = tokens.start - 4; markers >= 8 && --budget.left > 0; markers -= 4) {
    // The markers begin with 0 and end at the token table, or at the seqs, which end there.
    if (word32(bytes, markers) !== 0) continue
    const blocks = countMarkers(bytes, markers, tokens.start)
    if (blocks === 0) continue
    const names = findNames(bytes, markers, blocks, align, budget)
    if (names === undefined) {
      if (tokens.start - markers > 16 * MOST_SYMBOLS) return undefined
      continue
    }
    const plain = up(markers + 4 * names.count, align)
    // `blocks` may have run on into the seqs; the count of names is what decides.
    const afterMarkers = up(markers + 4 * Math.ceil(names.count / 256), align)
    const afterSeqs = up(afterMarkers + 3 * names.count, align)
    if (afterMarkers !== tokens.start && afterSeqs !== tokens.start && plain !== tokens.start) continue
    const values = readValues(bytes, names, tokens, align)
    if (values === undefined) continue
    return expand(bytes, names, values, tokens)
  }
  return undefined
}

/** Number of words from `at` that can be markers: from 0 upwards by 256 names' worth of bytes. */
function countMarkers(bytes: Uint8Array, at: number, limit: number): number {
  let count = 1
  let previous = 0
  for (let next = at + 4; next + 4 <= limit; next += 4) {
    const value = word32(bytes, next)
    if (value < previous + 256 * 2 || value > previous + 256 * LONGEST_NAME) break
    previous = value
    count++
  }
  return count
}

interface Names {
  /** Offset of `num_syms`, of the first name, and the number of names. */
  counter: number
  start: number
  count: number
}

/** Looks back from the markers for the count word whose names, walked, meet every marker and end just before them. */
function findNames(
  bytes: Uint8Array,
  markers: number,
  blocks: number,
  align: number,
  budget: Budget,
): Names | undefined {
  // With very few markers almost any zero word is a candidate: keep the search to what they allow.
  for (let used = blocks; used >= 1 && used >= blocks - 1; used--) {
    const lastMarker = word32(bytes, markers + 4 * (used - 1))
    const nearest = markers - lastMarker
    const farthest = Math.max(align, nearest - 256 * LONGEST_NAME)
    for (let start = nearest - (nearest % align); start >= farthest; start -= align) {
      if (--budget.left <= 0) return undefined
      const count = word32(bytes, start - align)
      if (count <= 256 * (used - 1) || count > 256 * used || count > MOST_SYMBOLS) continue
      if (walk(bytes, start, count, markers, align, budget)) return { counter: start - align, start, count }
    }
  }
  return undefined
}

function walk(
  bytes: Uint8Array,
  start: number,
  count: number,
  markers: number,
  align: number,
  budget: Budget,
): boolean {
  let at = start
  for (let symbol = 0; symbol < count; symbol++) {
    if (symbol % 256 === 0 && word32(bytes, markers + (symbol >> 6)) !== at - start) return false
    const [length, header] = nameLength(bytes, at)
    if (length === 0 || --budget.left <= 0) return false
    at += header + length
    if (at > markers) return false
  }
  return up(at, align) === markers
}

/** Length byte; with bit 7 set (since 6.1) two bytes, low seven bits first. */
function nameLength(bytes: Uint8Array, at: number): [length: number, header: number] {
  const first = bytes[at] ?? 0
  if ((first & 0x80) === 0) return [first, 1]
  return [(first & 0x7f) | ((bytes[at + 1] ?? 0) << 7), 2]
}

/** Addresses: offsets with a base (either order of the pieces), or before 4.6 plain addresses. */
function readValues(bytes: Uint8Array, names: Names, tokens: Tokens, align: number): number[] | undefined {
  const before = names.counter - align
  return (
    relative(bytes, names.count, up(before - 4 * names.count - align + 1, align), before, align) ??
    relative(bytes, names.count, up(tokens.end, align), up(up(tokens.end, align) + 4 * names.count, align), align) ??
    absolute(bytes, names.count, names.counter - align * names.count, align)
  )
}

function relative(
  bytes: Uint8Array,
  count: number,
  offsets: number,
  base: number,
  align: number,
): number[] | undefined {
  if (offsets < 0 || base < 0 || offsets + 4 * count > bytes.length || base + align > bytes.length) return undefined
  const origin = pointer(bytes, base, align)
  if (origin === 0) return undefined
  const values: number[] = []
  let previous = 0
  for (let i = 0; i < count; i++) {
    const offset = word32(bytes, offsets + 4 * i)
    // CONFIG_KALLSYMS_ABSOLUTE_PERCPU (x86_64 SMP): non-negative offsets are absolute, the others count down from base.
    const value = align === 4 ? origin + offset : offset < 0x8000_0000 ? offset : origin - 1 - (offset | 0)
    if (unsigned(value) < previous) return undefined
    previous = unsigned(value)
    values.push(value)
  }
  return values
}

function absolute(bytes: Uint8Array, count: number, at: number, align: number): number[] | undefined {
  if (at < 0) return undefined
  const values: number[] = []
  let previous = 1
  for (let i = 0; i < count; i++) {
    const from = at + align * i
    const value = pointer(bytes, from, align)
    if (unsigned(value) < previous) return undefined
    previous = unsigned(value)
    values.push(value)
  }
  return values
}

/** A pointer of the kernel's size; on x86_64 signed, as everywhere in an image, so that it is exact. */
function pointer(bytes: Uint8Array, at: number, align: number): number {
  return align === 4 ? word32(bytes, at) : word32(bytes, at) + (word32(bytes, at + 4) | 0) * 0x1_0000_0000
}

/** For comparing addresses only: the kernel half lies above the per-CPU offsets. */
function unsigned(value: number): number {
  return value < 0 ? value + 2 ** 64 : value
}

function expand(bytes: Uint8Array, names: Names, values: number[], tokens: Tokens): KallsymsSymbol[] {
  const symbols: KallsymsSymbol[] = []
  let at = names.start
  for (let i = 0; i < names.count; i++) {
    const [length, header] = nameLength(bytes, at)
    at += header
    let text = ''
    for (let k = 0; k < length; k++) text += tokens.text[bytes[at + k] ?? 0] ?? ''
    at += length
    // The first character is the type letter.
    symbols.push({ type: text.slice(0, 1), name: text.slice(1), value: values[i] ?? 0 })
  }
  return symbols
}

function latin(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] ?? 0)
  return text
}

function find(bytes: Uint8Array, pattern: Uint8Array, from: number): number {
  const first = pattern[0] ?? 0
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let same = 1
    while (same < pattern.length && bytes[at + same] === pattern[same]) same++
    if (same === pattern.length) return at
  }
  return -1
}
