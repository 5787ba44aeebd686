/**
 * The `multiboot` head: Multiboot Specification 0.6.96 (version 1), section 3.
 *
 * EAX = 0x2BADB002, EBX = the information structure, flat segments, paging off, interrupts off. Boot modules are
 * page aligned and listed with their command lines: this is how the thread's ops modules arrive.
 */
import { ParagraftError } from '@paragraft/core/errors'
import type { Head, HeadMatch, PlaceOptions } from '@paragraft/core/head'
import type { BootModule, GuestImage, MemoryRange, StartOfDay } from '@paragraft/core/image'
import { E820_RAM, Placement } from '@paragraft/core/placement'
import type { GuestMemory } from '@paragraft/core/ports'
import { Bytes, cString } from './bytes.ts'
import { BOOT_CS, BOOT_DS, CR0_PE_ET, EFLAGS_START, flatGdt } from './gdt.ts'
import { EBDA, MIB, pcMemoryMap } from './memory-map.ts'

/** Magic in EAX (spec 3.2). */
const MULTIBOOT_BOOTLOADER_MAGIC = 0x2badb002

/** Header flags (spec 3.1.2): 0–15 must be understood, 16 and up are optional. */
const REQUIRE_PAGE_ALIGN = 1 << 0
const REQUIRE_MEMORY_INFO = 1 << 1
const REQUIRE_VIDEO = 1 << 2
const UNDERSTOOD = REQUIRE_PAGE_ALIGN | REQUIRE_MEMORY_INFO | REQUIRE_VIDEO

/** Information flags (spec 3.3). */
const INFO_MEMORY = 1 << 0
const INFO_CMDLINE = 1 << 2
const INFO_MODS = 1 << 3
const INFO_MEM_MAP = 1 << 6
const INFO_BOOT_LOADER_NAME = 1 << 9
const INFO_FRAMEBUFFER = 1 << 12

/** Size of the structure up to and including the framebuffer fields. */
const INFO_SIZE = 116
const MODULE_SIZE = 16
const MMAP_ENTRY_SIZE = 24
/** `framebuffer_type` 2: EGA-standard text mode. */
const FRAMEBUFFER_TYPE_EGA_TEXT = 2
const TEXT = { address: 0xb8000, columns: 80, lines: 25 }

/** The structure and its strings are kept out of the first pages, where guests like to put real-mode things. */
const LOW = 0x9000

export const multibootHead: Head = {
  name: 'multiboot',

  probe(image: GuestImage): HeadMatch {
    if (image.machine !== 'i386')
      return { match: false, reason: `multiboot enters 32-bit code; this is ${image.machine}` }
    const header = image.multiboot
    if (header === undefined) return { match: false, reason: 'no multiboot header in the first 8 KiB' }
    const unknown = header.flags & 0xffff & ~UNDERSTOOD
    if (unknown !== 0) {
      return {
        match: false,
        reason: `its multiboot header requires features that are not known: 0x${unknown.toString(16)}`,
      }
    }
    const entry = entryOf(image)
    if (entry === undefined) return { match: false, reason: 'the image has no entrypoint' }
    return { match: true, entry }
  },

  place(image: GuestImage, options: PlaceOptions, memory: GuestMemory): StartOfDay {
    const match = multibootHead.probe(image)
    if (!match.match) {
      throw new ParagraftError('PG_HEAD_NO_MATCH', `the multiboot head cannot boot this image: ${match.reason}`, {
        fields: { head: 'multiboot', reason: match.reason },
        hint: 'Run `paragraft inspect` to see which heads can.',
      })
    }
    const memoryMap = pcMemoryMap(memory.size, options.reserve)
    const placement = new Placement('multiboot', memoryMap)
    placement.segments(image.segments)

    const top = memory.size
    const imageEnd = image.segments.reduce((end, s) => Math.max(end, s.paddr + s.memorySize), MIB)
    const modules = options.initrd
      ? [{ bytes: options.initrd, commandLine: 'initrd' } as BootModule, ...options.modules]
      : [...options.modules]
    const strings = (text: string, what: string): number => placement.lowest(cString(text), what, LOW, EBDA, 4)

    const list = new Bytes(modules.length * MODULE_SIZE)
    modules.forEach((module, i) => {
      const what = `boot module ${i} (${module.commandLine.split(' ')[0] ?? ''})`
      const start = module.at ?? placement.lowest(module.bytes, what, imageEnd, top)
      list.u32(i * MODULE_SIZE, start)
      list.u32(i * MODULE_SIZE + 4, start + module.bytes.length)
      list.u32(i * MODULE_SIZE + 8, strings(module.commandLine, `command line of boot module ${i}`))
    })

    const info = new Bytes(INFO_SIZE)
    const map = encodeMap(memoryMap)
    info.u32(0, INFO_MEMORY | INFO_CMDLINE | INFO_MODS | INFO_MEM_MAP | INFO_BOOT_LOADER_NAME | INFO_FRAMEBUFFER)
    info.u32(4, Math.min(640, Math.floor(Math.min(EBDA, memory.size) / 1024)))
    info.u32(8, Math.floor((firstHoleAbove(memoryMap, MIB) - MIB) / 1024))
    // GRUB passes the image's name as the first word, and guests skip it.
    const commandLine = [options.imageName ?? 'kernel', options.commandLine].filter(word => word !== '').join(' ')
    info.u32(16, strings(commandLine, 'command line'))
    info.u32(20, modules.length)
    info.u32(24, modules.length > 0 ? placement.lowest(list.bytes, 'module list', LOW, EBDA, 16) : 0)
    info.u32(44, map.length)
    info.u32(48, placement.lowest(map, 'memory map', LOW, EBDA, 16))
    info.u32(64, strings('Paragraft', 'boot loader name'))
    // Whatever mode was asked for, the card is in the 80x25 text mode it has after reset, and says so.
    info.u32(88, TEXT.address)
    info.u32(96, TEXT.columns * 2)
    info.u32(100, TEXT.columns)
    info.u32(104, TEXT.lines)
    info.u8(108, 16)
    info.u8(109, FRAMEBUFFER_TYPE_EGA_TEXT)
    const ebx = placement.lowest(info.bytes, 'multiboot information', LOW, EBDA, 16)
    const gdt = flatGdt()
    const gdtBase = placement.lowest(gdt, 'GDT', LOW, EBDA, 16)

    const used = placement.commit(memory)
    return {
      head: 'multiboot',
      registers: {
        eip: match.entry,
        eax: MULTIBOOT_BOOTLOADER_MAGIC,
        ebx,
        eflags: EFLAGS_START,
        cr0: CR0_PE_ET,
        cs: BOOT_CS,
        ds: BOOT_DS,
        gdt: { base: gdtBase, limit: gdt.length - 1 },
      },
      memoryMap,
      used,
    }
  },
}

/** The entry of the header's address fields, else the ELF's; a virtual ELF entry is taken to its physical place. */
function entryOf(image: GuestImage): number | undefined {
  const named = image.entries.find(e => e.kind === 'multiboot')
  if (named !== undefined) return named.address
  const elf = image.entries.find(e => e.kind === 'elf')
  if (elf === undefined) return undefined
  // Paging is off: an entry inside a segment's linked range means that segment's load address (as GRUB does).
  const home = image.segments.find(s => elf.address >= s.vaddr && elf.address < s.vaddr + s.memorySize)
  return home === undefined ? elf.address : home.paddr + (elf.address - home.vaddr)
}

function encodeMap(map: readonly MemoryRange[]): Uint8Array {
  const out = new Bytes(map.length * MMAP_ENTRY_SIZE)
  map.forEach((range, i) => {
    const at = i * MMAP_ENTRY_SIZE
    // `size` does not count itself: the next entry is at +size+4.
    out.u32(at, MMAP_ENTRY_SIZE - 4)
    out.u64(at + 4, range.base)
    out.u64(at + 12, range.length)
    out.u32(at + 20, range.type)
  })
  return out.bytes
}

/** End of the RAM that starts at `from` without a hole. */
function firstHoleAbove(map: readonly MemoryRange[], from: number): number {
  let end = from
  for (const range of map) if (range.type === E820_RAM && range.base === end) end = range.base + range.length
  return end
}
