/** Runs tests on the host's processor and on ours, and says where they differ. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EngineKind } from '../engine-contract.ts'
import { BenchMachine } from './bench-machine.ts'
import { CODE, decodeResults, encodeTests, type NativeResult, type NativeTest } from './protocol.ts'

const RUNNER = new URL('./runner.c', import.meta.url).pathname
/** EFLAGS that a test compares: the arithmetic ones, TF IF DF. */
const COMPARED = 0x8d5 | 0x700
/** Where runner.c is linked to. */
const HOST_IMAGE = 0x60000000
const VEC_GP = 13
const VEC_PF = 14
const VEC_BP = 3
/** Page-fault error bits: page present, instruction fetch. */
const PF_P = 1
const PF_ID = 0x10

/** Builds runner.c; its path, or empty where it cannot be built or run. */
export function buildRunner(): string {
  const path = join(mkdtempSync(join(tmpdir(), 'paragraft-native-')), 'runner')
  // Away from where small random addresses fall: what is mapped there, our processor does not have.
  const options = ['-m32', '-O1', '-no-pie', `-Wl,-Ttext-segment=0x${HOST_IMAGE.toString(16)}`, '-o', path, RUNNER]
  const built = spawnSync('gcc', ['-static', ...options])
  const fallback = built.status === 0 ? built : spawnSync('gcc', options)
  return fallback.status === 0 && spawnSync(path, { input: '' }).status === 0 ? path : ''
}

/** Of the error code, what both sides can agree on: the host fetches under NX, and its lowest pages are not the bench's. */
function errorCode(r: NativeResult): number {
  if (r.vector !== VEC_PF) return r.error
  return r.error & ~PF_ID & ~(r.cr2 < 0x10000 ? PF_P : 0)
}

function describe(t: NativeTest, r: NativeResult): string {
  // A fault of the first instruction leaves the flags as they were.
  const executed = r.vector === VEC_BP || r.eip !== CODE + t.offset
  const compared = (t.comparedFlags ?? COMPARED) & ~(executed ? t.undefinedFlags : 0)
  const regs = r.regs.map(v => v.toString(16)).join(' ')
  const [flags, eip, cr2, hash] = [(r.eflags & compared) >>> 0, r.eip, r.cr2, r.hash].map(v => v.toString(16))
  return `${t.name} | ${regs} fl ${flags} eip ${eip} vec ${r.vector} err ${errorCode(r)} cr2 ${cr2} mem ${hash}`
}

/**
 * What no test can mean to compare: an access where the host's process has its own image, libraries and stack; and one
 * across 4 GB, which is #GP on one processor and not on another (SDM vol. 3A 5.3).
 */
function foreign(host: NativeResult, ours: NativeResult): boolean {
  const across = (r: NativeResult): boolean => r.vector === VEC_PF && r.cr2 > 0xffff_fff0
  if (host.vector === VEC_GP ? across(ours) : ours.vector === VEC_GP && across(host)) return true
  return ours.vector === VEC_PF && ours.cr2 >= HOST_IMAGE && (ours.error & PF_P) === 0
}

/** Every test whose outcome differs, told in three lines each. */
export function compareWithHost(runner: string, kind: EngineKind, tests: readonly NativeTest[]): string[] {
  const native = decodeResults(execFileSync(runner, { input: encodeTests(tests), maxBuffer: 1 << 28 }))
  if (native.length !== tests.length) throw new Error(`the host ran ${native.length} of ${tests.length} tests`)
  const machine = new BenchMachine(kind)
  const wrong: string[] = []
  for (const [i, t] of tests.entries()) {
    const result = machine.run(t)
    const [host, ours] = [describe(t, native[i]), describe(t, result)]
    if (host !== ours && !foreign(native[i], result)) {
      wrong.push(
        `host ${host}\nours ${ours}\n in  ${t.regs.map(v => v.toString(16)).join(' ')} fl ${t.eflags.toString(16)}`,
      )
    }
  }
  return wrong
}
