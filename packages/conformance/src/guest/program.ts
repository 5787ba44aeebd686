/** The suite's guests, and the tables of their cases as the images have them, in a section `cases`. */
import { readElf } from '@paragraft/core/elf'
import { eraOf, opEntry } from '@paragraft/core/ops'
import { CONFORMANCE_ELF, PLAIN_ELF } from './images.generated.ts'

/** A guest of the suite's. */
export interface Program {
  readonly name: string
  readonly image: Uint8Array
}

/** A kernel with a table of ops (guests/conformance). */
export const opsProgram: Program = { name: 'conformance', image: decode(CONFORMANCE_ELF) }
/** One without, that boots by Multiboot or PVH (guests/plain). */
export const plainProgram: Program = { name: 'plain', image: decode(PLAIN_ELF) }

/** Bytes of memory that a guest is given; the kernel maps them page by page. */
export const MEMORY = 16 * 2 ** 20
/** The ops ABI of the kernel's table. */
export const ERA_ID = '1.3'

/** One behaviour of one op. */
export interface OpCase {
  /** Its number, by which the guest reports. */
  readonly number: number
  /** Slot of the guest's table. */
  readonly slot: number
  /** Identity of the op: `irq.irq_disable`. */
  readonly op: string
  /** What holds: `no interrupt arrives while IF is clear`. */
  readonly title: string
  /** How the catalogue lets a platform refuse the op; null: not at all. */
  readonly refusal: string | null
}

function decode(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0))
}

/** The records of a program's cases, as words; `text` follows a pointer. */
function readCases(program: Program, recordWords: number): { words: number[]; text: (va: number) => string }[] {
  const { sections, bytes } = readElf(program.image)
  const table = sections.find(({ name }) => name === 'cases')!
  const view = new DataView(table.bytes.buffer, table.bytes.byteOffset, table.bytes.byteLength)
  const text = (va: number): string => {
    const { vaddr, offset } = sections.find(section => va >= section.vaddr && va < section.vaddr + section.size)!
    const start = offset + va - vaddr
    return String.fromCharCode(...bytes.subarray(start, bytes.indexOf(0, start)))
  }
  return Array.from({ length: table.size / (4 * recordWords) }, (_, record) => ({
    words: Array.from({ length: recordWords }, (_, word) => view.getUint32(4 * (record * recordWords + word), true)),
    text,
  }))
}

/** The kernel's cases, in its order: `struct op_case` is slot, title, function. */
export const opCases: readonly OpCase[] = readCases(opsProgram, 3).map(({ words: [slot, title], text }, number) => {
  const { op } = eraOf(ERA_ID).slots[slot!]!
  return { number, slot: slot!, op, title: text(title!), refusal: opEntry(op).refusal }
})

/** Titles of the other's, in its order: `struct plain_case` is title, function. */
export const plainCases: readonly string[] = readCases(plainProgram, 2).map(({ words: [title], text }) => text(title!))
