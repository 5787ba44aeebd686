/**
 * x87, MMX and SSE in regions: every instruction in a loop of its own, under the translator and under the reference, which
 * takes the exact functions: the same registers, memory and counts.
 */
import { expect, test } from 'vitest'
import { createEngine, type Engine } from '../engine.ts'
import type { EngineKind } from '../engine-contract.ts'
import { operand32, operand64, operand80, type Random, random } from '../fpu/test-operands.ts'
import { differencesBetween } from '../lockstep.ts'
import { stubPorts } from '../native/stub-ports.ts'
import { SIMD_OPS } from '../simd/index.ts'
import { ECX, EDI, EIP, ESP, FPR, FPU_CW, FPU_SW, FPU_TOP, FPU_TW, GPR, MXCSR, RAM, XMM } from '../state.ts'
import { setStart } from '../sys/reset.ts'

const CODE = 0x10000
const DATA = 0x8000
const ROUNDS = 8
const RAM_SIZE = 0x20000
/** A cache line each, so that no case's code is written beside another's. */
const APART = 64
const HLT = 0xf4

function machine(engine: EngineKind): Engine {
  const e = createEngine({ ramSize: RAM_SIZE, ports: stubPorts(), engine, threshold: 2 })
  e.memory.write32(0x1008, 0x0000ffff)
  e.memory.write32(0x100c, 0x00cf9b00)
  e.memory.write32(0x1010, 0x0000ffff)
  e.memory.write32(0x1014, 0x00cf9300)
  setStart(e.processor, {
    eip: CODE,
    esp: 0x7000,
    cs: 8,
    ds: 0x10,
    cr0: 0x31,
    cr4: 0x600,
    gdt: { base: 0x1000, limit: 0x1f },
  })
  return e
}

interface Case {
  readonly name: string
  readonly code: readonly number[]
}

function simdCases(): Case[] {
  return SIMD_OPS.filter(op => op.implicitEdi !== true && !/^(FX|LDMXCSR)/.test(op.mnemonic)).flatMap(op => {
    const head = [...(op.prefix === 0 ? [] : [op.prefix]), 0x0f, op.opcode]
    const tail = op.imm8 ? [0x1b] : []
    // General registers: EAX and EDX, never the counter or the pointer.
    const reg = op.ext ?? 2
    if (op.noModrm) return [{ name: op.mnemonic, code: head }]
    const cases: Case[] = []
    if (op.memOnly !== true)
      cases.push({ name: `${op.mnemonic} register`, code: [...head, 0xc0 | (reg << 3), ...tail] })
    if (op.regOnly !== true)
      cases.push({ name: `${op.mnemonic} memory`, code: [...head, 0x47 | (reg << 3), 0x10, ...tail] })
    return cases
  })
}

/** Memory forms at [EDI + 16]; images of the whole unit, which control words come from, left out. */
function x87Cases(): Case[] {
  const cases: Case[] = []
  for (let opcode = 0xd8; opcode < 0xe0; opcode++) {
    for (let reg = 0; reg < 8; reg++) {
      if ((opcode === 0xd9 || opcode === 0xdd) && (reg === 4 || reg === 6)) continue
      cases.push({ name: `${opcode.toString(16)}/${reg}`, code: [opcode, 0x47 | (reg << 3), 0x10] })
    }
    for (let modrm = 0xc0; modrm < 0x100; modrm += 1) {
      if ((modrm & 7) > 1 && opcode !== 0xd9 && opcode !== 0xdb) continue
      cases.push({ name: `${opcode.toString(16)} ${modrm.toString(16)}`, code: [opcode, modrm] })
    }
  }
  return cases
}

/** Ordinary numbers mostly, so that kernels accept; every class sometimes. */
function fill(r: Random, e: Engine, kind: number): void {
  const { view, u8 } = e.processor
  const vector = (at: number): void => {
    for (let i = 0; i < 16; i += 4) view.setUint32(at + i, r.bits(), true)
    if (kind === 1) for (let i = 0; i < 16; i += 4) view.setFloat32(at + i, 1 + r.below(1000) / 7, true)
    if (kind === 2) for (let i = 0; i < 16; i += 8) view.setFloat64(at + i, 1 + r.below(1000) / 7, true)
    if (kind === 3) for (let i = 0; i < 16; i += 4) view.setUint32(at + i, operand32(r), true)
    if (kind === 4) for (let i = 0; i < 16; i += 8) view.setBigUint64(at + i, operand64(r), true)
  }
  for (let n = 0; n < 8; n++) {
    view.setUint32(GPR + 8 * n, r.bits(), true)
    vector(XMM + 16 * n)
    u8.set(operand80(r), FPR + 16 * n)
    if (kind < 3) {
      view.setUint16(FPR + 16 * n + 8, (r.below(2) << 15) | (0x3ff0 + r.below(32)), true)
      view.setUint8(FPR + 16 * n + 7, 0x80 | r.below(128))
    }
  }
  for (let i = 0; i < 64; i += 16) vector(RAM + DATA + i)
}

/** Both machines before the loop at `eip`. */
function prepare(r: Random, a: Engine, b: Engine, eip: number, kind: number): void {
  fill(r, a, kind)
  const p = a.processor
  p.u32[ECX >> 2] = ROUNDS
  p.u32[EDI >> 2] = DATA
  p.u32[ESP >> 2] = 0x7000
  p.u32[FPU_CW >> 2] = 0x37f
  p.u32[FPU_SW >> 2] = 0
  p.u32[FPU_TOP >> 2] = r.below(8)
  // Four registers from the top are in use, so that pushes and pops meet the ends.
  const used = 0xff << (2 * (p.u32[FPU_TOP >> 2] as number))
  p.u32[FPU_TW >> 2] = ~(used | (used >>> 16)) & 0xffff
  p.u32[MXCSR >> 2] = kind % 2 ? 0x1fa0 : 0x1f80
  p.setEflags(2 | (r.bits() & 0x8d5))
  const q = b.processor
  q.u8.set(p.u8.subarray(GPR, GPR + 0x40), GPR)
  q.u8.set(p.u8.subarray(FPR, MXCSR + 4), FPR)
  q.u8.set(p.u8.subarray(RAM + DATA, RAM + DATA + 64), RAM + DATA)
  q.setEflags(p.getEflags())
  for (const e of [a, b]) {
    e.processor.u32[EIP >> 2] = eip
    e.processor.halted = false
  }
}

test('in loops, every instruction does what it does by itself', () => {
  const a = machine('translator')
  const b = machine('reference')
  const r = random(95)
  const cases = [...simdCases(), ...x87Cases()]
  for (const [n, { code }] of cases.entries()) {
    // again: the instruction; dec ecx; jnz again; hlt
    const loop = [...code, 0x49, 0x75, -(code.length + 3) & 0xff, HLT]
    for (const e of [a, b]) e.memory.write(CODE + n * APART, Uint8Array.from(loop))
  }
  // Regions are made in batches: what is hot in one pass runs as such in the next.
  for (let pass = 0; pass < 6; pass++) {
    for (const [n, { name }] of cases.entries()) {
      prepare(r, a, b, CODE + n * APART, pass % 5)
      // Undefined opcodes find no table and end in a shutdown.
      for (const e of [a, b]) e.run(ROUNDS * 3 + 1)
      expect(a.instructions(), name).toBe(b.instructions())
      expect(differencesBetween(a.processor, b.processor), `${name}, pass ${pass}`).toEqual([])
      for (const e of [a, b]) e.processor.shutDown = false
    }
  }
  expect(a.translator?.statistics.made).toBeGreaterThan(400)
})
