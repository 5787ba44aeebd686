/**
 * Virtual-8086 mode extensions and protected-mode virtual interrupts (CR4.VME, CR4.PVI): redirection of INT n through
 * the TSS bitmap, and VIF in place of IF. Intel SDM vol. 3A 20.3.3 (software interrupts in virtual-8086 mode, table
 * 20-2), 20.4 (PVI), vol. 2 (INT n, IRET).
 */
import { GuestFault } from '../context.ts'
import { readAs } from '../mmu/access.ts'
import type { Processor } from '../processor.ts'
import {
  CR4,
  CR4_VME,
  EFLAGS_SYS,
  EIP,
  FLAG_DF,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAGS_ARITH,
  SEG_CS,
  SEG_TR,
  VEC_GP,
} from '../state.ts'
import { segAttr, segBase, segLimit, segSelector } from './descriptors.ts'
import { getEflags, iopl, setEflags } from './flags.ts'
import { checkCodeOffset, setV86Segment } from './segments.ts'
import { currentStack } from './stack.ts'

/** True when CR4.VME is set. */
export function vmeEnabled(cpu: Processor): boolean {
  return (cpu.u32[CR4 >> 2]! & CR4_VME) !== 0
}

/** The redirection bitmap is the 32 bytes below the I/O map of a 32-bit TSS; a clear bit stays in the 8086 program. */
function staysInProgram(cpu: Processor, vector: number): boolean {
  if ((segAttr(cpu, SEG_TR) & 0x800) === 0 || segLimit(cpu, SEG_TR) < 103) throw new GuestFault(VEC_GP, 0)
  const base = segBase(cpu, SEG_TR)
  const at = cpu.readSys16((base + 102) >>> 0) - 32 + (vector >> 3)
  if (at < 0 || at > segLimit(cpu, SEG_TR)) throw new GuestFault(VEC_GP, 0)
  return ((cpu.readSys8((base + at) >>> 0) >> (vector & 7)) & 1) === 0
}

/** FLAGS as the 8086 program sees them with IOPL < 3: VIF in IF's place, IOPL 3 (table 20-2, methods 5 and 6). */
export function virtualFlags(flags: number): number {
  const shown = (flags & ~FLAG_IF) | FLAG_IOPL
  return (flags & FLAG_VIF) !== 0 ? shown | FLAG_IF : shown
}

/**
 * INT n in virtual-8086 mode with VME: delivers through the program's own vector table at linear 0 and returns true
 * when the bitmap says so; false leaves it to the protected-mode handler.
 */
export function redirectVme(cpu: Processor, vector: number, nextEip: number): boolean {
  if (!vmeEnabled(cpu) || !staysInProgram(cpu, vector)) return false
  const flags = getEflags(cpu)
  const direct = iopl(cpu) === 3
  const offset = readAs(cpu, vector * 4, 2, true)
  const selector = readAs(cpu, vector * 4 + 2, 2, true)
  const stack = currentStack(cpu)
  stack.requireRoom(3, 2)
  stack.push(direct ? flags : virtualFlags(flags), 2)
  stack.push(segSelector(cpu, SEG_CS), 2)
  stack.push(nextEip, 2)
  stack.commit()
  setV86Segment(cpu, SEG_CS, selector)
  cpu.u32[EIP >> 2] = offset
  setEflags(cpu, flags & ~(FLAG_TF | FLAG_NT | (direct ? FLAG_IF : FLAG_VIF)))
  return true
}

/** Flags that a 16-bit POPF or IRET of an 8086 program with IOPL < 3 may write directly. */
const VIRTUAL_POP = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT

/** Applies a popped 16-bit FLAGS image with IF going to VIF; #GP(0) for TF, or for IF while VIP is pending. */
export function popVirtualFlags(cpu: Processor, image: number): void {
  const flags = getEflags(cpu)
  if (!mayPopVirtual(flags, image)) throw new GuestFault(VEC_GP, 0)
  const vif = (image & FLAG_IF) !== 0 ? FLAG_VIF : 0
  setEflags(cpu, (flags & ~(VIRTUAL_POP | FLAG_VIF)) | (image & VIRTUAL_POP) | vif)
}

function mayPopVirtual(flags: number, image: number): boolean {
  return (image & FLAG_TF) === 0 && !((image & FLAG_IF) !== 0 && (flags & FLAG_VIP) !== 0)
}

/** IRET in virtual-8086 mode with IOPL < 3: only with VME and a 16-bit operand size. */
export function iretVme(cpu: Processor, opsize: number): void {
  if (!vmeEnabled(cpu) || opsize !== 2) throw new GuestFault(VEC_GP, 0)
  const stack = currentStack(cpu)
  const eip = stack.pop(2)
  const selector = stack.pop(2)
  const image = stack.pop(2)
  checkCodeOffset(cpu, eip)
  popVirtualFlags(cpu, image)
  stack.commit()
  setV86Segment(cpu, SEG_CS, selector)
  cpu.u32[EIP >> 2] = eip
}

/** CLI and STI act on VIF: virtual-8086 mode with VME, or CPL 3 with PVI. */
export function setVif(cpu: Processor, on: boolean): void {
  const flags = cpu.u32[EFLAGS_SYS >> 2]!
  if (on && (flags & FLAG_VIP) !== 0) throw new GuestFault(VEC_GP, 0)
  cpu.u32[EFLAGS_SYS >> 2] = on ? flags | FLAG_VIF : flags & ~FLAG_VIF
}
