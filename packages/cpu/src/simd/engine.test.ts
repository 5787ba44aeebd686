/**
 * The whole way of an x87 or SIMD instruction: decoded and run by both engines, the result must be that of the function
 * called directly. This holds decoder, dispatch and operand passing, not the arithmetic.
 */
import { expect, test } from 'vitest'
import { createEngine } from '../engine.ts'
import type { EngineKind } from '../engine-contract.ts'
import { testContext } from '../fpu/test-context.ts'
import { random } from '../fpu/test-operands.ts'
import { executeX87 } from '../fpu/x87.ts'
import { stubPorts } from '../native/stub-ports.ts'
import {
  EDI,
  EIP,
  FPR,
  FPU_CW,
  FPU_TW,
  MXCSR,
  RAM,
  SEG,
  SEG_CS,
  SEG_DS,
  SEG_SELECTOR,
  SEG_SIZE,
  XMM,
} from '../state.ts'
import { setStart } from '../sys/reset.ts'
import { SIMD_OPS } from './index.ts'

const CODE = 0x1000
const MEMORY = 0x400
const HLT = 0xf4

/** General registers, then x87, XMM and MXCSR. */
const PARTS = [
  [0, 0x40],
  [FPR, MXCSR + 4],
] as const

interface Case {
  readonly name: string
  readonly code: readonly number[]
  readonly direct: (cpu: ReturnType<typeof testContext>) => void
}

/** Each SIMD form with a register and with memory at [EBX + 4 EDI + 8]-like addresses, each x87 form likewise. */
function cases(): Case[] {
  const out: Case[] = []
  for (const op of SIMD_OPS) {
    const prefix = op.prefix === 0 ? [] : [op.prefix]
    const imm = op.imm8 ? [5] : []
    const reg = op.ext ?? 2
    if (op.noModrm === true) {
      out.push({ name: op.mnemonic, code: [0x0f, op.opcode], direct: cpu => op.run(cpu, 0, 0, 0, 0, 0) })
      continue
    }
    if (op.memOnly !== true) {
      const [seg, ea] = op.implicitEdi === true ? [SEG_DS, MEMORY] : [0, 0]
      out.push({
        name: `${op.mnemonic} register`,
        code: [...prefix, 0x0f, op.opcode, 0xc0 | (reg << 3) | 1, ...imm],
        direct: cpu => op.run(cpu, reg, 1, seg, ea, 5),
      })
    }
    if (op.regOnly !== true) {
      // [EDI + disp8]: EDI holds MEMORY.
      out.push({
        name: `${op.mnemonic} memory`,
        code: [...prefix, 0x0f, op.opcode, 0x47 | (reg << 3), 0x10, ...imm],
        direct: cpu => op.run(cpu, reg, -1, SEG_DS, MEMORY + 0x10, 5),
      })
    }
  }
  for (let opcode = 0xd8; opcode < 0xe0; opcode++) {
    for (let modrm = 0; modrm < 0x100; modrm += modrm < 0xc0 ? 8 : 1) {
      const memory = modrm < 0x40
      if (modrm >= 0x40 && modrm < 0xc0) continue
      const direct: Case['direct'] = cpu =>
        executeX87(cpu, opcode, memory ? modrm | 0x47 : modrm, SEG_DS, MEMORY + 0x10, true, CODE)
      const defined = testContext()
      try {
        direct(defined)
      } catch {
        continue
      }
      out.push({
        name: `${opcode.toString(16)} ${modrm.toString(16)}`,
        code: memory ? [opcode, modrm | 0x47, 0x10] : [opcode, modrm],
        direct,
      })
    }
  }
  return out
}

test.each<EngineKind>(['interpreter', 'reference'])('the %s decodes and dispatches every form', kind => {
  const engine = createEngine({ ramSize: 0x100000, engine: kind, ports: stubPorts() })
  const p = engine.processor
  setStart(p, { eip: CODE, cs: 8, ds: 0x10, cr0: 0x20, cr4: 0x600 })
  const direct = testContext()
  for (const [seg, selector] of [
    [SEG_CS, 8],
    [SEG_DS, 0x10],
  ] as const) {
    direct.u32[(SEG + SEG_SIZE * seg + SEG_SELECTOR) >> 2] = selector
  }
  const r = random(71)
  for (const c of cases()) {
    for (const [from, to] of PARTS) {
      for (let at = from; at < to; at += 4) direct.u32[at >> 2] = at >= FPR && at < XMM && at >= FPU_CW ? 0 : r.bits()
    }
    direct.u32[EDI >> 2] = MEMORY
    direct.u32[FPU_CW >> 2] = 0x37f
    direct.u32[FPU_TW >> 2] = 0xc000
    direct.u32[MXCSR >> 2] = 0x1f80
    for (let i = 0; i < 0x400; i++) direct.memory[MEMORY + i] = r.bits()
    // Small enough for LDMXCSR and for the image of FXRSTOR.
    direct.memory.fill(0, MEMORY + 0x12, MEMORY + 0x14)
    direct.memory.fill(0, MEMORY + 0x28, MEMORY + 0x2c)
    direct.setEflags(2)
    for (const [from, to] of PARTS) p.u8.set(direct.u8.subarray(from, to), from)
    p.u8.set(direct.memory, RAM)
    engine.memory.write(CODE, Uint8Array.from([...c.code, HLT]))
    p.setEflags(2)
    p.u32[EIP >> 2] = CODE
    p.halted = false
    const result = engine.run(10)
    c.direct(direct)
    expect(result, c.name).toBe('halt')
    expect(p.u32[EIP >> 2], c.name).toBe(CODE + c.code.length + 1)
    for (const [from, to] of PARTS) {
      const words = (u32: Uint32Array): string =>
        Array.from(u32.subarray(from >> 2, to >> 2), x => x.toString(16)).join(' ')
      expect(words(p.u32), c.name).toBe(words(direct.u32))
    }
    expect(p.getEflags() & 0x8d5, c.name).toBe(direct.getEflags() & 0x8d5)
    expect(
      direct.memory.every((byte, i) => byte === p.u8[RAM + i]),
      c.name,
    ).toBe(true)
  }
})
