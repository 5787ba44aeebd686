/**
 * VMCALL and VMMCALL: a guest calls its hypervisor. Either leaves to whoever plays the hypervisor, whatever the privilege
 * level (it decides what a user program may ask); on a machine without one they are undefined opcodes.
 */
import type { HypercallInstruction } from '@paragraft/core/ports'
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import { VEC_UD } from '../state.ts'

/** Executes the instruction: #UD where nobody claims it. */
export function hypercall(cpu: Processor, instruction: HypercallInstruction): void {
  if (!cpu.ports.hypercall?.(instruction)) throw new GuestFault(VEC_UD)
}
