/**
 * SSE arithmetic on the host's own floating point, which is IEEE 754 round-to-nearest too. It serves zeros and normal
 * numbers whose result is normal, in either of two situations: inexactness has no consequence (PE masked and already
 * set, rounding to nearest), or the result is exact. A double operation rounded once more to f32 is innocuous for
 * + − × ÷ √ (Figueroa, "When is double rounding innocuous?", 1995).
 */
import type { CpuContext } from '../context.ts'
import { putNative } from './results.ts'

/** An operation on native numbers, and whether its double result is exact. */
export interface NativeOp {
  readonly compute: (a: number, b: number) => number
  readonly exact: (a: number, b: number, result: number) => boolean
}

const MIN_NORMAL_32 = 2 ** -126
const MAX_32 = (2 - 2 ** -23) * 2 ** 127
const MIN_NORMAL_64 = 2 ** -1022
/** Between these, Dekker's product neither over- nor underflows. */
const SAFE_MIN = 2 ** -400
const SAFE_MAX = 2 ** 400
const SPLITTER = 2 ** 27 + 1

/** a + b = r exactly (Knuth's TwoSum). */
function sumExact(a: number, b: number, r: number): boolean {
  const virtual = r - a
  return a - (r - virtual) + (b - virtual) === 0
}

function safe(x: number): boolean {
  const magnitude = Math.abs(x)
  return magnitude > SAFE_MIN && magnitude < SAFE_MAX
}

/** a × b = r exactly (Dekker's product, Veltkamp's split); false when out of the safe range. */
function productExact(a: number, b: number, r: number): boolean {
  if (!safe(a) || !safe(b) || !safe(r)) return false
  const ca = SPLITTER * a
  const ah = ca - (ca - a)
  const al = a - ah
  const cb = SPLITTER * b
  const bh = cb - (cb - b)
  const bl = b - bh
  return ah * bh - r + ah * bl + al * bh + al * bl === 0
}

export const NATIVE_ADD: NativeOp = { compute: (a, b) => a + b, exact: sumExact }
export const NATIVE_SUB: NativeOp = { compute: (a, b) => a - b, exact: (a, b, r) => sumExact(a, -b, r) }
export const NATIVE_MUL: NativeOp = { compute: (a, b) => a * b, exact: productExact }
export const NATIVE_DIV: NativeOp = {
  compute: (a, b) => a / b,
  exact: (a, b, r) => r * b === a && productExact(r, b, a),
}
export const NATIVE_SQRT: NativeOp = {
  compute: (_a, b) => Math.sqrt(b),
  exact: (_a, b, r) => r * r === b && productExact(r, r, b),
}

/** Zero or normal, by the bits of an f32. */
function ordinary32(bits: number): boolean {
  const e = bits & 0x7f80_0000
  return e === 0 ? (bits & 0x7fff_ffff) === 0 : e !== 0x7f80_0000
}

/** Zero or normal, by the words of an f64. */
function ordinary64(lo: number, hi: number): boolean {
  const e = hi & 0x7ff0_0000
  return e === 0 ? ((hi & 0x7fff_ffff) | lo) === 0 : e !== 0x7ff0_0000
}

/** True when the element of `size` bytes at `at` is zero or normal. */
export function ordinary(cpu: CpuContext, at: number, size: number): boolean {
  if (size === 4) return ordinary32(cpu.i32[at >> 2] as number)
  return ordinary64(cpu.i32[at >> 2] as number, cpu.i32[(at + 4) >> 2] as number)
}

/** The element of `size` bytes at `at`; not for NaNs. */
export function nativeValue(cpu: CpuContext, at: number, size: number): number {
  return size === 4 ? cpu.view.getFloat32(at, true) : cpu.view.getFloat64(at, true)
}

/** Element i ← d op s; false when the exact path must decide. `relaxed`: inexact results need no report. */
export function tryNative(
  cpu: CpuContext,
  op: NativeOp,
  i: number,
  d: number,
  s: number,
  size: number,
  relaxed: boolean,
): boolean {
  if (!ordinary(cpu, d, size) || !ordinary(cpu, s, size)) return false
  const a = nativeValue(cpu, d, size)
  const b = nativeValue(cpu, s, size)
  const wide = op.compute(a, b)
  const r = size === 4 ? Math.fround(wide) : wide
  const magnitude = Math.abs(r)
  // A zero may be a vanished product, a difference has a sign to choose: the exact path knows.
  const inRange =
    magnitude > (size === 4 ? MIN_NORMAL_32 : MIN_NORMAL_64) && magnitude <= (size === 4 ? MAX_32 : Number.MAX_VALUE)
  if (!inRange) return false
  if (!relaxed && (r !== wide || !op.exact(a, b, wide))) return false
  putNative(i, r, size)
  return true
}

/** x to an integer by RC_…; the host's own rules for each direction. */
export function roundNative(x: number, rounding: number): number {
  if (rounding === 1) return Math.floor(x)
  if (rounding === 2) return Math.ceil(x)
  if (rounding === 3) return Math.trunc(x)
  const floor = Math.floor(x)
  const rest = x - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor
}
