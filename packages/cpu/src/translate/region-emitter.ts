/**
 * A region as one function of structured code: an entrance that checks whether the region may be entered, the blocks in
 * the order that structure.ts found, and one way out that puts everything back into the state.
 */
import { BLK_TOTAL, BLOCK_HEADER, REC_OFF } from '../decode/record.ts'
import { REGION_BLOCK } from '../interp/blocks.ts'
import { itlbTag, REGION_ALIAS, REGION_DECLINE, REGION_LOOKUP } from '../interp/lookup.ts'
import { c32, type Expr, load, type Stmt } from '../ir/ir.ts'
import {
  BUDGET,
  CUR_BLOCK,
  CUR_RECORD,
  EIP,
  EIP_BASE,
  GPR,
  ITLB,
  ITLB_ENTRIES,
  LF_AUX,
  LF_RESULT,
  RECORDS,
  REGION_JUMP_BITS,
  REGION_JUMP_ENTRIES,
  REGION_JUMPS,
  TLB_READ,
  TLB_SUPERVISOR_READ,
  TLB_USER_READ,
} from '../state.ts'
import { kindOf } from './flag-state.ts'
import { blocksThatNeedFlags } from './flag-use.ts'
import type { BasicBlock, Graph } from './graph.ts'
import { DEPTH, FLAG_A, FLAG_B, FLAG_R, FUEL, HOMES, KIND, LEAVE_CODE, LEAVE_EIP, LEAVE_LINK, PARAM } from './locals.ts'
import { LEAVE, RegionBuilder } from './region-builder.ts'
import { type Node, structure } from './structure.ts'

/** As LEAVE_LINK: the region at LEAVE_EIP is to be looked up. */
const LOOK_UP = 1

/** Regions deep in one another by guest calls at most: beyond, a call is a jump and its return a look-up. */
const MOST_DEPTH = 120

/** Where a region finds others. */
export interface Links {
  /** Address of the word that holds the slot of the region at `eip`, 0 while there is none. */
  word(eip: number): number
  /** What else than EIP has to agree in an entry of REGION_JUMPS. */
  readonly key: number
  /** WebAssembly here has tail calls. */
  readonly tailCalls: boolean
}

export class RegionEmitter extends RegionBuilder {
  readonly #graph: Graph
  readonly #links: Links
  readonly #nodes: Node[]
  readonly #places: Map<number, number>
  readonly #needFlags: ReadonlySet<number>
  /** Longest way, in instructions, from the start of each block to where FUEL is looked at again. */
  readonly #need: number[]
  #at = 0

  constructor(graph: Graph, user: boolean, links: Links) {
    super(user, graph.mode)
    this.#graph = graph
    this.#links = links
    const edges = new Map([...graph.blocks].map(([eip, b]) => [eip, b.successors]))
    this.#nodes = structure(graph.eip, edges)
    this.#places = new Map(this.#nodes.map(n => [n.eip, n.order]))
    this.#needFlags = blocksThatNeedFlags(graph.blocks)
    this.#need = this.#longestWays()
  }

  /** All statements of the function. */
  emit(): Stmt[] {
    const head = this.#nodes[0]
    const tree = this.#collect(() => {
      if (head.loop) this.atMerge(false)
      this.#tree(head)
    })
    this.lookups.closeAll()
    const out = this.#collect(() => this.#leave())
    const body = this.#collect(() => {
      this.#enter()
      this.body.push({ k: 'block', id: LEAVE, body: tree })
      this.body.push({ k: 'seq', body: out })
    })
    this.#fillLater(body)
    return body
  }

  #collect(f: () => void): Stmt[] {
    const outer = this.body
    const body: Stmt[] = []
    this.body = body
    f()
    this.body = outer
    return body
  }
  #block(n: Node): BasicBlock {
    return this.#graph.blocks.get(n.eip) as BasicBlock
  }
  #rawFlags(n: Node): boolean {
    return (n.loop || n.merge) && n.order > 0 && this.#needFlags.has(n.eip)
  }

  #longestWays(): number[] {
    const need: number[] = []
    for (let at = this.#nodes.length - 1; at >= 0; at--) {
      const n = this.#nodes[at]
      let most = 0
      const { code } = this.#block(n)
      const call = code.at(-1)?.insn.mnemonic.startsWith('CALL')
      // Loop heads look for themselves, and so does the return from a call.
      for (const to of n.successors) if (to > at && !this.#nodes[to].loop && !call) most = Math.max(most, need[to])
      need[at] = code.length + most
    }
    return need
  }

  /* ---- the entrance ---- */

  #enter(): void {
    const { eip, pages } = this.#graph
    const instructions = this.#headCount
    this.set(FUEL, this.word(BUDGET))
    this.if(this.cmp('ge_u', PARAM, RECORDS), () => {
      // From a block of records: its instructions have been charged already.
      this.set(FUEL, this.add(FUEL, load('32', this.sub(PARAM, BLOCK_HEADER - BLK_TOTAL))))
      const elsewhere = this.xor(this.word(EIP_BASE), this.sub(c32(eip), load('16u', PARAM, REC_OFF)))
      const table = this.user ? TLB_USER_READ : TLB_SUPERVISOR_READ
      this.if(this.or(elsewhere, this.xor(this.word(TLB_READ), table)), () => {
        this.setWord(BUDGET, FUEL)
        this.body.push({ k: 'return', v: c32(REGION_ALIAS) })
      })
      this.setWord(CUR_BLOCK, c32(REGION_BLOCK))
      this.setWord(CUR_RECORD, c32(REGION_BLOCK + BLOCK_HEADER))
      this.set(PARAM, c32(0))
    })
    this.set(DEPTH, PARAM)
    let wrong: Expr = this.cmp('lt_s', FUEL, instructions)
    for (const [linear, physical] of pages) {
      const slot = ITLB + ((linear >>> 12) & (ITLB_ENTRIES - 1)) * 8
      const tag = itlbTag(linear, this.user) | 0
      const differs = this.or(this.xor(this.word(slot), tag), this.xor(this.word(slot + 4), physical))
      wrong = this.or(wrong, differs)
    }
    this.if(wrong, () => {
      this.setWord(EIP, c32(eip))
      this.setWord(BUDGET, FUEL)
      this.body.push({ k: 'return', v: c32(REGION_DECLINE) })
    })
    this.#reloadHere()
  }
  get #headCount(): number {
    return this.#need[0]
  }
  #reloadHere(): void {
    const body: Stmt[] = []
    this.later.push({ body, regs: null })
    this.body.push({ k: 'seq', body })
  }

  /* ---- the way out ---- */

  #leave(): void {
    this.atMerge(false)
    this.spill()
    this.storeDynamicFlags()
    this.setWord(BUDGET, FUEL)
    this.setWord(EIP, LEAVE_EIP)
    this.setWord(EIP_BASE, LEAVE_EIP)
    if (this.#links.tailCalls) {
      this.if(LEAVE_LINK, () => {
        const slot = this.temp('i32')
        this.if(
          this.cmp('eq', LEAVE_LINK, LOOK_UP),
          () => this.set(slot, this.#regionAt(LEAVE_EIP)),
          () => this.set(slot, load('32', LEAVE_LINK)),
        )
        this.if(slot, () => this.body.push({ k: 'tail', slot, arg: DEPTH }))
        this.body.push({ k: 'return', v: c32(REGION_LOOKUP) })
      })
    }
    this.body.push({ k: 'return', v: this.select(LEAVE_CODE, LEAVE_CODE, c32(REGION_LOOKUP)) })
  }
  protected override storeDynamicFlags(): void {
    const body: Stmt[] = []
    this.#flagSwitches.push(body)
    this.body.push({ k: 'seq', body })
  }
  readonly #flagSwitches: Stmt[][] = []

  /* ---- blocks ---- */

  #tree(n: Node): void {
    if (!n.loop) {
      this.#within(n, n.merges)
      return
    }
    const body = this.#collect(() => {
      if (this.#need[n.order] > 0) {
        this.current = this.#block(n).code[0] ?? this.current
        const eip = n.eip < 0 ? LEAVE_EIP : c32(n.eip)
        this.fork(this.cmp('lt_s', FUEL, this.#need[n.order]), () => this.leave(REGION_LOOKUP, eip))
      }
      this.#within(n, n.merges)
    })
    this.body.push({ k: 'loop', id: n.order * 2 + 1, body })
  }
  #within(n: Node, merges: readonly number[]): void {
    if (merges.length === 0) {
      this.#code(n)
      return
    }
    const [last, ...rest] = merges
    const body = this.#collect(() => this.#within(n, rest))
    this.body.push({ k: 'block', id: last * 2, body })
    const merge = this.#nodes[last]
    this.atMerge(this.#rawFlags(merge))
    this.#tree(merge)
  }
  #code(n: Node): void {
    const outer = this.#at
    this.#at = n.order
    const { code, successors } = this.#block(n)
    if (n.eip < 0) this.#part(successors)
    for (const [k, i] of code.entries()) {
      this.translate(i, k === code.length - 1)
      if (this.dead) break
    }
    this.#at = outer
  }

  protected override edge(eip: number): void {
    const from = this.#at
    const place = this.#places.get(eip)
    const to = place === undefined || !this.#nodes[from].successors.includes(place) ? null : this.#nodes[place]
    this.lookups.close()
    if (to === null) {
      this.leave(REGION_LOOKUP, c32(eip), this.#links.word(eip))
      return
    }
    if (to.order <= from || to.merge || to.loop) {
      this.settle(this.pending, this.#rawFlags(to))
      this.pending = 0
      if (to.order <= from) this.body.push({ k: 'br', id: to.order * 2 + 1 })
      else if (to.merge) this.body.push({ k: 'br', id: to.order * 2 })
      else {
        this.atMerge(this.#rawFlags(to))
        this.#tree(to)
      }
    } else this.#tree(to)
    this.dead = true
  }

  /** Goes on at that of `targets`, in ascending order, which LEAVE_EIP is. */
  #part(targets: readonly number[]): void {
    const [middle] = targets.slice(targets.length >> 1)
    if (targets.length > 1) {
      const below = this.cmp('lt_u', LEAVE_EIP, middle | 0)
      this.fork(below, () => this.#part(targets.slice(0, targets.length >> 1)))
      this.#part(targets.slice(targets.length >> 1))
      return
    }
    this.fork(this.cmp('eq', LEAVE_EIP, middle | 0), () => this.edge(middle))
    this.leave(REGION_LOOKUP, LEAVE_EIP, LOOK_UP)
  }

  protected override jumpTo(target: Expr): void {
    this.lookups.close()
    const { dispatch, back } = this.current
    if (back !== 0) {
      this.fork(this.cmp('ne', target, back | 0), () => this.leave(REGION_LOOKUP, target, LOOK_UP))
      this.edge(back)
      return
    }
    if (dispatch !== 0) {
      this.set(LEAVE_EIP, target)
      this.edge(dispatch)
      return
    }
    // A return goes back to the region that called this one, if one did.
    const link = this.current.insn.mnemonic === 'RET' ? this.eqz(DEPTH) : LOOK_UP
    this.leave(REGION_LOOKUP, target, link)
  }

  /** Slot of the region at `eip`, 0 when none is known. */
  #regionAt(eip: Expr): Expr {
    const hash = this.and(this.xor(eip, this.shr(eip, REGION_JUMP_BITS)), REGION_JUMP_ENTRIES - 1)
    const entry = this.let(this.shl(hash, 4))
    const wrong = this.or(
      this.xor(load('32', entry, REGION_JUMPS), eip),
      this.xor(load('32', entry, REGION_JUMPS + 4), this.#links.key),
    )
    return this.select(wrong, c32(0), load('32', entry, REGION_JUMPS + 8))
  }

  protected override callTo(target: Expr, back: number): void {
    this.lookups.close()
    const { leaf, seen } = this.current
    const known = target.k === 'const' ? Number(target.v) >>> 0 : leaf === null ? seen : 0
    this.spillFlags()
    this.spill()
    this.setWord(BUDGET, this.sub(FUEL, this.pending))
    this.setWord(EIP, target)
    this.setWord(EIP_BASE, target)
    const linked = (): Expr => load('32', c32(this.#links.word(known)))
    const slot = this.temp('i32')
    if (target.k === 'const') this.set(slot, linked())
    else if (known === 0) this.set(slot, this.#regionAt(target))
    else
      this.if(
        this.cmp('eq', target, known),
        () => this.set(slot, linked()),
        () => this.set(slot, this.#regionAt(target)),
      )
    const giveUp = (): void => void this.body.push({ k: 'return', v: c32(REGION_LOOKUP) })
    this.fork(this.eqz(slot), giveUp)
    this.fork(this.cmp('gt_u', DEPTH, MOST_DEPTH), () => {
      if (this.#links.tailCalls) this.body.push({ k: 'tail', slot, arg: DEPTH })
      else giveUp()
    })
    const code = this.let({ k: 'indirect', t: 'i32', slot, arg: this.add(DEPTH, 1) })
    const elsewhere = this.or(this.xor(code, REGION_LOOKUP), this.xor(this.word(EIP), back))
    this.fork(elsewhere, () => this.body.push({ k: 'return', v: code }))
    const place = this.#places.get(back)
    const successor = place !== undefined && this.#nodes[this.#at].successors.includes(place)
    if (!successor) {
      giveUp()
      this.dead = true
      return
    }
    this.set(FUEL, this.word(BUDGET))
    this.pending = 0
    this.fork(this.cmp('lt_s', FUEL, this.#need[place as number]), giveUp)
    this.reload()
    this.edge(back)
  }

  /* ---- what is known only at the end ---- */

  #fillLater(body: readonly Stmt[]): void {
    const modified = [...this.modified].sort((a, b) => a - b)
    for (const l of this.later) {
      if (l.regs === null) continue
      for (const n of modified) {
        l.body.push({ k: 'store', w: '32', addr: c32(GPR + n * 8), off: 0, v: l.regs[n] })
      }
    }
    const used = new Set<number>()
    const kinds = new Set<number>()
    scan(body, used, kinds)
    for (const list of this.#flagSwitches) this.#switchFlags(list, kinds)
    for (const l of this.later) {
      if (l.regs !== null) continue
      for (const [n, l2] of HOMES.entries()) {
        if (used.has(l2.i) && (l.homes?.[n] ?? true))
          l.body.push({ k: 'set', i: l2.i, t: 'i32', v: load('32', c32(GPR + n * 8)) })
      }
    }
  }
  /** Flags by the description that the kind local names, into the state. */
  #switchFlags(list: Stmt[], kinds: ReadonlySet<number>): void {
    const outer = this.body
    this.body = list
    this.dead = false
    for (const number of kinds) {
      if (number === 0) continue
      const { kind, size } = kindOf(number)
      const store: Stmt[] = []
      this.body = store
      this.setWord(LF_AUX, this.auxOf(kind, size, FLAG_A, FLAG_B, FLAG_R))
      this.setWord(LF_RESULT, kind === 'raw' ? FLAG_R : this.ext(FLAG_R, size))
      list.push({ k: 'if', c: this.cmp('eq', KIND, number), yes: store, no: [] })
    }
    this.body = outer
  }
}

/** Homes that are read or set, and kinds of flags that occur. */
function scan(stmts: readonly Stmt[], used: Set<number>, kinds: Set<number>): void {
  const expr = (e: Expr): void => {
    switch (e.k) {
      case 'local':
        if (e.t === 'i32') used.add(e.i)
        return
      case 'bin':
      case 'cmp':
        expr(e.a)
        expr(e.b)
        return
      case 'un':
        expr(e.a)
        return
      case 'load':
        expr(e.addr)
        return
      case 'select':
        expr(e.c)
        expr(e.a)
        expr(e.b)
        return
      case 'call':
      case 'wide':
        for (const a of e.args) expr(a)
        return
      case 'indirect':
        expr(e.slot)
        expr(e.arg)
    }
  }
  for (const s of stmts) {
    switch (s.k) {
      case 'set':
        expr(s.v)
        break
      case 'store':
        expr(s.addr)
        expr(s.v)
        break
      case 'if':
        expr(s.c)
        scan(s.yes, used, kinds)
        scan(s.no, used, kinds)
        break
      case 'do':
        scan(s.body, used, kinds)
        expr(s.while)
        break
      case 'seq':
      case 'block':
      case 'loop':
        scan(s.body, used, kinds)
        break
      case 'sets':
        for (const [k, l] of s.to.entries()) {
          const v = s.from[k]
          expr(v)
          if (l.i === KIND.i && v.k === 'const') kinds.add(Number(v.v))
        }
        break
      case 'eval':
      case 'return':
        expr(s.v)
        break
      case 'tail':
        expr(s.slot)
        expr(s.arg)
    }
  }
}
