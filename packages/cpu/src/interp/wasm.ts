/**
 * The interpreter as WebAssembly, emitted at start-up from the handlers: a main function whose `br_table` picks the
 * handler of each record, and a function for each handler that is not in it (hot.ts), found in a table by the
 * handler's number. The module imports linear memory and the helpers it calls.
 */
import { BLK_TWIN, BLOCK_HEADER, RECORD_SIZE } from '../decode/record.ts'
import { Bytes, emitStmts, localIndex, OP, type WasmTarget } from '../ir/emit-wasm.ts'
import { type Exit, TYPES, type Type } from '../ir/ir.ts'
import { LOCAL_BLOCK, LOCAL_LINK, LOCAL_REC, LOCAL_RESULT } from '../isa/builder.ts'
import { type Emitted, prebuilt } from '../prebuilt.ts'
import type { Handler, HandlerSet } from './handlers.ts'
import { HOT_HANDLERS } from './hot.ts'
import {
  declineCode,
  enterCode,
  lookupCode,
  REGION_ALIAS,
  REGION_DECLINE,
  REGION_FAULT,
  REGION_LOOKUP,
  RETURN_FAULT,
} from './lookup.ts'
import { assemble, type WasmBody } from './wasm-module.ts'

/** Runs from a block, or from EIP when `block` is 0, until one of the RETURN_ reasons. */
export type RunBlocks = (block: number) => number
/** Helpers by name; every argument and result is an i32. */
export type Helpers = Record<string, (...args: number[]) => number>

/** Names of the prebuilt modules: without regions, and with as many as the translator has places for. */
export const INTERPRETER = 'interpreter'
export const TRANSLATING_INTERPRETER = 'translating interpreter'

/** What a handler's own function returns: how its record ended. Regions, in the same table, answer REGION_… */
const ENDED_NEXT = 0
const ENDED_SKIP = 1
const ENDED_ENTER = 2
const ENDED_LOOKUP = 3
const ENDED_RETURN = 4
/** Globals by which such a function hands on the main function's locals. */
const GLOBAL_BLOCK = 0
const GLOBAL_LINK = 1
const GLOBAL_RESULT = 2
const GLOBALS = 3

/** Imported helpers in the order of their first use, each with its number of arguments. */
class Imports {
  readonly names: string[] = []
  readonly arities: number[] = []

  index(name: string, arity: number): number {
    const at = this.names.indexOf(name)
    if (at >= 0) return at
    this.arities.push(arity)
    return this.names.push(name) - 1
  }
}

/** Code with the few instructions that the interpreter's frame is made of. */
class Code extends Bytes {
  get(local: number): void {
    this.u8(OP.local_get)
    this.uleb(local)
  }
  set(local: number): void {
    this.u8(OP.local_set)
    this.uleb(local)
  }
  constant(v: number): void {
    this.u8(OP.i32_const)
    this.sleb(v)
  }
  global(op: number, index: number): void {
    this.u8(op)
    this.uleb(index)
  }
  branch(label: number): void {
    this.u8(OP.br)
    this.uleb(label)
  }
  open(op: number): void {
    this.u8(op)
    this.u8(OP.empty)
  }
  /** The handler number of the record. */
  handlerNumber(): void {
    this.get(LOCAL_REC)
    this.u8(OP.i32_load16_u)
    this.u8(0)
    this.uleb(0)
  }
}

/** The module's bytes and the helpers it imports, in order. `regions`: places in the table after those of the handlers. */
export function emitInterpreter(set: HandlerSet, regions = 0): Emitted {
  const imports = new Imports()
  const functions = new Map<number, WasmBody>()
  for (const [number, handler] of set.handlers.entries()) {
    if (!HOT_HANDLERS.has(handler.name)) functions.set(number, ownFunction(handler, imports))
  }
  const main = mainFunction(set, imports, regions > 0)
  const bytes = assemble(main, functions, imports, GLOBALS, set.handlers.length + regions)
  return { bytes, helpers: imports.names }
}

/** A handler as a function from the record to how it ended. The record is the parameter and shares nothing else. */
function ownFunction(handler: Handler, imports: Imports): WasmBody {
  const { temps } = handler
  const code = new Code()
  // The parameter is local 0: the record and the block change places.
  const local = (i: number): number => (i === LOCAL_REC ? 0 : i === 0 ? LOCAL_REC : i)
  const end = (how: number, from?: [local: number, global: number]): void => {
    if (from !== undefined) {
      code.get(local(from[0]))
      code.global(OP.global_set, from[1])
    }
    code.constant(how)
    code.u8(OP.return)
  }
  emitStmts(
    {
      out: code,
      local: (i: number, t: Type) => localIndex(temps, t === 'i32' ? local(i) : i, t),
      helper: (name, arity) => imports.index(name, arity),
      exit(to: Exit) {
        switch (to) {
          case 'next':
            end(ENDED_NEXT)
            return
          case 'skip':
            end(ENDED_SKIP)
            return
          case 'enter':
            end(ENDED_ENTER, [LOCAL_BLOCK, GLOBAL_BLOCK])
            return
          case 'lookup':
            end(ENDED_LOOKUP, [LOCAL_LINK, GLOBAL_LINK])
            return
          case 'fault':
            code.constant(RETURN_FAULT)
            code.set(LOCAL_RESULT)
            end(ENDED_RETURN, [LOCAL_RESULT, GLOBAL_RESULT])
            return
          case 'return':
            end(ENDED_RETURN, [LOCAL_RESULT, GLOBAL_RESULT])
            return
        }
      },
    },
    handler.body,
  )
  code.u8(OP.unreachable)
  return { code, locals: temps }
}

/** Look-up, entry and the hot handlers, around one `br_table`. */
function mainFunction(set: HandlerSet, imports: Imports, regions: boolean): WasmBody {
  const hot = [...set.handlers.entries()].filter(([, { name }]) => HOT_HANDLERS.has(name))
  const lookup = lookupCode()
  const enter = enterCode(regions)
  const decline = declineCode()
  const all = [...hot.map(([, handler]) => handler), lookup, enter, decline]
  const most = (t: Type): number => Math.max(...all.map(({ temps }) => temps[t]))
  const locals = Object.fromEntries(TYPES.map(t => [t, most(t)])) as Record<Type, number>
  const code = new Code()

  /** Ends a record `labels` deep inside the three loops: 0 next, 1 enter, 2 lookup. */
  const end = (to: Exit, labels: number): void => {
    switch (to) {
      case 'next':
      case 'skip':
        code.get(LOCAL_REC)
        code.constant(to === 'next' ? RECORD_SIZE : 2 * RECORD_SIZE)
        code.u8(OP.i32_add)
        code.set(LOCAL_REC)
        code.branch(labels)
        return
      case 'enter':
        code.branch(labels + 1)
        return
      case 'lookup':
        code.constant(0)
        code.set(LOCAL_BLOCK)
        code.branch(labels + 2)
        return
      case 'fault':
        code.constant(RETURN_FAULT)
        code.u8(OP.return)
        return
      case 'return':
        code.get(LOCAL_RESULT)
        code.u8(OP.return)
    }
  }
  const target = (labels: number): WasmTarget => ({
    out: code,
    local: (i, t) => localIndex(locals, i, t),
    helper: (name, arity) => imports.index(name, arity),
    exit: (to, depth) => end(to, labels + depth),
  })

  code.open(OP.loop)
  code.get(LOCAL_BLOCK)
  code.u8(OP.i32_eqz)
  code.open(OP.if)
  emitStmts(target(0), lookup.body)
  code.u8(OP.end)
  code.open(OP.loop)
  emitStmts(target(0), enter.body)
  code.open(OP.loop)
  for (let i = 0; i <= hot.length; i++) code.open(OP.block)
  code.handlerNumber()
  code.u8(OP.br_table)
  const cases = set.handlers.map((_, number) => hot.findIndex(([at]) => at === number))
  code.uleb(cases.length)
  for (const at of cases) code.uleb(at < 0 ? hot.length : at)
  code.uleb(hot.length)
  for (const [i, [, handler]] of hot.entries()) {
    code.u8(OP.end)
    emitStmts(target(hot.length - i), handler.body)
  }
  code.u8(OP.end)
  if (regions) callRegionOrFunction(code, end, labels => emitStmts(target(labels), decline.body))
  else callOwnFunction(code, end, ENDED_RETURN)
  for (let i = 0; i < 3; i++) code.u8(OP.end)
  code.u8(OP.unreachable)
  return { code, locals }
}

/** Calls the function of the record's handler and goes on as it says; `last` is the last answer it may give. */
function callOwnFunction(code: Code, end: (to: Exit, labels: number) => void, last: number): void {
  for (let i = 0; i <= last; i++) code.open(OP.block)
  code.get(LOCAL_REC)
  code.handlerNumber()
  code.u8(OP.call_indirect)
  code.uleb(0)
  code.uleb(0)
  code.u8(OP.br_table)
  code.uleb(last)
  for (let how = ENDED_NEXT; how <= last; how++) code.uleb(how)
  code.u8(OP.end)
  end('next', last - ENDED_NEXT)
  code.u8(OP.end)
  end('skip', last - ENDED_SKIP)
  code.u8(OP.end)
  code.global(OP.global_get, GLOBAL_BLOCK)
  code.set(LOCAL_BLOCK)
  end('enter', last - ENDED_ENTER)
  code.u8(OP.end)
  code.global(OP.global_get, GLOBAL_LINK)
  code.set(LOCAL_LINK)
  end('lookup', last - ENDED_LOOKUP)
  code.u8(OP.end)
  code.global(OP.global_get, GLOBAL_RESULT)
  code.u8(OP.return)
}

/** The same where the function may be a region's. */
function callRegionOrFunction(
  code: Code,
  end: (to: Exit, labels: number) => void,
  decline: (labels: number) => void,
): void {
  callOwnFunction(code, end, REGION_ALIAS)
  code.u8(OP.end)
  end('lookup', REGION_ALIAS - REGION_LOOKUP)
  code.u8(OP.end)
  end('fault', REGION_ALIAS - REGION_FAULT)
  code.u8(OP.end)
  decline(REGION_ALIAS - REGION_DECLINE)
  code.u8(OP.unreachable)
  code.u8(OP.end)
  code.get(LOCAL_REC)
  code.constant(BLK_TWIN - BLOCK_HEADER)
  code.u8(OP.i32_add)
  code.u8(OP.i32_load)
  code.u8(0)
  code.uleb(0)
  code.set(LOCAL_BLOCK)
  end('enter', 0)
}

/** A running interpreter: its entry, and its table, where regions have places after the handlers. */
export interface WasmInterpreter {
  run: RunBlocks
  table: WebAssembly.Table
  /** First place of the table that is free. */
  firstFree: number
}

/** Compiles and instantiates the interpreter over `memory`, with so many places for regions. */
export function createWasmInterpreter(
  set: HandlerSet,
  memory: WebAssembly.Memory,
  helpers: Helpers,
  regions = 0,
): WasmInterpreter {
  const name = regions > 0 ? TRANSLATING_INTERPRETER : INTERPRETER
  const { bytes, helpers: names } = prebuilt(name, () => emitInterpreter(set, regions))
  const missing = names.filter(n => typeof helpers[n] !== 'function')
  if (missing.length > 0) throw new Error(`helpers without an implementation: ${missing.join(', ')}`)
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: helpers, e: { m: memory } })
  return {
    run: exports.run as RunBlocks,
    table: exports.table as WebAssembly.Table,
    firstFree: set.handlers.length,
  }
}
