import { expect, test } from 'vitest'
import { arrayMemory } from '../testing-memory.ts'
import { tinyImage } from './heads.fixtures.ts'
import { multibootHead } from './multiboot.ts'

const MIB = 0x100000
const RAM = 16 * MIB
const image = (flags = 3) =>
  tinyImage(MIB, [{ kind: 'multiboot', address: MIB + 2 }], { multiboot: { flags, offset: 0 } })
const noModules = { commandLine: 'a=b', imageName: 'kernel', modules: [] }

function text(memory: ReturnType<typeof arrayMemory>, at: number): string {
  let out = ''
  for (let pa = at; memory.read8(pa) !== 0; pa++) out += String.fromCharCode(memory.read8(pa))
  return out
}

test('the processor enters with the magic, the information, and everything off', () => {
  const start = multibootHead.place(image(), noModules, arrayMemory(RAM))
  // Multiboot Specification 0.6.96, 3.2 "Machine state".
  expect(start.registers.eax).toBe(0x2badb002)
  expect(start.registers.eip).toBe(MIB + 2)
  expect((start.registers.cr0 ?? 0) & 0x80000001).toBe(1)
  expect((start.registers.eflags ?? 0) & (1 << 9)).toBe(0)
})

test('the information structure has its fields at the specified offsets', () => {
  const memory = arrayMemory(RAM)
  const { registers } = multibootHead.place(image(), noModules, memory)
  const info = registers.ebx ?? 0
  // Spec 3.3: flags 0, mem_lower 4, mem_upper 8 (KiB from 1 MiB), cmdline 16, mmap 44/48, loader name 64.
  expect(memory.read32(info) & 0b1001001101).toBe(0b1001001101)
  expect(memory.read32(info + 4)).toBe(639)
  expect(memory.read32(info + 8)).toBe((RAM - MIB) / 1024)
  expect(text(memory, memory.read32(info + 16))).toBe('kernel a=b')
  expect(text(memory, memory.read32(info + 64))).toBe('Paragraft')
  // The 80x25 text screen (framebuffer_type 2).
  expect([memory.read32(info + 88), memory.read32(info + 100), memory.read32(info + 104)]).toEqual([0xb8000, 80, 25])
  expect(memory.read8(info + 109)).toBe(2)
})

test('the memory map lists RAM and the reserved range, each entry with its own size', () => {
  const memory = arrayMemory(RAM)
  const reserve = [{ base: 8 * MIB, length: 0x3000, type: 2, what: 'graft' }]
  const { registers, memoryMap } = multibootHead.place(image(), { ...noModules, reserve }, memory)
  const info = registers.ebx ?? 0
  const seen: { base: number; length: number; type: number }[] = []
  const end = memory.read32(info + 48) + memory.read32(info + 44)
  for (let at = memory.read32(info + 48); at < end; at += memory.read32(at) + 4) {
    seen.push({ base: memory.read32(at + 4), length: memory.read32(at + 12), type: memory.read32(at + 20) })
  }
  expect(seen).toEqual(memoryMap)
  expect(seen).toContainEqual({ base: 8 * MIB, length: 0x3000, type: 2 })
  expect(seen).toContainEqual({ base: MIB, length: 7 * MIB, type: 1 })
  // mem_upper ends at the first hole.
  expect(memory.read32(info + 8)).toBe((7 * MIB) / 1024)
})

test('modules are page aligned above the image and keep their command lines', () => {
  const memory = arrayMemory(RAM)
  const modules = [
    { bytes: Uint8Array.of(9, 9, 9), commandLine: 'ops.mod one two' },
    { bytes: new Uint8Array(5000).fill(7), commandLine: 'second' },
  ]
  const { registers } = multibootHead.place(image(), { ...noModules, modules }, memory)
  const info = registers.ebx ?? 0
  expect(memory.read32(info + 20)).toBe(2)
  const list = memory.read32(info + 24)
  const [start, end, line] = [0, 4, 8].map(offset => memory.read32(list + offset)) as [number, number, number]
  expect(start % 4096).toBe(0)
  expect(start).toBeGreaterThanOrEqual(MIB + 4096)
  expect(end - start).toBe(3)
  expect(memory.read(start, 3)).toEqual(Uint8Array.of(9, 9, 9))
  expect(text(memory, line)).toBe('ops.mod one two')
  expect(memory.read32(list + 16)).toBeGreaterThanOrEqual(end)
  expect(text(memory, memory.read32(list + 16 + 8))).toBe('second')
})

test('a module that is already in place is listed where it is and not moved', () => {
  const memory = arrayMemory(RAM)
  const reserve = [{ base: 8 * MIB, length: 0x1000, type: 2, what: 'graft' }]
  const modules = [{ bytes: new Uint8Array(0x1000).fill(5), commandLine: 'graft', at: 8 * MIB }]
  const { registers } = multibootHead.place(image(), { ...noModules, modules, reserve }, memory)
  const list = memory.read32((registers.ebx ?? 0) + 24)
  expect(memory.read32(list)).toBe(8 * MIB)
  expect(memory.read32(list + 4)).toBe(8 * MIB + 0x1000)
  expect(memory.read8(8 * MIB)).toBe(0)
})

test('an ELF entry in the linked range is entered at its load address', () => {
  const higher = image()
  higher.segments[0] = { ...higher.segments[0]!, vaddr: 0xc0100000 }
  higher.entries = [{ kind: 'elf', address: 0xc0100010 }]
  expect(multibootHead.probe(higher)).toEqual({ match: true, entry: MIB + 0x10 })
})

test('unknown required flags, other machines and missing headers are refused with a reason', () => {
  expect(multibootHead.probe(image(1 << 3))).toMatchObject({ match: false })
  expect(multibootHead.probe({ ...image(), machine: 'x86_64' })).toMatchObject({ match: false })
  const bare = tinyImage(MIB, [{ kind: 'elf', address: MIB }])
  expect(multibootHead.probe(bare)).toMatchObject({ match: false })
  expect(() => multibootHead.place(bare, noModules, arrayMemory(RAM))).toThrow(
    expect.objectContaining({ code: 'PG_HEAD_NO_MATCH' }),
  )
})

test('what does not fit is refused before anything is written', () => {
  const memory = arrayMemory(RAM)
  const modules = [{ bytes: new Uint8Array(RAM), commandLine: 'too large' }]
  expect(() => multibootHead.place(image(), { ...noModules, modules }, memory)).toThrow(
    expect.objectContaining({ code: 'PG_HEAD_NO_ROOM' }),
  )
  const outside = tinyImage(RAM, [{ kind: 'multiboot', address: RAM }], { multiboot: { flags: 0, offset: 0 } })
  expect(() => multibootHead.place(outside, noModules, memory)).toThrow(
    expect.objectContaining({ code: 'PG_HEAD_NO_ROOM' }),
  )
  const twice = image()
  twice.segments = [twice.segments[0]!, { ...twice.segments[0]!, paddr: MIB + 16 }]
  expect(() => multibootHead.place(twice, noModules, memory)).toThrow(
    expect.objectContaining({ code: 'PG_HEAD_OVERLAP' }),
  )
  expect(memory.bytes.every(byte => byte === 0)).toBe(true)
})
