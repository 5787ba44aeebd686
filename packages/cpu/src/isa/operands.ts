/**
 * What an instruction works on: its operands as fields of a decoded record, the helpers that it calls, and guest memory. The
 * builder proper (builder.ts) adds the stack, flags and control flow.
 */
import {
  REC_A,
  REC_B,
  REC_BASE,
  REC_DISP,
  REC_EXTRA,
  REC_IMM,
  REC_INDEXREG,
  REC_LEN,
  REC_OFF,
  REC_SCALE,
  REC_SEG,
} from '../decode/record.ts'
import { bin, c32, cmp, type Expr, type LoadWidth, load, type StoreWidth } from '../ir/ir.ts'
import {
  CUR_RECORD,
  EIP_BASE,
  FAULT,
  SCRATCH,
  SEG_BASE,
  SEG_READ_LIMIT,
  SEG_WRITE_LIMIT,
  TLB_READ,
  TLB_WRITE,
} from '../state.ts'
import { Emitter, type Size } from './emitter.ts'

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
/** The record of the first instruction of the handler. */
export const REC: Expr = { k: 'local', t: 'i32', i: LOCAL_REC }
const LOADW: Record<Size, LoadWidth> = { 1: '8u', 2: '16u', 4: '32' }
const STOREW: Record<Size, StoreWidth> = { 1: '8', 2: '16', 4: '32' }

/** Under this name a kernel is imported. */
export const kernelName = (number: number): string => `k${number}`

export class OperandBuilder extends Emitter {
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
}
