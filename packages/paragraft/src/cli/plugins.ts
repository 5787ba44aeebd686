/**
 * From a name to a backend or an ops module. `xen` means `@paragraft/backend-xen`, then `paragraft-backend-xen`; a full
 * package name or a path works too. Names are resolved from the user's folder; what this installation brings along is
 * the last resort.
 */
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import {
  type Backend,
  checkMetadata,
  type Device,
  isBackend,
  isDevice,
  isOpsModule,
  type OpsModule,
  type PluginKind,
  type PluginMetadata,
  readMetadata,
} from '@paragraft/core'
import { isParagraftError, ParagraftError } from '@paragraft/core/errors'
import { createJiti } from 'jiti'
import { readUserFile } from './files.ts'
import { type FoundPackage, installCommand, packageOf, readManifest } from './packages.ts'
import type { Named } from './settings.ts'

interface Kind<T> {
  /** As in package names: `@paragraft/backend-xen`. */
  readonly word: PluginKind
  readonly what: string
  readonly made: string
  is(value: unknown): value is T
}

const BACKEND: Kind<Backend> = { word: 'backend', what: 'backend', made: 'defineBackend', is: isBackend }
const DEVICE: Kind<Device> = { word: 'device', what: 'device', made: 'defineDevice', is: isDevice }
const OPS: Kind<OpsModule> = { word: 'ops', what: 'ops module', made: 'defineOps', is: isOpsModule }

/** A plug-in that has been found, and what its package says of it. Nothing of its code has run. */
export interface FoundPlugin {
  readonly file: string
  /** The package whose main export it is; absent for other files. */
  readonly package?: FoundPackage
  readonly metadata?: PluginMetadata
}

/**
 * Finds a backend by name or path, and reads its package's metadata. Throws `PG_PLUGIN_NOT_FOUND`,
 * `PG_PLUGIN_KIND`, `PG_METADATA`, `PG_API_VERSION`.
 */
export function findBackend(named: Named): FoundPlugin {
  return find(BACKEND, named)
}

/** Loads a backend by name or path. Throws as {@link findBackend}, and `PG_PLUGIN_BROKEN`. */
export function loadBackend(named: Named, found: FoundPlugin = findBackend(named)): Promise<Backend> {
  return load(BACKEND, named.name, found)
}

/** Loads an ops module by name or path. Throws as {@link loadBackend}. */
export function loadOps(named: Named): Promise<OpsModule> {
  return load(OPS, named.name, find(OPS, named))
}

/** Loads a device by name or path. Throws as {@link loadBackend}. */
export function loadDevice(named: Named): Promise<Device> {
  return load(DEVICE, named.name, find(DEVICE, named))
}

/** Loads the ops module that a backend's metadata names, seen from the backend's own package; undefined if it names none. */
export async function loadDefaultOps({ package: home, metadata }: FoundPlugin): Promise<OpsModule | undefined> {
  if (home === undefined || metadata?.ops === undefined) return undefined
  const own = metadata.ops.startsWith('./')
  return loadOps({ name: own ? `${home.manifest.name}${metadata.ops.slice(1)}` : metadata.ops, from: home.folder })
}

/** The package names that a name can mean, in order. */
export function packageNames(word: PluginKind, name: string): string[] {
  if (name.startsWith('@') || name.includes('/')) return [name]
  return [`@paragraft/${word}-${name}`, `paragraft-${word}-${name}`, name]
}

function isPath(name: string): boolean {
  return /^\.{0,2}[\\/]/.test(name) || name === '.' || name === '..' || /^[A-Za-z]:[\\/]/.test(name)
}

/**
 * Loads what an option of a backend names: a module's or package's default export (all exports if it has none),
 * or the bytes of any other file. Throws `PG_PLUGIN_NOT_FOUND`, `PG_PLUGIN_BROKEN`.
 */
export async function loadArtefact({ name, from }: Named): Promise<unknown> {
  const path = resolve(from, name)
  if (existsSync(path) && statSync(path).isFile() && !/\.[cm]?[jt]s$/.test(path)) return readUserFile(path, 'the file')
  const what = 'file or package'
  const exported = await importNamed(what, name, locate(what, { name, from }, [name]))
  return exported['default'] ?? exported
}

function find<T>(kind: Kind<T>, named: Named): FoundPlugin {
  const { name } = named
  const file = locate(kind.what, named, packageNames(kind.word, name))
  const home = packageOf(file)
  // The metadata is of the main export; the other files of the package have their definitions only.
  if (home === undefined || mainFile(home) !== file) return { file }
  const metadata = readMetadata(home.manifest)
  if (metadata === undefined) return { file, package: home }
  if (metadata.kind === kind.word) return { file, package: home, metadata }
  throw new ParagraftError(
    'PG_PLUGIN_KIND',
    `${home.manifest.name} is no ${kind.what}: its package.json says ${metadata.kind}`,
    {
      fields: { name, file, wants: kind.word, kind: metadata.kind },
      hint: `Name a package of kind ${kind.word}; this one goes with --${metadata.kind}.`,
    },
  )
}

async function load<T extends Backend | OpsModule | Device>(
  kind: Kind<T>,
  name: string,
  { file, metadata }: FoundPlugin,
): Promise<T> {
  const exported = await importNamed(kind.what, name, file)
  const candidates = [exported['default'], ...Object.values(exported)]
  const found = candidates.find(value => kind.is(value)) as T | undefined
  if (found === undefined) {
    throw new ParagraftError('PG_PLUGIN_KIND', `${file} exports no ${kind.what}`, {
      fields: { name, file, exports: Object.keys(exported) },
      hint: `Its default export should be what ${kind.made}({ … }) returns.`,
    })
  }
  if (metadata !== undefined) checkMetadata(metadata, found)
  return found
}

async function importNamed(what: string, name: string, file: string): Promise<Record<string, unknown>> {
  try {
    return await importFile(file)
  } catch (cause) {
    // A plug-in whose definition is refused says more by that than we could.
    if (isParagraftError(cause)) throw cause
    throw new ParagraftError('PG_PLUGIN_BROKEN', `${what} ${name} could not be loaded: ${(cause as Error).message}`, {
      fields: { name, file },
      hint: 'A package of a workspace has to be built first.',
      cause,
    })
  }
}

/** The file that a name stands for. Throws `PG_PLUGIN_NOT_FOUND`. */
function locate(what: string, { name, from }: Named, packages: readonly string[]): string {
  const tried: string[] = []
  if (!isPath(name)) {
    for (const packageName of packages) {
      tried.push(packageName)
      for (const importer of [join(from, 'package.json'), fileURLToPath(import.meta.url)]) {
        const file = resolvePackage(packageName, importer)
        if (file !== undefined) return file
      }
    }
  }
  const path = resolve(from, name)
  const file = !existsSync(path) ? undefined : statSync(path).isDirectory() ? resolveFolder(path) : path
  if (file !== undefined) return file
  tried.push(path)
  const install = isPath(name)
    ? ''
    : ` Install it where you run paragraft (${installCommand(packages[0]!, from)}), or give a path.`
  throw new ParagraftError('PG_PLUGIN_NOT_FOUND', `there is no ${what} ${name}`, {
    fields: { name, tried },
    hint: `Tried ${tried.join(', ')}.${install}`,
  })
}

/** The file that a package's main export is. */
function mainFile({ folder, manifest }: FoundPackage): string | undefined {
  return resolvePackage(manifest.name!, join(folder, 'package.json')) ?? resolveFolder(folder)
}

/** The file that a package's main entry is, for importers at `from`; undefined if there is no such package. */
function resolvePackage(name: string, from: string): string | undefined {
  try {
    const url = createJiti(from).esmResolve(name, { try: true, conditions: ['node', 'import', 'default'] })
    return url?.startsWith('file:') ? fileURLToPath(url) : undefined
  } catch {
    return undefined
  }
}

/** The main entry of the package that a folder is. */
function resolveFolder(folder: string): string | undefined {
  const manifestFile = join(folder, 'package.json')
  if (!existsSync(manifestFile)) return undefined
  const manifest = readManifest(manifestFile)
  // A package may import itself by name, and its exports decide what that is.
  const own = manifest.name === undefined ? undefined : resolvePackage(manifest.name, manifestFile)
  if (own?.startsWith(folder)) return own
  try {
    return createRequire(manifestFile).resolve(folder)
  } catch {
    return join(folder, manifest.main ?? 'index.js')
  }
}

async function importFile(file: string): Promise<Record<string, unknown>> {
  if (/\.[cm]?tsx?$/.test(file)) return createJiti(file).import<Record<string, unknown>>(file)
  return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Record<string, unknown>
}
