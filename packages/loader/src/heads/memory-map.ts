/**
 * The memory map of a PC as firmware reports it (ACPI 6 §15, "System Address Map Interfaces"; INT 15h, AX = E820h).
 * The same list feeds the Linux zero page, the multiboot map and the run's report.
 */
import type { MemoryRange } from '@paragraft/core/image'
import { E820_RAM, E820_RESERVED, type Reservation, reserveRanges } from '@paragraft/core/placement'

/** Start of the extended BIOS data area: conventional memory ends here, 1 KiB below 640 KiB. */
export const EBDA = 0x9fc00
/** VGA memory and option ROMs: no RAM to be used between here and {@link BIOS_AREA}. */
const VGA = 0xa0000
/** ACPI root pointer and BIOS area, scanned by operating systems (ACPI 6 §5.2.5.1). */
const BIOS_AREA = 0xe0000
export const MIB = 0x100000

/** The map of a machine with `size` bytes of RAM from 0, with the reservations cut out; sorted, without overlaps. */
export function pcMemoryMap(size: number, reserve: readonly Reservation[] = []): MemoryRange[] {
  const map: MemoryRange[] = [{ base: 0, length: Math.min(EBDA, size), type: E820_RAM }]
  if (size > EBDA) map.push({ base: EBDA, length: Math.min(VGA, size) - EBDA, type: E820_RESERVED })
  map.push({ base: BIOS_AREA, length: MIB - BIOS_AREA, type: E820_RESERVED })
  if (size > MIB) map.push({ base: MIB, length: size - MIB, type: E820_RAM })
  return reserveRanges(map, reserve)
}
