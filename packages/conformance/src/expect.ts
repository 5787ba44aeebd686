/** Assertions, for runners that bring none. */
import { isParagraftError, type ParagraftError } from '@paragraft/core/errors'

/** Throws with `why` unless `condition` holds. */
export function check(condition: unknown, why: string): asserts condition {
  if (!condition) throw new Error(why)
}

/** Throws unless both are the same plain data. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [actual, expected].map(value => JSON.stringify(value))
  check(a === b, `${what}: ${a}, and not ${b}`)
}

/** What `action` throws, which must be a coded error: `PG_…`, a message, a hint. Undefined if it throws nothing. */
export async function refusal(action: () => unknown): Promise<ParagraftError | undefined> {
  try {
    await action()
  } catch (error) {
    requireCoded(error)
    return error
  }
  return undefined
}

/** Throws `error` on unless it is a coded one. */
export function requireCoded(error: unknown): asserts error is ParagraftError {
  if (isParagraftError(error) && /^PG_[A-Z0-9_]+$/.test(error.code)) return
  throw new Error(`not a coded error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, {
    cause: error,
  })
}
