/** Port I/O: permission by IOPL and the TSS bitmap, I/O breakpoints. Intel SDM vol. 1 chapter 19 (19.5 protection). */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import { CPL, CR0, CR0_PE, SEG_TR, VEC_GP } from '../state.ts'
import { noteIoAccess } from './debug.ts'
import { segAttr, segBase, segLimit } from './descriptors.ts'
import { cpl, iopl, isV86 } from './flags.ts'

/** #GP(0) unless `size` ports from `port` may be used here. */
export function checkIo(cpu: Processor, port: number, size: number): void {
  // Level 0 may always; virtual-8086 mode is level 3.
  if (cpu.u32[CPL >> 2] !== 0) checkOuterIo(cpu, port, size)
}

function checkOuterIo(cpu: Processor, port: number, size: number): void {
  if ((cpu.u32[CR0 >> 2]! & CR0_PE) === 0) return
  if (!isV86(cpu) && cpl(cpu) <= iopl(cpu)) return
  const limit = segLimit(cpu, SEG_TR)
  // Present, 32-bit, and long enough to hold the map's offset; two bytes are read, so both must lie inside.
  if ((segAttr(cpu, SEG_TR) & 0x8800) !== 0x8800 || limit < 103) throw new GuestFault(VEC_GP, 0)
  const base = segBase(cpu, SEG_TR)
  const at = cpu.readSys16((base + 102) >>> 0) + (port >> 3)
  if (at + 1 > limit) throw new GuestFault(VEC_GP, 0)
  const bits = cpu.readSys16((base + at) >>> 0) >> (port & 7)
  if ((bits & ((1 << size) - 1)) !== 0) throw new GuestFault(VEC_GP, 0)
}

/** IN / INS: checked, then from the ports. Unsigned. */
export function ioIn(cpu: Processor, port: number, size: number): number {
  checkIo(cpu, port, size)
  const value = cpu.ports.ioRead(port, size)
  if (cpu.ioBreakpoints !== 0) noteIoAccess(cpu, port, size)
  return value
}

/** OUT / OUTS: checked, then to the ports; `value` is unsigned, and cut to `size` bytes. */
export function ioOut(cpu: Processor, port: number, size: number, value: number): void {
  checkIo(cpu, port, size)
  cpu.ports.ioWrite(port, size, size === 4 ? value : value & ((1 << (8 * size)) - 1))
  if (cpu.ioBreakpoints !== 0) noteIoAccess(cpu, port, size)
}
