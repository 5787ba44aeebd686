/** The version of the plug-in API, and what is admitted to it.  */
import satisfies from 'semver/functions/satisfies.js'
import gtr from 'semver/ranges/gtr.js'
import { ParagraftError } from '../errors.ts'

/**
 * Version of the plug-in API, apart from the packages' versions. Semver: what is written for `^1.0.0` loads in every later
 * 1.x, and a plug-in that uses what came with 1.1 says `^1.1.0`.
 *
 * 1.0.0: defineOps, defineBackend, their ports and heads. 1.1.0: abilities (`supports`, `requires`), `knownBy`, metadata of
 * packages, defineDevice, modules' entrypoints for heads, deprivileged guests, states.
 */
export const API_VERSION = '1.1.0'

/** Throws `PG_API_VERSION` unless what is `written for` this range of the API is served by it. */
export function checkApiVersion(name: string, apiVersion: string): void {
  if (satisfies(API_VERSION, apiVersion)) return
  throw new ParagraftError(
    'PG_API_VERSION',
    `${name} is written for plug-in API ${apiVersion}; this is ${API_VERSION}`,
    {
      fields: { plugin: name, wants: apiVersion, has: API_VERSION },
      hint: gtr(API_VERSION, apiVersion)
        ? `Use a newer release of ${name}, or an older one of Paragraft.`
        : `Use a newer release of Paragraft, or an older one of ${name}.`,
    },
  )
}
