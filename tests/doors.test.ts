/**
 * The doors between the rooms: one table of what each package may depend on and import. A package that is not in the
 * table, a dependency that is not in its row, or an import of Node where a browser must do, fails here.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname

interface Room {
  /** What its package.json may list under dependencies and peerDependencies. */
  dependencies: string[]
  /** What its sources may import, apart from their own files; a prefix with a slash covers subpaths. */
  imports: string[]
  /** Source folders or files, relative to the package, that may import Node's modules. */
  node?: string[]
  /** Folders and files of tools that only tests use; they are not published, and stand under no rule. */
  tools?: string[]
}

const core = '@paragraft/core'

const ROOMS: Record<string, Room> = {
  'packages/core': { dependencies: ['semver'], imports: ['semver'] },
  'packages/cpu': { dependencies: [core], imports: [core], tools: ['src/native/', 'src/decode/iced-compare.ts'] },
  'packages/devices': { dependencies: [core], imports: [core] },
  'packages/loader': {
    dependencies: [core, 'fflate', 'zstddec'],
    imports: [core, 'fflate', 'zstddec'],
  },
  'packages/backend-native': { dependencies: [core, '@paragraft/devices'], imports: [core, '@paragraft/devices'] },
  'packages/backend-xen': { dependencies: [core, '@paragraft/devices'], imports: [core, '@paragraft/devices'] },
  'packages/backend-vmi': { dependencies: [core, '@paragraft/devices'], imports: [core, '@paragraft/devices'] },
  'packages/conformance': { dependencies: [core], imports: [core] },
  // The backend that a plain installation comes with is a dependency, but it is found by name like any other.
  'packages/paragraft': {
    dependencies: [
      core,
      '@paragraft/cpu',
      '@paragraft/devices',
      '@paragraft/loader',
      '@paragraft/backend-native',
      'jiti',
    ],
    imports: [core, '@paragraft/cpu', '@paragraft/devices', '@paragraft/loader', 'jiti'],
    node: ['src/cli.ts', 'src/cli/', 'src/commands/', 'src/node.ts'],
  },
  'packages/create-backend': { dependencies: [core], imports: [core], node: ['src/'] },
  // Packages that a third party could have written: the contracts, and nothing else.
  'examples/native-ops': { dependencies: [core], imports: [core] },
  'examples/backend-lguest': {
    dependencies: [core, '@paragraft/devices'],
    imports: [core, '@paragraft/devices'],
    tools: ['src/testing.ts'],
  },
  'examples/vmi-overlay': { dependencies: ['@paragraft/backend-vmi'], imports: ['@paragraft/backend-vmi'] },
}

function packagesOnDisk(): string[] {
  return ['packages', 'examples'].flatMap(group =>
    existsSync(join(root, group))
      ? readdirSync(join(root, group))
          .map(name => `${group}/${name}`)
          .filter(path => existsSync(join(root, path, 'package.json')))
      : [],
  )
}

function sources(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.(ts|mjs|js)$/.test(name) && !/\.test\.ts$/.test(name))
    .map(name => join(directory, name))
}

/** Module specifiers of static and dynamic imports and re-exports with a literal name. */
function specifiers(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const patterns = [
    /\b(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g,
    /(?:^|;)\s*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\s*\(\s*['"]([^'"]+)['"]/g,
  ]
  return patterns.flatMap(pattern => [...code.matchAll(pattern)].map(match => match[1] as string))
}

const packages = packagesOnDisk()

test('every package has its row', () => {
  expect(packages.filter(path => !(path in ROOMS))).toEqual([])
})

test.each(packages)('%s: dependencies', path => {
  const manifest = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'))
  const listed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
  expect(listed.filter(name => !ROOMS[path]?.dependencies.includes(name))).toEqual([])
})

test.each(packages)('%s: imports', path => {
  const room = ROOMS[path]
  const strangers: string[] = []
  for (const file of sources(join(root, path, 'src'))) {
    const relative = file.slice(join(root, path).length + 1)
    if (room?.tools?.some(tool => relative.startsWith(tool))) continue
    const node = room?.node?.some(place => relative === place || relative.startsWith(place)) ?? false
    for (const name of specifiers(readFileSync(file, 'utf8'))) {
      if (name.startsWith('.')) {
        // A relative import that climbs out of the package would be a door of its own.
        if (!join('/', relative, '..', name).startsWith('/src/')) strangers.push(`${relative}: ${name}`)
      } else if (name.startsWith('node:')) {
        if (!node) strangers.push(`${relative}: ${name}`)
      } else if (!room?.imports.some(allowed => name === allowed || name.startsWith(`${allowed}/`))) {
        strangers.push(`${relative}: ${name}`)
      }
    }
  }
  expect(strangers).toEqual([])
})

test('the reader of imports sees every form', () => {
  const text = [
    "import 'a'",
    "import x, { y } from 'b'",
    "import type {\n  Z,\n} from 'c'",
    "export * from 'd'",
    "export type { E } from 'e'",
    "await import('f')",
    "// import 'g'",
    "const conditions = ['node', 'import', 'default']",
    "/* from 'h' */",
  ].join('\n')
  expect(specifiers(text).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
})
