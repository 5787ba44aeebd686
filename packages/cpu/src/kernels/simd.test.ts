/**
 * Kernels of SIMD instructions against the functions of simd/, which are held against the host processor: a kernel that
 * accepts leaves exactly what they leave, and one that declines has changed nothing.
 */
import { expect, test } from 'vitest'
import { GuestFault } from '../context.ts'
import { operand32, operand64, type Random, random } from '../fpu/test-operands.ts'
import { simdRegister, VECTOR_FORMS } from '../isa/simd/index.ts'
import { Processor } from '../processor.ts'
import { SIMD_OPS } from '../simd/index.ts'
import {
  CR0,
  CR4,
  CR4_OSFXSR,
  FPR,
  FPU_CW,
  FPU_TOP,
  FPU_TW,
  MXCSR,
  RAM,
  SCRATCH,
  SEG_DS,
  STATE_SIZE,
  XMM,
} from '../state.ts'
import { bench } from '../testbench.ts'
import { createKernels } from './index.ts'

const MEMORY = 0x20000

interface Two {
  readonly cpu: Processor
  readonly kernel: (...args: number[]) => number
}

function machine(): Two {
  const memory = new WebAssembly.Memory({ initial: (RAM + (4 << 20)) >>> 16 })
  const { ports } = bench().cpu
  const cpu = new Processor({ memory, ramSize: 4 << 20, ports })
  const { kernel } = createKernels(memory)
  return { cpu, kernel: kernel as Two['kernel'] }
}

const { cpu, kernel } = machine()
const isFloat = (opcode: number): boolean =>
  [0x2a, 0x2c, 0x2d, 0x2e, 0x2f, 0x51, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0xc2, 0xe6].includes(opcode)

/** Sixteen bytes of integers, of f32 or of f64. */
function fill(r: Random, view: DataView, at: number, kind: number): void {
  for (let i = 0; i < 16; i += 4) view.setUint32(at + i, r.bits(), true)
  if (kind === 1) for (let i = 0; i < 16; i += 4) view.setUint32(at + i, operand32(r), true)
  if (kind === 2) for (let i = 0; i < 16; i += 8) view.setBigUint64(at + i, operand64(r), true)
  // Small whole numbers: exact results.
  if (kind === 3) for (let i = 0; i < 16; i += 4) view.setFloat32(at + i, r.below(200) - 100, true)
  if (kind === 4) for (let i = 0; i < 16; i += 8) view.setFloat64(at + i, r.below(2000) - 1000, true)
  if (kind === 5) {
    for (let i = 0; i < 16; i += 2) view.setUint16(at + i, r.pick([0, 1, 0x7fff, 0x8000, 0xffff, r.bits()]), true)
    if (r.below(2) === 0) {
      view.setUint32(at, r.below(70), true)
      view.setUint32(at + 4, r.below(8) === 0 ? 1 : 0, true)
    }
  }
}

function mxcsr(r: Random): number {
  const masks = r.below(4) === 0 ? r.below(64) : 0x3f
  const modes = r.below(3) > 0 ? 0 : (r.below(4) << 13) | (r.below(2) << 15) | (r.below(2) << 6)
  return (masks << 7) | modes | (r.below(2) === 0 ? 0x20 & masks : r.below(64) & masks)
}

interface Tally {
  accepted: number
  wrong: string[]
}

function compare(index: number, count: number, r: Random): Tally {
  const op = SIMD_OPS[index]
  const tally: Tally = { accepted: 0, wrong: [] }
  const { view, u8 } = cpu
  for (let n = 0; n < count; n++) {
    const memory = op.memOnly === true || (op.regOnly !== true && r.below(2) === 0)
    const [reg, rm, imm] = [op.ext ?? r.below(3), r.below(3), r.below(r.pick([20, 70, 256]))]
    for (let at = 0; at < 0x40; at += 4) view.setUint32(at, r.bits(), true)
    const kind = isFloat(op.opcode) ? r.below(6) : r.pick([0, 5])
    for (let i = 0; i < 8; i++) {
      fill(r, view, FPR + 16 * i, kind)
      view.setUint32(FPR + 16 * i + 8, r.bits() & 0xffff, true)
      view.setUint32(FPR + 16 * i + 12, 0, true)
      fill(r, view, XMM + 16 * i, kind)
    }
    for (let at = FPU_CW; at < XMM; at += 4) view.setUint32(at, 0, true)
    view.setUint32(FPU_TOP, r.below(8), true)
    view.setUint32(FPU_TW, r.bits() & 0xffff, true)
    view.setUint32(MXCSR, mxcsr(r), true)
    view.setUint32(CR0, r.below(50) === 0 ? 8 : 0x11, true)
    view.setUint32(CR4, r.below(50) === 0 ? 0 : CR4_OSFXSR | 0x400, true)
    fill(r, view, RAM + MEMORY, kind)
    cpu.setEflags(2 | (r.bits() & 0x8d5))
    const before = u8.slice(0, STATE_SIZE)
    const data = u8.slice(RAM + MEMORY, RAM + MEMORY + 32)
    const source = memory ? RAM + MEMORY : simdRegister(index, 1, rm)
    const done = kernel(index * 2 + (memory ? 1 : 0), simdRegister(index, 0, reg), source, imm)
    const after = u8.slice(0, STATE_SIZE)
    const stored = u8.slice(RAM + MEMORY, RAM + MEMORY + 32)
    const eflags = cpu.getEflags()
    u8.set(before, 0)
    u8.set(data, RAM + MEMORY)
    const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
    const describe = (what: string): string =>
      `${op.mnemonic} ${memory ? 'memory' : 'register'} ${reg},${rm} imm ${imm}: ${what}`
    if (done === 0) {
      if (!same(before, after) || !same(data, stored)) tally.wrong.push(describe('declined and changed something'))
      continue
    }
    tally.accepted++
    try {
      op.run(cpu, reg, memory ? -1 : rm, SEG_DS, MEMORY, imm)
    } catch (fault) {
      if (!(fault instanceof GuestFault)) throw fault
      tally.wrong.push(describe(`accepted what faults with ${fault.vector}`))
      continue
    }
    // The flags have many representations.
    const flags = cpu.getEflags()
    for (const image of [after, u8]) image.fill(0, 0x98, 0xa0)
    const exact = u8.slice(0, STATE_SIZE)
    // Scratch space of the exact functions.
    exact.copyWithin(SCRATCH, 0, 16)
    after.copyWithin(SCRATCH, 0, 16)
    if (!same(after, exact) || flags !== eflags) {
      const bytes = [...after.keys()].filter(i => after[i] !== exact[i])
      tally.wrong.push(
        describe(`differs at ${bytes.map(i => `${i.toString(16)}: ${after[i]} for ${exact[i]}`).join(' ')}`) +
          ` flags ${eflags.toString(16)} for ${flags.toString(16)}`,
      )
    } else if (!same(stored, u8.slice(RAM + MEMORY, RAM + MEMORY + 32))) tally.wrong.push(describe('memory differs'))
  }
  return tally
}

const all = SIMD_OPS.map((_, index) => index).filter(index => VECTOR_FORMS[index] !== undefined)

test('a kernel leaves what the exact function leaves, or declines untouched', () => {
  cpu.u32.fill(0, 0, STATE_SIZE >> 2)
  const flat = bench().cpu
  cpu.u8.set(flat.u8.subarray(0, STATE_SIZE), 0)
  const r = random(91)
  const wrong = all.flatMap(index => compare(index, 150, r).wrong)
  expect(wrong.slice(0, 20).join('\n')).toBe('')
})

test('kernels accept what programs do', () => {
  const r = random(92)
  const idle = all.filter(index => compare(index, 120, r).accepted < 3).map(index => SIMD_OPS[index].mnemonic)
  expect(idle.join(' ')).toBe('')
})
