/** PUSHF, POPF, CLI and STI in generated code against sys/eflags-ops.ts, and where interrupts wait after STI and MOV SS. */
import { describe, expect, test } from 'vitest'
import { createEngine, type Engine } from '../engine.ts'
import type { EngineKind } from '../engine-contract.ts'
import { stubPorts } from '../native/stub-ports.ts'
import {
  CPL,
  EAX,
  EFLAGS_SYS,
  EIP,
  ESP,
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAGS_ARITH,
  IDTR_BASE,
  IDTR_LIMIT,
} from '../state.ts'
import { popf, pushfValue } from '../sys/eflags-ops.ts'
import { setStart } from '../sys/reset.ts'

const START = 0x1000
const IDT = 0x2000
const HANDLER = 0x3000

const engines = new Map<EngineKind, Engine>()

/** The kind's engine, its state as new, with the code at START. */
function engineWith(kind: EngineKind, code: number[]): Engine {
  let engine = engines.get(kind)
  if (engine === undefined) {
    const ports = { ...stubPorts(), acknowledgeInterrupt: () => 0x20 }
    engine = createEngine({ ramSize: 0x100000, ports, engine: kind })
    engines.set(kind, engine)
  }
  const m = engine.memory
  m.fill(START, 0x90, 64)
  m.write(START, Uint8Array.from(code))
  // One present 32-bit interrupt gate, at vector 20H, to CS 8; its handler halts.
  m.write32(IDT + 0x20 * 8, (8 << 16) | HANDLER)
  m.write32(IDT + 0x20 * 8 + 4, 0x8e00)
  m.write8(HANDLER, 0xf4)
  m.write32(0x408, 0x0000ffff)
  m.write32(0x40c, 0x00cf9b00)
  m.write32(0x410, 0x0000ffff)
  m.write32(0x414, 0x00cf9300)
  const cpu = engine.processor
  setStart(cpu, { eip: START, cs: 8, ds: 0x10, esp: 0x8000, gdt: { base: 0x400, limit: 0x1f } })
  cpu.u32[IDTR_BASE >> 2] = IDT
  cpu.u32[IDTR_LIMIT >> 2] = 0x7ff
  cpu.halted = false
  engine.setIntr(false)
  return engine
}

/** Numbers that repeat: a linear congruential generator (Knuth, TAOCP vol. 2, 3.3.4). */
function* numbers(seed: number): Generator<number, never> {
  for (let x = seed; ; ) yield (x = (Math.imul(x, 1664525) + 1013904223) >>> 0)
}

describe.each(['interpreter', 'reference'] as const)('%s', kind => {
  const SYSTEM = FLAG_TF | FLAG_IF | FLAG_DF | 0x3000 | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_VIF | FLAG_VIP | FLAG_ID
  const same = (level: number, wide: boolean, before: number, image: number): void => {
    const [prefix, size] = wide ? [[], 4] : [[0x66], 2]
    const engine = engineWith(kind, [...prefix, 0x9d, ...prefix, 0x9c, 0x90])
    const cpu = engine.processor
    cpu.setCpl(level)
    cpu.setEflags(before)
    popf(cpu, size === 2 ? image & 0xffff : image, size)
    const expected = cpu.getEflags()
    const pushed = pushfValue(cpu, size)
    cpu.setEflags(before)
    engine.memory.write32(0x8000, image)
    // With TF set already, the first instruction would trap.
    const trapped = ((before | image) & FLAG_TF) !== 0
    engine.run(trapped ? 1 : 2)
    if (trapped) return
    expect(cpu.getEflags().toString(16)).toBe(expected.toString(16))
    const mask = size === 2 ? 0xffff : 0xffffffff
    expect(((engine.memory.read32(0x8000) & mask) >>> 0).toString(16)).toBe((pushed & mask).toString(16))
    expect(cpu.u32[ESP >> 2]).toBe(0x8000)
  }

  test.each([0, 1, 3])('POPF and PUSHF at level %i do what the full rules do, whatever the flags', level => {
    const random = numbers(level + 1)
    for (let i = 0; i < 200; i++) {
      const before = random.next().value & (SYSTEM | FLAGS_ARITH) & ~FLAG_RF
      same(level, i % 3 !== 0, before, random.next().value)
      // The usual case, which stays in generated code: nothing unusual set, TF and AC as they were.
      const usual = before & ~(FLAG_TF | FLAG_VIF | FLAG_VIP)
      same(level, i % 3 !== 0, usual, (random.next().value & ~(FLAG_TF | FLAG_AC)) | (usual & FLAG_AC))
    }
  })

  test('CLI and STI obey IOPL (SDM vol. 2)', () => {
    for (const [level, io, allowed] of [
      [0, 0, true],
      [3, 3, true],
      [1, 3, true],
      [3, 0, false],
    ] as const) {
      const engine = engineWith(kind, [0xfb, 0xfa, 0xf4])
      engine.processor.setCpl(level)
      engine.processor.setEflags(2 | (io << 12))
      let vector = -1
      engine.processor.onException = fault => {
        vector = fault.vector
        return false
      }
      engine.run(1)
      expect(vector).toBe(allowed ? -1 : 13)
      if (!allowed) continue
      expect(engine.processor.u32[EFLAGS_SYS >> 2]! & FLAG_IF).toBe(FLAG_IF)
      engine.run(1)
      expect(engine.processor.u32[EFLAGS_SYS >> 2]! & FLAG_IF).toBe(0)
    }
  })

  const INC = 0x40
  test('an interrupt that waits comes after the instruction that follows STI, not before', () => {
    const engine = engineWith(kind, [0xfb, INC, INC, INC])
    engine.setIntr(true)
    engine.run(3)
    // STI, one INC, then the handler's HLT.
    expect(engine.processor.u32[EAX >> 2]).toBe(1)
    expect(engine.memory.read32(0x8000 - 12)).toBe(START + 2)
  })

  test('one that comes at the very boundary after STI waits for the next instruction too: STI HLT sleeps and wakes', () => {
    const engine = engineWith(kind, [0xfb, 0xf4, INC])
    engine.run(1)
    engine.setIntr(true)
    engine.run(1)
    expect(engine.memory.read32(0x8000 - 12)).toBe(START + 2)
    expect(engine.processor.u32[EIP >> 2]).toBe(HANDLER)
  })

  test('STI with IF set already holds nothing up, and neither does one that is long past', () => {
    const engine = engineWith(kind, [0xfb, 0xfb, INC, INC, 0xeb, 0xfd])
    engine.run(2)
    engine.setIntr(true)
    engine.run(1)
    expect(engine.processor.u32[EAX >> 2]).toBe(0)
    const later = engineWith(kind, [0xfb, INC, INC, 0xeb, 0xfd])
    later.run(4)
    later.setIntr(true)
    later.run(1)
    expect(later.memory.read32(0x8000 - 12)).toBe(START + 2)
  })

  test('POPF lets a waiting interrupt in at once', () => {
    const engine = engineWith(kind, [0x68, 2, 2, 0, 0, 0x9d, INC, INC])
    engine.setIntr(true)
    engine.run(3)
    expect(engine.processor.u32[EAX >> 2]).toBe(0)
    expect(engine.memory.read32(0x8000 - 12)).toBe(START + 6)
  })

  test('MOV SS holds an interrupt up for one instruction', () => {
    // mov eax, 0x10; sti; nop; mov ss, eax; inc; inc
    const engine = engineWith(kind, [0xb8, 0x10, 0, 0, 0, 0xfb, 0x90, 0x8e, 0xd0, INC, INC])
    engine.run(4)
    engine.setIntr(true)
    engine.run(1)
    expect(engine.processor.u32[EAX >> 2]).toBe(0x11)
    expect(engine.memory.read32(0x8000 - 12)).toBe(START + 10)
    expect(engine.processor.u32[CPL >> 2]).toBe(0)
  })
})
