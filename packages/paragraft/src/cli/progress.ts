/** Progress on standard error: on a terminal one line that is written over, elsewhere a line for each step. */
import type { World } from './usage.ts'

export class Progress {
  readonly #world: Pick<World, 'stderr' | 'stderrIsTerminal'>
  #shown = ''

  constructor(world: Pick<World, 'stderr' | 'stderrIsTerminal'>) {
    this.#world = world
  }

  /** A new step. */
  step(text: string): void {
    if (this.#world.stderrIsTerminal) this.#show(text)
    else this.#world.stderr(`paragraft: ${text}\n`)
  }

  /** How far the step is; only shown where it can be written over. */
  part(text: string, done: number, total?: number): void {
    if (!this.#world.stderrIsTerminal) return
    this.#show(total ? `${text} ${Math.floor((100 * done) / total)} %` : text)
  }

  /** Clears the line, before something else writes. */
  done(): void {
    if (this.#shown !== '') this.#world.stderr('\r\x1b[K')
    this.#shown = ''
  }

  #show(text: string): void {
    if (text === this.#shown) return
    this.#world.stderr(`\r\x1b[Kparagraft: ${text}`)
    this.#shown = text
  }
}
