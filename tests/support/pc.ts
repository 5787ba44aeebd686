/** A guest on Paragraft's own bare PC, run as far as a test wants to see it, and what it shows compared with another's. */
import { readFileSync } from 'node:fs'
import { CODE_PAGE_437 } from '@paragraft/devices'
import native from '../../packages/backend-native/src/index.ts'
import { createMachine, type PcMachine } from '../../packages/paragraft/src/index.ts'

const TEXT_MEMORY = 0xb8000
const COLUMNS = 80
const ROWS = 25

export interface PcGuest {
  image: string
  commandLine: string
  /** Bytes of RAM. */
  memory: number
  /** Default: the machine's own. */
  nsPerInstruction?: number
}

export class Pc {
  readonly machine: PcMachine
  readonly #output: string[]

  private constructor(machine: PcMachine, output: string[]) {
    this.machine = machine
    this.#output = output
  }

  static async start({ image, ...rest }: PcGuest): Promise<Pc> {
    const output: string[] = []
    const machine = await createMachine({
      image: new Uint8Array(readFileSync(image)),
      backend: native,
      ...rest,
      output: bytes => output.push(Buffer.from(bytes).toString('latin1')),
    })
    return new Pc(machine, output)
  }

  /** What has been on the serial line so far, Latin-1. */
  serial(): string {
    return this.#output.join('')
  }

  /** The 80 × 25 cells of the text screen, character and attribute. */
  textMemory(): Uint8Array {
    return this.machine.memory.read(TEXT_MEMORY, COLUMNS * ROWS * 2).slice()
  }

  /** Lets so much of the guest's time pass. */
  pass(milliseconds: number): void {
    const until = this.machine.clock.now() + milliseconds * 1e6
    while (this.machine.clock.now() < until) {
      const outcome = this.machine.run({ untilVirtualNs: until })
      if (outcome.kind !== 'budget') throw new Error(`the guest stopped: ${JSON.stringify(outcome)}`)
    }
  }

  /** Runs until it is as wanted, looking so often; gives up after `limit` milliseconds of the guest's time. */
  runUntil(what: string, wanted: () => boolean, { every, limit }: { every: number; limit: number }): void {
    const end = this.machine.clock.now() + limit * 1e6
    while (!wanted()) {
      if (this.machine.clock.now() >= end) {
        throw new Error(`the guest did not show ${what}; on its screen:\n${rows(this.textMemory()).join('\n')}`)
      }
      this.pass(every)
    }
  }
}

/** Text memory as 25 lines, without trailing blanks. */
export function rows(text: Uint8Array): string[] {
  return Array.from({ length: ROWS }, (_, row) => {
    let line = ''
    for (let column = 0; column < COLUMNS; column++) line += CODE_PAGE_437[text[(row * COLUMNS + column) * 2]!]
    return line.trimEnd()
  })
}

/** The attribute bytes of text memory. */
export function attributes(text: Uint8Array): Uint8Array {
  return text.filter((_, index) => index % 2 === 1)
}
