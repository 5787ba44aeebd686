/** guests/bench computes the same wherever it runs, and bench/ knows just the kernels that it has. */
import { readFileSync } from 'node:fs'
import native from '@paragraft/backend-native'
import { createMachine, type EngineName, run } from 'paragraft'
import { expect, test } from 'vitest'
import { KERNELS } from '../bench/src/kernels.ts'
import { runInQemu } from '../guests/lib/qemu.ts'
import { needs } from './support/needs.ts'
import { root } from './support/paragraft.ts'

const GUEST = `${root}guests/bench/bench.elf`

/** Each kernel a few times; those that are long by themselves, once. */
const commandLine = `run=${KERNELS.map(({ name, probe }) => `${name}:${Math.max(1, Math.round(probe / 50))}`).join(',')}`

async function runGuest(line: string, engine: EngineName): Promise<{ console: string; exit: number | undefined }> {
  let text = ''
  const machine = await createMachine({
    image: readFileSync(GUEST),
    backend: native,
    memory: 64 * 2 ** 20,
    commandLine: line,
    engine,
    output: bytes => (text += String.fromCharCode(...bytes)),
  })
  const { stop } = await run(machine)
  return { console: text, exit: stop.kind === 'debugExit' ? stop.value : undefined }
}

test('its kernels are those that the bench has', async () => {
  const { console, exit } = await runGuest('list', 'interpreter')
  const listed = console.split(/\r?\n/).filter(line => /^\w+$/.test(line))
  expect(listed.sort()).toEqual(KERNELS.map(({ name }) => name).sort())
  expect(exit).toBe(0)
})

test('a kernel that it does not have ends it in a panic', async () => {
  const { console, exit } = await runGuest('run=nonsense:1', 'interpreter')
  expect(console).toContain('bench: panic: no such kernel')
  expect(exit).toBe(1)
})

needs('qemu')('every kernel computes the same in Paragraft and in QEMU', async () => {
  const qemu = await runInQemu(GUEST, {
    append: commandLine,
    args: ['-accel', 'tcg', '-cpu', 'n270', '-device', 'isa-debug-exit,iobase=0x501'],
  })
  expect(qemu.status).toBe(1)
  expect(qemu.console.match(/bench: end \w+ [0-9a-f]{8}/g)).toHaveLength(KERNELS.length)
  for (const engine of ['interpreter', 'translator'] as const)
    expect(await runGuest(commandLine, engine)).toEqual({ console: qemu.console, exit: 0 })
})
