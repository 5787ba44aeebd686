/** Guest memory without the pages that are all zeros. */
import type { GuestMemory } from '@paragraft/core'

const PAGE = 4096
/** Pages that are looked at in one copy. */
const STRETCH = 256

/** Pages that follow one another: number of the first, and how many. */
export type PageRun = readonly [first: number, count: number]

/** The pages that hold anything, in order. */
export function pagesInUse(memory: GuestMemory): PageRun[] {
  const runs: [number, number][] = []
  for (let first = 0; first * PAGE < memory.size; first += STRETCH) {
    const { words, count } = look(memory, first, Math.min(STRETCH, memory.size / PAGE - first))
    for (let page = 0; page < count; page++) {
      if (isZero(words, page)) continue
      const last = runs.at(-1)
      if (last !== undefined && last[0] + last[1] === first + page) last[1]++
      else runs.push([first + page, 1])
    }
  }
  return runs
}

/** Gives `take` the bytes of these pages, some at a time. */
export function readPages(memory: GuestMemory, runs: readonly PageRun[], take: (bytes: Uint8Array) => void): void {
  for (const [first, count] of runs) {
    for (let page = 0; page < count; page += STRETCH) {
      take(memory.read((first + page) * PAGE, Math.min(STRETCH, count - page) * PAGE))
    }
  }
}

/** Bytes of the pages of `runs`; undefined unless they are pages of such a memory, in order. */
export function sizeOfRuns(runs: readonly PageRun[], memorySize: number): number | undefined {
  let next = 0
  let pages = 0
  for (const [first, count] of runs) {
    if (!Number.isInteger(first) || !Number.isInteger(count) || first < next || count < 1) return undefined
    next = first + count
    pages += count
  }
  return next * PAGE <= memorySize ? pages * PAGE : undefined
}

/** Makes memory what it was: these pages, and zeros. */
export function restorePages(memory: GuestMemory, runs: readonly PageRun[], bytes: Uint8Array): void {
  let at = 0
  let next = 0
  for (const [first, count] of runs) {
    clear(memory, next, first)
    memory.write(first * PAGE, bytes.subarray(at, at + count * PAGE))
    at += count * PAGE
    next = first + count
  }
  clear(memory, next, memory.size / PAGE)
}

/** Writes zeros where there are none: memory that nobody has written takes no room in the host. */
function clear(memory: GuestMemory, from: number, to: number): void {
  for (let first = from; first < to; first += STRETCH) {
    const { words, count } = look(memory, first, Math.min(STRETCH, to - first))
    for (let page = 0; page < count; page++) if (!isZero(words, page)) memory.fill((first + page) * PAGE, 0, PAGE)
  }
}

/** A copy of some pages, as words. */
function look(memory: GuestMemory, first: number, count: number): { words: Uint32Array; count: number } {
  const bytes = memory.read(first * PAGE, count * PAGE)
  return { words: new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4), count }
}

function isZero(words: Uint32Array, page: number): boolean {
  const start = page * (PAGE / 4)
  for (let i = start; i < start + PAGE / 4; i++) if (words[i] !== 0) return false
  return true
}
