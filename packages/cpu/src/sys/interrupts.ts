/**
 * Interrupts and exceptions: delivery through the real-mode vector table, interrupt, trap and task gates; double and
 * triple fault. Intel SDM vol. 3A chapter 6 (6.12 handling, 6.13 error code, table 6-5 double fault conditions),
 * 20.1.4 (real mode), 20.3 (virtual-8086 mode).
 */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
  CR0,
  CR0_PE,
  CR2,
  EFLAGS_SYS,
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
  VEC_DB,
  VEC_DE,
  VEC_DF,
  VEC_GP,
  VEC_NMI,
  VEC_NP,
  VEC_PF,
  VEC_TS,
} from '../state.ts'
import { commitDebugStatus, discardDebugTraps } from './debug.ts'
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
import { cpl, getEflags, iopl, isV86, setSystemFlags } from './flags.ts'
import { checkCodeOffset, setNullSegment, setRealSegment } from './segments.ts'
import { currentStack, innerStack, type StackCursor } from './stack.ts'
import { NewTaskFault, taskSwitch } from './task.ts'
import { enterCode, fetchCode, fetchGateTss, requireInside, requirePresent } from './transfer.ts'
import { redirectVme } from './vme.ts'

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

/**
 * Runs an instruction that may switch tasks. A fault of the task entered is delivered there and then, since the
 * instruction itself is complete and EIP is the new task's.
 */
export function finishSwitch(cpu: Processor, instruction: () => void): void {
  try {
    instruction()
  } catch (thrown) {
    if (!(thrown instanceof NewTaskFault)) throw thrown
    raise(cpu, thrown)
  }
}

function instructionTrap(cpu: Processor, vector: number, software: boolean, nextEip: number): void {
  finishSwitch(cpu, () => deliver(cpu, vector, { software, errorCode: -1, returnEip: nextEip, resume: false }))
}

/** INT n at the current instruction: VME redirection and the IOPL rule of virtual-8086 mode first. */
export function softwareInterrupt(cpu: Processor, vector: number, nextEip: number): void {
  if (isV86(cpu)) {
    if (redirectVme(cpu, vector, nextEip)) return
    if (iopl(cpu) < 3) throw new GuestFault(VEC_GP, 0)
  }
  instructionTrap(cpu, vector, true, nextEip)
}

/** INT3 and INTO (vectors 3 and 4): the gate's DPL is checked, IOPL is not. */
export function softwareTrap(cpu: Processor, vector: number, nextEip: number): void {
  instructionTrap(cpu, vector, true, nextEip)
}

/** INT1 (opcode F1): as a debug exception without DR6 bits; no DPL check. */
export function int1(cpu: Processor, nextEip: number): void {
  instructionTrap(cpu, VEC_DB, false, nextEip)
}

/** A maskable interrupt at an instruction boundary. Faults of the delivery are raised in turn. */
export function externalInterrupt(cpu: Processor, vector: number): void {
  cpu.halted = false
  attempt(cpu, new GuestFault(vector), true)
}

/** NMI at an instruction boundary; blocks further ones until IRET. The caller has checked `cpu.nmiBlocked`. */
export function nonMaskableInterrupt(cpu: Processor): void {
  cpu.halted = false
  cpu.nmiBlocked = true
  attempt(cpu, new GuestFault(VEC_NMI), true)
}

/** Raises a fault of the current instruction (state: EIP at its start, nothing committed). */
export function raise(cpu: Processor, fault: GuestFault): void {
  cpu.halted = false
  cpu.onException(fault)
  attempt(cpu, fault, false)
}

/** Raises #DB as a trap: EIP already at the next instruction, RF not set in the pushed flags. */
export function raiseDebugTrap(cpu: Processor): void {
  cpu.halted = false
  attempt(cpu, new GuestFault(VEC_DB), false)
}

/** Contributory exceptions of table 6-5: #DE #TS #NP #SS #GP. */
function isContributory(vector: number): boolean {
  return vector === VEC_DE || (vector >= VEC_TS && vector <= VEC_GP)
}

/** Table 6-5: does `second`, met while delivering `first`, make a double fault? */
function makesDoubleFault(first: number, second: number): boolean {
  if (isContributory(first)) return isContributory(second)
  return first === VEC_PF && (second === VEC_PF || isContributory(second))
}

/** Fault-class vectors, whose pushed EFLAGS image has RF set (#DB by instruction breakpoint excepted). */
function isFaultClass(vector: number): boolean {
  return vector !== VEC_DB && vector !== VEC_NMI && vector !== VEC_DF && vector <= 19 && vector !== 3 && vector !== 4
}

function attempt(cpu: Processor, first: GuestFault, external: boolean): void {
  let current = first
  let exception = !external
  for (;;) {
    if (exception && current.vector === VEC_PF) cpu.u32[CR2 >> 2] = current.cr2
    if (exception && current.vector === VEC_DB) commitDebugStatus(cpu)
    else if (exception) discardDebugTraps(cpu)
    try {
      deliver(cpu, current.vector, {
        software: false,
        errorCode: current.errorCode,
        returnEip: cpu.u32[EIP >> 2]!,
        resume: exception && isFaultClass(current.vector),
      })
      return
    } catch (thrown) {
      if (!(thrown instanceof GuestFault)) throw thrown
      const next = thrown
      if (exception && current.vector === VEC_DF) {
        if (next.vector === VEC_PF) cpu.u32[CR2 >> 2] = next.cr2
        shutdown(cpu)
        return
      }
      if (exception && makesDoubleFault(current.vector, next.vector)) {
        if (next.vector === VEC_PF) cpu.u32[CR2 >> 2] = next.cr2
        current = new GuestFault(VEC_DF, 0)
      } else {
        current = next
      }
      exception = true
    }
  }
}

/** Triple fault: the processor stops until reset. */
export function shutdown(cpu: Processor): void {
  cpu.shutDown = true
  cpu.halted = true
  cpu.attention()
  cpu.ports.shutdown()
}

/** True while the interrupt flag lets maskable interrupts in (the shadow is the run loop's to check). */
export function interruptsEnabled(cpu: Processor): boolean {
  return (cpu.u32[EFLAGS_SYS >> 2]! & FLAG_IF) !== 0
}
