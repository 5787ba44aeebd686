/** Machines made and run inside a test, and what can be compared of two of them. */
import { readFileSync } from 'node:fs'
import { createMachine, type MachineConfig, type PcMachine, run } from 'paragraft'
import { root } from './paragraft.ts'

export const OLDGUEST: Uint8Array = readFileSync(`${root}guests/oldguest/oldguest.elf`)
export const OLDGUEST_VMI: Uint8Array = readFileSync(`${root}guests/oldguest/oldguest-vmi.elf`)

/** A machine, and what it has done. */
export interface Watched {
  readonly machine: PcMachine
  /** All console output, as Latin-1. */
  output(): string
  /** From now on every instruction is noted; gives the hash (FNV-1a) of the EIPs so far. */
  traced(): () => number
}

export async function watched(config: Omit<MachineConfig, 'output' | 'onEngine'>): Promise<Watched> {
  let output = ''
  let setTrace: ((trace: (eip: number) => void) => void) | undefined
  const machine = await createMachine({
    ...config,
    output: bytes => {
      output += Buffer.from(bytes).toString('latin1')
    },
    onEngine: engine => {
      setTrace = trace => engine.setTrace(trace)
    },
  })
  return {
    machine,
    output: () => output,
    traced() {
      let hash = 0x811c9dc5
      setTrace?.(eip => {
        hash = Math.imul(hash ^ eip, 0x01000193)
      })
      return () => hash >>> 0
    },
  }
}

/** Runs until so many instructions have retired since power-on. */
export function runTo({ machine }: Watched, instructions: number): void {
  while (machine.instructions() < instructions) {
    const outcome = machine.run({ instructions: instructions - machine.instructions() })
    if (outcome.kind !== 'budget') throw new Error(`the guest ended: ${outcome.kind}`)
  }
}

/** Runs until a text has been on the console. */
export function runUntil({ machine }: Watched, text: string): void {
  let seen = false
  machine.console.watch(text, () => {
    seen = true
    machine.pause()
  })
  while (!seen) {
    const outcome = machine.run()
    if (outcome.kind !== 'budget') throw new Error(`the guest ended: ${outcome.kind}`)
  }
}

/** Registers, all of RAM and virtual time as one text. */
export function stateOf({ machine }: Watched): string {
  const { memory } = machine
  let hash = 0x811c9dc5
  for (let at = 0; at < memory.size; at += 2 ** 20) {
    const { buffer } = memory.read(at, Math.min(2 ** 20, memory.size - at))
    for (const word of new Uint32Array(buffer)) hash = Math.imul(hash ^ word, 0x01000193)
  }
  return JSON.stringify({ registers: machine.registers(), ram: hash >>> 0, virtualNs: machine.clock.now() })
}

/** Runs to the end: everything that the report has but the host's time. */
export async function finished({ machine }: Watched): Promise<object> {
  const { seconds: _, ...report } = await run(machine, { timeout: 600 })
  return report
}
