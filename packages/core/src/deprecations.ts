/**
 * Planned breaks: what still works and will not for ever. Each is here once, and {@link deprecation} makes what is said of it;
 * docs/deprecations.md has a section for each.
 */

/** One planned break. */
export interface Deprecation {
  /** What has the version numbers below. */
  readonly of: 'plug-in API' | 'config'
  /** The version that brought what to use instead. */
  readonly since: string
  /** The version that will refuse it. */
  readonly until: string
  /** Who is told: `asked`, only those who ask (`--deprecations`), while others still have to move first; `all`, everybody. */
  readonly told: 'asked' | 'all'
  /** What is deprecated; a phrase. */
  readonly what: string
  /** What to do; a sentence. */
  readonly instead: string
}

export const DEPRECATIONS = {
  'backend-without-supports': {
    of: 'plug-in API',
    since: '1.1.0',
    until: '2.0.0',
    told: 'asked',
    what: 'a backend that does not say what it supports',
    instead: "List its abilities as `supports`, in the definition and in the package's metadata.",
  },
  'config-backend-options': {
    of: 'config',
    since: '1.1.0',
    until: '2.0.0',
    told: 'all',
    what: 'the key backendOptions, which fits one backend only',
    instead: 'Use `backends: { NAME: { … } }`, which keeps the options of each.',
  },
} as const satisfies Readonly<Record<string, Deprecation>>

export type DeprecationId = keyof typeof DEPRECATIONS

/** What is said of one use of something deprecated. */
export interface DeprecationNotice extends Deprecation {
  readonly code: 'PG_DEPRECATED'
  readonly id: string
  /** Who uses it: a backend's name, a config file. */
  readonly who: string
  readonly message: string
}

/** The notice that `who` uses something deprecated. */
export function deprecation(id: DeprecationId, who: string): DeprecationNotice {
  const entry: Deprecation = DEPRECATIONS[id]
  const message = `${who}: ${entry.what} is deprecated since ${entry.of} ${entry.since}, and will be refused from ${entry.until} on`
  return { ...entry, code: 'PG_DEPRECATED', id, who, message }
}

/** Passes each notice on once: to those who ask all of them, to others those that everybody is told. */
export function tellOnce(
  tell: (notice: DeprecationNotice) => void,
  asked: boolean,
): (notice: DeprecationNotice) => void {
  const told = new Set<string>()
  return notice => {
    const key = `${notice.id} ${notice.who}`
    if (told.has(key) || (notice.told === 'asked' && !asked)) return
    told.add(key)
    tell(notice)
  }
}
