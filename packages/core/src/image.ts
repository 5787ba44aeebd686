/**
 * What the loader's formats return, and what a head makes of it. Plain data: no behaviour.
 *
 * Virtual addresses of x86_64 images are signed: the kernel half (0xFFFFFFFF80000000 and up) comes out negative, so that
 * every address is exact as a number.
 */

/** One piece of an image to be placed in guest physical memory; `bytes` may be shorter than `memorySize` (zero filled). */
export interface ImageSegment {
  /** Physical address where it is loaded. */
  paddr: number
  /** Virtual (linked) address. */
  vaddr: number
  bytes: Uint8Array
  memorySize: number
  flags: { read: boolean; write: boolean; execute: boolean }
}

export interface ImageSymbol {
  name: string
  /** Linked virtual address. */
  value: number
  size: number
  type: 'func' | 'object' | 'other'
}

export interface ImageSection {
  name: string
  vaddr: number
  bytes: Uint8Array
  size: number
}

export interface ImageNote {
  owner: string
  type: number
  desc: Uint8Array
}

/** A way into an image that its format or its headers offer. */
export interface ImageEntry {
  /** `multiboot`, `elf`, `linux` (startup_32 of a kernel), `linux32` (code32_start of a bzImage), `pvh`, `xen-pv` … */
  kind: string
  /** Linear address of the first instruction in the environment that the kind defines. */
  address: number
  /** The ops module that brings it, for an image that has none of this kind; it begins in the module's code. */
  module?: string
  /** What images of the kind say about themselves, said by that module; names and meaning are the head's. */
  says?: Readonly<Record<string, number | string>>
}

/** A guest image, parsed: what any format comes to. */
export interface GuestImage {
  /** `elf32`, `bzimage`, `multiboot-kludge` … outermost first, e.g. `['bzimage', 'xz', 'elf32']`. */
  format: string[]
  machine: 'i386' | 'x86_64'
  segments: ImageSegment[]
  sections: ImageSection[]
  symbols: ImageSymbol[]
  notes: ImageNote[]
  entries: ImageEntry[]
  /** Multiboot 1 header, when the image has one. */
  multiboot?: MultibootHeader
  /** Linux boot protocol header (from a bzImage), when there is one. */
  linux?: LinuxHeader
  /** What follows an ELF file that its headers do not mention: in a bzImage's payload the kernel's relocation list. */
  trailer?: Uint8Array
}

export interface MultibootHeader {
  flags: number
  /** File offset of the header. */
  offset: number
  addressFields?: { headerAddr: number; loadAddr: number; loadEndAddr: number; bssEndAddr: number; entryAddr: number }
  videoMode?: { modeType: number; width: number; height: number; depth: number }
}

export interface LinuxHeader {
  protocol: number
  /** The raw setup header, from 0x1F1, as the zero page wants it. */
  setupHeader: Uint8Array
  kernelVersion: string
  commandLineSize: number
}

/** A module or initial ramdisk handed to the guest at boot. */
export interface BootModule {
  bytes: Uint8Array
  /** Command line string; by convention the file's name comes first. */
  commandLine: string
  /** Physical address of a module that somebody else puts in place (a graft): it is listed there and not moved. */
  at?: number
}

/** One range of the physical memory map; `type` as in E820 / multiboot (1 RAM, 2 reserved, 3 ACPI, 4 NVS). */
export interface MemoryRange {
  base: number
  length: number
  type: number
}

/** The processor's registers at the first guest instruction. Missing ones are 0. */
export interface StartRegisters {
  eip: number
  eax?: number
  ecx?: number
  edx?: number
  ebx?: number
  esp?: number
  ebp?: number
  esi?: number
  edi?: number
  eflags?: number
  cr0?: number
  cr3?: number
  cr4?: number
  /** Flat segments (base 0, limit 4 GB): selector values of code and data. The privilege level is the RPL of `cs`. */
  cs: number
  ds: number
  /** GDT in guest memory, if the protocol promises one. */
  gdt?: { base: number; limit: number }
}

/** What a head leaves behind: memory written, and this. The graft may redirect `registers.eip`. */
export interface StartOfDay {
  head: string
  registers: StartRegisters
  memoryMap: MemoryRange[]
  /** Guest-physical ranges the head has used, lowest first. */
  used: { base: number; length: number; what: string }[]
  /**
   * Where the page of RAM is that the guest calls its physical page `pa` (both multiples of 4096), for a guest whose physical
   * addresses are not RAM's own; undefined for a page that it does not have. Absent: they are the same.
   */
  ramPage?(pa: number): number | undefined
}
