/** A backend's options as the user gave them: text in the option's own kind, artefacts loaded. */
import { type Backend, type BackendOptionValues, backendOption, parseBackendOption } from '@paragraft/core'
import { loadArtefact } from './plugins.ts'
import { usageError } from './usage.ts'

/** `NAME=VALUE`, several times; a later one of the same name wins. Throws `PG_USAGE`. */
export function splitBackendOptions(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text): [string, string] => {
      const at = text.indexOf('=')
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
      throw usageError(`--backend-option ${text} sets nothing`, 'Write --backend-option NAME=VALUE.', { option: text })
    }),
  )
}

/** The values for `createMachine`. Throws `PG_BACKEND_OPTION`, and what loading an artefact throws. */
export async function loadBackendOptions(
  backend: Backend,
  given: BackendOptionValues,
  cwd: string,
): Promise<BackendOptionValues> {
  const values: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') {
      values[name] = value
      continue
    }
    const { kind, choices } = backendOption(backend, name)
    const external = kind === 'artefact' && !choices?.includes(value)
    values[name] = external ? await loadArtefact(value, cwd) : parseBackendOption(backend, name, value)
  }
  return values
}
