/**
 * Far JMP and CALL: direct, through call gates (with stack switch and parameter copying), task gates and TSSs.
 * Intel SDM vol. 2 (CALL, JMP), vol. 3A 5.8 (privilege checks), 7.3 (task switching).
 */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import { EIP, SEG_CS, SEG_SS, VEC_GP, VEC_NP } from '../state.ts'
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
  SYS_CALL16,
  SYS_CALL32,
  SYS_TASK,
  SYS_TSS16,
  SYS_TSS32,
  segSelector,
  setAccessed,
  setSegment,
  setSegmentFrom,
} from './descriptors.ts'
import { cpl, isV86 } from './flags.ts'
import { finishSwitch } from './interrupts.ts'
import { checkCodeOffset, isProtected, setRealSegment, setV86Segment } from './segments.ts'
import { currentStack, innerStack } from './stack.ts'
import { type TaskSwitchKind, taskSwitch } from './task.ts'

/** Loads CS from a checked descriptor, with `level` as RPL, CPL and EIP. Commits. */
export function enterCode(cpu: Processor, selector: number, d: Descriptor, level: number, eip: number): void {
  setSegment(cpu, SEG_CS, (selector & 0xfffc) | level, descBase(d), descLimit(d), d.hi)
  cpu.setCpl(level)
  cpu.u32[EIP >> 2] = eip
}

/** A selector for CS: not null, inside its table, code. */
export function fetchCode(cpu: Processor, selector: number, ext = 0): Descriptor {
  if (isNull(selector)) throw new GuestFault(VEC_GP, ext)
  const d = fetchDescriptor(cpu, selector, VEC_GP, ext)
  if (!isCode(d)) throw new GuestFault(VEC_GP, (selector & 0xfffc) | ext)
  return d
}

/** #NP(selector) unless present. */
export function requirePresent(d: Descriptor, ext = 0): void {
  if (!isPresent(d)) throw new GuestFault(VEC_NP, (d.selector & 0xfffc) | ext)
}

/** #GP(ext) unless `eip` lies inside the code segment being entered. */
export function requireInside(d: Descriptor, eip: number, ext = 0): void {
  if (eip >>> 0 > descLimit(d)) throw new GuestFault(VEC_GP, ext)
}

/** Real and virtual-8086 mode: CS follows the selector. `offset` has been checked. */
export function enterRealCode(cpu: Processor, selector: number, offset: number): void {
  if (isV86(cpu)) setV86Segment(cpu, SEG_CS, selector)
  else setRealSegment(cpu, SEG_CS, selector)
  cpu.u32[EIP >> 2] = offset
}

/**
 * JMP ptr16:16/32 and m16:16/32. `offset` is already cut to the operand size; `nextEip` is the EIP after the
 * instruction (task switches save it). Sets CS, EIP and what follows.
 */
export function jumpFar(cpu: Processor, selector: number, offset: number, opsize: number, nextEip: number): void {
  transfer(cpu, selector & 0xffff, offset >>> 0, opsize, nextEip, 'jmp')
}

/** CALL ptr16:16/32 and m16:16/32; pushes CS and `nextEip`. */
export function callFar(cpu: Processor, selector: number, offset: number, opsize: number, nextEip: number): void {
  transfer(cpu, selector & 0xffff, offset >>> 0, opsize, nextEip, 'call')
}

function transfer(
  cpu: Processor,
  selector: number,
  offset: number,
  opsize: number,
  nextEip: number,
  kind: 'jmp' | 'call',
): void {
  if (!isProtected(cpu)) {
    const stack = kind === 'call' ? currentStack(cpu) : undefined
    stack?.requireRoom(2, opsize)
    checkCodeOffset(cpu, offset)
    stack?.push(segSelector(cpu, SEG_CS), opsize)
    stack?.push(nextEip, opsize)
    stack?.commit()
    enterRealCode(cpu, selector, offset)
    return
  }
  if (isNull(selector)) throw new GuestFault(VEC_GP, 0)
  const d = fetchDescriptor(cpu, selector)
  const code = selector & 0xfffc
  if (!isSystem(d)) {
    if (!isCode(d)) throw new GuestFault(VEC_GP, code)
    const level = cpl(cpu)
    const dpl = descDpl(d)
    if (isConforming(d) ? dpl > level : (selector & 3) > level || dpl !== level) throw new GuestFault(VEC_GP, code)
    requirePresent(d)
    enterSameLevel(cpu, selector, d, offset, opsize, nextEip, kind)
    return
  }
  const dpl = descDpl(d)
  const type = descType(d)
  const known =
    type === SYS_TSS16 || type === SYS_TSS32 || type === SYS_TASK || type === SYS_CALL16 || type === SYS_CALL32
  if (!known || dpl < cpl(cpu) || dpl < (selector & 3)) throw new GuestFault(VEC_GP, code)
  requirePresent(d)
  if (type === SYS_TSS16 || type === SYS_TSS32) finishSwitch(cpu, () => taskSwitch(cpu, d, kind, nextEip))
  else if (type === SYS_TASK) finishSwitch(cpu, () => taskSwitch(cpu, fetchGateTss(cpu, d), kind, nextEip))
  else throughCallGate(cpu, d, nextEip, kind)
}

/** The TSS that a task gate names: in the GDT, available, present. */
export function fetchGateTss(cpu: Processor, gate: Descriptor, ext = 0): Descriptor {
  const selector = gate.lo >>> 16
  const code = (selector & 0xfffc) | ext
  if (isNull(selector) || (selector & 4) !== 0) throw new GuestFault(VEC_GP, code)
  const d = fetchDescriptor(cpu, selector, VEC_GP, ext)
  const type = descType(d)
  if (!isSystem(d) || (type !== SYS_TSS16 && type !== SYS_TSS32)) throw new GuestFault(VEC_GP, code)
  requirePresent(d, ext)
  return d
}

function enterSameLevel(
  cpu: Processor,
  selector: number,
  d: Descriptor,
  offset: number,
  size: number,
  nextEip: number,
  kind: TaskSwitchKind,
): void {
  const stack = kind === 'call' ? currentStack(cpu) : undefined
  stack?.requireRoom(2, size)
  requireInside(d, offset)
  stack?.push(segSelector(cpu, SEG_CS), size)
  stack?.push(nextEip, size)
  setAccessed(cpu, d)
  stack?.commit()
  enterCode(cpu, selector, d, cpl(cpu), offset)
}

function throughCallGate(cpu: Processor, gate: Descriptor, nextEip: number, kind: 'jmp' | 'call'): void {
  const wide = descType(gate) === SYS_CALL32
  const size = wide ? 4 : 2
  const offset = wide ? ((gate.hi & 0xffff0000) | (gate.lo & 0xffff)) >>> 0 : gate.lo & 0xffff
  const selector = gate.lo >>> 16
  const d = fetchCode(cpu, selector)
  const level = cpl(cpu)
  const dpl = descDpl(d)
  const conforming = isConforming(d)
  if (dpl > level || (kind === 'jmp' && !conforming && dpl !== level)) throw new GuestFault(VEC_GP, selector & 0xfffc)
  requirePresent(d)
  if (kind === 'jmp' || conforming || dpl === level) {
    enterSameLevel(cpu, selector, d, offset, size, nextEip, kind)
    return
  }
  // More privilege: the caller's stack pointer and the gate's parameters move to the inner stack (vol. 3A 5.8.5).
  const outer = currentStack(cpu)
  const outerSp = outer.sp
  const count = gate.hi & 0x1f
  const inner = innerStack(cpu, dpl, 0)
  inner.cursor.requireRoom(4 + count, size)
  requireInside(d, offset)
  inner.cursor.push(segSelector(cpu, SEG_SS), size)
  inner.cursor.push(outerSp, size)
  for (let i = count - 1; i >= 0; i--) inner.cursor.push(outer.peek(i * size, size), size)
  inner.cursor.push(segSelector(cpu, SEG_CS), size)
  inner.cursor.push(nextEip, size)
  setAccessed(cpu, inner.descriptor)
  setAccessed(cpu, d)
  setSegmentFrom(cpu, SEG_SS, inner.selector, inner.descriptor)
  inner.cursor.commit()
  enterCode(cpu, selector, d, dpl, offset)
}
