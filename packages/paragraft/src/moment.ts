/** A moment in a run, as a person names it. */
import { ParagraftError } from '@paragraft/core/errors'

export type Moment =
  | { kind: 'instructions'; count: number }
  | { kind: 'time'; virtualNs: number }
  /** When the text has been on the console. */
  | { kind: 'text'; text: string }

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 }

/**
 * `5000000` or `5_000_000`: so many instructions after power-on. `1.5s`, `20ms`, `7us`, `9ns`: virtual time. Anything else is a
 * text on the console, and so is what follows `text:`. Throws `PG_USAGE`.
 */
export function parseMoment(text: string, what: string): Moment {
  if (/^\d[\d_]*$/.test(text))
    return { kind: 'instructions', count: exact(Number(text.replaceAll('_', '')), text, what) }
  const time = /^(\d+(?:\.\d+)?)(ns|us|ms|s)$/.exec(text)
  if (time !== null) {
    return { kind: 'time', virtualNs: exact(Math.round(Number(time[1]) * UNITS[time[2]!]!), text, what) }
  }
  const wanted = text.startsWith('text:') ? text.slice('text:'.length) : text
  if (wanted !== '') return { kind: 'text', text: wanted }
  throw new ParagraftError('PG_USAGE', `${what} is empty`, {
    hint: `Write for example ${what} 5000000 (instructions), ${what} 1.5s (virtual time) or ${what} login: (on the console).`,
  })
}

function exact(value: number, text: string, what: string): number {
  if (Number.isSafeInteger(value)) return value
  throw new ParagraftError('PG_USAGE', `${what} ${text} is further than any run goes`, { fields: { text } })
}
