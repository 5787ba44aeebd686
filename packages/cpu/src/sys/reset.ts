/**
 * Power-up state and the state of a direct boot. Intel SDM vol. 3A 9.1.1 (table 9-1, processor state after reset);
 * memory types as a PC's firmware leaves them (11.11).
 */
import type { StartRegisters } from '@paragraft/core/image'
import { loadPdptes } from '../mmu/walk.ts'
import type { Processor } from '../processor.ts'
import {
  A20_MASK,
  CR0,
  CR0_CD,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR3,
  CR4,
  CR4_PAE,
  DR,
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EDX,
  EIP,
  ESI,
  ESP,
  FPU_CW,
  FPU_TW,
  GDTR_BASE,
  GDTR_LIMIT,
  HAS_SYSENTER,
  IDTR_LIMIT,
  MONITORED,
  MSR_MISC_ENABLE,
  MSR_PAT,
  MXCSR,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_LDTR,
  SEG_SS,
  SEG_TR,
  STATE_SIZE,
} from '../state.ts'
import { FEAT_SEP, signature } from './cpuid.ts'
import { refreshBreakpoints } from './debug.ts'
import { setSegment } from './descriptors.ts'

const PAT_RESET = 0x0007040600070406n
/** Fast strings. */
const MISC_ENABLE_RESET = 1n

/** Everything as after power-up: real mode at F000:FFF0, CS base FFFF0000H. RAM and code marks stay. */
export function reset(cpu: Processor): void {
  const waiting = cpu.interruptWaiting
  cpu.u8.fill(0, 0, STATE_SIZE)
  cpu.u32[MONITORED >> 2] = cpu.monitor === null ? 0 : 1
  cpu.interruptWaiting = waiting
  cpu.u32[HAS_SYSENTER >> 2] = (cpu.cpuid.features & FEAT_SEP) !== 0 ? 1 : 0
  cpu.i32[A20_MASK >> 2] = -1
  cpu.u32[CR0 >> 2] = CR0_CD | CR0_NW | CR0_ET
  cpu.msr.clear()
  cpu.pmc.reset()
  cpu.u64[MSR_PAT >> 3] = PAT_RESET
  cpu.u64[MSR_MISC_ENABLE >> 3] = MISC_ENABLE_RESET
  for (const seg of [SEG_ES, SEG_SS, SEG_DS, SEG_FS, SEG_GS]) setSegment(cpu, seg, 0, 0, 0xffff, 0x9300)
  setSegment(cpu, SEG_CS, 0xf000, 0xffff0000, 0xffff, 0x9300)
  setSegment(cpu, SEG_LDTR, 0, 0, 0xffff, 0x8200)
  setSegment(cpu, SEG_TR, 0, 0, 0xffff, 0x8b00)
  cpu.u32[GDTR_LIMIT >> 2] = 0xffff
  cpu.u32[IDTR_LIMIT >> 2] = 0xffff
  cpu.u32[EIP >> 2] = 0xfff0
  cpu.u32[EDX >> 2] = signature(cpu.cpuid)
  cpu.u32[(DR + 48) >> 2] = 0xffff0ff0
  cpu.u32[(DR + 56) >> 2] = 0x400
  cpu.u32[FPU_CW >> 2] = 0x40
  cpu.u32[FPU_TW >> 2] = 0x5555
  cpu.u32[MXCSR >> 2] = 0x1f80
  cpu.halted = false
  cpu.shutDown = false
  cpu.nmiBlocked = false
  cpu.pendingDr6 = 0
  cpu.setEflags(2)
  cpu.setCpl(0)
  refreshBreakpoints(cpu)
  cpu.flushTlb('all')
  cpu.attention()
}

/** MTRRs as a PC's firmware sets them: all write-back, the VGA window and the top gigabyte uncached. */
function firmwareMemoryTypes(cpu: Processor): void {
  const writeBack = 0x0606060606060606n
  for (const msr of [0x250, 0x258, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f]) cpu.msr.set(msr, writeBack)
  cpu.msr.set(0x259, 0n)
  cpu.msr.set(0x200, 0xc0000000n)
  cpu.msr.set(0x201, 0xfc0000800n)
  cpu.msr.set(0x2ff, 0xc06n)
}

/**
 * Puts the processor where a boot protocol wants it: protected mode with flat segments, at the privilege level that is the
 * RPL of CS. CR0.PE and ET are implied; TR and LDTR are as after reset. Throws GuestFault when CR0.PG and CR4.PAE are asked for with bad PDPTEs.
 */
export function setStart(cpu: Processor, regs: StartRegisters): void {
  reset(cpu)
  firmwareMemoryTypes(cpu)
  const cr0 = ((regs.cr0 ?? 0) | CR0_PE | CR0_ET) >>> 0
  if ((cr0 & CR0_PG) !== 0 && ((regs.cr4 ?? 0) & CR4_PAE) !== 0) loadPdptes(cpu, regs.cr3 ?? 0)
  cpu.u32[CR0 >> 2] = cr0
  cpu.u32[CR3 >> 2] = regs.cr3 ?? 0
  cpu.u32[CR4 >> 2] = regs.cr4 ?? 0
  const level = regs.cs & 3
  const dpl = level << 13
  setSegment(cpu, SEG_CS, regs.cs, 0, 0xffffffff, 0x00c09b00 | dpl)
  for (const seg of [SEG_ES, SEG_SS, SEG_DS, SEG_FS, SEG_GS]) {
    setSegment(cpu, seg, regs.ds, 0, 0xffffffff, 0x00c09300 | dpl)
  }
  cpu.u32[GDTR_BASE >> 2] = regs.gdt?.base ?? 0
  cpu.u32[GDTR_LIMIT >> 2] = regs.gdt?.limit ?? 0
  cpu.u32[IDTR_LIMIT >> 2] = 0
  const gpr: [number, number | undefined][] = [
    [EAX, regs.eax],
    [ECX, regs.ecx],
    [EDX, regs.edx],
    [EBX, regs.ebx],
    [ESP, regs.esp],
    [EBP, regs.ebp],
    [ESI, regs.esi],
    [EDI, regs.edi],
  ]
  for (const [at, value] of gpr) cpu.u32[at >> 2] = value ?? 0
  cpu.u32[EIP >> 2] = regs.eip
  cpu.setEflags((regs.eflags ?? 0) | 2)
  cpu.setCpl(level)
  cpu.flushTlb('all')
  cpu.attention()
}
