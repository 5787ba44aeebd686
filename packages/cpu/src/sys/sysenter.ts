/** SYSENTER and SYSEXIT. Intel SDM vol. 2, vol. 3A 5.8.7. */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
  CR0,
  CR0_PE,
  ECX,
  EDX,
  EFLAGS_SYS,
  EIP,
  ESP,
  FLAG_IF,
  FLAG_RF,
  FLAG_VM,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  SEG_CS,
  SEG_SS,
  VEC_GP,
  VEC_UD,
} from '../state.ts'
import { FEAT_SEP } from './cpuid.ts'
import { setSegment } from './descriptors.ts'
import { setSystemFlags } from './flags.ts'
import { requireCpl0 } from './tables.ts'

/** Flat 4 GB, present, 32-bit, granular: execute/read accessed code, read/write accessed data; DPL to be added. */
export const FLAT_CODE = 0x00c09b00
export const FLAT_DATA = 0x00c09300

function selectorBase(cpu: Processor): number {
  if ((cpu.cpuid.features & FEAT_SEP) === 0) throw new GuestFault(VEC_UD)
  const cs = cpu.u32[MSR_SYSENTER_CS >> 2]! & 0xfffc
  if ((cpu.u32[CR0 >> 2]! & CR0_PE) === 0 || cs === 0) throw new GuestFault(VEC_GP, 0)
  return cs
}

/** SYSENTER: to level 0 at the MSRs' CS:EIP and SS:ESP; clears VM, IF and RF. */
export function sysenter(cpu: Processor): void {
  const cs = selectorBase(cpu)
  setSystemFlags(cpu, cpu.u32[EFLAGS_SYS >> 2]! & ~(FLAG_VM | FLAG_IF | FLAG_RF))
  setSegment(cpu, SEG_CS, cs, 0, 0xffffffff, FLAT_CODE)
  setSegment(cpu, SEG_SS, (cs + 8) & 0xffff, 0, 0xffffffff, FLAT_DATA)
  cpu.setCpl(0)
  cpu.u32[ESP >> 2] = cpu.u32[MSR_SYSENTER_ESP >> 2]!
  cpu.u32[EIP >> 2] = cpu.u32[MSR_SYSENTER_EIP >> 2]!
}

/** SYSEXIT: to level 3 at EDX with stack pointer ECX. */
export function sysexit(cpu: Processor): void {
  const cs = selectorBase(cpu)
  requireCpl0(cpu)
  setSegment(cpu, SEG_CS, ((cs + 16) & 0xfffc) | 3, 0, 0xffffffff, FLAT_CODE | 0x6000)
  setSegment(cpu, SEG_SS, ((cs + 24) & 0xfffc) | 3, 0, 0xffffffff, FLAT_DATA | 0x6000)
  cpu.setCpl(3)
  cpu.u32[ESP >> 2] = cpu.u32[ECX >> 2]!
  cpu.u32[EIP >> 2] = cpu.u32[EDX >> 2]!
}
