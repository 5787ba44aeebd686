import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { admit, eraOf, layoutOf } from '@paragraft/core/ops'
import { expect, test } from 'vitest'
import { needs } from '../../../tests/support/needs.ts'
import nativeOps from './index.ts'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

needs('gcc')('the object in the repository is what GNU as makes of ops.S', () => {
  const built = execFileSync(process.execPath, [path('../scripts/build-object.mjs'), '--print'], { encoding: 'utf8' })
  expect(built).toBe(readFileSync(path('./ops-object.generated.ts'), 'utf8'))
})

test('a 6.1 kernel gets ten of its thirteen slots replaced, by host and by code', () => {
  const admitted = admit(nativeOps, layoutOf(eraOf('5.0')))
  const kinds = admitted.slots.map(slot => slot.answer.kind)
  expect(kinds).toHaveLength(13)
  expect(kinds.filter(kind => kind === 'code')).toHaveLength(7)
  expect(kinds.filter(kind => kind === 'host')).toHaveLength(3)
  // Callee-save slots are answered by functions that promise it: no thunk.
  expect(admitted.slots.filter(slot => slot.thunk)).toEqual([])
})

test('a guest of era 1.3 gets its own set', () => {
  const admitted = admit(nativeOps, layoutOf(eraOf('1.3')))
  expect(admitted.slots).toHaveLength(92)
  const replaced = admitted.slots.filter(slot => slot.answer.kind !== 'native').map(slot => slot.slot.op)
  expect(replaced).toContain('cpu.iret')
  expect(replaced).toHaveLength(18)
})

test('eras that nobody wrote answers for are refused', () => {
  expect(() => admit(nativeOps, layoutOf(eraOf('2.0')))).toThrow(expect.objectContaining({ code: 'PG_OPS_ABI' }))
})
