import { admit, ERAS, layoutOf } from '@paragraft/core/ops'
import { expect, test } from 'vitest'
import backend, { nativeOps } from './index.ts'

test('it boots by the heads of the hardware and has its board', () => {
  expect(backend.name).toBe('native')
  expect(backend.heads).toEqual(['multiboot', 'linux'])
  expect(backend.board).toBe('pc')
})

test('every op of every i386 era is answered, and the answer is native', () => {
  const eras = ERAS.filter(era => era.arch === 'i386')
  expect(eras.length).toBeGreaterThan(10)
  for (const era of eras) {
    const admitted = admit(nativeOps, layoutOf(era))
    expect(admitted.slots).toHaveLength(era.slots.length)
    expect(new Set(admitted.slots.map(slot => slot.answer.kind))).toEqual(new Set(['native']))
  }
})
