/** Short words for the vector operations that instruction forms are made of. */
import { type Expr, v128, wide } from '../../ir/ir.ts'

/** A lane-wise operation of two vectors, by its WebAssembly name. */
export type Binary = (a: Expr, b: Expr) => Expr

export const binary =
  (op: string): Binary =>
  (a, b) =>
    wide(op, [a, b])

/** The same byte in all lanes. */
const bytesOf = (byte: number): number[] => Array.from({ length: 16 }, () => byte)
export const ZEROS: Expr = v128(bytesOf(0))

/** A vector of four dwords. */
export function dwords(...values: readonly [number, number, number, number]): Expr {
  return v128(values.flatMap(v => [v & 0xff, (v >>> 8) & 0xff, (v >>> 16) & 0xff, v >>> 24]))
}

/** Bytes of two vectors by number: 0–15 of `a`, 16–31 of `b`. */
export function shuffle(a: Expr, b: Expr, lanes: readonly number[]): Expr {
  return wide('i8x16.shuffle', [a, b], lanes)
}

/** Lanes of `width` bytes by number, those of `b` after those of `a`. */
export function shuffleLanes(a: Expr, b: Expr, width: number, lanes: readonly number[]): Expr {
  const bytes = lanes.flatMap(lane => Array.from({ length: width }, (_, i) => lane * width + i))
  return shuffle(a, b, bytes)
}

/** The low halves of both, `a` below. */
export const lowHalves: Binary = (a, b) => shuffleLanes(a, b, 8, [0, 2])

export const lane32 = (v: Expr, lane: number): Expr => wide('i32x4.extract_lane', [v], [lane])
export const lane64 = (v: Expr, lane: number): Expr => wide('i64x2.extract_lane', [v], [lane])
