/** A guest in ring 1 whose events and descriptors are its monitor's, under every engine. */
import type { GuestMonitor, InterceptedEvent } from '@paragraft/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type Engine } from '../engine.ts'
import type { EngineKind } from '../engine-contract.ts'
import { backendProcessor } from '../host-ports.ts'
import { engineSubject, runLockstep } from '../lockstep.ts'
import { stubPorts } from '../native/stub-ports.ts'
import { registerImage } from '../register-image.ts'
import { CR4, EAX, EBX, ECX, EIP, ESP } from '../state.ts'
import { deprivilegedPort } from './deprivileged.ts'
import { setStart } from './reset.ts'

const START = 0x10000
/** The pages of descriptors: one at selector 0, one at selector E000. */
const GDT = 0x5000
const OWN = 0x6000
const CS1 = 0xe019
const DS1 = 0xe021
const CS3 = 0xe02b
const DS3 = 0xe033

interface Machine {
  engine: Engine
  port: ReturnType<typeof deprivilegedPort>
  log: string[]
  monitor: GuestMonitor
  vector: number
}

/** Takes every event as it comes: INT is returned from, HLT is a halt, a privileged instruction of one byte is skipped. */
function machineWith(kind: EngineKind, code: number[]): Machine {
  const log: string[] = []
  const ports = { ...stubPorts(), acknowledgeInterrupt: () => machine.vector }
  const engine = createEngine({ ramSize: 0x100000, ports, engine: kind, threshold: 16 })
  const { memory, processor } = engine
  const port = deprivilegedPort(processor, () => engine.executeOne())
  const monitor: GuestMonitor = {
    event(event) {
      log.push(describeEvent(event))
      if (event.source === 'exception' && event.vector === 13 && event.errorCode === 0) {
        if (memory.read8(port.get('EIP')) === 0xf4) backendProcessor(processor).halt()
        port.set('EIP', event.returnEip + 1)
        return true
      }
      port.set('EAX', port.get('EAX') + 1)
      port.set('EIP', event.source === 'exception' ? event.returnEip + 2 : event.returnEip)
      return false
    },
    descriptors: (table, page) =>
      table === 'ldt' ? { pageFault: 0x7000 } : page === 0 ? GDT : page === 14 ? OWN : undefined,
  }
  const machine: Machine = { engine, port, log, monitor, vector: 0x20 }
  const descriptor = (at: number, high: number): void => {
    memory.write32(at, 0xffff)
    memory.write32(at + 4, high)
  }
  descriptor(OWN + 0x18, 0x00cfbb00)
  descriptor(OWN + 0x20, 0x00cfb300)
  descriptor(OWN + 0x28, 0x00cffb00)
  descriptor(OWN + 0x30, 0x00cff300)
  // Accessed bit clear, DPL 1.
  descriptor(GDT + 8, 0x00cfb200)
  memory.write(START, Uint8Array.from(code))
  setStart(processor, { eip: START, cs: CS1, ds: DS1, esp: 0x8000, eflags: 0x202 })
  port.begin(monitor)
  port.setTables(0xefff, 0xf)
  return machine
}

function describeEvent({ source, vector, errorCode, address, returnEip }: InterceptedEvent): string {
  const code = errorCode < 0 ? '' : `(${errorCode.toString(16)})`
  return `${source} ${vector}${code} ${(returnEip - START).toString(16)}${address === 0 ? '' : ` at ${address.toString(16)}`}`
}

describe.each(['interpreter', 'reference', 'translator'] as const)('%s', kind => {
  let m: Machine
  const load = (...code: number[]): void => {
    m = machineWith(kind, code)
  }
  beforeEach(() => load(0xf4))

  test('software interrupts and exceptions go to the monitor, none to the IDT', () => {
    // int 0x82; int3; mov al, 0x7f; inc al; into; int1; ud2; nop; cli; mov ecx, 5; hlt
    load(0xcd, 0x82, 0xcc, 0xb0, 0x7f, 0xfe, 0xc0, 0xce, 0xf1, 0x0f, 0x0b, 0x90, 0xfa, 0xb9, 5, 0, 0, 0, 0xf4)
    expect(m.engine.run(100)).toBe('halt')
    expect(m.log).toEqual([
      'int 130 2',
      'int 3 3',
      'int 4 8',
      'int1 1 9',
      'exception 6 9',
      'exception 13(0) c',
      'exception 13(0) 12',
    ])
    expect(m.engine.processor.u32[ECX >> 2]).toBe(5)
    // UD2 is not retired: its monitor stepped over it. CLI and HLT are, by the monitor's word.
    expect(m.engine.instructions()).toBe(10)
  })

  test('interrupts and NMIs wake the guest and go to the monitor', () => {
    load(0xf4, 0x40, 0xf4, 0x40, 0xeb, 0xfe)
    expect(m.engine.run(100)).toBe('halt')
    m.engine.setIntr(true)
    m.vector = -1
    expect(m.engine.run(100)).toBe('halt')
    m.vector = 0x33
    const { event } = m.monitor
    m.monitor.event = e => {
      m.engine.setIntr(false)
      return event(e)
    }
    expect(m.engine.run(100)).toBe('halt')
    m.engine.raiseNmi()
    expect(m.engine.run(3)).toBe('budget')
    // Another comes before any IRET: it is not blocked.
    m.engine.raiseNmi()
    expect(m.engine.run(3)).toBe('budget')
    expect(m.log).toEqual(['exception 13(0) 0', 'interrupt 51 1', 'exception 13(0) 2', 'nmi 2 3', 'nmi 2 4'])
  })

  test('descriptors are read, and marked accessed, where the monitor says', () => {
    // mov eax, 9; mov fs, eax; mov eax, 0x1001; mov gs, eax; nop; mov eax, 0x0f; mov gs, eax; hlt
    load(0xb8, 9, 0, 0, 0, 0x8e, 0xe0, 0xb8, 1, 0x10, 0, 0, 0x8e, 0xe8, 0x90, 0xb8, 0xf, 0, 0, 0, 0x8e, 0xe8, 0xf4)
    expect(m.engine.run(100)).toBe('halt')
    expect(m.port.segment('FS')).toEqual({ selector: 9, base: 0, limit: 0xffffffff, attributes: 0x00c0b300 })
    expect(m.engine.memory.read8(GDT + 8 + 5)).toBe(0xb3)
    expect(m.log).toEqual(['exception 13(1000) c', 'exception 14(0) 14 at 7000', 'exception 13(0) 16'])
    expect(m.port.load('ES', 0x0f)).toBe(false)
    expect(m.port.load('ES', 0x2001)).toBe(false)
    expect(m.port.load('ES', 9)).toBe(true)
  })

  test('IRET between rings by the same descriptors; port I/O, SYSENTER and a nested task have nowhere to go', () => {
    const push = (value: number): number[] => [0x68, value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, 0]
    const user = START + 22
    // push 0xe033; push 0x9000; pushf; push 0xe02b; push user; iret; user: in al, 0x80; sysenter; int 0x30
    load(...push(DS3), ...push(0x9000), 0x9c, ...push(CS3), ...push(user), 0xcf, 0xe4, 0x80, 0x0f, 0x34, 0xcd, 0x30)
    m.engine.run(6)
    expect([m.port.cpl(), m.port.get('EIP'), m.port.get('ESP')]).toEqual([3, user, 0x9000])
    expect(m.port.segment('DS').selector).toBe(0)
    m.monitor.event = e => {
      m.log.push(describeEvent(e))
      if (e.source === 'int') return m.port.enter({ cs: CS1, eip: START + 21, eflags: 0x4202, ss: DS1, esp: 0x7000 })
      m.port.set('EIP', e.returnEip + 2)
      return true
    }
    m.engine.run(3)
    expect([m.port.cpl(), m.port.segment('SS').selector, m.port.get('ESP')]).toEqual([1, DS1, 0x7000])
    m.engine.run(1)
    expect(m.log).toEqual(['exception 13(0) 16', 'exception 13(0) 18', 'int 48 1c', 'exception 13(0) 15'])
  })

  test('the monitor cannot send the guest where IRET could not', () => {
    const where = { cs: CS1, eip: START + 1, eflags: 0x202, ss: DS1, esp: 0x7000 }
    const before = registerImage(m.engine.processor)
    for (const bad of [{ cs: 0xe008 }, { cs: DS1 }, { ss: DS3 }, { ss: CS1 }, { cs: 0x1019 }, { ss: 0 }]) {
      expect(m.port.enter({ ...where, ...bad })).toBe(false)
    }
    expect(registerImage(m.engine.processor)).toEqual(before)
    expect(m.port.enter({ ...where, cs: CS3, ss: DS3 })).toBe(true)
    expect(m.port.cpl()).toBe(3)
  })

  test('a step runs one instruction, and is taken back where it faults or is not accepted', () => {
    // ud2; inc ebx; mov [0x9000], ebx; mov ds, bx; hlt
    load(0x0f, 0x0b, 0x43, 0x89, 0x1d, 0, 0x90, 0, 0, 0x8e, 0xdb, 0xf4)
    const { event } = m.monitor
    const { u32 } = m.engine.processor
    m.monitor.event = e => {
      if (e.vector !== 6) return event(e)
      m.port.set('EIP', START + 2)
      expect(m.port.step(() => false)).toBe(false)
      expect([u32[EBX >> 2], u32[EIP >> 2]]).toEqual([0, START + 2])
      expect(m.port.step(() => true)).toBe(true)
      expect(m.port.step(() => m.engine.memory.read32(0x9000) === 1)).toBe(true)
      m.port.set('EBX', 0x2000)
      expect(m.port.step(() => true)).toBe(false)
      expect([u32[EBX >> 2], u32[EIP >> 2]]).toEqual([0x2000, START + 9])
      m.port.set('EIP', START + 11)
      return false
    }
    expect(m.engine.run(100)).toBe('halt')
    expect(m.log).toEqual(['exception 13(0) b'])
    // The two that were stepped, and HLT.
    expect(m.engine.instructions()).toBe(3)
  })

  test('page tables are taken as by a 64-bit processor: bits of the top level, and those above 51 at every level', () => {
    const { memory, processor } = m.engine
    // PDPTE with P, R/W, U/S, A at 20000; PDE; page 9 with bits 52 and 62.
    memory.write32(0x20000, 0x21027)
    memory.write32(0x21000, 0x22067)
    for (let page = 0; page < 256; page++) memory.write32(0x22000 + page * 8, page * 4096 + 0x67)
    memory.write32(0x22000 + 9 * 8 + 4, 0x40100000)
    m.port.setPageTables(0x20000)
    const { writeCr, readCr } = backendProcessor(processor)
    expect(() => writeCr(0, (readCr(0) | 0x80000000) >>> 0)).not.toThrow()
    processor.u32[CR4 >> 2] = 0x20
    m.port.setPageTables(0x20000)
    memory.write32(0x9004, 0x1234)
    expect(processor.readSys32(0x9004)).toBe(0x1234)
    expect(readCr(3)).toBe(0x20000)
  })

  test('privileged operations are the monitor’s at any level', () => {
    const processor = backendProcessor(m.engine.processor)
    processor.writeCr(4, 0x20)
    processor.writeCr(0, processor.readCr(0) | 8)
    expect([processor.readCr(4), processor.readCr(0) & 8]).toEqual([0x20, 8])
    processor.writeDr(0, 0x1234)
    expect(processor.readDr(0)).toBe(0x1234)
    processor.clts()
    expect([processor.readCr(0) & 8, m.port.cpl()]).toEqual([0, 1])
  })
})

/** again: int 0x82; cli; push eax; pop edx; dec ecx; jnz again; mov ecx, 300; jmp again */
const LOOP = [0xcd, 0x82, 0xfa, 0x50, 0x5a, 0x49, 0x75, 0xf8, 0xb9, 0x2c, 1, 0, 0, 0xeb, 0xf1]

test.each(['interpreter', 'translator'] as const)(
  'the reference and the %s agree after every instruction',
  async kind => {
    const subject = (which: EngineKind) => () => {
      const { engine } = machineWith(which, LOOP)
      engine.processor.u32[ECX >> 2] = 300
      return engineSubject(engine)
    }
    const result = await runLockstep(subject('reference'), subject(kind), { chunk: 997, instructions: 20_000 })
    expect(result).toEqual({ instructions: 20_000, divergence: null })
  },
)

test('what the monitor executes counts as one instruction', () => {
  const { engine, log } = machineWith('interpreter', [...Array(20_000).fill(0xfa), 0xf4])
  expect(engine.run(30_000)).toBe('halt')
  expect([engine.instructions(), log.length]).toEqual([20_001, 20_001])
  expect(engine.processor.u32[ESP >> 2]).toBe(0x8000)
  expect(engine.processor.u32[EAX >> 2]).toBe(0)
})
