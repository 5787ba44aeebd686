/**
 * What can happen to a program: interrupts, exceptions, software interrupts; and what happens when their delivery
 * faults in turn: double fault, shutdown. Intel SDM vol. 3A chapter 6 (table 6-5 double fault conditions).
 */

import type { GuestMonitor } from '@paragraft/core'
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import { DELIVER_RESUME, DELIVER_SOFTWARE } from '../shortcuts/port.ts'
import {
  CR2,
  EFLAGS_SYS,
  EIP,
  FLAG_IF,
  SHADOW,
  VEC_DB,
  VEC_DE,
  VEC_DF,
  VEC_GP,
  VEC_NMI,
  VEC_PF,
  VEC_TS,
} from '../state.ts'
import { commitDebugStatus, discardDebugTraps } from './debug.ts'
import { deliver } from './deliver.ts'
import { iopl, isV86 } from './flags.ts'
import { intercept } from './monitored.ts'
import { NewTaskFault } from './task.ts'
import { redirectVme } from './vme.ts'

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
  if (cpu.monitor !== null) {
    intercept(cpu, cpu.monitor, software ? 'int' : 'int1', new GuestFault(vector), nextEip)
    return
  }
  if (cpu.shortcuts.deliver(vector | (software ? DELIVER_SOFTWARE : 0), -1, nextEip) !== 0) return
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
  // A monitor takes NMIs itself, and is never in the middle of one.
  cpu.nmiBlocked = cpu.monitor === null
  attempt(cpu, new GuestFault(VEC_NMI), true)
}

/**
 * So many exceptions in a row, and no instruction between them. Handlers that fault at their first instruction bring the
 * processor nowhere, and since no time passes meanwhile, no device can help it; but a host must not wait for that.
 */
const LONGEST_STORM = 10_000

/** Counts an exception; true when there have been too many without an instruction. */
function storms(cpu: Processor): boolean {
  const at = cpu.instructions()
  cpu.storm = at === cpu.stormAt ? cpu.storm + 1 : 0
  cpu.stormAt = at
  return cpu.storm > LONGEST_STORM
}

/** Raises a fault of the current instruction (state: EIP at its start, nothing committed). */
export function raise(cpu: Processor, fault: GuestFault): void {
  cpu.halted = false
  if (storms(cpu)) {
    cpu.runaway = true
    return
  }
  if (cpu.onException(fault)) return
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
  if (cpu.monitor !== null) {
    interceptAttempt(cpu, cpu.monitor, first, external)
    return
  }
  cpu.u32[SHADOW >> 2] = 0
  let current = first
  let exception = !external
  for (;;) {
    if (exception && current.vector === VEC_PF) cpu.u32[CR2 >> 2] = current.cr2
    if (exception && current.vector === VEC_DB) commitDebugStatus(cpu)
    else if (exception) discardDebugTraps(cpu)
    const resume = exception && isFaultClass(current.vector)
    const what = current.vector | (resume ? DELIVER_RESUME : 0)
    if (cpu.shortcuts.deliver(what, current.errorCode, cpu.u32[EIP >> 2]!) !== 0) return
    try {
      deliver(cpu, current.vector, {
        software: false,
        errorCode: current.errorCode,
        returnEip: cpu.u32[EIP >> 2]!,
        resume,
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

/** The same for a guest with a monitor. */
function interceptAttempt(cpu: Processor, monitor: GuestMonitor, event: GuestFault, external: boolean): void {
  if (!external && event.vector === VEC_DB) commitDebugStatus(cpu)
  else if (!external) discardDebugTraps(cpu)
  const source = !external ? 'exception' : event.vector === VEC_NMI ? 'nmi' : 'interrupt'
  intercept(cpu, monitor, source, event, cpu.u32[EIP >> 2]!)
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
