/** What a snapshot is refused for: each with its code, both sides named, and before the guest's first instruction. */
import native from '@paragraft/backend-native'
import vmi from '@paragraft/backend-vmi'
import { type Backend, defineBackend, defineOps, type OpsModule } from '@paragraft/core'
import { createMachine, type MachineConfig } from 'paragraft'
import { beforeAll, expect, test } from 'vitest'
import nativeOps from '../../examples/native-ops/src/index.ts'
import { fuzz } from '../support/fuzz.ts'
import { OLDGUEST, OLDGUEST_VMI, runTo, watched } from '../support/machines.ts'

const MEMORY = 4 * 2 ** 20
const parts = { image: OLDGUEST, backend: native, ops: [nativeOps], memory: MEMORY }
let snapshot: Uint8Array

beforeAll(async () => {
  const saved = await watched(parts)
  runTo(saved, 500_000)
  snapshot = saved.machine.snapshot()
})

function restore(change: Partial<MachineConfig> = {}): Promise<unknown> {
  return createMachine({ ...parts, snapshot, output: () => {}, ...change })
}

const release = (module: OpsModule, version: string): OpsModule => {
  const { eras: _1, answersFor: _2, versionsFor: _3, ...definition } = module
  return defineOps({ ...definition, version })
}
const otherVersion = (backend: Backend): Backend => defineBackend({ ...backend, version: '0.9.0' })
const sectors = { sectors: 8, readOnly: false, read() {}, write() {}, flush() {} }

test.each<[what: string, snapshot: string, machine: string, change: Partial<MachineConfig>]>([
  ['memory', `${MEMORY} bytes`, `${2 * MEMORY} bytes`, { memory: 2 * MEMORY }],
  ['backend', `native ${native.version}`, `vmi ${vmi.version}`, { backend: vmi }],
  ['backend', `native ${native.version}`, 'native 0.9.0', { backend: otherVersion(native) }],
  ['ops modules', `${nativeOps.name} ${nativeOps.version}`, 'none', { ops: [] }],
  [
    'ops modules',
    `${nativeOps.name} ${nativeOps.version}`,
    `${nativeOps.name} 9.9.9`,
    { ops: [release(nativeOps, '9.9.9')] },
  ],
  ['disks', 'none', '8 sectors, writable', { disk: sectors }],
  ['time per instruction', '4 ns', '7 ns', { nsPerInstruction: 7 }],
  ['clock at power-on', '1767225600 s', '1 s', { rtcEpochSeconds: 1 }],
])('another %s: %s, and not %s', async (what, theirs, ours, change) => {
  await expect(restore(change)).rejects.toMatchObject({
    code: 'PG_SNAPSHOT_MISMATCH',
    fields: { what, snapshot: theirs, machine: ours },
    message: expect.stringContaining(theirs),
  })
})

test('another guest, another command line', async () => {
  await expect(restore({ image: OLDGUEST_VMI })).rejects.toMatchObject({
    code: 'PG_SNAPSHOT_MISMATCH',
    fields: { what: 'guest image' },
  })
  await expect(restore({ commandLine: 'in memory already' })).resolves.toBeDefined()
})

test('another version, another file, less of it', async () => {
  const newer = snapshot.slice()
  newer[8] = 99
  await expect(restore({ snapshot: newer })).rejects.toMatchObject({
    code: 'PG_SNAPSHOT_VERSION',
    fields: { snapshot: 99, reads: 1 },
  })
  await expect(restore({ snapshot: OLDGUEST })).rejects.toMatchObject({ code: 'PG_SNAPSHOT_FORMAT' })
  await expect(restore({ snapshot: new Uint8Array(0) })).rejects.toMatchObject({ code: 'PG_SNAPSHOT_FORMAT' })
  for (const length of [8, 12, 16, 100, snapshot.length >> 1, snapshot.length - 1]) {
    await expect(restore({ snapshot: snapshot.subarray(0, length) })).rejects.toMatchObject({
      code: 'PG_SNAPSHOT_DAMAGED',
    })
  }
})

test('whatever becomes of the file: a machine, or a coded error', async () => {
  const outcome = await fuzz({
    name: 'snapshot',
    seeds: [snapshot],
    runs: 40,
    target: input => restore({ snapshot: input }),
  })
  expect(Object.keys(outcome.refused)).toContain('PG_SNAPSHOT_DAMAGED')
})

test('a moment at which there is nothing to be saved', async () => {
  const { machine } = await watched(parts)
  const codes: unknown[] = []
  const attempt = (): void => {
    try {
      machine.snapshot()
    } catch (error) {
      codes.push((error as { code?: string }).code)
    }
  }
  const timer = machine.clock.schedule(1000, attempt)
  attempt()
  machine.run({ untilVirtualNs: 2000 })
  timer.cancel()
  attempt()
  machine.stop({ kind: 'reset', why: 'a test' })
  attempt()
  machine.run()
  // Somebody else's timer; asked by a callback; fine; ended.
  expect(codes).toEqual(['PG_SNAPSHOT_TIMER', 'PG_SNAPSHOT_MOMENT', 'PG_SNAPSHOT_MOMENT'])
})

test('a backend that cannot, and one that saves what a file cannot keep', async () => {
  const stateless = defineBackend({ ...native, create: () => ({}) })
  const { machine } = await watched({ ...parts, backend: stateless })
  expect(() => machine.snapshot()).toThrow(expect.objectContaining({ code: 'PG_SNAPSHOT_UNSUPPORTED' }))
  await expect(restore({ backend: stateless })).rejects.toMatchObject({ code: 'PG_SNAPSHOT_UNSUPPORTED' })

  for (const state of [new Map(), () => 1, Number.NaN, undefined, new Uint16Array(2)]) {
    const odd = defineBackend({ ...native, create: () => ({ save: () => ({ state }), restore: () => {} }) })
    const third = await watched({ ...parts, backend: odd })
    expect(() => third.machine.snapshot()).toThrow(
      expect.objectContaining({
        code: 'PG_SNAPSHOT_VALUE',
        fields: expect.objectContaining({ path: ['states', 'backend', 'state'] }),
      }),
    )
  }
})

test('a state that is not what the part saves names the part', async () => {
  const broken = defineBackend({
    ...native,
    create: () => ({
      save: () => null,
      restore: () => {
        throw new TypeError('no such thing')
      },
    }),
  })
  await expect(restore({ backend: broken })).rejects.toMatchObject({
    code: 'PG_SNAPSHOT_STATE',
    fields: { path: ['backend'] },
  })
})

test('what a module remembers goes with the machine', async () => {
  let calls = 0
  const { eras: _1, answersFor: _2, versionsFor: _3, ...definition } = nativeOps
  const counting = defineOps({
    ...definition,
    state: {
      save: () => calls,
      restore(state) {
        calls = state as number
      },
    },
  })
  calls = 7
  const { machine } = await watched({ ...parts, ops: [counting] })
  const saved = machine.snapshot()
  calls = 0
  await watched({ ...parts, ops: [counting], snapshot: saved })
  expect(calls).toBe(7)
})
