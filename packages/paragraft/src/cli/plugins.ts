/**
 * From a name to a backend or an ops module. `xen` means `@paragraft/backend-xen`, then `paragraft-backend-xen`; a full
 * package name or a path works too. Names are resolved from the user's folder; what this installation brings along is
 * the last resort.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Backend, isBackend, isOpsModule, type OpsModule } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import { createJiti } from 'jiti'
import { readUserFile } from './files.ts'

interface Kind<T> {
  /** As in package names: `@paragraft/backend-xen`. */
  readonly word: 'backend' | 'ops'
  readonly what: string
  readonly made: string
  is(value: unknown): value is T
}

const BACKEND: Kind<Backend> = { word: 'backend', what: 'backend', made: 'defineBackend', is: isBackend }
const OPS: Kind<OpsModule> = { word: 'ops', what: 'ops module', made: 'defineOps', is: isOpsModule }

/** Loads a backend by name or path, seen from `cwd`. Throws `PG_PLUGIN_NOT_FOUND`, `PG_PLUGIN_BROKEN`, `PG_PLUGIN_KIND`. */
export function loadBackend(name: string, cwd: string): Promise<Backend> {
  return load(BACKEND, name, cwd)
}

/** Loads an ops module by name or path, seen from `cwd`. Throws as {@link loadBackend}. */
export function loadOps(name: string, cwd: string): Promise<OpsModule> {
  return load(OPS, name, cwd)
}

/** The package names that a name can mean, in order. */
export function packageNames(word: 'backend' | 'ops', name: string): string[] {
  if (name.startsWith('@') || name.includes('/')) return [name]
  return [`@paragraft/${word}-${name}`, `paragraft-${word}-${name}`, name]
}

function isPath(name: string): boolean {
  return /^\.{0,2}[\\/]/.test(name) || name === '.' || name === '..' || /^[A-Za-z]:[\\/]/.test(name)
}

/**
 * Loads what an option of a backend names, seen from `cwd`: a module's or package's default export (all exports if it has none),
 * or the bytes of any other file. Throws `PG_PLUGIN_NOT_FOUND`, `PG_PLUGIN_BROKEN`.
 */
export async function loadArtefact(name: string, cwd: string): Promise<unknown> {
  const path = resolve(cwd, name)
  if (existsSync(path) && statSync(path).isFile() && !/\.[cm]?[jt]s$/.test(path))
    return readUserFile(cwd, name, 'the file')
  const { exported } = await importNamed('file or package', name, [name], cwd)
  return exported['default'] ?? exported
}

async function load<T>(kind: Kind<T>, name: string, cwd: string): Promise<T> {
  const { file, exported } = await importNamed(kind.what, name, packageNames(kind.word, name), cwd)
  const candidates = [exported['default'], ...Object.values(exported)]
  const found = candidates.find(value => kind.is(value))
  if (found === undefined) {
    throw new ParagraftError('PG_PLUGIN_KIND', `${file} exports no ${kind.what}`, {
      fields: { name, file, exports: Object.keys(exported) },
      hint: `Its default export should be what ${kind.made}({ … }) returns.`,
    })
  }
  return found as T
}

async function importNamed(
  what: string,
  name: string,
  packages: readonly string[],
  cwd: string,
): Promise<{ file: string; exported: Record<string, unknown> }> {
  const tried: string[] = []
  const file = locate(packages, name, cwd, tried)
  if (file === undefined) {
    throw new ParagraftError('PG_PLUGIN_NOT_FOUND', `there is no ${what} ${name}`, {
      fields: { name, tried },
      hint: `Tried ${tried.join(', ')}. Install the package where you run paragraft, or give a path.`,
    })
  }
  try {
    return { file, exported: await importFile(file) }
  } catch (cause) {
    throw new ParagraftError('PG_PLUGIN_BROKEN', `${what} ${name} could not be loaded: ${(cause as Error).message}`, {
      fields: { name, file },
      hint: 'A package of a workspace has to be built first.',
      cause,
    })
  }
}

function locate(packages: readonly string[], name: string, cwd: string, tried: string[]): string | undefined {
  if (!isPath(name)) {
    for (const packageName of packages) {
      tried.push(packageName)
      for (const from of [join(cwd, 'package.json'), fileURLToPath(import.meta.url)]) {
        const file = resolvePackage(packageName, from)
        if (file !== undefined) return file
      }
    }
  }
  const path = resolve(cwd, name)
  tried.push(path)
  if (!existsSync(path)) return undefined
  return statSync(path).isDirectory() ? resolveFolder(path) : path
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
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as { name?: string; main?: string }
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
