/**
 * States as text: JSON, with bigints and bytes written as `{"$int": "…"}` and `{"$bytes": "…"}` (base64). What JSON would lose
 * without a word is refused instead.
 */
import { ParagraftError } from '@paragraft/core/errors'

const INT = '$int'
const BYTES = '$bytes'
/** Bytes that `fromCharCode` is given at a time. */
const PIECE = 0x8000

/** Writes plain data. Throws `PG_SNAPSHOT_VALUE` for what is none. */
export function writeValue(value: unknown): string {
  return JSON.stringify(plain(value, []))
}

/** Reads what {@link writeValue} wrote. Throws `SyntaxError` for anything else. */
export function readValue(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value
    const { [INT]: int, [BYTES]: bytes } = value as Record<string, unknown>
    if (typeof int === 'string') return BigInt(int)
    if (typeof bytes === 'string') return Uint8Array.from(atob(bytes), character => character.charCodeAt(0))
    return value
  })
}

function plain(value: unknown, path: readonly string[]): unknown {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value === 'bigint') return { [INT]: `${value}` }
  if (value instanceof Uint8Array) return { [BYTES]: base64(value) }
  if (Array.isArray(value)) return value.map((item, index) => plain(item, [...path, `${index}`]))
  if (typeof value === 'object' && isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, [...path, key])]))
  }
  throw new ParagraftError('PG_SNAPSHOT_VALUE', `${path.join('.')} of a saved state is not plain data`, {
    fields: { path, type: typeof value },
    hint: 'save() may return numbers, bigints, strings, booleans, null, Uint8Array, and arrays and records of these.',
  })
}

/** Of no class, and not like what stands for something else here. */
function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && !(INT in value) && !(BYTES in value)
}

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += PIECE) text += String.fromCharCode(...bytes.subarray(at, at + PIECE))
  return btoa(text)
}
