/** oldguest, saved in the middle of its boot and gone on with: nobody can tell, under any backend and any engine. */
import native from '@paragraft/backend-native'
import vmi from '@paragraft/backend-vmi'
import xen from '@paragraft/backend-xen'
import xenOps from '@paragraft/backend-xen/ops'
import type { Backend, OpsModule } from '@paragraft/core'
import type { MachineConfig } from 'paragraft'
import { expect, test } from 'vitest'
import nativeOps from '../../examples/native-ops/src/index.ts'
import { finished, OLDGUEST, OLDGUEST_VMI, runTo, stateOf, watched } from '../support/machines.ts'

/** Enough for oldguest, and quickly looked through. */
const MEMORY = 32 * 2 ** 20
const config = (image: Uint8Array, backend: Backend, ops: OpsModule[] = [], rom?: string) => ({
  image,
  backend,
  ops,
  memory: MEMORY,
  ...(rom === undefined ? {} : { backendOptions: { rom } }),
})

const CASES: [name: string, config: Omit<MachineConfig, 'output'>, at: number][] = [
  ['native', config(OLDGUEST, native), 9_000_001],
  ['native, ops of a module, while they are being installed', config(OLDGUEST, native, [nativeOps]), 50],
  ['native, ops of a module', config(OLDGUEST, native, [nativeOps]), 6_543_210],
  ['vmi, ops of a module', config(OLDGUEST, vmi, [nativeOps]), 6_543_210],
  ['vmi, a guest that knows it', config(OLDGUEST_VMI, vmi), 9_000_001],
  ['xen, while its processes start', config(OLDGUEST, xen, [xenOps]), 3_456_789],
  ['xen, among its processes', config(OLDGUEST, xen, [xenOps]), 9_000_001],
  ['vmi, a guest that knows it, and a ROM that defers', config(OLDGUEST_VMI, vmi, [], 'deferred'), 3_456_789],
]

test.each(CASES)('%s: the same run as without, and from there the same run again', async (_, parts, at) => {
  const whole = await watched(parts)
  const expected = await finished(whole)

  const saved = await watched(parts)
  runTo(saved, at)
  const snapshot = saved.machine.snapshot()
  expect(saved.machine.snapshot()).toEqual(snapshot)

  const restored = await watched({ ...parts, snapshot })
  expect(restored.machine.instructions()).toBe(at)
  expect(stateOf(restored)).toBe(stateOf(saved))
  expect(restored.machine.snapshot()).toEqual(snapshot)
  const before = saved.output()

  expect(await finished(saved)).toEqual(expected)
  expect(await finished(restored)).toEqual(expected)
  expect(before + restored.output()).toBe(whole.output())
})

test('every instruction is the same, whichever engine saves and whichever goes on', async () => {
  const parts = config(OLDGUEST, native, [nativeOps])
  const [at, stretch] = [4_000_000, 300_000]
  const whole = await watched({ ...parts, engine: 'translator' })
  runTo(whole, at)
  const snapshot = whole.machine.snapshot()
  const expected = whole.traced()
  runTo(whole, at + stretch)
  for (const engine of ['translator', 'interpreter', 'reference'] as const) {
    const restored = await watched({ ...parts, engine, snapshot })
    const trace = restored.traced()
    runTo(restored, at + stretch)
    expect([engine, trace(), stateOf(restored)]).toEqual([engine, expected(), stateOf(whole)])
  }
})

test('xen: whoever goes on need not have the ramdisk, which decides where the rings are', async () => {
  const parts = { ...config(OLDGUEST, xen, [xenOps]), commandLine: 'noselfcheck' }
  const whole = await watched({ ...parts, initrd: Uint8Array.from({ length: 100_000 }, (_, i) => i & 0xff) })
  runTo(whole, 2_000_000)
  const restored = await watched({ ...parts, snapshot: whole.machine.snapshot() })
  const before = whole.output()
  const ends = await Promise.all([whole, restored].map(finished))
  expect(ends[1]).toEqual(ends[0])
  expect(before + restored.output()).toBe(whole.output())
  expect(restored.output()).not.toBe('')
})
