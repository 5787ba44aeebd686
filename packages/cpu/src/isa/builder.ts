/**
 * The builder against which every instruction's meaning is written, once. It speaks of operands, flags, guest memory
 * and control flow; this class lets them stand for fields of a decoded record (the interpreters). A translator makes
 * its own by overriding the operand, register and flag accessors.
 */
import {
  BLK_COUNT,
  BLK_PHYS,
  REC_A,
  REC_B,
  REC_BASE,
  REC_DISP,
  REC_EXTRA,
  REC_IMM,
  REC_INDEXREG,
  REC_LEN,
  REC_LINK,
  REC_LINK2,
  REC_LINKABLE,
  REC_OFF,
  REC_SCALE,
  REC_SEG,
} from '../decode/record.ts'
import { bin, c32, cmp, type Expr, type LoadWidth, load, type StoreWidth, un } from '../ir/ir.ts'
import {
  ATTENTION,
  CPL,
  CUR_RECORD,
  EIP,
  EIP_BASE,
  ESP,
  FAULT,
  ITLB,
  ITLB_ENTRIES,
  LF_AUX,
  LF_RESULT,
  MODE,
  SCRATCH,
  SEG,
  SEG_BASE,
  SEG_CS,
  SEG_LIMIT,
  SEG_READ_LIMIT,
  SEG_SIZE,
  SEG_SS,
  SEG_WRITE_LIMIT,
  SHADOW,
  TLB_READ,
  TLB_WRITE,
} from '../state.ts'
import { Emitter, type Size } from './emitter.ts'

export type { Size } from './emitter.ts'

/** Locals every handler shares: the record, the block to enter, and the branch whose link the next look-up fills. */
export const LOCAL_BLOCK = 0
export const LOCAL_REC = 1
export const LOCAL_LINK = 2
/** Why generated code returns (see interp/lookup.ts). */
export const LOCAL_RESULT = 3

/** Helpers that change neither flags nor memory. */
const PURE_HELPERS = new Set([
  'slowRead',
  'slowRead64',
  'slowReadForWrite',
  'segCheck',
  'slowWrite',
  'slowWrite64',
  'raise',
])
const REC: Expr = { k: 'local', t: 'i32', i: LOCAL_REC }
const LINK: Expr = { k: 'local', t: 'i32', i: LOCAL_LINK }
const LOADW: Record<Size, LoadWidth> = { 1: '8u', 2: '16u', 4: '32' }
const STOREW: Record<Size, StoreWidth> = { 1: '8', 2: '16', 4: '32' }
const segState = (index: number): Expr => c32(SEG + index * SEG_SIZE)

/** Under this name a kernel is imported. */
export const kernelName = (number: number): string => `k${number}`

export class Builder extends Emitter {
  /** One letter an operand: r register, m memory, i immediate. */
  form: string
  /** Stack addresses are 32 bits wide (SS.B). */
  stack32: boolean
  /** Address size is 32 bits (string instructions, LOOP, XLAT). */
  addr32: boolean
  /** Every segment that is used is flat (base 0, limit 4 GB), and a ModRM operand has no index register. */
  flat: boolean
  /** Byte offset of the instruction's record from LOCAL_REC: not 0 in the second half of a fused pair. */
  at = 0
  /** The instruction may have written guest memory (and so code that follows it). */
  wrote = false
  /** The flags as this handler has set them, while that is certain. */
  protected flags: { result: Expr; aux: Expr } | null = null
  protected rmw: { host: Expr; lin: Expr } | null = null

  constructor(size: Size, form: string, stack32: boolean, addr32: boolean, flat = false) {
    super()
    this.size = size
    this.form = form
    this.stack32 = stack32
    this.addr32 = addr32
    this.flat = flat
  }

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

  /* ---- registers and operands ---- */

  /** General register by state address (EAX, ECX …), zero-extended. */
  gpr(at: number, size: Size = this.size): Expr {
    return load(LOADW[size], c32(at))
  }
  setGpr(at: number, v: Expr, size: Size = this.size): void {
    this.store(STOREW[size], c32(at), v)
  }
  protected field(w: LoadWidth, offset: number): Expr {
    return load(w, REC, offset + this.at)
  }
  protected regAddress(operand: number): Expr {
    return this.field('16u', operand === 0 ? REC_A : REC_B)
  }
  reg(operand: number, size: Size = this.size): Expr {
    return load(LOADW[size], this.regAddress(operand))
  }
  setReg(operand: number, v: Expr, size: Size = this.size): void {
    this.store(STOREW[size], this.regAddress(operand), v)
  }
  /** XMM register of an operand: all of it. */
  xmm(operand: number): Expr {
    return load('v128', this.regAddress(operand))
  }
  setXmm(operand: number, v: Expr): void {
    this.store('v128', this.regAddress(operand), v)
  }
  /** MMX register of an operand, in the low half of a vector. */
  mm(operand: number): Expr {
    return load('v64', this.regAddress(operand))
  }
  /** Writes an MMX register: sign and exponent of the x87 register that it is read as ones. */
  setMm(operand: number, v: Expr): void {
    this.store('v64', this.regAddress(operand), v)
    this.store('16', this.regAddress(operand), c32(0xffff), 8)
  }
  imm(): Expr {
    return this.field('32', REC_IMM)
  }
  /** Second immediate: the selector of a far pointer, the level of ENTER. */
  extra(): Expr {
    return this.field('16u', REC_EXTRA)
  }
  /** Raw register field of an operand, for helpers that index registers by number. */
  regField(operand: number): Expr {
    return this.regAddress(operand)
  }
  /** Both register fields: operand 0 in the low half, operand 1 in the high half. */
  regFieldsAB(): Expr {
    return this.field('32', REC_A)
  }
  /** Offset of the memory operand in its segment. */
  ea(): Expr {
    const base = load('32', this.field('16u', REC_BASE))
    if (this.flat) return bin('add', base, this.field('32', REC_DISP))
    const index = load('32', this.field('16u', REC_INDEXREG))
    const scaled = bin('shl', index, this.field('8u', REC_SCALE))
    return bin('add', bin('add', base, scaled), this.field('32', REC_DISP))
  }
  /** State address of the memory operand's segment register. */
  seg(): Expr {
    return this.field('16u', REC_SEG)
  }
  /** EIP of this instruction. */
  eip(): Expr {
    return bin('add', this.word(EIP_BASE), this.field('16u', REC_OFF))
  }
  /** EIP of the next instruction. */
  nextEip(): Expr {
    return bin('add', bin('add', this.word(EIP_BASE), this.field('16u', REC_OFF)), this.field('8u', REC_LEN))
  }

  isMem(operand: number): boolean {
    return this.form[operand] === 'm'
  }
  /** Operand for reading only. */
  read(operand: number, size: Size = this.size): Expr {
    const kind = this.form[operand]
    if (kind === 'r') return this.let(this.reg(operand, size))
    if (kind === 'i') return this.let(this.imm())
    return this.readMem(size, this.ea(), this.seg())
  }
  /** Operand for writing only. */
  write(operand: number, v: Expr, size: Size = this.size): void {
    if (this.form[operand] === 'r') this.setReg(operand, v, size)
    else this.writeMem(size, this.ea(), this.seg(), v)
  }
  /** Operand 0 to be read, modified and written back by setDst: write permission is checked before the read. */
  dst(): Expr {
    if (this.form[0] === 'r') return this.let(this.reg(0))
    const { v, host, lin } = this.readForWrite(this.size, this.ea(), this.seg())
    this.rmw = { host, lin }
    return v
  }
  setDst(v: Expr): void {
    if (this.form[0] === 'r') this.setReg(0, v)
    else if (this.rmw !== null) this.writeBack(this.rmw, v)
    else throw new Error('setDst without dst')
  }
  writeBack(rmw: { host: Expr; lin: Expr }, v: Expr): void {
    const value = this.let(v)
    this.if(
      rmw.host,
      () => this.store(STOREW[this.size], rmw.host, value),
      () => {
        this.call('slowWrite', rmw.lin, c32(this.size), value)
        this.checkFault()
      },
    )
  }

  /* ---- helpers and faults ---- */

  /** Calls a helper; the record is made known first, so that EIP and the instruction count are exact. */
  call(fn: string, ...args: Expr[]): Expr {
    if (!PURE_HELPERS.has(fn)) this.flags = null
    this.setWord(CUR_RECORD, this.add(REC, this.at))
    return this.let({ k: 'call', t: 'i32', fn, args })
  }
  /**
   * Calls the kernel of that number (kernels/module.ts), by its own name where the number is known: it touches nothing but
   * the wide registers, flags and memory it is pointed at.
   */
  kernel(number: Expr, ...args: Expr[]): Expr {
    this.flags = null
    if (number.k === 'const') return this.let({ k: 'call', t: 'i32', fn: kernelName(Number(number.v)), args })
    return this.let({ k: 'call', t: 'i32', fn: 'kernel', args: [number, ...args] })
  }
  /** Has a helper do the instruction, of which nothing has been done: code that can leave it to another engine may. */
  instead(fn: string, ...args: Expr[]): void {
    this.callChecked(fn, ...args)
  }
  checkFault(): void {
    this.if(this.word(FAULT), () => this.exit('fault'))
  }
  /** A helper that may fault. */
  callChecked(fn: string, ...args: Expr[]): Expr {
    const r = this.call(fn, ...args)
    this.checkFault()
    return r
  }
  raise(vector: number, errorCode = -1): void {
    this.call('raise', c32(vector), c32(errorCode))
    this.exit('fault')
  }

  /* ---- guest memory ---- */

  /** Linear address after the segment check. */
  linear(size: number, ea: Expr, seg: Expr, write: boolean): Expr {
    const offset = this.let(ea)
    if (this.flat) return offset
    const s = this.let(seg)
    const lin = this.temp('i32')
    this.if(
      cmp('lt_u', offset, load('32', s, write ? SEG_WRITE_LIMIT : SEG_READ_LIMIT)),
      () => this.set(lin, bin('add', load('32', s, SEG_BASE), offset)),
      () => this.set(lin, this.callChecked('segCheck', s, offset, c32(size), c32(write ? 1 : 0))),
    )
    return lin
  }
  /** All the checks of a store of 8 bytes, made before its halves are touched, where they could differ from theirs. */
  checkMisaligned64(ea: Expr): void {
    this.if(this.and(ea, 7), () => void this.callChecked('checkStore64', this.seg(), ea))
  }
  /** Linear address of the memory operand with no check at all, as INVLPG takes it. */
  linearUnchecked(): Expr {
    return bin('add', load('32', this.seg(), SEG_BASE), this.ea())
  }
  /**
   * An access of `size` bytes at offset `ea` of segment `seg`: `fast` gets the host address as an expression and an
   * offset from it, `slow` the linear address when the TLB does not have the page for this access. Returns the linear
   * address.
   */
  protected access(
    size: number,
    ea: Expr,
    seg: Expr,
    write: boolean,
    fast: (host: Expr, off: number) => void,
    slow: (lin: Expr) => void,
  ): Expr {
    const lin = this.linear(size, ea, seg, write)
    const page = this.shl(this.shr(lin, 12), 2)
    const entry = this.let(load('32', this.add(this.word(write ? TLB_WRITE : TLB_READ), page)))
    const within = this.and(lin, 0xfff)
    const ok = cmp('lt_u', size > 4 ? this.add(within, size - 4) : within, this.and(entry, 0xfff))
    this.if(
      ok,
      () => fast(bin('add', lin, entry), 3),
      () => slow(lin),
    )
    return lin
  }
  /** The segment is known to be flat. */
  protected isFlat(_seg: Expr): boolean {
    return this.flat
  }
  /**
   * Host address of `size` bytes at offset `ea` of segment `seg` where generated code may read them (or write), else 0:
   * then a helper is to do the whole instruction, with all its checks in their order.
   */
  direct(size: Expr | number, ea: Expr, seg: Expr, write: boolean): Expr {
    const host = this.temp('i32')
    if (typeof size === 'number' && this.isFlat(seg)) {
      this.access(
        size,
        ea,
        seg,
        write,
        (at, off) => this.set(host, this.add(at, off)),
        () => this.set(host, c32(0)),
      )
      return host
    }
    const offset = this.let(ea)
    const s = this.let(seg)
    const lin = this.flat ? offset : this.let(bin('add', load('32', s, SEG_BASE), offset))
    const page = this.shl(this.shr(lin, 12), 2)
    const entry = this.let(load('32', this.add(this.word(write ? TLB_WRITE : TLB_READ), page)))
    const beyond = typeof size === 'number' ? c32(Math.max(size - 4, 0)) : this.sub(size, 4)
    const inPage = cmp('lt_u', this.add(this.and(lin, 0xfff), beyond), this.and(entry, 0xfff))
    const inLimit = cmp('lt_u', offset, load('32', s, write ? SEG_WRITE_LIMIT : SEG_READ_LIMIT))
    this.set(host, this.select(this.and(inPage, inLimit), this.add(this.add(lin, entry), 3), c32(0)))
    return host
  }
  readMem(size: Size, ea: Expr, seg: Expr): Expr {
    const v = this.temp('i32')
    this.access(
      size,
      ea,
      seg,
      false,
      (host, off) => this.set(v, load(LOADW[size], host, off)),
      lin => this.set(v, this.callChecked('slowRead', lin, c32(size))),
    )
    return v
  }
  read64(ea: Expr, seg: Expr): Expr {
    const v = this.temp('i64')
    this.access(
      8,
      ea,
      seg,
      false,
      (host, off) => this.set(v, load('64', host, off)),
      lin => {
        this.callChecked('slowRead64', lin)
        this.set(v, load('64', c32(SCRATCH)))
      },
    )
    return v
  }
  writeMem(size: Size, ea: Expr, seg: Expr, v: Expr): void {
    this.wrote = true
    const value = this.let(v)
    this.access(
      size,
      ea,
      seg,
      true,
      (host, off) => this.store(STOREW[size], host, value, off),
      lin => void this.callChecked('slowWrite', lin, c32(size), value),
    )
  }
  write64(ea: Expr, seg: Expr, v: Expr): void {
    this.wrote = true
    const value = this.let(v)
    this.access(
      8,
      ea,
      seg,
      true,
      (host, off) => this.store('64', host, value, off),
      lin => {
        this.store('64', c32(SCRATCH), value)
        this.callChecked('slowWrite64', lin)
      },
    )
  }
  /** Reads for a write to follow at the same place; `host` is 0 when the write must take the slow path. */
  readForWrite(size: Size, ea: Expr, seg: Expr): { v: Expr; host: Expr; lin: Expr } {
    this.wrote = true
    const v = this.temp('i32')
    const host = this.temp('i32')
    const lin = this.access(
      size,
      ea,
      seg,
      true,
      (at, off) => {
        this.set(host, this.add(at, off))
        this.set(v, load(LOADW[size], host))
      },
      lin => {
        this.set(host, c32(0))
        this.set(v, this.callChecked('slowReadForWrite', lin, c32(size)))
      },
    )
    return { v, host, lin }
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
   * the physical page.
   */
  itlb(lin: Expr): { tag: Expr; physical: Expr } {
    const user = this.shl(cmp('eq', this.word(CPL), c32(3)), 1)
    const slot = this.let(this.add(this.shl(this.and(this.shr(lin, 12), ITLB_ENTRIES - 1), 3), ITLB))
    const wanted = this.or(this.or(this.and(lin, ~0xfff), 1), user)
    return { tag: this.xor(load('32', slot), wanted), physical: load('32', slot, 4) }
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
