/**
 * The `linux` head: the 32-bit boot protocol (Linux Documentation/arch/x86/boot.rst, "32-bit Boot Protocol").
 *
 * Entered in protected mode with paging off and interrupts off, flat __BOOT_CS (0x10) and __BOOT_DS (0x18) from a
 * descriptor table in memory, ESI = the zero page, EBP = EDI = EBX = 0. The entry is the ELF's own `startup_32`:
 * a vmlinux as it is, a bzImage after the loader has decompressed it (its own decompressor would move the kernel),
 * or an uncompressed image that follows the protocol at its `code32_start` (memtest86+).
 */
import { ParagraftError } from '@paragraft/core/errors'
import type { Head, HeadMatch, PlaceOptions } from '@paragraft/core/head'
import type { GuestImage, StartOfDay } from '@paragraft/core/image'
import { Placement } from '@paragraft/core/placement'
import type { GuestMemory } from '@paragraft/core/ports'
import { cString } from './bytes.ts'
import { BOOT_CS, BOOT_DS, CR0_PE_ET, EFLAGS_START, flatGdt } from './gdt.ts'
import { EBDA, MIB, pcMemoryMap } from './memory-map.ts'
import { DEFAULT_COMMAND_LINE, E820_MAX, initrdMaximum, ZERO_PAGE_SIZE, zeroPage } from './zero-page.ts'

/** Where boot loaders have put the zero page and the command line since the first ones. */
const LOW = 0x90000

/** Entries that follow this protocol. */
const KINDS = ['linux', 'linux32']

export const linuxHead: Head = {
  name: 'linux',
  defaultConsole: 'console=ttyS0',

  probe(image: GuestImage): HeadMatch {
    if (image.machine !== 'i386') {
      return { match: false, reason: `the 32-bit Linux protocol enters i386 kernels; this is ${image.machine}` }
    }
    const entry = image.entries.find(e => KINDS.includes(e.kind))
    if (entry === undefined) return { match: false, reason: 'neither a bzImage nor a Linux kernel in ELF form' }
    return { match: true, entry: entry.address }
  },

  place(image: GuestImage, options: PlaceOptions, memory: GuestMemory): StartOfDay {
    const match = linuxHead.probe(image)
    if (!match.match) {
      throw new ParagraftError('PG_HEAD_NO_MATCH', `the linux head cannot boot this image: ${match.reason}`, {
        fields: { head: 'linux', reason: match.reason },
        hint: 'Run `paragraft inspect` to see which heads can.',
      })
    }
    refuse(image, options)
    const memoryMap = pcMemoryMap(memory.size, options.reserve)
    if (memoryMap.length > E820_MAX) {
      throw new ParagraftError(
        'PG_HEAD_MEMORY_MAP',
        `the zero page holds ${E820_MAX} ranges, not ${memoryMap.length}`,
        {
          fields: { ranges: memoryMap.length, limit: E820_MAX },
          hint: 'Reserve fewer ranges.',
        },
      )
    }
    const placement = new Placement('linux', memoryMap)
    placement.segments(image.segments)
    const gdt = flatGdt()
    const zeroPageAt = placement.lowest(new Uint8Array(ZERO_PAGE_SIZE), 'zero page', LOW, EBDA)
    const commandLineAt = placement.lowest(cString(options.commandLine), 'command line', LOW, EBDA, 16)
    const gdtBase = placement.lowest(gdt, 'GDT', LOW, EBDA, 16)
    let ramdisk: { base: number; size: number } | undefined
    if (options.initrd !== undefined && options.initrd.length > 0) {
      const high = Math.min(memory.size, initrdMaximum(image.linux?.setupHeader) + 1)
      const base = placement.highest(options.initrd, 'initrd', MIB, high)
      ramdisk = { base, size: options.initrd.length }
    }
    const used = placement.commit(memory)
    const page = zeroPage({
      setupHeader: image.linux?.setupHeader,
      memoryMap,
      memorySize: memory.size,
      commandLineAt,
      ramdisk,
      acpiRsdp: options.acpiRsdp,
    })
    memory.write(zeroPageAt, page)
    return {
      head: 'linux',
      registers: {
        eip: match.entry,
        esi: zeroPageAt,
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

function refuse(image: GuestImage, options: PlaceOptions): void {
  const limit = image.linux?.commandLineSize || DEFAULT_COMMAND_LINE
  if (options.commandLine.length > limit) {
    throw new ParagraftError(
      'PG_HEAD_COMMAND_LINE',
      `the command line has ${options.commandLine.length} characters; this kernel takes ${limit}`,
      { fields: { length: options.commandLine.length, limit }, hint: 'Shorten --append.' },
    )
  }
  // What is in place already is in the memory map, and this protocol has no list to put it on.
  const modules = options.modules.filter(module => module.at === undefined)
  if (modules.length > 0) {
    throw new ParagraftError('PG_HEAD_MODULES', 'the Linux boot protocol has no boot modules', {
      fields: { modules: modules.map(m => m.commandLine) },
      hint: 'Pass an initial ramdisk with --initrd; an ops module goes with --ops.',
    })
  }
}
