import { execFileSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { isParagraftError } from '@paragraft/core/errors'
import { describe, expect, test } from 'vitest'
import { needs, type Requirement } from '../../../../tests/support/needs.ts'
import { Writer } from '../formats/fixtures.ts'
import { decodeBcjX86 } from './bcj-x86.ts'
import { gzipFixture, lz4Fixture, sampleData, xzFixture, zstdFixture } from './fixtures.ts'
import { type Compression, decompress, detectCompression } from './index.ts'

async function codeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (isParagraftError(error)) return error.code
    throw error
  }
  return 'no error'
}

/** Equality of large arrays: vitest's own takes minutes for megabytes. */
function expectSame(found: Uint8Array, expected: Uint8Array): void {
  expect(found.length).toBe(expected.length)
  expect(Buffer.compare(found, expected)).toBe(0)
}

/** Calls every 16 bytes, far enough apart that the filter treats each by itself, with near targets both ways. */
function calls(count: number): Uint8Array {
  const out = new Writer()
  for (let i = 0; i < count; i++)
    out
      .u8(i % 3 === 0 ? 0xe9 : 0xe8)
      .u32(((i * 7919) % 0x10000) - 0x8000)
      .raw([0x90, i & 0x7f, 0x55, 0x89, 0x45, 0x31, 0x40, 1, 2, 3, 4])
  return out.bytes()
}

/** What the encoder makes of them: target = operand + address of the next instruction, in 25 bits with sign. */
function encodeCalls(start: number): (data: Uint8Array) => Uint8Array {
  return data => {
    const out = data.slice()
    const view = new DataView(out.buffer)
    for (let at = 0; at + 5 <= out.length; at += 16) {
      const target = view.getInt32(at + 1, true) + start + at + 5
      view.setInt32(at + 1, (target << 7) >> 7, true)
    }
    return out
  }
}

const data = sampleData(100_000)
const make: Record<Compression, () => Uint8Array> = {
  gzip: () => gzipFixture(data),
  xz: () => xzFixture({ blocks: [data] }),
  lz4: () => lz4Fixture(data),
  zstd: () => zstdFixture(data),
}
const all = Object.keys(make) as Compression[]

describe.each(all)('%s', format => {
  test('is known by its magic and comes out as it went in, with progress up to the end', async () => {
    const packed = make[format]()
    expect(detectCompression(packed)).toBe(format)
    let last = 0
    const unpacked = await decompress(format, packed, { size: data.length, onProgress: done => (last = done) })
    expectSame(unpacked, data)
    expect(last).toBe(data.length)
    expectSame(await decompress(format, packed), data)
  })

  test('is held to the declared size and to the limit', async () => {
    const packed = make[format]()
    expect(await codeOf(() => decompress(format, packed, { size: data.length + 1 }))).toBe('PG_IMAGE_CORRUPT')
    expect(await codeOf(() => decompress(format, packed, { size: data.length - 1 }))).toBe('PG_IMAGE_CORRUPT')
    expect(await codeOf(() => decompress(format, packed, { maxSize: 99_999 }))).toBe('PG_IMAGE_TOO_LARGE')
    expect(await codeOf(() => decompress(format, packed, { size: 100_000, maxSize: 99_999 }))).toBe(
      'PG_IMAGE_TOO_LARGE',
    )
  })

  test('cut short anywhere it is refused', async () => {
    const packed = make[format]()
    for (let length = 4; length < packed.length; length += 1009) {
      // LZ4 has no length of its own: cut between blocks it needs the declared size.
      const code = await codeOf(() => decompress(format, packed.subarray(0, length), { size: data.length }))
      expect(['PG_IMAGE_TRUNCATED', 'PG_IMAGE_CORRUPT']).toContain(code)
    }
  })
})

describe('damage', () => {
  test.each(['gzip', 'xz', 'zstd'] as const)(
    'one wrong bit anywhere in %s does not pass, as it has a checksum',
    async format => {
      const small = sampleData(3000, 7)
      const whole = { gzip: gzipFixture(small), xz: xzFixture({ blocks: [small] }), zstd: zstdFixture(small) }[format]
      let harmless = 0
      for (let i = 0; i < whole.length; i += 3) {
        const damaged = whole.slice()
        damaged[i] = (damaged[i] as number) ^ (1 << (i % 8))
        // A change may touch what nothing uses (gzip's time and name, zstd's window); the data is then as before.
        const code = await codeOf(async () =>
          expectSame(await decompress(format, damaged, { maxSize: 1 << 20 }), small),
        )
        if (code === 'no error') harmless++
        else expect(code).toMatch(/^PG_IMAGE_/)
      }
      expect(harmless).toBeLessThan(20)
    },
  )
})

describe('xz', () => {
  test('every check is verified', async () => {
    for (const check of [0, 1, 4, 10]) {
      const packed = xzFixture({ blocks: [data.subarray(0, 5000)], check })
      expectSame(await decompress('xz', packed), data.subarray(0, 5000))
    }
    const unknown = xzFixture({ blocks: [data.subarray(0, 50)], check: 2 })
    expect(await codeOf(() => decompress('xz', unknown))).toBe('PG_IMAGE_UNSUPPORTED')
  })

  test('a wrong check over right data is corrupt, whichever it is', async () => {
    for (const check of [1, 4, 10]) {
      const good = xzFixture({ blocks: [data.subarray(0, 500)], check, stored: true })
      // Stored data: a changed byte still decodes; header 12, block header 12, chunk header 3.
      const bad = good.slice()
      bad[12 + 12 + 3 + 100] = (bad[12 + 12 + 3 + 100] as number) ^ 1
      expect(await codeOf(() => decompress('xz', good))).toBe('no error')
      expect(await codeOf(() => decompress('xz', bad))).toBe('PG_IMAGE_CORRUPT')
    }
  })

  test('several blocks, several streams and padding between them', async () => {
    const blocks = [data.subarray(0, 30_000), data.subarray(30_000, 30_001), data.subarray(30_001)]
    const one = xzFixture({ blocks, sizes: true })
    expectSame(await decompress('xz', one), data)
    const two = new Writer()
      .raw(xzFixture({ blocks: blocks.slice(0, 2) }))
      .u32(0, 0)
      .raw(xzFixture({ blocks: blocks.slice(2), check: 4 }))
      .u32(0)
      .bytes()
    expectSame(await decompress('xz', two), data)
  })

  test('the x86 filter is undone, in every block from its start offset', async () => {
    const code = calls(500)
    for (const start of [undefined, 0x100000]) {
      const encode = encodeCalls(start ?? 0)
      expect(encode(code)).not.toEqual(code)
      const packed = xzFixture({
        blocks: [code, code.subarray(0, 4000)],
        x86: { encode, ...(start === undefined ? {} : { start }) },
      })
      expectSame(await decompress('xz', packed), new Uint8Array([...code, ...code.subarray(0, 4000)]))
    }
  })

  test('the x86 filter leaves short tails and far targets alone', () => {
    const bytes = Uint8Array.of(0xe8, 1, 2, 3, 0x40, 0x90, 0xe8, 0, 0, 0)
    const copy = bytes.slice()
    decodeBcjX86(copy)
    expect(copy).toEqual(bytes)
    decodeBcjX86(copy.subarray(0, 4))
    expect(copy).toEqual(bytes)
  })

  test('other filters are refused by number', async () => {
    const packed = xzFixture({ blocks: [data.subarray(0, 100)], x86: { encode: d => d } })
    // Filter 4 (x86) becomes 3 (delta) in the block header; its CRC32 must be made right again.
    packed[14] = 3
    const { crc32 } = await import('./crc.ts')
    new DataView(packed.buffer).setUint32(12 + 8, crc32(packed.subarray(12, 20)), true)
    expect(await codeOf(() => decompress('xz', packed))).toBe('PG_IMAGE_UNSUPPORTED')
  })
})

describe('lz4', () => {
  test('blocks of 8 MiB, and matches that overlap themselves', async () => {
    const long = new Uint8Array(8 * 1024 * 1024 + 70_000)
    long.set(sampleData(50_000, 3), 8 * 1024 * 1024 - 20_000)
    expectSame(await decompress('lz4', lz4Fixture(long)), long)
  })

  test('malformed blocks (lz4_Block_format.md)', async () => {
    const frame = (...block: number[]) =>
      new Writer()
        .u32(0x184c2102, block.length)
        .u8(...block)
        .bytes()
    const cases: [string, number[]][] = [
      ['no error', [0x30, 1, 2, 3]],
      ['no error', [0x10, 7, 1, 0, 0x10, 9]],
      ['PG_IMAGE_CORRUPT', []],
      ['PG_IMAGE_CORRUPT', [0x40, 1, 2, 3]],
      ['PG_IMAGE_CORRUPT', [0x31, 1, 2, 3]],
      ['PG_IMAGE_CORRUPT', [0xf0, 255, 255]],
      ['PG_IMAGE_CORRUPT', [0x10, 7, 0, 0, 0x10, 9]],
      ['PG_IMAGE_CORRUPT', [0x10, 7, 2, 0, 0x10, 9]],
      ['PG_IMAGE_CORRUPT', [0x10, 7, 1]],
      ['PG_IMAGE_CORRUPT', [0x10, 7, 1, 0]],
    ]
    for (const [expected, block] of cases)
      expect(await codeOf(() => decompress('lz4', frame(...block))), `${block}`).toBe(expected)
    expect([...(await decompress('lz4', frame(0x10, 7, 1, 0, 0x10, 9)))]).toEqual([7, 7, 7, 7, 7, 9])
  })

  test('a bomb is stopped by the limit before anything is allocated', async () => {
    const run = [0x1f, 0, 1, 0, ...new Array<number>(30_000).fill(255), 0, 0x10, 0]
    const bomb = new Writer().u32(0x184c2102)
    for (let i = 0; i < 50; i++) bomb.u32(run.length).u8(...run)
    expect(await codeOf(() => decompress('lz4', bomb.bytes()))).toBe('PG_IMAGE_TOO_LARGE')
  })
})

describe('gzip', () => {
  test('all header fields of RFC 1952', async () => {
    const body = gzipFixture(data.subarray(0, 100))
    const deflate = body.subarray(10 + 'vmlinux'.length + 1)
    const header = new Writer()
      .u8(0x1f, 0x8b, 8, 4 | 8 | 16, 0, 0, 0, 0, 0, 3)
      .u16(5)
      .u8(1, 2, 3, 4, 5)
      .text('name')
      .u8(0)
      .text('comment')
      .u8(0)
    expectSame(await decompress('gzip', header.raw(deflate).bytes()), data.subarray(0, 100))
  })

  test('zlib makes the same', async () => {
    for (const level of [0, 1, 9]) expectSame(await decompress('gzip', new Uint8Array(gzipSync(data, { level }))), data)
  })
})

describe('zstd', () => {
  test('several frames, skippable ones between them, with and without sizes and checksums', async () => {
    const parts = [data.subarray(0, 40_000), data.subarray(40_000)] as const
    const skippable = new Writer().u32(0x184d2a53, 5).u8(1, 2, 3, 4, 5).bytes()
    for (const options of [{ size: true }, { checksum: false }, {}]) {
      const packed = new Writer().raw(zstdFixture(parts[0], options)).raw(skippable).raw(zstdFixture(parts[1])).bytes()
      expectSame(await decompress('zstd', packed), data)
    }
  })

  test('a content size that its blocks cannot hold is refused before anything is allocated', async () => {
    const packed = zstdFixture(data.subarray(0, 100), { size: true })
    new DataView(packed.buffer).setUint32(5, 200_000_000, true)
    expect(await codeOf(() => decompress('zstd', packed))).toBe('PG_IMAGE_CORRUPT')
  })
})

/** The reference tools, as kernels' builds call them. */
const TOOLS: [Extract<Requirement, 'gzip' | 'xz' | 'lz4' | 'zstd'>, Compression, string[]][] = [
  ['xz', 'xz', ['--format=xz', '--check=crc32', '--x86', '--lzma2=preset=9e,dict=32MiB']],
  ['xz', 'xz', ['--check=crc64', '--block-size=20000', '--lzma2=lc=0,lp=2,pb=4']],
  ['xz', 'xz', ['--check=sha256', '-0']],
  ['gzip', 'gzip', ['-n', '-9']],
  ['lz4', 'lz4', ['-l', '-9']],
  ['zstd', 'zstd', ['-22', '--ultra']],
  ['zstd', 'zstd', ['-3', '--no-check']],
]

/** Real i386-like code: calls and jumps close together, operands that look like opcodes. */
function dense(length: number): Uint8Array {
  const out = sampleData(length, 99)
  for (let at = 0; at + 5 < length; at += 1 + ((out[at + 2] as number) % 9)) {
    out[at] = 0xe8 | ((out[at + 1] as number) & 1)
    if ((out[at + 3] as number) % 3 !== 0) out[at + 4] = (out[at + 3] as number) & 1 ? 0xff : 0
  }
  return out
}

describe('against the reference tools', () => {
  for (const [tool, format, args] of TOOLS) {
    needs(tool)(`${tool} ${args.join(' ')}`, async () => {
      for (const input of [data, dense(200_000), Uint8Array.of(1), new Uint8Array(300_000)]) {
        const packed = new Uint8Array(
          execFileSync(tool, [...args, '-c'], { input, maxBuffer: 1 << 26, stdio: ['pipe', 'pipe', 'ignore'] }),
        )
        expect(detectCompression(packed)).toBe(format)
        expectSame(await decompress(format, packed, { size: input.length }), input)
      }
    })
  }

  needs('xz')('xz reads what the fixtures make', () => {
    const packed = xzFixture({ blocks: [data, data.subarray(5)], check: 10, sizes: true })
    const tool: Requirement = 'xz'
    const unpacked = new Uint8Array(execFileSync(tool, ['-dc'], { input: packed, maxBuffer: 1 << 26 }))
    expectSame(unpacked, new Uint8Array([...data, ...data.subarray(5)]))
  })
})
