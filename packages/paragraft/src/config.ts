/** Config files: `export default defineConfig({ … })` in `paragraft.config.ts`. */
import type { BackendOptionTypes } from '@paragraft/core/backends'
import type { ParagraftConfig } from './config.generated.ts'

/** A backend's name: one whose options are known, or any other. */
export type BackendName = keyof BackendOptionTypes | (string & {})

/**
 * Options by backend. Those of a backend whose types are in sight (`import type {} from '@paragraft/backend-vmi'`) are checked; of others
 * any are taken, and checked when the backend is loaded.
 */
export type BackendOptionsByName = Partial<BackendOptionTypes> & { readonly [name: string]: object | undefined }

/** Gives a config file its types. */
export function defineConfig(config: ParagraftConfig): ParagraftConfig {
  return config
}
