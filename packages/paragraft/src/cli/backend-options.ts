/** A backend's options as the user gave them: text in the option's own kind, artefacts loaded. */
import { type Backend, type BackendOptionValues, backendOption, parseBackendOption } from '@paragraft/core'
import { loadArtefact } from './plugins.ts'
import type { RunSettings } from './settings.ts'
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
  settings: Pick<RunSettings, 'backend' | 'backendOptions'>,
): Promise<BackendOptionValues> {
  // By the name that the user chose it by, or its own.
  const names = ['from' in settings.backend ? settings.backend.name : backend.name, backend.name]
  const loaded: Record<string, unknown> = {}
  for (const { from, byName = {}, values } of settings.backendOptions) {
    const name = names.find(candidate => Object.hasOwn(byName, candidate))
    for (const [option, value] of Object.entries({ ...(name && byName[name]), ...values })) {
      loaded[option] = typeof value === 'string' ? await loadText(backend, option, value, from) : value
    }
  }
  return loaded
}

/** Text in the option's own kind; the path or package of an artefact is loaded. */
function loadText(backend: Backend, option: string, text: string, from: string): unknown {
  const { kind, choices } = backendOption(backend, option)
  const external = kind === 'artefact' && !choices?.includes(text)
  return external ? loadArtefact({ name: text, from }) : parseBackendOption(backend, option, text)
}
