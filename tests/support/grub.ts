/** Debian's GRUB as a guest of Xen, spoken to on its console: it waits without idling, so lines are typed when its prompt is there. */
import { readFileSync } from 'node:fs'
import xen from '@paragraft/backend-xen'
import type { BlockPort, RunOutcome } from '@paragraft/core'
import { createMachine } from 'paragraft'
import { guest } from './needs.ts'

const PROMPT = 'grub> '
const SLICE = 5_000_000
const MOST_SLICES = 60

/** A disk that cannot be written to. */
export function diskOf(bytes: Uint8Array): BlockPort {
  return {
    sectors: bytes.length / 512,
    readOnly: true,
    read: (sector, into) => into.set(bytes.subarray(sector * 512, sector * 512 + into.length)),
    write() {
      throw new Error('read-only')
    },
    flush() {},
  }
}

/** A machine with this image, at its prompt. */
export async function grub(image: string, disk: Uint8Array) {
  let output = ''
  const machine = await createMachine({
    image: new Uint8Array(readFileSync(guest(image))),
    backend: xen,
    disk: diskOf(disk),
    output: bytes => (output += Buffer.from(bytes).toString('latin1')),
  })
  /** Runs until a text has come, and returns what has come since `from`. */
  const until = (text: string, from: number): string => {
    for (let slice = 0; slice < MOST_SLICES && !output.slice(from).includes(text); slice++) {
      machine.run({ instructions: SLICE })
    }
    return output.slice(from)
  }
  const type = (line: string): number => {
    machine.console.type(Uint8Array.from([...`${line}\r`].map(character => character.charCodeAt(0))))
    return output.length
  }
  const ask = (line: string): string => until(PROMPT, type(line))
  const leave = (line: string): RunOutcome => {
    type(line)
    let outcome: RunOutcome = { kind: 'budget' }
    for (let slice = 0; slice < MOST_SLICES && outcome.kind === 'budget'; slice++) {
      outcome = machine.run({ instructions: SLICE })
    }
    return outcome
  }
  return {
    greeting: until(PROMPT, 0),
    ask,
    leave,
    hypercalls: () => machine.report({ kind: 'powerOff' }, 0).hypercalls ?? {},
  }
}
