/**
 * The way in: what lguest's launcher did. The kernel is put where it is linked, page tables for its linear map behind it, the
 * usual structure in low memory says how much memory there is; and the guest begins in ring 1, with paging on.
 */
import { ParagraftError } from '@paragraft/core/errors'
import type { Head, HeadMatch, PlaceOptions } from '@paragraft/core/head'
import type { BootModule, GuestImage, MemoryRange, StartOfDay } from '@paragraft/core/image'
import { E820_RAM, Placement, reserveRanges } from '@paragraft/core/placement'
import type { GuestMemory } from '@paragraft/core/ports'
import { KERNEL_CS, KERNEL_DS, MULTIBOOT_MAGIC, PAGE_OFFSET } from './abi.ts'
import { HOST_BYTES, hostBase } from './memory.ts'

const PAGE = 4096
const MIB = 2 ** 20
const LOW = 0x1000
const LOW_END = 0xa_0000
/** Less would not hold a kernel and what is ours. */
const LEAST_MEMORY = 8 * MIB
/** Mapped at the first instruction; the kernel maps the rest itself. */
const MOST_MAPPED = 64 * MIB
const ENTRIES = 1024
/** Present, writable, accessed, dirty. */
const MAPPED = 0x63
/** PG, AM, WP, NE, ET, MP, PE. */
const CR0 = 0x8005_0033
/** IF is always set, for real: whether the guest takes interrupts is a word of its memory. Bit 1 is 1. */
const EFLAGS = 0x202

/** Multiboot information (0.6.96, 3.3): memory, command line, modules, memory map. */
const INFO_FLAGS = (1 << 0) | (1 << 2) | (1 << 3) | (1 << 6)

export const lguestHead: Head = {
  name: 'lguest',
  paging: true,

  probe(image: GuestImage): HeadMatch {
    const entry = entryOf(image)
    if (typeof entry === 'string') return { match: false, reason: entry }
    return { match: true, entry, note: 'in ring 1, with paging on' }
  },

  place(image: GuestImage, options: PlaceOptions, memory: GuestMemory): StartOfDay {
    const entry = entryOf(image)
    if (typeof entry === 'string') {
      throw new ParagraftError('PG_HEAD_NO_MATCH', `the lguest head cannot boot this image: ${entry}`, {
        fields: { head: 'lguest', reason: entry },
        hint: 'Give it the ops module of this package.',
      })
    }
    const end = checkedEnd(memory.size)
    const ram = [
      { base: 0, length: LOW_END, type: E820_RAM },
      { base: MIB, length: end - MIB, type: E820_RAM },
    ]
    const memoryMap = reserveRanges(ram, options.reserve ?? [])
    const placement = new Placement('lguest', memoryMap)
    placement.segments(image.segments)
    const imageEnd = image.segments.reduce((top, { paddr, memorySize }) => Math.max(top, paddr + memorySize), MIB)

    const mapped = Math.min(end, MOST_MAPPED)
    const tables = new Uint8Array(PAGE * (1 + Math.ceil(mapped / (PAGE * ENTRIES))))
    const directory = placement.lowest(tables, 'page tables', imageEnd, mapped)
    fillLinearMap(tables, directory, mapped)
    const ebx = information(placement, memoryMap, options, imageEnd, mapped)
    const used = placement.commit(memory)
    const registers = {
      eip: entry,
      eax: MULTIBOOT_MAGIC,
      ebx,
      ecx: directory,
      esi: mapped,
      edi: directory + tables.length,
      eflags: EFLAGS,
      cr0: CR0,
      cr3: directory,
      cs: KERNEL_CS,
      ds: KERNEL_DS,
    }
    return { head: 'lguest', registers, memoryMap, used }
  },
}

/** The entry that an ops module brings; or why there is none. */
function entryOf(image: GuestImage): number | string {
  if (image.machine !== 'i386') return `its guests are 32-bit kernels; this is ${image.machine}`
  const entry = image.entries.findLast(({ kind }) => kind === 'lguest')
  return entry?.address ?? 'no kernel knows it by itself, and no ops module brings a way in'
}

/** The guest's last byte and one, in whole megabytes. Throws `PG_HEAD_MEMORY_MAP`. */
function checkedEnd(memorySize: number): number {
  const end = Math.floor(hostBase(memorySize) / MIB) * MIB
  if (end >= LEAST_MEMORY) return end
  throw new ParagraftError(
    'PG_HEAD_MEMORY_MAP',
    `an lguest guest needs ${(LEAST_MEMORY + HOST_BYTES) / MIB} MiB of memory`,
    {
      fields: { head: 'lguest', memorySize, host: HOST_BYTES },
      hint: 'Give the machine more memory.',
    },
  )
}

/** A directory at `base` and its tables behind it: physical 0 and up at PAGE_OFFSET, so many bytes. */
function fillLinearMap(tables: Uint8Array, base: number, bytes: number): void {
  const view = new DataView(tables.buffer)
  const first = PAGE_OFFSET / (PAGE * ENTRIES)
  for (let table = 0; table * PAGE * ENTRIES < bytes; table++) {
    view.setUint32(4 * (first + table), base + PAGE * (1 + table) + MAPPED, true)
  }
  for (let page = 0; page * PAGE < bytes; page++) view.setUint32(PAGE + 4 * page, page * PAGE + MAPPED, true)
}

/** The Multiboot information structure, with the boot modules where they belong; its address. */
function information(
  placement: Placement,
  map: readonly MemoryRange[],
  { commandLine, imageName, initrd, modules }: PlaceOptions,
  low: number,
  high: number,
): number {
  const put = (bytes: Uint8Array, what: string): number => placement.lowest(bytes, what, LOW, LOW_END, 16)
  const text = (string: string, what: string): number => put(new TextEncoder().encode(`${string}\0`), what)
  const all: BootModule[] = [...(initrd === undefined ? [] : [{ bytes: initrd, commandLine: 'initrd' }]), ...modules]
  const list = all.flatMap(({ bytes, at, commandLine: line }, index) => {
    const start = at ?? placement.lowest(bytes, `boot module ${index}`, low, high)
    return [start, start + bytes.length, text(line, `command line of boot module ${index}`), 0]
  })
  const ranges = map.flatMap(({ base, length, type }) => [20, base, 0, length, 0, type])
  const line = text(`${imageName ?? 'kernel'} ${commandLine}`.trim(), 'command line')
  const info = new Array<number>(13).fill(0)
  info.splice(0, 3, INFO_FLAGS, LOW_END / 1024, (map.find(({ base }) => base === MIB)?.length ?? 0) / 1024)
  info.splice(4, 3, line, all.length, put(words(list), 'module list'))
  info.splice(11, 2, 4 * ranges.length, put(words(ranges), 'memory map'))
  return put(words(info), 'multiboot information')
}

function words(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length))
  values.forEach((value, index) => view.setUint32(4 * index, value, true))
  return new Uint8Array(view.buffer)
}
