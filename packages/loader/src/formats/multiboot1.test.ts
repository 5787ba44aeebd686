import { isParagraftError } from '@paragraft/core/errors'
import { describe, expect, test } from 'vitest'
import { parseImage } from './detect.ts'
import { elfFixture, multibootFixture, Writer } from './fixtures.ts'
import { findMultiboot1, parseMultibootKludge } from './multiboot1.ts'

/** A flat binary: `before` bytes, a header with the address fields, then 64 bytes more. */
function flat(before: number, fields: (headerAddr: number) => number[], flags = 0x10000): Uint8Array {
  return new Writer()
    .raw(new Uint8Array(before))
    .raw(multibootFixture(flags, fields(0x100000 + before)))
    .raw(new Uint8Array(64).fill(0x90))
    .bytes()
}

const good = (header: number): number[] => [header, 0x100000, 0, 0, header + 32]

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (isParagraftError(error)) return error.code
    throw error
  }
  return 'no error'
}

describe('finding the header (specification 3.1)', () => {
  test('anywhere 4-byte aligned that lies within the first 8192 bytes', () => {
    expect(findMultiboot1(flat(0, good))?.offset).toBe(0)
    expect(findMultiboot1(flat(8192 - 32, good))?.offset).toBe(8192 - 32)
    expect(codeOf(() => findMultiboot1(flat(8192 - 28, good)))).toBe('PG_IMAGE_TRUNCATED')
    expect(findMultiboot1(flat(8192, good))).toBeUndefined()
    expect(findMultiboot1(flat(2, good))).toBeUndefined()
  })

  test('a wrong checksum is no header', () => {
    const bytes = flat(0, good)
    bytes[8] = (bytes[8] as number) ^ 1
    expect(findMultiboot1(bytes)).toBeUndefined()
  })

  test('video fields lie at 32 whether or not address fields are in use', () => {
    const header = findMultiboot1(multibootFixture(4, [0, 0, 0, 0, 0, 1, 80, 25, 0]))
    expect(header).toEqual({ flags: 4, offset: 0, videoMode: { modeType: 1, width: 80, height: 25, depth: 0 } })
  })
})

describe('address fields (specification 3.1.3)', () => {
  test('zero load_end means the whole file, zero bss_end no BSS', async () => {
    const image = await parseImage(flat(16, good))
    expect(image.format).toEqual(['multiboot-kludge'])
    expect(image.segments).toHaveLength(1)
    expect(image.segments[0]).toMatchObject({ paddr: 0x100000, memorySize: 16 + 32 + 64 })
    expect(image.entries).toEqual([{ kind: 'multiboot', address: 0x100030 }])
  })

  test('load_addr above the start of the file skips what lies before', () => {
    const bytes = flat(16, header => [header, header, header + 48, header + 0x1000, header + 32])
    const segment = parseMultibootKludge(bytes)?.segments[0]
    expect(segment?.bytes).toEqual(bytes.subarray(16, 16 + 48))
    expect(segment).toMatchObject({ paddr: 0x100010, memorySize: 0x1000 })
  })

  test('contradictions are refused', () => {
    const cases: [string, (header: number) => number[]][] = [
      ['PG_IMAGE_CORRUPT', h => [h, h + 4, 0, 0, h + 8]],
      ['PG_IMAGE_CORRUPT', h => [h, h - 32, 0, 0, h]],
      ['PG_IMAGE_CORRUPT', h => [h, 0x100000, 0xfffff, 0, h]],
      ['PG_IMAGE_CORRUPT', h => [h, 0x100000, h + 48, h + 40, h]],
      ['PG_IMAGE_CORRUPT', h => [h, 0x100000, 0, 0, 0xfffff]],
      ['PG_IMAGE_CORRUPT', h => [h, 0x100000, 0, 0, h + 0x1000]],
      ['PG_IMAGE_TRUNCATED', h => [h, 0x100000, h + 0x1000, 0, h + 32]],
      ['PG_IMAGE_TOO_LARGE', () => [0xfffffff0, 0xffffffe0, 0, 0, 0xfffffff0]],
    ]
    for (const [expected, fields] of cases) {
      expect(codeOf(() => parseMultibootKludge(flat(16, fields)))).toBe(expected)
    }
  })
})

describe('in an ELF file', () => {
  const elf = (header: Uint8Array) =>
    elfFixture({
      entry: 0xc0100020,
      programs: [
        { vaddr: 0xc0100000, paddr: 0x100000, bytes: new Writer().raw(header).raw(new Uint8Array(64)).bytes() },
      ],
    })

  test('without address fields the ELF headers place it, and the entry is where that code is loaded', async () => {
    const image = await parseImage(elf(multibootFixture(3)))
    expect(image.format).toEqual(['elf32'])
    expect(image.multiboot).toEqual({ flags: 3, offset: 96 })
    expect(image.entries).toContainEqual({ kind: 'multiboot', address: 0x100020 })
  })

  test('with address fields those win', async () => {
    const image = await parseImage(elf(multibootFixture(0x10000, [0x200000, 0x200000, 0x200020, 0x200040, 0x200010])))
    expect(image.format).toEqual(['multiboot-kludge', 'elf32'])
    expect(image.segments.map(s => [s.paddr, s.bytes.length, s.memorySize])).toEqual([[0x200000, 32, 64]])
    expect(image.entries).toEqual([{ kind: 'multiboot', address: 0x200010 }])
  })
})
