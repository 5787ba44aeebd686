/** The names of a project, all from one: of its folder, or of its package. */
import { basename } from 'node:path'
import { ParagraftError } from '@paragraft/core/errors'

export interface ProjectNames {
  /** The package's. */
  package: string
  /** The backend's, by which it is run: `--backend my-hv`. */
  backend: string
  /** The same as a word of a class's name: `MyHv`. */
  word: string
}

/** npm's rules for new names (validate-npm-package-name), length aside. */
const PACKAGE = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/
const BACKEND = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const LONGEST = 214

/**
 * The names for a project in `folder`; `packageName` if the user chose one. A plain name becomes `paragraft-backend-…`, where
 * `--backend` looks for it. Throws `PG_CREATE_NAME`.
 */
export function projectNames(folder: string, packageName?: string): ProjectNames {
  const given = packageName ?? basename(folder)
  const last = given.slice(given.indexOf('/') + 1)
  const backend = last.replace(/^(paragraft-)?(backend-)?/, '')
  const name = packageName ?? (given === backend ? `paragraft-backend-${backend}` : given)
  if (!PACKAGE.test(name) || name.length > LONGEST || !BACKEND.test(backend)) {
    throw new ParagraftError('PG_CREATE_NAME', `no backend can be called "${given}"`, {
      fields: { given, package: name, backend },
      hint: 'Use lower-case letters, digits and single hyphens, a letter first: my-hypervisor, or --package @you/backend-mine.',
    })
  }
  return { package: name, backend, word: backend.replace(/(^|-)([a-z0-9])/g, (_, __, letter) => letter.toUpperCase()) }
}
