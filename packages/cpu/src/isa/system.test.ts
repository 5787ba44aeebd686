/** RDMSR and WRMSR of SYSENTER's MSRs in generated code: what sys/msr.ts does, with the same privilege. */
import { expect, test } from 'vitest'
import { createEngine } from '../engine.ts'
import type { EngineKind } from '../engine-contract.ts'
import { stubPorts } from '../native/stub-ports.ts'
import { EAX, ECX, EDX, EIP, FLAG_IOPL } from '../state.ts'
import { readMsr, writeMsr } from '../sys/msr.ts'
import { setStart } from '../sys/reset.ts'

const START = 0x1000

test.each(['interpreter', 'reference'] as const)('%s', (kind: EngineKind) => {
  const engine = createEngine({ ramSize: 0x100000, ports: { ...stubPorts(), writeMsr: () => false }, engine: kind })
  const cpu = engine.processor
  engine.memory.write(START, Uint8Array.of(0x0f, 0x30, 0x0f, 0x32))
  const faults: number[] = []
  cpu.onException = fault => {
    faults.push(fault.vector)
    return false
  }
  const start = (eip: number, level: number): void => {
    setStart(cpu, { eip, cs: 8, ds: 0x10, esp: 0x8000 })
    cpu.setEflags(2 | FLAG_IOPL)
    cpu.setCpl(level)
  }
  for (const msr of [0x173, 0x174, 0x175, 0x176, 0x177]) {
    const exists = msr >= 0x174 && msr <= 0x176
    for (const level of [0, 3]) {
      const allowed = exists && level === 0
      start(START, level)
      faults.length = 0
      cpu.u32[ECX >> 2] = msr
      cpu.u32[EAX >> 2] = 0x12340000 + msr
      cpu.u32[EDX >> 2] = 0x77
      engine.run(1)
      expect(faults[0]).toBe(allowed ? undefined : 13)
      if (!allowed) continue
      // The MSRs are 32 bits wide on this processor: the high half goes nowhere.
      expect(readMsr(cpu, msr)).toBe(BigInt(0x12340000 + msr))
      writeMsr(cpu, msr, 0xfedcba98n)
      engine.run(1)
      expect([cpu.u32[EAX >> 2], cpu.u32[EDX >> 2], cpu.u32[EIP >> 2]]).toEqual([0xfedcba98, 0, START + 4])
    }
  }
})
