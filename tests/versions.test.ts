/** What the pages about versions and plug-ins promise to have in full, they have. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DEPRECATIONS } from '@paragraft/core'
import { ABILITIES, API_VERSION, PLUGIN_KINDS } from '@paragraft/core/ops'
import { expect, test } from 'vitest'
import { root } from './support/paragraft.ts'

const read = (file: string): string => readFileSync(join(root, file), 'utf8')

test('every planned break has its section, and every section its break', () => {
  const sections = [...read('docs/deprecations.md').matchAll(/^## ([a-z-]+)$/gm)].map(match => match[1])
  expect(sections).toEqual(Object.keys(DEPRECATIONS))
})

test('every ability and every kind of plug-in is described', () => {
  const text = read('docs/plugins.md')
  for (const ability of Object.keys(ABILITIES)) expect(text).toContain(`| \`${ability}\` |`)
  for (const kind of PLUGIN_KINDS) expect(text).toContain(`\`${kind}\``)
})

test('the version of the plug-in API is what the pages say, and has its section for upgrading', () => {
  expect(read('docs/compatibility.md')).toContain(`now ${API_VERSION} `)
  expect(read('docs/upgrading.md')).toContain(`## Plug-in API ${API_VERSION.replace(/\.\d+$/, '')}\n`)
})
