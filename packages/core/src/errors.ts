/**
 * Coded errors: every refusal in Paragraft carries a stable code, the fields that led to it, and what to do next.
 * One documentation page per code lives in `docs/errors/`.
 */

/** Fields attached to an error; plain data, so that a report can print or serialise them. */
export type ErrorFields = Readonly<Record<string, unknown>>

const BRAND = Symbol.for('paragraft.error')

/** An error with a stable code (`PG_…`), fields, a hint and an optional cause. */
export class ParagraftError extends Error {
  readonly code: string
  readonly fields: ErrorFields
  /** What the reader can do about it, one sentence. */
  readonly hint: string

  constructor(code: string, message: string, options: { fields?: ErrorFields; hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ParagraftError'
    this.code = code
    this.fields = options.fields ?? {}
    this.hint = options.hint ?? ''
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** True for a ParagraftError of any copy of this package (two copies may meet in one dependency tree). */
export function isParagraftError(value: unknown): value is ParagraftError {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true
}
