/**
 * Events and returns as nearly every guest has them: protected mode, 32-bit gates and flat 32-bit stacks, code
 * descriptors of the GDT, all tables in mapped RAM. The same checks as in sys/deliver.ts, sys/return.ts and
 * sys/segments.ts, made before anything changes; events.test.ts holds both ways to the same results.
 */
import { c32, type Expr, load } from '../ir/ir.ts'
import {
  ATTENTION,
  CPL,
  DR,
  EFLAGS_SYS,
  EIP,
  ESP,
  FLAG_AC,
  FLAG_AF,
  FLAG_CF,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_OF,
  FLAG_PF,
  FLAG_RF,
  FLAG_SF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
  FLAG_ZF,
  FLAGS_ARITH,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPT_WAITING,
  LF_AUX,
  LF_RESULT,
  NMI_BLOCKED,
  SEG,
  SEG_ATTR,
  SEG_BASE,
  SEG_CS,
  SEG_DS,
  SEG_LIMIT,
  SEG_READ_LIMIT,
  SEG_SELECTOR,
  SEG_SIZE,
  SEG_SS,
  SEG_TR,
  SEG_WRITE_LIMIT,
  TLB_READ,
  TLB_SUPERVISOR_READ,
  TLB_SUPERVISOR_WRITE,
  TLB_WRITE,
} from '../state.ts'
import { DR7_ENABLED } from '../sys/debug.ts'
import { ATTR_EC, ATTR_MASK, ATTR_P, ATTR_RW } from '../sys/descriptors.ts'
import { SYSTEM_BITS } from '../sys/flags.ts'
import { DATA_SEGMENTS } from '../sys/segments.ts'
import { type Shortcut, type ShortcutBuilder, shortcut } from './module.ts'
import { DELIVER_RESUME, DELIVER_SOFTWARE } from './port.ts'
import {
  fetchPlain,
  hostAddress,
  requireCode,
  requireFlatStack,
  requirePlain,
  requireSame,
  requireStack,
  setLevel,
  setSame,
  systemFlags,
} from './tables.ts'

/** Gate: present, system, type 1110B or 1111B (the last bit tells a trap gate). */
const GATE_BITS = 0x9e00
const GATE32 = 0x8e00
const GATE_TRAP = 0x100
/** Data descriptor: present, data of any kind, accessed. */
const LOADABLE_BITS = 0x9900
const LOADABLE = 0x9100
/** System descriptor types from 8 on are the 32-bit ones. */
const TSS_32 = 0x800

const CS = SEG + SEG_CS * SEG_SIZE
const SS = SEG + SEG_SS * SEG_SIZE
const TR = SEG + SEG_TR * SEG_SIZE

/** EFLAGS with the arithmetic flags materialised. */
function flagsImage(b: ShortcutBuilder, sys: Expr): Expr {
  const bit = (v: Expr, flag: number): Expr => b.shl(v, 31 - Math.clz32(flag))
  const low = b.or(b.or(bit(b.cf(), FLAG_CF), bit(b.pf(), FLAG_PF)), bit(b.af(), FLAG_AF))
  const high = b.or(b.or(bit(b.zf(), FLAG_ZF), bit(b.sf(), FLAG_SF)), bit(b.of(), FLAG_OF))
  return b.or(b.and(sys, ~FLAGS_ARITH), b.or(low, high))
}

/** The arithmetic flags of an image, as the two words have them: see setEflags in sys/flags.ts. */
function setArithmetic(b: ShortcutBuilder, image: Expr): void {
  const flag = (f: number): Expr => b.and(b.shr(image, 31 - Math.clz32(f)), 1)
  const cf = b.let(flag(FLAG_CF))
  const carries = b.or(b.shl(cf, 31), b.shl(b.xor(cf, flag(FLAG_OF)), 30))
  const odd = b.shl(b.xor(flag(FLAG_PF), 1), 8)
  b.setWord(LF_AUX, b.or(b.or(carries, b.shl(flag(FLAG_AF), 3)), b.or(flag(FLAG_SF), odd)))
  b.setWord(LF_RESULT, b.shl(b.xor(flag(FLAG_ZF), 1), 8))
}

/** Error code (unless negative), EIP, CS and EFLAGS at `at`, from the top down. `size`: bytes of all of it. */
function storeFrame(b: ShortcutBuilder, at: Expr, code: Expr, eip: Expr, image: Expr): void {
  const has = b.let(b.cmp('ge_s', code, 0))
  b.if(has, () => b.store('32', at, code))
  const from = b.let(b.add(at, b.shl(has, 2)))
  b.store('32', from, eip)
  b.store('32', from, b.word(CS + SEG_SELECTOR), 4)
  b.store('32', from, image, 8)
}

/**
 * An event through a 32-bit interrupt or trap gate to the same or an inner level. `what`: the vector, and DELIVER_…;
 * `code`: the error code, or negative.
 */
function deliver(b: ShortcutBuilder, what: Expr, code: Expr, returnEip: Expr): void {
  const sys = systemFlags(b)
  requirePlain(b, sys)
  const vector = b.let(b.shl(b.and(what, 0xff), 3))
  b.declineIf(b.cmp('gt_u', b.add(vector, 7), b.word(IDTR_LIMIT)))
  const level = b.let(b.word(CPL))
  const gate = hostAddress(b, TLB_SUPERVISOR_READ, b.add(b.word(IDTR_BASE), vector), 8)
  const lo = b.let(load('32', gate))
  const hi = b.let(load('32', gate, 4))
  const forbidden = b.and(b.and(what, DELIVER_SOFTWARE), b.sub(c32(0), b.cmp('lt_u', b.and(b.shr(hi, 13), 3), level)))
  b.declineIf(b.or(b.xor(b.and(hi, GATE_BITS), GATE32), forbidden))
  const selector = b.let(b.shr(lo, 16))
  const d = fetchPlain(b, selector)
  requireCode(b, d)
  const offset = b.let(b.or(b.and(hi, 0xffff0000 | 0), b.and(lo, 0xffff)))
  b.declineIf(b.or(b.cmp('gt_u', d.dpl, level), b.cmp('gt_u', offset, d.limit)))
  requireSame(b, c32(CS), d)
  const resumes = b.select(b.and(what, DELIVER_RESUME), c32(FLAG_RF), c32(0))
  const image = b.let(b.or(flagsImage(b, sys), resumes))
  const shut = b.select(b.and(hi, GATE_TRAP), c32(0), c32(FLAG_IF))
  const after = b.let(b.and(sys, b.not(b.or(shut, FLAG_TF | FLAG_NT | FLAG_RF))))
  const words = b.let(b.select(b.cmp('ge_s', code, 0), c32(16), c32(12)))
  b.if(
    b.cmp('eq', d.dpl, level),
    () => {
      requireFlatStack(b, SS)
      const esp = b.let(b.sub(b.gpr(ESP), words))
      const at = hostAddress(b, TLB_WRITE, b.add(b.word(SS + SEG_BASE), esp), words)
      storeFrame(b, at, code, returnEip, image)
      b.setGpr(ESP, esp)
    },
    () => {
      // The inner level's stack, from the TSS (SDM vol. 3A 5.8.5, 7.2.1).
      const field = b.let(b.add(b.shl(d.dpl, 3), 4))
      const narrow = b.eqz(b.and(b.word(TR + SEG_ATTR), TSS_32))
      b.declineIf(b.or(narrow, b.cmp('gt_u', b.add(field, 7), b.word(TR + SEG_LIMIT))))
      const stack = hostAddress(b, TLB_SUPERVISOR_READ, b.add(b.word(TR + SEG_BASE), field), 8)
      const ss = b.let(b.and(load('32', stack, 4), 0xffff))
      const data = fetchPlain(b, ss)
      requireStack(b, data, d.dpl)
      b.declineIf(b.or(b.not(data.limit), b.xor(b.and(ss, 3), d.dpl)))
      requireSame(b, c32(SS), data)
      const size = b.let(b.add(words, 8))
      const esp = b.let(b.sub(load('32', stack), size))
      const at = hostAddress(b, TLB_SUPERVISOR_WRITE, b.add(data.base, esp), size)
      storeFrame(b, at, code, returnEip, image)
      const outer = b.let(b.add(at, words))
      b.store('32', outer, b.gpr(ESP))
      b.store('32', outer, b.word(SS + SEG_SELECTOR), 4)
      setSame(b, c32(SS), ss, data)
      b.setGpr(ESP, esp)
      setLevel(b, d.dpl)
    },
  )
  b.setWord(EFLAGS_SYS, after)
  b.if(b.and(sys, FLAG_TF), () => b.setWord(ATTENTION, c32(1)))
  setSame(b, c32(CS), b.or(b.and(selector, 0xfffc), d.dpl), d)
  b.setWord(EIP, offset)
  b.answer(1)
}

/** IRETD to the same or an outer level (SDM vol. 2, IRET). */
function iret(b: ShortcutBuilder, size: Expr): void {
  const sys = systemFlags(b)
  requirePlain(b, sys)
  b.declineIf(b.or(b.or(b.xor(size, 4), b.word(NMI_BLOCKED)), b.and(sys, FLAG_NT)))
  requireFlatStack(b, SS)
  const level = b.let(b.word(CPL))
  const esp = b.let(b.gpr(ESP))
  const lin = b.let(b.add(b.word(SS + SEG_BASE), esp))
  const at = hostAddress(b, TLB_READ, lin, 12)
  const eip = b.let(load('32', at))
  const selector = b.let(b.and(load('32', at, 4), 0xffff))
  const popped = b.let(load('32', at, 8))
  const target = b.let(b.and(selector, 3))
  b.declineIf(b.or(b.cmp('lt_u', target, level), b.and(popped, FLAG_VM | FLAG_AC)))
  const d = fetchPlain(b, selector)
  requireCode(b, d)
  b.declineIf(b.or(b.xor(d.dpl, target), b.cmp('gt_u', eip, d.limit)))
  requireSame(b, c32(CS), d)
  // RF only masks instruction breakpoints; without any, it has no effect to keep for one instruction.
  const broken = b.and(b.word(DR + 7 * 8), DR7_ENABLED)
  b.declineIf(b.and(b.bool(broken), b.bool(b.and(popped, FLAG_RF))))
  b.if(
    b.cmp('eq', target, level),
    () => b.setGpr(ESP, b.add(esp, 12)),
    () => {
      hostAddress(b, TLB_READ, lin, 20)
      const ss = b.let(b.and(load('32', at, 16), 0xffff))
      const data = fetchPlain(b, ss)
      requireStack(b, data, target)
      b.declineIf(b.xor(b.and(ss, 3), target))
      requireSame(b, c32(SS), data)
      // Segments that the outer level may not keep become null; none, as a rule.
      let drops: Expr = c32(0)
      for (const n of DATA_SEGMENTS) {
        const attr = b.let(b.word(SEG + n * SEG_SIZE + SEG_ATTR))
        const inner = b.cmp('lt_u', b.and(b.shr(attr, 13), 3), target)
        drops = b.or(drops, b.and(b.bool(b.and(attr, ATTR_P)), inner))
      }
      b.declineIf(drops)
      b.setGpr(ESP, load('32', at, 12))
      setSame(b, c32(SS), ss, data)
      setLevel(b, target)
    },
  )
  setSame(b, c32(CS), selector, d)
  b.setWord(EIP, eip)
  const mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID
  const iopl = b.and(b.shr(sys, 12), 3)
  const interrupts = b.select(b.cmp('le_u', level, iopl), c32(FLAG_IF), c32(0))
  const inmost = b.select(level, c32(0), c32(FLAG_IOPL | FLAG_VIF | FLAG_VIP))
  const may = b.let(b.or(b.or(interrupts, inmost), mask))
  const image = b.let(b.or(b.and(sys, b.not(b.or(may, FLAG_RF))), b.and(popped, may)))
  setArithmetic(b, image)
  b.setWord(EFLAGS_SYS, b.or(b.and(image, SYSTEM_BITS), 2))
  // See Processor.flagsChanged.
  const changed = b.let(b.xor(image, sys))
  const opened = b.and(b.bool(b.and(b.and(changed, image), FLAG_IF)), b.bool(b.word(INTERRUPT_WAITING)))
  b.if(b.or(b.and(changed, FLAG_TF), opened), () => b.setWord(ATTENTION, c32(1)))
  b.answer(0)
}

/** ES, DS, FS or GS from an accessed data descriptor of the GDT, or null. */
function loadSegment(b: ShortcutBuilder, number: Expr, value: Expr): void {
  requirePlain(b, systemFlags(b))
  const seg = b.let(b.add(b.shl(number, 31 - Math.clz32(SEG_SIZE)), SEG))
  const selector = b.let(b.and(value, 0xffff))
  b.declineIf(b.or(b.cmp('eq', seg, SS), b.cmp('eq', seg, CS)))
  const beyond = b.let(b.cmp('gt_u', seg, SEG + SEG_DS * SEG_SIZE))
  const set = (base: Expr, limit: Expr, attr: Expr, read: Expr, write: Expr): void => {
    b.store('32', seg, base, SEG_BASE)
    b.store('32', seg, limit, SEG_LIMIT)
    b.store('32', seg, attr, SEG_ATTR)
    b.store('32', seg, selector, SEG_SELECTOR)
    b.store('32', seg, read, SEG_READ_LIMIT)
    b.store('32', seg, write, SEG_WRITE_LIMIT)
    b.answer(0)
  }
  // FS and GS are no part of what code is decoded by: any value will do.
  b.if(b.and(beyond, b.cmp('lt_u', selector, 4)), () => set(c32(0), c32(0), c32(0), c32(0), c32(0)))
  const d = fetchPlain(b, selector)
  b.declineIf(b.xor(b.and(d.hi, LOADABLE_BITS), LOADABLE))
  b.declineIf(b.or(b.cmp('gt_u', b.and(selector, 3), d.dpl), b.cmp('gt_u', b.word(CPL), d.dpl)))
  b.if(beyond, () => {
    const some = b.select(b.cmp('ge_u', d.limit, 15), b.sub(d.limit, 14), c32(0))
    const read = b.let(b.select(b.cmp('eq', d.limit, -1), d.limit, some))
    const up = b.let(b.select(b.and(d.hi, ATTR_EC), c32(0), read))
    set(d.base, d.limit, b.and(d.hi, ATTR_MASK), up, b.select(b.and(d.hi, ATTR_RW), up, c32(0)))
  })
  requireSame(b, seg, d)
  setSame(b, seg, selector, d)
  b.answer(0)
}

export const EVENTS: readonly Shortcut[] = [
  shortcut('deliver', 3, deliver, false),
  shortcut('iret', 2, iret),
  shortcut('loadSegment', 2, loadSegment),
]
