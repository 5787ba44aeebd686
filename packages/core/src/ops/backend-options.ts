/**
 * Options of a backend: what it says it takes, and the check of what it is given. The command line's `--backend-option`,
 * the config's `backends` and `createMachine` all come through here, so a backend sees checked values only.
 */
import { ParagraftError } from '../errors.ts'

/** One option as a backend declares it. */
export interface BackendOption {
  /** What it does, in a line. */
  readonly says: string
  /**
   * `artefact`: something that comes from outside, as a file's bytes (Uint8Array) or what a package exports; only the backend
   * can check it.
   */
  readonly kind: 'text' | 'number' | 'flag' | 'artefact'
  /** The only texts; for an artefact the names that stand for what the backend brings along. */
  readonly choices?: readonly string[]
}

export type BackendOptions = Readonly<Record<string, BackendOption>>

/** Values by option name: text and names as strings. */
export type BackendOptionValues = Readonly<Record<string, unknown>>

/** The values that declared options take, as a type: what a package adds to `BackendOptionTypes`. */
export type OptionsOf<T extends BackendOptions> = { readonly [Name in keyof T]?: ValueOf<T[Name]> }

type ValueOf<T extends BackendOption> = T['kind'] extends 'number'
  ? number
  : T['kind'] extends 'flag'
    ? boolean
    : T['kind'] extends 'artefact'
      ? Chosen<T> | (string & {}) | object
      : T extends { readonly choices: readonly string[] }
        ? Chosen<T>
        : string

type Chosen<T extends BackendOption> = T extends { readonly choices: readonly (infer Name)[] } ? Name : never

/** A backend as far as its options are concerned. */
interface WithOptions {
  readonly name: string
  readonly options?: BackendOptions
}

/** The option of this name. Throws `PG_BACKEND_OPTION` when the backend has none such. */
export function backendOption(backend: WithOptions, name: string): BackendOption {
  const options = backend.options ?? {}
  const option = Object.hasOwn(options, name) ? options[name] : undefined
  if (option !== undefined) return option
  const known = Object.keys(options)
  throw new ParagraftError('PG_BACKEND_OPTION', `backend ${backend.name} has no option ${name}`, {
    fields: { backend: backend.name, option: name, known },
    hint: known.length === 0 ? 'It takes no options.' : `It takes ${known.join(', ')}.`,
  })
}

/** Checks the values given to a backend; options that are not given are absent. Throws `PG_BACKEND_OPTION`. */
export function checkBackendOptions(backend: WithOptions, given: BackendOptionValues = {}): BackendOptionValues {
  const values: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    const option = backendOption(backend, name)
    if (value === undefined) continue
    const wants = misfit(option, value)
    if (wants !== undefined) throw badValue(backend, name, option, value, wants)
    values[name] = value
  }
  return Object.freeze(values)
}

/** A value as text (`--backend-option NAME=TEXT`) in the option's own kind; an artefact's name stays text. */
export function parseBackendOption(backend: WithOptions, name: string, text: string): string | number | boolean {
  const option = backendOption(backend, name)
  if (option.kind === 'number') {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (Number.isFinite(value)) return value
    throw badValue(backend, name, option, text, 'a number')
  }
  if (option.kind === 'flag') {
    if (text === 'true' || text === 'yes') return true
    if (text === 'false' || text === 'no') return false
    throw badValue(backend, name, option, text, 'yes or no')
  }
  return text
}

/** What the option wants instead; undefined when the value fits. */
function misfit({ kind, choices }: BackendOption, value: unknown): string | undefined {
  switch (kind) {
    case 'text':
      if (typeof value !== 'string') return 'a text'
      return choices === undefined || choices.includes(value) ? undefined : `one of ${choices.join(', ')}`
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? undefined : 'a number'
    case 'flag':
      return typeof value === 'boolean' ? undefined : 'true or false'
    case 'artefact':
      if (typeof value !== 'string') return undefined
      return choices?.includes(value)
        ? undefined
        : `bytes, what a package exports, or ${choices?.join(' or ') ?? 'no name'}`
  }
}

function badValue(
  backend: WithOptions,
  name: string,
  option: BackendOption,
  value: unknown,
  wants: string,
): ParagraftError {
  return new ParagraftError('PG_BACKEND_OPTION', `option ${name} of backend ${backend.name} must be ${wants}`, {
    fields: { backend: backend.name, option: name, got: typeof value === 'string' ? value : typeof value },
    hint: `${name}: ${option.says}.`,
  })
}
