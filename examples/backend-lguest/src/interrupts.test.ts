/** The ways into a guest's kernel. Frames and gates: Intel SDM vol. 3A 6.11–6.13. */
import { beforeEach, expect, test } from 'vitest'
import { DATA, IRQ_CLOCK, IRQ_SERIAL, KERNEL_CS, KERNEL_DS } from './abi.ts'
import { Descriptors } from './descriptors.ts'
import { Interrupts } from './interrupts.ts'
import { GuestKilled, GuestRam, HOST_BYTES, hostBase } from './memory.ts'
import { ShadowTables } from './shadow.ts'
import { SharedPage } from './shared.ts'
import { arrayMemory, FakeProcessor } from './testing.ts'

const MEMORY = 8 * 2 ** 20
const HOST = hostBase(MEMORY)
const [DIRECTORY, TABLE, LGUEST_DATA, STACK] = [0x1000, 0x2000, 0x3000, 0x6000]
const IF = 0x200
const [INTERRUPT, TRAP, DPL_3] = [0x8e00, 0x8f00, 0x6000]

let memory: ReturnType<typeof arrayMemory>
let cpu: FakeProcessor
let tables: Descriptors
let interrupts: Interrupts

const word = (offset: number): number => memory.read32(LGUEST_DATA + offset)
const set = (offset: number, value: number): void => memory.write32(LGUEST_DATA + offset, value)

beforeEach(() => {
  memory = arrayMemory(MEMORY)
  cpu = new FakeProcessor()
  const ram = new GuestRam(memory)
  const shadow = new ShadowTables({ memory, processor: cpu.processor }, HOST + 0x2000, HOST_BYTES - 0x2000)
  // Linear is physical, all of it writable, for the kernel only.
  memory.write32(DIRECTORY, TABLE | 3)
  for (let page = 0; page < 16; page++) memory.write32(TABLE + 4 * page, (page << 12) | 3)
  shadow.load(DIRECTORY)
  tables = new Descriptors(memory, cpu.deprivileged, HOST, HOST + 0x1000)
  tables.start(KERNEL_CS, KERNEL_DS)
  const page = new SharedPage(ram)
  page.attach(LGUEST_DATA)
  interrupts = new Interrupts(cpu, tables, shadow, ram, page)
  interrupts.stack = { ss: KERNEL_DS, esp: STACK }
  for (const [vector, type] of [
    [13, TRAP],
    [14, INTERRUPT],
    [0x20, INTERRUPT],
    [0x24, INTERRUPT],
    [0x80, TRAP | DPL_3],
  ] as const) {
    tables.setIdtEntry(vector, (KERNEL_CS << 16) | vector, 0xc010_0000 | type)
  }
})

const entry = (vector: number, change = {}) => ({
  vector,
  errorCode: -1,
  returnEip: 0x1234,
  software: false,
  ...change,
})

test('an interrupt comes in when the word says so, and not when its line is masked', () => {
  interrupts.raise(IRQ_SERIAL)
  expect([cpu.line, word(DATA.irqPending)]).toEqual([false, 1 << IRQ_SERIAL])
  set(DATA.irqEnabled, IF)
  set(DATA.blockedInterrupts, 1 << IRQ_SERIAL)
  interrupts.poke()
  expect(cpu.line).toBe(false)
  interrupts.raise(IRQ_CLOCK)
  expect(cpu.line).toBe(true)
  expect(interrupts.acknowledge()).toBe(0x20)
  expect(cpu.line).toBe(false)
  set(DATA.blockedInterrupts, 0)
  interrupts.poke()
  expect(interrupts.acknowledge()).toBe(0x24)
  expect(word(DATA.irqPending)).toBe(0)
})

test('a guest that has changed its mind is left alone', () => {
  set(DATA.irqEnabled, IF)
  interrupts.raise(IRQ_CLOCK)
  set(DATA.irqEnabled, 0)
  expect(interrupts.acknowledge()).toBe(-1)
  expect([cpu.line, word(DATA.irqPending)]).toEqual([false, 1 << IRQ_CLOCK])
})

test('from a program: onto the stack that the kernel has named, with the flag that the guest thinks it has', () => {
  cpu.level = 3
  cpu.selectors = { cs: 0x73, ss: 0x7b }
  Object.assign(cpu.registers, { ESP: 0xbfff_fff0, EFLAGS: 0x246 })
  set(DATA.irqEnabled, IF)
  interrupts.deliver(entry(14, { errorCode: 6 }))
  expect(cpu.entered).toEqual({ cs: KERNEL_CS, eip: 0xc010_000e, eflags: 0x246, ss: KERNEL_DS, esp: STACK - 24 })
  const frame = Array.from({ length: 6 }, (_, index) => memory.read32(STACK - 24 + 4 * index))
  expect(frame).toEqual([6, 0x1234, 0x73, 0x246, 0xbfff_fff0, 0x7b])
  // Its gate is an interrupt gate.
  expect(word(DATA.irqEnabled)).toBe(0)
})

test('from the kernel: onto its own stack; a trap gate leaves the flag as it is, and the frame has it', () => {
  Object.assign(cpu.registers, { ESP: 0x5000, EFLAGS: 0x0001_4702 })
  interrupts.deliver(entry(13, { errorCode: 0 }))
  expect(cpu.entered).toMatchObject({ ss: 0x69, esp: 0x5000 - 16, eflags: 0x202 | 0x400 })
  expect([memory.read32(0x5000 - 16), memory.read32(0x5000 - 4)]).toEqual([0, 0x0001_4502])
  set(DATA.irqEnabled, IF)
  interrupts.deliver(entry(13, { errorCode: 0 }))
  expect(word(DATA.irqEnabled)).toBe(IF)
})

test('INT n asks the gate; where it says no, or is not there, it is a general protection fault', () => {
  cpu.level = 3
  cpu.registers.EIP = 0x1232
  interrupts.deliver(entry(0x80, { software: true }))
  expect(cpu.entered?.eip).toBe(0xc010_0080)
  for (const vector of [14, 0x81]) {
    interrupts.deliver(entry(vector, { software: true }))
    expect(cpu.entered?.eip).toBe(0xc010_000d)
    expect([memory.read32(STACK - 24), memory.read32(STACK - 20)]).toEqual([vector * 8 + 2, 0x1232])
  }
})

test('a guest that cannot be entered is ended', () => {
  expect(() => interrupts.deliver(entry(3))).toThrow(GuestKilled)
  cpu.registers.ESP = 0x1_0000 + 8
  expect(() => interrupts.deliver(entry(13, { errorCode: 0 }))).toThrow(/stack at 0x10004/)
})

test('no descriptor in the host’s copies is of ring 0, and none is a system one', () => {
  const at = (table: number, index: number) => [memory.read32(table + 8 * index), memory.read32(table + 8 * index + 4)]
  tables.loadGdt(5, index => [0x1111_ffff, [0, 0x00cf_9b00, 0x00cf_fb00, 0x0000_8900, 0x00cf_1b00][index]!])
  expect(cpu.limits).toEqual([5 * 8 - 1, -1])
  expect([0, 1, 2, 3, 4].map(index => at(tables.gdt, index))).toEqual([
    [0, 0],
    [0x1111_ffff, 0x00cf_bb00],
    [0x1111_ffff, 0x00cf_fb00],
    [0, 0],
    [0, 0],
  ])
  tables.setLdt(1, () => [0xffff, 0x00cf_9300])
  expect([cpu.limits, at(tables.ldt, 0)]).toEqual([
    [39, 7],
    [0xffff, 0x00cf_b300],
  ])
  // A call gate into ring 0 would need a system descriptor.
  tables.setLdtEntry(0, 0x0008_0000, 0x0000_ec00)
  expect(at(tables.ldt, 0)).toEqual([0, 0])
  expect(() => tables.setLdtEntry(1, 0, 0)).toThrow(GuestKilled)
  expect(() => tables.loadGdt(513, () => [0, 0])).toThrow(GuestKilled)
})
