/** The start of day of a PVH guest (docs/misc/pvh.pandoc), and what the heads say of images. */
import type { GuestImage } from '@paragraft/core'
import { isParagraftError } from '@paragraft/core/errors'
import { expect, test } from 'vitest'
import { HVM_MEMMAP_TABLE_ENTRY, HVM_MODLIST_ENTRY, HVM_START_INFO } from '../abi/hvm.ts'
import { decode } from '../abi/layout.ts'
import { TestMemory } from '../testing.ts'
import { pvHead } from './pv.ts'
import { pvhHead } from './pvh.ts'

const word = (value: number): Uint8Array =>
  Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24)
const text = (string: string): Uint8Array => Uint8Array.from(`${string}\0`, c => c.charCodeAt(0))

function image(changes: Partial<GuestImage> = {}): GuestImage {
  const segment = { paddr: 0x100000, vaddr: 0x100000, bytes: Uint8Array.of(0xf4), memorySize: 0x2000 }
  return {
    format: ['elf32'],
    machine: 'i386',
    segments: [{ ...segment, flags: { read: true, write: true, execute: true } }],
    sections: [],
    symbols: [],
    notes: [
      { owner: 'Xen', type: 6, desc: text('linux') },
      { owner: 'Xen', type: 18, desc: word(0x100000) },
    ],
    entries: [{ kind: 'pvh', address: 0x100000 }],
    ...changes,
  }
}

const MIB = 0x100000

test('the start info and all that it points to', () => {
  const memory = new TestMemory(4 * MIB)
  const start = pvhHead.place(
    image(),
    {
      commandLine: 'console=hvc0',
      initrd: Uint8Array.of(1, 2, 3),
      modules: [{ bytes: Uint8Array.of(4), commandLine: 'second' }],
    },
    memory,
  )
  expect(start.registers).toMatchObject({ eip: 0x100000, cr0: 0x11, eflags: 2 })
  const at = start.registers.ebx!
  const info = decode(HVM_START_INFO, memory.read(at, 56))
  expect([info.magic, info.version, info.flags, info.nrModules]).toEqual([0x336ec578, 1, 0, 2])
  const string = (address: number): string => {
    let out = ''
    for (let i = address; memory.read8(i) !== 0; i++) out += String.fromCharCode(memory.read8(i))
    return out
  }
  expect(string(info.cmdlinePaddr)).toBe('console=hvc0')
  const module = (index: number) => decode(HVM_MODLIST_ENTRY, memory.read(info.modlistPaddr + 32 * index, 32))
  expect([...memory.read(module(0).paddr, module(0).size)]).toEqual([1, 2, 3])
  expect([memory.read8(module(1).paddr), module(1).size, string(module(1).cmdlinePaddr)]).toEqual([4, 1, 'second'])
  expect(string(info.rsdpPaddr).slice(0, 8)).toBe('RSD PTR ')
  const map = Array.from({ length: info.memmapEntries }, (_, i) => {
    const { addr, size, type } = decode(HVM_MEMMAP_TABLE_ENTRY, memory.read(info.memmapPaddr + 24 * i, 24))
    return [addr, size, type]
  })
  expect(map).toEqual([
    [0, 0xe0000, 1],
    [0xe0000, 0x20000, 2],
    // 126 frames that the map does not mention, for guests that look for a hole.
    [MIB, 3 * MIB - 128 * 0x1000, 1],
    [4 * MIB - 0x2000, 0x2000, 2],
  ])
  expect(start.memoryMap).toEqual(map.map(([base, length, type]) => ({ base, length, type })))
})

test('what does not fit is refused before anything is written', () => {
  const memory = new TestMemory(MIB)
  const code = ((): string => {
    try {
      pvhHead.place(image(), { commandLine: '', modules: [] }, memory)
    } catch (error) {
      if (isParagraftError(error)) return error.code
      throw error
    }
    return 'placed'
  })()
  expect(code).toBe('PG_HEAD_NO_ROOM')
  expect(memory.bytes.every(byte => byte === 0)).toBe(true)
})

const reason = (head: typeof pvhHead, changes: Partial<GuestImage>): string => {
  const match = head.probe(image(changes))
  return match.match ? 'taken' : match.reason
}

test('reasons', () => {
  expect(reason(pvhHead, { notes: [], entries: [] })).toBe("no ELF note of Xen's, and no section __xen_guest")
  expect(reason(pvhHead, { notes: [{ owner: 'name', type: 18, desc: word(1) }] })).toContain("no ELF note of Xen's")
  expect(reason(pvhHead, { notes: [{ owner: 'Xen', type: 6, desc: text('x') }] })).toContain('no PHYS32_ENTRY')
  expect(reason(pvhHead, { machine: 'x86_64' })).toContain('x86_64')
  expect(reason(pvHead, {})).toBe('its notes have no ENTRY: it has no paravirtual way in')
  expect(reason(pvHead, { notes: [], entries: [] })).toContain('no section __xen_guest')
})

test("the older string, as gnumach's image has it", () => {
  const string =
    'GUEST_OS=GNU Mach,GUEST_VERSION=1.3,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,ELF_PADDR_OFFSET=0xC0000000,HYPERCALL_PAGE=0x2,PAE=yes[extended-cr3],LOADER=generic,FEATURES=pae_pgdir_above_4gb'
  const older = {
    notes: [],
    entries: [{ kind: 'xen-pv', address: 0xc0000000 }],
    sections: [{ name: '__xen_guest', vaddr: 0, size: string.length, bytes: text(string) }],
  }
  const segments = [{ ...image().segments[0]!, paddr: 0xc0000000, vaddr: 0xc0000000, memorySize: 0x4000 }]
  expect(pvHead.probe(image({ ...older, segments }))).toEqual({
    match: true,
    entry: 0xc0000000,
    note: 'GNU Mach, virtual base 0xc0000000, physical addresses from 0xc0000000, PAE yes[extended-cr3], hypercalls at 0xc0002000, features pae_pgdir_above_4gb (by its string __xen_guest)',
  })
  expect(reason(pvhHead, older)).toBe('the string __xen_guest knows no PHYS32_ENTRY, the 32-bit physical entry')
})
