/** Blocks by the shortcut against those of decode/ and interp/blocks.ts: the same header and records, or none at all. */
import { expect, test } from 'vitest'
import { Decoder } from '../decode/decode.ts'
import { BLK_NEXT, BLK_RECORDS, BLOCK_HEADER, RECORD_SIZE } from '../decode/record.ts'
import { simdDecoding } from '../decode/simd.ts'
import { decodingTables } from '../decode/tables.ts'
import { Blocks } from '../interp/blocks.ts'
import { buildHandlers } from '../interp/handlers.ts'
import { MODE_CODE32, MODE_FLAT, MODE_LIMIT, MODE_STACK32, MODE_TRACE, MODE_VALID } from '../mode.ts'
import { random } from '../native/generate.ts'
import { DECODING, RAM, RECORDS } from '../state.ts'
import { bench, someHelpers } from '../testbench.ts'
import { createShortcuts } from './index.ts'

const PLAIN = MODE_VALID | MODE_CODE32 | MODE_STACK32 | MODE_FLAT
const CODE = 0x8000
const PAGE = 0x1000
const HEAT = 1000

const { cpu, memory } = bench({ megabytes: 1 })
const set = buildHandlers()
const decoder = new Decoder(set.table, simdDecoding(set.simdId, set.simd))
const blocks = new Blocks(cpu.buffer, cpu.ramSize, set, decoder, { markCodePage() {}, unmarkCodePage() {} }, true)
blocks.heat = HEAT
cpu.u8.set(decodingTables(set.table, set.pairs, set.micro('END')), DECODING)
const build = createShortcuts(memory, someHelpers({})).build!

/** A block's header and records as text; '' for none. */
function contents(block: number): string {
  if (block === 0) return ''
  // The block that was decoded before from the same page is another each time.
  cpu.u32[(block + BLK_NEXT) >> 2] = 0
  const size = BLOCK_HEADER + cpu.u32[(block + BLK_RECORDS) >> 2]! * RECORD_SIZE
  return Buffer.from(cpu.u8.buffer, block, size).toString('latin1')
}

/** Builds the block at `phys` both ways; whether the shortcut did it, and not otherwise than it is done without it. */
function agree(phys: number, mode: number): boolean {
  let built = false
  blocks.quick = null
  const wanted = contents(blocks.build(phys, mode, () => -1))
  blocks.quick = (...args) => {
    const end = build(...args)
    built = end !== 0
    return end
  }
  if (contents(blocks.build(phys, mode, () => -1)) === wanted) return built
  const code = Buffer.from(cpu.u8.buffer, RAM + phys, 64).toString('hex')
  throw new Error(`mode ${mode.toString(16)}, at ${phys.toString(16)}: ${code}`)
}

/** Writes code at the start of CODE, with random bytes behind it. */
function put(head: readonly number[], r: () => number): void {
  for (let i = 0; i < 48; i += 4) cpu.u32[(RAM + CODE + i) >> 2] = r()
  cpu.u8.set(head, RAM + CODE)
}

const PREFIXES = [[], [0x66], [0x67], [0xf2], [0xf3], [0xf0], [0x2e], [0x36], [0x64], [0x65], [0x66, 0xf3, 0x26]]

test('every opcode, with and without prefixes', () => {
  const r = random(1)
  let built = 0
  let count = 0
  for (const prefix of PREFIXES) {
    for (let opcode = 0; opcode < 0x200; opcode++) {
      for (let modrm = prefix.length === 0 ? 0 : r() % 8; modrm < 0x100; modrm += prefix.length === 0 ? 1 : 8) {
        const head = [...prefix, ...(opcode >= 0x100 ? [0x0f] : []), opcode & 0xff, modrm]
        put(head, r)
        // What follows is not to end it: half of all random code has something undefined soon.
        if (count % 4 !== 0) cpu.u8.set([0xeb, 0xfe], RAM + CODE + head.length + [0, 1, 4, 5][count % 4]!)
        if (agree(CODE, PLAIN ^ [0, MODE_FLAT, MODE_STACK32, 0][(count >> 2) % 4]!)) built++
        count++
      }
    }
  }
  expect(built / count).toBeGreaterThan(0.4)
})

test('every SIB byte', () => {
  const r = random(2)
  let built = 0
  for (const opcode of [[0x89], [0x8f], [0xff], [0x83], [0x8d], [0x0f, 0xb6], [0xd9]]) {
    for (const mod of [0x04, 0x44, 0x84]) {
      for (let sib = 0; sib < 0x100; sib++) {
        put([...opcode, mod, sib, 0, 0, 0, 0, 0xeb, 0xfe], r)
        if (agree(CODE, PLAIN)) built++
      }
    }
  }
  expect(built).toBeGreaterThan(7 * 3 * 256 * 0.6)
})

test('blocks of random instructions that occur, up to the end of their page', () => {
  const r = random(3)
  // One-byte opcodes by which blocks go on: moves, arithmetic, stack, and the two-byte escape with what is usual there.
  const usual = [
    [0x89],
    [0x8b],
    [0x01],
    [0x39],
    [0x85],
    [0x8d],
    [0x50],
    [0x58],
    [0x83],
    [0x81],
    [0xc7],
    [0x0f, 0xb6],
    [0x84],
  ]
  let built = 0
  for (let i = 0; i < 20_000; i++) {
    for (let at = PAGE - 400; at < PAGE + 16; ) {
      const code = [
        ...(r() % 16 === 0 ? [0x66] : []),
        ...usual[r() % usual.length]!,
        r() & 0xff,
        r() & 0xff,
        0,
        0,
        0,
        0,
      ]
      cpu.u8.set(code, RAM + CODE + at)
      at += r() % 64 === 0 ? 3 : 8
    }
    if (agree(CODE + PAGE - 1 - (r() % 400), PLAIN)) built++
  }
  expect(built).toBeGreaterThan(10_000)
})

test('prefixes up to the longest instruction', () => {
  const r = random(4)
  const single = PREFIXES.filter(p => p.length === 1).map(p => p[0]!)
  let built = 0
  for (let i = 0; i < 20_000; i++) {
    put([0x90, ...Array.from({ length: r() % 17 }, () => (r() % 8 ? 0x2e : single[r() % single.length]!)), 0x8b], r)
    if (agree(CODE, PLAIN)) built++
  }
  expect(built).toBeGreaterThan(2000)
})

test('what it does not build it leaves alone', () => {
  const nops = new Uint8Array(64).fill(0x90)
  nops.set([0xeb, 0xfe], 62)
  const last = cpu.ramSize - PAGE
  for (const at of [CODE, last]) cpu.u8.set(nops, RAM + at)
  const block = RECORDS + 0x10000
  const answer = (phys: number, mode: number): number => build(block, phys, mode, HEAT)
  agree(CODE, PLAIN)
  expect(answer(CODE, PLAIN)).toBe(block + BLOCK_HEADER + 63 * RECORD_SIZE)
  const before = cpu.u8.slice(0, RECORDS)
  expect(answer(CODE, PLAIN ^ MODE_CODE32)).toBe(0)
  expect(answer(CODE, PLAIN | MODE_LIMIT)).toBe(0)
  expect(answer(CODE, PLAIN | MODE_TRACE)).toBe(0)
  // There is no page behind it to be read.
  expect(answer(last, PLAIN)).toBe(0)
  for (const code of [
    [0x67, 0x8b, 0x07],
    [0x0f, 0x0b, 0xff],
    [0x0f, 0x28, 0xc1],
    [0xf0, 0x8b, 0xc0],
    [0x8d, 0xc0],
  ]) {
    cpu.u8.set(code, RAM + CODE + 8)
    if (code[1] !== 0x0b) expect(answer(CODE, PLAIN), code.join()).toBe(0)
    cpu.u8.set(nops, RAM + CODE)
  }
  // A first instruction that does not end in its page.
  expect(answer(CODE + 1, PLAIN)).not.toBe(0)
  cpu.u8[RAM + CODE + PAGE - 1] = 0xb8
  expect(answer(CODE + PAGE - 1, PLAIN)).toBe(0)
  expect(Buffer.compare(cpu.u8.subarray(0, RECORDS), before)).toBe(0)
})

test('a block in which something may be probed is not its own', () => {
  // RET everywhere but in one place, from which a block goes on to the next.
  cpu.u8.fill(0xc3, RAM + CODE, RAM + CODE + 0x180)
  cpu.u8[RAM + CODE + 0x7f] = 0x90
  expect(agree(CODE + 0x7e, PLAIN)).toBe(true)
  blocks.addProbe(CODE + 0x80, 0x8000)
  expect(agree(CODE + 0x7e, PLAIN)).toBe(true)
  for (const at of [0x7f, 0x80, 0xff]) expect(agree(CODE + at, PLAIN)).toBe(false)
  expect(agree(CODE + 0x100, PLAIN)).toBe(true)
  expect(blocks.probeAt(CODE + 0x80)).toBe(0x8000)
})
