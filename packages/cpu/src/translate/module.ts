/** A module of regions (WebAssembly core specification, section 5.5): functions that put themselves into the shared table. */
import { Bytes, declareLocals, emitStmts, I32, localIndex, OP } from '../ir/emit-wasm.ts'
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

const FUNCTION_TYPE = 0x60
const FUNCREF = 0x70
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
  const module = new Bytes()
  for (const b of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) module.u8(b)
  const section = (id: number, fill: (s: Bytes) => void): void => {
    const s = new Bytes()
    fill(s)
    module.u8(id)
    module.sized(s)
  }
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
    s.uleb(names.length + 2)
    for (const [i, name] of names.entries()) {
      s.name('h')
      s.name(name)
      s.u8(0)
      s.uleb(types.indexOf(arities[i]))
    }
    s.name('e')
    s.name('m')
    for (const b of [2, 0, 1]) s.u8(b)
    s.name('e')
    s.name('t')
    for (const b of [1, FUNCREF, 0, 1]) s.u8(b)
  })
  section(3, s => {
    s.uleb(bodies.length)
    for (let i = 0; i < bodies.length; i++) s.uleb(0)
  })
  section(9, s => {
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
  section(10, s => {
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
