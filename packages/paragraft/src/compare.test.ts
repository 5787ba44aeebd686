import type { OpReport, RunReport } from '@paragraft/core'
import { expect, test } from 'vitest'
import { compareRuns } from './compare.ts'

const row = (op: string, slot: number, calls: number, owner = 'guest'): OpReport => ({
  op,
  slot,
  owner,
  answer: owner === 'guest' ? 'native' : 'code',
  sites: 1,
  patched: 0,
  calls,
})

const report = (more: Partial<RunReport>): RunReport => ({
  stop: { kind: 'powerOff' },
  instructions: 1000,
  seconds: 1,
  virtualNs: 4000,
  backend: 'native',
  head: 'multiboot',
  modules: [],
  ops: [],
  exits: { io: 1, mmio: 2, msr: 3, cpuid: 4, hypercall: 5, hlt: 6, exception: 7 },
  input: [],
  ...more,
})

test('rows have an entry a run; what a run does not have is null, what it counted none of is 0', () => {
  const comparison = compareRuns([
    {
      name: 'bare',
      report: report({ ops: [row('mmu.read_cr3', 0, 7), row('cpu.io_delay', 1, 2), row('cpu.io_delay', 2, 3)] }),
    },
    {
      name: 'x',
      report: report({ backend: 'x', ops: [row('mmu.read_cr3', 9, 8, 'x-ops')], hypercalls: { yield: 4 } }),
    },
    { name: 'y', report: report({ backend: 'y', hypercalls: { send: 1 } }) },
    { name: 'z', refused: { code: 'PG_X', message: 'no' } },
  ])
  expect(comparison.runs.map(run => [run.name, run.backend, run.hypercalls, run.refused?.code])).toEqual([
    ['bare', 'native', undefined, undefined],
    ['x', 'x', 4, undefined],
    ['y', 'y', 1, undefined],
    ['z', undefined, undefined, 'PG_X'],
  ])
  expect(comparison.exits[0]).toEqual({ kind: 'io', counts: [1, 1, 1, null] })
  expect(comparison.hypercalls).toEqual([
    { name: 'yield', counts: [null, 4, 0, null] },
    { name: 'send', counts: [null, 0, 1, null] },
  ])
  expect(comparison.ops).toEqual([
    {
      op: 'mmu.read_cr3',
      answers: [
        { owner: 'guest', answer: 'native', calls: 7 },
        { owner: 'x-ops', answer: 'code', calls: 8 },
        null,
        null,
      ],
    },
    { op: 'cpu.io_delay', answers: [{ owner: 'guest', answer: 'native', calls: 5 }, null, null, null] },
  ])
})
