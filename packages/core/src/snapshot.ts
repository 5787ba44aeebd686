/** What savers and restorers share: many states as one, and refusals that name both sides. */
import { isParagraftError, ParagraftError } from './errors.ts'
import type { Snapshotable } from './ports.ts'

/** States by the names of those whose they are. */
export type NamedStates = Readonly<Record<string, unknown>>

/**
 * Several as one, saved and restored in this order. `restore` throws `PG_SNAPSHOT_STATE`, with the path of names, for one whose
 * state is missing or is none, and for states of parts that are not there; nothing is restored in the latter case.
 */
export function together(parts: Readonly<Record<string, Snapshotable>>): Snapshotable<NamedStates> {
  return {
    save: () => Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.save()])),
    restore(states) {
      if (typeof states !== 'object' || states === null) throw badState([], 'there is none')
      const strays = Object.keys(states).filter(name => !Object.hasOwn(parts, name))
      if (strays.length > 0) throw badState([strays[0]!], 'this machine has no such part')
      for (const name of Object.keys(parts)) if (!Object.hasOwn(states, name)) throw badState([name], 'it is missing')
      for (const [name, part] of Object.entries(parts)) restorePart(name, part, states[name])
    },
  }
}

function restorePart(name: string, part: Snapshotable, state: unknown): void {
  try {
    part.restore(state)
  } catch (error) {
    if (!isParagraftError(error)) throw badState([name], 'it is not what was saved there', error)
    // What is refused inside is refused by its whole path; other coded errors speak for themselves.
    const path = (error.fields as { path?: readonly string[] }).path
    if (error.code !== 'PG_SNAPSHOT_STATE' || path === undefined) throw error
    throw badState([name, ...path], String(error.fields['why']), error.cause)
  }
}

function badState(path: readonly string[], why: string, cause?: unknown): ParagraftError {
  const where = path.length === 0 ? 'all parts' : path.join('.')
  return new ParagraftError('PG_SNAPSHOT_STATE', `the snapshot's state of ${where} cannot be used: ${why}`, {
    fields: { path, why },
    hint: 'Restore with the release of Paragraft, and of its plug-ins, that saved it; or save it again.',
    ...(cause === undefined ? {} : { cause }),
  })
}

/** A refusal: the snapshot was made with one thing, the machine that was to continue it has another. */
export function snapshotMismatch(what: string, snapshot: string, machine: string): ParagraftError {
  return new ParagraftError(
    'PG_SNAPSHOT_MISMATCH',
    `the snapshot was made with ${what} ${snapshot}; this machine has ${machine}`,
    { fields: { what, snapshot, machine }, hint: 'Restore it with what it was made with.' },
  )
}
