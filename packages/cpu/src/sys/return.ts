/**
 * Far returns: RETF and IRET in real, virtual-8086 and protected mode, to the same or an outer level, to a
 * virtual-8086 task, to a nested task's caller. Intel SDM vol. 2 (RET, IRET), vol. 3A 5.8.6, 6.12.1, 20.2.5.
 */
import type { GuestContext } from '@paragraft/core'
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
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
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_SS,
  VEC_GP,
  VEC_NP,
  VEC_SS,
} from '../state.ts'
import {
  type Descriptor,
  descDpl,
  fetchDescriptor,
  isConforming,
  isNull,
  isPresent,
  isWritableData,
  setAccessed,
  setSegmentFrom,
} from './descriptors.ts'
import { cpl, getEflags, iopl, isV86, setEflags } from './flags.ts'
import { finishSwitch } from './interrupts.ts'
import { checkCodeOffset, dropPrivilegedSegments, isProtected, setV86Segment } from './segments.ts'
import { currentStack, type StackCursor, writeStackPointer } from './stack.ts'
import { returnFromTask } from './task.ts'
import { enterCode, enterRealCode, fetchCode, requireInside } from './transfer.ts'
import { iretVme } from './vme.ts'

/** CS of a return: code, not to an inner level, consistent with its RPL, present. */
function fetchReturnCode(cpu: Processor, selector: number): Descriptor {
  const d = fetchCode(cpu, selector)
  const rpl = selector & 3
  const dpl = descDpl(d)
  if (rpl < cpl(cpu) || (isConforming(d) ? dpl > rpl : dpl !== rpl)) throw new GuestFault(VEC_GP, selector & 0xfffc)
  if (!isPresent(d)) throw new GuestFault(VEC_NP, selector & 0xfffc)
  return d
}

/** SS of a return to outer level `level`. */
function fetchReturnStack(cpu: Processor, selector: number, level: number): Descriptor {
  if (isNull(selector)) throw new GuestFault(VEC_GP, 0)
  const d = fetchDescriptor(cpu, selector)
  if ((selector & 3) !== level || !isWritableData(d) || descDpl(d) !== level) {
    throw new GuestFault(VEC_GP, selector & 0xfffc)
  }
  if (!isPresent(d)) throw new GuestFault(VEC_SS, selector & 0xfffc)
  return d
}

/** The common end of RETF and IRET to an outer level: SS:ESP come off the stack; commits everything. */
function enterOuter(
  cpu: Processor,
  stack: StackCursor,
  size: number,
  release: number,
  selector: number,
  d: Descriptor,
  eip: number,
): void {
  const level = selector & 3
  const newSp = stack.pop(size)
  const ss = stack.pop(size) & 0xffff
  const ssd = fetchReturnStack(cpu, ss, level)
  requireInside(d, eip)
  commitOuter(cpu, selector, d, eip, ss, ssd, newSp + release)
}

function commitOuter(
  cpu: Processor,
  selector: number,
  d: Descriptor,
  eip: number,
  ss: number,
  ssd: Descriptor,
  sp: number,
): void {
  const level = selector & 3
  setAccessed(cpu, d)
  setAccessed(cpu, ssd)
  enterCode(cpu, selector, d, level, eip)
  setSegmentFrom(cpu, SEG_SS, ss, ssd)
  writeStackPointer(cpu, sp, ssd.hi)
  dropPrivilegedSegments(cpu, level)
}

/** RETF, releasing `release` bytes of parameters. */
export function retFar(cpu: Processor, opsize: number, release: number): void {
  const stack = currentStack(cpu)
  const eip = stack.pop(opsize)
  const selector = stack.pop(opsize) & 0xffff
  if (!isProtected(cpu)) {
    checkCodeOffset(cpu, eip)
    stack.skip(release)
    stack.commit()
    enterRealCode(cpu, selector, eip)
    return
  }
  const d = fetchReturnCode(cpu, selector)
  stack.skip(release)
  if ((selector & 3) > cpl(cpu)) {
    enterOuter(cpu, stack, opsize, release, selector, d, eip)
    return
  }
  requireInside(d, eip)
  setAccessed(cpu, d)
  stack.commit()
  enterCode(cpu, selector, d, cpl(cpu), eip)
}

/** Flags that every IRET restores; the others depend on privilege and operand size. */
const IRET_ALWAYS = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT

function mergeFlags(cpu: Processor, image: number, mask: number): void {
  setEflags(cpu, (getEflags(cpu) & ~mask) | (image & mask))
}

/** IRET / IRETD. `nextEip` is the EIP after the instruction: a return from a nested task saves it. */
export function iret(cpu: Processor, opsize: number, nextEip: number): void {
  if (cpu.nmiBlocked) {
    cpu.nmiBlocked = false
    if (cpu.interruptWaiting) cpu.attention()
  }
  returnFromInterrupt(cpu, opsize, nextEip)
}

/** Every IRET but for what it does to NMIs. */
function returnFromInterrupt(cpu: Processor, opsize: number, nextEip: number): void {
  if (isV86(cpu)) {
    iretFromV86(cpu, opsize)
    return
  }
  if (!isProtected(cpu)) {
    const stack = currentStack(cpu)
    const eip = stack.pop(opsize)
    const selector = stack.pop(opsize) & 0xffff
    const image = stack.pop(opsize)
    checkCodeOffset(cpu, eip)
    stack.commit()
    enterRealCode(cpu, selector, eip)
    mergeFlags(cpu, image, IRET_ALWAYS | FLAG_IF | FLAG_IOPL | (opsize === 4 ? FLAG_RF | FLAG_AC | FLAG_ID : 0))
    return
  }
  if ((cpu.u32[EFLAGS_SYS >> 2]! & FLAG_NT) !== 0) {
    // A deprivileged guest has no task to return to.
    if (cpu.monitor !== null) throw new GuestFault(VEC_GP, 0)
    finishSwitch(cpu, () => returnFromTask(cpu, nextEip))
    return
  }
  const stack = currentStack(cpu)
  const eip = stack.pop(opsize)
  const selector = stack.pop(opsize) & 0xffff
  const image = stack.pop(opsize)
  const level = cpl(cpu)
  if (opsize === 4 && (image & FLAG_VM) !== 0 && level === 0) {
    iretToV86(cpu, stack, eip, selector, image)
    return
  }
  let mask = IRET_ALWAYS
  if (opsize === 4) mask |= FLAG_RF | FLAG_AC | FLAG_ID
  if (level <= iopl(cpu)) mask |= FLAG_IF
  if (level === 0) mask |= FLAG_IOPL | (opsize === 4 ? FLAG_VIF | FLAG_VIP : 0)
  const d = fetchReturnCode(cpu, selector)
  if ((selector & 3) > level) {
    enterOuter(cpu, stack, opsize, 0, selector, d, eip)
  } else {
    requireInside(d, eip)
    setAccessed(cpu, d)
    stack.commit()
    enterCode(cpu, selector, d, level, eip)
  }
  mergeFlags(cpu, image, mask)
}

/** As IRETD from privilege level 0 to an outer one, with this frame. */
export function enterContext(cpu: Processor, { cs, eip, eflags, ss, esp }: GuestContext): void {
  const level = cs & 3
  if (level === 0) throw new GuestFault(VEC_GP, cs & 0xfffc)
  const d = fetchReturnCode(cpu, cs)
  const ssd = fetchReturnStack(cpu, ss, level)
  requireInside(d, eip)
  commitOuter(cpu, cs, d, eip, ss, ssd, esp)
  setEflags(cpu, eflags)
}

function iretFromV86(cpu: Processor, opsize: number): void {
  if (iopl(cpu) < 3) {
    iretVme(cpu, opsize)
    return
  }
  const stack = currentStack(cpu)
  const eip = stack.pop(opsize)
  const selector = stack.pop(opsize) & 0xffff
  const image = stack.pop(opsize)
  checkCodeOffset(cpu, eip)
  stack.commit()
  enterRealCode(cpu, selector, eip)
  mergeFlags(cpu, image, IRET_ALWAYS | FLAG_IF | (opsize === 4 ? FLAG_RF | FLAG_AC | FLAG_ID : 0))
}

/** IRETD at level 0 with VM set in the image: ESP, SS, ES, DS, FS, GS follow on the stack. */
function iretToV86(cpu: Processor, stack: StackCursor, eip: number, cs: number, image: number): void {
  const esp = stack.pop(4)
  const ss = stack.pop(4) & 0xffff
  const es = stack.pop(4) & 0xffff
  const ds = stack.pop(4) & 0xffff
  const fs = stack.pop(4) & 0xffff
  const gs = stack.pop(4) & 0xffff
  if (eip > 0xffff) throw new GuestFault(VEC_GP, 0)
  setEflags(cpu, image)
  cpu.setCpl(3)
  setV86Segment(cpu, SEG_CS, cs)
  setV86Segment(cpu, SEG_SS, ss)
  setV86Segment(cpu, SEG_ES, es)
  setV86Segment(cpu, SEG_DS, ds)
  setV86Segment(cpu, SEG_FS, fs)
  setV86Segment(cpu, SEG_GS, gs)
  cpu.u32[ESP >> 2] = esp
  cpu.u32[EIP >> 2] = eip
}
