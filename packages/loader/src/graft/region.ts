/**
 * The region being filled at its address: stubs for host answers, counting thunks for code answers, linked objects, and
 * last the installer. Offsets are parts.ts's; nothing here touches guest memory.
 */

import { type LinkedObject, link } from '@paragraft/core/elf'
import { ParagraftError } from '@paragraft/core/errors'
import type { GuestLayout } from '@paragraft/core/layout'
import { type AdmittedSlot, GUEST_SYMBOL, nativeSymbol } from '@paragraft/core/ops'
import { Assembler } from './asm.ts'
import { COUNTER_BYTES, type Parts, STUB_STRIDE } from './parts.ts'
import type { Room } from './room.ts'

/** An address inside the region, virtual and physical. */
export interface Place {
  va: number
  pa: number
}

export class Region {
  readonly bytes: Uint8Array
  readonly #room: Room
  readonly #parts: Parts
  readonly #thunks: Assembler
  readonly #firstStub: number
  #stubs = 0
  #counters = 0

  constructor(room: Room, parts: Parts, firstStub: number) {
    this.#firstStub = firstStub
    this.bytes = new Uint8Array(room.length)
    this.#room = room
    this.#parts = parts
    this.#thunks = new Assembler(room.va + parts.thunks)
  }

  at(offset: number): Place {
    return { va: this.#room.va + offset, pa: this.#room.pa + offset }
  }

  /**
   * Links a module's object. `targets` is what the table holds before it, `guest` what the image's symbols are. Undefined for a
   * module without one.
   */
  link(
    module: number,
    layout: GuestLayout,
    targets: ReadonlyMap<number, number>,
    entry: number | undefined,
    guest: ReadonlyMap<string, number>,
  ): LinkedObject | undefined {
    const code = this.#parts.code.get(module)
    if (code === undefined) return undefined
    const symbols = new Map<string, number>([
      ['pg_table', layout.tableVa],
      ['pg_region_start', this.#room.va],
      ['pg_region_end', this.#room.va + this.#room.length],
    ])
    if (entry !== undefined) symbols.set('pg_entry', entry)
    for (const { slot, op, kind, target } of layout.slots) {
      if (kind === 'fn') symbols.set(nativeSymbol(op), targets.get(slot) ?? target)
    }
    const linked = link(code.object, {
      base: this.#room.va + code.offset,
      resolve: name =>
        symbols.get(name) ?? guest.get(name.startsWith(GUEST_SYMBOL) ? name.slice(GUEST_SYMBOL.length) : ''),
      maxSize: this.#room.length,
    })
    this.bytes.set(linked.bytes, code.offset)
    return linked
  }

  /** Plants the next host stub: the opcode with the stub's index, and a return. */
  stub(): Place & { index: number } {
    const offset = this.#parts.stubs + this.#stubs * STUB_STRIDE
    const index = this.#firstStub + this.#stubs++
    this.bytes.set(new Assembler(this.#room.va + offset).hostOp(index).ret().bytes(), offset)
    return { index, ...this.at(offset) }
  }

  /** Plants a thunk that counts and goes on to the answer's function; `va` is what the slot will hold. */
  thunk(answer: AdmittedSlot, linked: LinkedObject | undefined, symbol: string): { va: number; counter: Place } {
    const code = codeAddress(linked, symbol, { op: answer.slot.op })
    const counter = this.at(this.#parts.counters + this.#counters++ * COUNTER_BYTES)
    const va = this.#thunks.here
    this.#thunks.lockInc(counter.va)
    if (answer.thunk) this.#thunks.callKeepingEcx(code)
    else this.#thunks.jump(code)
    return { va, counter }
  }

  /** Writes thunks and installer; returns the installer's linear address at entry. */
  finish(installs: readonly { slot: number; target: number }[], table: number, entry: number, paging: boolean): number {
    const here = this.at(this.#parts.installer)
    const installer = new Assembler(paging ? here.va : here.pa)
    for (const { slot, target } of installs) installer.movMemory(table + 4 * slot, target)
    installer.jump(entry)
    this.bytes.set(installer.bytes(), this.#parts.installer)
    this.bytes.set(this.#thunks.bytes(), this.#parts.thunks)
    return installer.origin
  }
}

/** What a symbol is wanted for: an op's answer, or an entrypoint. */
type Wanted = { op: string } | { entry: string }

/** Address of a function of a module's object. Throws `PG_GRAFT_CODE` without an object, `PG_GRAFT_SYMBOL` without the function. */
export function codeAddress(linked: LinkedObject | undefined, symbol: string, wanted: Wanted): number {
  const address = lookUp(linked, symbol, wanted)
  const inCode = linked?.sections.some(
    ({ executable, address: from, size }) => executable && address >= from && address < from + size,
  )
  if (inCode) return address
  throw noSymbol(`${symbol} is not in a code section`, linked, symbol, wanted)
}

/** Address of any symbol of a module's object. Throws as {@link codeAddress} does. */
export function symbolAddress(linked: LinkedObject | undefined, symbol: string, op: string): number {
  return lookUp(linked, symbol, { op })
}

function lookUp(linked: LinkedObject | undefined, symbol: string, wanted: Wanted): number {
  if (linked === undefined) {
    const what = 'op' in wanted ? `${wanted.op} is answered by code (${symbol})` : `the entry is code (${symbol})`
    throw new ParagraftError('PG_GRAFT_CODE', `${what}, and the module brings no object`, {
      fields: { ...wanted, symbol },
      hint: 'Give defineOps a `code.object`.',
    })
  }
  const address = linked.symbols.get(symbol)
  if (address !== undefined) return address
  throw noSymbol(`the object does not define ${symbol}`, linked, symbol, wanted)
}

function noSymbol(why: string, linked: LinkedObject | undefined, symbol: string, wanted: Wanted): ParagraftError {
  return new ParagraftError('PG_GRAFT_SYMBOL', why, {
    fields: { ...wanted, symbol, known: [...(linked?.symbols.keys() ?? [])].sort() },
    hint: 'Define it as a global symbol; functions in an executable section.',
  })
}
