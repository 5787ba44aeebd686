/**
 * A config is said in three languages, made from one table: what the check takes, the published JSON schema takes; the
 * types know the options of the backends that are in sight. The types are checked by the compiler, with the tests.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import native from '@paragraft/backend-native'
import type {} from '@paragraft/backend-vmi'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { defineConfig } from 'paragraft'
import { expect, test } from 'vitest'
import { checkConfigValue, RUN_KEYS } from '../packages/paragraft/src/config-table.ts'
import { root } from './support/paragraft.ts'

const schema = JSON.parse(readFileSync(join(root, 'packages/paragraft/schema/config.json'), 'utf8'))
const ajv = new Ajv2020({ allowUnionTypes: true })
const validate = ajv.compile(schema)

const FULL = {
  $schema: './node_modules/paragraft/schema/config.json',
  guest: 'g',
  backend: 'vmi',
  backends: { vmi: { rom: 'deferred', stolen: 3 }, other: { anything: true } },
  backendOptions: { rom: 'plain' },
  ops: ['none', './mine'],
  memory: '64M',
  append: 'quiet',
  initrd: 'i',
  module: ['m=x'],
  device: ['./mine.js'],
  disk: 'd',
  net: 'peer=f.pcap',
  until: '#',
  timeout: 1.5,
  screen: true,
  report: 'r.json',
  trace: ['io'],
  engine: 'reference',
  nsPerInstruction: 4,
  replay: [{ instructions: 1, virtualNs: 2, bytes: 'x' }],
}

test('the sample has every key', () => {
  expect(Object.keys(RUN_KEYS).filter(key => !(key in FULL))).toEqual([])
})

test.each([
  ['everything', FULL],
  ['nothing', {}],
  ['several disks', { disk: ['a', 'b'] }],
  ['a size in bytes', { memory: 2 ** 26 }],
  ['profiles', { profiles: { a: { memory: '1G' }, b: {} } }],
])('%s: the check and the schema take it', (_, config) => {
  expect(checkConfigValue(config)).toBeUndefined()
  expect([validate(config), validate.errors]).toEqual([true, null])
})

test.each([
  ['an unknown key', { memroy: '1M' }],
  ['an engine that is not there', { engine: 'warp' }],
  ['no list', { ops: 'x' }],
  ['a wrong entry', { module: ['a', 3] }],
  ['a time limit of nothing', { timeout: 0 }],
  ['half a byte', { memory: 0.5 }],
  ['options of no backend', { backends: { vmi: 3 } }],
  ['input that is none', { replay: [{ bytes: 3 }] }],
  ['a wrong profile', { profiles: { a: { screen: 'yes' } } }],
  ['profiles in a profile', { profiles: { a: { profiles: {} } } }],
  ['a list', []],
])('%s: both refuse it', (_, config) => {
  expect(checkConfigValue(config)).toBeDefined()
  expect(validate(config)).toBe(false)
})

test('the schema knows the options of our backends as they declare them', () => {
  expect(validate({ backends: { vmi: { rum: 'plain' } } })).toBe(false)
  expect(validate({ backends: { vmi: { stolen: 'much' } } })).toBe(false)
})

test('defineConfig is its argument; its types check options by name', () => {
  const config = defineConfig({ backend: 'vmi', backends: { vmi: { rom: 'deferred', stolen: 10 }, mine: { any: 1 } } })
  expect(config.backend).toBe('vmi')
  defineConfig({ backend: native, backends: { '@paragraft/backend-vmi': { rom: new Uint8Array() } } })
  // @ts-expect-error: stolen is a number
  defineConfig({ backends: { vmi: { stolen: 'much' } } })
  // @ts-expect-error: there is no such option
  defineConfig({ backends: { vmi: { rum: 'plain' } } })
  // @ts-expect-error: there is no such key
  defineConfig({ memroy: '64M' })
  // @ts-expect-error: there is no such engine
  defineConfig({ profiles: { a: { engine: 'warp' } } })
})
