/** The sections of the interpreter's WebAssembly module (WebAssembly core specification, section 5.5). */
import { Bytes, declareLocals, I32, type LocalCounts, OP } from '../ir/emit-wasm.ts'

/** A function from an i32 to an i32: its code, and how many locals of each type it has, the parameter included. */
export interface WasmBody {
  code: Bytes
  locals: LocalCounts
}

const FUNCREF = 0x70
const FUNCTION_TYPE = 0x60
const MUTABLE = 1
/** Type 0: the main function's and the table's, i32 to i32. */
const UNARY = 1

/**
 * The module: imports the helpers from `h` and memory `m` from `e`, exports the main function as `run`, and keeps
 * `functions` in table 0, exported as `table`, under their numbers. `globals` mutable i32 globals begin at 0.
 */
export function assemble(
  main: WasmBody,
  functions: ReadonlyMap<number, WasmBody>,
  helpers: { names: readonly string[]; arities: readonly number[] },
  globals: number,
  tableSize: number,
): Uint8Array<ArrayBuffer> {
  const module = new Bytes()
  for (const b of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) module.u8(b)
  const section = (id: number, fill: (s: Bytes) => void): void => {
    const s = new Bytes()
    fill(s)
    module.u8(id)
    module.sized(s)
  }
  const types = [...new Set([UNARY, ...helpers.arities])]
  const bodies = [main, ...functions.values()]
  const firstBody = helpers.names.length

  section(1, s => {
    s.uleb(types.length)
    for (const arity of types) {
      s.u8(FUNCTION_TYPE)
      s.uleb(arity)
      for (let i = 0; i < arity; i++) s.u8(I32)
      s.uleb(1)
      s.u8(I32)
    }
  })
  section(2, s => {
    s.uleb(helpers.names.length + 1)
    for (const [i, name] of helpers.names.entries()) {
      s.name('h')
      s.name(name)
      s.u8(0)
      s.uleb(types.indexOf(helpers.arities[i]))
    }
    s.name('e')
    s.name('m')
    s.u8(2)
    s.u8(0)
    s.uleb(1)
  })
  section(3, s => {
    s.uleb(bodies.length)
    for (let i = 0; i < bodies.length; i++) s.uleb(0)
  })
  section(4, s => {
    s.uleb(1)
    s.u8(FUNCREF)
    s.u8(0)
    s.uleb(tableSize)
  })
  section(6, s => {
    s.uleb(globals)
    for (let i = 0; i < globals; i++) for (const b of [I32, MUTABLE, OP.i32_const, 0, OP.end]) s.u8(b)
  })
  section(7, s => {
    s.uleb(2)
    s.name('run')
    s.u8(0)
    s.uleb(firstBody)
    s.name('table')
    s.u8(1)
    s.uleb(0)
  })
  section(9, s => {
    s.uleb(functions.size)
    for (const [i, number] of [...functions.keys()].entries()) {
      s.u8(0)
      s.u8(OP.i32_const)
      s.sleb(number)
      s.u8(OP.end)
      s.uleb(1)
      s.uleb(firstBody + 1 + i)
    }
  })
  section(10, s => {
    s.uleb(bodies.length)
    for (const { code, locals } of bodies) {
      const body = new Bytes()
      declareLocals(body, locals, 1)
      body.append(code)
      body.u8(OP.end)
      s.sized(body)
    }
  })
  return module.bytes()
}
