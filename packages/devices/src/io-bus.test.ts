import { expect, test } from 'vitest'
import { PortBus } from './io-bus.ts'
import { TestReporter } from './testing.ts'

/** A device of `width` that logs what reaches it and answers each port with its low byte. */
function device(width: 1 | 2 | 4, log: string[]) {
  return {
    ioWidth: width,
    ioRead(port: number, size: number) {
      log.push(`r${port.toString(16)}/${size}`)
      return size === 1 ? port & 0xff : 0x1234_5678 >>> (32 - 8 * size)
    },
    ioWrite(port: number, size: number, value: number) {
      log.push(`w${port.toString(16)}/${size}=${value.toString(16)}`)
    },
  }
}

// A wide access to a byte-wide ISA device becomes byte cycles, low address first (SDM vol. 1, 19.5.1).
test('splits wide accesses over byte-wide claims and joins the answers little-endian', () => {
  const bus = new PortBus(new TestReporter())
  const log: string[] = []
  bus.claim(0x60, 4, device(1, log), 'bytes')
  expect(bus.ioRead(0x60, 4)).toBe(0x6362_6160)
  bus.ioWrite(0x60, 4, 0xaabb_ccdd)
  expect(log).toEqual(['r60/1', 'r61/1', 'r62/1', 'r63/1', 'w60/1=dd', 'w61/1=cc', 'w62/1=bb', 'w63/1=aa'])
})

test('hands a wide access whole to a device that decodes it, and splits it at the end of a claim', () => {
  const reporter = new TestReporter()
  const bus = new PortBus(reporter)
  const log: string[] = []
  bus.claim(0xcfc, 4, device(4, log), 'wide')
  bus.ioRead(0xcfc, 4)
  bus.ioWrite(0xcfe, 2, 0xffff)
  expect(bus.ioRead(0xcff, 2)).toBe(0xffff)
  expect(log).toEqual(['rcfc/4', 'wcfe/2=ffff', 'rcff/1'])
  expect(reporter.keys).toEqual(['ioport 0xd00 read'])
})

test('unclaimed ports float to all ones, swallow writes, and are reported once for each direction', () => {
  const reporter = new TestReporter()
  const bus = new PortBus(reporter)
  expect([bus.ioRead(0x2e8, 1), bus.ioRead(0x2e8, 2), bus.ioRead(0x2e8, 4)]).toEqual([0xff, 0xffff, 0xffff_ffff])
  bus.ioWrite(0x2e8, 1, 0)
  bus.ioWrite(0x2e8, 1, 0)
  expect(reporter.keys).toEqual(['ioport 0x2e8 read', 'ioport 0x2e8 write'])
})

test('refuses an overlap with both names and claims nothing of it; a release frees the ports', () => {
  const bus = new PortBus(new TestReporter())
  const release = bus.claim(0x3f8, 8, device(1, []), 'COM1')
  expect(() => bus.claim(0x3f0, 9, device(1, []), 'floppy')).toThrow(
    expect.objectContaining({ code: 'PG_IO_OVERLAP', fields: { port: 0x3f8, claimant: 'floppy', owner: 'COM1' } }),
  )
  expect(bus.ownerOf(0x3f0)).toBeUndefined()
  release()
  bus.claim(0x3f0, 9, device(1, []), 'floppy')
  expect(bus.ownerOf(0x3f8)).toBe('floppy')
})

test('refuses ports outside the 64 K space, and accesses at its end stay inside', () => {
  const bus = new PortBus(new TestReporter())
  expect(() => bus.claim(0xffff, 2, device(1, []), 'edge')).toThrow(expect.objectContaining({ code: 'PG_IO_RANGE' }))
  const log: string[] = []
  bus.claim(0xffff, 1, device(1, log), 'edge')
  expect(bus.ioRead(0xffff, 4)).toBe(0xffff_ffff)
  expect(log).toEqual(['rffff/1'])
})

test('every cycle takes its time: an ISA cycle, or what the device says', () => {
  let spent = 0
  const bus = new PortBus(new TestReporter(), ns => {
    spent += ns
  })
  const took = (access: () => unknown): number => {
    spent = 0
    access()
    return spent
  }
  bus.claim(0x60, 4, device(1, []), 'bytes')
  bus.claim(0xc000, 4, { ...device(4, []), ioTimeNs: 120 }, 'quick')
  expect(took(() => bus.ioRead(0x60, 1))).toBe(1000)
  expect(took(() => bus.ioWrite(0x60, 4, 0))).toBe(4000)
  expect(took(() => bus.ioRead(0xc000, 4))).toBe(120)
  expect(took(() => bus.ioWrite(0xc000, 1, 0))).toBe(120)
  // Port 80H, where Linux writes to wait a microsecond.
  expect(took(() => bus.ioWrite(0x80, 1, 0))).toBe(1000)
  expect(took(() => bus.ioRead(0x80, 2))).toBe(1000)
})

test('refuses a time that virtual time cannot count', () => {
  const bus = new PortBus(new TestReporter())
  for (const ioTimeNs of [0.5, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    const claim = () => bus.claim(0x60, 4, { ...device(1, []), ioTimeNs }, 'odd')
    expect(claim).toThrow(expect.objectContaining({ code: 'PG_IO_TIME' }))
  }
  expect(bus.ownerOf(0x60)).toBeUndefined()
})
