/** The config file: `paragraft.config.ts`, `.js` or `.json` in the user's folder, or the file that `--config` names. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ParagraftError } from '@paragraft/core/errors'
import { createJiti } from 'jiti'
import type { ParagraftConfig } from '../config.ts'

const NAMES = ['paragraft.config.ts', 'paragraft.config.js', 'paragraft.config.mjs', 'paragraft.config.json']

type Kind = 'string' | 'number' | 'boolean' | 'list' | 'plugin' | 'record' | 'size'

/** Every key with what it may hold. */
const KEYS: Readonly<Record<keyof ParagraftConfig, Kind>> = {
  backend: 'plugin',
  backendOptions: 'record',
  ops: 'list',
  memory: 'size',
  append: 'string',
  initrd: 'string',
  module: 'list',
  disk: 'string',
  net: 'string',
  until: 'string',
  timeout: 'number',
  screen: 'boolean',
  report: 'string',
  trace: 'list',
  engine: 'string',
  nsPerInstruction: 'number',
  replay: 'list',
}

function fits(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'list':
      return Array.isArray(value)
    case 'plugin':
      return typeof value === 'string' || (typeof value === 'object' && value !== null)
    case 'record':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'size':
      return typeof value === 'string' || (typeof value === 'number' && Number.isSafeInteger(value) && value > 0)
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) && value > 0
    default:
      return typeof value === kind
  }
}

/** Checks what a config file exports. Throws `PG_CONFIG` naming the file and the key. */
export function checkConfig(value: unknown, file: string): ParagraftConfig {
  const refuse = (message: string, fields: Record<string, unknown>): never => {
    throw new ParagraftError('PG_CONFIG', `${file}: ${message}`, {
      fields: { file, ...fields },
      hint: `The keys are ${Object.keys(KEYS).join(', ')}.`,
    })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('the config is not an object', { type: typeof value })
  }
  for (const [key, entry] of Object.entries(value)) {
    const kind = KEYS[key as keyof ParagraftConfig]
    if (kind === undefined) refuse(`there is no key ${key}`, { key })
    if (entry !== undefined && !fits(entry, kind)) refuse(`${key} has a value of the wrong kind`, { key, value: entry })
  }
  return value as ParagraftConfig
}

/** Finds and loads the config; undefined when there is none and none was asked for. Throws `PG_CONFIG`. */
export async function loadConfig(cwd: string, named?: string): Promise<ParagraftConfig | undefined> {
  const file =
    named === undefined ? NAMES.map(name => join(cwd, name)).find(path => existsSync(path)) : resolve(cwd, named)
  if (file === undefined) return undefined
  if (!existsSync(file)) {
    throw new ParagraftError('PG_CONFIG', `there is no config file ${file}`, {
      fields: { file },
      hint: 'Check the path given with --config.',
    })
  }
  return checkConfig(await load(file), file)
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
