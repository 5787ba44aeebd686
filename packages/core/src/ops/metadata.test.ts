import { expect, test } from 'vitest'
import { isAbility, requireAbilities } from './abilities.ts'
import { type BackendDefinition, defineBackend, defineOps, natively } from './define.ts'
import { eraOf } from './eras.ts'
import { checkMetadata, readMetadata } from './metadata.ts'

const backend = { kind: 'backend', name: 'b', api: '^1.1.0', supports: ['disk', 'b:calls'], ops: './ops' }
const read = (paragraft: unknown) => readMetadata({ name: 'paragraft-backend-b', paragraft })

test('a package may say nothing, and more than is known', () => {
  expect(readMetadata({ name: 'x' })).toBeUndefined()
  expect(read(backend)).toBe(backend)
  expect(() => read({ ...backend, homepage: 1 })).not.toThrow()
})

test.each([
  ['paragraft', 'backend'],
  ['paragraft', []],
  ['paragraft.kind', { ...backend, kind: 'printer' }],
  ['paragraft.name', { ...backend, name: 'two words' }],
  ['paragraft.name', { ...backend, name: undefined }],
  ['paragraft.api', { ...backend, api: 'newest' }],
  ['paragraft.supports', { ...backend, supports: ['disk', 'wings'] }],
  ['paragraft.supports', { ...backend, supports: 'disk' }],
  ['paragraft.requires', { ...backend, requires: ['disk'] }],
  ['paragraft.ops', { ...backend, ops: 5 }],
  ['paragraft.ops', { kind: 'ops', name: 'o', api: '1', ops: './ops' }],
])('%s is refused where it is wrong: %j', (field, value) => {
  expect(() => read(value)).toThrow(
    expect.objectContaining({ code: 'PG_METADATA', fields: expect.objectContaining({ field }) }),
  )
})

test('another major of the API, or a minor to come, is refused by the metadata alone', () => {
  for (const [api, hint] of [
    ['^2.0.0', 'a newer release of Paragraft'],
    ['^1.2.0', 'a newer release of Paragraft'],
    ['^0.1.0', 'a newer release of paragraft-backend-b'],
  ] as const) {
    expect(() => read({ ...backend, api })).toThrow(
      expect.objectContaining({
        code: 'PG_API_VERSION',
        fields: { plugin: 'paragraft-backend-b', wants: api, has: '1.1.0' },
        hint: expect.stringContaining(hint),
      }),
    )
  }
  expect(() => read({ ...backend, api: '^1.0.0' })).not.toThrow()
})

const definition: BackendDefinition = {
  name: 'b',
  version: '1.0.0',
  apiVersion: '^1.1.0',
  supports: ['b:calls', 'disk'],
  heads: ['multiboot'],
  create: () => ({}),
}

test('metadata and definition say the same, in any order', () => {
  expect(() => checkMetadata(read(backend)!, defineBackend(definition))).not.toThrow()
  for (const [field, change] of [
    ['name', { name: 'c' }],
    ['api', { apiVersion: '^1.0.0' }],
    ['supports', { supports: ['disk'] }],
    ['supports', { supports: undefined }],
  ] as const) {
    expect(() =>
      checkMetadata(read(backend)!, defineBackend({ ...definition, ...change } as BackendDefinition)),
    ).toThrow(expect.objectContaining({ code: 'PG_METADATA', fields: expect.objectContaining({ field }) }))
  }
})

test('an ops module: requires', () => {
  const module = defineOps({
    name: 'o',
    version: '1.0.0',
    apiVersion: '^1.1.0',
    opsAbi: '5.0.x',
    requires: ['b:calls'],
    ops: natively(eraOf('5.0').slots.map(slot => slot.op)),
  })
  const says = (requires: unknown) =>
    readMetadata({ name: 'o', paragraft: { kind: 'ops', name: 'o', api: '^1.1.0', requires } })!
  expect(() => checkMetadata(says(['b:calls']), module)).not.toThrow()
  expect(() => checkMetadata(says(['disk']), module)).toThrow(expect.objectContaining({ code: 'PG_METADATA' }))
})

test('abilities: the known ones, and a backend’s own', () => {
  expect(['disk', 'late-ops', 'xen:hypercalls'].every(isAbility)).toBe(true)
  expect(['', 'wings', 'Xen:x', 'xen:', 3, 'toString'].some(isAbility)).toBe(false)
})

test('what is missing is refused with both sides; a backend of API 1.0 had a disk and a network', () => {
  const need =
    (supports: BackendDefinition['supports'], ...abilities: ('disk' | 'net' | 'snapshot')[]) =>
    () =>
      requireAbilities({ name: 'b', supports }, abilities, 'a disk')
  expect(need(['disk'], 'disk')).not.toThrow()
  expect(need(undefined, 'disk', 'net')).not.toThrow()
  expect(need(undefined, 'snapshot')).toThrow(expect.objectContaining({ code: 'PG_ABILITY' }))
  expect(need(['net'], 'disk', 'net')).toThrow(
    expect.objectContaining({
      code: 'PG_ABILITY',
      fields: { who: 'a disk', needs: ['disk', 'net'], missing: ['disk'], backend: 'b', supports: ['net'] },
    }),
  )
})
