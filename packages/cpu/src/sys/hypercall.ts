/**
 * VMCALL and VMMCALL: a guest calls its hypervisor. Either leaves to whoever plays the hypervisor, whatever the privilege
 * level (it decides what a user program may ask); on a machine without one they are undefined opcodes.
 */
import type { HypercallInstruction } from '@paragraft/core/ports'
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import { EIP, SHADOW, VEC_UD } from '../state.ts'

/** Executes the instruction at EIP: #UD where nobody claims it. */
export function hypercall(cpu: Processor, instruction: HypercallInstruction, nextEip: number): void {
  const claimed = cpu.ports.hypercall?.(instruction) ?? false
  if (claimed === false) throw new GuestFault(VEC_UD)
  // It is known by its address: one that comes again is no longer behind an STI.
  if (claimed === 'again') cpu.u32[SHADOW >> 2] = 0
  else cpu.u32[EIP >> 2] = nextEip
}
