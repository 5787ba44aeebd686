import { isParagraftError } from '@paragraft/core/errors'
import { describe, expect, test } from 'vitest'
import { gzipFixture, lz4Fixture, xzFixture, zstdFixture } from '../decompress/fixtures.ts'
import { parseImage } from './detect.ts'
import { bzImageFixture, elfFixture, payloadFixture, Writer } from './fixtures.ts'

async function codeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (isParagraftError(error)) return error.code
    throw error
  }
  return 'no error'
}

const text = Uint8Array.from({ length: 500 }, (_, i) => (i * i) & 0xff)
const RELOCS = new Writer().u32(0, 0xc1000010, 0xc1000020).bytes()

/** A kernel's ELF with a relocation list behind it, as in a real payload. */
const kernel = new Writer()
  .raw(elfFixture({ entry: 0x1000000, programs: [{ vaddr: 0xc1000000, paddr: 0x1000000, bytes: text }] }))
  .raw(RELOCS)
  .bytes()

const PACK: Record<string, (data: Uint8Array) => Uint8Array> = {
  gzip: gzipFixture,
  xz: data => xzFixture({ blocks: [data] }),
  lz4: data => lz4Fixture(data),
  zstd: data => zstdFixture(data),
}

const pack = (format: string, data = kernel, size = data.length): Uint8Array =>
  bzImageFixture({ payload: payloadFixture((PACK[format] as (d: Uint8Array) => Uint8Array)(data), size, format) })

describe.each(Object.keys(PACK))('a kernel compressed with %s', format => {
  test('is unpacked, and its ELF entered directly', async () => {
    const seen: [number, number | undefined][] = []
    const image = await parseImage(pack(format), { machine: 'i386', onProgress: (...args) => seen.push(args) })
    expect(image.format).toEqual(['bzimage', format, 'elf32'])
    expect(image.entries).toEqual([
      { kind: 'elf', address: 0x1000000 },
      { kind: 'linux', address: 0x1000000 },
    ])
    expect(image.segments[0]).toMatchObject({ paddr: 0x1000000, vaddr: 0xc1000000, bytes: text })
    expect(image.trailer).toEqual(RELOCS)
    expect(seen.at(-1)).toEqual([kernel.length, kernel.length])
  })

  test('a declared size that is not the real one is corrupt', async () => {
    if (format === 'gzip') return
    expect(await codeOf(() => parseImage(pack(format, kernel, kernel.length + 1)))).toBe('PG_IMAGE_CORRUPT')
    expect(await codeOf(() => parseImage(pack(format, kernel, 0xfffffff0)))).toBe('PG_IMAGE_TOO_LARGE')
  })
})

describe('the setup header (boot.rst)', () => {
  test('comes out raw from 0x1F1 to where its jump says, with what people ask for', async () => {
    const image = await parseImage(pack('gzip'))
    expect(image.linux).toMatchObject({
      protocol: 0x20f,
      kernelVersion: '6.1.0-fixture (somebody) #1',
      commandLineSize: 2047,
    })
    // 0x202 + 0x66 - 0x1F1
    expect(image.linux?.setupHeader.length).toBe(119)
    expect(image.linux?.setupHeader[0]).toBe(2)
  })

  test('old protocols and images that load low', async () => {
    expect((await parseImage(bzImageFixture({ protocol: 0x0205 }))).linux?.commandLineSize).toBe(255)
    expect(await codeOf(() => parseImage(bzImageFixture({ loadFlags: 0 })))).toBe('PG_IMAGE_UNSUPPORTED')
    expect(await codeOf(() => parseImage(bzImageFixture({ protocol: 0x0105 })))).toBe('PG_IMAGE_UNSUPPORTED')
  })
})

describe('a program without payload (memtest86+)', () => {
  const code = Uint8Array.from({ length: 100 }, (_, i) => i)

  test('is loaded at code32_start, with init_size for its BSS', async () => {
    const image = await parseImage(bzImageFixture({ code, code32Start: 0x100000, initSize: 0x687f8 }))
    expect(image.format).toEqual(['bzimage'])
    expect(image.machine).toBe('i386')
    expect(image.entries).toEqual([{ kind: 'linux32', address: 0x100000 }])
    expect(image.segments).toMatchObject([{ paddr: 0x100000, bytes: code, memorySize: 0x687f8 }])
  })

  test('XLF_KERNEL_64 makes it a 64-bit program', async () => {
    const image = bzImageFixture({ code, xloadflags: 1 })
    expect((await parseImage(image)).machine).toBe('x86_64')
    expect(await codeOf(() => parseImage(image, { machine: 'i386' }))).toBe('PG_IMAGE_ARCH')
  })

  test('above 4 GiB it cannot lie', async () => {
    expect(await codeOf(() => parseImage(bzImageFixture({ code, code32Start: 0xffffffc0 })))).toBe('PG_IMAGE_TOO_LARGE')
  })
})

describe('bad payloads', () => {
  test('a file cut anywhere is truncated', async () => {
    const whole = pack('xz')
    for (let length = 0x206; length < whole.length; length += 31) {
      expect(await codeOf(() => parseImage(whole.subarray(0, length)))).toBe('PG_IMAGE_TRUNCATED')
    }
  })

  test('other compressions are named, garbage and non-kernels are corrupt', async () => {
    const raw = (...bytes: number[]) =>
      bzImageFixture({
        payload: new Writer()
          .u8(...bytes)
          .raw(new Uint8Array(32))
          .bytes(),
      })
    expect(await codeOf(() => parseImage(raw(0x42, 0x5a, 0x68)))).toBe('PG_IMAGE_UNSUPPORTED')
    expect(await codeOf(() => parseImage(raw(0x5d, 0, 0)))).toBe('PG_IMAGE_UNSUPPORTED')
    expect(await codeOf(() => parseImage(raw(0x89, 0x4c, 0x5a, 0x4f)))).toBe('PG_IMAGE_UNSUPPORTED')
    expect(await codeOf(() => parseImage(raw(1, 2, 3, 4)))).toBe('PG_IMAGE_CORRUPT')
    expect(await codeOf(() => parseImage(pack('xz', text)))).toBe('PG_IMAGE_CORRUPT')
  })

  test('an uncompressed kernel is taken as it is', async () => {
    expect((await parseImage(bzImageFixture({ payload: kernel }))).format).toEqual(['bzimage', 'elf32'])
  })

  test('a 64-bit kernel is refused where i386 is wanted', async () => {
    const wide = elfFixture({ class: 64, programs: [{ vaddr: 0xffffffff81000000n, paddr: 0x1000000, bytes: text }] })
    expect(await codeOf(() => parseImage(pack('xz', wide), { machine: 'i386' }))).toBe('PG_IMAGE_ARCH')
    expect((await parseImage(pack('xz', wide))).format).toEqual(['bzimage', 'xz', 'elf64'])
  })
})

describe('compressed files around an image', () => {
  test.each(Object.keys(PACK))('%s', async format => {
    const outer = (PACK[format] as (d: Uint8Array) => Uint8Array)(kernel)
    expect((await parseImage(outer)).format).toEqual([format, 'elf32'])
    expect(await codeOf(() => parseImage(outer, { maxSize: 100 }))).toBe('PG_IMAGE_TOO_LARGE')
  })

  test('one layer only, and an image must be inside', async () => {
    expect(await codeOf(() => parseImage(gzipFixture(gzipFixture(kernel))))).toBe('PG_IMAGE_UNKNOWN')
    expect(await codeOf(() => parseImage(gzipFixture(text)))).toBe('PG_IMAGE_UNKNOWN')
  })

  test('nothing at all, and what nobody knows', async () => {
    expect(await codeOf(() => parseImage(new Uint8Array(0)))).toBe('PG_IMAGE_TRUNCATED')
    expect(await codeOf(() => parseImage(new Uint8Array(10_000)))).toBe('PG_IMAGE_UNKNOWN')
  })
})
