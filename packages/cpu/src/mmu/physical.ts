/**
 * Physical memory as the processor sees it: RAM in linear memory from `RAM`, everything else through the MMIO ports;
 * the A20 gate; and one byte of flags for every RAM page (holds code, whose, holds host-op stubs, is a device hole).
 */
import type { Processor } from '../processor.ts'
import { A20_MASK, RAM } from '../state.ts'

/** Page flag: decoded records or translated code exist for this page, so writes to it must be reported. */
export const PAGE_CODE = 1
/** Page flag: the module's stub page, where the host-op opcode is valid. */
export const PAGE_STUB = 2
/** Page flag: a device answers here although the address is below `ramSize` (for example a VGA window). */
export const PAGE_HOLE = 4
/** Page flag, beside PAGE_CODE: there is other code than the blocks that begin in the page; maybe there was. */
export const PAGE_SHARED = 8

/** True when `pa` is served by RAM. Accesses never cross a page here, so one address decides. */
export function isRam(cpu: Processor, pa: number): boolean {
  return pa < cpu.ramSize && (cpu.pageFlags[pa >>> 12]! & PAGE_HOLE) === 0
}

/** Applies the A20 gate (bit 20 forced to 0 when closed) to a physical address of any width. */
export function maskA20(cpu: Processor, pa: number): number {
  if (cpu.i32[A20_MASK >> 2] === -1) return pa
  return Math.floor(pa / 0x100000) % 2 === 1 ? pa - 0x100000 : pa
}

/** Reads 1, 2 or 4 bytes inside one page. Device reads are split into naturally aligned pieces. */
export function physRead(cpu: Processor, pa: number, size: number): number {
  if (isRam(cpu, pa)) {
    if (size === 4) return cpu.view.getUint32(RAM + pa, true)
    return size === 2 ? cpu.view.getUint16(RAM + pa, true) : cpu.u8[RAM + pa]!
  }
  cpu.beforeDevice()
  if (pa % size === 0) return cpu.ports.mmioRead(pa, size) >>> 0
  const half = size >> 1
  return (physRead(cpu, pa, half) | (physRead(cpu, pa + half, half) << (8 * half))) >>> 0
}

/** Writes 1, 2 or 4 bytes inside one page; reports writes into pages that hold code after the bytes are in place. */
export function physWrite(cpu: Processor, pa: number, size: number, value: number): void {
  if (isRam(cpu, pa)) {
    if (size === 4) cpu.view.setUint32(RAM + pa, value, true)
    else if (size === 2) cpu.view.setUint16(RAM + pa, value, true)
    else cpu.u8[RAM + pa] = value
    if ((cpu.pageFlags[pa >>> 12]! & PAGE_CODE) !== 0) cpu.onCodeWrite(pa, size)
    return
  }
  cpu.beforeDevice()
  if (pa % size === 0) {
    const masked = size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1)
    cpu.ports.mmioWrite(pa, size, masked)
    return
  }
  const half = size >> 1
  physWrite(cpu, pa, half, value & ((1 << (8 * half)) - 1))
  physWrite(cpu, pa + half, half, value >>> (8 * half))
}

/** Opens or closes the A20 gate. The TLB holds final addresses, so it is flushed on a change. */
export function setA20(cpu: Processor, open: boolean): void {
  const mask = open ? -1 : ~0x100000
  if (cpu.i32[A20_MASK >> 2] === mask) return
  cpu.i32[A20_MASK >> 2] = mask
  cpu.flushTlb('all')
}

/**
 * Makes a range below `ramSize` a device hole (its accesses go to the MMIO ports), or RAM again. Whole pages: the
 * range is widened to them. RAM under a hole keeps its contents for the GuestMemory port.
 */
export function setHole(cpu: Processor, pa: number, length: number, hole: boolean): void {
  const end = Math.min(pa + length, cpu.ramSize)
  for (let page = Math.floor(pa / 4096); page * 4096 < end; page++) {
    if (hole) cpu.pageFlags[page]! |= PAGE_HOLE
    else cpu.pageFlags[page]! &= ~PAGE_HOLE
  }
  cpu.flushTlb('all')
}
