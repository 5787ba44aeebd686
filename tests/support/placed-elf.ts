/**
 * A placed guest as a multiboot ELF, so that another machine (QEMU) can run exactly what our heads and grafts left in
 * memory. Multiboot loaders do not like pieces below 1 MiB, where firmware lives: those travel behind the others, and
 * a stub copies them down, loads the descriptor table, sets the registers and enters.
 */
import type { StartOfDay } from '@paragraft/core/image'
import type { GuestMemory } from '@paragraft/core/ports'

const MIB = 0x100000
/** Where the stub and the low pieces lie meanwhile; above the kernel and its module, below any initrd. */
const STUB = 0x3000000

class Code {
  readonly out: number[] = []
  byte(...values: number[]): this {
    this.out.push(...values)
    return this
  }
  word(value: number): this {
    return this.byte(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff)
  }
}

/** The file. Only flat segments and the general registers of `start` are taken over. */
export function placedElf(memory: GuestMemory, start: StartOfDay): Buffer {
  const pieces = start.used.map(({ base, length }) => ({ base, bytes: Buffer.from(memory.read(base, length)) }))
  const low = pieces.filter(piece => piece.base < MIB)
  const high = pieces.filter(piece => piece.base >= MIB)

  const lowAt: number[] = []
  let at = STUB + 0x1000
  for (const { bytes } of low) {
    lowAt.push(at)
    at += Math.ceil(bytes.length / 16) * 16
  }
  const { registers } = start
  const gdt = registers.gdt ?? { base: 0, limit: 0 }
  // Multiboot header without flags, then a pseudo-descriptor for LGDT.
  const code = new Code().word(0x1badb002).word(0).word(-0x1badb002)
  const descriptor = STUB + code.out.length
  code
    .byte(gdt.limit & 0xff, gdt.limit >> 8)
    .word(gdt.base)
    .byte(0x90, 0x90)
  const entry = STUB + code.out.length
  code.byte(0xfa, 0xfc)
  low.forEach(({ base, bytes }, i) => {
    // mov esi, from; mov edi, to; mov ecx, count; rep movsb
    code.byte(0xbe).word(lowAt[i]!).byte(0xbf).word(base).byte(0xb9).word(bytes.length).byte(0xf3, 0xa4)
  })
  code.byte(0x0f, 0x01, 0x15).word(descriptor)
  // ljmp __BOOT_CS:next
  code
    .byte(0xea)
    .word(STUB + code.out.length + 6)
    .byte(registers.cs & 0xff, registers.cs >> 8)
  // mov ax, ds; mov ds/es/ss, ax
  code.byte(0x66, 0xb8, registers.ds & 0xff, registers.ds >> 8, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0)
  const order = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const
  for (const [number, name] of order.entries()) code.byte(0xb8 + number).word(registers[name] ?? 0)
  const target = registers.eip - (STUB + code.out.length + 5)
  code.byte(0xe9).word(target)

  const stub = Buffer.alloc(at - STUB)
  stub.set(code.out)
  for (const [i, { bytes }] of low.entries()) stub.set(bytes, lowAt[i]! - STUB)
  return elf(entry, [{ base: STUB, bytes: stub }, ...high])
}

/** The stub comes first in the file: the header must lie in its first 8 KiB. */
function elf(entry: number, segments: { base: number; bytes: Buffer }[]): Buffer {
  const head = Buffer.alloc(52 + 32 * segments.length)
  head.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1])
  head.writeUInt16LE(2, 16)
  head.writeUInt16LE(3, 18)
  head.writeUInt32LE(1, 20)
  head.writeUInt32LE(entry, 24)
  head.writeUInt32LE(52, 28)
  head.writeUInt16LE(52, 40)
  head.writeUInt16LE(32, 42)
  head.writeUInt16LE(segments.length, 44)
  let offset = Math.ceil(head.length / 16) * 16
  const body: Buffer[] = [Buffer.alloc(offset - head.length)]
  segments.forEach(({ base, bytes }, i) => {
    const fields = [1, offset, base, base, bytes.length, bytes.length, 7, 4]
    for (const [n, field] of fields.entries()) head.writeUInt32LE(field, 52 + 32 * i + 4 * n)
    const padded = Math.ceil(bytes.length / 16) * 16
    body.push(bytes, Buffer.alloc(padded - bytes.length))
    offset += padded
  })
  return Buffer.concat([head, ...body])
}
