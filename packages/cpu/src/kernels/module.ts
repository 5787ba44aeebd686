/**
 * Kernels: instructions on wide data as WebAssembly functions, in a module of their own that every engine's generated
 * code calls. A kernel gets up to three i32 arguments and returns non-zero when it has done its work; zero means that it
 * has done nothing and the exact helper is to do the instruction.
 */
import { Bytes, declareLocals, emitStmts, type LocalCounts, localIndex, OP } from '../ir/emit-wasm.ts'
import { c32, type Expr, type Stmt } from '../ir/ir.ts'
import { FUNCREF, ModuleBytes } from '../ir/wasm-sections.ts'
import { Builder, kernelName } from '../isa/builder.ts'

/** Parameters of a kernel; its result is the local after them. */
const PARAMETERS = 3
const RESULT = 3

/** The code of a kernel. */
export interface Kernel {
  readonly body: readonly Stmt[]
  readonly temps: LocalCounts
}

/** Writes kernels: operands 0 and 1 are at the addresses in parameters 0 and 1, the immediate is parameter 2. */
export class KernelBuilder extends Builder {
  constructor() {
    super(4, '', true, true)
  }
  parameter(i: number): Expr {
    return { k: 'local', t: 'i32', i }
  }
  protected override regAddress(operand: number): Expr {
    return this.parameter(operand)
  }
  override imm(): Expr {
    return this.parameter(2)
  }
  /** Ends the kernel here. */
  answer(result: Expr): void {
    this.set({ k: 'local', t: 'i32', i: RESULT }, result)
    this.exit('return')
  }
  /** Ends the kernel here, with nothing done. */
  decline(): void {
    this.answer(c32(0))
  }
}

/** A kernel written by `write`; it declines where that falls out at the end. */
export function kernel(write: (b: KernelBuilder) => void): Kernel {
  const b = new KernelBuilder()
  write(b)
  return { body: b.body, temps: b.temps }
}

function code(k: Kernel): Bytes {
  const out = new Bytes()
  declareLocals(out, k.temps, PARAMETERS)
  const result = (): void => {
    out.u8(OP.local_get)
    out.uleb(RESULT)
  }
  emitStmts(
    {
      out,
      local: (i, t) => localIndex(k.temps, i, t),
      helper: name => {
        throw new TypeError(`a kernel calls no helper: ${name}`)
      },
      exit(to) {
        if (to !== 'return') throw new TypeError(`a kernel does not end by ${to}`)
        result()
        out.u8(OP.return)
      },
    },
    k.body,
  )
  out.u8(OP.i32_const)
  out.sleb(0)
  out.u8(OP.end)
  return out
}

/** Calls the kernel whose number is the first argument with the others. */
function dispatcher(): Bytes {
  const out = new Bytes()
  out.uleb(0)
  for (const local of [1, 2, 3, 0]) {
    out.u8(OP.local_get)
    out.uleb(local)
  }
  out.u8(OP.call_indirect)
  out.uleb(0)
  out.uleb(0)
  out.u8(OP.end)
  return out
}

/**
 * The module: imports memory `e.m`; exports `kernel`, which takes a kernel's place in `table` and its arguments, and
 * each by its name. Undefined places decline.
 */
export function emitKernels(table: readonly (Kernel | undefined)[]): Uint8Array<ArrayBuffer> {
  const bodies = [...new Set(table.filter(k => k !== undefined))]
  const decline: Kernel = kernel(() => {})
  bodies.push(decline)
  const number = new Map(bodies.map((k, i) => [k, i + 1]))
  const module = new ModuleBytes()
  module.types([PARAMETERS, PARAMETERS + 1])
  module.imports([], { names: [], arities: [] })
  module.functions([1, ...bodies.map(() => 0)])
  module.section(4, s => {
    for (const b of [1, FUNCREF, 0]) s.u8(b)
    s.uleb(table.length)
  })
  module.section(7, s => {
    const present = [...table.entries()].filter(([, k]) => k !== undefined)
    s.uleb(present.length + 1)
    const entry = (name: string, at: number): void => {
      s.name(name)
      s.u8(0)
      s.uleb(at)
    }
    entry('kernel', 0)
    for (const [place, k] of present) entry(kernelName(place), number.get(k as Kernel) as number)
  })
  module.section(9, s => {
    for (const b of [1, 0, OP.i32_const, 0, OP.end]) s.u8(b)
    s.uleb(table.length)
    for (const k of table) s.uleb(number.get(k ?? decline) as number)
  })
  module.section(10, s => {
    s.uleb(bodies.length + 1)
    s.sized(dispatcher())
    for (const k of bodies) s.sized(code(k))
  })
  return module.bytes()
}
