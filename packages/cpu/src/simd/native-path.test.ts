/** The host's own floating point against the exact path: same bits, same flags. */
import { expect, test } from 'vitest'
import { add, div, mul, sqrt, sub } from '../fpu/arithmetic.ts'
import { type Float, type FloatEnv, pack32, pack64, unpack32, unpack64 } from '../fpu/float.ts'
import { testContext } from '../fpu/test-context.ts'
import { type Random, random } from '../fpu/test-operands.ts'
import { MXCSR, XMM } from '../state.ts'
import { SIMD_OPS, type SimdOp } from './index.ts'
import { roundNative } from './native-path.ts'

const cpu = testContext()

const OPERATIONS: readonly [string, (env: FloatEnv, a: Float, b: Float) => Float][] = [
  ['ADD', add],
  ['SUB', sub],
  ['MUL', mul],
  ['DIV', div],
  ['SQRT', (env, _a, b) => sqrt(env, b)],
]

/** Numbers with few bits, so that many results are exact, and full ones. */
function operand(r: Random): number {
  const bits = r.pick([2, 12, 24, 53])
  const magnitude =
    (1 + (r.below(2 ** Math.min(bits, 31)) * 2 ** 22 + r.below(2 ** 22)) / 2 ** 53) * 2 ** (r.below(40) - 20)
  return (r.below(2) === 0 ? 1 : -1) * (bits < 53 ? Math.round(magnitude * 64) / 64 : magnitude)
}

test('results and flags agree in every rounding mode, with PE clear and with PE set', () => {
  const r = random(61)
  for (let n = 0; n < 4000; n++) {
    const [name, exact] = r.pick(OPERATIONS)
    const single = r.below(2) === 0
    const rounding = r.below(4)
    const mxcsr = 0x1f80 | (rounding << 13) | (r.below(2) << 5)
    const op = SIMD_OPS.find(o => o.mnemonic === `${name}${single ? 'SS' : 'SD'}`) as SimdOp
    const [x, y] = [operand(r), operand(r)]
    cpu.u32[MXCSR >> 2] = mxcsr
    const env: FloatEnv = {
      rounding,
      precision: single ? 24 : 53,
      emin: single ? -126 : -1022,
      emax: single ? 127 : 1023,
      masks: 0x3f,
      flags: 0,
      roundedUp: false,
      x87: false,
      flushToZero: false,
    }
    let expected: bigint
    let result: bigint
    if (single) {
      cpu.view.setFloat32(XMM, x, true)
      cpu.view.setFloat32(XMM + 16, y, true)
      const [a, b] = [unpack32(cpu.view.getUint32(XMM, true)), unpack32(cpu.view.getUint32(XMM + 16, true))]
      expected = BigInt(pack32(exact(env, a, b)))
      op.run(cpu, 0, 1, 0, 0, 0)
      result = BigInt(cpu.view.getUint32(XMM, true))
    } else {
      cpu.view.setFloat64(XMM, x, true)
      cpu.view.setFloat64(XMM + 16, y, true)
      const unpack = (at: number): Float => unpack64(cpu.view.getUint32(at, true), cpu.view.getUint32(at + 4, true))
      expected = pack64(exact(env, unpack(XMM), unpack(XMM + 16)))
      op.run(cpu, 0, 1, 0, 0, 0)
      result = cpu.view.getBigUint64(XMM, true)
    }
    expect([result, cpu.u32[MXCSR >> 2]], `${op.mnemonic} ${x} ${y} ${rounding}`).toEqual([expected, mxcsr | env.flags])
  }
})

test('roundNative: ties go to even, the directed modes their way', () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6].map(x => roundNative(x, 0) + 0)).toEqual([0, 2, 2, 0, -2, 2, -3])
  expect([1, 2, 3].map(rounding => roundNative(-1.5, rounding))).toEqual([-2, -1, -1])
})
