/**
 * Paravirtual kernels of our own, built here. One asks its hypervisor what the sources say that it ought to know, on every engine; the
 * other does its worst to it.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import xen from '@paragraft/backend-xen'
import { createMachine, type EngineName } from 'paragraft'
import { expect } from 'vitest'
import { needs } from '../support/needs.ts'
import { scratch } from '../support/paragraft.ts'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const FLAGS = [
  '-m32',
  '-O1',
  '-ffreestanding',
  '-fno-pic',
  '-fno-stack-protector',
  '-fcf-protection=none',
  '-mno-sse',
  '-nostdlib',
  '-static',
  '-Wall',
  '-Werror',
  `-Wl,-T,${join(FOLDER, 'link.ld')}`,
  '-Wl,--build-id=none',
  '-Wl,-z,norelro',
  '-Wl,--no-warn-rwx-segments',
]
/** Calls of the kernel's that are made by a multicall. */
const MULTICALLS = 5
const ENGINES: readonly EngineName[] = ['interpreter', 'reference', 'translator']

function build(name: string, ...defines: string[]): Uint8Array {
  const file = join(scratch(), `${name}.elf`)
  const sources = ['boot.S', `${name}.c`].map(source => join(FOLDER, source))
  const gcc = spawnSync('gcc', [...FLAGS, ...defines.map(define => `-D${define}`), '-o', file, ...sources])
  if (gcc.status !== 0) throw new Error(gcc.stderr.toString())
  return new Uint8Array(readFileSync(file))
}

async function run(image: Uint8Array, engine: EngineName, instructions: number) {
  let output = ''
  const machine = await createMachine({
    image,
    backend: xen,
    memory: 32 * 2 ** 20,
    engine,
    output: bytes => (output += Buffer.from(bytes).toString('latin1')),
  })
  const outcome = machine.run({ instructions })
  return { output, outcome, report: machine.report({ kind: 'quit' }, 0), machine }
}

needs('gcc')('a paravirtual kernel finds what Xen has for it, on every engine', async () => {
  const image = build('kernel')
  const counts = new Set<number>()
  for (const engine of ENGINES) {
    const { output, outcome, report } = await run(image, engine, 1_000_000)
    const lines = output.split('\n')
    expect(lines.filter(line => line.startsWith('WRONG'))).toEqual([])
    expect(lines.slice(-2)).toEqual(['end', ''])
    expect(lines.filter(line => line.startsWith('ok ')).length).toBeGreaterThan(200)
    expect(outcome).toEqual({ kind: 'powerOff' })
    // INT 3, INT n and the like are counted with them.
    const calls = Object.values(report.hypercalls ?? {}).reduce((sum, count) => sum + count, 0)
    expect(report.exits.hypercall).toBeGreaterThanOrEqual(calls - MULTICALLS)
    counts.add(report.instructions)
  }
  expect(counts.size).toBe(1)
})

/** Hypercalls in all; more by the environment. */
const CALLS = Number(process.env['PARAGRAFT_HOSTILE_CALLS'] ?? 10_000)
const MOST_SEEDS = 20
/** Turns of one kernel; it makes a call in most of them, and several by multicall. */
const MOST_TURNS = 20_000
/** With some to spare; one that spins, or steps through its own code, is stopped. */
const INSTRUCTIONS_A_TURN = 2500

needs('gcc')(
  'a kernel gone mad gets as far as Xen lets it, and the host does not mind',
  async () => {
    let made = 0
    for (let seed = 1; made < CALLS; seed++) {
      expect(seed).toBeLessThan(MOST_SEEDS + CALLS / 500)
      const turns = Math.min(CALLS - made, MOST_TURNS)
      const image = build('hostile', `SEED=${seed * 7919}`, `CALLS=${turns}`)
      const { outcome, report, machine } = await run(image, 'translator', turns * INSTRUCTIONS_A_TURN)
      // One of each pair is not made up.
      const { vm_assist: _, ...others } = report.hypercalls ?? {}
      made += Object.values(others).reduce((sum, count) => sum + count, 0)
      expect(['powerOff', 'guestFault', 'reset', 'idle', 'budget']).toContain(outcome.kind)
      if (outcome.kind === 'guestFault') expect(outcome.fault).toBe('crash')
      // The privilege that it began with is the most that it ever has.
      expect(machine.registers().cpl).toBeGreaterThan(0)
      expect(machine.registers().cr0 & ~8).toBe(0x80050033 | 0)
    }
  },
  Math.max(120_000, CALLS),
)
