/**
 * x87 kernels against the functions of fpu/, which are held against the host processor: a kernel that accepts leaves
 * exactly what they leave, and one that declines has changed nothing.
 */
import { expect, test } from 'vitest'
import { GuestFault } from '../context.ts'
import { operand32, operand64, operand80, type Random, random } from '../fpu/test-operands.ts'
import { executeX87 } from '../fpu/x87.ts'
import { CONTROL, EQUAL_SHIFT, FIRST_X87, FLAGS, LESS_SHIFT, MEMORY_FORMS, TO_AX } from '../isa/x87/answer.ts'
import { x87Kernels } from '../isa/x87/kernels.ts'
import { Processor } from '../processor.ts'
import { EAX, FPR, FPU_CW, FPU_OPCODE, FPU_SW, FPU_TOP, FPU_TW, RAM, SEG_DS, STATE_SIZE, XMM } from '../state.ts'
import { bench } from '../testbench.ts'
import { createKernels } from './index.ts'

const MEMORY = 0x20000
const flat = bench().cpu
const memory = new WebAssembly.Memory({ initial: (RAM + (4 << 20)) >>> 16 })
const cpu = new Processor({ memory, ramSize: 4 << 20, ports: flat.ports })
cpu.u8.set(flat.u8.subarray(0, STATE_SIZE), 0)
const kernel = createKernels(memory).kernel as (...args: number[]) => number

/** Numbers of one operation near each other, of every class, or such that results are exact or halfway. */
function fillRegister(r: Random, at: number, kind: number): void {
  const { u8, view } = cpu
  u8.set(operand80(r), at)
  view.setUint16(at + 10, 0, true)
  view.setUint32(at + 12, 0, true)
  if (kind === 0) return
  let sig = (BigInt(r.bits()) << 32n) | BigInt(r.bits()) | (1n << 63n)
  if (kind === 2) sig &= ~0n << BigInt(r.below(63))
  if (kind === 3) sig = (1n << 63n) + BigInt(r.below(3)) - BigInt(r.below(2)) * (1n << 62n)
  if (kind === 4) sig = BigInt(r.below(100) + 1)
  if (kind === 5) sig = ~0n << BigInt(r.below(12))
  sig = BigInt.asUintN(64, sig)
  let exponent = 0x3fff + r.below(r.pick([2, 70, 140])) - r.below(70)
  if (kind === 4) exponent = 0x3fff + 63
  while (sig >> 63n === 0n) {
    sig <<= 1n
    exponent--
  }
  if (r.below(20) === 0) exponent = sig = 0n as never
  view.setBigUint64(at, BigInt(sig), true)
  view.setUint16(at + 8, (r.below(2) << 15) | Number(exponent), true)
}

function fillMemory(r: Random, opcode: number): void {
  const { u8, view } = cpu
  const at = RAM + MEMORY
  for (let i = 0; i < 16; i += 4) view.setUint32(at + i, r.bits(), true)
  if (r.below(3) === 0) view.setInt32(at, r.below(200) - 100, true)
  if (opcode === 0xd8 || opcode === 0xd9) {
    view.setUint32(at, operand32(r), true)
    if (r.below(3) === 0) view.setFloat32(at, r.below(100) - 50, true)
  } else if (opcode === 0xdc || opcode === 0xdd) {
    view.setBigUint64(at, operand64(r), true)
    if (r.below(3) === 0) view.setFloat64(at, r.below(100) - 50, true)
  } else if (opcode === 0xdb && r.below(2) === 0) u8.set(operand80(r), at)
}

interface Tally {
  accepted: number
  wrong: string[]
}

const hex = (n: number): string => n.toString(16)

function compare(number: number, count: number, r: Random): Tally {
  const tally: Tally = { accepted: 0, wrong: [] }
  const { view, u8, u32 } = cpu
  const inMemory = number < MEMORY_FORMS
  const n = inMemory ? number : number - MEMORY_FORMS
  const opcode = 0xd8 | (n >> (inMemory ? 3 : 6))
  const modrm = inMemory ? (n & 7) << 3 : 0xc0 | (n & 0x3f)
  for (let k = 0; k < count; k++) {
    const kind = r.below(7)
    for (let i = 0; i < 8; i++) fillRegister(r, FPR + 16 * i, kind)
    for (let at = FPU_CW; at < XMM; at += 4) view.setUint32(at, 0, true)
    const pc = r.below(3) > 0 ? 0x300 : r.below(4) << 8
    const rc = r.below(3) > 0 ? 0 : r.below(4) << 10
    const masks = r.below(4) > 0 ? 0x3f : r.below(64)
    u32[FPU_CW >> 2] = pc | rc | masks | 0x40
    // What is up and unmasked would be pending.
    u32[FPU_SW >> 2] = (r.bits() & 0x4740) | (r.bits() & masks)
    u32[FPU_TOP >> 2] = r.below(8)
    // Mostly one or a few registers below the top are free.
    const free = 3 << (2 * ((u32[FPU_TOP >> 2] - 1) & 7))
    const tags = r.pick([free, free, free, 0, r.bits()])
    u32[FPU_TW >> 2] = [0, 2, 4, 6, 8, 10, 12, 14].reduce((tw, at) => tw | (((tags >> at) & 1) * (3 << at)), 0)
    fillMemory(r, opcode)
    cpu.setEflags(2 | (r.bits() & 0x8d5))
    const before = u8.slice(0, STATE_SIZE)
    const data = u8.slice(RAM + MEMORY, RAM + MEMORY + 32)
    const answer = kernel(FIRST_X87 + number, modrm & 7, RAM + MEMORY, (opcode << 8) | modrm)
    const after = u8.slice(0, STATE_SIZE)
    const stored = u8.slice(RAM + MEMORY, RAM + MEMORY + 32)
    u8.set(before, 0)
    u8.set(data, RAM + MEMORY)
    const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
    const st = (image: Uint8Array): string => Buffer.from(image.slice(FPR, FPU_CW + 16)).toString('hex')
    const describe = (what: string): string =>
      `${hex(opcode)} ${hex(modrm)} ${what}\n  ${st(before)} memory ${Buffer.from(data).toString('hex')}`
    if (answer === 0) {
      if (!same(before, after) || !same(data, stored)) tally.wrong.push(describe('declined and changed something'))
      continue
    }
    tally.accepted++
    try {
      executeX87(cpu, opcode, modrm | (inMemory ? 3 : 0), SEG_DS, MEMORY, true, 0x1234)
    } catch (fault) {
      if (!(fault instanceof GuestFault)) throw fault
      tally.wrong.push(describe(`accepted what faults with ${fault.vector}`))
      continue
    }
    const flags = cpu.getEflags() & 0x8d5
    const ax = u32[EAX >> 2] & 0xffff
    const exact = u8.slice(0, STATE_SIZE)
    if (((answer & CONTROL) !== 0) !== same(exact.slice(FPU_OPCODE, XMM), before.slice(FPU_OPCODE, XMM)))
      tally.wrong.push(describe('pointers'))
    for (const image of [after, exact]) {
      image.fill(0, FPU_OPCODE, XMM)
      // Flags and AX come with the answer.
      image.fill(0, 0x98, 0xa0)
      if (answer & TO_AX) image.fill(0, EAX, EAX + 4)
    }
    if (!same(after, exact)) tally.wrong.push(describe(`leaves\n  ${st(after)}, not\n  ${st(exact)}`))
    if (!same(stored, u8.slice(RAM + MEMORY, RAM + MEMORY + 32))) tally.wrong.push(describe('memory'))
    if (answer & FLAGS) {
      const expected = ((answer >> LESS_SHIFT) & 1) | (((answer >> EQUAL_SHIFT) & 1) << 6)
      if (flags !== expected) tally.wrong.push(describe(`flags ${hex(flags)} for ${hex(expected)}`))
    }
    if (answer & TO_AX && ax !== answer >>> 16) tally.wrong.push(describe('AX'))
  }
  return tally
}

const all = x87Kernels().flatMap((k, number) => (k === undefined ? [] : [number]))

test('a kernel leaves what the exact function leaves, or declines untouched', () => {
  const r = random(93)
  const wrong = all.flatMap(number => compare(number, 400, r).wrong)
  expect(wrong.slice(0, 12).join('\n')).toBe('')
})

/** FLD ST(7): the register that is read is the one that must be empty. */
const NEVER = MEMORY_FORMS + ((0xd9 & 7) << 6) + 7

test('kernels accept what programs do', () => {
  const r = random(94)
  const idle = all.filter(number => number !== NEVER && compare(number, 150, r).accepted < 3).map(hex)
  expect(idle.join(' ')).toBe('')
})
