/**
 * Abilities: what a backend lets its guests have, by name, for users to read before any of its code runs. A module may
 * require some, a run asks for others (a disk), and what is missing is refused before the guest starts. The conformance
 * suite skips cases by them, and by nothing else.
 */
import { ParagraftError } from '../errors.ts'

/** The abilities that have a meaning for every backend. Others are a backend's own: `xen:hypercalls`. */
export const ABILITIES = {
  ops: 'ops modules can be grafted onto its guests at entry',
  'late-ops': 'ops can be installed while the guest runs',
  disk: 'the guest finds the disk that the user gives the machine',
  net: 'the guest finds the network interface that the user gives the machine',
  devices: 'the guest finds devices that the user adds to the board',
  snapshot: 'every guest of it can be saved and restored',
} as const

export type Ability = keyof typeof ABILITIES | `${string}:${string}`

/** What a backend that says nothing is taken to support: all that there was before backends could say (API 1.0). */
const UNSAID: readonly Ability[] = ['ops', 'disk', 'net']

const OWN = /^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*$/

/** True for an ability's name: one of {@link ABILITIES}, or a backend's own, `word:word`. */
export function isAbility(value: unknown): value is Ability {
  return typeof value === 'string' && (Object.hasOwn(ABILITIES, value) || OWN.test(value))
}

/** What `isAbility` takes, for hints. */
export const ABILITY_NAMES = `abilities: ${Object.keys(ABILITIES).join(', ')}, or a backend's own as name:word`

/** What a backend, or the metadata of its package, supports. */
export function supported(backend: { readonly supports?: readonly Ability[] | undefined }): readonly Ability[] {
  return backend.supports ?? UNSAID
}

/**
 * Throws `PG_ABILITY` unless the backend supports all that somebody needs. `who`: a module's name, or what of the run asks for
 * it (`--disk`).
 */
export function requireAbilities(
  backend: { readonly name: string; readonly supports?: readonly Ability[] | undefined },
  needed: readonly Ability[],
  who: string,
): void {
  const has = supported(backend)
  const missing = needed.filter(ability => !has.includes(ability))
  if (missing.length === 0) return
  const says = missing.map(ability =>
    ability in ABILITIES ? `${ability} (${ABILITIES[ability as keyof typeof ABILITIES]})` : ability,
  )
  throw new ParagraftError(
    'PG_ABILITY',
    `${who} needs ${says.join(', ')}, which backend ${backend.name} does not have`,
    {
      fields: { who, needs: needed, missing, backend: backend.name, supports: has },
      hint: `Backend ${backend.name} supports ${has.join(', ') || 'nothing of the kind'}. Choose another, or do without ${who}.`,
    },
  )
}
