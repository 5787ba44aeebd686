/**
 * What the processor asks of a deprivileged guest's monitor (core's ops/deprivileged.ts): to take its events in place of an IDT, and
 * where descriptors are, in place of linear memory.
 */
import type { EventSource, GuestMonitor } from '@paragraft/core'
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import { SHADOW, VEC_PF } from '../state.ts'

/** Asks the monitor; `vector`, `errorCode` and `address` are the event's. */
export function intercept(
  cpu: Processor,
  monitor: GuestMonitor,
  source: EventSource,
  { vector, errorCode, cr2 }: GuestFault,
  returnEip: number,
): void {
  cpu.u32[SHADOW >> 2] = 0
  cpu.intercepted++
  const executed = monitor.event({ source, vector, errorCode, address: cr2, returnEip })
  if (executed && source === 'exception') cpu.retire()
}

/** RAM address of a descriptor in a table; -1: there is none. Throws #PF where the monitor says so. */
export function monitoredDescriptor(monitor: GuestMonitor, selector: number): number {
  const offset = selector & 0xfff8
  const page = monitor.descriptors((selector & 4) === 0 ? 'gdt' : 'ldt', offset >>> 12)
  if (page === undefined) return -1
  if (typeof page === 'object') throw new GuestFault(VEC_PF, 0, page.pageFault)
  return page + (offset & 0xfff)
}
