import { type Ability, defineBackend } from '@paragraft/core/ops'
import { expect, test } from 'vitest'
import type { Subject } from './subject.ts'
import { casesFor, conformance } from './suite.ts'

function subject(supports: readonly Ability[]): Subject {
  return {
    test: () => {},
    createMachine: () => {
      throw new Error('nothing may run before the runner calls')
    },
    backend: defineBackend({
      name: 'toy',
      version: '1.0.0',
      apiVersion: '^1.1.0',
      heads: ['linux'],
      supports,
      create: () => ({}),
    }),
    manifest: { paragraft: { kind: 'backend', name: 'toy', api: '^1.1.0', supports } },
  }
}

/** The kinds of cases that there are: what stands before the first colon. */
function kinds(supports: readonly Ability[]): string[] {
  return [...new Set(casesFor(subject(supports)).map(({ name }) => name.slice(0, name.indexOf(':'))))]
}

test('cases are there by the abilities that are listed', () => {
  expect(kinds([])).toEqual(['contract'])
  expect(kinds(['guests:plain'])).toEqual(['contract', 'plain guest'])
  expect(kinds(['ops'])).toEqual(['contract', 'boot', 'PAE tables', 'two-level tables', 'hostile'])
  expect(kinds(['ops', 'snapshot'])).toContain('snapshot')
})

test('every case has a name of its own, and the label before it', () => {
  const names: string[] = []
  conformance({ ...subject(['ops', 'snapshot', 'guests:plain']), label: 'here', test: name => names.push(name) })
  expect(new Set(names).size).toBe(names.length)
  expect(names.every(name => name.startsWith('here: '))).toBe(true)
})

test('what the package says and the definition does not is found', async () => {
  const liar = { ...subject(['ops']), manifest: subject(['ops', 'disk']).manifest }
  const said = casesFor(liar).find(({ name }) => name === 'contract: the package says what the definition says')!
  await expect((async () => said.run())()).rejects.toMatchObject({ code: 'PG_METADATA' })
})
