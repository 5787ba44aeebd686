/**
 * bzImage: the Linux boot protocol's file (Linux Documentation/arch/x86/boot.rst). Two kinds come here:
 *
 * - A kernel with a compressed payload (protocol 2.08 and up). The payload is decompressed by the loader, and its ELF
 *   entered directly: the guest's own decompressor would move the kernel away from what was grafted.
 * - A program that follows the protocol but has no payload (memtest86+). Its protected-mode part is loaded at
 *   `code32_start` and entered there with ESI = the zero page: entry kind `linux32`.
 */

import { corrupt, cString, ELFCLASS64, isElf, Reader, tooLarge, unsupported } from '@paragraft/core/elf'
import type { GuestImage, ImageEntry, LinuxHeader } from '@paragraft/core/image'
import type { DecompressOptions } from '../decompress/index.ts'
import { decompress, detectCompression, refuseOtherCompression } from '../decompress/index.ts'
import { physicalEntry } from './elf-image.ts'
import { parseElf32 } from './elf32.ts'
import { parseElf64 } from './elf64.ts'

/** Offsets of the real-mode header (boot.rst, "The Real-Mode Kernel Header"). */
const SETUP_SECTS = 0x1f1
const SYSSIZE = 0x1f4
const BOOT_FLAG = 0x1fe
const JUMP = 0x200
const HEADER = 0x202
const VERSION = 0x206
const KERNEL_VERSION = 0x20e
const LOADFLAGS = 0x211
const CODE32_START = 0x214
const XLOADFLAGS = 0x236
const CMDLINE_SIZE = 0x238
const PAYLOAD_OFFSET = 0x248
const PAYLOAD_LENGTH = 0x24c
const INIT_SIZE = 0x260

const BOOT_FLAG_MAGIC = 0xaa55
const HDRS = 0x53726448
const LOADED_HIGH = 1
const XLF_KERNEL_64 = 1
const SECTOR = 512
const DEFAULT_SETUP_SECTS = 4
/** The header may not reach into what follows it in the zero page (`edd_mbr_sig_buffer`). */
const HEADER_END = 0x290
/** The size of the uncompressed kernel, appended by the kernel's build to every format but gzip, which has its own. */
const SIZE_TRAILER = 4

/** True if the bytes have the header of the Linux boot protocol. */
export function isBzImage(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER + 4) return false
  const reader = new Reader(bytes, 'bzImage')
  return reader.u16(BOOT_FLAG) === BOOT_FLAG_MAGIC && reader.u32(HEADER) === HDRS
}

/** Where the pieces of a bzImage lie; offsets are in the file. */
interface BzImageFile {
  reader: Reader
  protectedStart: number
  linux: LinuxHeader
  payload?: { offset: number; length: number }
}

/** Parses a bzImage, decompressing its payload. */
export async function parseBzImage(bytes: Uint8Array, options: DecompressOptions = {}): Promise<GuestImage> {
  const file = readHeader(bytes)
  if (file.payload === undefined) return protectedModeImage(file)
  const payload = file.reader.slice(file.payload.offset, file.payload.length, 'bzImage payload')
  if (isElf(payload)) return kernelImage(payload, ['bzimage'], file.linux)
  const compression = detectCompression(payload)
  if (compression === undefined) {
    refuseOtherCompression(payload)
    throw corrupt('bzImage payload', 'it is neither ELF nor compressed in a known way', { offset: file.payload.offset })
  }
  const trailer = new Reader(payload, 'bzImage payload')
  trailer.require(0, SIZE_TRAILER)
  const size = trailer.u32(payload.length - SIZE_TRAILER)
  const packed = compression === 'gzip' ? payload : payload.subarray(0, payload.length - SIZE_TRAILER)
  const kernel = await decompress(compression, packed, { ...options, size })
  return kernelImage(kernel, ['bzimage', compression], file.linux)
}

function readHeader(bytes: Uint8Array): BzImageFile {
  const reader = new Reader(bytes, 'bzImage header')
  reader.require(0, HEADER + 4)
  if (!isBzImage(bytes)) throw corrupt('bzImage header', 'the magic is missing')
  const protocol = reader.u16(VERSION)
  const loadFlags = reader.u8(LOADFLAGS)
  if (protocol < 0x0200 || (loadFlags & LOADED_HIGH) === 0) {
    throw unsupported('an image that loads low (zImage)', 'Use a bzImage, or the vmlinux itself.', {
      protocol,
      loadFlags,
    })
  }
  const protectedStart = ((reader.u8(SETUP_SECTS) || DEFAULT_SETUP_SECTS) + 1) * SECTOR
  reader.require(0, protectedStart, 'bzImage setup')
  // syssize counts the protected-mode part in paragraphs, the last one perhaps not whole.
  const paragraphs = reader.u32(SYSSIZE)
  if (paragraphs > 0) reader.require(protectedStart, (paragraphs - 1) * 16 + 1, 'bzImage protected-mode part')
  // The jump over the header tells where the header ends.
  const end = Math.min(HEADER + reader.u8(JUMP + 1), HEADER_END, protectedStart)
  const versionAt = reader.u16(KERNEL_VERSION)
  const linux: LinuxHeader = {
    protocol,
    setupHeader: reader.slice(SETUP_SECTS, Math.max(end, HEADER + 4) - SETUP_SECTS),
    kernelVersion: versionAt === 0 ? '' : kernelVersion(bytes, JUMP + versionAt, protectedStart),
    // Before 2.06 a command line had at most 255 characters.
    commandLineSize: protocol >= 0x0206 ? reader.u32(CMDLINE_SIZE) : 255,
  }
  const file: BzImageFile = { reader, protectedStart, linux }
  if (protocol < 0x0208) return file
  const offset = reader.u32(PAYLOAD_OFFSET)
  const length = reader.u32(PAYLOAD_LENGTH)
  if (offset !== 0 && length !== 0) file.payload = { offset: protectedStart + offset, length }
  return file
}

/** The version string lies in the setup part; one that does not is left out, as it serves people only. */
function kernelVersion(bytes: Uint8Array, at: number, end: number): string {
  return at >= end ? '' : cString(bytes.subarray(at, Math.min(at + 256, end)))
}

/** The kernel's ELF; the relocation list behind it becomes the image's trailer. */
function kernelImage(kernel: Uint8Array, format: string[], linux: LinuxHeader): GuestImage {
  if (!isElf(kernel)) throw corrupt('bzImage payload', 'what it holds is not an ELF file')
  const image = kernel[4] === ELFCLASS64 ? parseElf64(kernel) : parseElf32(kernel)
  const elf = image.entries.find(entry => entry.kind === 'elf') as ImageEntry
  const entries = image.entries.some(entry => entry.kind === 'linux')
    ? image.entries
    : [...image.entries, { kind: 'linux', address: physicalEntry(image.segments, elf.address) }]
  return { ...image, format: [...format, ...image.format], entries, linux }
}

/** The protected-mode part as it is, at `code32_start`. */
function protectedModeImage(file: BzImageFile): GuestImage {
  const { reader, linux, protectedStart } = file
  const start = reader.u32(CODE32_START)
  const bytes = reader.bytes.subarray(protectedStart)
  if (bytes.length === 0) throw corrupt('bzImage', 'it has no protected-mode part')
  // init_size (2.10 and up) counts what the program needs beyond its file: its BSS.
  const memorySize = Math.max(bytes.length, linux.protocol >= 0x020a ? reader.u32(INIT_SIZE) : 0)
  if (start + memorySize > 2 ** 32) throw tooLarge('bzImage protected-mode part', start + memorySize, 2 ** 32)
  const wide = linux.protocol >= 0x020c && (reader.u16(XLOADFLAGS) & XLF_KERNEL_64) !== 0
  return {
    format: ['bzimage'],
    machine: wide ? 'x86_64' : 'i386',
    segments: [{ paddr: start, vaddr: start, bytes, memorySize, flags: { read: true, write: true, execute: true } }],
    sections: [],
    symbols: [],
    notes: [],
    entries: [{ kind: 'linux32', address: start }],
    linux,
  }
}
