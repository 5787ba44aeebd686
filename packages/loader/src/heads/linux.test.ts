import { expect, test } from 'vitest'
import { arrayMemory } from '../testing-memory.ts'
import { tinyImage } from './heads.fixtures.ts'
import { linuxHead } from './linux.ts'

const MIB = 0x100000
const RAM = 64 * MIB
const vmlinux = () => tinyImage(16 * MIB, [{ kind: 'linux', address: 16 * MIB }])
const options = { commandLine: 'console=ttyS0 quiet', modules: [] }

test('the 32-bit protocol: flat boot segments from a table in memory, ESI at the zero page, the rest zero', () => {
  const memory = arrayMemory(RAM)
  const { registers } = linuxHead.place(vmlinux(), options, memory)
  // boot.rst: "CS must be __BOOT_CS and DS, ES, SS must be __BOOT_DS; interrupt must be disabled; %esi must hold the base
  // address of the struct boot_params; %ebp, %edi and %ebx must be zero."
  expect(registers).toMatchObject({ eip: 16 * MIB, cs: 0x10, ds: 0x18, eflags: 2 })
  expect([registers.ebp ?? 0, registers.edi ?? 0, registers.ebx ?? 0]).toEqual([0, 0, 0])
  const gdt = registers.gdt?.base ?? 0
  // SDM vol. 3A figure 3-8: base 0, limit 0xFFFFF pages, 32-bit, DPL 0.
  expect([memory.read32(gdt + 0x10), memory.read32(gdt + 0x14)]).toEqual([0x0000ffff, 0x00cf9b00])
  expect([memory.read32(gdt + 0x18), memory.read32(gdt + 0x1c)]).toEqual([0x0000ffff, 0x00cf9300])
  expect(memory.read(16 * MIB, 4)).toEqual(Uint8Array.of(1, 2, 3, 4))
})

test('a bare vmlinux gets a made-up setup header', () => {
  const memory = arrayMemory(RAM)
  const zero = linuxHead.place(vmlinux(), options, memory).registers.esi ?? 0
  // zero-page.rst / boot.rst offsets.
  expect(memory.read16(zero + 0x1fe)).toBe(0xaa55)
  expect(memory.read32(zero + 0x202)).toBe(0x53726448)
  expect(memory.read8(zero + 0x210)).toBe(0xff)
  const line = memory.read32(zero + 0x228)
  const text = String.fromCharCode(...memory.read(line, options.commandLine.length))
  expect(text).toBe(options.commandLine)
  expect(memory.read8(line + options.commandLine.length)).toBe(0)
  // screen_info: mode 3, 80 columns, 25 lines, VGA.
  expect([6, 7, 0xe, 0xf].map(offset => memory.read8(zero + offset))).toEqual([3, 80, 25, 1])
})

test('the memory map is in the zero page, reserved ranges included', () => {
  const memory = arrayMemory(RAM)
  const reserve = [{ base: 0x23ff000, length: 0x1000, type: 2, what: 'graft' }]
  const start = linuxHead.place(vmlinux(), { ...options, reserve, acpiRsdp: 0xf0000 }, memory)
  const zero = start.registers.esi ?? 0
  const count = memory.read8(zero + 0x1e8)
  const map = Array.from({ length: count }, (_, i) => {
    const at = zero + 0x2d0 + 20 * i
    return { base: memory.read32(at), length: memory.read32(at + 8), type: memory.read32(at + 16) }
  })
  expect(map).toEqual(start.memoryMap)
  expect(map).toEqual([
    { base: 0, length: 0x9fc00, type: 1 },
    { base: 0x9fc00, length: 0x400, type: 2 },
    { base: 0xe0000, length: 0x20000, type: 2 },
    { base: MIB, length: 0x23ff000 - MIB, type: 1 },
    { base: 0x23ff000, length: 0x1000, type: 2 },
    { base: 0x2400000, length: RAM - 0x2400000, type: 1 },
  ])
  expect(memory.read32(zero + 0x70)).toBe(0xf0000)
})

test('a bzImage keeps its own setup header', () => {
  const setupHeader = new Uint8Array(0x77)
  setupHeader[0x206 - 0x1f1] = 0x0f
  setupHeader[0x207 - 0x1f1] = 0x02
  const image = { ...vmlinux(), linux: { protocol: 0x20f, setupHeader, kernelVersion: '6.1', commandLineSize: 2047 } }
  const memory = arrayMemory(RAM)
  const zero = linuxHead.place(image, options, memory).registers.esi ?? 0
  expect(memory.read16(zero + 0x206)).toBe(0x20f)
  expect(memory.read8(zero + 0x210)).toBe(0xff)
})

test('the initrd lies page aligned at the top of RAM, below initrd_addr_max and any reservation', () => {
  const memory = arrayMemory(RAM)
  const initrd = new Uint8Array(10000).fill(3)
  const zero = linuxHead.place(vmlinux(), { ...options, initrd }, memory).registers.esi ?? 0
  expect(memory.read32(zero + 0x218)).toBe(RAM - 0x3000)
  expect(memory.read32(zero + 0x21c)).toBe(10000)
  expect(memory.read8(RAM - 0x3000 + 9999)).toBe(3)

  const setupHeader = new Uint8Array(0x77)
  new DataView(setupHeader.buffer).setUint32(0x22c - 0x1f1, 0x1ffffff, true)
  const linux = { protocol: 0x20f, setupHeader, kernelVersion: '', commandLineSize: 2047 }
  const reserve = [{ base: 0x1ffe000, length: 0x1000, type: 2, what: 'taken' }]
  const low = linuxHead.place({ ...vmlinux(), linux }, { ...options, initrd, reserve }, arrayMemory(RAM))
  expect(low.used.find(piece => piece.what === 'initrd')?.base).toBe(0x1ffe000 - 0x3000)
})

test('a module that is in place already is no business of this protocol', () => {
  const modules = [{ bytes: new Uint8Array(4096), commandLine: 'graft', at: 0x23ff000 }]
  const start = linuxHead.place(vmlinux(), { ...options, modules }, arrayMemory(RAM))
  expect(start.used.some(piece => piece.base === 0x23ff000)).toBe(false)
})

test('refusals leave memory untouched', () => {
  const memory = arrayMemory(RAM)
  const refused = (code: string, change: object): void => {
    expect(() => linuxHead.place(vmlinux(), { ...options, ...change }, memory)).toThrow(
      expect.objectContaining({ code }),
    )
  }
  refused('PG_HEAD_COMMAND_LINE', { commandLine: 'x'.repeat(2048) })
  refused('PG_HEAD_MODULES', { modules: [{ bytes: new Uint8Array(1), commandLine: 'm' }] })
  refused('PG_HEAD_NO_ROOM', { initrd: new Uint8Array(RAM) })
  refused('PG_HEAD_NO_ROOM', { reserve: [{ base: 16 * MIB, length: 4096, type: 2, what: 'clash' }] })
  expect(memory.bytes.every(byte => byte === 0)).toBe(true)
  expect(linuxHead.probe(tinyImage(MIB, [{ kind: 'multiboot', address: MIB }]))).toMatchObject({ match: false })
})
