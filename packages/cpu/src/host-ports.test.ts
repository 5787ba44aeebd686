import { expect, test } from 'vitest'
import { callFrame, processorControl, virtualMemory } from './host-ports.ts'
import { CR0, CR0_PG, CR4, CR4_PAE, ESP } from './state.ts'
import { bench, poke32 } from './testbench.ts'

function code(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return (error as { code?: string }).code ?? 'uncoded'
  }
  return 'none'
}

test('the frame of a call is registers and the stack from the return address up', () => {
  const { cpu } = bench()
  cpu.u32[ESP >> 2] = 0x7000
  poke32(cpu, 0x7000, 0xc0001234)
  poke32(cpu, 0x7004, 42)
  const frame = callFrame(cpu)
  frame.setRegister('EDX', 0x80000001)
  expect(frame.getRegister('EDX')).toBe(0x80000001)
  expect(frame.readStack(0)).toBe(0xc0001234)
  expect(frame.readStack(4)).toBe(42)
  expect(() => frame.getRegister('constructor')).toThrow(RangeError)
})

test('memory that is not mapped is a coded error, and nothing is written', () => {
  const { cpu } = bench()
  const memory = virtualMemory(cpu)
  memory.writeVirtual32(0x5000, 0x11223344)
  expect([memory.readVirtual8(0x5001), memory.readVirtual16(0x5002)]).toEqual([0x33, 0x1122])
  // A page directory that maps only the first 4 MB, by one large page (SDM vol. 3A 4.3): PS, W, P.
  poke32(cpu, 0x6000, 0x83)
  const control = processorControl(cpu)
  control.writeCr(4, 0x10)
  control.writeCr(3, 0x6000)
  control.writeCr(0, (control.readCr(0) | CR0_PG) >>> 0)
  expect(memory.readVirtual32(0x5000)).toBe(0x11223344)
  expect(code(() => memory.readVirtual32(0x400000))).toBe('PG_HOST_MEMORY')
  expect(code(() => memory.writeVirtual32(0x3ffffe, 0))).toBe('PG_HOST_MEMORY')
  expect(memory.readVirtual16(0x3ffffe)).toBe(0)
})

test('what the instruction refuses is refused, and leaves the register as it was', () => {
  const { cpu } = bench()
  const control = processorControl(cpu)
  const cr4 = control.readCr(4)
  // Bit 31 of CR4 is reserved: #GP(0) (SDM vol. 2, MOV to control registers).
  expect(code(() => control.writeCr(4, 0x80000000))).toBe('PG_HOST_PROCESSOR')
  expect(control.readCr(4)).toBe(cr4)
  // PG without PE.
  expect(code(() => control.writeCr(0, CR0_PG))).toBe('PG_HOST_PROCESSOR')
  expect(cpu.u32[CR0 >> 2]! & CR0_PG).toBe(0)
  control.writeCr(4, CR4_PAE)
  expect(cpu.u32[CR4 >> 2]).toBe(CR4_PAE)
})

test('tables, interrupts and MSRs', () => {
  const { cpu } = bench()
  const control = processorControl(cpu)
  control.writeIdtr({ base: 0x123456, limit: 0x7ff })
  expect(control.readIdtr()).toEqual({ base: 0x123456, limit: 0x7ff })
  control.writeTr(0x28)
  expect(control.readTr()).toBe(0x28)
  control.setInterrupts(true)
  expect(control.interruptsEnabled()).toBe(true)
  control.setInterrupts(false)
  expect(control.interruptsEnabled()).toBe(false)
  // SYSENTER_EIP (174H–176H, SDM vol. 4), and an MSR that is not there.
  expect(control.writeMsr(0x176, 0xc0100000n)).toBe(true)
  expect(control.readMsr(0x176)).toBe(0xc0100000n)
  expect(control.readMsr(0x12345)).toBeUndefined()
  control.halt()
  expect(cpu.halted).toBe(true)
})
