/** The machine under a ROM, on ports that are made of plain memory: what waits and when it is done, what faults leave behind. */
import { ParagraftError } from '@paragraft/core/errors'
import { type BackendPorts, type CallFrame, FIRST_HOST_CALL } from '@paragraft/core/ops'
import { beforeEach, expect, test } from 'vitest'
import { CALLS, callShape, findCall } from '../abi/calls.ts'
import { VMI_LAZY_MMU, VMI_PAGE_PD, VMI_PAGE_PT } from '../abi/constants.ts'
import { HEADER } from '../abi/rom.ts'
import { HOST_INIT, hostIndex, SCRATCH_OFFSET } from '../rom/format.ts'
import { builtInRom } from '../rom/roms.ts'
import { SERVICES } from './calls.ts'
import { ROM_BASE, VmiMachine } from './machine.ts'

const SIZE = 2 ** 21
const QUEUE = ROM_BASE + SCRATCH_OFFSET
const CR_LOG: [number, number][] = []

/** Memory mapped one to one; `readOnly` pages refuse writes as WP does. */
function ports(readOnly: ReadonlySet<number>, said: string[], log: string[]): BackendPorts {
  const bytes = new Uint8Array(SIZE)
  const view = new DataView(bytes.buffer)
  const check = (va: number, size: number, write: boolean): number => {
    const last = va + size - 1
    if (last < SIZE && !(write && [va, last].some(at => readOnly.has(at >>> 12)))) return va
    throw new ParagraftError('PG_HOST_MEMORY', 'no', { fields: { address: va, errorCode: write ? 3 : 0, cr2: va } })
  }
  const memory: BackendPorts['memory'] = {
    size: SIZE,
    read8: pa => bytes[pa]!,
    read16: pa => view.getUint16(pa, true),
    read32: pa => view.getUint32(pa, true),
    write8: (pa, value) => void (bytes[pa] = value),
    write16: (pa, value) => view.setUint16(pa, value, true),
    write32: (pa, value) => view.setUint32(pa, value, true),
    read: (pa, length) => bytes.slice(pa, pa + length),
    write: (pa, data) => bytes.set(data, pa),
    fill: (pa, value, length) => void bytes.fill(value, pa, pa + length),
  }
  const virtual: BackendPorts['virtual'] = {
    readVirtual8: va => bytes[check(va, 1, false)]!,
    readVirtual16: va => view.getUint16(check(va, 2, false), true),
    readVirtual32: va => view.getUint32(check(va, 4, false), true),
    writeVirtual8: (va, value) => void (bytes[check(va, 1, true)] = value),
    writeVirtual16: (va, value) => view.setUint16(check(va, 2, true), value, true),
    writeVirtual32: (va, value) => view.setUint32(check(va, 4, true), value, true),
  }
  return {
    memory,
    virtual,
    processor: {
      writeCr: (number: number, value: number) => void CR_LOG.push([number, value]),
      invlpg: (va: number) => void log.push(`invlpg ${va.toString(16)}`),
      flushTlb: () => void log.push('flush'),
      flushTlbGlobal: () => void log.push('flush global'),
    },
    reporter: { report: (key: string) => void said.push(key) },
    clock: { now: () => 0, schedule: () => ({ cancel: () => {} }) },
    hostCalls: { allow: () => {} },
    options: {},
  } as unknown as BackendPorts
}

let said: string[]
let log: string[]
let readOnly: Set<number>
let machine: VmiMachine
let memory: BackendPorts['memory']

function start(rom: 'plain' | 'deferred'): void {
  said = []
  log = []
  readOnly = new Set()
  CR_LOG.length = 0
  const all = ports(readOnly, said, log)
  memory = all.memory
  machine = new VmiMachine(all, builtInRom(rom), 0)
}

/** A call with its arguments where the table puts them; the registers after it. */
function call(name: string, ...args: (number | bigint)[]): Record<string, number> {
  const registers: Record<string, number> = { EAX: 0xaaaa_aaaa, EDX: 0xdddd_dddd, ECX: 0xcccc_cccc, EBX: 0xbbbb_bbbb }
  const stack: Record<number, number> = {}
  const entry = findCall(name)!
  const { convention } = callShape(entry)
  for (const [n, value] of args.entries()) {
    for (const [half, place] of convention.params[n]!.entries()) {
      const word = Number((BigInt(value) >> BigInt(32 * half)) & 0xffff_ffffn)
      if ('register' in place) registers[place.register] = word
      else stack[place.stack] = word
    }
  }
  const frame: CallFrame = {
    getRegister: register => registers[register]!,
    setRegister: (register, value) => void (registers[register] = value),
    readStack: offset => stack[offset] ?? 0,
  }
  expect(machine.hostCall(hostIndex(entry), frame)).toBe(true)
  return registers
}

/** An entry of the queue, as the ROM's code makes it: bit 8 of the flags is an entry of 8 bytes, bit 9 one already written. */
function queue(entry: number, low: number, high: number, flags: number): void {
  const count = memory.read32(QUEUE)
  for (const [n, word] of [entry, low, high, flags].entries()) memory.write32(QUEUE + 16 + count * 16 + n * 4, word)
  memory.write32(QUEUE, count + 1)
}

beforeEach(() => start('deferred'))

test('the image is where guests look, and its scratch memory is zero', () => {
  const rom = builtInRom('deferred')
  expect(memory.read(ROM_BASE, rom.bytes.length)).toEqual(rom.bytes)
  expect(memory.read16(ROM_BASE + HEADER.romSignature.at)).toBe(0xaa55)
  expect(memory.read(QUEUE, 4096).every(byte => byte === 0)).toBe(true)
})

test('entries are written, 4 bytes and 8', () => {
  call('SetPxE', 0x1234_5067, 0x3000, VMI_PAGE_PT)
  call('SetPxELong', 0x8000_0000_0000_1063n, 0x3008, VMI_PAGE_PT)
  expect([memory.read32(0x3000), memory.read32(0x3008), memory.read32(0x300c)]).toEqual([
    0x1234_5067, 0x1063, 0x8000_0000,
  ])
  expect(machine.counts().hypercalls).toEqual({ SetPxE: 1, SetPxELong: 1 })
})

test('a fault leaves an entry of 8 bytes whole', () => {
  // The halves lie in two pages, of which one cannot be written.
  for (const page of [3, 4]) {
    readOnly.clear()
    memory.write32(0x3ffc, 0x11)
    memory.write32(0x4000, 0x22)
    readOnly.add(page)
    expect(() => call('SetPxELong', 0x33_0000_0044n, 0x3ffc, VMI_PAGE_PT)).toThrow(
      expect.objectContaining({ code: 'PG_HOST_MEMORY' }),
    )
    expect([memory.read32(0x3ffc), memory.read32(0x4000)], `page ${page}`).toEqual([0x11, 0x22])
  }
  expect(machine.counts().hypercalls).toEqual({})
})

test('registered mappings lead to memory whatever the page tables say', () => {
  readOnly.add(5)
  call('SetLinearMapping', 0, 0xc000_0000, 512, 0)
  call('SetPxE', 0x77, 0xc000_5000, VMI_PAGE_PT)
  expect(memory.read32(0x5000)).toBe(0x77)
})

test.each<[string, (number | bigint)[]]>([
  ['FlushTLB', [1]],
  ['InvalPage', [0]],
  ['SetCR3', [0]],
  ['AllocatePage', [9, VMI_PAGE_PT, 0, 0, 0]],
  ['ReleasePage', [9, VMI_PAGE_PT]],
  ['SetPxELong', [5n, 0x4000, VMI_PAGE_PT]],
  ['SetLazyMode', [0]],
])('%s takes what waits first, in its order', (name, args) => {
  memory.write32(QUEUE + 4, VMI_LAZY_MMU)
  queue(0x3000, 1, 0, VMI_PAGE_PT)
  queue(0x3000, 2, 0, VMI_PAGE_PT)
  queue(0x3008, 3, 4, VMI_PAGE_PT | 0x100)
  queue(0x3010, 9, 9, VMI_PAGE_PT | 0x100 | 0x200)
  expect(machine.state.waiting).toBe(4)
  call(name, ...args)
  expect([0, 8, 12, 16].map(at => memory.read32(0x3000 + at))).toEqual([2, 3, 4, 0])
  expect(machine.state.waiting).toBe(0)
  expect(machine.state.tables.counts.deferred).toBe(4)
})

test('calls that have to do with something else let it wait, and so does entering a mode', () => {
  queue(0x3000, 1, 0, VMI_PAGE_PT)
  call('GetCycleCounter', 0)
  call('SetLazyMode', VMI_LAZY_MMU)
  expect([machine.state.waiting, memory.read32(0x3000)]).toEqual([1, 0])
})

test('a page fault for an update that waits is mended once, others are the guest’s', () => {
  expect(machine.exception({ vector: 14, errorCode: 0, address: 0x1000 })).toBe(false)
  queue(0x3000, 0x67, 0, VMI_PAGE_PT)
  expect(machine.exception({ vector: 13, errorCode: 0, address: 0 })).toBe(false)
  expect(machine.exception({ vector: 14, errorCode: 0, address: 0x1000 })).toBe(true)
  expect(memory.read32(0x3000)).toBe(0x67)
  expect(machine.exception({ vector: 14, errorCode: 0, address: 0x1000 })).toBe(false)
})

test('a queue full of nonsense is emptied, and what cannot be written is said once', () => {
  memory.write32(QUEUE, 0xffff_ffff)
  for (let at = 16; at < 4096; at += 4) memory.write32(QUEUE + at, (at * 2_654_435_761) >>> 0)
  expect(machine.state.waiting).toBe(255)
  expect(machine.exception({ vector: 14, errorCode: 0, address: 0 })).toBe(true)
  expect(machine.state.waiting).toBe(0)
  expect(new Set(said)).toContain('vmi deferred update')
})

test('descriptors go into their table; an entry that no table has is #GP(0)', () => {
  call('WriteGDTEntry', 0x5000, 3, 0x1111, 0x2222)
  call('WriteIDTEntry', 0x6000, 255, 0x3333, 0x4444)
  expect([0x5018, 0x501c, 0x67f8, 0x67fc].map(at => memory.read32(at))).toEqual([0x1111, 0x2222, 0x3333, 0x4444])
  for (const [name, entry] of [
    ['WriteIDTEntry', 256],
    ['WriteGDTEntry', 8192],
    ['WriteLDTEntry', 0xffff_ffff],
  ] as const) {
    expect(() => call(name, 0x5000, entry, 1, 2)).toThrow(
      expect.objectContaining({ code: 'PG_HOST_PROCESSOR', fields: { vector: 13, errorCode: 0 } }),
    )
  }
})

test('flushes are what their flags say', () => {
  call('FlushTLB', 1)
  call('FlushTLB', 3)
  expect(said).toEqual([])
  call('FlushTLB', 0)
  call('InvalPage', 0xc000_1000)
  expect(log).toEqual(['flush', 'flush global', 'flush', 'invlpg c0001000'])
  expect(said).toEqual(['vmi FlushTLB'])
})

test('modes that are none, or within another, are said; what is no mode changes nothing', () => {
  start('plain')
  call('SetLazyMode', 7)
  expect(machine.state.lazyMode).toBe(0)
  call('SetLazyMode', 1)
  call('SetLazyMode', 2)
  expect(said).toEqual(['vmi SetLazyMode mode', 'vmi SetLazyMode nesting'])
})

test('the first call starts the ROM, and only then are ops served', () => {
  expect(machine.counts().ops).toBeUndefined()
  const registers: Record<string, number> = {}
  const frame: CallFrame = {
    getRegister: () => 0,
    setRegister: (name, value) => void (registers[name] = value),
    readStack: () => 0,
  }
  expect(machine.hostCall(HOST_INIT, frame)).toBe(true)
  expect(registers).toEqual({ EAX: 0 })
  expect(machine.counts().ops!['mmu.write_cr3']).toBe('SetCR3: call')
})

test('indices that are no calls, and calls that the machine does not serve, are not claimed', () => {
  const frame: CallFrame = { getRegister: () => 0, setRegister: () => {}, readStack: () => 0 }
  for (const index of [FIRST_HOST_CALL + 49, FIRST_HOST_CALL + 74, 0xffff, hostIndex(findCall('IRET')!)]) {
    expect(machine.hostCall(index, frame)).toBe(false)
  }
})

test('every service is a call, and every call that code cannot serve has one', () => {
  const names = CALLS.map(entry => entry.name)
  expect(Object.keys(SERVICES).filter(name => !names.includes(name))).toEqual([])
  expect(names.filter(name => !Object.hasOwn(SERVICES, name))).toEqual([
    'CPUID',
    'GetLDT',
    'RDPMC',
    'IRET',
    'SYSEXIT',
    'SetIOPLMask',
    'APICWrite',
    'APICRead',
  ])
})

test('a page directory is set at once, by either ROM', () => {
  call('SetPxE', 0x55, 0x3000, VMI_PAGE_PD)
  expect(memory.read32(0x3000)).toBe(0x55)
})
