/** A new project from the template: real files of a working backend, in which the example's names become the user's. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ParagraftError } from '@paragraft/core/errors'
import { type ProjectNames, projectNames } from './names.ts'

export interface ScaffoldOptions {
  /** Where the project is made; an existing folder must be empty. */
  directory: string
  /** The package's name. Default: from the folder's. */
  packageName?: string
}

export interface Scaffolded {
  directory: string
  names: ProjectNames
  /** Paths of what was written, relative, sorted. */
  files: string[]
}

const TEMPLATE = fileURLToPath(new URL('../template', import.meta.url))
/** Files that would mean something to npm where the template lies, under the names that they have there. */
const RENAMED: readonly (readonly [packed: string, name: string])[] = [
  ['_gitignore', '.gitignore'],
  ['_package.json', 'package.json'],
]
/** What may lie in a folder that counts as empty. */
const HARMLESS = ['.git', '.DS_Store']

/** Makes the project. Throws `PG_CREATE_NAME` and `PG_CREATE_FOLDER`, before anything is written. */
export function scaffold({ directory, packageName }: ScaffoldOptions): Scaffolded {
  const target = resolve(directory)
  const names = projectNames(target, packageName)
  requireEmpty(target)
  mkdirSync(target, { recursive: true })
  cpSync(TEMPLATE, target, { recursive: true, filter: source => !/[\\/](node_modules|dist)$/.test(source) })
  for (const [packed, name] of RENAMED) renameSync(join(target, packed), join(target, name))
  const files = filesIn(target)
  for (const file of files) rename(join(target, file), names)
  return { directory: target, names, files }
}

function requireEmpty(target: string): void {
  if (!existsSync(target)) return
  const found = statSync(target).isDirectory() ? readdirSync(target).filter(name => !HARMLESS.includes(name)) : [target]
  if (found.length === 0) return
  throw new ParagraftError('PG_CREATE_FOLDER', `${target} is there already, and not empty`, {
    fields: { directory: target, found: found.slice(0, 10) },
    hint: 'Name a folder that does not exist yet, or an empty one.',
  })
}

function filesIn(target: string): string[] {
  return readdirSync(target, { recursive: true, encoding: 'utf8' })
    .filter(name => !name.startsWith('.git/') && statSync(join(target, name)).isFile())
    .sort()
}

function rename(file: string, { package: name, backend, word }: ProjectNames): void {
  const text = readFileSync(file, 'utf8')
  const renamed = text
    .replaceAll('paragraft-backend-example', name)
    .replace(/Example/g, word)
    .replace(/\bexample\b/g, backend)
  if (renamed !== text) writeFileSync(file, renamed)
}
