/** The config file: `paragraft.config.ts`, `.js` or `.json` in the user's folder, or the file that `--config` names. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ParagraftError } from '@paragraft/core/errors'
import { createJiti } from 'jiti'
import type { ParagraftConfig, RunConfig } from '../config.generated.ts'
import type { BackendOptionsByName } from '../config.ts'
import { checkConfigValue } from '../config-table.ts'

const NAMES = ['paragraft.config.ts', 'paragraft.config.js', 'paragraft.config.mjs', 'paragraft.config.json']

/** A config file that has been found. */
export interface LoadedConfig {
  readonly config: ParagraftConfig
  readonly file: string
}

/** Checks what a config file exports. Throws `PG_CONFIG` naming the file and the key. */
export function checkConfig(value: unknown, file: string): ParagraftConfig {
  const fault = checkConfigValue(value)
  if (fault === undefined) return value as ParagraftConfig
  throw new ParagraftError('PG_CONFIG', `${file}: ${fault.message}`, {
    fields: { file, key: fault.path },
    hint: fault.hint,
  })
}

/**
 * The settings of a config with a profile's laid over them; options of backends are laid over one by one. Throws `PG_CONFIG` for a
 * profile that is not there.
 */
export function withProfile(loaded: LoadedConfig | undefined, name: string | undefined): RunConfig {
  const { $schema: _, profiles = {}, ...base } = loaded?.config ?? {}
  if (name === undefined) return base
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined
  if (profile === undefined) {
    const known = Object.keys(profiles)
    throw new ParagraftError(
      'PG_CONFIG',
      `there is no profile ${name} in ${loaded?.file ?? 'the config, which is not there'}`,
      {
        fields: { file: loaded?.file, profile: name, known },
        hint:
          known.length === 0
            ? 'Write profiles: { NAME: { … } } into the config.'
            : `The profiles are ${known.join(', ')}.`,
      },
    )
  }
  return { ...base, ...profile, ...(base.backends && { backends: overlaid(base.backends, profile.backends) }) }
}

function overlaid(base: BackendOptionsByName, over: BackendOptionsByName = {}): BackendOptionsByName {
  const names = new Set([...Object.keys(base), ...Object.keys(over)])
  return Object.fromEntries([...names].map(name => [name, { ...base[name], ...over[name] }]))
}

/** Finds and loads the config; undefined when there is none and none was asked for. Throws `PG_CONFIG`. */
export async function loadConfig(cwd: string, named?: string): Promise<LoadedConfig | undefined> {
  const file =
    named === undefined ? NAMES.map(name => join(cwd, name)).find(path => existsSync(path)) : resolve(cwd, named)
  if (file === undefined) return undefined
  if (!existsSync(file)) {
    throw new ParagraftError('PG_CONFIG', `there is no config file ${file}`, {
      fields: { file },
      hint: 'Check the path given with --config.',
    })
  }
  return { config: checkConfig(await load(file), file), file }
}

async function load(file: string): Promise<unknown> {
  try {
    if (file.endsWith('.json')) return JSON.parse(readFileSync(file, 'utf8'))
    return await createJiti(file, { moduleCache: false }).import(file, { default: true })
  } catch (cause) {
    throw new ParagraftError('PG_CONFIG', `${file} could not be loaded: ${(cause as Error).message}`, {
      fields: { file },
      hint: 'Fix the file, or leave it out with --config pointing at another.',
      cause,
    })
  }
}
