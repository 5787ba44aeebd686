/**
 * Shortcuts: what helpers mostly do, as WebAssembly functions over linear memory. Each stands in front of the helper of its
 * name: where the usual case is not what it finds, it has changed nothing, and the helper does it all. They are a module of
 * their own, and generated code calls them as it would the helpers.
 */
import { Bytes, declareLocals, emitStmts, type LocalCounts, localIndex, OP } from '../ir/emit-wasm.ts'
import { c32, type Expr, type Stmt } from '../ir/ir.ts'
import { ModuleBytes } from '../ir/wasm-sections.ts'
import { Builder } from '../isa/builder.ts'
import type { Emitted } from '../prebuilt.ts'

/** A shortcut's name, how many i32 it takes, and its code. */
export interface Shortcut {
  readonly name: string
  readonly parameters: number
  /** What a decline means: the helper of that name with the same arguments, or without one the answer 0. */
  readonly helper: boolean
  readonly body: readonly Stmt[]
  readonly temps: LocalCounts
}

/** Label of the block that a shortcut leaves when it declines. */
const DECLINED = 0
/** Parameters are the i32 locals before the builder's own. */
const MOST_PARAMETERS = 4

export class ShortcutBuilder extends Builder {
  constructor() {
    super(4, '', true, true)
  }
  parameter(i: number): Expr {
    return { k: 'local', t: 'i32', i }
  }
  answer(result: Expr | number): void {
    this.body.push({ k: 'return', v: typeof result === 'number' ? c32(result) : result })
  }
  /** Leaves it to the helper. Nothing may have changed before. */
  declineIf(c: Expr): void {
    this.body.push({ k: 'if', c, yes: [{ k: 'br', id: DECLINED }], no: [] })
  }
  /** A shortcut that stands in front of no helper. */
  override call(fn: string, ...args: Expr[]): Expr {
    return this.let({ k: 'call', t: 'i32', fn, args })
  }
}

/** A shortcut written by `write`; it declines where that falls out at the end. */
export function shortcut(
  name: string,
  parameters: number,
  write: (b: ShortcutBuilder, ...args: Expr[]) => void,
  helper = true,
): Shortcut {
  if (parameters > MOST_PARAMETERS) throw new RangeError(`${name}: ${parameters} parameters`)
  const b = new ShortcutBuilder()
  write(b, ...Array.from({ length: parameters }, (_, i) => b.parameter(i)))
  return { name, parameters, helper, body: b.body, temps: b.temps }
}

function code(s: Shortcut, helper: (name: string) => number): Bytes {
  const out = new Bytes()
  declareLocals(out, s.temps, s.parameters)
  const args = Array.from({ length: s.parameters }, (_, i): Expr => ({ k: 'local', t: 'i32', i }))
  const otherwise: Expr = s.helper ? { k: 'call', t: 'i32', fn: s.name, args } : c32(0)
  emitStmts(
    {
      out,
      local: (i, t) => localIndex(s.temps, i, t),
      helper,
      exit(to) {
        throw new TypeError(`a shortcut does not end by ${to}`)
      },
      labels: new Map(),
    },
    [
      { k: 'block', id: DECLINED, body: s.body },
      { k: 'return', v: otherwise },
    ],
  )
  out.u8(OP.unreachable)
  out.u8(OP.end)
  return out
}

/**
 * The module: imports memory `e.m` and the helpers that its shortcuts stand in front of, and exports each shortcut by its
 * name. Shortcuts that stand in front of none may be called by the others.
 */
export function emitShortcuts(shortcuts: readonly Shortcut[]): Emitted {
  const imported = shortcuts.filter(s => s.helper)
  const names = imported.map(s => s.name)
  const arities = imported.map(s => s.parameters)
  const bodies = shortcuts.map(s =>
    code(s, name => {
      const own = shortcuts.findIndex(other => !other.helper && other.name === name)
      return own >= 0 ? names.length + own : names.indexOf(name)
    }),
  )
  const types = [...new Set(shortcuts.map(s => s.parameters))]
  const module = new ModuleBytes()
  module.types(types)
  module.imports(types, { names, arities })
  module.functions(shortcuts.map(s => types.indexOf(s.parameters)))
  module.section(7, s => {
    s.uleb(shortcuts.length)
    for (const [i, { name }] of shortcuts.entries()) {
      s.name(name)
      s.u8(0)
      s.uleb(names.length + i)
    }
  })
  module.section(10, s => {
    s.uleb(bodies.length)
    for (const body of bodies) s.sized(body)
  })
  return { bytes: module.bytes(), helpers: names }
}
