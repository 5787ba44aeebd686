/** Small pieces of guest code under the translator and the interpreter: the same registers, memory and counts. */
import { expect, test } from 'vitest'
import { createEngine, type Engine, type EngineKind } from '../engine.ts'
import { differencesBetween } from '../lockstep.ts'
import { stubPorts } from '../native/stub-ports.ts'
import { EBX, EDX } from '../state.ts'
import { setStart } from '../sys/reset.ts'

const CODE = 0x10000

function machine(engine: EngineKind, code: readonly number[]): Engine {
  const e = createEngine({ ramSize: 0x100000, ports: stubPorts(), engine, threshold: 2 })
  e.memory.write(CODE, Uint8Array.from(code))
  e.memory.write32(0x1008, 0x0000ffff)
  e.memory.write32(0x100c, 0x00cf9b00)
  e.memory.write32(0x1010, 0x0000ffff)
  e.memory.write32(0x1014, 0x00cf9300)
  setStart(e.processor, { eip: CODE, esp: 0x8000, cs: 8, ds: 0x10, gdt: { base: 0x1000, limit: 0x1f } })
  return e
}

/** Runs both to each count in turn and compares. */
function compare(code: readonly number[], counts: readonly number[]): Engine {
  const a = machine('translator', code)
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
