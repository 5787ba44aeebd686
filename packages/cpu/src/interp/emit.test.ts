import { expect, test } from 'vitest'
import { buildHandlers } from './handlers.ts'
import { emitReference } from './js.ts'
import { emitInterpreter } from './wasm.ts'

test('both interpreters are valid programs made from the same handlers', () => {
  const set = buildHandlers()
  const { bytes, helpers } = emitInterpreter(set)
  expect(WebAssembly.validate(bytes)).toBe(true)
  expect(helpers).toContain('slowRead')
  const text = emitReference(set)
  expect(() => new Function('V', 'I32', 'U8', 'U16', 'H', text)).not.toThrow()
})
