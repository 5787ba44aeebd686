/** What is going on, on standard error: a line that changes at a terminal, a line a phase elsewhere. */

export class Progress {
  readonly #started = performance.now()
  readonly #terminal = process.stderr.isTTY === true
  #phase = ''
  #total = 0
  #done = 0

  phase(text: string, total: number): void {
    this.#phase = text
    this.#total = total
    this.#done = 0
    if (this.#terminal) this.#show('')
    else process.stderr.write(`bench: ${this.#clock()} ${text}\n`)
  }

  /** A line of the guest. */
  mark(text: string): void {
    const [what, name] = text.split(' ')
    if (what === 'end') this.#done++
    if (this.#terminal && what === 'start') this.#show(name ?? '')
  }

  /** Something that stays to be read. */
  said(text: string): void {
    if (this.#terminal) process.stderr.write('\r\x1b[K')
    process.stderr.write(`bench: ${this.#clock()} ${text}\n`)
  }

  /** Takes the changing line away. */
  end(): void {
    if (this.#terminal) process.stderr.write('\r\x1b[K')
  }

  #show(detail: string): void {
    const part = this.#total === 0 ? '' : ` ${this.#done}/${this.#total}`
    process.stderr.write(`\r\x1b[Kbench: ${this.#clock()} ${this.#phase}${part} ${detail}`)
  }

  #clock(): string {
    const seconds = Math.floor((performance.now() - this.#started) / 1000)
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  }
}
