/** What everybody who looks at a package on a registry is told, package by package; nothing may be forgotten. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname
const HOME = 'https://github.com/paragraft/paragraft'

interface Manifest {
  name: string
  private?: boolean
  exports?: Record<string, unknown>
  bin?: Record<string, string>
  [field: string]: unknown
}

const packages = ['packages', '.'].flatMap(group =>
  (group === '.' ? ['guests'] : readdirSync(join(root, group))).flatMap(name => {
    const directory = join(group, name)
    const file = join(root, directory, 'package.json')
    if (!existsSync(file)) return []
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest
    return manifest.private === true ? [] : [{ name: manifest.name, directory, manifest }]
  }),
)

test('there are packages', () => {
  expect(packages.map(({ name }) => name)).toContain('paragraft')
})

describe.each(packages)('$name', ({ directory, manifest }) => {
  test('says what it is, whose it is, and where it comes from', () => {
    expect(manifest).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      description: expect.stringMatching(/.{20}/),
      license: expect.stringMatching(/^MIT/),
      homepage: `${HOME}/tree/main/${directory}#readme`,
      bugs: `${HOME}/issues`,
      repository: { type: 'git', url: `git+${HOME}.git`, directory },
    })
    expect((manifest['keywords'] as string[]).length).toBeGreaterThanOrEqual(3)
    expect(readFileSync(join(root, directory, 'README.md'), 'utf8').length).toBeGreaterThan(300)
  })

  test('is ready to be published, with provenance, and says what belongs to it', () => {
    expect(manifest['publishConfig']).toEqual({ access: 'public', provenance: true })
    expect(manifest['files']).toEqual(expect.arrayContaining([expect.any(String)]))
    expect(manifest.exports ?? manifest.bin).toBeDefined()
  })

  test('every entry with code has types, and its sources come first only in the workspace', () => {
    for (const [entry, target] of Object.entries(manifest.exports ?? {})) {
      if (typeof target === 'string') {
        expect([entry, existsSync(join(root, directory, target))]).toEqual([entry, true])
        continue
      }
      const conditions = target as Record<string, string>
      expect(Object.keys(conditions)).toEqual(['paragraft-source', 'types', 'default'])
      expect(existsSync(join(root, directory, conditions['paragraft-source']!))).toBe(true)
    }
  })

  // The plug-in API has a version of its own, so the range is wide; a narrow one would make every minor step of core a major
  // step of each plug-in.
  test('a plug-in has the contracts as a peer: one copy, the user’s', () => {
    const core = '@paragraft/core'
    const { dependencies = {}, peerDependencies = {} } = manifest as { [kind: string]: Record<string, string> }
    if (!directory.startsWith('packages/backend-')) return
    expect(dependencies).not.toHaveProperty([core])
    expect(peerDependencies).toHaveProperty([core], 'workspace:>=0.1.0 <1.0.0')
  })
})
