/** The hostile kernel itself, against a ROM of native code: what it does there is known. */
import { expect } from 'vitest'
import { needs } from '../support/needs.ts'
import { hostileKernel, survive } from './hostile.ts'
import { nativeRom } from './native-rom.ts'

needs('gcc')('tame calls bring it to its end, with faults that are its own', async () => {
  const { console, outcome } = await survive(hostileKernel('TAME', 1, 3000), { rom: nativeRom() })
  expect(console).toMatch(/^made bb8, faults [1-9a-f][0-9a-f]*$/m)
  expect(outcome).toEqual({ kind: 'debugExit', value: 0 })
})

needs('gcc')('wild ones end in every way', async () => {
  const kinds = new Set<string>()
  for (let seed = 1; seed <= 6; seed++) {
    const { outcome } = await survive(hostileKernel('WILD', seed, 200), { rom: nativeRom() }, 10_000_000)
    kinds.add(outcome.kind)
  }
  expect(kinds.size).toBeGreaterThan(1)
})

needs('gcc')('ring 3 gets nowhere', async () => {
  const { console, outcome } = await survive(hostileKernel('RING3', 1, 1), { rom: nativeRom() })
  expect(console).toMatch(/^came back [0-9a-f]+, faulted [1-9a-f][0-9a-f]*$/m)
  expect(outcome).toEqual({ kind: 'debugExit', value: 0 })
})
