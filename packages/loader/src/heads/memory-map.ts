/**
 * The memory map of a PC as firmware reports it (ACPI 6 §15, "System Address Map Interfaces"; INT 15h, AX = E820h).
 * The same list feeds the Linux zero page, the multiboot map and the run's report.
 */
import type { MemoryRange } from '@paragraft/core/image'

/** E820 / multiboot range types. */
export const RAM = 1
const RESERVED = 2

/** Start of the extended BIOS data area: conventional memory ends here, 1 KiB below 640 KiB. */
export const EBDA = 0x9fc00
/** VGA memory and option ROMs: no RAM to be used between here and {@link BIOS_AREA}. */
const VGA = 0xa0000
/** ACPI root pointer and BIOS area, scanned by operating systems (ACPI 6 §5.2.5.1). */
const BIOS_AREA = 0xe0000
export const MIB = 0x100000

/** A range to be taken out of RAM and reported with its own type. */
export interface Reservation {
  base: number
  length: number
  type: number
  what: string
}

/** The map of a machine with `size` bytes of RAM from 0, with the reservations cut out; sorted, without overlaps. */
export function pcMemoryMap(size: number, reserve: readonly Reservation[] = []): MemoryRange[] {
  let map: MemoryRange[] = [{ base: 0, length: Math.min(EBDA, size), type: RAM }]
  if (size > EBDA) map.push({ base: EBDA, length: Math.min(VGA, size) - EBDA, type: RESERVED })
  map.push({ base: BIOS_AREA, length: MIB - BIOS_AREA, type: RESERVED })
  if (size > MIB) map.push({ base: MIB, length: size - MIB, type: RAM })
  for (const hole of reserve) map = cut(map, hole)
  return map.sort((a, b) => a.base - b.base)
}

function cut(map: MemoryRange[], hole: Reservation): MemoryRange[] {
  const end = hole.base + hole.length
  const out: MemoryRange[] = []
  for (const range of map) {
    const rangeEnd = range.base + range.length
    if (rangeEnd <= hole.base || range.base >= end) {
      out.push(range)
      continue
    }
    if (range.base < hole.base) out.push({ ...range, length: hole.base - range.base })
    if (rangeEnd > end) out.push({ ...range, base: end, length: rangeEnd - end })
  }
  out.push({ base: hole.base, length: hole.length, type: hole.type })
  return out
}
