/** Packages as the command line looks at them: whose file this is, what its package.json says, how it would be installed. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ParagraftError } from '@paragraft/core/errors'

export interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly main?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly packageManager?: unknown
  readonly paragraft?: unknown
}

export interface FoundPackage {
  /** Its folder. */
  readonly folder: string
  readonly manifest: Manifest
}

/** The package that a file or folder belongs to: the nearest folder up from it whose package.json has a name. */
export function packageOf(path: string): FoundPackage | undefined {
  for (let folder = path; ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file)) {
      const manifest = readManifest(file)
      if (manifest.name !== undefined) return { folder, manifest }
    }
    if (dirname(folder) === folder) return undefined
  }
}

/** Throws `PG_PLUGIN_BROKEN` for a package.json that is none. */
export function readManifest(file: string): Manifest {
  try {
    const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof manifest === 'object' && manifest !== null) return manifest
    throw new TypeError('it is not an object')
  } catch (cause) {
    throw new ParagraftError('PG_PLUGIN_BROKEN', `${file} could not be read: ${(cause as Error).message}`, {
      fields: { file },
      hint: 'Mend the package.json, or install the package again.',
      cause,
    })
  }
}

/** Lock files, and the command that adds a package where one is. */
const MANAGERS: readonly (readonly [lockFile: string, command: string])[] = [
  ['pnpm-lock.yaml', 'pnpm add'],
  ['yarn.lock', 'yarn add'],
  ['bun.lock', 'bun add'],
  ['bun.lockb', 'bun add'],
  ['package-lock.json', 'npm install'],
]

/** How the user at `cwd` installs a package: by the package manager whose `packageManager` field or lock file is nearest. */
export function installCommand(name: string, cwd: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const command = namedManager(folder) ?? MANAGERS.find(([lockFile]) => existsSync(join(folder, lockFile)))?.[1]
    if (command !== undefined) return `${command} ${name}`
    if (dirname(folder) === folder) return `npm install ${name}`
  }
}

function namedManager(folder: string): string | undefined {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return undefined
  const { packageManager } = readManifest(file)
  const word = typeof packageManager === 'string' ? packageManager.split('@')[0] : undefined
  return MANAGERS.find(([, command]) => command.split(' ')[0] === word)?.[1]
}
