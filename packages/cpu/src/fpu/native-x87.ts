/** Cases for the comparison of the x87 unit with the host processor, and our side of it. */
import { EAX } from '../state.ts'
import { restoreState, saveState } from './environment.ts'
import type { NativeCase, NativeResult } from './native-program.ts'
import { testContext } from './test-context.ts'
import { operand32, operand64, operand80, type Random } from './test-operands.ts'
import { executeX87 } from './x87.ts'

const IMAGE = 0x100
const MEMORY = 0x400
/** Bytes in hexadecimal, in memory order. */
export const hex = (bytes: Uint8Array): string => Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('')

/** How cases are made. */
export interface Options {
  /** Chance in 100 that a register is empty. */
  readonly empties: number
  /** Chance in 100 of unmasked exceptions. */
  readonly unmasked: number
}

/** A random FSAVE image. */
export function image(r: Random, options: Options): Uint8Array {
  const out = new Uint8Array(512)
  const view = new DataView(out.buffer)
  const masks = r.below(100) < options.unmasked ? r.below(64) : 0x3f
  view.setUint32(0, 0xffff0040 | masks | (r.pick([0, 2, 3, 3]) << 8) | (r.below(4) << 10), true)
  const sticky = r.below(2) === 0 ? 0 : r.bits() & masks
  view.setUint32(4, (0xffff0000 | sticky | (r.bits() & 0x4700) | (r.below(8) << 11)) >>> 0, true)
  let tags = 0
  for (let p = 0; p < 8; p++) if (r.below(100) < options.empties) tags |= 3 << (2 * p)
  view.setUint32(8, (0xffff0000 | tags) >>> 0, true)
  view.setUint32(24, 0xffff0000, true)
  for (let i = 0; i < 8; i++) out.set(operand80(r), 28 + 10 * i)
  return out
}

/** Random memory: an operand of some kind first. */
export function memoryFor(r: Random): Uint8Array {
  const out = new Uint8Array(128)
  const view = new DataView(out.buffer)
  for (let i = 12; i < 128; i += 4) view.setUint32(i, r.bits(), true)
  switch (r.below(5)) {
    case 0:
      view.setUint32(0, operand32(r), true)
      view.setUint32(4, operand32(r), true)
      break
    case 1:
      view.setBigUint64(0, operand64(r), true)
      break
    case 2:
      out.set(operand80(r))
      break
    case 3:
      for (let i = 0; i < 9; i++) out[i] = r.below(10) * 16 + r.below(10)
      out[9] = r.below(2) * 128
      break
    default:
      for (let i = 0; i < 10; i++) out[i] = r.bits()
      if (r.below(4) === 0) out.fill(r.pick([0, 0xff]), 1, 8)
  }
  return out
}

const cpu = testContext()

/** Ours: state image, memory, EFLAGS and EAX after the case. */
export function ours(c: NativeCase): {
  image: Uint8Array
  memory: Uint8Array
  eflags: number
  eax: number
} {
  cpu.memory.set(c.image.subarray(0, 108), IMAGE)
  cpu.memory.set(c.memory, MEMORY)
  restoreState(cpu, IMAGE, true)
  cpu.setEflags(c.eflags)
  cpu.u32[EAX >> 2] = c.gpr[0]
  const operand16 = c.code[0] === 0x66
  const [opcode, modrm] = c.code.slice(operand16 ? 1 : 0) as [number, number]
  executeX87(cpu, opcode, modrm, 3, MEMORY, !operand16, 0)
  saveState(cpu, IMAGE, true)
  return {
    image: cpu.memory.slice(IMAGE, IMAGE + 108),
    memory: cpu.memory.slice(MEMORY, MEMORY + 128),
    eflags: cpu.getEflags(),
    eax: cpu.u32[EAX >> 2] as number,
  }
}

/** Control, status and tag word. */
function words(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return [0, 4, 8].map(at => view.getUint16(at, true).toString(16).padStart(4, '0')).join(' ')
}

/** The part of a state image that both agree on: no pointers. */
export function comparable(bytes: Uint8Array): string {
  return `${words(bytes)} ${Array.from({ length: 8 }, (_, i) => hex(bytes.slice(28 + 10 * i, 38 + 10 * i).reverse())).join(' ')}`
}

/** What {@link ours} returns. */
export type State = ReturnType<typeof ours>

/** Control, status and tag word, registers, memory, flags and EAX agree. */
export function same(theirs: NativeResult, mine: State): boolean {
  if (theirs.trap !== -1 || ((theirs.eflags ^ mine.eflags) & 0x8d5) !== 0 || theirs.gpr[0] !== mine.eax) return false
  const equal = (from: number, to: number): boolean => {
    for (let i = from; i < to; i++) if (theirs.image[i] !== mine.image[i]) return false
    return true
  }
  return equal(0, 12) && equal(28, 108) && theirs.memory.every((byte, i) => byte === mine.memory[i])
}

/** Counts by instruction with one example each. */
export function report(differences: string[]): string {
  const groups = new Map<string, string[]>()
  for (const d of differences) {
    const key = d.slice(0, d.indexOf('\n'))
    groups.set(key, [...(groups.get(key) ?? []), d])
  }
  return [...groups.values()]
    .map(g => `${g.length} × ${g[0]}`)
    .slice(0, 10)
    .join('\n')
}
