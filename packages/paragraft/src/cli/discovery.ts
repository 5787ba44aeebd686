/** Which plug-ins are within reach of a folder: by their packages' metadata, without running any of their code. */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type PluginMetadata, readMetadata } from '@paragraft/core'
import { isParagraftError } from '@paragraft/core/errors'
import { type Manifest, readManifest } from './packages.ts'

/** A package that is a plug-in, or says so in a way that is refused. */
export interface ReachablePlugin {
  readonly package: string
  readonly version: string
  readonly metadata?: PluginMetadata
  /** Why it cannot be used. */
  readonly refused?: { readonly code: string; readonly message: string }
}

/**
 * The plug-ins that names resolve to from `cwd`: what the package.json files there and above depend on, packages called
 * `@paragraft/…` or `paragraft-…`, and what is installed beside Paragraft. The nearest copy of a package counts.
 */
export function reachablePlugins(cwd: string): ReachablePlugin[] {
  const found = new Map<string, ReachablePlugin>()
  for (const start of [cwd, dirname(fileURLToPath(import.meta.url))]) {
    for (const folder of upwards(start)) {
      for (const name of packagesIn(folder)) {
        const file = join(folder, 'node_modules', name, 'package.json')
        if (found.has(name) || !existsSync(file)) continue
        const plugin = pluginOf(name, file)
        if (plugin !== undefined) found.set(name, plugin)
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.package < b.package ? -1 : 1))
}

function* upwards(from: string): Generator<string> {
  for (let folder = from; ; folder = dirname(folder)) {
    yield folder
    if (dirname(folder) === folder) return
  }
}

/** Names of packages in a folder's node_modules that may be plug-ins. */
function packagesIn(folder: string): Set<string> {
  const names = new Set<string>()
  const home = join(folder, 'node_modules')
  if (!existsSync(home)) return names
  const manifest = join(folder, 'package.json')
  if (existsSync(manifest)) {
    const { dependencies, devDependencies, optionalDependencies } = readManifest(manifest)
    for (const list of [dependencies, devDependencies, optionalDependencies]) {
      for (const name of Object.keys(list ?? {})) names.add(name)
    }
  }
  for (const name of readdirSync(home)) if (name.startsWith('paragraft-')) names.add(name)
  const scope = join(home, '@paragraft')
  if (existsSync(scope)) for (const name of readdirSync(scope)) names.add(`@paragraft/${name}`)
  return names
}

function pluginOf(name: string, file: string): ReachablePlugin | undefined {
  let manifest: Manifest = {}
  try {
    manifest = readManifest(file)
    const metadata = readMetadata(manifest)
    return metadata && { package: name, version: manifest.version ?? '-', metadata }
  } catch (error) {
    if (!isParagraftError(error)) throw error
    const { code, message } = error
    return { package: name, version: manifest.version ?? '-', refused: { code, message } }
  }
}
