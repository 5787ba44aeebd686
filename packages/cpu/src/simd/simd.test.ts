/** What surrounds a SIMD instruction: availability, alignment, MXCSR exceptions, FXSAVE's image. No host needed. */
import { expect, test } from 'vitest'
import { GuestFault } from '../context.ts'
import { type TestContext, testContext } from '../fpu/test-context.ts'
import {
  CR0,
  CR0_EM,
  CR0_TS,
  CR4,
  CR4_OSFXSR,
  FPR,
  FPU_SW,
  FPU_TOP,
  FPU_TW,
  MXCSR,
  SEG_DS,
  VEC_GP,
  VEC_MF,
  VEC_NM,
  VEC_PF,
  VEC_UD,
  VEC_XM,
  XMM,
} from '../state.ts'
import { SIMD_OPS, type SimdOp } from './index.ts'

function find(mnemonic: string, prefix = -1, opcode = -1): SimdOp {
  const op = SIMD_OPS.find(
    o => o.mnemonic === mnemonic && (prefix < 0 || o.prefix === prefix) && (opcode < 0 || o.opcode === opcode),
  )
  if (op === undefined) throw new Error(`no ${mnemonic}`)
  return op
}

function vectorOf(cpu: TestContext, op: SimdOp, ea = -1): number {
  try {
    op.run(cpu, 0, ea < 0 ? 1 : -1, SEG_DS, Math.max(ea, 0), 0)
  } catch (fault) {
    if (fault instanceof GuestFault) return fault.vector
    throw fault
  }
  return -1
}

const state = (cpu: TestContext): string => cpu.u64.subarray(0, 0x700 / 8).join()

test('no two forms answer the same encoding', () => {
  const seen = new Set<string>()
  for (const op of SIMD_OPS) {
    for (const memory of [true, false]) {
      if ((memory && op.regOnly) || (!memory && op.memOnly)) continue
      for (let reg = 0; reg < 8; reg++) {
        if (op.ext !== undefined && op.ext !== reg) continue
        const key = `${op.prefix} ${op.opcode} ${reg} ${memory}`
        expect(seen.has(key), `${op.mnemonic} ${key}`).toBe(false)
        seen.add(key)
      }
    }
  }
})

test('MMX: #UD with EM, #NM with TS, #MF when an x87 exception waits (SDM vol. 3A 12.5)', () => {
  const op = find('PADDB', 0)
  const cpu = testContext()
  cpu.u32[CR0 >> 2] = (cpu.u32[CR0 >> 2] as number) | CR0_EM
  expect(vectorOf(cpu, op)).toBe(VEC_UD)
  cpu.u32[CR0 >> 2] = ((cpu.u32[CR0 >> 2] as number) & ~CR0_EM) | CR0_TS
  expect(vectorOf(cpu, op)).toBe(VEC_NM)
  cpu.u32[CR0 >> 2] = (cpu.u32[CR0 >> 2] as number) & ~CR0_TS
  cpu.u16[FPU_SW >> 1] = 0x8081
  expect(vectorOf(cpu, op)).toBe(VEC_MF)
})

test('SSE: #UD with EM or without OSFXSR, #NM with TS (SDM vol. 2A table 2-21)', () => {
  const op = find('ADDPS')
  const cpu = testContext()
  cpu.u32[CR4 >> 2] = 0
  expect(vectorOf(cpu, op)).toBe(VEC_UD)
  cpu.u32[CR4 >> 2] = CR4_OSFXSR
  cpu.u32[CR0 >> 2] = (cpu.u32[CR0 >> 2] as number) | CR0_TS
  expect(vectorOf(cpu, op)).toBe(VEC_NM)
})

test('an MMX instruction sets TOP 0, all tags valid, and the written exponent to ones (SDM vol. 1, 9.2.1)', () => {
  const cpu = testContext()
  cpu.u32[FPU_TOP >> 2] = 5
  cpu.u64[(FPR + 16) >> 3] = 0x0102030405060708n
  find('MOVQ', 0, 0x6f).run(cpu, 3, 1, 0, 0, 0)
  expect([cpu.u32[FPU_TOP >> 2], cpu.u16[FPU_TW >> 1]]).toEqual([0, 0])
  expect(cpu.u64[(FPR + 48) >> 3]).toBe(0x0102030405060708n)
  expect(cpu.u16[(FPR + 48 + 8) >> 1]).toBe(0xffff)
  find('EMMS').run(cpu, 0, 0, 0, 0, 0)
  expect(cpu.u16[FPU_TW >> 1]).toBe(0xffff)
})

test('16-byte operands must be aligned, or #GP(0); MOVUPS need not', () => {
  const cpu = testContext()
  for (const op of [find('MOVAPS'), find('ADDPS'), find('PXOR', 0x66), find('MOVNTDQ')]) {
    expect(vectorOf(cpu, op, 0x108), op.mnemonic).toBe(VEC_GP)
  }
  expect(vectorOf(cpu, find('MOVUPS', 0, 0x10), 0x108)).toBe(-1)
  expect(vectorOf(cpu, find('ADDSS'), 0x101)).toBe(-1)
})

test('a page fault leaves nothing behind', () => {
  for (const op of SIMD_OPS) {
    if (op.regOnly === true || op.noModrm === true) continue
    const cpu = testContext()
    cpu.u32[FPU_TOP >> 2] = 3
    const before = state(cpu)
    const memory = cpu.memory.slice()
    expect(vectorOf(cpu, op, 0x1000), op.mnemonic).toBe(VEC_PF)
    expect(state(cpu), op.mnemonic).toBe(before)
    expect(cpu.memory.every((byte, i) => byte === memory[i])).toBe(true)
  }
})

test('an unmasked SIMD exception: #XM, or #UD without OSXMMEXCPT; the destination stays (SDM vol. 1, 11.5.1)', () => {
  const cpu = testContext()
  cpu.u32[MXCSR >> 2] = 0x1f80 & ~0x200
  cpu.view.setFloat64(XMM, 1, true)
  cpu.view.setFloat64(XMM + 16, 0, true)
  expect(vectorOf(cpu, find('DIVSD'))).toBe(VEC_XM)
  expect(cpu.view.getFloat64(XMM, true)).toBe(1)
  expect(cpu.u32[MXCSR >> 2]).toBe((0x1f80 & ~0x200) | 4)
  cpu.u32[CR4 >> 2] = CR4_OSFXSR
  expect(vectorOf(cpu, find('DIVSD'))).toBe(VEC_UD)
})

test('LDMXCSR refuses reserved bits with #GP(0)', () => {
  const cpu = testContext()
  cpu.write32(0x100, 0x1_1f80)
  expect(vectorOf(cpu, find('LDMXCSR'), 0x100)).toBe(VEC_GP)
  expect(cpu.u32[MXCSR >> 2]).toBe(0x1f80)
  cpu.write32(0x100, 0xffc0)
  expect(vectorOf(cpu, find('LDMXCSR'), 0x100)).toBe(-1)
  expect(cpu.u32[MXCSR >> 2]).toBe(0xffc0)
})

test('FXSAVE image (SDM vol. 1, table 10-2): abridged tag, TOP, stack order, MXCSR_MASK; FXRSTOR brings it back', () => {
  const cpu = testContext()
  cpu.u32[FPU_TOP >> 2] = 6
  cpu.u16[FPU_TW >> 1] = 0x0fff
  cpu.u64[(FPR + 16 * 6) >> 3] = 0x8000000000000001n
  cpu.u16[(FPR + 16 * 6 + 8) >> 1] = 0x3fff
  cpu.u64[(XMM + 16 * 7) >> 3] = 0x1122334455667788n
  expect(vectorOf(cpu, find('FXSAVE'), 0x100)).toBe(-1)
  const view = new DataView(cpu.memory.buffer, cpu.memory.byteOffset + 0x100)
  expect(view.getUint16(0, true)).toBe(0x37f)
  expect(view.getUint16(2, true)).toBe(6 << 11)
  expect(view.getUint8(4)).toBe(0xc0)
  expect(view.getUint32(24, true)).toBe(0x1f80)
  expect(view.getUint32(28, true)).toBe(0xffff)
  expect(view.getBigUint64(32, true)).toBe(0x8000000000000001n)
  expect(view.getUint16(40, true)).toBe(0x3fff)
  expect(view.getBigUint64(160 + 16 * 7, true)).toBe(0x1122334455667788n)
  const other = testContext()
  other.memory.set(cpu.memory)
  expect(vectorOf(other, find('FXRSTOR'), 0x100)).toBe(-1)
  expect(Array.from(other.u8.subarray(FPR, MXCSR + 4))).toEqual(Array.from(cpu.u8.subarray(FPR, MXCSR + 4)))
})

test('FXSAVE and FXRSTOR want 16-byte alignment; FXRSTOR refuses reserved MXCSR bits', () => {
  const cpu = testContext()
  expect(vectorOf(cpu, find('FXSAVE'), 0x108)).toBe(VEC_GP)
  expect(vectorOf(cpu, find('FXRSTOR'), 0x108)).toBe(VEC_GP)
  cpu.write32(0x100 + 24, 0x10000)
  const before = state(cpu)
  expect(vectorOf(cpu, find('FXRSTOR'), 0x100)).toBe(VEC_GP)
  expect(state(cpu)).toBe(before)
})

test('MASKMOVDQU writes the selected bytes at the given address only', () => {
  const cpu = testContext()
  for (let i = 0; i < 16; i++) {
    cpu.u8[XMM + i] = i + 1
    cpu.u8[XMM + 16 + i] = i % 3 === 0 ? 0x80 : 0x7f
  }
  find('MASKMOVDQU').run(cpu, 0, 1, SEG_DS, 0x200, 0)
  expect(Array.from(cpu.memory.slice(0x200, 0x210))).toEqual([1, 0, 0, 4, 0, 0, 7, 0, 0, 10, 0, 0, 13, 0, 0, 16])
})
