import xen from '@paragraft/backend-xen'
import { createMachine } from 'paragraft'
import { expect, test } from 'vitest'
import { hypercallGuest } from './xen-guest.ts'

test.each(['xen-pv', 'xen-pvh'] as const)(
  'a guest that enters by %s makes its hypercalls and shuts down',
  async way => {
    for (const calls of [true, false]) {
      const image = hypercallGuest(way, 100, calls)
      const machine = await createMachine({ image, backend: xen, memory: 2 ** 25, output: () => {} })
      const stop = machine.run({ instructions: 10_000 })
      expect(stop).toEqual({ kind: 'powerOff' })
      const { head, hypercalls } = machine.report({ kind: 'powerOff' }, 0)
      expect([head, hypercalls]).toEqual([way, { ...(calls ? { xen_version: 100 } : {}), sched_op: 1 }])
    }
  },
)
