/** The frame of a WebAssembly module and the sections that all of ours have (WebAssembly core specification, section 5.5). */
import { Bytes, I32 } from './emit-wasm.ts'

export const FUNCREF = 0x70
const FUNCTION_TYPE = 0x60
const [TYPES, IMPORTS, FUNCTIONS] = [1, 2, 3]

/** Functions from so many i32 to an i32, imported from `h` by their names. */
export interface HelperImports {
  readonly names: readonly string[]
  readonly arities: readonly number[]
}

/** A module that grows section by section, in ascending order of their numbers. */
export class ModuleBytes {
  readonly #module = new Bytes()

  constructor() {
    for (const b of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) this.#module.u8(b)
  }

  section(id: number, fill: (s: Bytes) => void): void {
    const s = new Bytes()
    fill(s)
    this.#module.u8(id)
    this.#module.sized(s)
  }

  /** One function type, from i32s to an i32, for each number of parameters. */
  types(parameters: readonly number[]): void {
    this.section(TYPES, s => {
      s.uleb(parameters.length)
      for (const count of parameters) {
        s.u8(FUNCTION_TYPE)
        s.uleb(count)
        for (let i = 0; i < count; i++) s.u8(I32)
        s.uleb(1)
        s.u8(I32)
      }
    })
  }

  /** Helpers of the given types, memory `m` from `e`, and table `t` from `e` when it is shared. */
  imports(types: readonly number[], helpers: HelperImports, table = false): void {
    this.section(IMPORTS, s => {
      s.uleb(helpers.names.length + (table ? 2 : 1))
      for (const [i, name] of helpers.names.entries()) {
        s.name('h')
        s.name(name)
        s.u8(0)
        s.uleb(types.indexOf(helpers.arities[i]))
      }
      s.name('e')
      s.name('m')
      for (const b of [2, 0, 1]) s.u8(b)
      if (!table) return
      s.name('e')
      s.name('t')
      for (const b of [1, FUNCREF, 0, 1]) s.u8(b)
    })
  }

  /** The type of each function of the module. */
  functions(types: readonly number[]): void {
    this.section(FUNCTIONS, s => {
      s.uleb(types.length)
      for (const type of types) s.uleb(type)
    })
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#module.bytes()
  }
}
