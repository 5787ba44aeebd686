/**
 * The zero page, `struct boot_params`: what a boot loader tells Linux.
 *
 * Offsets from Linux Documentation/arch/x86/zero-page.rst and boot.rst ("The Real-Mode Kernel Header").
 */
import type { MemoryRange } from '@paragraft/core/image'
import { Bytes } from './bytes.ts'
import { MIB } from './memory-map.ts'

export const ZERO_PAGE_SIZE = 4096

/** `screen_info` fields (offset 0), for the 80x25 text mode that the card has after reset. */
const ORIG_VIDEO_MODE = 0x06
const ORIG_VIDEO_COLS = 0x07
const ORIG_VIDEO_EGA_BX = 0x0a
const ORIG_VIDEO_LINES = 0x0e
const ORIG_VIDEO_ISVGA = 0x0f
const ORIG_VIDEO_POINTS = 0x10
const EXT_MEM_K = 0x02

const ACPI_RSDP_ADDR = 0x070
const ALT_MEM_K = 0x1e0
const E820_ENTRIES = 0x1e8
const E820_TABLE = 0x2d0
const E820_ENTRY_SIZE = 20
/** E820_MAX_ENTRIES_ZEROPAGE. */
export const E820_MAX = 128

/** The setup header: from `setup_sects` up to its length byte's reach, at most to the end of `struct setup_header`. */
const SETUP_HEADER = 0x1f1
const SETUP_HEADER_END = 0x290
const BOOT_FLAG = 0x1fe
const HDRS = 0x202
const VERSION = 0x206
const TYPE_OF_LOADER = 0x210
const LOADFLAGS = 0x211
const RAMDISK_IMAGE = 0x218
const RAMDISK_SIZE = 0x21c
const CMD_LINE_PTR = 0x228
const INITRD_ADDR_MAX = 0x22c
const CMDLINE_SIZE = 0x238
const HARDWARE_SUBARCH = 0x23c

const LOADED_HIGH = 1 << 0
/** "Undefined" loader type: 0xFF (boot.rst, `type_of_loader`). */
const LOADER_UNDEFINED = 0xff
/** Highest protocol a synthesised header claims: 2.12, the 32-bit protocol's fields and no more. */
const PROTOCOL = 0x20c
/** What i386 kernels accept when no header says otherwise (boot.rst, `initrd_addr_max`: 0x37FFFFFF). */
const DEFAULT_INITRD_MAX = 0x37ffffff
/** COMMAND_LINE_SIZE 2048 with the NUL. */
export const DEFAULT_COMMAND_LINE = 2047

/** What goes into the page. */
export interface ZeroPage {
  /** Raw setup header of a bzImage (from 0x1F1), or undefined for a bare vmlinux: one is made up. */
  setupHeader?: Uint8Array
  memoryMap: readonly MemoryRange[]
  memorySize: number
  commandLineAt: number
  ramdisk?: { base: number; size: number }
  acpiRsdp?: number
}

/** `initrd_addr_max` of a raw setup header (protocol 2.03 and up), or the default. */
export function initrdMaximum(setupHeader: Uint8Array | undefined): number {
  const at = INITRD_ADDR_MAX - SETUP_HEADER
  if (setupHeader === undefined || setupHeader.length < at + 4) return DEFAULT_INITRD_MAX
  const word = new DataView(setupHeader.buffer, setupHeader.byteOffset).getUint32(at, true)
  // Highest permissible byte address of the disk's last byte; 0 from ancient headers.
  return word === 0 ? DEFAULT_INITRD_MAX : word
}

/** The 4 KiB page. The memory map must have at most {@link E820_MAX} ranges. */
export function zeroPage(what: ZeroPage): Uint8Array {
  const page = new Bytes(ZERO_PAGE_SIZE)
  if (what.setupHeader !== undefined) {
    page.bytes.set(what.setupHeader.subarray(0, SETUP_HEADER_END - SETUP_HEADER), SETUP_HEADER)
  } else {
    page.u16(BOOT_FLAG, 0xaa55)
    page.u32(HDRS, 0x53726448)
    page.u16(VERSION, PROTOCOL)
    page.u8(LOADFLAGS, LOADED_HIGH)
    page.u32(INITRD_ADDR_MAX, DEFAULT_INITRD_MAX)
    page.u32(CMDLINE_SIZE, DEFAULT_COMMAND_LINE)
  }

  page.u8(ORIG_VIDEO_MODE, 3)
  page.u8(ORIG_VIDEO_COLS, 80)
  page.u16(ORIG_VIDEO_EGA_BX, 3)
  page.u8(ORIG_VIDEO_LINES, 25)
  page.u8(ORIG_VIDEO_ISVGA, 1)
  page.u8(ORIG_VIDEO_POINTS, 16)

  const extended = Math.max(0, Math.floor((what.memorySize - MIB) / 1024))
  page.u16(EXT_MEM_K, Math.min(0xfc00, extended))
  page.u32(ALT_MEM_K, extended)
  page.u8(E820_ENTRIES, what.memoryMap.length)
  what.memoryMap.forEach((range, i) => {
    const at = E820_TABLE + i * E820_ENTRY_SIZE
    page.u64(at, range.base)
    page.u64(at + 8, range.length)
    page.u32(at + 16, range.type)
  })

  page.u8(TYPE_OF_LOADER, LOADER_UNDEFINED)
  page.u32(CMD_LINE_PTR, what.commandLineAt)
  page.u32(HARDWARE_SUBARCH, 0)
  page.u32(RAMDISK_IMAGE, what.ramdisk?.base ?? 0)
  page.u32(RAMDISK_SIZE, what.ramdisk?.size ?? 0)
  if (what.acpiRsdp !== undefined) page.u64(ACPI_RSDP_ADDR, what.acpiRsdp)
  return page.bytes
}
