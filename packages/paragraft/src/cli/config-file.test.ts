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
  expect(await loadConfig(folder)).toEqual({ memory: '64M', ops: ['x'] })
})

test('JavaScript and JSON are as good', async () => {
  write('a.mjs', "export default { append: 'quiet' }\n")
  write('b.json', '{ "timeout": 3 }')
  expect(await loadConfig(folder, 'a.mjs')).toEqual({ append: 'quiet' })
  expect(await loadConfig(folder, 'b.json')).toEqual({ timeout: 3 })
})

test.each([
  ['missing.json', null, /there is no config file/],
  ['broken.json', '{', /could not be loaded/],
  ['throws.ts', 'throw new Error("no luck")', /no luck/],
  ['list.json', '[]', /not an object/],
  ['strange.json', '{ "memroy": "64M" }', /there is no key memroy/],
  ['kind.json', '{ "ops": "x" }', /ops has a value of the wrong kind/],
  ['negative.json', '{ "timeout": -1 }', /timeout has a value of the wrong kind/],
] as const)('%s is refused', async (name, text, message) => {
  if (text !== null) write(name, text)
  await expect(loadConfig(folder, name)).rejects.toMatchObject({ code: 'PG_CONFIG' })
  await expect(loadConfig(folder, name)).rejects.toThrow(message)
})

test('an undefined value is as good as none', () => {
  expect(checkConfig({ append: undefined }, 'f')).toEqual({ append: undefined })
})
