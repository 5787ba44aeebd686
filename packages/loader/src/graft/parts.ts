/**
 * The parts of a graft's region and their sizes, settled before its address is: counters, host stubs, installer and
 * thunks, then each module's linked object. Each part begins on a page of its own, so that stubs share no page with
 * code, and counters, which are written all the time, none with anything that is executed.
 */

import { type ObjectFile, objectExtent, readObject } from '@paragraft/core/elf'
import { ParagraftError } from '@paragraft/core/errors'
import type { AdmittedOps, AnswerKind } from '@paragraft/core/ops'
import { JUMP_BYTES, MOV_MEMORY_BYTES, THUNK_BYTES } from './asm.ts'
import { PAGE } from './room.ts'

/** A stub is 5 bytes (opcode, index, ret); at this distance its address is easy to read in a trace. */
export const STUB_STRIDE = 8
export const COUNTER_BYTES = 4
/** The opcode's index is 16 bits wide. */
const MOST_HOST_STUBS = 0x1_0000

/** Offsets from the region's start, in bytes. */
export interface Parts {
  counters: number
  stubs: number
  installer: number
  /** Right behind the installer. */
  thunks: number
  /** By module: its object, and where it goes. */
  code: ReadonlyMap<number, { object: ObjectFile; offset: number }>
  total: number
}

/** Reads every object, and lays the parts out for a table of `slots` slots. */
export function measure(modules: readonly AdmittedOps[], slots: number): Parts {
  const answers = modules.flatMap(module => module.slots)
  const count = (kind: AnswerKind): number => answers.filter(({ answer }) => answer.kind === kind).length
  const hosts = count('host')
  if (hosts > MOST_HOST_STUBS) {
    throw new ParagraftError(
      'PG_GRAFT_HOST_STUBS',
      `${hosts} host answers; the opcode's index holds ${MOST_HOST_STUBS}`,
      {
        fields: { hosts, limit: MOST_HOST_STUBS },
        hint: 'Load fewer modules.',
      },
    )
  }
  const counters = 0
  const stubs = counters + pages(count('code') * COUNTER_BYTES)
  const installer = stubs + pages(hosts * STUB_STRIDE)
  // One MOV per slot, more than is used when some slots stay.
  const thunks = installer + Math.ceil((slots * MOV_MEMORY_BYTES + JUMP_BYTES) / 16) * 16
  let total = installer + pages(thunks - installer + count('code') * THUNK_BYTES)
  const code = new Map<number, { object: ObjectFile; offset: number }>()
  modules.forEach(({ object: bytes, module }, index) => {
    if (bytes === undefined) return
    const object = readObject(bytes)
    const { size, align } = objectExtent(object)
    if (align > PAGE) {
      throw new ParagraftError('PG_GRAFT_CODE', `the object of ${module.name} wants an alignment of ${align} bytes`, {
        fields: { module: module.name, align, limit: PAGE },
        hint: 'Align sections to a page at most.',
      })
    }
    code.set(index, { object, offset: total })
    total += pages(size)
  })
  return { counters, stubs, installer, thunks, code, total }
}

/** The region's pages by what is on them; `length` is the region's, in bytes. */
export function pageRanges(parts: Parts, length: number): { offset: number; length: number; stubs: boolean }[] {
  return [
    { offset: parts.counters, length: parts.stubs - parts.counters, stubs: false },
    { offset: parts.stubs, length: parts.installer - parts.stubs, stubs: true },
    { offset: parts.installer, length: length - parts.installer, stubs: false },
  ].filter(range => range.length > 0)
}

const pages = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE
