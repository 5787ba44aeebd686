/**
 * The registration call (docs/ops.md, "Later than at entry"): a CPUID leaf by which a guest finds out that ops wait for it, and
 * a port by which it asks for them. Only a machine with such modules has either.
 */
import type { CpuidRegisters, IoHandler, Reporter } from '@paragraft/core'
import { isParagraftError } from '@paragraft/core/errors'
import type { LateOps } from './late-ops.ts'

/** First leaf: EAX the last one, EBX ECX EDX the signature. In the range that hypervisors have (from 40000000H on). */
export const REGISTRATION_LEAF = 0x4000_5000
/** EAX: version of the call; EBX: modules that wait; ECX: the port. */
const CALL_LEAF = REGISTRATION_LEAF + 1
const SIGNATURE = 'ParagraftOps'
const CALL_VERSION = 1
export const REGISTRATION_PORT = 0x5047

/** What is written to the port. */
const REGISTER = 1
/** Set in an answer that is a refusal; the reason is in the low bits. */
const REFUSED = 0x8000_0000
const REASONS: Readonly<Record<string, number>> = {
  PG_INSTALL_PATCHED: 1,
  PG_INSTALL_TABLE: 2,
  PG_INSTALL_UNMAPPED: 3,
}
const UNKNOWN_CALL = 0xff

export class Registration implements IoHandler {
  readonly ioWidth = 4
  readonly #ops: LateOps
  readonly #reporter: Reporter
  #answer = 0

  constructor(ops: LateOps, reporter: Reporter) {
    this.#ops = ops
    this.#reporter = reporter
  }

  /** What the leaves say; undefined for others. */
  cpuid(leaf: number): CpuidRegisters | undefined {
    if (leaf === REGISTRATION_LEAF) return [CALL_LEAF, word(SIGNATURE, 0), word(SIGNATURE, 4), word(SIGNATURE, 8)]
    if (leaf === CALL_LEAF) return [CALL_VERSION, this.#ops.requestable.length, REGISTRATION_PORT, 0]
    return undefined
  }

  /** The answer to the last call: slots that changed hands, or why none did. */
  ioRead(_port: number, size: number): number {
    return size === 4 ? this.#answer : 0xffff_ffff >>> (32 - 8 * size)
  }

  ioWrite(_port: number, size: number, value: number): void {
    this.#answer = size === 4 && value === REGISTER ? this.#register() : REFUSED + UNKNOWN_CALL
  }

  save(): number {
    return this.#answer
  }

  restore(answer: number): void {
    this.#answer = answer
  }

  /** Every module that waits, in order; the first that cannot be installed ends it. */
  #register(): number {
    let slots = 0
    for (const module of this.#ops.requestable) {
      try {
        slots += this.#ops.install(module, 'request')
      } catch (error) {
        if (!isParagraftError(error)) throw error
        this.#reporter.report(`registration ${module.name}`, `the guest asked for its ops: ${error.message}`)
        return REFUSED + (REASONS[error.code] ?? UNKNOWN_CALL)
      }
    }
    return slots
  }
}

/** Four characters as a register has them. */
function word(text: string, at: number): number {
  return [3, 2, 1, 0].reduce((value, n) => value * 256 + text.charCodeAt(at + n), 0)
}
