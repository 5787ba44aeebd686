/** C structures that op arguments point to, as far as answers need them: fields by name, offsets by architecture. */
import { ParagraftError } from '../errors.ts'
import type { Arch } from './era.ts'
import type { StructView, VirtualMemory } from './host.ts'

interface Field {
  readonly name: string
  readonly size: 2 | 4 | 8
  readonly offset: number
}

type Layout = Readonly<Record<Arch, readonly Field[]>>

const words: readonly Field[] = [
  { name: 'low', size: 4, offset: 0 },
  { name: 'high', size: 4, offset: 4 },
]

const STRUCTS: Readonly<Record<string, Layout>> = {
  // Operand of LGDT and LIDT (Intel SDM vol. 3A figure 2-6); packed.
  desc_ptr: {
    i386: [
      { name: 'size', size: 2, offset: 0 },
      { name: 'address', size: 4, offset: 2 },
    ],
    x86_64: [
      { name: 'size', size: 2, offset: 0 },
      { name: 'address', size: 8, offset: 2 },
    ],
  },
  // arch/x86/include/asm/tlbflush.h; the first three members have not moved since 4.14, the others vary.
  flush_tlb_info: {
    i386: [
      { name: 'mm', size: 4, offset: 0 },
      { name: 'start', size: 4, offset: 4 },
      { name: 'end', size: 4, offset: 8 },
    ],
    x86_64: [
      { name: 'mm', size: 8, offset: 0 },
      { name: 'start', size: 8, offset: 8 },
      { name: 'end', size: 8, offset: 16 },
    ],
  },
  // The two words of a descriptor (Intel SDM vol. 3A figure 3-8).
  desc_struct: { i386: words, x86_64: words },
  gate_desc: { i386: words, x86_64: words },
}

/** Reads the structure `to` at `va`. Throws `PG_OPS_ARGUMENT` when the catalogue does not describe it. */
export function readStruct(to: string | undefined, arch: Arch, va: number, memory: VirtualMemory): StructView {
  const layout = to === undefined ? undefined : STRUCTS[to]
  if (!layout) {
    throw new ParagraftError('PG_OPS_ARGUMENT', `no layout of ${to ?? 'a value that is not a pointer'} is known`, {
      fields: { struct: to ?? null, known: Object.keys(STRUCTS) },
      hint: 'Read the fields through call.memory, with the offsets of the guest you target.',
    })
  }
  return Object.fromEntries(
    layout[arch].map(({ name, size, offset }): [string, number | bigint] => {
      const at = va + offset
      if (size === 2) return [name, memory.readVirtual16(at)]
      if (size === 4) return [name, memory.readVirtual32(at)]
      return [name, (BigInt(memory.readVirtual32(at + 4)) << 32n) | BigInt(memory.readVirtual32(at))]
    }),
  )
}
