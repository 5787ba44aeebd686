/**
 * Last changes to a region's statements: what computes a value that nobody asks for goes, offsets of look-ups go into the
 * loads and stores, and temporaries share locals where their lives do not overlap.
 */
import type { LocalCounts } from '../ir/emit-wasm.ts'
import { type Expr, type Stmt, TYPES, type Type } from '../ir/ir.ts'
import { LOCALS } from './locals.ts'

type Local = Expr & { k: 'local' }
type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Calls `f` for the operands of an expression. */
function operands(e: Expr, f: (e: Expr) => void): void {
  switch (e.k) {
    case 'bin':
    case 'cmp':
      f(e.a)
      f(e.b)
      return
    case 'un':
      f(e.a)
      return
    case 'load':
      f(e.addr)
      return
    case 'select':
      f(e.a)
      f(e.b)
      f(e.c)
      return
    case 'call':
    case 'wide':
      for (const a of e.args) f(a)
      return
    case 'indirect':
      f(e.arg)
      f(e.slot)
  }
}

function effects(e: Expr): boolean {
  if (e.k === 'call' || e.k === 'indirect') return true
  // Divisions are guarded by what the semantics check before; a load outside a look-up never traps.
  let found = false
  operands(e, o => {
    found ||= effects(o)
  })
  return found
}

class Tidy {
  readonly #uses: Record<Type, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] }
  /** Expression nodes may stand in several places; each place counts. */
  #count(e: Expr, by: 1 | -1): void {
    if (e.k === 'local') {
      const uses = this.#uses[e.t]
      uses[e.i] = (uses[e.i] ?? 0) + by
      return
    }
    operands(e, o => this.#count(o, by))
  }
  #countAll(stmts: readonly Stmt[]): void {
    for (const s of stmts) {
      each(s, e => this.#count(e, 1))
      for (const list of lists(s)) this.#countAll(list)
    }
  }
  run(stmts: readonly Stmt[]): Stmt[] {
    this.#countAll(stmts)
    return this.#sweep(stmts)
  }
  #unused(t: Type, i: number): boolean {
    return !this.#uses[t][i]
  }
  #sweep(stmts: readonly Stmt[]): Stmt[] {
    const out: Stmt[] = []
    for (let n = stmts.length - 1; n >= 0; n--) {
      const s = stmts[n]
      switch (s.k) {
        case 'set':
          if (this.#unused(s.t, s.i)) {
            if (effects(s.v)) out.push({ k: 'eval', v: s.v })
            else this.#count(s.v, -1)
            continue
          }
          break
        case 'sets': {
          const keep = s.to.map(l => !this.#unused(l.t, l.i))
          if (keep.every(k => k)) break
          for (const [i, v] of s.from.entries()) if (!keep[i]) this.#count(v, -1)
          const to = s.to.filter((_, i) => keep[i])
          if (to.length > 0) out.push({ k: 'sets', to, from: s.from.filter((_, i) => keep[i]) })
          continue
        }
        case 'seq': {
          const inner = this.#sweep(s.body)
          for (let i = inner.length - 1; i >= 0; i--) out.push(inner[i])
          continue
        }
        case 'if': {
          const no = this.#sweep(s.no)
          const yes = this.#sweep(s.yes)
          if (yes.length === 0 && no.length === 0 && !effects(s.c)) {
            this.#count(s.c, -1)
            continue
          }
          out.push(yes.length === 0 ? { k: 'if', c: not(s.c), yes: no, no: [] } : { k: 'if', c: s.c, yes, no })
          continue
        }
        case 'block':
        case 'loop':
          out.push({ k: s.k, id: s.id, body: this.#sweep(s.body) })
          continue
      }
      out.push(s)
    }
    return out.reverse()
  }
}

const not = (e: Expr): Expr => ({ k: 'un', t: 'i32', op: 'eqz', a: e })

/** The expressions of one statement itself. */
function each(s: Stmt, f: (e: Expr) => void): void {
  switch (s.k) {
    case 'set':
    case 'eval':
    case 'return':
      f(s.v)
      return
    case 'store':
      f(s.addr)
      f(s.v)
      return
    case 'if':
      f(s.c)
      return
    case 'sets':
      for (const v of s.from) f(v)
      return
    case 'tail':
      f(s.arg)
      f(s.slot)
  }
}
function lists(s: Stmt): readonly (readonly Stmt[])[] {
  switch (s.k) {
    case 'if':
      return [s.yes, s.no]
    case 'seq':
    case 'block':
    case 'loop':
      return [s.body]
    default:
      return []
  }
}

/** Gives temporaries wasm locals: `assigned` tells them, `counts` how many there are. */
class Assignment {
  readonly assigned: Record<Type, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] }
  readonly counts: Record<Type, number> = { i32: LOCALS.first, i64: 0, f32: 0, f64: 0, v128: 0 }
  readonly #first: Record<Type, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] }
  readonly #last: Record<Type, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] }
  #position = 0
  /** Loops that are open: where they begin, and what was made before them and used inside. */
  readonly #loops: { from: number; used: Local[] }[] = []

  constructor(stmts: readonly Stmt[]) {
    this.#walk(stmts)
    for (const t of TYPES) this.#assign(t)
  }
  #fixed(t: Type, i: number): boolean {
    return t === 'i32' && i < LOCALS.first
  }
  #use(e: Expr): void {
    if (e.k !== 'local') {
      operands(e, o => this.#use(o))
      return
    }
    if (this.#fixed(e.t, e.i)) return
    this.#touch(e.t, e.i)
    for (const loop of this.#loops) {
      if (this.#first[e.t][e.i] < loop.from) loop.used.push(e)
    }
  }
  #touch(t: Type, i: number): void {
    this.#first[t][i] ??= this.#position
    this.#last[t][i] = this.#position
  }
  #walk(stmts: readonly Stmt[]): void {
    for (const s of stmts) {
      each(s, e => this.#use(e))
      this.#position++
      if (s.k === 'set' && !this.#fixed(s.t, s.i)) this.#touch(s.t, s.i)
      if (s.k === 'sets') for (const l of s.to) if (!this.#fixed(l.t, l.i)) this.#touch(l.t, l.i)
      this.#position++
      if (s.k !== 'loop') {
        for (const list of lists(s)) this.#walk(list)
        continue
      }
      const loop = { from: this.#position, used: [] as Local[] }
      this.#loops.push(loop)
      this.#walk(s.body)
      this.#loops.pop()
      this.#position++
      for (const l of loop.used) this.#last[l.t][l.i] = this.#position
    }
  }
  #assign(t: Type): void {
    const [first, last, assigned] = [this.#first[t], this.#last[t], this.assigned[t]]
    const temps: number[] = []
    for (const i of first.keys()) if (first[i] !== undefined) temps.push(i)
    temps.sort((x, y) => first[x] - first[y])
    const free: number[] = []
    // Lives by their ends: a heap would be quicker, but most are short.
    let living: number[] = []
    for (const i of temps) {
      const still: number[] = []
      for (const j of living) {
        if (last[j] <= first[i]) free.push(assigned[j])
        else still.push(j)
      }
      living = still
      assigned[i] = free.pop() ?? this.counts[t]++
      living.push(i)
    }
  }
}

/** Offsets from a look-up's host address into the accesses themselves. */
function foldOffsets(stmts: readonly Stmt[], isHost: (e: Expr) => boolean): void {
  const fold = (x: { addr: Expr; off: number }): void => {
    const { addr } = x
    if (addr.k !== 'bin' || addr.b.k !== 'const' || !isHost(addr)) return
    const to = x as Mutable<typeof x>
    to.off = x.off + Number(addr.b.v)
    to.addr = addr.a
  }
  const visit = (e: Expr): void => {
    operands(e, visit)
    if (e.k === 'load') fold(e)
  }
  for (const s of stmts) {
    each(s, visit)
    if (s.k === 'store') fold(s)
    for (const list of lists(s)) foldOffsets(list, isHost)
  }
}

export interface Tidied {
  stmts: Stmt[]
  counts: LocalCounts
  /** Wasm local of a temporary. */
  local(i: number, t: Type): number
}

export function tidy(stmts: readonly Stmt[], isHost: (e: Expr) => boolean): Tidied {
  foldOffsets(stmts, isHost)
  const swept = new Tidy().run(stmts)
  const { assigned, counts } = new Assignment(swept)
  return {
    stmts: swept,
    counts,
    local: (i, t) => (t === 'i32' && i < LOCALS.first ? i : assigned[t][i]),
  }
}
