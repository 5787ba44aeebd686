/**
 * The interpreter as WebAssembly: one function whose `br_table` picks the handler of each record. The module is
 * emitted here, at start-up, from the handlers; it imports linear memory and the helpers it calls.
 */
import { RECORD_SIZE } from '../decode/record.ts'
import { Bytes, emitStmts, I32, I64, OP, type WasmTarget } from '../ir/emit-wasm.ts'
import type { Exit } from '../ir/ir.ts'
import { LOCAL_BLOCK, LOCAL_REC, LOCAL_RESULT } from '../isa/builder.ts'
import type { HandlerSet } from './handlers.ts'
import { enterCode, lookupCode, RETURN_FAULT } from './lookup.ts'

/** Runs from a block, or from EIP when `block` is 0, until one of the RETURN_ reasons. */
export type RunBlocks = (block: number) => number
/** Helpers by name; every argument and result is an i32. */
export type Helpers = Record<string, (...args: number[]) => number>

interface Emitted {
  bytes: Uint8Array<ArrayBuffer>
  helpers: string[]
}

/** The module's bytes and the helpers it imports, in order. */
export function emitInterpreter(set: HandlerSet): Emitted {
  const lookup = lookupCode()
  const enter = enterCode()
  const all = [...set.handlers, lookup, enter]
  const n32 = Math.max(...all.map(h => h.temps.i32))
  const n64 = Math.max(...all.map(h => h.temps.i64))
  const helpers: string[] = []
  const arity: number[] = []
  const out = new Bytes()

  const localGet = (i: number): void => {
    out.u8(OP.local_get)
    out.uleb(i)
  }
  const constant = (v: number): void => {
    out.u8(OP.i32_const)
    out.sleb(v)
  }
  const setLocal = (i: number): void => {
    out.u8(OP.local_set)
    out.uleb(i)
  }
  const returnResult = (): void => {
    localGet(LOCAL_RESULT)
    out.u8(OP.return)
  }
  /** Labels outside a handler's own code: 0 next, 1 enter, 2 lookup. */
  const target = (labels: number): WasmTarget => ({
    out,
    local: (i, t) => (t === 'i32' ? i : n32 + i),
    helper(name, count) {
      const at = helpers.indexOf(name)
      if (at >= 0) return at
      arity.push(count)
      return helpers.push(name) - 1
    },
    exit(to: Exit, depth: number) {
      const br = (label: number): void => {
        out.u8(OP.br)
        out.uleb(labels + depth + label)
      }
      switch (to) {
        case 'next':
        case 'skip':
          localGet(LOCAL_REC)
          constant(to === 'next' ? RECORD_SIZE : 2 * RECORD_SIZE)
          out.u8(0x6a)
          setLocal(LOCAL_REC)
          return br(0)
        case 'enter':
          return br(1)
        case 'lookup':
          constant(0)
          setLocal(LOCAL_BLOCK)
          return br(2)
        case 'fault':
          constant(RETURN_FAULT)
          setLocal(LOCAL_RESULT)
          return returnResult()
        case 'return':
          return returnResult()
      }
    },
  })

  const count = set.handlers.length
  out.u8(OP.loop)
  out.u8(OP.empty)
  localGet(LOCAL_BLOCK)
  out.u8(0x45)
  out.u8(OP.if)
  out.u8(OP.empty)
  emitStmts(target(0), lookup.body)
  out.u8(OP.end)
  out.u8(OP.loop)
  out.u8(OP.empty)
  emitStmts(target(0), enter.body)
  out.u8(OP.loop)
  out.u8(OP.empty)
  for (let i = 0; i < count; i++) {
    out.u8(OP.block)
    out.u8(OP.empty)
  }
  localGet(LOCAL_REC)
  out.u8(0x2f)
  out.u8(0)
  out.uleb(0)
  out.u8(OP.br_table)
  out.uleb(count)
  for (let i = 0; i < count; i++) out.uleb(i)
  out.uleb(0)
  for (const [i, handler] of set.handlers.entries()) {
    out.u8(OP.end)
    emitStmts(target(count - 1 - i), handler.body)
  }
  for (let i = 0; i < 3; i++) out.u8(OP.end)
  out.u8(0x00)

  return { bytes: assemble(out, n32, n64, helpers, arity), helpers }
}

function assemble(code: Bytes, n32: number, n64: number, helpers: string[], arity: number[]): Uint8Array<ArrayBuffer> {
  const module = new Bytes()
  for (const b of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) module.u8(b)
  const section = (id: number, fill: (s: Bytes) => void): void => {
    const s = new Bytes()
    fill(s)
    module.u8(id)
    module.sized(s)
  }
  const arities = [...new Set([...arity, 1])]
  section(1, s => {
    s.uleb(arities.length)
    for (const a of arities) {
      s.u8(0x60)
      s.uleb(a)
      for (let i = 0; i < a; i++) s.u8(I32)
      s.uleb(1)
      s.u8(I32)
    }
  })
  section(2, s => {
    s.uleb(helpers.length + 1)
    for (const [i, name] of helpers.entries()) {
      s.name('h')
      s.name(name)
      s.u8(0)
      s.uleb(arities.indexOf(arity[i]))
    }
    s.name('e')
    s.name('m')
    s.u8(2)
    s.u8(0)
    s.uleb(1)
  })
  section(3, s => {
    s.uleb(1)
    s.uleb(arities.indexOf(1))
  })
  section(7, s => {
    s.uleb(1)
    s.name('run')
    s.u8(0)
    s.uleb(helpers.length)
  })
  section(10, s => {
    s.uleb(1)
    const body = new Bytes()
    body.uleb(2)
    body.uleb(n32 - 1)
    body.u8(I32)
    body.uleb(n64)
    body.u8(I64)
    body.append(code)
    body.u8(OP.end)
    s.sized(body)
  })
  return module.bytes()
}

/** Compiles and instantiates the interpreter over `memory`. */
export function createWasmInterpreter(set: HandlerSet, memory: WebAssembly.Memory, helpers: Helpers): RunBlocks {
  const { bytes, helpers: names } = emitInterpreter(set)
  const missing = names.filter(n => typeof helpers[n] !== 'function')
  if (missing.length > 0) throw new Error(`helpers without an implementation: ${missing.join(', ')}`)
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: helpers, e: { m: memory } })
  return instance.exports.run as RunBlocks
}
