/**
 * Head `xen-pvh`: the entry that the note PHYS32_ENTRY names (docs/misc/pvh.pandoc of Xen, "x86/HVM direct boot ABI"):
 * 32-bit protected mode, paging and interrupts off, flat segments, EBX = hvm_start_info with the modules, the command
 * line, the memory map and the ACPI root pointer.
 */
import type { GuestImage, GuestMemory, Head, HeadMatch, MemoryRange, PlaceOptions, StartOfDay } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import { E820_RAM, E820_RESERVED, Placement, type Reservation, reserveRanges } from '@paragraft/core/placement'
import { placeAcpi } from '@paragraft/devices'
import { HVM_MEMMAP_TABLE_ENTRY, HVM_MODLIST_ENTRY, HVM_START_INFO, HVM_START_MAGIC } from '../abi/hvm.ts'
import { encode } from '../abi/layout.ts'
import { describeXen } from '../notes.ts'
import { specialPages } from '../special-pages.ts'

/** The last pages below 1 MB are firmware's, where operating systems look for the ACPI root pointer, too. */
const FIRMWARE = 0xe_0000
const MIB = 0x10_0000
/** What the guest reads before it has page tables for all of memory goes low: kernels map little at first. */
const LOW = 0x1_0000
/** Version with a memory map. */
const START_INFO_VERSION = 1
/** Selectors of no meaning: the descriptors are in the processor already. */
const CS = 0x08
const DS = 0x10
/** PE, and ET which is hard-wired. */
const CR0_PE_ET = 0x11
const EFLAGS_START = 0x2

export const pvhHead: Head = {
  name: 'xen-pvh',
  defaultConsole: 'console=hvc0',

  probe(image: GuestImage): HeadMatch {
    const description = describeXen(image)
    if (description === undefined) {
      return { match: false, reason: "no ELF note of Xen's, and no section __xen_guest" }
    }
    if (description.phys32Entry === undefined) {
      const what = description.source === 'notes' ? 'its notes have' : 'the string __xen_guest knows'
      return { match: false, reason: `${what} no PHYS32_ENTRY, the 32-bit physical entry` }
    }
    if (image.machine !== 'i386') {
      return { match: false, reason: `the entry is there, but the kernel behind it is ${image.machine}` }
    }
    const guest = description.guestOs === undefined ? '' : `${description.guestOs}, `
    return { match: true, entry: description.phys32Entry, note: `${guest}by its note PHYS32_ENTRY` }
  },

  place(image: GuestImage, options: PlaceOptions, memory: GuestMemory): StartOfDay {
    const match = pvhHead.probe(image)
    if (!match.match) {
      throw new ParagraftError('PG_HEAD_NO_MATCH', `the xen-pvh head cannot boot this image: ${match.reason}`, {
        fields: { head: 'xen-pvh', reason: match.reason },
        hint: 'Run `paragraft inspect` to see which heads can.',
      })
    }
    const memoryMap = pvhMemoryMap(memory.size, options.reserve)
    const placement = new Placement('xen-pvh', memoryMap)
    placement.segments(image.segments)
    const high = (bytes: Uint8Array, what: string): number => placement.highest(bytes, what, MIB, memory.size)
    const low = (bytes: Uint8Array, what: string): number => placement.lowest(bytes, what, LOW, FIRMWARE, 16)
    const listed = options.modules.map(module => ({
      paddr: module.at ?? high(module.bytes, 'module'),
      size: module.bytes.length,
      cmdlinePaddr: low(cString(module.commandLine), 'module command line'),
    }))
    // Module 0 is the ramdisk to every kernel that takes one.
    const modules =
      options.initrd === undefined || options.initrd.length === 0
        ? listed
        : [{ paddr: high(options.initrd, 'initrd'), size: options.initrd.length, cmdlinePaddr: 0 }, ...listed]
    const modlist = join(modules.map(module => encode(HVM_MODLIST_ENTRY, module)))
    const memmap = join(
      memoryMap.map(({ base, length, type }) => encode(HVM_MEMMAP_TABLE_ENTRY, { addr: base, size: length, type })),
    )
    const startInfo = encode(HVM_START_INFO, {
      magic: HVM_START_MAGIC,
      version: START_INFO_VERSION,
      nrModules: modules.length,
      modlistPaddr: modules.length === 0 ? 0 : low(modlist, 'module list'),
      cmdlinePaddr: low(cString(options.commandLine), 'command line'),
      rsdpPaddr: options.acpiRsdp ?? FIRMWARE,
      memmapPaddr: low(memmap, 'memory map'),
      memmapEntries: memoryMap.length,
    })
    const ebx = low(startInfo, 'start info')
    const used = placement.commit(memory)
    if (options.acpiRsdp === undefined) placeAcpi(memory, FIRMWARE, { board: 'none' })
    return {
      head: 'xen-pvh',
      registers: { eip: match.entry, ebx, eflags: EFLAGS_START, cr0: CR0_PE_ET, cs: CS, ds: DS },
      memoryMap,
      used,
    }
  },
}

/** RAM from 0 to the hole, with firmware's pages and the toolstack's taken out. */
function pvhMemoryMap(size: number, reserve: readonly Reservation[] = []): MemoryRange[] {
  const { base, length, hole } = specialPages(size)
  return reserveRanges(
    [
      { base: 0, length: hole, type: E820_RAM },
      { base, length, type: E820_RESERVED },
    ],
    [{ base: FIRMWARE, length: MIB - FIRMWARE, type: E820_RESERVED, what: 'firmware' }, ...reserve],
  )
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

/** Latin-1 with the NUL; characters above it become `?`. */
function cString(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length + 1)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    bytes[i] = code > 0xff ? 0x3f : code
  }
  return bytes
}
