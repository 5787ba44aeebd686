/**
 * The host-op opcode: valid only in registered stub pages of guest memory, at privilege level 0, outside
 * virtual-8086 mode; #UD everywhere else, so that no guest can reach the host by accident or malice.
 */
import { GuestFault } from '../context.ts'
import { PAGE_STUB } from '../mmu/physical.ts'
import type { Processor } from '../processor.ts'
import { SEG_CS, VEC_UD } from '../state.ts'
import { segBase } from './descriptors.ts'
import { cpl, isV86 } from './flags.ts'

/** Makes RAM pages (physical page numbers) stub pages. */
export function registerStubPages(cpu: Processor, pages: Iterable<number>): void {
  for (const page of pages) {
    if (page < cpu.pageFlags.length) cpu.pageFlags[page]! |= PAGE_STUB
  }
}

/** Takes pages back. */
export function unregisterStubPages(cpu: Processor, pages: Iterable<number>): void {
  for (const page of pages) {
    if (page < cpu.pageFlags.length) cpu.pageFlags[page]! &= ~PAGE_STUB
  }
}

/**
 * Executes host op `index` for the instruction whose first byte is at offset `eip` in CS. #UD unless both its first
 * and its last byte (`length` bytes) lie in stub pages.
 */
export function hostOp(cpu: Processor, index: number, eip: number, length: number): void {
  if (cpl(cpu) !== 0 || isV86(cpu)) throw new GuestFault(VEC_UD)
  const lin = (segBase(cpu, SEG_CS) + eip) >>> 0
  for (const at of [lin, (lin + length - 1) >>> 0]) {
    const pa = cpu.translateFetch(at)
    if (pa >= cpu.ramSize || (cpu.pageFlags[Math.floor(pa / 4096)]! & PAGE_STUB) === 0) throw new GuestFault(VEC_UD)
  }
  cpu.ports.hostOp(index)
}
