/**
 * The instructions on EFLAGS that privilege filters: CLI, STI, PUSHF, POPF. Intel SDM vol. 2; tables "Decision Table
 * for CLI Results" and the same for STI.
 */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
  CR4,
  CR4_PVI,
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
  VEC_GP,
} from '../state.ts'
import { cpl, getEflags, iopl, isV86, setEflags } from './flags.ts'
import { isProtected } from './segments.ts'
import { popVirtualFlags, virtualFlags, vmeEnabled } from './vme.ts'

/**
 * CLI and STI above IOPL (at or below it they change IF, which isa/eflags.ts does): true where CR4.VME or CR4.PVI lets
 * VIF stand in for IF; else they are #GP(0).
 */
export function hasVirtualIf(cpu: Processor): boolean {
  return isV86(cpu) ? vmeEnabled(cpu) : cpl(cpu) === 3 && (cpu.u32[CR4 >> 2]! & CR4_PVI) !== 0
}

/** The value PUSHF (opsize 2) or PUSHFD (4) pushes; #GP(0) in virtual-8086 mode where IOPL forbids it. */
export function pushfValue(cpu: Processor, opsize: number): number {
  const flags = getEflags(cpu)
  if (isV86(cpu) && iopl(cpu) < 3) {
    if (opsize !== 2 || !vmeEnabled(cpu)) throw new GuestFault(VEC_GP, 0)
    return virtualFlags(flags) & 0xffff
  }
  return opsize === 2 ? flags & 0xffff : (flags & ~(FLAG_VM | FLAG_RF)) >>> 0
}

/** POPF / POPFD of `value`, already popped (the caller commits ESP only if this does not throw). */
export function popf(cpu: Processor, value: number, opsize: number): void {
  let mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT
  if (isV86(cpu) && iopl(cpu) < 3) {
    if (opsize !== 2 || !vmeEnabled(cpu)) throw new GuestFault(VEC_GP, 0)
    popVirtualFlags(cpu, value)
    return
  }
  if (opsize === 4) mask |= FLAG_AC | FLAG_ID
  if (cpl(cpu) <= iopl(cpu)) mask |= FLAG_IF
  if (cpl(cpu) === 0) mask |= FLAG_IOPL
  let image = value
  const before = getEflags(cpu)
  if (opsize === 4) {
    // POPFD clears RF, and VIP and VIF where it may change IOPL; VM is never touched.
    mask |= FLAG_RF
    image &= ~FLAG_RF
    if (isProtected(cpu) && cpl(cpu) === 0) {
      mask |= FLAG_VIF | FLAG_VIP
      image &= ~(FLAG_VIF | FLAG_VIP)
    }
  }
  setEflags(cpu, (before & ~mask) | (image & mask))
}
