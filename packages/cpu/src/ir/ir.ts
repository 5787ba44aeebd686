/**
 * The small language in which instruction semantics are written: typed expressions over locals, linear memory and
 * helper calls, and structured statements. It knows nothing of x86. `emit-wasm.ts` and `emit-js.ts` turn it into code.
 */

import { wideOp } from './wide.ts'

/** `f32`, `f64` and `v128` exist in WebAssembly only: the JavaScript reference never meets them. */
export type Type = 'i32' | 'i64' | 'f32' | 'f64' | 'v128'

/** Every type, in the order in which a function declares its locals. */
export const TYPES: readonly Type[] = ['i32', 'i64', 'f32', 'f64', 'v128']

export type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr_s'
  | 'shr_u'
  | 'rotl'
  | 'rotr'
  | 'div_s'
  | 'div_u'
  | 'rem_s'
  | 'rem_u'
/** Comparisons give an i32 whatever their operands. */
export type CompareOp = 'eq' | 'ne' | 'lt_s' | 'lt_u' | 'gt_s' | 'gt_u' | 'le_s' | 'le_u' | 'ge_s' | 'ge_u'
export type UnaryOp = 'eqz' | 'clz' | 'ctz' | 'popcnt' | 'extend8_s' | 'extend16_s' | 'wrap' | 'extend_s' | 'extend_u'
/**
 * Width of a load or store; `u`/`s` say how a narrow load is extended. `v128`, and of a vector its low 64 or 32 bits:
 * loads clear the rest.
 */
export type LoadWidth = '8u' | '8s' | '16u' | '16s' | '32' | '64' | WideWidth
export type StoreWidth = '8' | '16' | '32' | '64' | WideWidth
type WideWidth = 'f32' | 'f64' | 'v128' | 'v64' | 'v32'

export type Expr =
  | { readonly k: 'const'; readonly t: Type; readonly v: number | bigint }
  | { readonly k: 'local'; readonly t: Type; readonly i: number }
  | { readonly k: 'bin'; readonly t: Type; readonly op: BinaryOp; readonly a: Expr; readonly b: Expr }
  | { readonly k: 'cmp'; readonly t: 'i32'; readonly op: CompareOp; readonly a: Expr; readonly b: Expr }
  | { readonly k: 'un'; readonly t: Type; readonly op: UnaryOp; readonly a: Expr }
  | { readonly k: 'load'; readonly t: Type; readonly w: LoadWidth; readonly addr: Expr; readonly off: number }
  | { readonly k: 'select'; readonly t: Type; readonly c: Expr; readonly a: Expr; readonly b: Expr }
  | { readonly k: 'call'; readonly t: 'i32'; readonly fn: string; readonly args: readonly Expr[] }
  /** An operation of wide.ts; `imm` are the bytes that follow its opcode: lane numbers, a constant. */
  | { readonly k: 'wide'; readonly t: Type; readonly op: string; readonly args: readonly Expr[]; readonly imm: Imm }
  /** Calls function `slot` of the table with one argument; functions of regions are found so. */
  | { readonly k: 'indirect'; readonly t: 'i32'; readonly slot: Expr; readonly arg: Expr }
type Imm = readonly number[]

export type Stmt =
  | { readonly k: 'set'; readonly i: number; readonly t: Type; readonly v: Expr }
  | { readonly k: 'store'; readonly w: StoreWidth; readonly addr: Expr; readonly off: number; readonly v: Expr }
  | { readonly k: 'if'; readonly c: Expr; readonly yes: readonly Stmt[]; readonly no: readonly Stmt[] }
  | { readonly k: 'do'; readonly body: readonly Stmt[]; readonly while: Expr }
  | { readonly k: 'eval'; readonly v: Expr }
  | { readonly k: 'exit'; readonly to: Exit }
  | BulkStmt
  | FlowStmt

/** What only shortcuts have: so many bytes of memory at once. */
export type BulkStmt =
  | { readonly k: 'copy'; readonly to: Expr; readonly from: Expr; readonly bytes: Expr }
  | { readonly k: 'fill'; readonly to: Expr; readonly value: Expr; readonly bytes: Expr }

/** What only translated regions are made of: graphs of blocks put into structured form. */
export type FlowStmt =
  /** Statements in a row; the list may be filled after what follows it has been written. */
  | { readonly k: 'seq'; readonly body: readonly Stmt[] }
  /** `br` to a block's id goes behind it, to a loop's id to its start. */
  | { readonly k: 'block' | 'loop'; readonly id: number; readonly body: readonly Stmt[] }
  | { readonly k: 'br'; readonly id: number }
  /** Several locals at once: every value is computed before the first is set. */
  | { readonly k: 'sets'; readonly to: readonly (Expr & { k: 'local' })[]; readonly from: readonly Expr[] }
  | { readonly k: 'return'; readonly v: Expr }
  /** Goes on in another function of the table, for good. */
  | { readonly k: 'tail'; readonly slot: Expr; readonly arg: Expr }

/**
 * Where control goes when a handler is done:
 * `next` the following record · `skip` the one after it · `lookup` find the block at EIP · `enter` the block at local BLOCK ·
 * `fault` a fault waits in FAULT · `return` leave generated code with ATTENTION set.
 */
export type Exit = 'next' | 'skip' | 'lookup' | 'enter' | 'fault' | 'return'

const isConst = (e: Expr): e is Expr & { k: 'const'; v: number } => e.k === 'const' && e.t === 'i32'

export function c32(v: number): Expr {
  return { k: 'const', t: 'i32', v: v | 0 }
}
export function c64(v: bigint): Expr {
  return { k: 'const', t: 'i64', v: BigInt.asIntN(64, v) }
}

const FOLD: Partial<Record<BinaryOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << (b & 31),
  shr_u: (a, b) => a >>> (b & 31),
  shr_s: (a, b) => a >> (b & 31),
}

/** A binary operation, folded when both sides are constants or one is neutral. Shift counts are taken mod width. */
export function bin(op: BinaryOp, a: Expr, b: Expr): Expr {
  if (a.t !== b.t) throw new TypeError(`${op}: ${a.t} with ${b.t}`)
  if (isConst(a) && isConst(b) && FOLD[op]) return c32(FOLD[op](a.v, b.v))
  if (isConst(b) && b.v === 0 && (op === 'add' || op === 'or' || op === 'xor' || op.startsWith('sh'))) return a
  return { k: 'bin', t: a.t, op, a, b }
}
export function cmp(op: CompareOp, a: Expr, b: Expr): Expr {
  if (a.t !== b.t) throw new TypeError(`${op}: ${a.t} with ${b.t}`)
  return { k: 'cmp', t: 'i32', op, a, b }
}
export function un(op: UnaryOp, a: Expr): Expr {
  const t: Type = op === 'eqz' || op === 'wrap' ? 'i32' : op === 'extend_s' || op === 'extend_u' ? 'i64' : a.t
  return { k: 'un', t, op, a }
}
const LOADED: Record<LoadWidth, Type> = {
  '8u': 'i32',
  '8s': 'i32',
  '16u': 'i32',
  '16s': 'i32',
  '32': 'i32',
  '64': 'i64',
  f32: 'f32',
  f64: 'f64',
  v128: 'v128',
  v64: 'v128',
  v32: 'v128',
}
export function load(w: LoadWidth, addr: Expr, off = 0): Expr {
  return { k: 'load', t: LOADED[w], w, addr, off }
}
export function select(c: Expr, a: Expr, b: Expr): Expr {
  return { k: 'select', t: a.t, c, a, b }
}
/** An operation on floats or vectors, by its WebAssembly name; `imm` as in the binary format. */
export function wide(op: string, args: readonly Expr[], imm: readonly number[] = []): Expr {
  return { k: 'wide', t: wideOp(op).t, op, args, imm }
}
/** A vector constant of sixteen bytes. */
export function v128(bytes: readonly number[]): Expr {
  if (bytes.length !== 16) throw new TypeError(`a vector of ${bytes.length} bytes`)
  return wide('v128.const', [], bytes)
}
