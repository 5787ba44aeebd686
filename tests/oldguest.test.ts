/** The embedded guest on the whole machine: alone, and with the example module's ops grafted onto it. */
import { readFileSync } from 'node:fs'
import native from '@paragraft/backend-native'
import type { LedgerRow, OpsModule } from '@paragraft/core'
import { parseImage, requireLayout } from '@paragraft/loader'
import { createMachine, type EngineName, run } from 'paragraft'
import { expect, test } from 'vitest'
import nativeOps from '../examples/native-ops/src/index.ts'
import { runWithReport } from './support/paragraft.ts'

const IMAGE = 'guests/oldguest/oldguest.elf'
const image = new Uint8Array(readFileSync(new URL(`../${IMAGE}`, import.meta.url)))

interface Options {
  ops?: OpsModule[]
  engine?: EngineName
  commandLine?: string
  /** Count the executions of each address. */
  trace?: Map<number, number>
}

async function boot({ ops = [], engine = 'auto', commandLine = '', trace }: Options) {
  let output = ''
  const machine = await createMachine({
    image,
    imageName: 'oldguest',
    backend: native,
    ops,
    engine,
    commandLine,
    memory: 64 * 2 ** 20,
    output: bytes => (output += Buffer.from(bytes).toString('latin1')),
    ...(trace === undefined ? {} : { onInstruction: eip => trace.set(eip, (trace.get(eip) ?? 0) + 1) }),
  })
  const report = await run(machine, { timeout: 300 })
  return { machine, report, output, rows: machine.ops() }
}

function failures(output: string): string[] {
  return output.split(/\r?\n/).filter(line => line.includes('FAILED') || line.includes('panic'))
}

test('it boots, checks itself, runs its processes and powers off', async () => {
  const { report, output } = await boot({})
  expect(report.stop).toEqual({ kind: 'powerOff' })
  expect(failures(output)).toEqual([])
  expect(output).toContain('Power down.')
  expect(report.ops.every(row => row.owner === 'guest')).toBe(true)
})

test('with the example module grafted it boots as if nothing had happened, and the ledger says who owns what', async () => {
  const { status, stdout, stderr, report } = await runWithReport([
    IMAGE,
    '--ops',
    'examples/native-ops',
    '--memory',
    '64M',
  ])
  expect([status, report.stop]).toEqual([0, { kind: 'powerOff' }])
  expect(failures(stdout)).toEqual([])
  const own = report.ops.filter(row => row.owner === nativeOps.name)
  expect(own.length).toBeGreaterThanOrEqual(9)
  expect(new Set(own.map(row => row.answer))).toEqual(new Set(['host', 'code']))
  expect(own.filter(row => row.calls === 0).map(row => row.op)).toEqual([])
  // The ledger as a table, a line per slot.
  expect(stderr).toMatch(/slot +op +owner +answer +since +sites +patched +calls/)
  for (const row of own) expect(stderr).toMatch(new RegExp(`${row.op} +${nativeOps.name} +${row.answer}`))
})

test('two runs are the same run', async () => {
  const runs = [await boot({ ops: [nativeOps] }), await boot({ ops: [nativeOps] })]
  const facts = runs.map(({ report, output }) => ({ ...report, seconds: 0, output }))
  expect(facts[1]).toEqual(facts[0])
})

test('the JavaScript reference makes the same run as the WebAssembly interpreter', async () => {
  const runs = [await boot({ ops: [nativeOps] }), await boot({ ops: [nativeOps], engine: 'reference' })]
  const facts = runs.map(({ report, output }) => ({ ...report, seconds: 0, output }))
  expect(facts[1]).toEqual(facts[0])
})

test("the ledger's counts are those of an instruction trace", async () => {
  const trace = new Map<number, number>()
  const { rows } = await boot({ ops: [nativeOps], trace })
  // By virtual address and, while paging is off, by physical address.
  const executed = (va: number): number => (trace.get(va) ?? 0) + (trace.get(va - 0xc0000000) ?? 0)
  // An answer of the module counts where it is entered; what stayed the guest's counts where it is called.
  const { sites } = requireLayout(await parseImage(image))
  const traced = ({ slot, owner, target }: LedgerRow): number =>
    owner === nativeOps.name
      ? executed(target)
      : sites.filter(site => site.slot === slot).reduce((sum, site) => sum + executed(site.va), 0)
  expect(rows.map(({ op, calls }) => [op, calls])).toEqual(rows.map(row => [row.op, traced(row)]))
  expect(rows.filter(row => row.calls > 0).length).toBeGreaterThan(60)
})

test('without PAE it is as well', async () => {
  const { report, output } = await boot({ ops: [nativeOps], commandLine: 'nopae' })
  expect(report.stop).toEqual({ kind: 'powerOff' })
  expect(failures(output)).toEqual([])
  expect(output).not.toContain('PAE page tables')
})
