import { expect, test } from 'vitest'
import { buildHandlers } from './interp/handlers.ts'
import { emitInterpreter, INTERPRETER, TRANSLATING_INTERPRETER } from './interp/wasm.ts'
import { KERNELS } from './kernels/index.ts'
import { prebuild } from './prebuild.ts'
import { prebuilt } from './prebuilt.ts'
import { SHORTCUTS } from './shortcuts/index.ts'

test('what the build puts in is what a start would make', () => {
  const made = emitInterpreter(buildHandlers())
  const all = prebuild()
  expect(Object.keys(all)).toEqual([INTERPRETER, TRANSLATING_INTERPRETER, KERNELS, SHORTCUTS])
  try {
    Object.assign(globalThis, { PARAGRAFT_PREBUILT: all })
    const found = prebuilt(INTERPRETER, () => {
      throw new Error('it was prebuilt')
    })
    expect(found.helpers).toEqual(made.helpers)
    expect(Buffer.compare(found.bytes, made.bytes)).toBe(0)
  } finally {
    Reflect.deleteProperty(globalThis, 'PARAGRAFT_PREBUILT')
  }
  // From the sources there is nothing prebuilt.
  expect(prebuilt(INTERPRETER, () => made)).toBe(made)
})
