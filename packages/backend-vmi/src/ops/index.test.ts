import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { admit, eraOf, layoutOf } from '@paragraft/core/ops'
import { expect, test } from 'vitest'
import { needs } from '../../../../tests/support/needs.ts'
import { findCall } from '../abi/index.ts'
import vmiOps, { VMI_CALL_OF } from './index.ts'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

needs('gcc')('the object in the repository is what GNU as makes of ops.S', () => {
  const built = execFileSync(process.execPath, [path('../../scripts/build-ops.mjs'), '--print'], { encoding: 'utf8' })
  expect(built).toBe(readFileSync(path('./ops-object.generated.ts'), 'utf8'))
})

test('an era-1.3 guest gets code where VMI has a call, the ROM found in arch_setup, and its own functions elsewhere', () => {
  const admitted = admit(vmiOps, layoutOf(eraOf('1.3')))
  expect(admitted.slots).toHaveLength(92)
  const replaced = admitted.slots.filter(({ answer }) => answer.kind === 'code').map(({ slot }) => slot.op)
  expect(new Set(replaced)).toEqual(new Set([...VMI_CALL_OF.keys(), 'init.arch_setup']))
})

test('every op is routed to a call that exists', () => {
  for (const [op, call] of VMI_CALL_OF) expect(findCall(call), op).toBeDefined()
})
