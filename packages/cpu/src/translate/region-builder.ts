/**
 * The builder for translated regions: operands are constants, general registers and flags are values that are known
 * where they are used, and memory is reached through the host addresses of pages that were looked up once. Merges, exits
 * and helpers see the registers where they expect them: in one local each (`home`), or in the state.
 */
import { REGION_DECLINE, REGION_FAULT, REGION_LOOKUP } from '../interp/lookup.ts'
import { bin, c32, type Exit, type Expr, load, type Stmt } from '../ir/ir.ts'
import { kernelName, type Size } from '../isa/builder.ts'
import { SIMD_OPS } from '../simd/index.ts'
import {
  ATTENTION,
  BUDGET,
  EIP,
  EIP_BASE,
  GPR,
  LF_AUX,
  LF_RESULT,
  MODE,
  SEG,
  SEG_DS,
  SEG_ES,
  SEG_SIZE,
  SEG_SS,
  ZERO,
} from '../state.ts'
import { DYNAMIC, directCondition, type FlagKind, type FlagState, IN_MEMORY, kindNumber } from './flag-state.ts'
import { constant, FoldingBuilder } from './folding.ts'
import type { Instruction } from './graph.ts'
import { FLAG_A, FLAG_B, FLAG_R, FUEL, HOMES, KIND, LEAVE_CODE, LEAVE_EIP, LEAVE_LINK, LOCALS } from './locals.ts'
import { PageLookups } from './page-lookups.ts'

/** Helpers that neither read nor change registers or flags in the state. */
const PURE = new Set([
  'raise',
  'segCheck',
  'checkStore64',
  'checkPrivilege0',
  'checkProtected',
  'slowRead',
  'slowRead64',
  'slowWrite',
  'slowWrite64',
  'slowReadForWrite',
])
/** Helpers that work on registers alone, and bring the run loop nothing to look at. */
const REGISTERS_ONLY = new Set(['rdtsc', 'cpuid'])
/** Helpers that look at flags, or change them, and leave the registers alone. */
const FLAGS_ONLY = new Set(['pushfValue', 'popf', 'virtualIf'])

/** Helpers during which a port may take instructions off the budget (Engine.shorten). */
const SHORTENING = new Set(['ioIn', 'ioIn32', 'ioOut', 'ioOut32', 'ins', 'outs'])

const FLAT = new Set([SEG_ES, SEG_SS, SEG_DS].map(i => SEG + i * SEG_SIZE))
/** Label of the common way out. */
export const LEAVE = -1

const isHome = (e: Expr, n: number): boolean => e.k === 'local' && e.t === 'i32' && e.i === LOCALS.gpr + n

/** What is known at a point of the region. */
export interface Known {
  regs: Expr[]
  flags: FlagState
  /** Instructions that retired since FUEL was last brought up to date. */
  pending: number
  lookups: PageLookups
}

/** Lists that are filled when the region is complete. */
interface Later {
  readonly body: Stmt[]
  /** Registers to store, by their values at that point; null: load the homes that `homes` names. */
  readonly regs: readonly Expr[] | null
  readonly homes?: readonly boolean[]
}

export abstract class RegionBuilder extends FoldingBuilder {
  regs: Expr[] = [...HOMES]
  flagState: FlagState = IN_MEMORY
  pending = 0
  lookups: PageLookups
  /** The statements before are never left at their end. */
  dead = false
  readonly modified = new Set<number>()
  readonly later: Later[] = []
  protected readonly user: boolean
  readonly #mode: number
  /** Locals that are not 0. */
  readonly #present = new Set<number>()
  protected current!: Instruction
  /** A helper that may have done anything has been called by the current instruction. */
  #helped = false
  /** A helper is to find out in which order the current access's instruction fails. */
  #ordered = false

  constructor(user: boolean, mode: number) {
    super(4, '', true, true, false)
    this.temps = { i32: LOCALS.first, i64: 0, f32: 0, f64: 0, v128: 0 }
    this.user = user
    this.#mode = mode
    this.lookups = new PageLookups(user, e => this.most(e))
  }

  /* ---- where control goes: the region's shape is the emitter's business ---- */

  /** Control goes on at `eip`, all of the current instruction done. */
  protected abstract edge(eip: number): void
  /** A call has pushed its return address: what it calls, and where it comes back. */
  protected abstract callTo(target: Expr, back: number): void
  /** An indirect jump that is no call. */
  protected abstract jumpTo(target: Expr): void

  /** Translates an instruction; `last` of its block, it goes on by `edge` or leaves. */
  translate(i: Instruction, last: boolean): void {
    this.current = i
    this.size = i.size as Size
    this.form = i.form
    this.addr32 = i.addr32
    this.#helped = false
    if (i.probe !== 0) this.#count(i.probe, 1n)
    i.insn.semantics(this)
    if (this.dead) return
    this.pending++
    this.#attend(i.next)
    if (last) this.edge(i.next)
  }
  #count(probe: number, by: bigint): void {
    const one = { k: 'const', t: 'i64', v: by } as const
    this.store('64', c32(probe), bin('add', load('64', c32(probe)), one))
  }
  /** After a helper the loop may have to look at something. */
  #attend(next: number): void {
    if (!this.#helped) return
    this.lookups.forget()
    const look = this.or(this.word(ATTENTION), this.xor(this.word(MODE), this.#mode))
    this.fork(look, () => this.leave(REGION_LOOKUP, c32(next)))
  }

  /* ---- points ---- */

  known(): Known {
    return { regs: [...this.regs], flags: this.flagState, pending: this.pending, lookups: this.lookups.copy() }
  }
  restore(k: Known): void {
    this.regs = [...k.regs]
    this.flagState = k.flags
    this.pending = k.pending
    this.lookups = k.lookups
  }
  /** Everything is where every way to a merge puts it. */
  atMerge(rawFlags: boolean): void {
    this.regs = [...HOMES]
    this.flagState = rawFlags ? { kind: 'raw', size: 4, a: FLAG_A, b: c32(0), r: FLAG_R } : DYNAMIC
    this.pending = 0
    this.lookups = new PageLookups(this.user, e => this.most(e), this.lookups)
    this.dead = false
  }
  /** What has to be set for that, and `and` at the same time; `done`: instructions to charge. */
  protected settle(done: number, rawFlags: boolean, and: readonly [Expr & { k: 'local' }, Expr][] = []): void {
    const to = and.map(([l]) => l)
    const from = and.map(([, v]) => v)
    const put = (l: Expr & { k: 'local' }, v: Expr): void => {
      to.push(l)
      from.push(v)
    }
    for (const [n, v] of this.regs.entries()) if (!isHome(v, n)) put(HOMES[n], v)
    if (rawFlags) {
      const aux = this.lfAux()
      put(FLAG_R, this.lfResult())
      put(FLAG_A, aux)
      put(KIND, c32(kindNumber('raw', 4)))
    } else if (this.flagState.kind === 'memory') put(KIND, c32(0))
    else if (this.flagState.kind !== 'dynamic') {
      const { kind, size, a, b, r } = this.flagState
      put(KIND, c32(kindNumber(kind, size)))
      put(FLAG_R, r)
      if (kind !== 'logic') put(FLAG_A, a)
      if (kind === 'add' || kind === 'sub') put(FLAG_B, b)
    }
    if (done !== 0) put(FUEL, this.sub(FUEL, done))
    if (to.length > 0) this.body.push({ k: 'sets', to, from })
  }
  /** Leaves the region. All of the current instruction must be done, or none of it when `code` is not `lookup`. */
  leave(code: number, eip: Expr, link: Expr | number = 0): void {
    if (code !== REGION_LOOKUP && this.current.probe !== 0) this.#count(this.current.probe, -1n)
    const and: [Expr & { k: 'local' }, Expr][] = [[LEAVE_EIP, this.let(eip)]]
    if (code !== REGION_LOOKUP) and.push([LEAVE_CODE, c32(code)])
    if (link !== 0) and.push([LEAVE_LINK, typeof link === 'number' ? c32(link) : link])
    this.settle(this.pending, false, and)
    this.body.push({ k: 'br', id: LEAVE })
    this.dead = true
  }
  /** One way of two that do not come together again: what follows is the other. */
  fork(c: Expr, way: () => void): void {
    const before = this.known()
    const outer = this.body
    const yes: Stmt[] = []
    this.body = yes
    way()
    this.body = outer
    this.restore(before)
    this.dead = false
    outer.push({ k: 'if', c, yes, no: [] })
  }
  override exit(to: Exit): void {
    switch (to) {
      case 'fault':
        this.leave(REGION_FAULT, c32(this.current.eip))
        return
      case 'lookup':
        // A repeat that is not finished: done as an instruction, and due again.
        this.pending++
        this.leave(REGION_LOOKUP, c32(this.current.eip))
        this.pending--
        return
      default:
        throw new Error(`exit ${to} in a region`)
    }
  }

  /* ---- ways through an instruction ---- */

  override if(c: Expr, then: () => void, otherwise: () => void = () => {}): void {
    const n = c.k === 'local' && c.t === 'i32' && this.#present.has(c.i) ? 1 : constant(c)
    if (n !== null) {
      if (n !== 0) then()
      else otherwise()
      return
    }
    const outer = this.body
    const before = this.known()
    this.depth++
    const way = (f: () => void): { body: Stmt[]; after: Known; dead: boolean } => {
      this.restore({ ...before, lookups: before.lookups.copy() })
      this.dead = false
      const body: Stmt[] = []
      this.body = body
      f()
      this.lookups.close()
      return { body, after: this.known(), dead: this.dead }
    }
    const yes = way(then)
    const no = way(otherwise)
    this.depth--
    this.body = outer
    this.restore(before)
    this.dead = yes.dead && no.dead
    const alive = [yes, no].filter(w => !w.dead)
    if (alive.length === 1) {
      this.regs = alive[0].after.regs
      this.flagState = alive[0].after.flags
    } else if (alive.length === 2) this.#join(yes, no)
    outer.push({ k: 'if', c, yes: yes.body, no: no.body })
  }
  /** Values that differ at the ends of two ways get a local that both set. */
  #join(yes: { body: Stmt[]; after: Known }, no: { body: Stmt[]; after: Known }): void {
    const same = (a: Expr, b: Expr): boolean =>
      a === b ||
      (a.k === 'local' && b.k === 'local' && a.i === b.i) ||
      (constant(a) !== null && constant(a) === constant(b))
    const join = (a: Expr, b: Expr): Expr => {
      if (same(a, b)) return a
      const l = this.temp('i32')
      yes.body.push({ k: 'set', i: l.i, t: 'i32', v: a })
      no.body.push({ k: 'set', i: l.i, t: 'i32', v: b })
      return l
    }
    this.regs = yes.after.regs.map((v, n) => join(v, no.after.regs[n]))
    if (yes.after.flags === no.after.flags) {
      this.flagState = yes.after.flags
      return
    }
    const outer = this.body
    const raw = (way: { body: Stmt[]; after: Known }): [Expr, Expr] => {
      this.body = way.body
      this.flagState = way.after.flags
      return [this.let(this.lfResult()), this.let(this.lfAux())]
    }
    const [r1, a1] = raw(yes)
    const [r2, a2] = raw(no)
    this.body = outer
    this.flagState = { kind: 'raw', size: 4, r: join(r1, r2), a: join(a1, a2), b: c32(0) }
  }
  override doWhile(): never {
    throw new Error('no loops inside an instruction of a region')
  }

  /* ---- operands ---- */

  override gpr(at: number, size: Size = this.size): Expr {
    const v = this.regs[(at - GPR) >> 3]
    if (size === 4) return v
    if (size === 2) return this.zext(v, 2)
    return (at & 1) === 0 ? this.zext(v, 1) : this.and(this.shr(v, 8), 0xff)
  }
  override setGpr(at: number, v: Expr, size: Size = this.size): void {
    const n = (at - GPR) >> 3
    this.modified.add(n)
    const old = this.regs[n]
    if (size === 4) this.regs[n] = this.let(v)
    else if (size === 2) this.regs[n] = this.let(this.or(this.and(old, ~0xffff), this.zext(v, 2)))
    else if ((at & 1) === 0) this.regs[n] = this.let(this.or(this.and(old, ~0xff), this.zext(v, 1)))
    else this.regs[n] = this.let(this.or(this.and(old, ~0xff00), this.shl(this.zext(v, 1), 8)))
  }
  protected override regAddress(operand: number): Expr {
    return c32(operand === 0 ? this.current.a : this.current.b)
  }
  override reg(operand: number, size: Size = this.size): Expr {
    return this.gpr(operand === 0 ? this.current.a : this.current.b, size)
  }
  override setReg(operand: number, v: Expr, size: Size = this.size): void {
    this.setGpr(operand === 0 ? this.current.a : this.current.b, v, size)
  }
  override imm(): Expr {
    return c32(this.current.imm)
  }
  override extra(): Expr {
    return c32(this.current.extra)
  }
  override regFieldsAB(): Expr {
    return c32(this.current.a | (this.current.b << 16))
  }
  override ea(): Expr {
    const { base, index, scale, disp, ea16 } = this.current
    let at: Expr = c32(0)
    if (base !== ZERO) at = this.gpr(base, 4)
    if (index !== ZERO) at = this.add(this.shl(this.gpr(index, 4), scale), at)
    at = this.add(at, disp)
    return ea16 ? this.and(at, 0xffff) : at
  }
  override seg(): Expr {
    return c32(this.current.seg)
  }
  override eip(): Expr {
    return c32(this.current.eip)
  }
  override nextEip(): Expr {
    return c32(this.current.next)
  }
  override relTarget(): Expr {
    return c32(this.current.target)
  }

  /* ---- helpers ---- */

  /** Makes the state exact for a helper: registers and flags as far as it may look, EIP, instruction count. */
  override call(fn: string, ...args: Expr[]): Expr {
    const pure = PURE.has(fn)
    const flagsOnly = FLAGS_ONLY.has(fn)
    if (!pure) {
      if (!REGISTERS_ONLY.has(fn)) {
        this.#helped = true
        this.spillFlags()
      }
      if (!flagsOnly) this.spill()
    }
    this.setWord(EIP_BASE, c32(this.current.eip))
    this.setWord(BUDGET, this.sub(FUEL, this.pending))
    const result = this.let({ k: 'call', t: 'i32', fn, args })
    if (SHORTENING.has(fn)) this.set(FUEL, this.add(this.word(BUDGET), this.pending))
    if (!pure && !flagsOnly) this.reload()
    return result
  }
  /** A kernel touches registers of its own only, save that comparisons set flags. */
  override kernel(number: Expr, ...args: Expr[]): Expr {
    if (number.k !== 'const') throw new Error('a kernel without a number')
    const { insn, extra } = this.current
    if (insn.mnemonic === 'SIMD' && SIMD_OPS[extra].mnemonic.includes('COMI')) this.spillFlags()
    return this.let({ k: 'call', t: 'i32', fn: kernelName(Number(number.v)), args })
  }
  /** What generated code declines, the interpreter does. */
  override instead(): void {
    this.leave(REGION_DECLINE, c32(this.current.eip))
  }
  protected spill(): void {
    const body: Stmt[] = []
    this.later.push({ body, regs: [...this.regs] })
    this.body.push({ k: 'seq', body })
  }
  /**
   * Registers are read back. Whoever still holds a value that was made from a home must find the home as it was, so a
   * register that has moved away from its home gets a new local.
   */
  protected reload(): void {
    const body: Stmt[] = []
    const homes = this.regs.map((v, n) => isHome(v, n))
    this.later.push({ body, regs: null, homes })
    this.body.push({ k: 'seq', body })
    for (const [n, home] of homes.entries()) if (!home) this.regs[n] = super.let(this.word(GPR + n * 8))
    this.lookups.forget()
  }
  protected spillFlags(): void {
    if (this.flagState.kind === 'memory') return
    if (this.flagState.kind === 'dynamic') this.storeDynamicFlags()
    else {
      const result = this.lfResult()
      const aux = this.lfAux()
      this.setWord(LF_RESULT, result)
      this.setWord(LF_AUX, aux)
    }
    this.flagState = IN_MEMORY
  }
  /** Stores flags that are described by the four locals. */
  protected abstract storeDynamicFlags(): void

  /* ---- memory ---- */

  override linear(size: number, ea: Expr, seg: Expr, write: boolean): Expr {
    return this.isFlat(seg) ? ea : super.linear(size, ea, seg, write)
  }
  protected override access(
    size: number,
    ea: Expr,
    seg: Expr,
    write: boolean,
    fast: (host: Expr, off: number) => void,
  ): Expr {
    const lin = this.linear(size, ea, seg, write)
    fast(this.#host(size, lin, write), 3)
    return lin
  }
  protected override isHostAddress(e: Expr): boolean {
    return this.lookups.isHost(e)
  }
  protected override isFlat(seg: Expr): boolean {
    const at = constant(seg)
    return at !== null && FLAT.has(at)
  }
  override direct(size: Expr | number, ea: Expr, seg: Expr, write: boolean): Expr {
    this.#ordered = true
    const host = super.direct(size, ea, seg, write)
    this.#ordered = false
    // A page that is not there has left the region already.
    if (typeof size === 'number' && this.isFlat(seg) && host.k === 'local') this.#present.add(host.i)
    return host
  }
  #host(size: number, lin: Expr, write: boolean): Expr {
    return this.lookups.find(this, size, lin, write, size <= 4 && !this.#ordered, () => {
      const outer = this.body
      const pending = this.dead
      const body: Stmt[] = []
      this.body = body
      this.leave(REGION_DECLINE, c32(this.current.eip))
      this.body = outer
      this.dead = pending
      return body
    })
  }
  override readForWrite(size: Size, ea: Expr, seg: Expr): { v: Expr; host: Expr; lin: Expr } {
    const lin = this.linear(size, ea, seg, true)
    const host = this.#host(size, lin, true)
    return { v: this.let(load(size === 1 ? '8u' : size === 2 ? '16u' : '32', host, 3)), host, lin }
  }
  override writeBack(rmw: { host: Expr; lin: Expr }, v: Expr): void {
    this.store(this.size === 1 ? '8' : this.size === 2 ? '16' : '32', rmw.host, v, 3)
  }

  /* ---- flags ---- */

  #set(kind: FlagKind, a: Expr, b: Expr, r: Expr): void {
    this.flagState = { kind, size: this.size, a: this.let(a), b: this.let(b), r: this.let(r) }
  }
  override setFlags(result: Expr, aux: Expr): void {
    this.#set('raw', aux, c32(0), result)
  }
  override flagsAdd(a: Expr, b: Expr, r: Expr, carried = false): void {
    if (carried) super.flagsAdd(a, b, r)
    else this.#set('add', a, b, r)
  }
  override flagsSub(a: Expr, b: Expr, r: Expr, borrowed = false): void {
    if (borrowed) super.flagsSub(a, b, r)
    else this.#set('sub', a, b, r)
  }
  override flagsLogic(r: Expr): void {
    this.#set('logic', c32(0), c32(0), r)
  }
  override flagsStep(_a: Expr, r: Expr, delta: 1 | -1): void {
    this.#set(delta === 1 ? 'inc' : 'dec', this.cf(), c32(0), r)
  }
  override setCarryOverflow(cf: Expr, of: Expr): void {
    const c = this.let(cf)
    const bits = this.or(this.shl(c, 31), this.shl(this.xor(c, of), 30))
    const result = this.lfResult()
    this.setFlags(result, this.or(this.and(this.lfAux(), 0x3fffffff), bits))
  }
  override lfResult(): Expr {
    const s = this.flagState
    if (s.kind === 'dynamic') {
      this.spillFlags()
      return this.lfResult()
    }
    if (s.kind === 'memory') return this.let(this.word(LF_RESULT))
    return s.kind === 'raw' ? s.r : this.ext(s.r, s.size)
  }
  override lfAux(): Expr {
    const s = this.flagState
    switch (s.kind) {
      case 'dynamic':
        this.spillFlags()
        return this.lfAux()
      case 'memory':
        return this.let(this.word(LF_AUX))
      default:
        return this.auxOf(s.kind, s.size, s.a, s.b, s.r)
    }
  }
  /** LF_AUX of a description. */
  protected auxOf(kind: FlagKind, size: Size, a: Expr, b: Expr, r: Expr): Expr {
    switch (kind) {
      case 'raw':
        return a
      case 'logic':
        return c32(0)
      case 'add':
        return this.carries(this.or(this.and(a, b), this.and(this.or(a, b), this.not(r))), size)
      case 'sub':
        return this.carries(this.or(this.and(this.not(a), b), this.and(this.not(this.xor(a, b)), r)), size)
      default: {
        const min = size === 1 ? -0x80 : size === 2 ? -0x8000 : 0x80000000 | 0
        const v = this.ext(r, size)
        const of = this.cmp('eq', v, kind === 'inc' ? min : -min - 1)
        const before = kind === 'inc' ? this.sub(r, 1) : this.add(r, 1)
        const af = this.shr(this.and(this.xor(before, r), 0x10), 1)
        return this.or(this.or(this.shl(a, 31), this.shl(this.xor(a, of), 30)), af)
      }
    }
  }
  override cf(): Expr {
    const s = this.flagState
    if (s.kind === 'inc' || s.kind === 'dec') return s.a
    return directCondition(this, s, 2) ?? super.cf()
  }
  override zf(): Expr {
    return directCondition(this, this.flagState, 4) ?? super.zf()
  }
  override sf(): Expr {
    return directCondition(this, this.flagState, 8) ?? super.sf()
  }
  override cond(cc: number): Expr {
    return directCondition(this, this.flagState, cc) ?? super.cond(cc)
  }

  /* ---- control flow ---- */

  override checkTarget(): void {
    // Regions are made only where the code segment spans 4 GB.
  }
  override jump(target: Expr): void {
    this.pending++
    this.leave(REGION_LOOKUP, target)
  }
  override branch(_link?: number, target: Expr = this.relTarget()): void {
    if (this.current.leaf !== null) return
    this.pending++
    if (this.current.insn.mnemonic === 'CALL') this.callTo(target, this.current.next)
    else this.edge(Number((target as Expr & { k: 'const' }).v) >>> 0)
    this.dead = true
  }
  override branchIf(condition: Expr): void {
    this.pending++
    const { target, next } = this.current
    const n = constant(condition)
    if (n === null) {
      this.fork(condition, () => this.edge(target))
      this.edge(next)
    } else this.edge(n !== 0 ? target : next)
    this.dead = true
  }
  override jumpIndirect(target: Expr): void {
    const to = this.let(target)
    const { leaf, seen, next } = this.current
    if (leaf !== null) {
      this.fork(this.cmp('ne', to, seen | 0), () => {
        this.pending++
        this.callTo(to, next)
      })
      return
    }
    this.pending++
    if (this.current.insn.mnemonic === 'CALLN') this.callTo(to, this.current.next)
    else this.jumpTo(to)
    this.dead = true
  }
  override endBlock(): void {
    this.pending++
    this.#attend(this.current.next)
    this.edge(this.current.next)
    this.dead = true
  }
  override resume(): void {
    this.#helped = true
  }
  override resumeIn(): void {
    this.#helped = true
  }
  override transferred(): void {
    this.pending++
    this.leave(REGION_LOOKUP, this.word(EIP))
  }
}
