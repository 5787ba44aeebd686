/** A module of regions (WebAssembly core specification, section 5.5): functions that put themselves into the shared table. */
import { Bytes, declareLocals, emitStmts, localIndex, OP } from '../ir/emit-wasm.ts'
import { ModuleBytes } from '../ir/wasm-sections.ts'
import type { Tidied } from './tidy.ts'

export interface RegionCode {
  readonly code: Tidied
  /** Place in the table. */
  readonly slot: number
}

export interface RegionModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Names of the helpers that it imports from `h`. */
  readonly helpers: readonly string[]
}

/** Type 0 is that of regions: i32 to i32. */
const UNARY = 1

/** Imports memory `m` and table `t` from `e`, and helpers from `h`. */
export function assembleRegions(regions: readonly RegionCode[]): RegionModule {
  const names: string[] = []
  const arities: number[] = []
  const bodies = regions.map(({ code }) => {
    const out = new Bytes()
    declareLocals(out, code.counts, 1)
    emitStmts(
      {
        out,
        local: (i, t) => localIndex(code.counts, code.local(i, t), t),
        helper(name, arity) {
          const at = names.indexOf(name)
          if (at >= 0) return at
          arities.push(arity)
          return names.push(name) - 1
        },
        exit: to => {
          throw new Error(`exit ${to} in a region`)
        },
        labels: new Map(),
      },
      code.stmts,
    )
    out.u8(OP.unreachable)
    out.u8(OP.end)
    return out
  })
  const types = [...new Set([UNARY, ...arities])]
  const module = new ModuleBytes()
  module.types(types)
  module.imports(types, { names, arities }, true)
  module.functions(bodies.map(() => 0))
  module.section(9, s => {
    s.uleb(regions.length)
    for (const [i, { slot }] of regions.entries()) {
      s.u8(0)
      s.u8(OP.i32_const)
      s.sleb(slot)
      s.u8(OP.end)
      s.uleb(1)
      s.uleb(names.length + i)
    }
  })
  module.section(10, s => {
    s.uleb(bodies.length)
    for (const body of bodies) s.sized(body)
  })
  return { bytes: module.bytes(), helpers: names }
}

/** Whether this WebAssembly has tail calls. */
export function haveTailCalls(): boolean {
  // A module of one function that tail-calls itself.
  return WebAssembly.validate(
    Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 6, 1, 4, 0, 0x12, 0, 0x0b),
  )
}
