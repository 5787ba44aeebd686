/**
 * What a plug-in's package says of it in its package.json, under `paragraft`: read, checked and acted upon before any of the
 * package's code runs, and held against the definition afterwards.
 *
 *     "paragraft": { "kind": "backend", "name": "vmi", "api": "^1.1.0", "supports": ["ops", "disk"], "ops": "./ops" }
 */
import validRange from 'semver/ranges/valid.js'
import { ParagraftError } from '../errors.ts'
import { ABILITY_NAMES, type Ability, isAbility } from './abilities.ts'
import { checkApiVersion } from './api-version.ts'
import type { Backend, OpsModule } from './define.ts'
import type { Device } from './device.ts'

/** What a plug-in can be. */
export const PLUGIN_KINDS = ['backend', 'ops', 'device'] as const
export type PluginKind = (typeof PLUGIN_KINDS)[number]

/** The value of `paragraft` in a package.json; of the plug-in that is the package's main export. */
export interface PluginMetadata {
  readonly kind: PluginKind
  /** The definition's `name`. */
  readonly name: string
  /** The definition's `apiVersion`: the range of the plug-in API that it is written for. */
  readonly api: string
  /** Of a backend: the definition's `supports`. */
  readonly supports?: readonly Ability[]
  /** Of an ops module: the definition's `requires`. */
  readonly requires?: readonly Ability[]
  /**
   * Of a backend: the ops module for guests that do not know it, as its own code would import it; `./ops` is an export of the
   * package itself.
   */
  readonly ops?: string
}

interface Field {
  readonly of: readonly PluginKind[]
  readonly required?: true
  readonly wants: string
  fits(value: unknown): boolean
}

const isText = (value: unknown): value is string => typeof value === 'string' && /^\S+$/.test(value)
const isAbilities = (value: unknown): boolean => Array.isArray(value) && value.every(isAbility)

const FIELDS: Readonly<Record<keyof PluginMetadata, Field>> = {
  kind: {
    of: PLUGIN_KINDS,
    required: true,
    wants: `one of ${PLUGIN_KINDS.join(', ')}`,
    fits: value => PLUGIN_KINDS.some(kind => kind === value),
  },
  name: { of: PLUGIN_KINDS, required: true, wants: 'the name in the definition, without spaces', fits: isText },
  api: {
    of: PLUGIN_KINDS,
    required: true,
    wants: 'a semver range of the plug-in API such as "^1.0.0"',
    fits: value => typeof value === 'string' && value !== '' && validRange(value) !== null,
  },
  supports: { of: ['backend'], wants: `a list of ${ABILITY_NAMES}`, fits: isAbilities },
  requires: { of: ['ops'], wants: `a list of ${ABILITY_NAMES}`, fits: isAbilities },
  ops: { of: ['backend'], wants: 'what its own code would import: "./ops" or the name of a package', fits: isText },
}

/**
 * Reads a package's metadata, when it has any. Throws `PG_METADATA` (malformed), `PG_API_VERSION`. Fields that are not known
 * are left alone: a package may say more to a later version.
 */
export function readMetadata(manifest: { name?: unknown; paragraft?: unknown }): PluginMetadata | undefined {
  const value = manifest.paragraft
  if (value === undefined) return undefined
  const who = String(manifest.name ?? 'a package')
  const refuse = (field: string, got: unknown, wants: string): ParagraftError =>
    new ParagraftError('PG_METADATA', `package.json of ${who}: ${field} must be ${wants}`, {
      fields: { package: who, field, got },
      hint: `Set ${field} to ${wants}.`,
    })
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse('paragraft', value, 'an object')
  const metadata = value as Record<string, unknown> & PluginMetadata
  for (const [name, { required, wants, fits }] of Object.entries(FIELDS)) {
    const entry = metadata[name]
    if (entry === undefined ? required : !fits(entry)) throw refuse(`paragraft.${name}`, entry, wants)
  }
  for (const [name, { of }] of Object.entries(FIELDS)) {
    if (metadata[name] === undefined || of.includes(metadata.kind)) continue
    throw refuse(`paragraft.${name}`, metadata[name], `absent: it belongs to kind ${of.join(', ')}`)
  }
  checkApiVersion(who, metadata.api)
  return metadata
}

/** Holds what a package said against what it exports. Throws `PG_METADATA`, naming both. */
export function checkMetadata(metadata: PluginMetadata, plugin: Backend | OpsModule | Device): void {
  const abilities = 'supports' in plugin ? plugin.supports : 'requires' in plugin ? plugin.requires : undefined
  const pairs: [string, unknown, unknown][] = [
    ['name', metadata.name, plugin.name],
    ['api', metadata.api, plugin.apiVersion],
    [
      metadata.kind === 'backend' ? 'supports' : 'requires',
      sorted(metadata.supports ?? metadata.requires),
      sorted(abilities),
    ],
  ]
  for (const [field, says, is] of pairs) {
    if (says === is) continue
    throw new ParagraftError(
      'PG_METADATA',
      `package.json of ${plugin.name} says ${field} ${says ?? 'nothing'}, and its definition ${is ?? 'nothing'}`,
      {
        fields: { plugin: plugin.name, field, metadata: says, definition: is },
        hint: 'The two must say the same; mend the one that is wrong.',
      },
    )
  }
}

/** A list that says the same in any order. */
function sorted(list: readonly string[] | undefined): string | undefined {
  return list === undefined ? undefined : [...list].sort().join(', ')
}
