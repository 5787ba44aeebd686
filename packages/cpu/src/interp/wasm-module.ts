/** The sections of the interpreter's WebAssembly module (WebAssembly core specification, section 5.5). */
import { Bytes, declareLocals, I32, type LocalCounts, OP } from '../ir/emit-wasm.ts'
import { FUNCREF, type HelperImports, ModuleBytes } from '../ir/wasm-sections.ts'

/** A function from an i32 to an i32: its code, and how many locals of each type it has, the parameter included. */
export interface WasmBody {
  code: Bytes
  locals: LocalCounts
}

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
  helpers: HelperImports,
  globals: number,
  tableSize: number,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleBytes()
  const types = [...new Set([UNARY, ...helpers.arities])]
  const bodies = [main, ...functions.values()]
  const firstBody = helpers.names.length

  module.types(types)
  module.imports(types, helpers)
  module.functions(bodies.map(() => 0))
  module.section(4, s => {
    s.uleb(1)
    s.u8(FUNCREF)
    s.u8(0)
    s.uleb(tableSize)
  })
  module.section(6, s => {
    s.uleb(globals)
    for (let i = 0; i < globals; i++) for (const b of [I32, MUTABLE, OP.i32_const, 0, OP.end]) s.u8(b)
  })
  module.section(7, s => {
    s.uleb(2)
    s.name('run')
    s.u8(0)
    s.uleb(firstBody)
    s.name('table')
    s.u8(1)
    s.uleb(0)
  })
  module.section(9, s => {
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
  module.section(10, s => {
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
