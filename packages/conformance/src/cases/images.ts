/** Images that contradict themselves, for heads of a backend's own: a match with a placement, a reason, or a coded refusal. */
import { ParagraftError } from '@paragraft/core/errors'
import type { Head } from '@paragraft/core/head'
import type { GuestImage } from '@paragraft/core/image'
import { type Backend, defineBackend } from '@paragraft/core/ops'
import type { GuestMemory } from '@paragraft/core/ports'
import { check, refusal, requireCoded } from '../expect.ts'
import { boot } from '../guest/run.ts'
import { overlay } from '../interpose.ts'
import { hostileWords } from '../random.ts'
import type { Subject } from '../subject.ts'
import { NO_CASES } from './boot.ts'

const IMAGES = 100
const MEMORY = 8 * 2 ** 20

/** The heads that a backend brings itself. */
export function ownHeads(backend: Backend): Head[] {
  return backend.heads.filter(head => typeof head !== 'string')
}

/** Asks each of the subject's own heads for a hundred impossible things. */
export async function contradictoryImages(subject: Subject): Promise<void> {
  const good = await imageOf(subject)
  const word = hostileWords(1)
  for (const head of ownHeads(subject.backend)) {
    for (let n = 0; n < IMAGES; n++) tryImage(head, spoiled(good, word))
  }
}

/** The suite's image as heads are given it. */
async function imageOf(subject: Subject): Promise<GuestImage> {
  let seen: GuestImage | undefined
  const look = (head: Head): Head =>
    overlay(head, {
      probe: image => {
        seen = image
        return head.probe(image)
      },
    })
  const heads = subject.backend.heads.map(head => (typeof head === 'string' ? head : look(head)))
  const backend = defineBackend({ ...subject.backend, heads })
  await refusal(() => boot({ ...subject, backend }, ...NO_CASES))
  check(seen !== undefined, 'no head was asked')
  return seen
}

function tryImage(head: Head, image: GuestImage): void {
  const memory = countingMemory()
  try {
    if (!head.probe(image).match) return
    head.place(image, { commandLine: 'word', modules: [] }, memory)
  } catch (error) {
    requireCoded(error)
    check(memory.writes === 0, `head ${head.name} refused (${error.code}) and had written already`)
  }
}

/** A copy with a few of its numbers changed. */
function spoiled(image: GuestImage, word: () => number): GuestImage {
  const pick = <T>(list: readonly T[]): T | undefined => list[word() % Math.max(1, list.length)]
  const copy: GuestImage = {
    ...image,
    segments: image.segments.map(segment => ({ ...segment })),
    sections: image.sections.map(section => ({ ...section })),
    symbols: image.symbols.map(symbol => ({ ...symbol })),
    notes: image.notes.map(note => ({ ...note, desc: note.desc.slice() })),
    entries: image.entries.map(entry => ({ ...entry })),
  }
  for (let changes = 1 + (word() & 3); changes > 0; changes--) {
    const segment = pick(copy.segments)
    const symbol = pick(copy.symbols)
    const note = pick(copy.notes)
    const entry = pick(copy.entries)
    switch (word() % 8) {
      case 0:
        if (segment) segment.paddr = word()
        break
      case 1:
        if (segment) segment.vaddr = word()
        break
      case 2:
        if (segment) segment.memorySize = word()
        break
      case 3:
        if (segment) segment.bytes = segment.bytes.subarray(0, word() % (segment.bytes.length + 1))
        break
      case 4:
        if (symbol) symbol.value = word()
        break
      case 5:
        if (note) note.desc = note.desc.slice(0, word() % (note.desc.length + 1))
        break
      case 6:
        if (note && note.desc.length > 0) note.desc[word() % note.desc.length] = word() & 0xff
        break
      default:
        if (entry) entry.address = word()
    }
  }
  return copy
}

/** Guest memory that tells whether anybody has written. */
function countingMemory(): GuestMemory & { readonly writes: number } {
  const bytes = new Uint8Array(MEMORY)
  const view = new DataView(bytes.buffer)
  let writes = 0
  const inside = (pa: number, length: number): number => {
    if (pa >= 0 && length >= 0 && pa + length <= MEMORY) return pa
    throw new ParagraftError('PG_MEMORY_RANGE', `${length} bytes at 0x${pa.toString(16)} are not in memory`)
  }
  const writing = (pa: number, length: number): number => {
    const at = inside(pa, length)
    writes++
    return at
  }
  return {
    get writes() {
      return writes
    },
    size: MEMORY,
    read8: pa => view.getUint8(inside(pa, 1)),
    read16: pa => view.getUint16(inside(pa, 2), true),
    read32: pa => view.getUint32(inside(pa, 4), true),
    write8: (pa, value) => view.setUint8(writing(pa, 1), value),
    write16: (pa, value) => view.setUint16(writing(pa, 2), value, true),
    write32: (pa, value) => view.setUint32(writing(pa, 4), value, true),
    read: (pa, length) => bytes.slice(inside(pa, length), pa + length),
    write: (pa, from) => bytes.set(from, writing(pa, from.length)),
    fill: (pa, value, length) => void bytes.fill(value, writing(pa, length), pa + length),
  }
}
