/** What precedes and follows an x87 instruction: faults, pending exceptions, pointers, images. No host needed. */
import { expect, test } from 'vitest'
import { GuestFault } from '../context.ts'
import {
  CR0,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_PE,
  CR0_TS,
  EAX,
  FPR,
  FPU_CW,
  FPU_SW,
  FPU_TOP,
  FPU_TW,
  SEG,
  SEG_CS,
  SEG_DS,
  SEG_SELECTOR,
  SEG_SIZE,
  VEC_MF,
  VEC_NM,
  VEC_PF,
  VEC_UD,
} from '../state.ts'
import { type TestContext, testContext } from './test-context.ts'
import { executeX87, fwait } from './x87.ts'

/** Register form, or memory form at DS:ea. */
function run(cpu: TestContext, opcode: number, modrm: number, ea = 0x100, operand32 = true): void {
  executeX87(cpu, opcode, modrm, SEG_DS, ea, operand32, 0x12345)
}

function vectorOf(f: () => void): number {
  try {
    f()
  } catch (fault) {
    if (fault instanceof GuestFault) return fault.vector
    throw fault
  }
  return -1
}

const state = (cpu: TestContext): string => cpu.u64.subarray(0, 0x700 / 8).join()

test('CR0.EM or TS: #NM (SDM vol. 3A table 2-2)', () => {
  for (const bit of [CR0_EM, CR0_TS]) {
    const cpu = testContext()
    cpu.u32[CR0 >> 2] = CR0_PE | CR0_ET | CR0_NE | bit
    const before = state(cpu)
    expect(vectorOf(() => run(cpu, 0xd9, 0xe8))).toBe(VEC_NM)
    expect(vectorOf(() => run(cpu, 0xd9, 0x00))).toBe(VEC_NM)
    expect(state(cpu)).toBe(before)
  }
})

test('FWAIT: #NM only when both MP and TS are set', () => {
  const cpu = testContext()
  cpu.u32[CR0 >> 2] = CR0_PE | CR0_NE | CR0_TS
  expect(vectorOf(() => fwait(cpu))).toBe(-1)
  cpu.u32[CR0 >> 2] = CR0_PE | CR0_NE | CR0_TS | CR0_MP
  expect(vectorOf(() => fwait(cpu))).toBe(VEC_NM)
})

test('undefined encodings: #UD, FISTTP among them', () => {
  const cpu = testContext()
  for (const [opcode, modrm] of [
    [0xdb, 0x08],
    [0xdd, 0x08],
    [0xdf, 0x08],
    [0xd9, 0x08],
    [0xdb, 0x20],
    [0xd9, 0xd1],
    [0xd9, 0xe2],
    [0xd9, 0xef],
    [0xda, 0xe0],
    [0xdb, 0xe5],
    [0xdb, 0xf8],
    [0xdd, 0xf0],
    [0xde, 0xd8],
    [0xdf, 0xe1],
    [0xdf, 0xf8],
  ] as const) {
    expect(
      vectorOf(() => run(cpu, opcode, modrm)),
      `${opcode.toString(16)} ${modrm.toString(16)}`,
    ).toBe(VEC_UD)
  }
})

/** 1 / 0 with ZE unmasked: the exception waits. */
function pendingDivide(cpu: TestContext): void {
  cpu.u16[FPU_CW >> 1] = 0x37b
  run(cpu, 0xd9, 0xe8)
  run(cpu, 0xd9, 0xee)
  run(cpu, 0xd8, 0xf9)
}

test('an unmasked exception: #MF at the next waiting instruction, not at a non-waiting one', () => {
  const cpu = testContext()
  pendingDivide(cpu)
  expect((cpu.u16[FPU_SW >> 1] as number) & 0x8084).toBe(0x8084)
  expect(vectorOf(() => run(cpu, 0xdf, 0xe0))).toBe(-1)
  expect((cpu.u16[EAX >> 1] as number) & 0x84).toBe(0x84)
  const before = state(cpu)
  expect(vectorOf(() => run(cpu, 0xd9, 0xe8))).toBe(VEC_MF)
  expect(vectorOf(() => fwait(cpu))).toBe(VEC_MF)
  expect(state(cpu)).toBe(before)
  run(cpu, 0xdb, 0xe2)
  expect(vectorOf(() => run(cpu, 0xd9, 0xe8))).toBe(-1)
})

test('CR0.NE = 0: FERR# instead, until the exception is cleared', () => {
  const cpu = testContext()
  cpu.u32[CR0 >> 2] = CR0_PE | CR0_ET
  pendingDivide(cpu)
  expect(cpu.ferrLevels).toEqual([])
  expect(vectorOf(() => fwait(cpu))).toBe(-1)
  expect(cpu.ferrLevels).toEqual([true])
  run(cpu, 0xdb, 0xe2)
  expect(cpu.ferrLevels).toEqual([true, false])
})

test('a page fault leaves nothing behind: loads, stores, FLDENV, FRSTOR, FNSAVE', () => {
  for (const [opcode, modrm] of [
    [0xd9, 0x00],
    [0xdd, 0x00],
    [0xdb, 0x28],
    [0xdf, 0x20],
    [0xdd, 0x18],
    [0xdb, 0x38],
    [0xdf, 0x30],
    [0xd9, 0x20],
    [0xdd, 0x20],
    [0xdd, 0x30],
    [0xd9, 0x30],
  ] as const) {
    const cpu = testContext()
    run(cpu, 0xd9, 0xeb)
    const before = state(cpu)
    const memory = cpu.memory.slice()
    // The operand begins inside the 4 KiB of memory and ends outside.
    expect(
      vectorOf(() => run(cpu, opcode, modrm, 0xffe)),
      `${opcode.toString(16)} ${modrm.toString(16)}`,
    ).toBe(VEC_PF)
    expect(state(cpu)).toBe(before)
    expect(cpu.memory.every((byte, i) => byte === memory[i])).toBe(true)
  }
})

test('instruction and data pointers go into the 32-bit protected-mode environment (SDM vol. 1, figure 8-9)', () => {
  const cpu = testContext()
  cpu.u32[(SEG + SEG_SIZE * SEG_CS + SEG_SELECTOR) >> 2] = 0x60
  cpu.u32[(SEG + SEG_SIZE * SEG_DS + SEG_SELECTOR) >> 2] = 0x68
  run(cpu, 0xd9, 0x00, 0x104)
  run(cpu, 0xd9, 0x30, 0x200)
  const view = new DataView(cpu.memory.buffer, cpu.memory.byteOffset)
  const words = [0, 4, 8, 12, 16, 20, 24].map(at => view.getUint32(0x200 + at, true))
  // CW, SW with TOP 7, tags (R7 holds zero), FIP, FOP:FCS, FDP, FDS.
  expect(words).toEqual([0xffff037f, 0xffff3800, 0xffff7fff, 0x12345, 0x0100_0060, 0x104, 0xffff0068])
  expect(cpu.u16[FPU_CW >> 1]).toBe(0x37f)
})

test('real-mode environments hold linear addresses (SDM vol. 1, figures 8-10 and 8-12)', () => {
  const cpu = testContext()
  cpu.u32[CR0 >> 2] = CR0_ET
  cpu.u32[(SEG + SEG_SIZE * SEG_CS + SEG_SELECTOR) >> 2] = 0xf000
  cpu.u32[(SEG + SEG_SIZE * SEG_DS + SEG_SELECTOR) >> 2] = 0x1234
  executeX87(cpu, 0xd9, 0x00, SEG_DS, 0x104, false, 0x5678)
  const view = new DataView(cpu.memory.buffer, cpu.memory.byteOffset)
  executeX87(cpu, 0xd9, 0x30, SEG_DS, 0x200, false, 0)
  const words16 = [6, 8, 10, 12].map(at => view.getUint16(0x200 + at, true))
  // F000:5678 = F5678; opcode D9 /0 = 100; 1234:0104 = 12444.
  expect(words16).toEqual([0x5678, 0xf100, 0x2444, 0x1000])
  executeX87(cpu, 0xd9, 0x30, SEG_DS, 0x200, true, 0)
  const words32 = [12, 16, 20, 24].map(at => view.getUint32(0x200 + at, true))
  expect(words32).toEqual([0xffff5678, 0xf100, 0xffff2444, 0x1000])
})

test('FNINIT (SDM vol. 2A): control 037F, status 0, all empty', () => {
  const cpu = testContext()
  pendingDivide(cpu)
  run(cpu, 0xdb, 0xe3)
  expect([cpu.u16[FPU_CW >> 1], cpu.u16[FPU_SW >> 1], cpu.u32[FPU_TOP >> 2], cpu.u16[FPU_TW >> 1]]).toEqual([
    0x37f, 0, 0, 0xffff,
  ])
})

test('FLDPI rounds by RC (SDM vol. 2A FLDPI; π = C90FDAA2 2168C234 C…)', () => {
  const significands = [0, 1, 2, 3].map(rc => {
    const cpu = testContext()
    cpu.u16[FPU_CW >> 1] = 0x37f | (rc << 10)
    run(cpu, 0xd9, 0xeb)
    return (cpu.u64[(FPR + 7 * 16) >> 3] as bigint).toString(16)
  })
  expect(significands).toEqual(['c90fdaa22168c235', 'c90fdaa22168c234', 'c90fdaa22168c235', 'c90fdaa22168c234'])
})
