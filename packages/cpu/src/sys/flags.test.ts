import { expect, test } from 'vitest'
import { LF_AUX, LF_RESULT } from '../state.ts'
import { bench } from '../testbench.ts'

test('every combination of the arithmetic flags survives a round trip', () => {
  const { cpu } = bench()
  for (let i = 0; i < 64; i++) {
    let value = 2
    ;[0x1, 0x4, 0x10, 0x40, 0x80, 0x800].forEach((bit, n) => {
      if (((i >> n) & 1) !== 0) value |= bit
    })
    cpu.setEflags(value)
    expect(cpu.getEflags()).toBe(value)
  }
})

test('system flags round trip; reserved bits read as 0, bit 1 as 1', () => {
  const { cpu } = bench()
  cpu.setEflags(0xffffffff)
  expect(cpu.getEflags()).toBe(0x3f7fd7)
  cpu.setEflags(0)
  expect(cpu.getEflags()).toBe(2)
})

test('flags come from the lazy words as state.ts says', () => {
  const { cpu } = bench()
  const flags = (result: number, aux: number): number => {
    cpu.u32[LF_RESULT >> 2] = result
    cpu.u32[LF_AUX >> 2] = aux
    return cpu.getEflags() & 0x8d5
  }
  expect(flags(0, 0)).toBe(0x44)
  expect(flags(0x80000000, 0)).toBe(0x84)
  expect(flags(0x80000000, 1)).toBe(0x4)
  expect(flags(3, 0x100)).toBe(0)
  expect(flags(1, 0x80000000)).toBe(0x801)
  expect(flags(1, 0xc0000000)).toBe(0x1)
  expect(flags(1, 0x40000008)).toBe(0x810)
})
