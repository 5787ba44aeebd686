/**
 * Events and returns as nearly every guest has them: protected mode, 32-bit gates and flat 32-bit stacks, code
 * descriptors of the GDT, all tables in mapped RAM. The same checks as in deliver.ts and return.ts, made on words of
 * linear memory and before anything changes; at the first that does not hold, the answer is false, nothing has changed,
 * and the general way finds out what is due. flat.test.ts holds both to the same results.
 */
import type { Processor } from '../processor.ts'
import {
  CPL,
  CR0,
  CR0_PE,
  EFLAGS_SYS,
  EIP,
  ESP,
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
  FLAGS_ARITH,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  RAM,
  SEG,
  SEG_ATTR,
  SEG_BASE,
  SEG_CS,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEG_SIZE,
  SEG_SS,
  SEG_TR,
  TLB_SUPERVISOR_READ,
  TLB_SUPERVISOR_WRITE,
  TLB_USER_READ,
  TLB_USER_WRITE,
} from '../state.ts'
import { ATTR_DB, ATTR_EC, ATTR_G, setSegment } from './descriptors.ts'
import { getEflags, setEflags, setSystemFlags } from './flags.ts'
import { monitoredDescriptor } from './monitored.ts'
import { dropPrivilegedSegments } from './segments.ts'

/** Gate: present, system, type 1110B or 1111B (the last bit tells a trap gate). */
const GATE_BITS = 0x9e00
const GATE32 = 0x8e00
const GATE_TRAP = 0x100
/** Code descriptor: present, code, not conforming, accessed. */
const CODE_BITS = 0x9d00
const PLAIN_CODE = 0x9900
/** Data descriptor: present, data, not expand-down, writable, accessed. */
const DATA_BITS = 0x9f00
const PLAIN_DATA = 0x9300
/** Data descriptor: present, data of any kind, accessed. */
const LOADABLE_BITS = 0x9900
const LOADABLE = 0x9100
const TSS_32 = 0x800

const CS = (SEG + SEG_CS * SEG_SIZE) >> 2
const SS = (SEG + SEG_SS * SEG_SIZE) >> 2
const TR = (SEG + SEG_TR * SEG_SIZE) >> 2

/** Word index of `bytes` bytes at an aligned linear address by a TLB table; 0 when they are not there as one. */
function wordAt(cpu: Processor, table: number, lin: number, bytes: number): number {
  const entry = cpu.u32[(table >>> 2) + (lin >>> 12)]!
  if (entry === 0 || (lin & 3) !== 0 || (lin & 0xfff) + bytes > 4096) return 0
  return ((lin + entry + 3) >>> 0) >>> 2
}

/** Word index of the GDT's descriptor for `selector`; 0 for null selectors, the LDT, and what lies outside. */
function descriptorAt(cpu: Processor, selector: number): number {
  if ((selector & 4) !== 0 || selector < 4 || (selector | 7) > cpu.u32[GDTR_LIMIT >> 2]!) return 0
  if (cpu.monitor !== null) {
    const at = monitoredDescriptor(cpu.monitor, selector)
    return at < 0 ? 0 : (RAM + at) >>> 2
  }
  return wordAt(cpu, TLB_SUPERVISOR_READ, (cpu.u32[GDTR_BASE >> 2]! + (selector & 0xfff8)) >>> 0, 8)
}

function limitOf(lo: number, hi: number): number {
  const raw = (lo & 0xffff) | (hi & 0xf0000)
  return (hi & ATTR_G) !== 0 ? ((raw << 12) | 0xfff) >>> 0 : raw
}

function baseOf(lo: number, hi: number): number {
  return ((lo >>> 16) | ((hi & 0xff) << 16) | (hi & 0xff000000)) >>> 0
}

/** A stack segment on which every offset is valid and 32 bits wide. */
function isFlatStack(limit: number, attr: number): boolean {
  return limit === 0xffffffff && (attr & (ATTR_DB | ATTR_EC)) === ATTR_DB
}

/**
 * Delivers `vector` through a 32-bit interrupt or trap gate to the same or an inner level; the parameters are those of
 * `Delivery` (deliver.ts). False: nothing has changed.
 */
export function deliverFlat(
  cpu: Processor,
  vector: number,
  software: boolean,
  errorCode: number,
  returnEip: number,
  resume: boolean,
): boolean {
  const { u32 } = cpu
  const sys = u32[EFLAGS_SYS >> 2]!
  if ((u32[CR0 >> 2]! & CR0_PE) === 0 || (sys & FLAG_VM) !== 0 || vector * 8 + 7 > u32[IDTR_LIMIT >> 2]!) return false
  const level = u32[CPL >> 2]!
  const gate = wordAt(cpu, TLB_SUPERVISOR_READ, (u32[IDTR_BASE >> 2]! + vector * 8) >>> 0, 8)
  if (gate === 0) return false
  const lo = u32[gate]!
  const hi = u32[gate + 1]!
  if ((hi & GATE_BITS) !== GATE32 || (software && ((hi >>> 13) & 3) < level)) return false
  const selector = lo >>> 16
  const code = descriptorAt(cpu, selector)
  if (code === 0) return false
  const codeLo = u32[code]!
  const codeHi = u32[code + 1]!
  const dpl = (codeHi >>> 13) & 3
  const limit = limitOf(codeLo, codeHi)
  const offset = ((hi & 0xffff0000) | (lo & 0xffff)) >>> 0
  if ((codeHi & CODE_BITS) !== PLAIN_CODE || dpl > level || offset > limit) return false
  const image = resume ? getEflags(cpu) | FLAG_RF : getEflags(cpu)
  const after = sys & ~(FLAG_TF | FLAG_NT | FLAG_RF | ((hi & GATE_TRAP) === 0 ? FLAG_IF : 0))
  const codes = errorCode >= 0 ? 1 : 0

  if (dpl === level) {
    if (!isFlatStack(u32[SS + (SEG_LIMIT >> 2)]!, u32[SS + (SEG_ATTR >> 2)]!)) return false
    const esp = (u32[ESP >> 2]! - 12 - codes * 4) >>> 0
    const table = level === 3 ? TLB_USER_WRITE : TLB_SUPERVISOR_WRITE
    const at = wordAt(cpu, table, (u32[SS + (SEG_BASE >> 2)]! + esp) >>> 0, 12 + codes * 4)
    if (at === 0) return false
    pushFrame(u32, at, errorCode, returnEip, image)
    u32[ESP >> 2] = esp
  } else {
    // The inner level's stack, from the TSS (SDM vol. 3A 5.8.5, 7.2.1).
    const field = 4 + dpl * 8
    if ((u32[TR + (SEG_ATTR >> 2)]! & TSS_32) === 0 || field + 7 > u32[TR + (SEG_LIMIT >> 2)]!) return false
    const stack = wordAt(cpu, TLB_SUPERVISOR_READ, (u32[TR + (SEG_BASE >> 2)]! + field) >>> 0, 8)
    if (stack === 0) return false
    const ss = u32[stack + 1]! & 0xffff
    const data = descriptorAt(cpu, ss)
    if (data === 0) return false
    const dataLo = u32[data]!
    const dataHi = u32[data + 1]!
    const plain = (dataHi & DATA_BITS) === PLAIN_DATA && isFlatStack(limitOf(dataLo, dataHi), dataHi)
    if (!plain || (ss & 3) !== dpl || ((dataHi >>> 13) & 3) !== dpl) return false
    const base = baseOf(dataLo, dataHi)
    const esp = (u32[stack]! - 20 - codes * 4) >>> 0
    const at = wordAt(cpu, TLB_SUPERVISOR_WRITE, (base + esp) >>> 0, 20 + codes * 4)
    if (at === 0) return false
    const outer = at + 3 + codes
    u32[outer] = u32[ESP >> 2]!
    u32[outer + 1] = u32[SS + (SEG_SELECTOR >> 2)]!
    pushFrame(u32, at, errorCode, returnEip, image)
    setSegment(cpu, SEG_SS, ss, base, 0xffffffff, dataHi)
    u32[ESP >> 2] = esp
  }
  setSystemFlags(cpu, after)
  setSegment(cpu, SEG_CS, (selector & 0xfffc) | dpl, baseOf(codeLo, codeHi), limit, codeHi)
  cpu.setCpl(dpl)
  u32[EIP >> 2] = offset
  return true
}

/** Error code (unless negative), EIP, CS and EFLAGS from word `at` upwards. */
function pushFrame(u32: Uint32Array, at: number, errorCode: number, eip: number, image: number): void {
  let word = at
  if (errorCode >= 0) u32[word++] = errorCode
  u32[word] = eip
  u32[word + 1] = u32[CS + (SEG_SELECTOR >> 2)]!
  u32[word + 2] = image
}

/** IRETD to the same or an outer level (SDM vol. 2, IRET). False: nothing has changed. */
export function iretFlat(cpu: Processor): boolean {
  const { u32 } = cpu
  const sys = u32[EFLAGS_SYS >> 2]!
  if ((u32[CR0 >> 2]! & CR0_PE) === 0 || (sys & (FLAG_VM | FLAG_NT)) !== 0) return false
  if (!isFlatStack(u32[SS + (SEG_LIMIT >> 2)]!, u32[SS + (SEG_ATTR >> 2)]!)) return false
  const level = u32[CPL >> 2]!
  const esp = u32[ESP >> 2]!
  const table = level === 3 ? TLB_USER_READ : TLB_SUPERVISOR_READ
  const lin = (u32[SS + (SEG_BASE >> 2)]! + esp) >>> 0
  const at = wordAt(cpu, table, lin, 12)
  if (at === 0) return false
  const eip = u32[at]!
  const selector = u32[at + 1]! & 0xffff
  const image = u32[at + 2]!
  const target = selector & 3
  const code = descriptorAt(cpu, selector)
  if (code === 0 || target < level || (image & FLAG_VM) !== 0) return false
  const codeLo = u32[code]!
  const codeHi = u32[code + 1]!
  const limit = limitOf(codeLo, codeHi)
  if ((codeHi & CODE_BITS) !== PLAIN_CODE || ((codeHi >>> 13) & 3) !== target || eip > limit) return false

  if (target === level) u32[ESP >> 2] = esp + 12
  else {
    if (wordAt(cpu, table, lin, 20) === 0) return false
    const outerEsp = u32[at + 3]!
    const ss = u32[at + 4]! & 0xffff
    const data = descriptorAt(cpu, ss)
    if (data === 0) return false
    const dataLo = u32[data]!
    const dataHi = u32[data + 1]!
    const plain = (dataHi & DATA_BITS) === PLAIN_DATA && (dataHi & ATTR_DB) !== 0
    if (!plain || (ss & 3) !== target || ((dataHi >>> 13) & 3) !== target) return false
    setSegment(cpu, SEG_SS, ss, baseOf(dataLo, dataHi), limitOf(dataLo, dataHi), dataHi)
    u32[ESP >> 2] = outerEsp
  }
  setSegment(cpu, SEG_CS, selector, baseOf(codeLo, codeHi), limit, codeHi)
  u32[EIP >> 2] = eip
  if (target !== level) {
    cpu.setCpl(target)
    dropPrivilegedSegments(cpu, target)
  }
  let mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_ID
  if (level <= ((sys >>> 12) & 3)) mask |= FLAG_IF
  if (level === 0) mask |= FLAG_IOPL | FLAG_VIF | FLAG_VIP
  setEflags(cpu, (sys & ~mask) | (image & mask))
  return true
}

/** Loads ES, DS, FS or GS from an accessed data descriptor of the GDT. False: nothing has changed. */
export function loadDataFlat(cpu: Processor, seg: number, selector: number): boolean {
  const { u32 } = cpu
  if ((u32[CR0 >> 2]! & CR0_PE) === 0 || (u32[EFLAGS_SYS >> 2]! & FLAG_VM) !== 0) return false
  const at = descriptorAt(cpu, selector)
  if (at === 0) return false
  const lo = u32[at]!
  const hi = u32[at + 1]!
  const dpl = (hi >>> 13) & 3
  if ((hi & LOADABLE_BITS) !== LOADABLE || (selector & 3) > dpl || u32[CPL >> 2]! > dpl) return false
  setSegment(cpu, seg, selector, baseOf(lo, hi), limitOf(lo, hi), hi)
  return true
}
