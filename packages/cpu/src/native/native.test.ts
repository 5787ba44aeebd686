/**
 * The instruction set against the host's own processor: registers, flags, faults with error codes and addresses, and
 * memory, for both interpreters.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BenchMachine } from './bench-machine.ts'
import { generateTests } from './generate.ts'
import { decodeResults, encodeTests, type NativeResult, type NativeTest } from './protocol.ts'

const RUNNER = new URL('./runner.c', import.meta.url).pathname

/** Path of the built runner; empty where it cannot be built or run. */
function buildRunner(): string {
  const path = join(mkdtempSync(join(tmpdir(), 'paragraft-native-')), 'runner')
  const built = spawnSync('gcc', ['-m32', '-O1', '-static', '-o', path, RUNNER])
  const fallback = built.status === 0 ? built : spawnSync('gcc', ['-m32', '-O1', '-o', path, RUNNER])
  return fallback.status === 0 && spawnSync(path, { input: '' }).status === 0 ? path : ''
}
const runner = buildRunner()

/** EFLAGS that a test compares: the arithmetic ones, TF IF DF. */
const COMPARED = 0x8d5 | 0x700

function describe(t: NativeTest, r: NativeResult): string {
  const flags = (r.eflags & COMPARED & ~(r.vector === 3 ? t.undefinedFlags : 0)).toString(16)
  const regs = r.regs.map((v) => v.toString(16)).join(' ')
  return `${t.name} | ${regs} fl ${flags} eip ${r.eip.toString(16)} vec ${r.vector} err ${r.error} cr2 ${r.cr2.toString(16)} mem ${r.hash.toString(16)}`
}

function compare(kind: 'interpreter' | 'reference', seed: number, rounds: number): { count: number; wrong: string[] } {
  const tests = generateTests(seed, rounds)
  const native = decodeResults(execFileSync(runner, { input: encodeTests(tests), maxBuffer: 1 << 28 }))
  const machine = new BenchMachine(kind)
  const wrong: string[] = []
  for (const [i, t] of tests.entries()) {
    const [host, ours] = [describe(t, native[i]), describe(t, machine.run(t))]
    if (host !== ours) wrong.push(`host ${host}\nours ${ours}\n in  ${t.regs.map((v) => v.toString(16)).join(' ')} fl ${t.eflags.toString(16)}`)
  }
  return { count: tests.length, wrong }
}

test.skipIf(runner === '')('the interpreter agrees with the host processor', () => {
  const { count, wrong } = compare('interpreter', 20061, 24)
  expect(wrong.slice(0, 20).join('\n')).toBe('')
  expect(count).toBeGreaterThan(8000)
})

test.skipIf(runner === '')('so does the reference', () => {
  const { count, wrong } = compare('reference', 20062, 8)
  expect(wrong.slice(0, 20).join('\n')).toBe('')
  expect(count).toBeGreaterThan(2500)
})
