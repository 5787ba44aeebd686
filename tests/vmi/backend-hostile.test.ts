/**
 * Hostile guests on the VMI backend: calls with anything in their registers, before vmi_init, from ring 3, on stacks that are none,
 * alarms for the beginning and the end of time. No run brings the host down or keeps it, and each is the same again.
 */
import { describe, expect } from 'vitest'
import vmi, { ROM_NAMES } from '../../packages/backend-vmi/src/index.ts'
import { needs } from '../support/needs.ts'
import { hostileKernel, survive } from './hostile.ts'
import { runKernel } from './kernel.ts'

const DONE = { kind: 'debugExit', value: 0 }

describe.each(ROM_NAMES)('the %s ROM', rom => {
  const options = { backend: vmi, backendOptions: { rom } }

  needs('gcc')(
    'a quarter of a million random calls with random arguments',
    async () => {
      const kernel = hostileKernel('TAME', 7, 250_000)
      const { console, outcome } = await runKernel(kernel, { ...options, instructions: 1_000_000_000 })
      expect(console).toMatch(/^made 3d090, faults [1-9a-f][0-9a-f]+$/m)
      expect(outcome).toEqual(DONE)
    },
    300_000,
  )

  needs('gcc')('the same again with the same seed, by every engine', async () => {
    const kernel = hostileKernel('TAME', 8, 3000)
    const first = await survive(kernel, options)
    expect(first.outcome).toEqual(DONE)
    for (const engine of ['translator', 'reference'] as const) {
      expect(await survive(kernel, { ...options, engine }), engine).toEqual(first)
    }
  })

  needs('gcc')('anything at all', async () => {
    for (let seed = 1; seed <= 8; seed++) await survive(hostileKernel('WILD', seed, 300), options, 10_000_000)
  })

  needs('gcc')('calls before vmi_init', async () => {
    const { console, outcome } = await survive(hostileKernel('EARLY', 3, 2000), options)
    expect(console).toContain('before\n')
    expect(outcome).toEqual(DONE)
  })

  needs('gcc')('calls and every other byte of the ROM, from ring 3', async () => {
    const { console, outcome, exits } = await survive(hostileKernel('RING3', 1, 1), options, 100_000_000)
    // vmi_init was the only call that reached the machine.
    expect(exits).toMatchObject({ hypercall: 1 })
    expect(console).toMatch(/^came back [0-9a-f]+, faulted [1-9a-f][0-9a-f]*$/m)
    expect(outcome).toEqual(DONE)
  })

  needs('gcc')('stacks that are none', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const { console } = await survive(hostileKernel('STACK', seed, 1), options, 5_000_000)
      expect(console).toMatch(/^call [0-9a-f]+ at stack [0-9a-f]+$/m)
    }
  })

  needs('gcc')('alarms of extreme values', async () => {
    const { console, outcome } = await survive(hostileKernel('ALARMS', 5, 3000), options, 60_000_000)
    expect(console).toMatch(/^made [1-9a-f]/m)
    expect(outcome).toEqual(DONE)
  })
})
