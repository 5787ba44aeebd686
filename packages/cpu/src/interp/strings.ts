/**
 * Repeated string instructions (SDM vol. 2, REP): run here in chunks that stay inside a page on both sides, so that a
 * chunk is one copy or fill of RAM. Registers are committed chunk by chunk, so a fault finds them where the manual
 * says. A call does a bounded number of iterations and says whether the instruction is finished.
 */
import { REP_COMPARED, REP_DONE } from '../isa/string.ts'
import { isRam, PAGE_CODE } from '../mmu/physical.ts'
import { translate } from '../mmu/tlb.ts'
import { PF_U, PF_W } from '../mmu/walk.ts'
import type { Processor } from '../processor.ts'
import {
  CPL,
  EAX,
  ECX,
  EDI,
  EFLAGS_SYS,
  ESI,
  FLAG_DF,
  FLAG_TF,
  RAM,
  SCRATCH,
  SEG,
  SEG_BASE,
  SEG_ES,
  SEG_SIZE,
  SEG_WRITE_LIMIT,
  TLB_READ,
  TLB_WRITE,
} from '../state.ts'
import { checkIo } from '../sys/io.ts'

/** Iterations of one call at most; with TF set or data watched, each iteration may trap by itself. */
const MOST = 0x10000

/** Registers of a running repeat. */
class Repeat {
  readonly cpu: Processor
  readonly size: number
  readonly seg: number
  readonly wide: boolean
  readonly step: number
  left: number

  constructor(cpu: Processor, size: number, segAddress: number, addr32: number) {
    this.cpu = cpu
    this.size = size
    this.seg = (segAddress - SEG) / SEG_SIZE
    this.wide = addr32 !== 0
    const flags = cpu.u32[EFLAGS_SYS >> 2]
    this.step = flags & FLAG_DF ? -size : size
    this.left = flags & FLAG_TF || cpu.dataBreakpoints !== 0 ? 1 : MOST
  }
  reg(at: number): number {
    return this.wide ? this.cpu.u32[at >> 2] : this.cpu.u16[at >> 1]
  }
  set(at: number, value: number): void {
    if (this.wide) this.cpu.u32[at >> 2] = value
    else this.cpu.u16[at >> 1] = value
  }
  /** Elements to go in this call. */
  count(): number {
    return Math.min(this.reg(ECX), this.left)
  }
  /**
   * Elements that fit between `offset` and the end of its page and its address space, going up. 0 under a segment
   * limit, where each element is checked by itself.
   */
  room(seg: number, offset: number, lin: number): number {
    if (this.cpu.u32[(SEG + seg * SEG_SIZE + SEG_WRITE_LIMIT) >> 2] !== 0xffffffff) return 0
    const inPage = 0x1000 - (lin & 0xfff)
    const inSpace = (this.wide ? 0x100000000 : 0x10000) - offset
    return Math.floor(Math.min(inPage, inSpace) / this.size)
  }
  /** Host address of what is read at a linear address, through the TLB tables, or 0 when it is not there. */
  source(lin: number): number {
    const { u32 } = this.cpu
    const entry = u32[(u32[TLB_READ >> 2] >>> 2) + (lin >>> 12)]
    return entry === 0 ? 0 : (lin + entry + 3) >>> 0
  }
  /** Host address of what is written at a linear address, or 0 when each element has to be written by itself. */
  target(lin: number): number {
    const { cpu } = this
    if (cpu.alignmentArmed) return 0
    const pa = translate(cpu, lin, PF_W | (cpu.u32[CPL >> 2] === 3 ? PF_U : 0))
    return isRam(cpu, pa) ? RAM + pa : 0
  }
  /** Reports a chunk that was written at host address `at`. */
  wrote(at: number, bytes: number): void {
    const pa = at - RAM
    if ((this.cpu.pageFlags[pa >>> 12] & PAGE_CODE) !== 0) this.cpu.onCodeWrite(pa, bytes)
  }
  read(lin: number): number {
    const { cpu } = this
    return this.size === 1 ? cpu.read8(lin) : this.size === 2 ? cpu.read16(lin) : cpu.read32(lin)
  }
  write(lin: number, value: number): void {
    const { cpu } = this
    if (this.size === 1) cpu.write8(lin, value)
    else if (this.size === 2) cpu.write16(lin, value)
    else cpu.write32(lin, value)
  }
  /** Commits `n` elements: the named index registers move, the count falls. */
  done(n: number, ...indexes: number[]): void {
    for (const at of indexes) this.set(at, this.reg(at) + n * this.step)
    this.set(ECX, this.reg(ECX) - n)
    this.left -= n
  }
  status(): number {
    return this.reg(ECX) === 0 ? REP_DONE : 0
  }
}

const ES_AT = SEG + SEG_ES * SEG_SIZE
/** Up to here a loop is sooner done than a built-in function is called. */
const SHORT = 64

/**
 * Whether all iterations go up through 32-bit addresses in a segment that is nothing but the address space, and nobody
 * watches: the common case, which has paths of its own below. Nothing else differs.
 */
function plain(cpu: Processor, segAddress: number, addr32: number): boolean {
  const { u32 } = cpu
  const at = segAddress >> 2
  return (
    addr32 !== 0 &&
    u32[at + SEG_BASE / 4] === 0 &&
    u32[at + SEG_WRITE_LIMIT / 4] === 0xffffffff &&
    (u32[EFLAGS_SYS >> 2] & (FLAG_DF | FLAG_TF)) === 0 &&
    cpu.dataBreakpoints === 0
  )
}
/** Host address of `bytes` bytes at `lin` if they lie in one page that the TLB has, else 0. */
function inPage(cpu: Processor, table: number, lin: number, bytes: number): number {
  if ((lin & 0xfff) + bytes > 0x1000) return 0
  const entry = cpu.u32[(cpu.u32[table >> 2] >>> 2) + (lin >>> 12)]
  return entry === 0 ? 0 : (lin + entry + 3) >>> 0
}

export function repMovs(cpu: Processor, size: number, segAddress: number, addr32: number): number {
  const { u8, u32 } = cpu
  const bytes = u32[ECX >> 2] * size
  if (bytes > 0 && bytes <= 0x1000 && plain(cpu, segAddress, addr32) && plain(cpu, ES_AT, addr32)) {
    const a = inPage(cpu, TLB_READ, u32[ESI >> 2], bytes)
    const b = inPage(cpu, TLB_WRITE, u32[EDI >> 2], bytes)
    // A destination just above its source repeats the pattern between them, which a block copy would not.
    if (a !== 0 && b !== 0 && (b <= a || b >= a + bytes)) {
      if (bytes > SHORT) u8.copyWithin(b, a, a + bytes)
      else if (((a | b | bytes) & 3) === 0) for (let i = 0; i < bytes; i += 4) u32[(b + i) >>> 2] = u32[(a + i) >>> 2]
      else for (let i = 0; i < bytes; i++) u8[b + i] = u8[a + i]
      u32[ESI >> 2] += bytes
      u32[EDI >> 2] += bytes
      u32[ECX >> 2] = 0
      return REP_DONE
    }
  }
  const r = new Repeat(cpu, size, segAddress, addr32)
  for (let n = r.count(); n > 0; n = r.count()) {
    const si = r.reg(ESI)
    const di = r.reg(EDI)
    const from = cpu.linear(r.seg, si, size, false)
    const to = cpu.linear(SEG_ES, di, size, true)
    const chunk = r.step > 0 ? Math.min(n, r.room(r.seg, si, from), r.room(SEG_ES, di, to)) : 0
    const a = chunk > 1 ? r.source(from) : 0
    const b = a !== 0 ? r.target(to) : 0
    // A destination just above its source repeats the pattern between them, which a block copy would not.
    const repeats = b > a && b < a + chunk * size
    if (b === 0 || repeats) {
      r.write(to, r.read(from))
      r.done(1, ESI, EDI)
      continue
    }
    cpu.u8.copyWithin(b, a, a + chunk * size)
    r.wrote(b, chunk * size)
    r.done(chunk, ESI, EDI)
  }
  return r.status()
}

function fill8(u8: Uint8Array, at: number, value: number, bytes: number): void {
  if (bytes > SHORT) u8.fill(value, at, at + bytes)
  else for (let i = 0; i < bytes; i++) u8[at + i] = value
}

export function repStos(cpu: Processor, size: number, segAddress: number, addr32: number): number {
  const { u8, u32 } = cpu
  const value = size === 4 ? u32[EAX >> 2] : size === 2 ? cpu.u16[EAX >> 1] : u8[EAX]
  const bytes = u32[ECX >> 2] * size
  if (size !== 2 && bytes > 0 && bytes <= 0x1000 && plain(cpu, ES_AT, addr32)) {
    const b = inPage(cpu, TLB_WRITE, u32[EDI >> 2], bytes)
    if (b !== 0 && (size === 1 || (b & 3) === 0)) {
      if (size === 1) fill8(u8, b, value, bytes)
      else if (bytes > SHORT) u32.fill(value, b >>> 2, (b + bytes) >>> 2)
      else for (let i = 0; i < bytes; i += 4) u32[(b + i) >>> 2] = value
      u32[EDI >> 2] += bytes
      u32[ECX >> 2] = 0
      return REP_DONE
    }
  }
  const r = new Repeat(cpu, size, segAddress, addr32)
  for (let n = r.count(); n > 0; n = r.count()) {
    const di = r.reg(EDI)
    const to = cpu.linear(SEG_ES, di, size, true)
    const chunk = r.step > 0 ? Math.min(n, r.room(SEG_ES, di, to)) : 0
    const b = chunk > 1 ? r.target(to) : 0
    if (b === 0) {
      r.write(to, value)
      r.done(1, EDI)
      continue
    }
    if (size === 1) cpu.u8.fill(value, b, b + chunk)
    else if (size === 4 && b % 4 === 0) cpu.u32.fill(value, b >> 2, (b >> 2) + chunk)
    else
      for (let i = 0; i < chunk; i++) {
        if (size === 2) cpu.view.setUint16(b + i * 2, value, true)
        else cpu.view.setUint32(b + i * 4, value, true)
      }
    r.wrote(b, chunk * size)
    r.done(chunk, EDI)
  }
  return r.status()
}

export function repLods(cpu: Processor, size: number, segAddress: number, addr32: number): number {
  const r = new Repeat(cpu, size, segAddress, addr32)
  for (let n = r.count(); n > 0; n--) {
    const value = r.read(cpu.linear(r.seg, r.reg(ESI), size, false))
    if (size === 4) cpu.u32[EAX >> 2] = value
    else if (size === 2) cpu.u16[EAX >> 1] = value
    else cpu.u8[EAX] = value
    r.done(1, ESI)
  }
  return r.status()
}

/** Compares until the count runs out or equality is not what the prefix goes on for; the last pair is in SCRATCH. */
function compare(r: Repeat, indexes: readonly number[], whileEqual: boolean, pair: () => [number, number]): number {
  const { cpu } = r
  let compared = 0
  for (let n = r.count(); n > 0; n--) {
    let operands: [number, number]
    try {
      operands = pair()
    } catch (e) {
      // What was compared so far shows in the flags; the instruction comes again from here, and faults at once.
      if (compared === 0) throw e
      return compared
    }
    const [a, b] = operands
    cpu.u32[SCRATCH >> 2] = a
    cpu.u32[(SCRATCH >> 2) + 1] = b
    compared = REP_COMPARED
    r.done(1, ...indexes)
    if ((a === b) !== whileEqual) return REP_DONE | compared
  }
  return r.status() | compared
}

/** Ends a comparison of bytes within its pages after `done` iterations, the last of which saw the pair a, b. */
function comparedBytes(cpu: Processor, done: number, a: number, b: number): number {
  const { u32 } = cpu
  u32[SCRATCH >> 2] = a
  u32[(SCRATCH >> 2) + 1] = b
  u32[EDI >> 2] += done
  u32[ECX >> 2] -= done
  return REP_COMPARED | REP_DONE
}

export function repScas(cpu: Processor, size: number, segAddress: number, addr32: number, repne: number): number {
  if (size === 1 && plain(cpu, ES_AT, addr32)) {
    const { u8, u32 } = cpu
    const di = u32[EDI >> 2]
    const most = Math.min(u32[ECX >> 2], 0x1000 - (di & 0xfff))
    const at = most > 0 ? inPage(cpu, TLB_READ, di, most) : 0
    if (at !== 0) {
      const acc = u8[EAX]
      let i = 0
      while (i < most && (u8[at + i] === acc) !== (repne !== 0)) i++
      if (i < most) return comparedBytes(cpu, i + 1, acc, u8[at + i])
      if (most === u32[ECX >> 2]) return comparedBytes(cpu, most, acc, u8[at + most - 1])
    }
  }
  const r = new Repeat(cpu, size, segAddress, addr32)
  const acc = size === 4 ? cpu.u32[EAX >> 2] : size === 2 ? cpu.u16[EAX >> 1] : cpu.u8[EAX]
  return compare(r, [EDI], repne === 0, () => [acc, r.read(cpu.linear(SEG_ES, r.reg(EDI), size, false))])
}

export function repCmps(cpu: Processor, size: number, segAddress: number, addr32: number, repne: number): number {
  if (size === 1 && plain(cpu, segAddress, addr32) && plain(cpu, ES_AT, addr32)) {
    const { u8, u32 } = cpu
    const si = u32[ESI >> 2]
    const di = u32[EDI >> 2]
    const most = Math.min(u32[ECX >> 2], 0x1000 - (si & 0xfff), 0x1000 - (di & 0xfff))
    const from = most > 0 ? inPage(cpu, TLB_READ, si, most) : 0
    const to = most > 0 ? inPage(cpu, TLB_READ, di, most) : 0
    if (from !== 0 && to !== 0) {
      let i = 0
      while (i < most && (u8[from + i] === u8[to + i]) === (repne === 0)) i++
      if (i < most || most === u32[ECX >> 2]) {
        const done = Math.min(i + 1, most)
        u32[ESI >> 2] += done
        return comparedBytes(cpu, done, u8[from + done - 1], u8[to + done - 1])
      }
    }
  }
  const r = new Repeat(cpu, size, segAddress, addr32)
  return compare(r, [ESI, EDI], repne === 0, () => {
    const a = r.read(cpu.linear(r.seg, r.reg(ESI), size, false))
    return [a, r.read(cpu.linear(SEG_ES, r.reg(EDI), size, false))]
  })
}

/** INS: permission first, even for no iterations (as processors do); then the destination is probed, so that no input is lost to a fault. */
export function ins(
  cpu: Processor,
  size: number,
  segAddress: number,
  addr32: number,
  rep: number,
  input: (port: number, size: number) => number,
  port: number,
): number {
  checkIo(cpu, port, size)
  const r = new Repeat(cpu, size, segAddress, addr32)
  for (let n = rep ? r.count() : 1; n > 0; n--) {
    const to = cpu.linear(SEG_ES, r.reg(EDI), size, true)
    cpu.probe(to, size, true)
    r.write(to, input(port, size))
    advance(r, rep, EDI)
  }
  return rep ? r.status() : REP_DONE
}

export function outs(
  cpu: Processor,
  size: number,
  segAddress: number,
  addr32: number,
  rep: number,
  output: (port: number, size: number, value: number) => void,
  port: number,
): number {
  checkIo(cpu, port, size)
  const r = new Repeat(cpu, size, segAddress, addr32)
  for (let n = rep ? r.count() : 1; n > 0; n--) {
    output(port, size, r.read(cpu.linear(r.seg, r.reg(ESI), size, false)))
    advance(r, rep, ESI)
  }
  return rep ? r.status() : REP_DONE
}

function advance(r: Repeat, rep: number, index: number): void {
  if (rep) r.done(1, index)
  else r.set(index, r.reg(index) + r.step)
}
