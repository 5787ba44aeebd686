/** What every peer is asked to do, and what is measured while it does it. */

/** One boot: the same files, memory and command line for every peer. */
export interface Job {
  kernel: string
  initrd: string
  /** Firmware for peers that start at the reset vector and bring none of their own. */
  bios: string
  vgaBios: string
  memoryMiB: number
  commandLine: string
  /** Console texts, in the order in which they appear; the boot is over with the last. */
  texts: readonly string[]
}

/** What had been used up when a text was complete on the console. */
export interface Mark {
  text: string
  /** User and system time of the whole process, its compiler threads included. */
  cpuSeconds: number
  /** Guest instructions since power-on, where the peer counts them. */
  instructions?: number
}

/** Watches a console for texts, one after the other, and calls back as each is complete. */
export class Milestones {
  readonly #texts: readonly string[]
  readonly #reached: (text: string, last: boolean) => void
  #next = 0
  #tail = ''

  constructor(texts: readonly string[], reached: (text: string, last: boolean) => void) {
    this.#texts = texts
    this.#reached = reached
  }

  push(output: string): void {
    this.#tail += output
    for (;;) {
      const text = this.#texts[this.#next]
      if (text === undefined) return
      const at = this.#tail.indexOf(text)
      if (at < 0) {
        this.#tail = this.#tail.slice(-text.length)
        return
      }
      this.#tail = this.#tail.slice(at + text.length)
      this.#next++
      this.#reached(text, this.#next === this.#texts.length)
    }
  }
}

/** User and system time of this process in seconds. */
export function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** The job that the parent gave this process on its command line. */
export function jobFromArguments(): Job {
  const [text] = process.argv.slice(2)
  if (text === undefined) throw new Error('started by bench.js, with a job')
  return JSON.parse(text) as Job
}

/** Hands the marks to the parent. Only this goes to standard output. */
export function report(marks: readonly Mark[]): void {
  process.stdout.write(`${JSON.stringify(marks)}\n`)
}
