/**
 * The loaders against untrusted files: at least 100,000 mutated inputs over every format, decompressor and the linker.
 * Each must come back, within its bounds, with a result or a coded error.
 *
 * Checksums stop most mutations of compressed files at the door; so what lies behind them is fuzzed by itself (LZMA2
 * without its container, frames without checksums), and .xz headers are given right CRCs again after mutation.
 */
import { execFileSync } from 'node:child_process'
import { link, readObject } from '@paragraft/core/elf'
import type { GuestImage } from '@paragraft/core/image'
import { afterAll, describe, expect, test } from 'vitest'
import { decodeBcjX86 } from '../packages/loader/src/decompress/bcj-x86.ts'
import { crc32 } from '../packages/loader/src/decompress/crc.ts'
import {
  gzipFixture,
  lz4Fixture,
  sampleData,
  xzFixture,
  zstdFixture,
} from '../packages/loader/src/decompress/fixtures.ts'
import { encodeLzma2 } from '../packages/loader/src/decompress/fixtures-lzma.ts'
import { decompressGzip } from '../packages/loader/src/decompress/gzip.ts'
import { decompressLz4Legacy } from '../packages/loader/src/decompress/lz4-legacy.ts'
import { decodeLzma2 } from '../packages/loader/src/decompress/lzma2.ts'
import { decompressXz } from '../packages/loader/src/decompress/xz.ts'
import { decompressZstd } from '../packages/loader/src/decompress/zstd.ts'
import { parseImage } from '../packages/loader/src/formats/detect.ts'
import { parseElf32 } from '../packages/loader/src/formats/elf32.ts'
import { parseElf64 } from '../packages/loader/src/formats/elf64.ts'
import {
  bzImageFixture,
  elfFixture,
  multibootFixture,
  noteFixture,
  objectFixture,
  payloadFixture,
  symbolTables,
  Writer,
} from '../packages/loader/src/formats/fixtures.ts'
import { addMultiboot1, parseMultibootKludge } from '../packages/loader/src/formats/multiboot1.ts'
import { findLayout } from '../packages/loader/src/layouts/index.ts'
import { type Campaign, fuzz, type Outcome, watched } from './support/fuzz.ts'
import { needs } from './support/needs.ts'

/** For long runs by hand: so many times as many inputs, from another seed. */
const SCALE = Number(process.env['PARAGRAFT_FUZZ_SCALE'] ?? 1)
const SEED = Number(process.env['PARAGRAFT_FUZZ_SEED'] ?? 1)

/** What the decompressors are held to here; every output is checked against it. */
const MAX_SIZE = 1 << 20
const text = sampleData(1500, 11)

/**
 * `text` with entropy coding, which the fixtures do not make: `zstd -19 --no-check`, version 1.5.4. That it is still
 * what the reference tool reads as `text` is a test below.
 */
const ZSTD_TEXT = new Uint8Array(
  Buffer.from(
    'KLUv/QBo1QYABAugA+8N2ih9dD3qtHLFTy8T9TRvYIVbmGxaez7ug5VTeRbsY2p/bzXSrD2/FmzxG/nfHoxd/2AU1rJd9wkOnGwqShYYRg8vTvWC' +
      'yfiqo/cH4HFxgGo5WRA7RrTmVB9kGtaJ2LMrX6MYu7D15oa8Ku/6Aesctj6Ct+VT6i84xQ6hG0I36ShQhqnO0NihxsabJjetfX56VtzUbnXmZ+Kk' +
      'I7o+kf1iANIjpnj1usX+Kvnb5gwAXJUjQWsCBazkqocBKhanSGs0go/LA2oNfCrJnSv0COYUxDhUmQE=',
    'base64',
  ),
)

function elf(header: Uint8Array = new Uint8Array(0)): Uint8Array {
  const { symtab, strtab } = symbolTables([
    { name: 'startup_32', value: 0xc0100000, size: 16, info: 0x12, section: 1 },
    { name: 'pv_ops', value: 0xc0101004, size: 52, info: 0x11, section: 2 },
  ])
  const code = new Writer().raw(header).raw(text.subarray(0, 200)).bytes()
  const notes = new Writer()
    .raw(noteFixture('Xen', 18, Uint8Array.of(0, 0, 16, 0)))
    .raw(noteFixture('Linux', 1, text.subarray(0, 5)))
    .bytes()
  return elfFixture({
    entry: 0xc0100010,
    programs: [
      { vaddr: 0xc0100000, paddr: 0x100000, bytes: code, flags: 5 },
      { vaddr: 0xc0101000, paddr: 0x101000, bytes: text.subarray(0, 60), memorySize: 0x2000 },
      { type: 4, vaddr: 0, paddr: 0, bytes: notes },
    ],
    sections: [
      { name: '.text', type: 1, flags: 6, vaddr: 0xc0100000, sameAs: 0, bytes: code },
      { name: '.notes', type: 7, flags: 2, sameAs: 2, bytes: notes },
      { name: '__ksymtab', type: 1, flags: 2, vaddr: 0xc0101000, bytes: text.subarray(0, 48) },
      { name: '__xen_guest', type: 1, bytes: new Writer().text('GUEST_OS=x,VIRT_ENTRY=0xC0001000').u8(0).bytes() },
      { name: '.symtab', type: 2, bytes: symtab, link: 6, entrySize: 16 },
      { name: '.strtab', type: 3, bytes: strtab },
    ],
  })
}

const elf64 = elfFixture({
  class: 64,
  entry: 0x1000000,
  programs: [
    { vaddr: 0xffffffff81000000n, paddr: 0x1000000, bytes: text.subarray(0, 300) },
    { type: 4, vaddr: 0, paddr: 0, bytes: noteFixture('Xen', 1, new Uint8Array(8)) },
  ],
  sections: [{ name: '.text', type: 1, flags: 6, bytes: text.subarray(0, 64) }],
})

const flat = new Writer()
  .raw(new Uint8Array(16))
  .raw(multibootFixture(0x10004, [0x100010, 0x100000, 0, 0x110000, 0x100040, 1, 80, 25, 0]))
  .raw(text.subarray(0, 300))
  .bytes()

const packed = {
  gzip: gzipFixture,
  xz: (d: Uint8Array) => xzFixture({ blocks: [d] }),
  lz4: (d: Uint8Array) => lz4Fixture(d),
  zstd: (d: Uint8Array) => zstdFixture(d, { checksum: false }),
}

const bzImages = Object.entries(packed).map(([format, pack]) =>
  bzImageFixture({ payload: payloadFixture(pack(elf()), elf().length, format) }),
)

const object = objectFixture({
  sections: [
    { name: '.text', type: 1, flags: 6, align: 16, bytes: text.subarray(0, 96) },
    { name: '.data', type: 1, flags: 3, align: 4, bytes: text.subarray(0, 32) },
    { name: '.bss', type: 8, flags: 3, align: 32, size: 200 },
    { name: '.eh_frame', type: 1, flags: 2, align: 4, bytes: text.subarray(0, 40) },
  ],
  symbols: [
    { name: '', info: 3, section: 1 },
    { name: 'io_delay', value: 16, size: 20, info: 0x12, section: 1 },
    { name: 'native_io_delay', info: 0x10, section: 0 },
    { name: 'maybe', info: 0x20, section: 0 },
    { name: 'shared', value: 8, size: 12, info: 0x11, section: 0xfff2 },
    { name: 'counter', value: 4, size: 4, info: 0x11, section: 3 },
  ],
  relocations: {
    1: [
      [0, 1, 1],
      [4, 2, 3],
      [8, 4, 2],
      [12, 1, 5],
      [20, 1, 6],
      [24, 2, 4],
      [30, 21, 2],
    ],
    2: [[4, 1, 2]],
  },
})

/** What every parsed image must satisfy, whatever was in the file. */
function checkImage(image: GuestImage): void {
  for (const s of image.segments) {
    if (s.bytes.length > s.memorySize) throw new Error('a segment holds more than its memory')
    if (!(s.paddr >= 0 && s.paddr + s.memorySize <= (image.machine === 'i386' ? 2 ** 32 : 2 ** 52)))
      throw new Error('a segment lies nowhere')
  }
  const sorted = [...image.segments].sort((a, b) => a.paddr - b.paddr)
  sorted.forEach((s, i) => {
    const next = sorted[i + 1]
    if (next !== undefined && s.paddr + s.memorySize > next.paddr) throw new Error('segments overlap')
  })
  if (!image.entries.every(entry => Number.isSafeInteger(entry.address))) throw new Error('an entry lies nowhere')
}

function checkSize(output: Uint8Array): void {
  if (output.length > MAX_SIZE) throw new Error(`an output of ${output.length} bytes passed its limit`)
}

/** Makes an .xz file's CRCs of headers, index and footer right again where it is still recognisable. */
function repairXz(input: Uint8Array): Uint8Array {
  const bytes = input.slice()
  const view = new DataView(bytes.buffer)
  const seal = (from: number, length: number, at: number): void => {
    if (from >= 0 && length > 0 && at >= 0 && from + length <= bytes.length && at + 4 <= bytes.length) {
      view.setUint32(at, crc32(bytes.subarray(from, from + length)), true)
    }
  }
  if (bytes.length < 32) return bytes
  seal(6, 2, 8)
  const header = ((bytes[12] as number) + 1) * 4
  seal(12, header - 4, 12 + header - 4)
  const footer = bytes.length - 12
  const index = footer - (view.getUint32(footer + 4, true) + 1) * 4
  seal(index, footer - index - 4, footer - 4)
  seal(footer + 4, 6, footer)
  return bytes
}

const limits = { maxSize: MAX_SIZE }
const BASE = 0xc2000000

const campaigns: Campaign[] = [
  {
    name: 'ELF32',
    runs: 20_000,
    seeds: [elf(), elf(multibootFixture(3))],
    target: input => checkImage(addMultiboot1(parseElf32(input), input)),
  },
  { name: 'ELF64', runs: 8_000, seeds: [elf64], target: input => checkImage(parseElf64(input)) },
  {
    name: 'multiboot address fields',
    runs: 10_000,
    seeds: [flat],
    target: input => {
      const image = parseMultibootKludge(input)
      if (image !== undefined) checkImage(image)
    },
  },
  {
    name: 'objects and their linking',
    runs: 20_000,
    seeds: [object],
    target: input => {
      const linked = link(readObject(input), {
        base: BASE,
        resolve: name => (name.startsWith('n') ? 0xc1000000 : undefined),
        maxSize: MAX_SIZE,
      })
      checkSize(linked.bytes)
    },
  },
  {
    name: 'any image',
    runs: 15_000,
    seeds: [
      elf(),
      elf64,
      flat,
      ...bzImages,
      bzImageFixture({ initSize: 5000 }),
      ...Object.values(packed).map(pack => pack(elf())),
    ],
    target: async input => checkImage(await parseImage(input, limits)),
  },
  {
    name: 'LZMA2',
    runs: 12_000,
    seeds: [encodeLzma2(text), encodeLzma2(text, true), encodeLzma2(sampleData(40_000, 5))],
    target: input => {
      const size = input.length < 1800 ? 1500 : 40_000
      decodeLzma2(input, 0, input.length, new Uint8Array(size), 0, size, 4096 * 16)
    },
  },
  {
    name: 'xz with its CRCs made right',
    runs: 12_000,
    seeds: [
      xzFixture({ blocks: [text], sizes: true }),
      xzFixture({ blocks: [text, text.subarray(7)], check: 10 }),
      xzFixture({ blocks: [text], check: 0 }),
      xzFixture({ blocks: [text], check: 0, x86: { encode: data => data, start: 4096 } }),
    ],
    target: input => checkSize(decompressXz(input.length < 200 ? input : repairXz(input), limits)),
  },
  {
    name: 'the op table of a kernel',
    runs: 5_000,
    seeds: [elf()],
    target: input => findLayout(parseElf32(input)),
  },
  { name: 'the x86 filter', runs: 3_000, seeds: [text], target: input => decodeBcjX86(input) },
  {
    name: 'gzip',
    runs: 8_000,
    seeds: [gzipFixture(text), gzipFixture(new Uint8Array(5000))],
    target: input => checkSize(decompressGzip(input, limits)),
  },
  {
    name: 'lz4',
    runs: 12_000,
    seeds: [lz4Fixture(text), lz4Fixture(new Uint8Array(5000))],
    target: input => checkSize(decompressLz4Legacy(input, limits)),
  },
  {
    name: 'zstd',
    runs: 10_000,
    seeds: [
      ZSTD_TEXT,
      zstdFixture(text, { checksum: false }),
      zstdFixture(text, { size: true }),
      zstdFixture(new Uint8Array(3000)),
    ],
    target: async input => checkSize(await decompressZstd(input, limits)),
  },
]

const outcomes: [string, Outcome][] = []

describe('mutated files', () => {
  for (const campaign of campaigns) {
    test(`${campaign.name}: ${campaign.runs} inputs`, { timeout: 300_000 * SCALE }, async () => {
      const outcome = await fuzz({ ...campaign, runs: campaign.runs * SCALE, seed: SEED })
      outcomes.push([campaign.name, outcome])
      const refused = Object.values(outcome.refused).reduce((sum, count) => sum + count, 0)
      expect(outcome.runs).toBe(campaign.runs * SCALE)
      expect(outcome.accepted + refused).toBe(outcome.runs)
      // A campaign that only ever accepts, or only ever refuses, would be looking at the wrong place.
      expect(outcome.accepted).toBeGreaterThan(0)
      if (campaign.name !== 'the x86 filter') expect(refused).toBeGreaterThan(outcome.runs / 20)
    })
  }

  test('come to 100,000 and more', () => {
    expect(campaigns.reduce((sum, campaign) => sum + campaign.runs, 0)).toBeGreaterThanOrEqual(100_000)
  })

  afterAll(() => {
    if (process.env['PARAGRAFT_FUZZ_REPORT'] !== undefined) console.log(JSON.stringify(outcomes, null, 1))
  })
})

describe('the fuzzer itself', () => {
  const seeds = [text]

  test('finds a crash, thrown or by a promise', async () => {
    const crash = (input: Uint8Array) => {
      if (input[3] !== text[3]) throw new TypeError('planted')
    }
    await expect(fuzz({ name: 'planted', seeds, runs: 1000, target: crash })).rejects.toThrow('planted')
    await expect(fuzz({ name: 'planted', seeds, runs: 1000, target: async input => crash(input) })).rejects.toThrow(
      'planted',
    )
  })

  test('finds a hang', () => {
    const forever = () => {
      for (;;);
    }
    expect(() => watched(forever, 50, () => 'planted')).toThrow('hang: planted')
  })
})

needs('zstd')('the stored zstd frame is what the reference tool reads as the same text', () => {
  expect(new Uint8Array(execFileSync('zstd', ['-dc'], { input: ZSTD_TEXT }))).toEqual(text)
})
