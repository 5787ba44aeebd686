import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkConfig, loadConfig } from './config-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paragraft-config-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)

test('no config file is no config', async () => {
  expect(await loadConfig(folder)).toBeUndefined()
})

test('a TypeScript config is found and loaded', async () => {
  write('paragraft.config.ts', "const size: string = '64M'\nexport default { memory: size, ops: ['x'] }\n")
  expect(await loadConfig(folder)).toEqual({
    config: { memory: '64M', ops: ['x'] },
    file: join(folder, 'paragraft.config.ts'),
  })
})

test('JavaScript and JSON are as good', async () => {
  write('a.mjs', "export default { append: 'quiet' }\n")
  write('b.json', '{ "timeout": 3 }')
  expect(await loadConfig(folder, 'a.mjs')).toMatchObject({ config: { append: 'quiet' } })
  expect(await loadConfig(folder, 'b.json')).toMatchObject({ config: { timeout: 3 } })
})

test.each([
  ['missing.json', null, /there is no config file/],
  ['broken.json', '{', /could not be loaded/],
  ['throws.ts', 'throw new Error("no luck")', /no luck/],
  ['list.json', '[]', /not an object/],
  ['strange.json', '{ "memroy": "64M" }', /there is no key memroy/],
  ['kind.json', '{ "ops": "x" }', /ops must be a list/],
  ['entry.json', '{ "module": ["a", 3] }', /module must be a list, each entry a text/],
  ['negative.json', '{ "timeout": -1 }', /timeout must be a number above 0/],
  ['engine.json', '{ "engine": "warp" }', /engine must be one of auto/],
  ['replay.json', '{ "replay": [3] }', /replay must be the input/],
  ['options.json', '{ "backends": { "vmi": 3 } }', /backends must be options by backend/],
  ['profile.json', '{ "profiles": { "a": { "memory": true } } }', /profiles\.a\.memory must be a size/],
  ['nested.json', '{ "profiles": { "a": { "profiles": {} } } }', /there is no key profiles\.a\.profiles/],
  ['profiles.json', '{ "profiles": [] }', /profiles must be settings by profile name/],
] as const)('%s is refused', async (name, text, message) => {
  if (text !== null) write(name, text)
  await expect(loadConfig(folder, name)).rejects.toMatchObject({ code: 'PG_CONFIG' })
  await expect(loadConfig(folder, name)).rejects.toThrow(message)
})

test('an undefined value is as good as none', () => {
  expect(checkConfig({ append: undefined }, 'f')).toEqual({ append: undefined })
})

test('a JSON config may name its schema', () => {
  const config = { $schema: './node_modules/paragraft/schema/config.json', guest: 'kernel' }
  expect(checkConfig(config, 'f')).toBe(config)
})
