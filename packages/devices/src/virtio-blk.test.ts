import { expect, test } from 'vitest'
import { PortBus } from './io-bus.ts'
import { MmioMap } from './mmio-bus.ts'
import { PciBus } from './pci.ts'
import { TestDisk, TestLine, TestMemory, TestReporter } from './testing.ts'
import { createVirtioBlk } from './virtio-blk.ts'

// Section numbers: Virtual I/O Device (VIRTIO) 1.1. The tests are a small driver over both interfaces.
const IO = 0xc000
const MEM = 0xfeb0_0000
const COMMON = MEM
const QUEUE = 128
const DESC = 0x1000
const NEXT = 1
const WRITE = 2
const INDIRECT = 4

function setup(options: { readOnly?: boolean; legacy?: boolean; sectors?: number } = {}) {
  const reporter = new TestReporter()
  const bus = new PortBus(reporter)
  const map = new MmioMap(reporter)
  const memory = new TestMemory(1 << 20)
  const disk = new TestDisk(options.sectors ?? 64, options.readOnly)
  const irq = new TestLine()
  const pci = new PciBus({ ioBus: bus, mmioBus: map, reporter })
  pci.pirq[3] = irq
  const blk = createVirtioBlk({ memory, disk, reporter })
  pci.add(4, 0, blk.pci)
  blk.pci.assignBar(0, IO)
  blk.pci.assignBar(1, MEM)
  blk.pci.write(4, 2, 7)
  const layout = options.legacy ? { avail: DESC + 16 * QUEUE, used: 0x2000 } : { avail: 0x8000, used: 0x9000 }
  const m = {
    r8: (offset: number) => map.mmioRead(COMMON + offset, 1),
    r16: (offset: number) => map.mmioRead(COMMON + offset, 2),
    r32: (offset: number) => map.mmioRead(COMMON + offset, 4),
    w8: (offset: number, value: number) => map.mmioWrite(COMMON + offset, 1, value),
    w16: (offset: number, value: number) => map.mmioWrite(COMMON + offset, 2, value),
    w32: (offset: number, value: number) => map.mmioWrite(COMMON + offset, 4, value >>> 0),
  }
  const isr = () => map.mmioRead(MEM + 0x1000, 1)
  const kick = () => (options.legacy ? bus.ioWrite(IO + 16, 2, 0) : map.mmioWrite(MEM + 0x3000, 2, 0))
  /** Driver initialisation, 3.1.1 (modern) or 4.1.4.8 (legacy). */
  const start = () => {
    if (options.legacy) {
      bus.ioWrite(IO + 18, 1, 3)
      bus.ioWrite(IO + 4, 4, bus.ioRead(IO, 4))
      bus.ioWrite(IO + 14, 2, 0)
      bus.ioWrite(IO + 8, 4, DESC / 4096)
      bus.ioWrite(IO + 18, 1, 7)
      return
    }
    m.w8(20, 3)
    for (const word of [0, 1]) {
      m.w32(0, word)
      m.w32(8, word)
      m.w32(12, m.r32(4))
    }
    m.w8(20, 11)
    m.w16(22, 0)
    m.w32(32, DESC)
    m.w32(40, layout.avail)
    m.w32(48, layout.used)
    m.w16(28, 1)
    m.w8(20, 15)
  }
  let available = 0
  const desc = (index: number, address: number, length: number, flags: number, next = 0, table = DESC) => {
    memory.write32(table + 16 * index, address)
    memory.write32(table + 16 * index + 4, 0)
    memory.write32(table + 16 * index + 8, length)
    memory.write16(table + 16 * index + 12, flags)
    memory.write16(table + 16 * index + 14, next)
  }
  const offer = (head: number) => {
    memory.write16(layout.avail + 4 + 2 * (available++ % QUEUE), head)
    memory.write16(layout.avail + 2, available & 0xffff)
  }
  const header = (type: number, sector: number) => {
    memory.write32(0x4000, type)
    memory.write32(0x4008, sector)
    memory.write32(0x400c, 0)
  }
  /** Header, one data buffer at 0x5000, status at 0x4100; returns status and the used length. */
  const request = (type: number, sector: number, length: number) => {
    header(type, sector)
    memory.write8(0x4100, 0xee)
    desc(0, 0x4000, 16, NEXT, length ? 1 : 2)
    if (length) desc(1, 0x5000, length, NEXT | (type === 1 ? 0 : WRITE), 2)
    desc(2, 0x4100, 1, WRITE)
    offer(0)
    kick()
    return [memory.read8(0x4100), usedLength()]
  }
  const usedIndex = () => memory.read16(layout.used + 2)
  const usedLength = () => memory.read32(layout.used + 4 + 8 * ((usedIndex() - 1) % QUEUE) + 4)
  return {
    reporter,
    bus,
    map,
    memory,
    disk,
    irq,
    pci,
    blk,
    layout,
    m,
    isr,
    kick,
    start,
    desc,
    offer,
    header,
    request,
    usedIndex,
  }
}

test('identifies as a transitional block device with its capacity in both interfaces (4.1.2, 5.2.4)', () => {
  const { bus, map, blk, m } = setup({ sectors: 64 })
  expect([blk.pci.read(0, 4), blk.pci.read(0x2c, 4)]).toEqual([0x1001_1af4, 0x0002_1af4])
  expect([bus.ioRead(IO + 20, 4), map.mmioRead(MEM + 0x2000, 4)]).toEqual([64, 64])
  expect([bus.ioRead(IO + 12, 2), m.r16(18), m.r16(24)]).toEqual([QUEUE, 1, QUEUE])
  // SEG_MAX, BLK_SIZE, FLUSH, ANY_LAYOUT, INDIRECT_DESC; VERSION_1.
  expect(m.r32(4)).toBe((1 << 2) | (1 << 6) | (1 << 9) | (1 << 27) | (1 << 28))
  m.w32(0, 1)
  expect(m.r32(4)).toBe(1)
})

test('the five capabilities name BAR 1 and its structures (4.1.4)', () => {
  const { blk } = setup()
  const found: number[][] = []
  for (let at = blk.pci.read(0x34, 1); at !== 0; at = blk.pci.read(at + 1, 1)) {
    expect(blk.pci.read(at, 1)).toBe(9)
    found.push([blk.pci.read(at + 3, 1), blk.pci.read(at + 2, 1), blk.pci.read(at + 8, 4)])
  }
  expect(found).toEqual([
    [1, 16, 0],
    [3, 16, 0x1000],
    [4, 16, 0x2000],
    [2, 20, 0x3000],
    [5, 20, 0],
  ])
})

for (const legacy of [false, true]) {
  const name = legacy ? 'legacy' : 'modern'

  test(`${name}: reads, writes, flushes and tells its identity (5.2.6)`, () => {
    const { start, request, memory, disk, irq, usedIndex, isr, bus } = setup({ legacy })
    start()
    expect(request(0, 3, 1024)).toEqual([0, 1025])
    expect(memory.read(0x5000, 1024)).toEqual(disk.data.slice(3 * 512, 5 * 512))
    expect([irq.level, usedIndex()]).toEqual([true, 1])
    expect([legacy ? bus.ioRead(IO + 19, 1) : isr(), irq.level]).toEqual([1, false])
    memory.fill(0x5000, 0xa5, 512)
    expect(request(1, 63, 512)).toEqual([0, 1])
    expect(disk.data.subarray(63 * 512).every(byte => byte === 0xa5)).toBe(true)
    expect(request(4, 0, 0)).toEqual([0, 1])
    expect(disk.flushes).toBe(1)
    expect(request(8, 0, 20)).toEqual([0, 21])
    expect(String.fromCharCode(...memory.read(0x5000, 10))).toBe('paragraft0')
  })

  test(`${name}: what the medium or the range refuses is IOERR, what is unknown UNSUPP (5.2.6)`, () => {
    const { start, request, disk, usedIndex } = setup({ legacy })
    start()
    expect(request(0, 64, 512)).toEqual([1, 1])
    expect(request(1, 63, 1024)).toEqual([1, 1])
    expect(request(0, 0, 513)).toEqual([1, 1])
    expect(request(99, 0, 512)).toEqual([2, 1])
    disk.fail = true
    expect(request(0, 0, 512)).toEqual([1, 1])
    expect(request(4, 0, 0)).toEqual([1, 1])
    expect(usedIndex()).toBe(6)
  })
}

test('a read-only disk offers VIRTIO_BLK_F_RO and refuses writes (5.2.3)', () => {
  const { start, request, m } = setup({ readOnly: true })
  start()
  m.w32(0, 0)
  expect(m.r32(4) & 0x20).toBe(0x20)
  expect(request(1, 0, 512)).toEqual([1, 1])
})

test('several requests by one kick, an indirect one among them, data scattered at odd sizes (2.6.5.3)', () => {
  const { start, memory, disk, desc, offer, header, kick, usedIndex, layout } = setup()
  start()
  header(0, 1)
  desc(0, 0x4000, 16, NEXT, 1)
  desc(1, 0x5000, 100, NEXT | WRITE, 2)
  desc(2, 0x6000, 412, NEXT | WRITE, 3)
  desc(3, 0x4100, 1, WRITE)
  const table = 0x3_0000
  desc(0, 0x4000, 16, NEXT, 1, table)
  desc(1, 0x7000, 512, NEXT | WRITE, 2, table)
  desc(2, 0x4101, 1, WRITE, 0, table)
  desc(10, table, 48, INDIRECT)
  offer(0)
  offer(10)
  kick()
  expect(usedIndex()).toBe(2)
  expect([memory.read32(layout.used + 4), memory.read32(layout.used + 12)]).toEqual([0, 10])
  const sector = disk.data.slice(512, 1024)
  expect([...memory.read(0x5000, 100), ...memory.read(0x6000, 412)]).toEqual([...sector])
  expect(memory.read(0x7000, 512)).toEqual(sector)
})

test('the longest chain a driver may build fits: 126 segments, header and status, also indirect', () => {
  const { start, memory, desc, offer, header, kick } = setup({ sectors: 256 })
  start()
  header(0, 0)
  const table = 0x3_0000
  desc(0, 0x4000, 16, NEXT, 1, table)
  for (let i = 1; i <= 126; i++) desc(i, 0x5_0000 + 512 * i, 512, NEXT | WRITE, i + 1, table)
  desc(127, 0x4100, 1, WRITE, 0, table)
  desc(5, table, 128 * 16, INDIRECT)
  memory.write8(0x4100, 0xee)
  offer(5)
  kick()
  expect(memory.read8(0x4100)).toBe(0)
})

test('the driver may ask for no interrupts (2.6.7)', () => {
  const { start, request, irq, memory, layout } = setup()
  start()
  memory.write16(layout.avail, 1)
  expect(request(0, 0, 512)).toEqual([0, 513])
  expect(irq.level).toBe(false)
})

const breakages: [string, (s: ReturnType<typeof setup>) => void][] = [
  ['a descriptor loop', s => s.desc(0, 0x4000, 16, NEXT, 0)],
  ['a next index outside the table', s => s.desc(0, 0x4000, 16, NEXT, 999)],
  ['a buffer outside memory', s => s.desc(0, 0xfff0_0000, 16, 0)],
  ['a buffer of 4 GB', s => s.desc(0, 0, 0xffff_ffff, WRITE)],
  ['no descriptors to write', s => s.desc(0, 0x4000, 16, 0)],
  [
    'a header too short',
    s => {
      s.desc(0, 0x4000, 8, NEXT, 1)
      s.desc(1, 0x4100, 1, WRITE)
    },
  ],
  [
    'readable after writable',
    s => {
      s.desc(0, 0x4000, 16, NEXT | WRITE, 1)
      s.desc(1, 0x4100, 16, 0)
    },
  ],
  [
    'nested indirect tables',
    s => {
      s.desc(0, 0x3_0000, 16, INDIRECT)
      s.desc(0, 0x3_0000, 16, INDIRECT, 0, 0x3_0000)
    },
  ],
  ['an indirect table of odd length', s => s.desc(0, 0x3_0000, 17, INDIRECT)],
  ['an indirect table outside memory', s => s.desc(0, 0x7fff_0000, 4096, INDIRECT)],
  ['an available index far ahead', s => s.memory.write16(s.layout.avail + 2, 500)],
]
for (const [what, damage] of breakages) {
  test(`${what}: the device asks to be reset, keeps quiet, and works again after it (2.1.2)`, () => {
    const s = setup()
    s.start()
    damage(s)
    if (!what.includes('far ahead')) s.offer(0)
    s.kick()
    expect([s.m.r8(20) & 0x40, s.isr(), s.usedIndex()]).toEqual([0x40, 2, 0])
    s.kick()
    expect(s.usedIndex()).toBe(0)
    s.m.w8(20, 0)
    expect(s.m.r8(20)).toBe(0)
    s.memory.fill(0x1000, 0, 0x9000)
    s.memory.write16(s.layout.avail + 2, 0)
    s.start()
    s.header(0, 0)
    s.desc(0, 0x4000, 16, NEXT, 1)
    s.desc(1, 0x5000, 512, NEXT | WRITE, 2)
    s.desc(2, 0x4100, 1, WRITE)
    s.memory.write16(s.layout.avail + 2, 1)
    s.kick()
    expect(s.usedIndex()).toBe(1)
  })
}

test('rings outside memory, and kicks before DRIVER_OK, do no harm', () => {
  const s = setup()
  s.kick()
  expect(s.m.r8(20)).toBe(0)
  s.m.w8(20, 3)
  s.m.w32(36, 0xffff_ffff)
  s.m.w32(44, 0x1234)
  s.m.w32(52, 0x7fff_ffff)
  expect(s.m.r32(36)).toBe(0xffff_ffff)
  s.m.w16(28, 1)
  s.m.w8(20, 15)
  s.kick()
  expect(s.m.r8(20) & 0x40).toBe(0x40)
})

test('features that were not offered: FEATURES_OK does not stay (3.1.1)', () => {
  const { m } = setup()
  m.w8(20, 3)
  m.w32(8, 0)
  m.w32(12, 0xffff_ffff)
  m.w8(20, 11)
  expect(m.r8(20)).toBe(3)
  m.w32(12, 0x200)
  m.w8(20, 11)
  expect(m.r8(20)).toBe(11)
  m.w32(12, 0)
  expect(m.r32(12)).toBe(0x200)
})

test('queue sizes: only powers of two up to the maximum are taken (4.1.4.3)', () => {
  const { m } = setup()
  for (const [value, expected] of [
    [64, 64],
    [256, 64],
    [63, 64],
    [0, 64],
    [1, 1],
  ] as const) {
    m.w16(24, value)
    expect(m.r16(24)).toBe(expected)
  }
})

test('the configuration window reaches the BAR without memory accesses (4.1.4.7)', () => {
  const { blk } = setup()
  const at = blk.pci.capabilityOffsets[4]!
  blk.pci.write(at + 4, 1, 1)
  blk.pci.write(at + 8, 4, 0x2000)
  blk.pci.write(at + 12, 4, 4)
  expect(blk.pci.read(at + 16, 4)).toBe(64)
  blk.pci.write(at + 8, 4, 20)
  blk.pci.write(at + 12, 4, 1)
  blk.pci.write(at + 16, 1, 3)
  expect(blk.pci.read(at + 16, 1)).toBe(3)
  blk.pci.write(at + 8, 4, 0xffff_fff0)
  expect(() => blk.pci.read(at + 16, 4)).not.toThrow()
})

test('random rings never throw, hang, or touch the disk outside its size (fixed seed)', () => {
  const s = setup()
  let seed = 0x2545_f491
  const random = (n: number) => {
    seed ^= seed << 13
    seed ^= seed >>> 17
    seed ^= seed << 5
    return (seed >>> 0) % n
  }
  let broken = 0
  for (let round = 0; round < 2000; round++) {
    s.m.w8(20, 0)
    s.start()
    for (let i = 0; i < 8; i++) {
      const length = [1, 16, 512, 48, 0, random(0x10_0000)][random(6)]!
      s.desc(i, random(4) ? 0x4000 + random(0x8000) : random(0xffff_ffff), length, random(8), random(9))
    }
    s.memory.write32(0x4000, random(10))
    s.memory.write16(s.layout.avail + 4, random(9))
    s.memory.write16(s.layout.avail + 2, random(20) ? 1 : random(0x1_0000))
    s.kick()
    if (s.m.r8(20) & 0x40) broken++
  }
  expect(broken).toBeGreaterThan(100)
  expect(broken).toBeLessThan(2000)
})
