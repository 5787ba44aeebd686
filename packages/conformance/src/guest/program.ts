/** The suite's guest: a kernel of ops ABI 1.3, and the table of its cases as the image has it (guests/conformance/src/case.h). */
import { readElf } from '@paragraft/core/elf'
import { eraOf, opEntry } from '@paragraft/core/ops'
import { CONFORMANCE_ELF } from './conformance-elf.generated.ts'

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

/** The image. */
export const image: Uint8Array = Uint8Array.from(atob(CONFORMANCE_ELF), character => character.charCodeAt(0))

/** The ops ABI of its table. */
export const ERA_ID = '1.3'
/** Bytes of memory that it is given, and maps page by page. */
export const MEMORY = 16 * 2 ** 20

/** `struct op_case`: slot, title, function. */
const RECORD = 12

function readCases(): OpCase[] {
  const { sections, bytes } = readElf(image)
  const slots = eraOf(ERA_ID).slots
  const table = sections.find(({ name }) => name === 'cases')!
  const view = new DataView(table.bytes.buffer, table.bytes.byteOffset, table.bytes.byteLength)
  const text = (va: number): string => {
    const { vaddr, offset } = sections.find(section => va >= section.vaddr && va < section.vaddr + section.size)!
    const start = offset + va - vaddr
    return String.fromCharCode(...bytes.subarray(start, bytes.indexOf(0, start)))
  }
  return Array.from({ length: table.size / RECORD }, (_, number) => {
    const slot = view.getUint32(number * RECORD, true)
    const { op } = slots[slot]!
    const title = text(view.getUint32(number * RECORD + 4, true))
    return { number, slot, op, title, refusal: opEntry(op).refusal }
  })
}

/** All cases, in the guest's order. */
export const opCases: readonly OpCase[] = readCases()
