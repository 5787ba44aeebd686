/** What an emulator is asked to do, and what is measured while it does it. Shared by Node processes and the page. */

/** One run: a boot of Linux, or kernels of guests/bench one after the other. */
export interface Job {
  kind: 'boot' | 'kernels'
  /** File names, or URLs for the page. */
  image: string
  initrd?: string
  /** Firmware for emulators that start a boot at the reset vector and bring none of their own. */
  bios?: string
  vgaBios?: string
  memoryMiB: number
  commandLine: string
  /** For boots: console texts in the order in which they appear; the boot is over with the last. */
  texts: readonly string[]
  /** Which of its engines, for an emulator that has several. */
  engine: string
}

/** What had been used up when a text was complete on the console. */
export interface Mark {
  text: string
  /** User and system time of the whole process, its compiler threads included. */
  cpuSeconds: number
  /** Guest instructions since power-on, where the emulator counts them. */
  instructions?: number
}

/** Called as a text is complete. */
export type Reached = (text: string, last: boolean) => void

/** Watches a console for texts, one after the other. */
export class Milestones {
  readonly #texts: readonly string[]
  readonly #reached: Reached
  #next = 0
  #tail = ''

  constructor(texts: readonly string[], reached: Reached) {
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

/** What guests/bench says in front of everything, and at last. */
export const GUEST_PREFIX = 'bench: '
export const GUEST_DONE = 'done'
export const GUEST_PANIC = 'panic:'

/** Watches a console for the lines of guests/bench. */
export class GuestLines {
  readonly #reached: Reached
  #line = ''

  constructor(reached: Reached) {
    this.#reached = reached
  }

  push(output: string): void {
    for (const character of output) {
      if (character !== '\n') {
        this.#line += character
        continue
      }
      const line = this.#line.trimEnd()
      this.#line = ''
      if (!line.startsWith(GUEST_PREFIX)) continue
      const text = line.slice(GUEST_PREFIX.length)
      this.#reached(text, text === GUEST_DONE || text.startsWith(GUEST_PANIC))
    }
  }
}

/** The watch that a job asks for. */
export function watch(job: Job, reached: Reached): { push(output: string): void } {
  return job.kind === 'boot' ? new Milestones(job.texts, reached) : new GuestLines(reached)
}
