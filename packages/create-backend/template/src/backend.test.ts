/** The whole of it: a guest boots under the hypervisor, with and without the ops. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import type { OpsModule } from '@paragraft/core/ops'
import { createMachine, run } from 'paragraft'
import { HYPERCALLS } from './abi.js'
import hypervisor from './index.js'
import hypervisorOps from './ops.js'

/** A kernel of Linux 2.6.23's time that checks each of its 92 ops, through the table and through patched calls. */
const OLDGUEST = createRequire(import.meta.url).resolve('@paragraft/guests/oldguest.elf')

async function boot(ops: OpsModule[]) {
  let console = ''
  const machine = await createMachine({
    image: readFileSync(OLDGUEST),
    backend: hypervisor,
    ops,
    memory: 64 * 2 ** 20,
    output: bytes => {
      console += Buffer.from(bytes).toString('latin1')
    },
  })
  const report = await run(machine, { timeout: 120 })
  assert.deepEqual(report.stop, { kind: 'powerOff' }, console)
  assert.match(console, /^selfcheck: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
  assert.match(console, /^selfcheck, sites patched: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
  return report
}

const withOps = boot([hypervisorOps])

test('oldguest boots under it with its own ops, and makes no call', async () => {
  const report = await boot([])
  assert.deepEqual(report.hypercalls, {})
})

test('with the ops it makes every call, and the ledger says who answers', async () => {
  const report = await withOps
  assert.deepEqual(Object.keys(report.hypercalls ?? {}).sort(), Object.keys(HYPERCALLS).sort())
  const ours = report.ops.filter(row => row.owner === hypervisorOps.name)
  assert.deepEqual(
    ours.map(row => [row.op, row.answer]),
    [
      ['cpu.clts', 'host'],
      ['irq.safe_halt', 'code'],
      ['time.sched_clock', 'code'],
      ['mmu.flush_tlb_one_user', 'code'],
    ],
  )
})

test('the same boot is the same run', async () => {
  const [first, second] = [await withOps, await boot([hypervisorOps])]
  assert.equal(second.instructions, first.instructions)
  assert.deepEqual(second.hypercalls, first.hypercalls)
})
