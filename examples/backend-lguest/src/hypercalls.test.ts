/** The calls as a hostile kernel makes them, and the ring. */

import type { BackendPorts, HypercallFrame } from '@paragraft/core/ops'
import { beforeEach, expect, test } from 'vitest'
import { DATA, DATA_BYTES, HYPERCALLS, type HypercallName, KERNEL_CS, KERNEL_DS, RING_FREE, RING_SIZE } from './abi.ts'
import { ClockEvent } from './clock.ts'
import { Descriptors } from './descriptors.ts'
import { Hypercalls } from './hypercalls.ts'
import { emulate } from './instructions.ts'
import { Interrupts } from './interrupts.ts'
import { GuestKilled, GuestRam, HOST_BYTES, hostBase } from './memory.ts'
import { ShadowTables } from './shadow.ts'
import { SharedPage } from './shared.ts'
import { arrayMemory, FakeProcessor } from './testing.ts'

const MEMORY = 8 * 2 ** 20
const HOST = hostBase(MEMORY)
const [DIRECTORY, TABLE, LGUEST_DATA] = [0x1000, 0x2000, 0x3000]
const KERNEL = 0xc000_0000

let memory: ReturnType<typeof arrayMemory>
let cpu: FakeProcessor
let calls: Hypercalls
let reach: Parameters<typeof emulate>[0]
let said: string
let scheduled: number[]

beforeEach(() => {
  memory = arrayMemory(MEMORY)
  cpu = new FakeProcessor()
  said = ''
  scheduled = []
  const ram = new GuestRam(memory)
  const shadow = new ShadowTables({ memory, processor: cpu.processor }, HOST + 0x2000, HOST_BYTES - 0x2000)
  memory.write32(DIRECTORY, TABLE | 3)
  for (let page = 0; page < 16; page++) memory.write32(TABLE + 4 * page, (page << 12) | 3)
  shadow.load(DIRECTORY)
  const descriptors = new Descriptors(memory, cpu.deprivileged, HOST, HOST + 0x1000)
  descriptors.start(KERNEL_CS, KERNEL_DS)
  const schedule = (at: number) => {
    scheduled.push(at)
    return { cancel: () => void scheduled.pop(), save: () => ({ at, order: 0 }) }
  }
  const page = new SharedPage(ram)
  const clock = new ClockEvent({ now: () => 2.5e9, schedule, resume: ({ at }) => schedule(at) }, 1000, page, () => {})
  const console = { write: (bytes: Uint8Array) => void (said += new TextDecoder().decode(bytes)) }
  const ports = { processor: cpu.processor, console } as unknown as Pick<BackendPorts, 'processor' | 'console'>
  const interrupts = new Interrupts(cpu, descriptors, shadow, ram, page)
  calls = new Hypercalls({ ports, ram, page, shadow, descriptors, interrupts, clock })
  reach = { cpu: cpu.deprivileged, processor: cpu.processor, shadow, ram }
  // The ring is free.
  memory.fill(LGUEST_DATA + DATA.ringStatus, RING_FREE, RING_SIZE)
})

const number = (name: HypercallName): number => HYPERCALLS.indexOf(name)

function call(eax: number, ...args: number[]): number {
  const registers: Record<string, number> = { EAX: eax }
  for (const [index, name] of ['EBX', 'ECX', 'EDX'].entries()) registers[name] = args[index] ?? 0
  calls.serve({
    instruction: 'vmcall',
    cpl: 1,
    getRegister: name => registers[name]!,
    setRegister: (name, value) => {
      registers[name] = value
    },
    readStack: () => 0,
  } satisfies HypercallFrame)
  return registers['EAX']!
}

const begin = (): number => call(number('lguestInit'), LGUEST_DATA, KERNEL)

test('nothing goes before lguestInit, which happens once, in memory that the guest has', () => {
  expect(() => call(number('halt'))).toThrow(GuestKilled)
  for (const place of [HOST - DATA_BYTES + 1, 0xffff_fff0]) {
    expect(() => call(number('lguestInit'), place, KERNEL)).toThrow(GuestKilled)
  }
  expect(begin()).toBe(0)
  expect(memory.read32(LGUEST_DATA + DATA.timeSeconds)).toBe(1002)
  expect(memory.read32(LGUEST_DATA + DATA.timeNanoseconds)).toBe(5e8)
  expect(begin).toThrow(GuestKilled)
})

test('what waits in the ring is done before the call, in order, and its places are free again', () => {
  begin()
  const put = (place: number, ...words: number[]) => {
    for (const [index, value] of words.entries())
      memory.write32(LGUEST_DATA + DATA.ring + 16 * place + 4 * index, value)
    memory.write8(LGUEST_DATA + DATA.ringStatus + place, 0)
  }
  put(0, number('setDebug'), 0, 11)
  put(1, number('setDebug'), 1, 22)
  call(number('setDebug'), 2, 33)
  expect(cpu.log.filter(line => line.startsWith('dr'))).toEqual(['dr0 11', 'dr1 22', 'dr2 33'])
  expect(calls.counts).toMatchObject({ setDebug: 3 })
  const status = memory.read(LGUEST_DATA + DATA.ringStatus, RING_SIZE)
  expect(status).toEqual(new Uint8Array(RING_SIZE).fill(RING_FREE))
  // It goes round.
  for (let place = 2; place < RING_SIZE + 1; place++) {
    put(place % RING_SIZE, number('setDebug'), 3, place)
    call(number('flushAsync'))
  }
  expect(cpu.log.at(-1)).toBe(`dr3 ${RING_SIZE}`)
})

test('halt sleeps, unless something is due; with interrupts off for ever', () => {
  begin()
  call(number('halt'))
  expect(cpu.log.slice(-2)).toEqual(['cli', 'hlt'])
  memory.write32(LGUEST_DATA + DATA.irqEnabled, 0x200)
  call(number('halt'))
  expect(cpu.log.slice(-2)).toEqual(['hlt', 'hlt'])
})

test('a clock ticks no faster than every ten microseconds', () => {
  begin()
  call(number('setClockEvent'), 1)
  expect(scheduled).toEqual([2.5e9 + 10_000])
  call(number('setClockEvent'), 0)
  expect(scheduled).toEqual([])
})

test('a text is printed; one that is not there, or has no end, is not', () => {
  begin()
  memory.write(0x4000, new TextEncoder().encode('hello'))
  call(number('notify'), 0x4000, 5)
  expect(said).toBe('hello')
  expect(() => call(number('notify'), 0x4000, 0xffff_ffff)).toThrow(GuestKilled)
  expect(() => call(number('notify'), 0xf000, 0x1001)).toThrow(GuestKilled)
  expect(said).toBe('hello')
})

/** Numbers that break things, and some that do not. */
const NASTY = [
  0,
  1,
  7,
  0x1000,
  0x3000,
  0xffff,
  HOST,
  HOST + 1,
  MEMORY,
  0x7fff_ffff,
  0x8000_0000,
  0xc000_0000,
  0xffff_fff8,
  0xffff_ffff,
]

test('whatever a kernel calls, with whatever arguments: it works, or it is the end of the guest and of nobody else', () => {
  begin()
  const outside = memory.read(HOST + 0x1000 * 250, 0x1000)
  let killed = 0
  for (let eax = 0; eax <= HYPERCALLS.length + 1; eax++) {
    for (const ebx of NASTY) {
      for (const ecx of NASTY) {
        try {
          call(eax, ebx, ecx, 0xffff_ffff)
        } catch (error) {
          expect(error, `${HYPERCALLS[eax]} ${ebx} ${ecx}`).toBeInstanceOf(GuestKilled)
          killed++
        }
      }
    }
  }
  expect(killed).toBeGreaterThan(500)
  expect(memory.read(HOST + 0x1000 * 250, 0x1000)).toEqual(outside)
})

test('IN and OUT in all their forms; EAX keeps what is not read', () => {
  const execute = (...code: number[]): boolean => {
    memory.write(0x5000, Uint8Array.from(code))
    Object.assign(cpu.registers, { EIP: 0x5000, EAX: 0x1122_3344, EDX: 0xffff_03f8 })
    return emulate(reach)
  }
  for (const [code, eax] of [
    [[0xe4, 0x80], 0x1122_3300 | (0x80 ^ 1)],
    [[0xe5, 0x80], 0x80 ^ 4],
    [[0x66, 0xed], 0x1122_0000 | (0x3f8 ^ 2)],
  ] as const) {
    expect(execute(...code)).toBe(true)
    expect([cpu.registers.EAX, cpu.registers.EIP]).toEqual([eax, 0x5000 + code.length])
  }
  execute(0xee)
  execute(0x66, 0xe7, 0x21)
  execute(0xef)
  expect(cpu.log.slice(-3)).toEqual([
    `out ${0x3f8} 1 ${0x44}`,
    `out ${0x21} 2 ${0x3344}`,
    `out ${0x3f8} 4 ${0x1122_3344}`,
  ])
  // HLT is not one of them.
  expect([execute(0xf4), cpu.registers.EIP]).toEqual([false, 0x5000])
})
