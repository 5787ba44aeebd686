/** Requests by both protocols (xen/include/public/io/blkif.h), and what a hostile front end can put into a ring. */
import { beforeEach, describe, expect, test } from 'vitest'
import * as abi from '../abi/blkif.ts'
import { decode, encode } from '../abi/layout.ts'
import { TestDisk, TestMemory } from '../testing.ts'
import type { Connection, FrontendView } from '../xenbus.ts'
import { vbdDriver } from './vbd.ts'

const RING = 0x1000
const REQ_PROD = RING
const REQ_EVENT = RING + 4
const RSP_PROD = RING + 8
const RSP_EVENT = RING + 12
/** Grant n is page n, down to 16, read-only below 20. */
const granted = (ref: number, write: boolean): number | undefined =>
  ref === 1 || (ref >= (write ? 20 : 16) && ref < 64) ? ref * 0x1000 : undefined

let memory: TestMemory
let disk: TestDisk
let rung: number
let inUse: Map<number, number>
let reports: string[]

function connect(protocol?: string, ring = '1'): Connection<unknown> | undefined {
  const entries: Record<string, string> = { 'ring-ref': ring, ...(protocol === undefined ? {} : { protocol }) }
  const view: FrontendView = {
    read: key => entries[key],
    number: key => (entries[key] === undefined ? undefined : Number(entries[key])),
    channel: { notify: () => rung++ },
  }
  const use = (ref: number, by: number): void => void inUse.set(ref, (inUse.get(ref) ?? 0) + by)
  const grants = {
    map(ref: number, write: boolean) {
      const page = granted(ref, write)
      if (page !== undefined) use(ref, 1)
      return page
    },
    unmap: (ref: number) => use(ref, -1),
  }
  return vbdDriver({ memory, disk, grants, reporter: { report: key => reports.push(key) } }).connect(view)
}

beforeEach(() => {
  memory = new TestMemory(64 * 0x1000)
  memory.write32(REQ_EVENT, 1)
  memory.write32(RSP_EVENT, 1)
  disk = new TestDisk(64)
  rung = 0
  inUse = new Map()
  reports = []
})

describe.each([...abi.BLKIF_PROTOCOLS])('%s', (name, protocol) => {
  const { request, response, segments } = protocol
  const slot = (index: number): number => RING + 64 + (index % 32) * request.size

  function ask(
    values: Partial<Record<keyof typeof request.fields, number>>,
    list: readonly (readonly [ref: number, first: number, last: number])[] = [],
  ): void {
    const index = memory.read32(REQ_PROD)
    memory.write(slot(index), encode(request, { nrSegments: list.length, ...values }))
    for (const [i, [gref, firstSect, lastSect]] of list.entries()) {
      const segment = encode(abi.BLKIF_REQUEST_SEGMENT, { gref, firstSect, lastSect })
      memory.write(slot(index) + segments + i * segment.length, segment)
    }
    memory.write32(REQ_PROD, index + 1)
  }
  const answers = (): [id: number, operation: number, status: number][] =>
    Array.from({ length: memory.read32(RSP_PROD) }, (_, i) => {
      const { idLow, operation, status } = decode(response, memory.read(slot(i), response.size))
      return [idLow, operation, status]
    })

  test("sizes are the header's", () => {
    expect([request.size, response.size]).toEqual(name === 'x86_32-abi' ? [108, 12] : [112, 16])
  })

  test('reads, writes and flushes', () => {
    disk.bytes.fill(0x11, 3 * 512, 4 * 512)
    disk.bytes.fill(0x22, 4 * 512, 6 * 512)
    const vbd = connect(name)!
    ask({ operation: abi.BLKIF_OP_READ, idLow: 77, sectorNumber: 3 }, [
      [20, 7, 7],
      [21, 0, 1],
    ])
    memory.fill(0x16800, 0x33, 512)
    ask({ operation: abi.BLKIF_OP_WRITE, idLow: 78, sectorNumber: 9 }, [[22, 4, 4]])
    ask({ operation: abi.BLKIF_OP_FLUSH_DISKCACHE, idLow: 79 })
    vbd.service()
    expect(answers()).toEqual([
      [77, abi.BLKIF_OP_READ, 0],
      [78, abi.BLKIF_OP_WRITE, 0],
      [79, abi.BLKIF_OP_FLUSH_DISKCACHE, 0],
    ])
    expect([memory.read8(0x14e00), memory.read8(0x15000), memory.read8(0x153ff)]).toEqual([0x11, 0x22, 0x22])
    expect([disk.bytes[9 * 512], disk.bytes[10 * 512 - 1], disk.flushes]).toEqual([0x33, 0x33, 1])
    expect(rung).toBe(1)
    expect([...inUse].filter(([ref, uses]) => uses !== (ref === 1 ? 1 : 0))).toEqual([])
    vbd.close()
    expect(inUse.get(1)).toBe(0)
  })

  test('what cannot be is refused, and nothing moves', () => {
    const vbd = connect(name)!
    const before = disk.bytes.slice()
    const { BLKIF_OP_READ: read, BLKIF_OP_WRITE: write } = abi
    ask({ operation: read, sectorNumber: 64 }, [[20, 0, 0]])
    ask({ operation: read, sectorNumber: 60 }, [[20, 0, 7]])
    ask({ operation: write, sectorNumber: 2 ** 40 }, [[20, 0, 0]])
    ask({ operation: read }, [[20, 5, 4]])
    ask({ operation: read }, [[20, 0, 8]])
    ask({ operation: read })
    ask({ operation: read, nrSegments: 12 }, [[20, 0, 0]])
    ask({ operation: read }, [[99, 0, 0]])
    // Pages 16 to 19 are granted for reading: a disk read would write them.
    ask({ operation: read }, [[16, 0, 0]])
    vbd.service()
    expect(answers().map(([, , status]) => status)).toEqual(Array(9).fill(abi.BLKIF_RSP_ERROR))
    ask({ operation: 6 })
    ask({ operation: 200 })
    vbd.service()
    expect(
      answers()
        .slice(9)
        .map(([, , status]) => status),
    ).toEqual(Array(2).fill(abi.BLKIF_RSP_EOPNOTSUPP))
    expect(disk.bytes).toEqual(before)
  })

  test('a disk that cannot be written says so', () => {
    disk.readOnly = true
    const vbd = connect(name)!
    ask({ operation: abi.BLKIF_OP_WRITE }, [[20, 0, 0]])
    vbd.service()
    expect(answers()[0]![2]).toBe(abi.BLKIF_RSP_ERROR)
  })

  test('a medium that fails becomes a status', () => {
    disk.read = () => {
      throw new Error('worn out')
    }
    const vbd = connect(name)!
    ask({ operation: abi.BLKIF_OP_READ }, [[20, 0, 0]])
    vbd.service()
    expect([answers()[0]![2], reports]).toEqual([abi.BLKIF_RSP_ERROR, ['vbd medium']])
  })

  test('a ring that claims more than it holds is dead', () => {
    const vbd = connect(name)!
    memory.write32(REQ_PROD, 33)
    vbd.service()
    vbd.service()
    memory.write32(REQ_PROD, 1)
    vbd.service()
    expect([memory.read32(RSP_PROD), reports[0]]).toEqual([0, 'vbd ring'])
  })
})

test('rings that are not granted and protocols that nobody speaks are not connected to', () => {
  expect(connect(undefined, '3')).toBeUndefined()
  expect(connect('arm-abi')).toBeUndefined()
  expect(connect('constructor')).toBeUndefined()
})
