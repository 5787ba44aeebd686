/**
 * What a config may say: every key once, with what it holds and what it is for. A config file is checked by this table, and
 * scripts/gen-config.ts makes from it the types that editors complete (config.generated.ts) and the JSON schema
 * (schema/config.json).
 */
import { ENGINES } from './engines.ts'

/** A JSON schema, as far as it is used here (draft 2020-12). */
export type JsonSchema = Readonly<Record<string, unknown>>

/** What a key may hold, in each of the three languages in which it is said. */
export interface ConfigKind {
  /** For a refusal: the value must be … */
  readonly wants: string
  /** TypeScript. */
  readonly type: string
  /** What a JSON file can hold of it. */
  readonly schema: JsonSchema
  fits(value: unknown): boolean
}

export interface ConfigKey {
  readonly kind: ConfigKind
  /** What it is for. */
  readonly says: string
  /** A planned break, by its name in core's `DEPRECATIONS`; the key still works. */
  readonly deprecated?: 'config-backend-options'
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): boolean => typeof value === 'string'

const TEXT: ConfigKind = { wants: 'a text', type: 'string', schema: { type: 'string' }, fits: isText }

const FLAG: ConfigKind = {
  wants: 'true or false',
  type: 'boolean',
  schema: { type: 'boolean' },
  fits: value => typeof value === 'boolean',
}

const POSITIVE: ConfigKind = {
  wants: 'a number above 0',
  type: 'number',
  schema: { type: 'number', exclusiveMinimum: 0 },
  fits: value => typeof value === 'number' && Number.isFinite(value) && value > 0,
}

const SIZE: ConfigKind = {
  wants: 'a size such as "256M", or bytes',
  type: 'string | number',
  schema: { type: ['string', 'integer'], minimum: 1 },
  fits: value => isText(value) || (typeof value === 'number' && Number.isSafeInteger(value) && value > 0),
}

const choice = (names: readonly string[], type: string): ConfigKind => ({
  wants: `one of ${names.join(', ')}`,
  type,
  schema: { enum: names },
  fits: value => names.includes(value as string),
})

const listOf = (item: ConfigKind): ConfigKind => ({
  wants: `a list, each entry ${item.wants}`,
  type: item.type.includes('|') ? `(${item.type})[]` : `${item.type}[]`,
  schema: { type: 'array', items: item.schema },
  fits: value => Array.isArray(value) && value.every(entry => item.fits(entry)),
})

const ONE_OR_MORE: ConfigKind = {
  wants: 'a text, or a list of texts',
  type: 'string | string[]',
  schema: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
  fits: value => isText(value) || (Array.isArray(value) && value.every(isText)),
}

/** What a package exports, or the name by which it is found. Whether an object is one is for its loader to say. */
const plugin = (what: string, type: string): ConfigKind => ({
  wants: `the name or path of ${what}, or one itself`,
  type,
  schema: { type: 'string' },
  fits: value => isText(value) || isRecord(value),
})

const VALUES: ConfigKind = {
  wants: 'values by option name',
  type: 'Record<string, unknown>',
  schema: { type: 'object' },
  fits: isRecord,
}

const OPTIONS_BY_BACKEND: ConfigKind = {
  wants: 'options by backend, each a record of values',
  type: 'BackendOptionsByName',
  schema: { type: 'object', additionalProperties: { type: 'object' } },
  fits: value => isRecord(value) && Object.values(value).every(options => options === undefined || isRecord(options)),
}

const ARRIVALS: ConfigKind = {
  wants: "the input of an earlier run, from its report's `input`",
  type: 'InputArrival[]',
  schema: {
    type: 'array',
    items: {
      type: 'object',
      required: ['instructions', 'virtualNs', 'bytes'],
      properties: {
        instructions: { type: 'integer' },
        virtualNs: { type: 'number' },
        bytes: { type: 'string' },
        keyboard: { const: true },
      },
    },
  },
  fits: value =>
    Array.isArray(value) &&
    value.every(entry => isRecord(entry) && typeof entry['virtualNs'] === 'number' && isText(entry['bytes'])),
}

/** The keys of a run, at the top of a config and in each of its profiles. Most have a command-line option of the same name. */
export const RUN_KEYS = {
  guest: { kind: TEXT, says: "The guest's image, for a command line that names none." },
  backend: {
    kind: plugin('a backend', 'BackendName | Backend'),
    says: 'Who plays the hypervisor: the name or path of a package, or a backend itself. Default: native.',
  },
  backends: {
    kind: OPTIONS_BY_BACKEND,
    says:
      'Options of backends, by the name of each; those of the backend that runs are used. An artefact is a name, or the path or ' +
      'package that it is loaded from.',
  },
  backendOptions: {
    kind: VALUES,
    says: 'Options for whichever backend runs.',
    deprecated: 'config-backend-options',
  },
  ops: {
    kind: listOf(plugin('an ops module', 'string | OpsModule')),
    says:
      "Names or paths of ops modules, or modules themselves, in the order in which they are grafted. none leaves out the backend's " +
      'default.',
  },
  memory: { kind: SIZE, says: 'RAM, as "256M" or in bytes. Default: 256M.' },
  append: { kind: TEXT, says: "The guest's command line." },
  initrd: { kind: TEXT, says: 'Initial RAM disk.' },
  module: { kind: listOf(TEXT), says: 'Boot modules: FILE, or FILE=COMMAND LINE.' },
  device: {
    kind: listOf(plugin('a device', 'string | Device')),
    says: "Names or paths of devices, or devices themselves, that sit on the board's buses beside its own.",
  },
  disk: { kind: ONE_OR_MORE, says: 'A raw disk image, or several in their order.' },
  net: { kind: TEXT, says: 'The network interface: none, loopback or peer; with =FILE, frames are captured into it.' },
  until: { kind: TEXT, says: 'Stop with status 0 when this text has been on the console.' },
  timeout: { kind: POSITIVE, says: "Stop with status 4 after so many seconds of the host's time." },
  screen: { kind: FLAG, says: 'Print the VGA text screen when the run stops.' },
  report: { kind: TEXT, says: 'Write the run as data into this file.' },
  trace: { kind: listOf(TEXT), says: 'Traces: KIND, or KIND=FILE.' },
  engine: { kind: choice(ENGINES, 'EngineName'), says: 'The engine. All make the same run, at different speeds.' },
  nsPerInstruction: { kind: POSITIVE, says: 'Virtual nanoseconds per instruction, a whole number.' },
  replay: {
    kind: ARRIVALS,
    says: 'Input of an earlier run, from its report: delivered at the same points in place of standard input.',
  },
} as const satisfies Readonly<Record<string, ConfigKey>>

/** A refusal by the table: where in the config, and what belongs there. */
export interface ConfigFault {
  /** `profiles.quick.memory`; empty for the config itself. */
  readonly path: string
  readonly message: string
  readonly hint: string
}

/** Checks a config against the table; undefined when it fits. Undefined values are as good as none. */
export function checkConfigValue(value: unknown): ConfigFault | undefined {
  if (!isRecord(value)) return { path: '', message: 'the config is not an object', hint: keysHint(true) }
  const { $schema, profiles, ...run } = value
  if ($schema !== undefined && !isText($schema)) return wrong('$schema', TEXT)
  if (profiles !== undefined && !isRecord(profiles)) return wrong('profiles', { wants: 'settings by profile name' })
  const fault = checkKeys(run, '', true)
  if (fault !== undefined) return fault
  for (const [name, profile] of Object.entries(profiles ?? {})) {
    if (!isRecord(profile)) return wrong(`profiles.${name}`, { wants: 'settings, as at the top of the config' })
    const inside = checkKeys(profile, `profiles.${name}.`, false)
    if (inside !== undefined) return inside
  }
  return undefined
}

function checkKeys(values: Record<string, unknown>, prefix: string, top: boolean): ConfigFault | undefined {
  for (const [name, value] of Object.entries(values)) {
    const path = prefix + name
    if (!Object.hasOwn(RUN_KEYS, name)) return { path, message: `there is no key ${path}`, hint: keysHint(top) }
    const { kind } = RUN_KEYS[name as keyof typeof RUN_KEYS]
    if (value !== undefined && !kind.fits(value)) return wrong(path, kind)
  }
  return undefined
}

function wrong(path: string, { wants }: Pick<ConfigKind, 'wants'>): ConfigFault {
  return { path, message: `${path} must be ${wants}`, hint: `Set ${path} to ${wants}.` }
}

function keysHint(top: boolean): string {
  return `The keys are ${[...Object.keys(RUN_KEYS), ...(top ? ['profiles'] : [])].join(', ')}.`
}
