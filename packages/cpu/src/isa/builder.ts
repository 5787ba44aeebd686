/**
 * The builder against which every instruction's meaning is written, once. It speaks of operands (operands.ts), flags, guest
 * memory and control flow; this class lets them stand for fields of a decoded record (the interpreters). The translator makes
 * its own by overriding the operand, register and flag accessors.
 */
import { BLK_COUNT, BLK_PHYS, REC_LINK, REC_LINK2, REC_LINKABLE } from '../decode/record.ts'
import { c32, cmp, type Expr, load, un } from '../ir/ir.ts'
import {
  ATTENTION,
  CPL,
  EIP,
  EIP_BASE,
  ESP,
  ITLB,
  ITLB_ENTRIES,
  LF_AUX,
  LF_RESULT,
  MODE,
  SEG,
  SEG_BASE,
  SEG_CS,
  SEG_LIMIT,
  SEG_SIZE,
  SEG_SS,
  SHADOW,
} from '../state.ts'
import type { Size } from './emitter.ts'
import { LOCAL_BLOCK, LOCAL_LINK, OperandBuilder, REC } from './operands.ts'

export type { Size } from './emitter.ts'
export { kernelName, LOCAL_BLOCK, LOCAL_LINK, LOCAL_REC, LOCAL_RESULT } from './operands.ts'

const LINK: Expr = { k: 'local', t: 'i32', i: LOCAL_LINK }
const segState = (index: number): Expr => c32(SEG + index * SEG_SIZE)

export class Builder extends OperandBuilder {
  /**
   * A builder for the instruction that follows in the next record, in the same handler: it goes on in this one's body
   * and locals, and knows the flags that this one has set.
   */
  follow(size: Size, form: string, stack32: boolean, addr32: boolean, flat: boolean, at: number): Builder {
    const next = new Builder(size, form, stack32, addr32, flat)
    next.at = at
    next.body = this.body
    next.temps = this.temps
    next.flags = this.flags
    return next
  }

  /* ---- stack ---- */

  ss(): Expr {
    return segState(SEG_SS)
  }
  /** ESP after adding `delta` within the stack's address width, and the offset it stands for. */
  stackAt(esp: Expr, delta: number): { esp: Expr; offset: Expr } {
    const moved = this.let(this.add(esp, delta))
    if (this.stack32) return { esp: moved, offset: moved }
    const offset = this.let(this.and(moved, 0xffff))
    return { esp: this.let(this.or(this.and(esp, ~0xffff), offset)), offset }
  }
  push(v: Expr, size: Size = this.size): void {
    const at = this.stackAt(this.let(this.gpr(ESP, 4)), -size)
    this.writeMem(size, at.offset, this.ss(), v)
    this.setGpr(ESP, at.esp, 4)
  }
  /** Value on top of the stack and ESP after it is gone; the caller commits ESP. */
  top(size: Size = this.size): { v: Expr; esp: Expr } {
    const esp = this.let(this.gpr(ESP, 4))
    const v = this.readMem(size, this.stack32 ? esp : this.and(esp, 0xffff), this.ss())
    return { v, esp: this.stackAt(esp, size).esp }
  }

  /* ---- flags (see state.ts for the encoding) ---- */

  lfResult(): Expr {
    return this.flags?.result ?? this.word(LF_RESULT)
  }
  lfAux(): Expr {
    return this.flags?.aux ?? this.word(LF_AUX)
  }
  setFlags(result: Expr, aux: Expr): void {
    const flags = { result: this.let(result), aux: this.let(aux) }
    this.setWord(LF_RESULT, flags.result)
    this.setWord(LF_AUX, flags.aux)
    this.flags = this.depth === 0 ? flags : null
  }
  /** Aux word from a carry vector: bit i is the carry out of bit i. */
  carries(cv: Expr, size: Size = this.size): Expr {
    if (size === 4) return this.and(cv, 0xc0000008 | 0)
    const v = this.let(cv)
    return this.or(this.and(this.shl(v, 32 - size * 8), 0xc0000000 | 0), this.and(v, 8))
  }
  /** Flags of r = a + b; `carried`: with a carry added too. */
  flagsAdd(a: Expr, b: Expr, r: Expr, _carried = false): void {
    const cv = this.or(this.and(a, b), this.and(this.or(a, b), this.not(r)))
    this.setFlags(this.ext(r), this.carries(cv))
  }
  /** Flags of r = a - b; `borrowed`: with a borrow taken off too. */
  flagsSub(a: Expr, b: Expr, r: Expr, _borrowed = false): void {
    const bv = this.or(this.and(this.not(a), b), this.and(this.not(this.xor(a, b)), r))
    this.setFlags(this.ext(r), this.carries(bv))
  }
  /** Flags of r = a + delta (r sign-extended) as INC and DEC leave them: CF stays. */
  flagsStep(a: Expr, r: Expr, delta: 1 | -1): void {
    const min = this.size === 1 ? -0x80 : this.size === 2 ? -0x8000 : 0x80000000 | 0
    const of = this.let(this.cmp('eq', r, delta === 1 ? min : -min - 1))
    const cf = this.let(this.cf())
    const af = this.shr(this.and(this.xor(a, r), 0x10), 1)
    this.setFlags(r, this.or(this.or(this.shl(cf, 31), this.shl(this.xor(cf, of), 30)), af))
  }
  flagsLogic(r: Expr): void {
    this.setFlags(this.ext(r), c32(0))
  }
  /** Replaces CF and OF (each an i32 0 or 1), leaving the others. */
  setCarryOverflow(cf: Expr, of: Expr): void {
    const c = this.let(cf)
    const bits = this.or(this.shl(c, 31), this.shl(this.xor(c, of), 30))
    const aux = this.let(this.or(this.and(this.lfAux(), 0x3fffffff), bits))
    this.setWord(LF_AUX, aux)
    this.flags = this.depth === 0 && this.flags ? { ...this.flags, aux } : null
  }
  cf(): Expr {
    return this.shr(this.lfAux(), 31)
  }
  of(): Expr {
    const aux = this.let(this.lfAux())
    return this.and(this.shr(this.xor(aux, this.shl(aux, 1)), 31), 1)
  }
  zf(): Expr {
    return this.eqz(this.lfResult())
  }
  sf(): Expr {
    return this.xor(this.shr(this.lfResult(), 31), this.and(this.lfAux(), 1))
  }
  pf(): Expr {
    const byte = this.and(this.xor(this.lfResult(), this.shr(this.lfAux(), 8)), 0xff)
    return this.eqz(this.and(un('popcnt', byte), 1))
  }
  af(): Expr {
    return this.and(this.shr(this.lfAux(), 3), 1)
  }
  /** Condition code 0–15 as in Jcc, SETcc, CMOVcc: an i32 that is non-zero when it holds. */
  cond(cc: number): Expr {
    const test = ((): Expr => {
      switch (cc >> 1) {
        case 0:
          return this.of()
        case 1:
          return this.cf()
        case 2:
          return this.zf()
        case 3:
          return this.or(this.cf(), this.zf())
        case 4:
          return this.sf()
        case 5:
          return this.pf()
        case 6:
          return this.xor(this.sf(), this.of())
        default:
          return this.or(this.zf(), this.xor(this.sf(), this.of()))
      }
    })()
    return cc & 1 ? this.eqz(test) : test
  }

  /* ---- control flow ---- */

  /** To a new EIP in the same code segment; beyond its limit is #GP(0). */
  jump(target: Expr): void {
    const to = this.let(target)
    this.if(cmp('gt_u', to, load('32', segState(SEG_CS), SEG_LIMIT)), () => this.raise(13, 0))
    this.setWord(EIP, to)
    this.exit('lookup')
  }
  /** Throws #GP(0) if a jump there would. Used where something must be committed before the jump. */
  checkTarget(to: Expr): void {
    this.if(cmp('gt_u', to, load('32', segState(SEG_CS), SEG_LIMIT)), () => this.raise(13, 0))
  }
  /** Target of a relative branch. */
  relTarget(): Expr {
    const to = this.add(this.word(EIP_BASE), this.imm())
    return this.size === 2 ? this.and(to, 0xffff) : to
  }
  /**
   * A direct branch: by its link when it has one. `permission` is the REC_LINKABLE bit of a target in the same page;
   * shifted left by two, that of a target in another.
   */
  branch(link: number = REC_LINK, target: Expr = this.relTarget(), permission = 1): void {
    const known = this.let(this.field('32', link))
    const linkable = this.let(this.field('8u', REC_LINKABLE))
    this.if(known, () => {
      this.if(load('32', known, BLK_COUNT), () => {
        this.if(this.and(linkable, permission), () => this.enter(known))
        this.enterElsewhere(known, this.let(target))
      })
    })
    const may = this.and(linkable, permission * 5)
    this.set(LINK, this.select(may, this.add(REC, link + this.at), c32(0)))
    this.jump(target)
  }
  /**
   * An indirect jump. The record remembers the last target and its block (REC_LINK, REC_LINK2), where these fields are
   * free: a memory operand that needs its segment has that in their place.
   */
  jumpIndirect(target: Expr): void {
    const to = this.let(target)
    if (!this.form.includes('m') || this.flat) {
      const known = this.let(this.field('32', REC_LINK2))
      this.if(this.and(cmp('eq', this.field('32', REC_LINK), to), this.bool(known)), () => {
        this.if(load('32', known, BLK_COUNT), () => this.enterElsewhere(known, to))
      })
      this.if(this.field('8u', REC_LINKABLE), () => {
        this.store('32', REC, to, REC_LINK + this.at)
        this.store('32', REC, c32(0), REC_LINK2 + this.at)
        this.set(LINK, this.add(REC, REC_LINK2 + this.at))
      })
    }
    this.jump(to)
  }
  protected enter(block: Expr): void {
    this.set({ k: 'local', t: 'i32', i: LOCAL_BLOCK }, block)
    this.exit('enter')
  }
  /** Enters a block at `to` known from before, if the instruction TLB still maps its page there. */
  protected enterElsewhere(block: Expr, to: Expr): void {
    const lin = this.let(this.add(to, this.word(SEG + SEG_CS * SEG_SIZE + SEG_BASE)))
    const { tag, physical } = this.itlb(lin)
    const moved = this.xor(load('32', block, BLK_PHYS), this.or(physical, this.and(lin, 0xfff)))
    this.if(this.eqz(this.or(tag, moved)), () => {
      this.setWord(EIP_BASE, this.sub(to, this.and(lin, 0xfff)))
      this.enter(block)
    })
  }
  /**
   * The instruction TLB's answer for the page of `lin` at the current level: `tag` is 0 when it has one, `physical` is
   * the physical page. Its words are at `slot`, and the first is to be `wanted`.
   */
  itlb(lin: Expr): { tag: Expr; physical: Expr; slot: Expr; wanted: Expr } {
    const user = this.shl(cmp('eq', this.word(CPL), c32(3)), 1)
    const slot = this.let(this.add(this.shl(this.and(this.shr(lin, 12), ITLB_ENTRIES - 1), 3), ITLB))
    const wanted = this.or(this.or(this.and(lin, ~0xfff), 1), user)
    return { tag: this.xor(load('32', slot), wanted), physical: load('32', slot, 4), slot, wanted }
  }
  branchIf(condition: Expr): void {
    this.if(condition, () => this.branch())
    this.fallThrough()
  }
  /** Ends a conditional branch that is not taken: a 16-bit operand size cuts only the targets of taken ones. */
  fallThrough(): void {
    this.branch(REC_LINK2, this.nextEip(), 2)
  }
  /** The instruction is done and the block with it: what follows is looked up afresh. */
  endBlock(): void {
    this.setWord(EIP, this.nextEip())
    this.exit('lookup')
  }
  /** The instruction is done; what follows comes next unless the run loop wants to look. For `resumes` instructions. */
  resume(): void {
    this.if(this.word(ATTENTION), () => this.endBlock())
  }
  /** The same for one that may have changed what is decoded: `mode` is MODE as it was. */
  resumeIn(mode: Expr): void {
    this.if(this.or(this.word(ATTENTION), this.xor(this.word(MODE), mode)), () => this.endBlock())
  }
  /** Interrupts and debug traps wait until the instruction after this one has retired. */
  shadow(): void {
    this.setWord(SHADOW, this.add(this.nextEip(), 1))
  }
  /** A helper has set EIP. */
  transferred(): void {
    this.exit('lookup')
  }
}
