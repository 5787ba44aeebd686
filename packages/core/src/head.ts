/**
 * Heads: the ways into a guest. One head per entrypoint; nobody sniffs. A head is asked whether it can boot an image
 * and answers with a match or a reason; the chosen one places the image and returns the start of day.
 */
import type { BootModule, GuestImage, StartOfDay } from './image.ts'
import type { GuestMemory } from './ports.ts'

/** `entry`: the address it would use, for `inspect`. `reason`: why not, one sentence for a person. */
export type HeadMatch = { match: true; entry: number; note?: string } | { match: false; reason: string }

/** What the user asks of a boot. */
export interface PlaceOptions {
  /** Kernel command line, without the image's name. */
  commandLine: string
  /** Name of the image, for protocols that pass it as the first word (multiboot). */
  imageName?: string
  initrd?: Uint8Array
  modules: readonly BootModule[]
  /**
   * Guest-physical ranges that must stay out of the memory map's RAM and that the head must not use, e.g. the
   * grafted module's pages; reported to the guest with the given E820 type (2 = reserved).
   */
  reserve?: readonly { base: number; length: number; type: number; what: string }[]
  /** Physical address of the ACPI RSDP, when the machine has tables and the protocol can say so. */
  acpiRsdp?: number
}

export interface Head {
  /** `multiboot`, `linux`, `pvh` … as in the backend's list and the run report. */
  readonly name: string
  /** The console the guest should be told to use when the user says nothing, e.g. `console=ttyS0`. */
  readonly defaultConsole?: string
  /** Its guests begin with paging on, at linked addresses; absent: at physical ones, with paging off. */
  readonly paging?: boolean
  probe(image: GuestImage): HeadMatch
  /**
   * Writes the image and whatever the protocol promises into memory. Checks everything before the first write:
   * on a coded error (`PG_HEAD_…`) memory is as it was.
   */
  place(image: GuestImage, options: PlaceOptions, memory: GuestMemory): StartOfDay
}
