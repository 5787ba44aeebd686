/**
 * Delivery of one event: through the real-mode vector table, or through interrupt, trap and task gates with their
 * privilege and stack changes. Intel SDM vol. 3A 6.12 (handling), 6.13 (error code), 20.1.4 (real mode), 20.3
 * (virtual-8086 mode); vol. 2, INT n.
 */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
  CR0,
  CR0_PE,
  EIP,
  ESP,
  FLAG_AC,
  FLAG_IF,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  IDTR_BASE,
  IDTR_LIMIT,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_SS,
  VEC_GP,
  VEC_NP,
} from '../state.ts'
import {
  ATTR_P,
  type Descriptor,
  descDpl,
  descType,
  isConforming,
  isSystem,
  SYS_INT16,
  SYS_INT32,
  SYS_TASK,
  SYS_TRAP16,
  SYS_TRAP32,
  segSelector,
  setAccessed,
  setSegmentFrom,
} from './descriptors.ts'
import { cpl, getEflags, isV86, setSystemFlags } from './flags.ts'
import { checkCodeOffset, setNullSegment, setRealSegment } from './segments.ts'
import { currentStack, innerStack, type StackCursor } from './stack.ts'
import { taskSwitch } from './task.ts'
import { enterCode, fetchCode, fetchGateTss, requireInside, requirePresent } from './transfer.ts'

/** How an event enters. */
export interface Delivery {
  /** INT n, INT3, INTO: the gate's DPL is checked, and error codes carry EXT = 0. */
  software: boolean
  /** Pushed when >= 0. */
  errorCode: number
  /** EIP that the handler returns to. */
  returnEip: number
  /** RF in the pushed EFLAGS (fault-class exceptions, SDM vol. 3B 17.3.1.1). */
  resume: boolean
}

/** Delivers `vector`; throws GuestFault, with nothing committed, when the delivery itself faults. */
export function deliver(cpu: Processor, vector: number, how: Delivery): void {
  if ((cpu.u32[CR0 >> 2]! & CR0_PE) === 0) deliverReal(cpu, vector, how)
  else deliverProtected(cpu, vector, how)
}

function deliverReal(cpu: Processor, vector: number, how: Delivery): void {
  if (vector * 4 + 3 > cpu.u32[IDTR_LIMIT >> 2]!) throw new GuestFault(VEC_GP, 0)
  const at = (cpu.u32[IDTR_BASE >> 2]! + vector * 4) >>> 0
  const offset = cpu.readSys16(at)
  const selector = cpu.readSys16((at + 2) >>> 0)
  const flags = getEflags(cpu)
  const stack = currentStack(cpu)
  stack.requireRoom(3, 2)
  stack.push(flags, 2)
  stack.push(segSelector(cpu, SEG_CS), 2)
  stack.push(how.returnEip, 2)
  checkCodeOffset(cpu, offset)
  stack.commit()
  setRealSegment(cpu, SEG_CS, selector)
  cpu.u32[EIP >> 2] = offset
  setSystemFlags(cpu, flags & ~(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF))
}

function deliverProtected(cpu: Processor, vector: number, how: Delivery): void {
  const ext = how.software ? 0 : 1
  const code = vector * 8 + 2 + ext
  if (vector * 8 + 7 > cpu.u32[IDTR_LIMIT >> 2]!) throw new GuestFault(VEC_GP, code)
  const at = (cpu.u32[IDTR_BASE >> 2]! + vector * 8) >>> 0
  const lo = cpu.readSys32(at) | 0
  const hi = cpu.readSys32((at + 4) >>> 0) | 0
  const gate: Descriptor = { selector: code, at: at | 0, lo, hi }
  const type = descType(gate)
  const task = type === SYS_TASK
  const wide = type === SYS_INT32 || type === SYS_TRAP32
  const known = task || wide || type === SYS_INT16 || type === SYS_TRAP16
  if (!isSystem(gate) || !known) throw new GuestFault(VEC_GP, code)
  if (how.software && descDpl(gate) < cpl(cpu)) throw new GuestFault(VEC_GP, code)
  if ((hi & ATTR_P) === 0) throw new GuestFault(VEC_NP, code)
  if (task) {
    taskSwitch(cpu, fetchGateTss(cpu, gate, ext), 'int', how.returnEip, ext, how.errorCode)
    return
  }
  const size = wide ? 4 : 2
  const offset = wide ? ((hi & 0xffff0000) | (lo & 0xffff)) >>> 0 : lo & 0xffff
  const selector = lo >>> 16
  const d = fetchCode(cpu, selector, ext)
  const level = cpl(cpu)
  const dpl = descDpl(d)
  if (dpl > level) throw new GuestFault(VEC_GP, (selector & 0xfffc) | ext)
  requirePresent(d, ext)
  const v86 = isV86(cpu)
  const inner = !isConforming(d) && dpl < level
  if (v86 && (!inner || dpl !== 0)) throw new GuestFault(VEC_GP, (selector & 0xfffc) | ext)
  const flags = getEflags(cpu)
  const image = how.resume ? flags | FLAG_RF : flags
  const slots = how.errorCode >= 0 ? 1 : 0
  const clear = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (type === SYS_INT32 || type === SYS_INT16 ? FLAG_IF : 0)
  if (!inner) {
    const stack = currentStack(cpu, ext)
    stack.requireRoom(3 + slots, size)
    requireInside(d, offset, ext)
    pushFrame(cpu, stack, size, image, how)
    setAccessed(cpu, d)
    stack.commit()
    enterCode(cpu, selector, d, level, offset)
    setSystemFlags(cpu, flags & ~clear)
    return
  }
  const stack = innerStack(cpu, dpl, ext)
  stack.cursor.requireRoom((v86 ? 9 : 5) + slots, size)
  requireInside(d, offset, ext)
  if (v86) for (const seg of [SEG_GS, SEG_FS, SEG_DS, SEG_ES]) stack.cursor.push(segSelector(cpu, seg), size)
  stack.cursor.push(segSelector(cpu, SEG_SS), size)
  stack.cursor.push(cpu.u32[ESP >> 2]!, size)
  pushFrame(cpu, stack.cursor, size, image, how)
  setAccessed(cpu, stack.descriptor)
  setAccessed(cpu, d)
  setSystemFlags(cpu, flags & ~clear)
  if (v86) for (const seg of [SEG_GS, SEG_FS, SEG_DS, SEG_ES]) setNullSegment(cpu, seg, 0)
  setSegmentFrom(cpu, SEG_SS, stack.selector, stack.descriptor)
  stack.cursor.commit()
  enterCode(cpu, selector, d, dpl, offset)
}

function pushFrame(cpu: Processor, stack: StackCursor, size: number, image: number, how: Delivery): void {
  stack.push(image, size)
  stack.push(segSelector(cpu, SEG_CS), size)
  stack.push(how.returnEip, size)
  if (how.errorCode >= 0) stack.push(how.errorCode, size)
}
