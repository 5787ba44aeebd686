/** Small pieces of guest code under the translator and the interpreter: the same registers, memory and counts. */
import { expect, test } from 'vitest'
import { createEngine, type Engine, type EngineKind } from '../engine.ts'
import { differencesBetween } from '../lockstep.ts'
import { stubPorts } from '../native/stub-ports.ts'
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
