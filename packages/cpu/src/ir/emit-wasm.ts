/** Bytes of WebAssembly: an encoder for modules and the code generator for the semantics language of ir.ts. */
import {
  type BinaryOp,
  type BulkStmt,
  type CompareOp,
  type Exit,
  type Expr,
  type FlowStmt,
  type LoadWidth,
  type Stmt,
  type StoreWidth,
  TYPES,
  type Type,
  type UnaryOp,
} from './ir.ts'
import { wideOp } from './wide.ts'

/** A growing byte buffer with LEB128. */
export class Bytes {
  data: Uint8Array = new Uint8Array(256)
  length = 0

  u8(v: number): void {
    if (this.length === this.data.length) this.#grow(1)
    this.data[this.length++] = v
  }
  uleb(v: number): void {
    v >>>= 0
    while (v >= 0x80) {
      this.u8((v & 0x7f) | 0x80)
      v >>>= 7
    }
    this.u8(v)
  }
  sleb(v: number | bigint): void {
    if (typeof v === 'number') {
      for (v |= 0; v < -0x40 || v >= 0x40; v >>= 7) this.u8((v & 0x7f) | 0x80)
      this.u8(v & 0x7f)
      return
    }
    let n = v
    for (;;) {
      const byte = Number(n & 0x7fn)
      n >>= 7n
      if ((n === 0n && (byte & 0x40) === 0) || (n === -1n && (byte & 0x40) !== 0)) {
        this.u8(byte)
        return
      }
      this.u8(byte | 0x80)
    }
  }
  name(text: string): void {
    this.uleb(text.length)
    for (let i = 0; i < text.length; i++) this.u8(text.charCodeAt(i))
  }
  append(other: Bytes): void {
    this.#grow(other.length)
    this.data.set(other.data.subarray(0, other.length), this.length)
    this.length += other.length
  }
  /** A section or function body: the bytes of `other` preceded by their length. */
  sized(other: Bytes): void {
    this.uleb(other.length)
    this.append(other)
  }
  #grow(by: number): void {
    let size = this.data.length
    while (size < this.length + by) size *= 2
    if (size === this.data.length) return
    const grown = new Uint8Array(size)
    grown.set(this.data)
    this.data = grown
  }
  bytes(): Uint8Array<ArrayBuffer> {
    return this.data.slice(0, this.length) as Uint8Array<ArrayBuffer>
  }
}

export const I32 = 0x7f
/** Encodings of the types (WebAssembly core specification, section 5.3.1). */
const VALUE_TYPE: Record<Type, number> = { i32: I32, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b }

/** How many locals of each type a function has, its parameters (all i32) included. */
export type LocalCounts = Readonly<Record<Type, number>>

/** Wasm local of ir local `i` of type `t`, in a function with so many of each: the types follow one another. */
export function localIndex(counts: LocalCounts, i: number, t: Type): number {
  let first = 0
  for (const type of TYPES) {
    if (type === t) return first + i
    first += counts[type]
  }
  throw new TypeError(t)
}
/** The declaration of a function's locals that are not its `parameters`. */
export function declareLocals(out: Bytes, counts: LocalCounts, parameters: number): void {
  out.uleb(TYPES.length)
  for (const type of TYPES) {
    out.uleb(counts[type] - (type === 'i32' ? parameters : 0))
    out.u8(VALUE_TYPE[type])
  }
}
export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  br_if: 0x0d,
  br_table: 0x0e,
  return: 0x0f,
  call: 0x10,
  call_indirect: 0x11,
  return_call_indirect: 0x13,
  drop: 0x1a,
  select: 0x1b,
  local_get: 0x20,
  local_set: 0x21,
  local_tee: 0x22,
  global_get: 0x23,
  global_set: 0x24,
  i32_load: 0x28,
  i32_load16_u: 0x2f,
  i32_const: 0x41,
  i64_const: 0x42,
  i32_eqz: 0x45,
  i32_add: 0x6a,
  empty: 0x40,
} as const

const BIN: Record<BinaryOp, [number, number]> = {
  add: [0x6a, 0x7c],
  sub: [0x6b, 0x7d],
  mul: [0x6c, 0x7e],
  div_s: [0x6d, 0x7f],
  div_u: [0x6e, 0x80],
  rem_s: [0x6f, 0x81],
  rem_u: [0x70, 0x82],
  and: [0x71, 0x83],
  or: [0x72, 0x84],
  xor: [0x73, 0x85],
  shl: [0x74, 0x86],
  shr_s: [0x75, 0x87],
  shr_u: [0x76, 0x88],
  rotl: [0x77, 0x89],
  rotr: [0x78, 0x8a],
}
const CMP: Record<CompareOp, [number, number]> = {
  eq: [0x46, 0x51],
  ne: [0x47, 0x52],
  lt_s: [0x48, 0x53],
  lt_u: [0x49, 0x54],
  gt_s: [0x4a, 0x55],
  gt_u: [0x4b, 0x56],
  le_s: [0x4c, 0x57],
  le_u: [0x4d, 0x58],
  ge_s: [0x4e, 0x59],
  ge_u: [0x4f, 0x5a],
}
const UN: Record<UnaryOp, [number, number]> = {
  eqz: [0x45, 0x50],
  clz: [0x67, 0x79],
  ctz: [0x68, 0x7a],
  popcnt: [0x69, 0x7b],
  extend8_s: [0xc0, 0xc2],
  extend16_s: [0xc1, 0xc3],
  wrap: [0, 0xa7],
  extend_s: [0xac, 0],
  extend_u: [0xad, 0],
}
const LOAD: Record<LoadWidth, readonly number[]> = {
  '8s': [0x2c],
  '8u': [0x2d],
  '16s': [0x2e],
  '16u': [0x2f],
  '32': [0x28],
  '64': [0x29],
  f32: [0x2a],
  f64: [0x2b],
  v128: [0xfd, 0x00],
  v64: [0xfd, 0x5d],
  v32: [0xfd, 0x5c],
}
const STORE: Record<StoreWidth, readonly number[]> = {
  '8': [0x3a],
  '16': [0x3b],
  '32': [0x36],
  '64': [0x37],
  f32: [0x38],
  f64: [0x39],
  v128: [0xfd, 0x0b],
  v64: [0xfd, 0x5b],
  v32: [0xfd, 0x5a],
}
/** Stores of a lane name it after the address. */
const isLane = (w: StoreWidth): boolean => w === 'v64' || w === 'v32'

function emitBytes(out: Bytes, bytes: readonly number[]): void {
  for (const byte of bytes) out.u8(byte)
}

/** Where locals and exits of a handler are in the function being emitted. */
export interface WasmTarget {
  out: Bytes
  /** Wasm local of an ir local. */
  local(i: number, t: Type): number
  /** Function index of a helper that is called with so many arguments. */
  helper(name: string, arity: number): number
  /** Emits the jump for an exit, `depth` labels deeper than the handler's top level. */
  exit(to: Exit, depth: number): void
  /** Depths at which the open blocks and loops of a region are, by id. */
  labels?: Map<number, number>
}

export function emitExpr(x: WasmTarget, e: Expr): void {
  const { out } = x
  const wide = (t: Type): 0 | 1 => (t === 'i64' ? 1 : 0)
  switch (e.k) {
    case 'const':
      out.u8(e.t === 'i32' ? OP.i32_const : OP.i64_const)
      out.sleb(e.v)
      return
    case 'local':
      out.u8(OP.local_get)
      out.uleb(x.local(e.i, e.t))
      return
    case 'bin':
      emitExpr(x, e.a)
      emitExpr(x, e.b)
      out.u8(BIN[e.op][wide(e.t)])
      return
    case 'cmp':
      emitExpr(x, e.a)
      emitExpr(x, e.b)
      out.u8(CMP[e.op][wide(e.a.t)])
      return
    case 'un':
      emitExpr(x, e.a)
      out.u8(UN[e.op][wide(e.a.t)])
      return
    case 'load':
      emitExpr(x, e.addr)
      emitBytes(out, LOAD[e.w])
      out.u8(0)
      out.uleb(e.off)
      return
    case 'select':
      emitExpr(x, e.a)
      emitExpr(x, e.b)
      emitExpr(x, e.c)
      if (e.t === 'v128') {
        // Vectors need the form that names its type.
        emitBytes(out, [0x1c, 1, VALUE_TYPE.v128])
      } else out.u8(OP.select)
      return
    case 'call':
      for (const a of e.args) emitExpr(x, a)
      out.u8(OP.call)
      out.uleb(x.helper(e.fn, e.args.length))
      return
    case 'indirect':
      emitExpr(x, e.arg)
      emitExpr(x, e.slot)
      out.u8(OP.call_indirect)
      out.u8(0)
      out.u8(0)
      return
    case 'wide':
      for (const a of e.args) emitExpr(x, a)
      emitBytes(out, wideOp(e.op).code)
      emitBytes(out, e.imm)
  }
}

/** The memory instructions (core specification, section 5.4.6), with the numbers of the memories. */
const MEMORY_COPY = [0xfc, 10, 0, 0]
const MEMORY_FILL = [0xfc, 11, 0]

function emitBulk(x: WasmTarget, s: BulkStmt): void {
  emitExpr(x, s.to)
  emitExpr(x, s.k === 'copy' ? s.from : s.value)
  emitExpr(x, s.bytes)
  emitBytes(x.out, s.k === 'copy' ? MEMORY_COPY : MEMORY_FILL)
}

function emitFlow(x: WasmTarget, s: FlowStmt, depth: number): void {
  const { out } = x
  switch (s.k) {
    case 'seq':
      emitStmts(x, s.body, depth)
      return
    case 'block':
    case 'loop':
      out.u8(s.k === 'block' ? OP.block : OP.loop)
      out.u8(OP.empty)
      x.labels?.set(s.id, depth)
      emitStmts(x, s.body, depth + 1)
      out.u8(OP.end)
      return
    case 'br': {
      const at = x.labels?.get(s.id)
      if (at === undefined) throw new Error('a branch to a label that is not open')
      out.u8(OP.br)
      out.uleb(depth - at - 1)
      return
    }
    case 'sets':
      for (const v of s.from) emitExpr(x, v)
      for (let i = s.to.length - 1; i >= 0; i--) {
        out.u8(OP.local_set)
        out.uleb(x.local(s.to[i].i, s.to[i].t))
      }
      return
    case 'return':
      emitExpr(x, s.v)
      out.u8(OP.return)
      return
    case 'tail':
      emitExpr(x, s.arg)
      emitExpr(x, s.slot)
      out.u8(OP.return_call_indirect)
      out.u8(0)
      out.u8(0)
  }
}

export function emitStmts(x: WasmTarget, stmts: readonly Stmt[], depth = 0): void {
  const { out } = x
  for (const s of stmts) {
    switch (s.k) {
      case 'set':
        emitExpr(x, s.v)
        out.u8(OP.local_set)
        out.uleb(x.local(s.i, s.t))
        break
      case 'store':
        emitExpr(x, s.addr)
        emitExpr(x, s.v)
        emitBytes(out, STORE[s.w])
        out.u8(0)
        out.uleb(s.off)
        if (isLane(s.w)) out.u8(0)
        break
      case 'if':
        emitExpr(x, s.c)
        out.u8(OP.if)
        out.u8(OP.empty)
        emitStmts(x, s.yes, depth + 1)
        if (s.no.length > 0) {
          out.u8(OP.else)
          emitStmts(x, s.no, depth + 1)
        }
        out.u8(OP.end)
        break
      case 'do':
        out.u8(OP.loop)
        out.u8(OP.empty)
        emitStmts(x, s.body, depth + 1)
        emitExpr(x, s.while)
        out.u8(OP.br_if)
        out.uleb(0)
        out.u8(OP.end)
        break
      case 'eval':
        emitExpr(x, s.v)
        out.u8(OP.drop)
        break
      case 'exit':
        x.exit(s.to, depth)
        break
      case 'copy':
      case 'fill':
        emitBulk(x, s)
        break
      default:
        emitFlow(x, s, depth)
    }
  }
}
