import { expect, test } from 'vitest'
import { isParagraftError } from '../errors.ts'
import { backendOption, checkBackendOptions, parseBackendOption } from './backend-options.ts'

const backend = {
  name: 'toy',
  options: {
    mode: { says: 'how', kind: 'text', choices: ['fast', 'exact'] },
    name: { says: 'what it is called', kind: 'text' },
    hz: { says: 'cycles a second', kind: 'number' },
    loud: { says: 'says more', kind: 'flag' },
    rom: { says: 'the ROM', kind: 'artefact', choices: ['plain'] },
  },
} as const

const code = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    if (isParagraftError(error)) return error.code
    throw error
  }
  return 'none'
}

test('values of the right kind pass, and what is not given stays away', () => {
  const rom = Uint8Array.of(1)
  expect(checkBackendOptions(backend, { mode: 'fast', hz: 3, loud: false, rom, name: undefined })).toEqual({
    mode: 'fast',
    hz: 3,
    loud: false,
    rom,
  })
  expect(checkBackendOptions(backend, { rom: 'plain' })).toEqual({ rom: 'plain' })
  expect(checkBackendOptions({ name: 'bare' })).toEqual({})
})

test.each<Record<string, unknown>>([
  { nothing: 1 },
  { toString: 1 },
  { mode: 'slow' },
  { name: 3 },
  { hz: '3' },
  { hz: Number.NaN },
  { loud: 'yes' },
  { rom: 'other' },
])('%j is refused', given => {
  expect(code(() => checkBackendOptions(backend, given))).toBe('PG_BACKEND_OPTION')
})

test('text becomes the kind that the option has', () => {
  expect(parseBackendOption(backend, 'hz', '1e6')).toBe(1e6)
  expect(parseBackendOption(backend, 'loud', 'yes')).toBe(true)
  expect(parseBackendOption(backend, 'loud', 'false')).toBe(false)
  expect(parseBackendOption(backend, 'mode', 'fast')).toBe('fast')
  for (const [name, text] of [
    ['hz', 'many'],
    ['hz', ''],
    ['loud', '1'],
    ['colour', 'red'],
  ] as const) {
    expect(code(() => parseBackendOption(backend, name, text))).toBe('PG_BACKEND_OPTION')
  }
  expect(backendOption(backend, 'hz').says).toBe('cycles a second')
})
