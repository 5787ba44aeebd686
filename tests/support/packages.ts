/** Folders of users, with packages in their node_modules as a package manager would put them there. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root, scratch } from './paragraft.ts'

/** A file's text; an object is JSON. */
export type Files = Readonly<Record<string, string | object>>

/** Writes files below a folder. */
export function write(folder: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  }
}

/** A folder with these of our packages, by their directories, linked into its node_modules, and these files. */
export function userFolder(ours: readonly string[], files: Files = {}): string {
  const folder = scratch()
  for (const directory of ours) {
    const home = join(root, 'packages', directory)
    const { name } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { name: string }
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(home, link, 'dir')
  }
  write(folder, files)
  return folder
}

/** Puts a package into a user's node_modules. `index.js` is its main export. */
export function install(folder: string, name: string, manifest: object, index: string): string {
  const home = join(folder, 'node_modules', name)
  write(home, {
    'package.json': { name, version: '1.0.0', type: 'module', exports: './index.js', ...manifest },
    'index.js': index,
  })
  return home
}

/** Another copy of core as built, with its dependency, in a package's own node_modules. */
export function installOwnCore(home: string): void {
  const copy = join(home, 'node_modules/@paragraft/core')
  mkdirSync(dirname(copy), { recursive: true })
  for (const part of ['dist', 'package.json'])
    cpSync(join(root, 'packages/core', part), join(copy, part), { recursive: true })
  symlinkSync(join(root, 'packages/core/node_modules/semver'), join(home, 'node_modules/semver'), 'dir')
}
