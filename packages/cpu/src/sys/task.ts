/**
 * Task switches through JMP, CALL, interrupts, exceptions and IRET, with 32-bit and 16-bit TSSs.
 * Intel SDM vol. 3A chapter 7 (7.2 TSS, 7.3 switching and its checks, table 7-2; 7.4 linking).
 */
import { GuestFault } from '../context.ts'
import { probeLinear, readAs, writeAs } from '../mmu/access.ts'
import { loadPdptes } from '../mmu/walk.ts'
import type { Processor } from '../processor.ts'
import {
  CR0,
  CR0_PG,
  CR0_TS,
  CR3,
  CR4,
  CR4_PAE,
  DR,
  EFLAGS_SYS,
  EIP,
  FLAG_NT,
  FLAG_VM,
  GPR,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_LDTR,
  SEG_TR,
  VEC_GP,
  VEC_NP,
  VEC_TS,
} from '../state.ts'
import {
  type Descriptor,
  descBase,
  descDpl,
  descLimit,
  descType,
  fetchDescriptor,
  isCode,
  isConforming,
  isNull,
  isPresent,
  isSystem,
  SYS_TSS16_BUSY,
  SYS_TSS32_BUSY,
  segAttr,
  segBase,
  segLimit,
  segSelector,
  setAccessed,
  setSegmentFrom,
} from './descriptors.ts'
import { getEflags, setEflags } from './flags.ts'
import { loadDataSegment, loadStackSegment, setNullSegment, setV86Segment } from './segments.ts'
import { currentStack } from './stack.ts'
import { loadLdtr } from './tables.ts'

/** What caused a task switch. */
export type TaskSwitchKind = 'jmp' | 'call' | 'int' | 'iret'

/**
 * A fault in the context of the task just entered: the switch is done, EIP is the new task's. `finishSwitch` turns it
 * into a delivery; inside another event's delivery it takes part in the double-fault rules like any other.
 */
export class NewTaskFault extends GuestFault {}

/** Field offsets of a TSS; `size` is the width of registers in it. */
interface TssLayout {
  size: number
  eip: number
  eflags: number
  gpr: number
  /** ES, CS, SS, DS (and FS, GS): `count` words, `step` bytes apart. */
  segments: number
  step: number
  count: number
  ldt: number
  /** Smallest valid limit. */
  limit: number
}

const TSS32: TssLayout = { size: 4, eip: 32, eflags: 36, gpr: 40, segments: 72, step: 4, count: 6, ldt: 96, limit: 103 }
const TSS16: TssLayout = { size: 2, eip: 14, eflags: 16, gpr: 18, segments: 34, step: 2, count: 4, ldt: 42, limit: 43 }

const TSS_CR3 = 28
const TSS_TRAP = 100
/** DR6.BT. */
const DR6_BT = 0x8000

function layoutOf(hi: number): TssLayout {
  return (hi & 0x800) !== 0 ? TSS32 : TSS16
}

/** What an incoming TSS holds. */
interface Incoming {
  cr3: number
  eip: number
  eflags: number
  gpr: number[]
  segments: number[]
  ldt: number
  trap: boolean
}

function readIncoming(cpu: Processor, base: number, layout: TssLayout): Incoming {
  const word = (offset: number, size: number): number => readAs(cpu, base + offset, size, false)
  const wide = layout.size === 4
  const gpr: number[] = []
  // A 16-bit TSS leaves the high halves as ones (SDM 7.6 says only that they are not saved; processors load FFFFh).
  for (let i = 0; i < 8; i++) {
    const value = word(layout.gpr + i * layout.size, layout.size)
    gpr.push(wide ? value : (value | 0xffff0000) >>> 0)
  }
  const segments: number[] = []
  for (let i = 0; i < 6; i++) segments.push(i < layout.count ? word(layout.segments + i * layout.step, 2) : 0)
  return {
    cr3: wide ? word(TSS_CR3, 4) : 0,
    eip: word(layout.eip, layout.size),
    eflags: word(layout.eflags, layout.size),
    gpr,
    segments,
    ldt: word(layout.ldt, 2),
    trap: wide && (word(TSS_TRAP, 2) & 1) !== 0,
  }
}

function saveOutgoing(cpu: Processor, base: number, layout: TssLayout, eip: number, eflags: number): void {
  const { size } = layout
  writeAs(cpu, base + layout.eip, size, eip, false)
  writeAs(cpu, base + layout.eflags, size, eflags, false)
  for (let i = 0; i < 8; i++) writeAs(cpu, base + layout.gpr + i * size, size, cpu.u32[(GPR + i * 8) >> 2]!, false)
  for (let i = 0; i < layout.count; i++) {
    writeAs(cpu, base + layout.segments + i * layout.step, 2, segSelector(cpu, i), false)
  }
}

/** Sets or clears the busy bit of the TSS descriptor at `at`. */
function setBusy(cpu: Processor, at: number, busy: boolean): void {
  const hi = cpu.readSys32(at + 4)
  cpu.writeSys32(at + 4, busy ? hi | 0x200 : hi & ~0x200)
}

/**
 * Switches to the task of TSS descriptor `d` (checked: type, presence, and busy as the cause demands). `eip` is what
 * the outgoing task resumes at. With `errorCode` >= 0 it is pushed on the new task's stack. Faults up to the commit
 * leave everything as it was; later ones are thrown as NewTaskFault.
 */
export function taskSwitch(
  cpu: Processor,
  d: Descriptor,
  kind: TaskSwitchKind,
  eip: number,
  ext = 0,
  errorCode = -1,
): void {
  const layout = layoutOf(d.hi)
  const base = descBase(d)
  const code = (d.selector & 0xfffc) | ext
  if (descLimit(d) < layout.limit) throw new GuestFault(VEC_TS, code)
  const oldLayout = layoutOf(segAttr(cpu, SEG_TR))
  const oldBase = segBase(cpu, SEG_TR)
  const oldSelector = segSelector(cpu, SEG_TR)
  if (segLimit(cpu, SEG_TR) < oldLayout.limit) throw new GuestFault(VEC_TS, (oldSelector & 0xfffc) | ext)
  const nest = kind === 'call' || kind === 'int'

  // Everything that can page-fault comes before the first write.
  const savedEnd = oldLayout.segments + oldLayout.count * oldLayout.step
  probeLinear(cpu, oldBase + oldLayout.eip, savedEnd - oldLayout.eip, true, false)
  const incoming = readIncoming(cpu, base, layout)
  if (nest) probeLinear(cpu, base, 2, true, false)
  const old = fetchDescriptor(cpu, oldSelector & 0xfffb, VEC_TS, ext)
  if (!nest) probeLinear(cpu, old.at + 4, 4, true, false)
  if (kind !== 'iret') probeLinear(cpu, d.at + 4, 4, true, false)
  const paging = (cpu.u32[CR0 >> 2]! & CR0_PG) !== 0
  const newCr3 = layout.size === 4 && paging
  if (newCr3 && (cpu.u32[CR4 >> 2]! & CR4_PAE) !== 0) loadPdptes(cpu, incoming.cr3)

  if (!nest) setBusy(cpu, old.at, false)
  const flags = getEflags(cpu)
  saveOutgoing(cpu, oldBase, oldLayout, eip, kind === 'iret' ? flags & ~FLAG_NT : flags)
  if (nest) writeAs(cpu, base, 2, oldSelector, false)
  if (kind !== 'iret') setBusy(cpu, d.at, true)

  // Commit: from here on we are the new task.
  setSegmentFrom(cpu, SEG_TR, d.selector, { ...d, hi: d.hi | 0x200 })
  cpu.u32[CR0 >> 2]! |= CR0_TS
  cpu.u32[(DR + 7 * 8) >> 2]! &= ~0x155
  if (newCr3) {
    cpu.u32[CR3 >> 2] = incoming.cr3
    cpu.flushTlb('nonglobal')
  }
  for (let i = 0; i < 8; i++) cpu.u32[(GPR + i * 8) >> 2] = incoming.gpr[i]!
  cpu.u32[EIP >> 2] = incoming.eip
  setEflags(cpu, nest ? incoming.eflags | FLAG_NT : incoming.eflags)
  cpu.attention()
  try {
    enterTask(cpu, incoming, layout.size, ext, errorCode)
  } catch (thrown) {
    if (!(thrown instanceof GuestFault)) throw thrown
    throw new NewTaskFault(thrown.vector, thrown.errorCode, thrown.cr2)
  }
}

/** The part of a switch whose faults belong to the new task. */
function enterTask(cpu: Processor, incoming: Incoming, size: number, ext: number, errorCode: number): void {
  loadTaskSegments(cpu, incoming, ext)
  if (errorCode >= 0) {
    const stack = currentStack(cpu, ext)
    stack.push(errorCode, size)
    stack.commit()
  }
  if (incoming.eip > segLimit(cpu, SEG_CS)) throw new GuestFault(VEC_GP, ext)
  if (incoming.trap) cpu.armDebugTrap(DR6_BT)
}

/** LDTR and the segment registers of the new task; all selectors are in place, unusable, before the first check. */
function loadTaskSegments(cpu: Processor, incoming: Incoming, ext: number): void {
  const [es, cs, ss, ds, fs, gs] = incoming.segments as [number, number, number, number, number, number]
  const v86 = (cpu.u32[EFLAGS_SYS >> 2]! & FLAG_VM) !== 0
  incoming.segments.forEach((selector, seg) => {
    if (v86) setV86Segment(cpu, seg, selector)
    else setNullSegment(cpu, seg, selector)
  })
  setNullSegment(cpu, SEG_LDTR, incoming.ldt)
  cpu.setCpl(v86 ? 3 : cs & 3)
  loadLdtr(cpu, incoming.ldt, VEC_TS, ext)
  if (v86) return
  const level = cs & 3
  loadStackSegment(cpu, ss, level, VEC_TS, ext)
  loadDataSegment(cpu, SEG_DS, ds, level, VEC_TS, ext)
  loadDataSegment(cpu, SEG_ES, es, level, VEC_TS, ext)
  loadDataSegment(cpu, SEG_FS, fs, level, VEC_TS, ext)
  loadDataSegment(cpu, SEG_GS, gs, level, VEC_TS, ext)
  loadTaskCode(cpu, cs, level, ext)
}

function loadTaskCode(cpu: Processor, cs: number, level: number, ext: number): void {
  const code = (cs & 0xfffc) | ext
  if (isNull(cs)) throw new GuestFault(VEC_TS, code)
  const d = fetchDescriptor(cpu, cs, VEC_TS, ext)
  const dpl = descDpl(d)
  if (!isCode(d) || (isConforming(d) ? dpl > level : dpl !== level)) throw new GuestFault(VEC_TS, code)
  if (!isPresent(d)) throw new GuestFault(VEC_NP, code)
  setAccessed(cpu, d)
  setSegmentFrom(cpu, SEG_CS, cs, d)
}

/** IRET with NT set: back to the task that the current TSS links to (SDM 7.4). */
export function returnFromTask(cpu: Processor, nextEip: number): void {
  const link = cpu.readSys16(segBase(cpu, SEG_TR))
  const code = link & 0xfffc
  if ((link & 4) !== 0 || isNull(link)) throw new GuestFault(VEC_TS, code)
  const d = fetchDescriptor(cpu, link, VEC_TS)
  const type = descType(d)
  if (!isSystem(d) || (type !== SYS_TSS16_BUSY && type !== SYS_TSS32_BUSY)) throw new GuestFault(VEC_TS, code)
  if (!isPresent(d)) throw new GuestFault(VEC_NP, code)
  taskSwitch(cpu, d, 'iret', nextEip)
}
