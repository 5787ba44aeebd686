/** Keys pressed through the machine reach a guest that polls the keyboard controller, and a replay presses them again. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import native from '../packages/backend-native/src/index.ts'
import { createMachine, type PcMachine, run } from '../packages/paragraft/src/index.ts'
import { flatGuest } from './support/paragraft.ts'

/** in al, 64h; test al, 1; jz back; in al, 60h; out 0E9h, al; jmp back: what comes from the keyboard goes to the console. */
const ECHO = [0xe4, 0x64, 0xa8, 0x01, 0x74, 0xfa, 0xe4, 0x60, 0xe6, 0xe9, 0xeb, 0xf4]
/** Scan codes of set 1: A pressed and released, B pressed (30h, which is '0' to the console). */
const KEYS = [0x1e, 0x9e, 0x30]

async function boot(): Promise<{ machine: PcMachine; output: number[] }> {
  const output: number[] = []
  const image = new Uint8Array(readFileSync(flatGuest(ECHO)))
  const machine = await createMachine({
    image,
    backend: native,
    memory: 2 ** 22,
    output: bytes => output.push(...bytes),
  })
  return { machine, output }
}

test('keys arrive as scan codes, are recorded, and are replayed at the same instruction', async () => {
  const { machine, output } = await boot()
  machine.run({ instructions: 1000 })
  const virtualNs = machine.clock.now()
  machine.key(...KEYS)
  machine.run({ instructions: 1000 })
  expect(output).toEqual(KEYS)
  const { input } = machine.report({ kind: 'quit' }, 0)
  expect(input).toEqual([{ instructions: 1000, virtualNs, bytes: String.fromCharCode(...KEYS), keyboard: true }])

  const again = await boot()
  const report = await run(again.machine, { replay: input, until: '0' })
  expect(again.output).toEqual(KEYS)
  expect(report.input).toEqual(input)
})
