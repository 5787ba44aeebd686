/** VMCALL, VMMCALL and CPUID as a hypervisor sees and shapes them. */
import type { ProcessorPorts } from '@paragraft/core/ports'
import { describe, expect, test } from 'vitest'
import { createEngine, type Engine } from '../engine.ts'
import type { EngineKind } from '../engine-contract.ts'
import { backendProcessor, hypercallFrame } from '../host-ports.ts'
import { stubPorts } from '../native/stub-ports.ts'
import { EAX, EBX, ECX, EIP } from '../state.ts'
import { setStart } from './reset.ts'

const START = 0x1000
const VMCALL = [0x0f, 0x01, 0xc1]
const VMMCALL = [0x0f, 0x01, 0xd9]
const INC_EAX = 0x40
const HLT = 0xf4
const CPUID = [0x0f, 0xa2]

function engineWith(kind: EngineKind, code: number[], ports: Partial<ProcessorPorts>): Engine {
  const engine = createEngine({ ramSize: 0x100000, ports: { ...stubPorts(), ...ports }, engine: kind })
  engine.memory.write(START, Uint8Array.from(code))
  setStart(engine.processor, { eip: START, cs: 8, ds: 0x10, esp: 0x8000, eax: 5, ebx: 7 })
  return engine
}

describe.each(['interpreter', 'reference'] as const)('%s', kind => {
  test('both instructions reach the hypervisor with the registers, and go on behind themselves', () => {
    const seen: unknown[] = []
    const engine = engineWith(kind, [...VMCALL, ...VMMCALL, INC_EAX], {
      hypercall(instruction) {
        const frame = hypercallFrame(engine.processor, instruction)
        seen.push([instruction, frame.getRegister('EAX'), frame.getRegister('EBX'), frame.cpl, engine.instructions()])
        frame.setRegister('EAX', 100)
        return true
      },
    })
    expect(engine.run(3)).toBe('budget')
    expect(seen).toEqual([
      ['vmcall', 5, 7, 0, 0],
      ['vmmcall', 100, 7, 0, 1],
    ])
    expect([engine.processor.u32[EAX >> 2], engine.processor.u32[EIP >> 2]]).toEqual([101, START + 7])
  })

  test.each([
    ['VMCALL', VMCALL],
    ['VMMCALL', VMMCALL],
  ])('%s is #UD where nobody claims it', (_name, code) => {
    for (const ports of [{}, { hypercall: () => false }]) {
      const engine = engineWith(kind, code, ports)
      const vectors: number[] = []
      engine.processor.onException = fault => {
        vectors.push(fault.vector)
        return false
      }
      engine.run(1)
      expect(vectors[0]).toBe(6)
    }
  })

  test('a call that is to be made again is, with the registers as they are then, behind interrupts', () => {
    const seen: unknown[] = []
    const engine = engineWith(kind, [0xfb, ...VMCALL, INC_EAX, INC_EAX], {
      hypercall(instruction) {
        const frame = hypercallFrame(engine.processor, instruction)
        const left = frame.getRegister('EAX') - 1
        frame.setRegister('EAX', left)
        seen.push([left, engine.processor.u32[EIP >> 2], engine.instructions()])
        engine.setIntr(true)
        return left === 3 ? true : 'again'
      },
      acknowledgeInterrupt() {
        seen.push('interrupt')
        engine.setIntr(false)
        return -1
      },
    })
    expect(engine.run(4)).toBe('budget')
    expect(seen).toEqual([[4, START + 1, 1], 'interrupt', [3, START + 1, 2], 'interrupt'])
    expect([engine.processor.u32[EAX >> 2], engine.processor.u32[EIP >> 2]]).toEqual([4, START + 5])
  })

  test('a call can halt the processor, and the hypervisor can let it go on', () => {
    const engine = engineWith(kind, [...VMCALL, INC_EAX, HLT], {
      hypercall() {
        backendProcessor(engine.processor).halt()
        return true
      },
    })
    expect(engine.run(10)).toBe('halt')
    expect(engine.instructions()).toBe(1)
    backendProcessor(engine.processor).resume()
    expect(engine.run(10)).toBe('halt')
    expect([engine.instructions(), engine.processor.u32[EAX >> 2]]).toEqual([3, 6])
  })

  test('an interrupt that has been withdrawn by the time it is acknowledged is none', () => {
    const engine = engineWith(kind, [0xfb, INC_EAX, INC_EAX, INC_EAX], {
      acknowledgeInterrupt() {
        engine.setIntr(false)
        return -1
      },
    })
    engine.setIntr(true)
    expect(engine.run(4)).toBe('budget')
    expect(engine.processor.u32[EAX >> 2]).toBe(8)
  })

  test('CPUID shows what the ports make of a leaf', () => {
    const engine = engineWith(kind, [0xb8, 0, 0, 0, 0x40, 0xb9, 2, 0, 0, 0, ...CPUID, 0xb8, 1, 0, 0, 0, ...CPUID], {
      cpuid: (leaf, subleaf, [eax, ebx, ecx, edx]) =>
        leaf === 0x40000000
          ? [subleaf, 0x11, 0x22, 0x33]
          : leaf === 1
            ? [eax, ebx, (ecx | 0x80000000) >>> 0, edx]
            : undefined,
    })
    engine.run(3)
    const { u32 } = engine.processor
    expect([u32[EAX >> 2], u32[EBX >> 2], u32[ECX >> 2]]).toEqual([2, 0x11, 0x22])
    engine.run(2)
    expect(u32[ECX >> 2]).toBe(0x80000000)
  })
})
