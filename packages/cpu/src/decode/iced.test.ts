/**
 * The decoder against iced-x86: every opcode of both maps with every ModRM byte under the prefixes that change its
 * meaning, in 32-bit and 16-bit code; every SIB byte; random strings of prefixes; and a whole kernel's text.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { guest, needs } from '../../../../tests/support/needs.ts'
import { random } from '../native/generate.ts'
import { Comparison, WINDOW } from './iced-compare.ts'

/** Decoded windows between two calls of iced's constructor. */
const BATCH = 65536

/** Runs `write`'s windows of bytes through both decoders; returns how many there were and the first differences. */
function sweep(bits: 16 | 32, windows: Iterable<readonly number[]>, seed: number): { count: number; wrong: string[] } {
  const r = random(seed)
  const wrong: string[] = []
  let count = 0
  let bytes = new Uint8Array(BATCH * WINDOW + WINDOW)
  let n = 0
  const flush = (): void => {
    const compare = new Comparison(bytes, bits)
    for (let i = 0; i < n; i++) {
      const difference = compare.differences(i * WINDOW)
      if (difference && wrong.length < 4000) wrong.push(difference)
    }
    count += n
    n = 0
    bytes = new Uint8Array(BATCH * WINDOW + WINDOW)
  }
  for (const head of windows) {
    for (let i = head.length; i < WINDOW; i++) bytes[n * WINDOW + i] = r()
    bytes.set(head, n * WINDOW)
    if (++n === BATCH) flush()
  }
  flush()
  return { count, wrong }
}

const PREFIXES = [
  [],
  [0x66],
  [0x67],
  [0xf2],
  [0xf3],
  [0xf0],
  [0x26],
  [0x2e],
  [0x36],
  [0x3e],
  [0x64],
  [0x65],
  [0x66, 0x67],
  [0xf3, 0x66],
  [0xf2, 0xf3],
]
const isPrefix = (b: number): boolean => PREFIXES.some(p => p.length === 1 && p[0] === b)

function* everyModrm(): Generator<number[]> {
  for (const prefix of PREFIXES) {
    for (let opcode = 0; opcode < 0x200; opcode++) {
      if (opcode === 0x0f || (opcode < 0x100 && isPrefix(opcode))) continue
      const head = [...prefix, ...(opcode >= 0x100 ? [0x0f] : []), opcode & 0xff]
      for (let modrm = 0; modrm < 0x100; modrm++) yield [...head, modrm]
    }
  }
}

function* everySib(): Generator<number[]> {
  for (const opcode of [[0x00], [0x89], [0x8f], [0xff], [0x83], [0x8d], [0x0f, 0xb6], [0x0f, 0x28], [0xd9]]) {
    for (const prefix of [[], [0x66], [0x67], [0x2e]]) {
      for (const mod of [0x04, 0x44, 0x84]) {
        for (let sib = 0; sib < 0x100; sib++) yield [...prefix, ...opcode, mod, sib]
      }
    }
  }
}

/** Up to 15 prefixes, then an opcode: the length limit, repeated prefixes, the last segment and repeat winning. */
function* manyPrefixes(seed: number): Generator<number[]> {
  const r = random(seed)
  const single = PREFIXES.filter(p => p.length === 1).map(p => p[0])
  for (let i = 0; i < 200_000; i++) {
    const head = Array.from({ length: r() % 15 }, () => single[r() % single.length])
    if (r() & 1) head.push(0x0f)
    yield head
  }
}

for (const bits of [32, 16] as const) {
  test(`every opcode and ModRM byte, ${bits}-bit code`, () => {
    const { count, wrong } = sweep(bits, everyModrm(), bits)
    expect(wrong.slice(0, 40).join('\n')).toBe('')
    expect(count).toBe(PREFIXES.length * 500 * 256)
  }, 300_000)
}

test('every SIB byte', () => {
  const { count, wrong } = sweep(32, everySib(), 3)
  expect(wrong.slice(0, 40).join('\n')).toBe('')
  expect(count).toBe(9 * 4 * 3 * 256)
})

test('random strings of prefixes, up to the limit of 15 bytes', () => {
  const wrong = [...sweep(32, manyPrefixes(4), 5).wrong, ...sweep(16, manyPrefixes(6), 7).wrong]
  expect(wrong.slice(0, 40).join('\n')).toBe('')
}, 120_000)

/** Contents of the ELF32 section `name`. */
function section(file: Uint8Array, name: string): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const header = (i: number, at: number): number => view.getUint32(view.getUint32(0x20, true) + i * 40 + at, true)
  const names = header(view.getUint16(0x32, true), 0x10)
  for (let i = 0; i < view.getUint16(0x30, true); i++) {
    const at = names + header(i, 0)
    const text = new TextDecoder().decode(file.subarray(at, file.indexOf(0, at)))
    if (text === name) return file.subarray(header(i, 0x10), header(i, 0x10) + header(i, 0x14))
  }
  throw new Error(`no section ${name}`)
}

needs('debian guests')(
  "every instruction of a kernel's text",
  () => {
    const text = section(readFileSync(guest('vmlinux-686-pae')), '.text')
    const bytes = new Uint8Array(text.length + WINDOW)
    bytes.set(text)
    const compare = new Comparison(bytes, 32)
    const wrong: string[] = []
    let count = 0
    for (let at = 0; at < text.length && wrong.length < 40; ) {
      const length = compare.icedLength(at)
      if (compare.ourLength(at) !== length || count % 16 === 0) {
        const difference = compare.differences(at)
        if (difference) wrong.push(`${at.toString(16)}: ${difference}`)
      }
      count++
      // What neither decodes (an extension that the kernel tests for, or data): go on at the next byte.
      at += length || 1
    }
    expect(wrong.join('\n')).toBe('')
    expect(count).toBeGreaterThan(1_000_000)
  },
  120_000,
)
