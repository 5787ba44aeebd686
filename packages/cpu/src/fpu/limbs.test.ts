/** The quick path against the exact one: same results, same PE and C1, on normal numbers of every distance. */
import { expect, test } from 'vitest'
import { FPR, FPU_SW, FPU_TOP, FPU_TW } from '../state.ts'
import {
  add,
  compare,
  convert,
  EXT_EMAX,
  EXT_EMIN,
  extExponent,
  extSignificand,
  type Float,
  type FloatEnv,
  mul,
  pack32,
  pack64,
  sub,
  toInteger,
  unpackExt,
} from './softfloat.ts'
import { testContext } from './test-context.ts'
import { type Random, random } from './test-operands.ts'
import { executeX87 } from './x87.ts'

const cpu = testContext()
const env: FloatEnv = {
  rounding: 0,
  precision: 64,
  emin: EXT_EMIN,
  emax: EXT_EMAX,
  masks: 0x3f,
  flags: 0,
  roundedUp: false,
  x87: true,
  flushToZero: false,
}

/** A normal number; many significands are sparse, full or short, so that ties and carries happen. */
function normal(r: Random, exponent: number): { sig: bigint; se: number } {
  const any = (BigInt(r.bits()) << 32n) | BigInt(r.bits())
  const shapes = [
    any,
    0n,
    0xffff_ffff_ffff_ffffn,
    1n << BigInt(r.below(64)),
    any & ~((1n << BigInt(r.below(64))) - 1n),
    ~(1n << BigInt(r.below(64))),
  ]
  return { sig: BigInt.asUintN(64, r.pick(shapes)) | (1n << 63n), se: (r.below(2) << 15) | exponent }
}

/** ST(0) and ST(1), the status clear. */
function prepare(a: { sig: bigint; se: number }, b: { sig: bigint; se: number }): void {
  cpu.u32[FPU_TOP >> 2] = 0
  cpu.u32[FPU_TW >> 2] = 0xfff0
  cpu.u32[FPU_SW >> 2] = 0
  ;[a, b].forEach((x, i) => {
    cpu.u64[(FPR + 16 * i) >> 3] = x.sig
    cpu.u16[(FPR + 16 * i + 8) >> 1] = x.se
  })
}

/** PE and C1 as the exact path leaves them. */
function expectedStatus(): number {
  return env.flags | (env.roundedUp ? 0x200 : 0)
}

function begin(precision = 64, emin = EXT_EMIN, emax = EXT_EMAX): void {
  Object.assign(env, { flags: 0, roundedUp: false, precision, emin, emax })
}

test('addition, subtraction, multiplication, comparison', () => {
  const r = random(51)
  const forms: [number, (a: Float, b: Float) => Float][] = [
    [0xc1, (a, b) => add(env, a, b)],
    [0xc9, (a, b) => mul(env, a, b)],
    [0xe1, (a, b) => sub(env, a, b)],
    [0xe9, (a, b) => sub(env, b, a)],
  ]
  for (let n = 0; n < 6000; n++) {
    const e = r.pick([0x3fff, 0x3fff, 100, 0x7f00]) + r.below(70)
    const x = normal(r, e)
    const y =
      n % 5 === 0
        ? { sig: BigInt.asUintN(64, x.sig + BigInt(r.below(5) - 2)) | (1n << 63n), se: x.se ^ 0x8000 }
        : normal(r, e + r.below(140) - 70)
    const [a, b] = [unpackExt(x.sig, x.se), unpackExt(y.sig, y.se)]
    const [modrm, exact] = r.pick(forms)
    prepare(x, y)
    executeX87(cpu, 0xd8, modrm, 0, 0, true, 0)
    begin()
    const result = exact(a, b)
    const what = `${modrm.toString(16)} ${x.se.toString(16)} ${x.sig.toString(16)} ${y.se.toString(16)} ${y.sig.toString(16)}`
    expect(cpu.u64[FPR >> 3], what).toBe(extSignificand(result))
    expect(cpu.u16[(FPR + 8) >> 1], what).toBe(extExponent(result))
    expect((cpu.u16[FPU_SW >> 1] as number) & 0x2ff, what).toBe(expectedStatus())
    prepare(x, y)
    executeX87(cpu, 0xd8, 0xd1, 0, 0, true, 0)
    begin()
    const relation = compare(env, a, b, false)
    expect((cpu.u16[FPU_SW >> 1] as number) & 0x4500, what).toBe(relation < 0 ? 0x100 : relation === 0 ? 0x4000 : 0)
  }
})

test('stores to f32, f64 and integers', () => {
  const r = random(52)
  const view = new DataView(cpu.memory.buffer, cpu.memory.byteOffset)
  for (let n = 0; n < 3000; n++) {
    const x = normal(r, 0x3fff + r.pick([r.below(80) - 40, r.below(2300) - 1150, r.below(300) - 150]))
    const a = unpackExt(x.sig, x.se)
    const what = `${x.se.toString(16)} ${x.sig.toString(16)}`
    const status = (): number => (cpu.u16[FPU_SW >> 1] as number) & 0x2ff
    prepare(x, x)
    executeX87(cpu, 0xdd, 0x10, 0, 0x100, true, 0)
    begin(53, -1022, 1023)
    expect(view.getBigUint64(0x100, true), what).toBe(pack64(convert(env, a)))
    expect(status(), what).toBe(expectedStatus())
    prepare(x, x)
    executeX87(cpu, 0xd9, 0x10, 0, 0x100, true, 0)
    begin(24, -126, 127)
    expect(view.getUint32(0x100, true), what).toBe(pack32(convert(env, a)))
    expect(status(), what).toBe(expectedStatus())
    prepare(x, x)
    executeX87(cpu, 0xdb, 0x10, 0, 0x100, true, 0)
    begin()
    expect(view.getInt32(0x100, true), what).toBe(Number(toInteger(env, a, 32, 0)))
    expect(status(), what).toBe(expectedStatus())
    prepare(x, x)
    executeX87(cpu, 0xdf, 0x38, 0, 0x100, true, 0)
    begin()
    expect(view.getBigInt64(0x100, true), what).toBe(toInteger(env, a, 64, 0))
    expect(status(), what).toBe(expectedStatus())
  }
})
