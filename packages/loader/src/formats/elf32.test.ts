import { isParagraftError } from '@paragraft/core/errors'
import { describe, expect, test } from 'vitest'
import { parseImage } from './detect.ts'
import { parseElf32 } from './elf32.ts'
import { parseElf64 } from './elf64.ts'
import { elfFixture, noteFixture, symbolTables, Writer } from './fixtures.ts'

const code = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i & 0xff)

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (isParagraftError(error)) return error.code
    throw error
  }
  return 'no error'
}

/** A vmlinux in small: higher half, data with BSS, symbols, Xen and Linux notes. */
function kernel(): Uint8Array {
  const { symtab, strtab } = symbolTables([
    { name: 'kernel.c', info: 0x04, section: 0xfff1 },
    { name: 'startup_32', value: 0xc0100000, size: 16, info: 0x12, section: 1 },
    { name: 'pv_ops', value: 0xc0101004, size: 52, info: 0x11, section: 2 },
    { name: 'undefined_here', section: 0 },
    { name: '_end', value: 0xc0103000, info: 0x10, section: 0xfff1 },
  ])
  const notes = new Writer()
    .raw(noteFixture('Xen', 18, new Writer().u32(0x1000e0).bytes()))
    .raw(noteFixture('Linux', 0x101, new Writer().u32(0).bytes()))
    .u32(0, 0, 0)
    .bytes()
  return elfFixture({
    entry: 0xc0100008,
    programs: [
      { vaddr: 0xc0100000, paddr: 0x100000, bytes: code(64), flags: 5 },
      { vaddr: 0xc0101000, paddr: 0x101000, bytes: code(32), memorySize: 0x2000, flags: 6 },
      { type: 4, vaddr: 0, paddr: 0, bytes: notes, flags: 4 },
    ],
    sections: [
      { name: '.text', type: 1, flags: 6, vaddr: 0xc0100000, bytes: code(64) },
      { name: '.bss', type: 8, flags: 3, vaddr: 0xc0101020, size: 0x1fe0 },
      { name: '.notes', type: 7, flags: 2, bytes: notes, sameAs: 2 },
      { name: '.symtab', type: 2, bytes: symtab, link: 5, entrySize: 16 },
      { name: '.strtab', type: 3, bytes: strtab },
    ],
  })
}

describe('ELF32 executables', () => {
  test('segments, sections, symbols and entries come out as they went in', async () => {
    const image = await parseImage(kernel(), { machine: 'i386' })
    expect(image.format).toEqual(['elf32'])
    expect(image.machine).toBe('i386')
    expect(image.segments.map(s => [s.paddr, s.vaddr, s.bytes.length, s.memorySize])).toEqual([
      [0x100000, 0xc0100000, 64, 64],
      [0x101000, 0xc0101000, 32, 0x2000],
    ])
    expect(image.segments[0]?.flags).toEqual({ read: true, write: false, execute: true })
    expect(image.segments[1]?.bytes).toEqual(code(32))
    expect(image.sections.map(s => [s.name, s.size, s.bytes.length])).toContainEqual(['.bss', 0x1fe0, 0])
    expect(image.symbols).toEqual([
      { name: 'startup_32', value: 0xc0100000, size: 16, type: 'func' },
      { name: 'pv_ops', value: 0xc0101004, size: 52, type: 'object' },
      { name: '_end', value: 0xc0103000, size: 0, type: 'other' },
    ])
  })

  test('notes are given once though a program header and a section cover them, padding is skipped', () => {
    const image = parseElf32(kernel())
    expect(image.notes.map(n => [n.owner, n.type])).toEqual([
      ['Xen', 18],
      ['Linux', 0x101],
    ])
  })

  test('entries: e_entry as linked, linux translated to where it is loaded, PVH from the note', () => {
    // physicalEntry is what GRUB (grub-core/loader/multiboot_elfxx.c) and QEMU (include/hw/elf_ops.h) do.
    expect(parseElf32(kernel()).entries).toEqual([
      { kind: 'elf', address: 0xc0100008 },
      { kind: 'linux', address: 0x100008 },
      { kind: 'pvh', address: 0x1000e0 },
    ])
  })

  test('the legacy __xen_guest string names its entry, or leaves it to e_entry', () => {
    const withString = (text: string) =>
      parseElf32(
        elfFixture({
          entry: 0x100004,
          programs: [{ vaddr: 0x100000, paddr: 0x100000, bytes: code(16) }],
          sections: [{ name: '__xen_guest', type: 1, bytes: new Writer().text(text).u8(0).bytes() }],
        }),
      ).entries
    expect(withString('GUEST_OS=x,VIRT_ENTRY=0xC0001000,LOADER=generic')).toContainEqual({
      kind: 'xen-pv',
      address: 0xc0001000,
    })
    expect(withString('GUEST_OS=GNU Mach,VIRT_BASE=0xC0000000')).toContainEqual({ kind: 'xen-pv', address: 0x100004 })
  })
})

describe('bad ELF files', () => {
  const one = (over: object) =>
    elfFixture({ programs: [{ vaddr: 0x100000, paddr: 0x100000, bytes: code(64), ...over }] })

  test('a file cut anywhere is truncated, never half an image', () => {
    const whole = kernel()
    for (let length = 20; length < whole.length; length += 7) {
      expect(codeOf(() => parseElf32(whole.subarray(0, length)))).toBe('PG_IMAGE_TRUNCATED')
    }
  })

  test('overlapping load segments, BSS included', () => {
    const make = (memorySize: number) =>
      elfFixture({
        programs: [
          { vaddr: 0x200000, paddr: 0x200000, bytes: code(16) },
          { vaddr: 0x100000, paddr: 0x100000, bytes: code(16), memorySize },
        ],
      })
    expect(codeOf(() => parseElf32(make(0x100001)))).toBe('PG_IMAGE_OVERLAP')
    expect(codeOf(() => parseElf32(make(0x100000)))).toBe('no error')
  })

  test('sizes that cannot be', () => {
    expect(codeOf(() => parseElf32(one({ paddr: 0xffffffc1 })))).toBe('PG_IMAGE_TOO_LARGE')
    expect(codeOf(() => parseElf32(one({ memorySize: 0xffffffff })))).toBe('PG_IMAGE_TOO_LARGE')
    expect(codeOf(() => parseElf32(one({ memorySize: 63 })))).toBe('PG_IMAGE_CORRUPT')
    expect(codeOf(() => parseElf32(one({ vaddr: 0xfffffff0 })))).toBe('PG_IMAGE_CORRUPT')
    expect(codeOf(() => parseElf32(elfFixture({})))).toBe('PG_IMAGE_CORRUPT')
  })

  test('other architectures and kinds', () => {
    expect(codeOf(() => parseElf32(elfFixture({ machine: 40 })))).toBe('PG_IMAGE_ARCH')
    expect(codeOf(() => parseElf32(elfFixture({ machine: 62 })))).toBe('PG_IMAGE_ARCH')
    const bigEndian = one({})
    bigEndian[5] = 2
    expect(codeOf(() => parseElf32(bigEndian))).toBe('PG_IMAGE_ARCH')
    expect(codeOf(() => parseElf32(elfFixture({ type: 1 })))).toBe('PG_IMAGE_UNSUPPORTED')
    expect(codeOf(() => parseElf32(elfFixture({ type: 3 })))).toBe('PG_IMAGE_UNSUPPORTED')
  })

  test('a note longer than its section, a name outside its table', () => {
    const note = new Writer().u32(4, 0x1000, 1).text('Xen').u8(0).bytes()
    const withSection = (section: object) =>
      elfFixture({
        programs: [{ vaddr: 0x100000, paddr: 0x100000, bytes: code(16) }],
        sections: [{ name: '.x', type: 7, ...section }],
      })
    expect(codeOf(() => parseElf32(withSection({ bytes: note })))).toBe('PG_IMAGE_CORRUPT')
    // Eight bytes short, as grub-mkimage writes its last one: what is there counts.
    const short = new Writer().u32(4, 12, 9).text('Xen').u8(0).text('yes').u8(0).bytes()
    expect(parseElf32(withSection({ bytes: short })).notes[0]?.desc).toEqual(Uint8Array.of(0x79, 0x65, 0x73, 0))
    expect(codeOf(() => parseElf32(withSection({ bytes: short.subarray(0, 19) })))).toBe('PG_IMAGE_CORRUPT')
    const { symtab } = symbolTables([{ name: 'x', section: 1 }])
    expect(codeOf(() => parseElf32(withSection({ type: 2, bytes: symtab, entrySize: 16, link: 2 })))).toBe('no error')
    expect(codeOf(() => parseElf32(withSection({ type: 2, bytes: symtab, entrySize: 16, link: 9 })))).toBe(
      'PG_IMAGE_CORRUPT',
    )
    expect(codeOf(() => parseElf32(withSection({ type: 2, bytes: symtab, entrySize: 8, link: 2 })))).toBe(
      'PG_IMAGE_CORRUPT',
    )
  })
})

describe('ELF64', () => {
  const image = () =>
    elfFixture({
      class: 64,
      entry: 0x1000000,
      programs: [{ vaddr: 0xffffffff81000000n, paddr: 0x1000000, bytes: code(32) }],
    })

  test('is read for inspection, with signed kernel addresses', () => {
    const parsed = parseElf64(image())
    expect(parsed.machine).toBe('x86_64')
    // FACTS of the x86_64 kernel map: VA = PA + 0xFFFFFFFF80000000, which is -2^31 as a signed number.
    expect(parsed.segments[0]?.vaddr).toBe(0x1000000 - 2 ** 31)
    expect(parsed.entries).toEqual([{ kind: 'elf', address: 0x1000000 }])
  })

  test('is refused by a 32-bit machine with the architecture code', async () => {
    await expect(parseImage(image(), { machine: 'i386' })).rejects.toMatchObject({ code: 'PG_IMAGE_ARCH' })
    expect(codeOf(() => parseElf32(image()))).toBe('PG_IMAGE_ARCH')
    expect((await parseImage(image())).format).toEqual(['elf64'])
  })
})
