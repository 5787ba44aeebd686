/** What every plug-in's definition is checked for. */
import valid from 'semver/functions/valid.js'
import validRange from 'semver/ranges/valid.js'
import { ParagraftError } from '../errors.ts'
import { ABILITY_NAMES, isAbility } from './abilities.ts'
import { checkApiVersion } from './api-version.ts'

/** Checks name, version and API. `error` is the code for a wrong shape; throws it, or `PG_API_VERSION`. */
export function checkPlugin(
  definition: { name: string; version: string; apiVersion: string },
  error: string,
  caller: string,
): void {
  if (typeof definition !== 'object' || definition === null) {
    throw shape(error, caller, 'definition', definition, 'an object')
  }
  const { name, version, apiVersion } = definition
  if (typeof name !== 'string' || !/^\S+$/.test(name)) throw shape(error, caller, 'name', name, 'a name without spaces')
  if (typeof version !== 'string' || valid(version) === null) {
    throw shape(error, name, 'version', version, 'a semver version such as "1.0.0"')
  }
  if (typeof apiVersion !== 'string' || validRange(apiVersion) === null) {
    throw shape(error, name, 'apiVersion', apiVersion, 'a semver range such as "^1.0.0"')
  }
  checkApiVersion(name, apiVersion)
}

export function checkAbilities(error: string, name: string, field: string, list: unknown): void {
  if (list === undefined || (Array.isArray(list) && list.every(isAbility))) return
  throw shape(error, name, field, list, `a list of ${ABILITY_NAMES}`)
}

/** The refusal of a field. */
export function shape(error: string, who: string, field: string, got: unknown, wants: string): ParagraftError {
  return new ParagraftError(error, `${who}: ${field} must be ${wants}`, {
    fields: { plugin: who, field, got: typeof got === 'string' ? got : typeof got },
    hint: `Set ${field} to ${wants}.`,
  })
}
