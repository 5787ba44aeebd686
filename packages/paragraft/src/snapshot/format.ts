/**
 * The file that a machine is saved in (docs/snapshots.md):
 *
 *     0   magic               "PGSNAP", CR, LF
 *     8   format version      u32, little-endian as everything
 *     12  length of header    u32
 *     16  header              JSON: what the machine was made of
 *         the rest            gzip: u32 length of state, state as text (values.ts), the pages of RAM that are not zeros
 */
import type { GuestMemory } from '@paragraft/core'
import { isParagraftError, ParagraftError } from '@paragraft/core/errors'
import { decompressGzip, gzipWriter } from '@paragraft/loader'
import { type PageRun, pagesInUse, readPages, sizeOfRuns } from './pages.ts'
import { readValue, writeValue } from './values.ts'

/** Of the file and of every state in it. It changes whenever a state's shape or meaning does. */
export const SNAPSHOT_VERSION = 1

const MAGIC = Uint8Array.of(0x50, 0x47, 0x53, 0x4e, 0x41, 0x50, 0x0d, 0x0a)
const HEADER = 16
/** Nobody's state is longer; what claims to be is not read. */
const LONGEST_STATE = 256 * 2 ** 20
/** Kernel and data shrink to a third at this level; higher ones take several times as long for a few per cent. */
const LEVEL = 3

/** What can be known of a snapshot without unpacking it. */
export interface SnapshotHeader {
  /** What the machine was made of, in words: a machine that is to continue it is made of the same. */
  readonly machine: Readonly<Record<string, string>>
  /** RAM in bytes. */
  readonly memory: number
  readonly instructions: number
  readonly virtualNs: number
}

/** A snapshot taken apart. */
export interface Snapshot {
  readonly header: SnapshotHeader
  readonly states: unknown
  readonly runs: readonly PageRun[]
  readonly pages: Uint8Array
}

/** Writes a snapshot. Throws `PG_SNAPSHOT_VALUE`. */
export function encodeSnapshot(header: SnapshotHeader, states: unknown, memory: GuestMemory): Uint8Array {
  const head = new TextEncoder().encode(JSON.stringify(header))
  const prefix = new Uint8Array(HEADER + head.length)
  const view = new DataView(prefix.buffer)
  prefix.set(MAGIC)
  view.setUint32(8, SNAPSHOT_VERSION, true)
  view.setUint32(12, head.length, true)
  prefix.set(head, HEADER)

  const runs = pagesInUse(memory)
  const text = new TextEncoder().encode(writeValue({ states, runs }))
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, text.length, true)
  const gzip = gzipWriter(LEVEL)
  gzip.push(length)
  gzip.push(text)
  readPages(memory, runs, bytes => gzip.push(bytes))
  const packed = gzip.finish()
  const file = new Uint8Array(prefix.length + packed.length)
  file.set(prefix)
  file.set(packed, prefix.length)
  return file
}

/** Reads the header. Throws `PG_SNAPSHOT_FORMAT`, `PG_SNAPSHOT_VERSION` and `PG_SNAPSHOT_DAMAGED`. */
export function readHeader(bytes: Uint8Array): SnapshotHeader {
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) {
    throw new ParagraftError('PG_SNAPSHOT_FORMAT', 'this is not a snapshot of a machine', {
      fields: { bytes: bytes.length },
      hint: 'Give what --snapshot or machine.snapshot() wrote.',
    })
  }
  if (bytes.length < HEADER) throw damaged('it ends in its header')
  const version = viewOf(bytes).getUint32(8, true)
  if (version !== SNAPSHOT_VERSION) {
    throw new ParagraftError(
      'PG_SNAPSHOT_VERSION',
      `the snapshot has format version ${version}; this release reads ${SNAPSHOT_VERSION}`,
      {
        fields: { snapshot: version, reads: SNAPSHOT_VERSION },
        hint: 'Restore it with the release that saved it, or save it again with this one.',
      },
    )
  }
  const end = payloadOf(bytes)
  try {
    return checkedHeader(JSON.parse(new TextDecoder().decode(bytes.subarray(HEADER, end))))
  } catch (cause) {
    throw damaged('its header cannot be read', cause)
  }
}

/** Reads a whole snapshot. Throws what {@link readHeader} throws. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const header = readHeader(bytes)
  const payload = unpacked(bytes.subarray(payloadOf(bytes)), header.memory)
  if (payload.length < 4) throw damaged('its state is not there')
  const start = 4 + viewOf(payload).getUint32(0, true)
  if (start > payload.length) throw damaged('its state is not all there')
  const { states, runs } = stateOf(payload.subarray(4, start))
  const pages = payload.subarray(start)
  if (sizeOfRuns(runs, header.memory) !== pages.length) throw damaged('its pages are not those that it names')
  return { header, states, runs, pages }
}

function unpacked(gzip: Uint8Array, memorySize: number): Uint8Array {
  try {
    return decompressGzip(gzip, { maxSize: memorySize + LONGEST_STATE })
  } catch (error) {
    if (!isParagraftError(error)) throw error
    throw damaged(error.message, error)
  }
}

function stateOf(text: Uint8Array): { states: unknown; runs: PageRun[] } {
  try {
    const { states, runs } = readValue(new TextDecoder().decode(text)) as { states: unknown; runs: PageRun[] }
    if (!Array.isArray(runs) || !runs.every(run => Array.isArray(run))) throw new TypeError('no list of pages')
    return { states, runs }
  } catch (cause) {
    throw damaged('its state cannot be read', cause)
  }
}

function checkedHeader(header: SnapshotHeader): SnapshotHeader {
  const { machine, memory, instructions, virtualNs } = header
  if (![memory, instructions, virtualNs].every(Number.isSafeInteger)) throw new TypeError('a number is missing')
  if (!Object.values(machine).every(value => typeof value === 'string')) throw new TypeError('the machine is missing')
  return header
}

/** Where the header ends. */
function payloadOf(bytes: Uint8Array): number {
  const end = HEADER + viewOf(bytes).getUint32(12, true)
  if (end > bytes.length) throw damaged('it ends in its header')
  return end
}

function damaged(why: string, cause?: unknown): ParagraftError {
  return new ParagraftError('PG_SNAPSHOT_DAMAGED', `the snapshot is damaged: ${why}`, {
    hint: 'Check that the file was written and copied whole, and save it again.',
    ...(cause === undefined ? {} : { cause }),
  })
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
