/** Small pieces of guest code under the translator and the interpreter: the same registers, memory and counts. */
import { expect, test } from 'vitest'
import { createEngine, type Engine } from '../engine.ts'
import type { EngineKind } from '../engine-contract.ts'
import { differencesBetween } from '../lockstep.ts'
import { stubPorts } from '../native/stub-ports.ts'
import { EBX, EDX } from '../state.ts'
import { setStart } from '../sys/reset.ts'

const CODE = 0x10000

function machine(engine: EngineKind, code: readonly number[], threshold = 2): Engine {
  const e = createEngine({ ramSize: 0x100000, ports: stubPorts(), engine, threshold })
  e.memory.write(CODE, Uint8Array.from(code))
  e.memory.write32(0x1008, 0x0000ffff)
  e.memory.write32(0x100c, 0x00cf9b00)
  e.memory.write32(0x1010, 0x0000ffff)
  e.memory.write32(0x1014, 0x00cf9300)
  setStart(e.processor, { eip: CODE, esp: 0x8000, cs: 8, ds: 0x10, gdt: { base: 0x1000, limit: 0x1f } })
  return e
}

/** Runs both to each count in turn and compares. */
function compare(code: readonly number[], counts: readonly number[], threshold = 2): Engine {
  const a = machine('translator', code, threshold)
  const b = machine('interpreter', code)
  for (const count of counts) {
    for (const e of [a, b]) e.run(count - e.instructions())
    expect(a.instructions()).toBe(b.instructions())
    expect(differencesBetween(a.processor, b.processor)).toEqual([])
  }
  return a
}

// mov ecx, 100000; xor eax, eax; again: add eax, ecx; dec ecx; jnz again; hlt
const SUM = [0xb9, 0xa0, 0x86, 1, 0, 0x31, 0xc0, 1, 0xc8, 0x49, 0x75, 0xfb, 0xf4]

test('a loop ends with the right sum', () => {
  const e = compare(SUM, [50, 51, 52, 53, 10_000, 10_001, 400_000])
  expect(e.processor.u32[0]).toBe(((100_000 * 100_001) / 2) >>> 0)
  expect(e.translator?.statistics.made).toBeGreaterThan(0)
})

test('runs stop at exactly every count, in the middle of a loop too', () => {
  compare(
    SUM,
    Array.from({ length: 60 }, (_, i) => 100 + i),
  )
  compare(
    SUM,
    Array.from({ length: 20 }, (_, i) => 1000 + i * 1777),
  )
})

test('flags outlive blocks, and calls return where they came from', () => {
  // mov ecx, 3000; again: call f; jb skip; inc edx; skip: adc ebx, 0; dec ecx; jnz again; pushfd; pop esi; hlt
  // f: cmp ecx, 1500; ret
  const e = compare(
    [
      0xb9, 0xb8, 0x0b, 0, 0, 0xe8, 0x0d, 0, 0, 0, 0x72, 1, 0x42, 0x83, 0xd3, 0, 0x49, 0x75, 0xf2, 0x9c, 0x5e, 0xf4,
      0x90, 0x81, 0xf9, 0xdc, 5, 0, 0, 0xc3,
    ],
    [500, 5000, 5001, 5002, 40_000],
  )
  expect(e.processor.u32[EDX >> 2]).toBe(1501)
  expect(e.processor.u32[EBX >> 2]).toBe(1499)
})

test('a return that goes elsewhere than to its call leaves the callers behind', () => {
  // mov ecx, 400; again: call f; (never) hlt; f: pop eax; add eax, 5; push eax; ret; … at the raised address: dec ecx; jnz again; hlt
  compare(
    [
      0xb9, 0x90, 1, 0, 0, 0xe8, 9, 0, 0, 0, 0xf4, 0x90, 0x90, 0x90, 0x90, 0x49, 0x75, 0xf3, 0xf4, 0x58, 0x83, 0xc0, 5,
      0x50, 0xc3,
    ],
    [100, 1000, 1001, 1002, 1003, 4000],
  )
})

test('code that changes itself is translated anew', () => {
  // mov ecx, 900; again: mov eax, 1 (its immediate is incremented below); add ebx, eax; inc dword [imm]; dec ecx; jnz again; hlt
  const e = compare(
    [0xb9, 0x84, 3, 0, 0, 0xb8, 1, 0, 0, 0, 1, 0xc3, 0xff, 5, 6, 0, 1, 0, 0x49, 0x75, 0xf0, 0xf4],
    [77, 1000, 2000, 10_000],
  )
  expect(e.processor.u32[EBX >> 2]).toBe((900 * 901) / 2)
})

test('a region writes beside its code without leaving, until there is code too', () => {
  // mov ecx, 2000; again: add [10200], ecx; dec ecx; jnz again
  // mov ecx, 2000; then: mov dword [10200], (inc edx; inc ebx; ret; nop); call 10200; dec ecx; jnz then; hlt
  const code = [
    0xb9, 0xd0, 7, 0, 0, 1, 0x0d, 0, 2, 1, 0, 0x49, 0x75, 0xf7, 0xb9, 0xd0, 7, 0, 0, 0xc7, 5, 0, 2, 1, 0, 0x42, 0x43,
    0xc3, 0x90, 0xe8, 0xde, 1, 0, 0, 0x49, 0x75, 0xee, 0xf4,
  ]
  const before = compare(code, [100, 6000])
  expect(before.memory.read32(0x10200)).toBe((2000 * 2001) / 2)
  expect(before.translator?.statistics.declined).toBeLessThan(4)
  const after = compare(code, [6002, 6010, 6100, 7001, 30_000])
  expect([after.processor.u32[EDX >> 2], after.processor.u32[EBX >> 2]]).toEqual([2000, 2000])
})

test('a fault in the middle of a region finds everything as it was', () => {
  // No IDT: the first fault ends in a shutdown, with the registers of the instruction that made it.
  // mov esi, 0xff000; again: mov eax, [esi]; add ebx, 7; add esi, 0x100; mov edx, [fs:0]; dec ecx; jmp again
  const code = [
    0xbe, 0, 0xf0, 0x0f, 0, 0x8b, 6, 0x83, 0xc3, 7, 0x81, 0xc6, 0, 1, 0, 0, 0xf7, 0xf3, 0x83, 0xeb, 0x0e, 0x49, 0xeb,
    0xed,
  ]
  compare(code, [3, 4, 5, 6, 7, 8, 9, 10, 60, 600])
})

test('regions are bounded: the older half makes room', () => {
  const e = machine('translator', SUM)
  e.run(400_000)
  const { translator } = e
  expect(translator?.statistics.live).toBeGreaterThan(0)
  translator?.dropAll()
  expect(translator?.statistics.live).toBe(0)
  expect(translator?.statistics.liveModules).toBe(0)
})

test('jumps through tables stay in their region, and follow a table that changes', () => {
  const [table, again, a, b, c, d, next] = [0x12000, 0x1002d, 0x10039, 0x1003e, 0x1004f, 0x10053, 0x10056]
  const word = (v: number): number[] => [v & 0xff, (v >> 8) & 0xff, (v >> 16) & 0xff, v >>> 24]
  const put = (n: number, target: number): number[] => [0xc7, 5, ...word(table + n * 4), ...word(target)]
  const code = [
    ...[a, b, c, a].flatMap((target, n) => put(n, target)),
    // mov ecx, 2000; again: mov eax, ecx; and eax, 3; jmp [table + eax * 4]
    ...[0xb9, ...word(2000), 0x89, 0xc8, 0x83, 0xe0, 3, 0xff, 0x24, 0x85, ...word(table)],
    // a: add ebx, 1; jmp next · b: add ebx, 3; mov eax, 2; mov eax, [table + eax * 4]; jmp eax
    ...[0x83, 0xc3, 1, 0xeb, next - b, 0x83, 0xc3, 3, 0xb8, ...word(2), 0x8b, 4, 0x85, ...word(table), 0xff, 0xe0],
    // c: add ebx, ecx; jmp next · d: sub ebx, 7 · next: cmp ecx, 1000; jne on; table[2] = d; on: dec ecx; jnz again; hlt
    ...[1, 0xcb, 0xeb, next - d, 0x83, 0xeb, 7, 0x81, 0xf9, ...word(1000), 0x75, 10, ...put(2, d)],
    ...[0x49, 0x75, (again - 0x1006b) & 0xff, 0xf4],
  ]
  const counts = [500, ...Array.from({ length: 60 }, (_, i) => 3000 + i), 10_000, 10_001, 30_000]
  // Late enough that every target has been seen.
  const e = compare(code, counts, 100)
  compare(code, counts)
  let sum = 0
  for (let n = 2000; n > 0; n--) {
    const last = n >= 1000 ? n : -7
    sum += [1, 3 + last, last, 1][n & 3] as number
  }
  expect(e.processor.u32[EBX >> 2]).toBe(sum >>> 0)
  // Everything is in few regions, though none of the jumps is direct.
  expect(e.translator?.statistics.ends.indirect ?? 0).toBe(0)
})

test('calls and jumps to whatever is in a register find regions that were made before', () => {
  // mov ecx, 3000; again: mov eax, ecx; and eax, 1; shl eax, 4; add eax, f; call eax; xor eax, eax; dec ecx; jnz again; hlt
  // f (10020): add edx, ecx; lea eax, [10040]; jmp eax · f + 16: xor edx, ecx; ret · 10040: inc ebx; ret
  const code = [
    0xb9, 0xb8, 0x0b, 0, 0, 0x89, 0xc8, 0x83, 0xe0, 1, 0xc1, 0xe0, 4, 5, 0x20, 0, 1, 0, 0xff, 0xd0, 0x31, 0xc0, 0x49,
    0x75, 0xec, 0xf4, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 1, 0xca, 0x8d, 5, 0x40, 0, 1, 0, 0xff, 0xe0, 0x90, 0x90, 0x90,
    0x90, 0x90, 0x90, 0x31, 0xca, 0xc3, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
    0x43, 0xc3,
  ]
  const e = compare(code, [500, ...Array.from({ length: 40 }, (_, i) => 4000 + i), 20_000, 60_000])
  expect(e.processor.u32[EBX >> 2]).toBe(1500)
})

test('small indices into tables: in a page, across pages, where there is no memory', () => {
  const at = (n: number): number[] => [n & 0xff, (n >> 8) & 0xff, (n >> 16) & 0xff, 0]
  const code = (table: number): number[] => [
    // mov ecx, 3000; again: movzx eax, cl; add ebx, [table + eax * 4]; mov [13c00 + eax * 4], ebx
    ...[0xb9, ...at(3000), 0x0f, 0xb6, 0xc1, 3, 0x1c, 0x85, ...at(table), 0x89, 0x1c, 0x85, ...at(0x13c00)],
    // add ebx, [14f00 + eax * 4]; xor edx, [13c04]; movzx esi, byte [13f00 + eax]; add edx, esi; dec ecx; jnz again; hlt
    ...[3, 0x1c, 0x85, ...at(0x14f00), 0x33, 0x15, ...at(0x13c04), 0x0f, 0xb6, 0xb0, ...at(0x13f00)],
    ...[1, 0xf2, 0x49, 0x75, 0xd6, 0xf4],
  ]
  for (const table of [0x12000, 0x13ff8, 0xffffc, 0x100000])
    compare(code(table), [500, 501, 502, 503, 504, 3000, 40_000])
})

test('short functions become part of their callers: called directly, through a pointer that changes, returning elsewhere', () => {
  const at = (n: number): number[] => [n & 0xff, (n >> 8) & 0xff, (n >> 16) & 0xff, 0]
  const [f, g, h] = [0x10060, 0x10070, 0x10080]
  const code = [
    // mov dword [12000], f; mov ecx, 3000; again: call f; call [12000]; adc ebx, 0
    ...[0xc7, 5, ...at(0x12000), ...at(f), 0xb9, ...at(3000), 0xe8, ...at(f - 0x10014), 0xff, 0x15, ...at(0x12000)],
    // call h; hlt (jumped over); cmp ecx, 1000; jne on; mov dword [12000], g; on: dec ecx; jnz again; hlt
    ...[
      0x83,
      0xd3,
      0,
      0xe8,
      ...at(h - 0x10022),
      0xf4,
      0x81,
      0xf9,
      ...at(1000),
      0x75,
      10,
      0xc7,
      5,
      ...at(0x12000),
      ...at(g),
    ],
    ...[0x49, 0x75, (0x1000f - 0x10038) & 0xff, 0xf4],
  ]
  const put = (where: number, bytes: readonly number[]): void => {
    while (code.length < where - CODE) code.push(0x90)
    code.push(...bytes)
  }
  // f: lea eax, [eax + eax * 4]; add eax, ecx; ret · g: xor eax, edx; cmp eax, ecx; ret 0 · h: inc edx; inc dword [esp]; ret
  put(f, [0x8d, 4, 0x80, 1, 0xc8, 0xc3])
  put(g, [0x31, 0xd0, 0x39, 0xc8, 0xc2, 0, 0])
  put(h, [0x42, 0xff, 4, 0x24, 0xc3])
  const counts = [500, ...Array.from({ length: 60 }, (_, i) => 4000 + i), 30_000, 60_000]
  const e = compare(code, counts, 100)
  compare(code, counts)
  expect(e.processor.u32[EDX >> 2]).toBe(3000)
  expect(e.processor.halted).toBe(true)
})
