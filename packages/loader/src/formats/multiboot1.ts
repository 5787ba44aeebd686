/**
 * Multiboot 1 headers (Multiboot Specification 0.6.96, section 3.1) in ELF files and in flat binaries, and the load
 * plan of the address fields (the "a.out kludge", 3.1.3).
 */

import { corrupt, Reader, tooLarge } from '@paragraft/core/elf'
import type { GuestImage, ImageSegment, MultibootHeader } from '@paragraft/core/image'
import { physicalEntry } from './elf-image.ts'

const MULTIBOOT_HEADER_MAGIC = 0x1badb002
/** The header lies completely within this many bytes of the image's start. */
const MULTIBOOT_SEARCH = 8192
/** Flag bit 2: the guest wants video information, and the mode fields are valid. */
const MULTIBOOT_VIDEO_MODE = 0x0000_0004
/** Flag bit 16: the address fields are valid and win over any other header. */
const MULTIBOOT_AOUT_KLUDGE = 0x0001_0000

/** Finds the header: 4-byte aligned, magic + flags + checksum = 0 (mod 2^32). Undefined if there is none. */
export function findMultiboot1(bytes: Uint8Array): MultibootHeader | undefined {
  const reader = new Reader(bytes.subarray(0, MULTIBOOT_SEARCH), 'multiboot header')
  for (let offset = 0; offset + 12 <= reader.length; offset += 4) {
    if (reader.u32(offset) !== MULTIBOOT_HEADER_MAGIC) continue
    const flags = reader.u32(offset + 4)
    if ((MULTIBOOT_HEADER_MAGIC + flags + reader.u32(offset + 8)) >>> 0 !== 0) continue
    const header: MultibootHeader = { flags, offset }
    if ((flags & MULTIBOOT_AOUT_KLUDGE) !== 0) {
      header.addressFields = {
        headerAddr: reader.u32(offset + 12),
        loadAddr: reader.u32(offset + 16),
        loadEndAddr: reader.u32(offset + 20),
        bssEndAddr: reader.u32(offset + 24),
        entryAddr: reader.u32(offset + 28),
      }
    }
    if ((flags & MULTIBOOT_VIDEO_MODE) !== 0) {
      header.videoMode = {
        modeType: reader.u32(offset + 32),
        width: reader.u32(offset + 36),
        height: reader.u32(offset + 40),
        depth: reader.u32(offset + 44),
      }
    }
    return header
  }
  return undefined
}

/**
 * Adds the multiboot header to an image, if its file has one. With address fields the segments become those that the
 * fields describe, as every multiboot loader takes them before ELF's; the ELF entry then no longer fits and goes.
 */
export function addMultiboot1(image: GuestImage, bytes: Uint8Array): GuestImage {
  const header = findMultiboot1(bytes)
  if (header === undefined) return image
  if (header.addressFields !== undefined) {
    const flat = kludgeImage(bytes, header)
    return {
      ...flat,
      format: [...flat.format, ...image.format],
      sections: image.sections,
      symbols: image.symbols,
      notes: image.notes,
    }
  }
  const elf = image.entries.find(entry => entry.kind === 'elf')
  if (elf === undefined) return image
  const address = physicalEntry(image.segments, elf.address)
  return { ...image, multiboot: header, entries: [...image.entries, { kind: 'multiboot', address }] }
}

/** Parses a flat binary by its address fields; undefined if it has no multiboot header with such fields. */
export function parseMultibootKludge(bytes: Uint8Array): GuestImage | undefined {
  const header = findMultiboot1(bytes)
  return header?.addressFields === undefined ? undefined : kludgeImage(bytes, header)
}

function kludgeImage(bytes: Uint8Array, header: MultibootHeader): GuestImage {
  const fields = header.addressFields
  if (fields === undefined) throw corrupt('multiboot header', 'it has no address fields')
  const { headerAddr, loadAddr, loadEndAddr, bssEndAddr, entryAddr } = fields
  const what = 'multiboot address fields'
  if (loadAddr > headerAddr) throw corrupt(what, 'load_addr lies above header_addr', { ...fields })
  const start = header.offset - (headerAddr - loadAddr)
  if (start < 0)
    throw corrupt(what, 'load_addr lies before the start of the file', { ...fields, offset: header.offset })
  // Zero means: everything to the end of the file, and no BSS.
  const loadEnd = loadEndAddr === 0 ? loadAddr + bytes.length - start : loadEndAddr
  if (loadEnd < loadAddr) throw corrupt(what, 'load_end_addr lies below load_addr', { ...fields })
  const bssEnd = bssEndAddr === 0 ? loadEnd : bssEndAddr
  if (bssEnd < loadEnd) throw corrupt(what, 'bss_end_addr lies below load_end_addr', { ...fields })
  if (bssEnd > 2 ** 32) throw tooLarge(what, bssEnd, 2 ** 32)
  if (entryAddr < loadAddr || entryAddr >= bssEnd)
    throw corrupt(what, 'entry_addr lies outside the image', { ...fields })
  const segment: ImageSegment = {
    paddr: loadAddr,
    vaddr: loadAddr,
    bytes: new Reader(bytes, what).slice(start, loadEnd - loadAddr),
    memorySize: bssEnd - loadAddr,
    flags: { read: true, write: true, execute: true },
  }
  return {
    format: ['multiboot-kludge'],
    machine: 'i386',
    segments: [segment],
    sections: [],
    symbols: [],
    notes: [],
    entries: [{ kind: 'multiboot', address: entryAddr }],
    multiboot: header,
  }
}
