/** The loop around the interpreters: exact counts, probes, traces, and code that changes under it. */
import { describe, expect, test } from 'vitest'
import { createEngine, type Engine } from './engine.ts'
import type { EngineKind } from './engine-contract.ts'
import { stubPorts } from './native/stub-ports.ts'
import { EAX, EBP, EBX, ECX, EIP, IDTR_BASE, IDTR_LIMIT } from './state.ts'
import { setStart } from './sys/reset.ts'

const START = 0x1000

function engineWith(kind: EngineKind, code: number[], at = START): Engine {
  const engine = createEngine({ ramSize: 0x100000, ports: stubPorts(), engine: kind })
  engine.memory.write(at, Uint8Array.from(code))
  setStart(engine.processor, { eip: at, cs: 8, ds: 0x10, esp: 0x8000 })
  return engine
}

/** start: mov ecx, 3; inner: inc eax; cmp eax, eax; dec ecx; jnz inner; call f; jmp start; f: push eax; pop edx; ret */
const LOOP = [0xb9, 3, 0, 0, 0, 0x40, 0x39, 0xc0, 0x49, 0x75, 0xfa, 0xe8, 2, 0, 0, 0, 0xeb, 0xee, 0x50, 0x5a, 0xc3]

describe.each(['interpreter', 'reference'] as const)('%s', kind => {
  test('a run ends after exactly the instructions asked for, wherever that is', () => {
    const whole = engineWith(kind, LOOP)
    const trace: number[] = []
    whole.setTrace(eip => trace.push(eip))
    expect(whole.run(400)).toBe('budget')
    expect(trace).toHaveLength(400)
    const engine = engineWith(kind, LOOP)
    for (let n = 1, done = 0; done + n < 400; n = (n * 7 + 3) % 23 || 1) {
      expect(engine.run(n)).toBe('budget')
      done += n
      expect(engine.instructions()).toBe(done)
      expect(engine.processor.u32[EIP >> 2]).toBe(trace[done])
    }
  })

  test('a port may shorten the run, which then ends that much sooner, at an exact boundary', () => {
    // again: in al, 0x10; inc ecx; jmp again
    const code = [0xe4, 0x10, 0x41, 0xeb, 0xfb]
    const seen: number[] = []
    const ports = {
      ...stubPorts(),
      ioRead: () => {
        seen.push(engine.instructions())
        engine.shorten(20)
        return 0
      },
    }
    const engine = createEngine({ ramSize: 0x100000, ports, engine: kind })
    engine.memory.write(START, Uint8Array.from(code))
    setStart(engine.processor, { eip: START, cs: 8, ds: 0x10 })
    // 20 less of 100 at instructions 0, 3, 6 and 9: 20 in all, of which 7 are left when the access at 12 takes them.
    expect(engine.run(100)).toBe('budget')
    expect(seen).toEqual([0, 3, 6, 9, 12])
    expect(engine.instructions()).toBe(13)
    expect(engine.processor.u32[EIP >> 2]).toBe(START + 2)
    // 22 are left after instruction 15; 2 when its port has taken its share.
    expect(engine.run(25)).toBe('budget')
    expect(seen.slice(5)).toEqual([15])
    expect(engine.instructions()).toBe(18)
  })

  test('probes count what a trace counts', () => {
    const engine = engineWith(kind, LOOP)
    const counts = new Map<number, number>()
    engine.setTrace(eip => counts.set(eip, (counts.get(eip) ?? 0) + 1))
    const probes = [START + 5, START + 8, START + 18].map(pa => ({ pa, read: engine.addProbe(pa) }))
    engine.run(1234)
    engine.setTrace(null)
    expect(probes.map(({ read }) => read())).toEqual(probes.map(({ pa }) => counts.get(pa)))
  })

  test('exceptions without end and with no instruction between them end the run', () => {
    // UD2, whose gate leads to it again; the IDT at 2000, #UD its seventh gate.
    const engine = engineWith(kind, [0x90, 0x0f, 0x0b])
    const { u32 } = engine.processor
    engine.memory.write32(0x3008, 0x0000ffff)
    engine.memory.write32(0x300c, 0x00cf9b00)
    engine.memory.write32(0x2000 + 6 * 8, 0x00080000 | (START + 1))
    engine.memory.write32(0x2004 + 6 * 8, 0x00008e00)
    setStart(engine.processor, { eip: START, cs: 8, ds: 0x10, esp: 0x80000, gdt: { base: 0x3000, limit: 0xf } })
    u32[IDTR_BASE >> 2] = 0x2000
    u32[IDTR_LIMIT >> 2] = 0x7ff
    expect(engine.run(1000)).toBe('runaway')
    expect(engine.instructions()).toBe(1)
    expect(engine.processor.u32[EIP >> 2]).toBe(START + 1)
    // It stays so.
    expect(engine.run(1000)).toBe('runaway')
  })

  test('a probe set on code that has run counts from then on', () => {
    const engine = engineWith(kind, LOOP)
    engine.run(100)
    const read = engine.addProbe(START + 5)
    // 18 instructions a round: MOV, three times INC CMP DEC JNZ, CALL, PUSH, POP, RET, JMP.
    engine.run(18 * 10)
    expect(read()).toBe(30)
  })

  test('code written from outside is seen at once, also behind a page boundary', () => {
    // mov eax, 0x11111111 across the boundary of 0x2000; jmp back
    const engine = engineWith(kind, [0xb8, 0x11, 0x11, 0x11, 0x11, 0xeb, 0xf9], 0x1ffe)
    engine.run(10)
    expect(engine.processor.u32[EAX >> 2]).toBe(0x11111111)
    engine.memory.write8(0x2002, 0x22)
    engine.run(2)
    expect(engine.processor.u32[EAX >> 2]).toBe(0x22111111)
    engine.memory.write8(0x1fff, 0x33)
    engine.run(2)
    expect(engine.processor.u32[EAX >> 2]).toBe(0x22111133)
  })

  test('code that the guest writes is seen by the next instruction', () => {
    // mov byte [0x1008], 0x41 over the INC EAX that follows: INC ECX runs instead.
    const engine = engineWith(kind, [0x90, 0xc6, 0x05, 8, 0x10, 0, 0, 0x41, 0x40, 0xf4])
    expect(engine.run(100)).toBe('halt')
    expect([engine.processor.u32[EAX >> 2], engine.processor.u32[ECX >> 2]]).toEqual([0, 1])
    expect(engine.instructions()).toBe(4)
  })

  test('dropping all decoded code changes nothing', () => {
    const [plain, dropped] = [engineWith(kind, LOOP), engineWith(kind, LOOP)]
    plain.run(1000)
    for (let i = 0; i < 100; i++) {
      dropped.run(10)
      dropped.flushCode()
    }
    expect([...dropped.processor.u8.subarray(0, 0x98)]).toEqual([...plain.processor.u8.subarray(0, 0x98)])
  })
})

test('ports shorten runs of the translator as they do those of the interpreter', () => {
  // again: in al, 0x10; mov edx, 7; f: dec edx; jnz f; out 0x10, al; jmp again
  const code = [0xe4, 0x10, 0xba, 7, 0, 0, 0, 0x4a, 0x75, 0xfd, 0xe6, 0x10, 0xeb, 0xf2]
  const run = (kind: EngineKind): unknown[] => {
    let hash = 0
    let accesses = 0
    const took = (): void => {
      accesses++
      hash = Math.imul(hash ^ engine.instructions(), 0x01000193)
      engine.shorten((accesses * 37) % 300)
    }
    const ports = {
      ...stubPorts(),
      ioWrite: took,
      ioRead() {
        took()
        return 0
      },
    }
    const engine = createEngine({ ramSize: 0x100000, ports, engine: kind, threshold: 2 })
    engine.memory.write(START, Uint8Array.from(code))
    setStart(engine.processor, { eip: START, cs: 8, ds: 0x10 })
    const ends: number[] = []
    for (const count of [1000, 77, 250_000, 3, 900, 120_000, 1_000_000]) {
      expect(engine.run(count)).toBe('budget')
      ends.push(engine.instructions(), engine.processor.u32[EIP >> 2])
    }
    return [...ends, accesses, hash]
  }
  expect(run('translator')).toEqual(run('interpreter'))
})

test('RDTSC says the same whoever answers it', () => {
  // again: rdtsc; add ebx, eax; xor ebx, edx; rol ebx, 1; in al, 0x10; mov ecx, 5; f: dec ecx; jnz f; jmp again
  const code = [0x0f, 0x31, 1, 0xc3, 0x31, 0xd3, 0xd1, 0xc3, 0xe4, 0x10, 0xb9, 5, 0, 0, 0, 0x49, 0x75, 0xfd, 0xeb, 0xec]
  const run = (kind: EngineKind): unknown[] => {
    // Behind 2^32, so that both halves move; ports take time of their own, some of them odd.
    let spent = 0xfffff000
    const ports = {
      ...stubPorts(),
      ioRead() {
        spent += (engine.instructions() % 5) * 10
        engine.shorten(7)
        return 0
      },
    }
    const engine: Engine = createEngine({
      ramSize: 0x100000,
      ports,
      engine: kind,
      threshold: 2,
      cycles: () => engine.instructions() * 4 + spent,
      cyclesPerInstruction: 4,
    })
    engine.memory.write(START, Uint8Array.from(code))
    setStart(engine.processor, { eip: START, cs: 8, ds: 0x10 })
    const seen: number[] = []
    for (const count of [1000, 77, 250_000, 3, 901]) {
      engine.run(count)
      // Time passes between runs too, not always by whole cycles.
      spent += count === 77 ? 0.5 : count === 3 ? 1.5 : 1000
      seen.push(engine.processor.u32[EBX >> 2], engine.instructions())
    }
    return seen
  }
  const wanted = run('reference')
  expect(run('interpreter')).toEqual(wanted)
  expect(run('translator')).toEqual(wanted)
})

test('CPUID says the same whoever answers it, and is counted', () => {
  // again: mov eax, esi; mov ecx, edi; cpuid; add ebp, ebx; xor ebp, edx; inc esi; and esi, 3; jmp again
  const code = [0x89, 0xf0, 0x89, 0xf9, 0x0f, 0xa2, 1, 0xdd, 0x31, 0xd5, 0x46, 0x83, 0xe6, 3, 0xeb, 0xf0]
  const run = (kind: EngineKind, changing: boolean): unknown[] => {
    let calls = 0
    const cpuid = (leaf: number): [number, number, number, number] => [leaf, calls++, 0, 1]
    const ports = { ...stubPorts(), ...(changing ? { cpuid } : {}) }
    const engine = createEngine({ ramSize: 0x100000, ports, engine: kind, threshold: 2 })
    engine.memory.write(START, Uint8Array.from(code))
    setStart(engine.processor, { eip: START, cs: 8, ds: 0x10 })
    engine.run(10_000)
    return [engine.processor.u32[EBP >> 2], engine.processor.cpuidCount, calls]
  }
  for (const changing of [false, true]) {
    const wanted = run('reference', changing)
    expect(wanted[1]).toBe(1250)
    expect(run('interpreter', changing)).toEqual(wanted)
    expect(run('translator', changing)).toEqual(wanted)
  }
})
