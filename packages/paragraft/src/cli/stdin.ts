/**
 * Standard input as an input source: a terminal in raw mode, where Ctrl-A x leaves, or a pipe or file whose lines are
 * held until the guest can take them.
 */
import type { InputSink, InputSource } from '../run.ts'

const CTRL_A = 1
const LETTER_X = 'x'.charCodeAt(0)

/**
 * Finds the escape in what is typed: Ctrl-A x leaves, Ctrl-A Ctrl-A is one Ctrl-A for the guest; Ctrl-A and anything
 * else passes as it is.
 */
export class EscapeFilter {
  #armed = false

  /** What goes to the guest, and whether the person leaves. */
  push(bytes: Uint8Array): { bytes: Uint8Array; leave: boolean } {
    const passed: number[] = []
    for (const byte of bytes) {
      if (this.#armed) {
        this.#armed = false
        if (byte === LETTER_X) return { bytes: Uint8Array.from(passed), leave: true }
        passed.push(CTRL_A)
        if (byte !== CTRL_A) passed.push(byte)
      } else if (byte === CTRL_A) this.#armed = true
      else passed.push(byte)
    }
    return { bytes: Uint8Array.from(passed), leave: false }
  }
}

/** The process' standard input, terminal or not. */
export function stdinSource(stdin: NodeJS.ReadStream): InputSource {
  return stdin.isTTY ? new TerminalSource(stdin) : new PipeSource(stdin)
}

class TerminalSource implements InputSource {
  readonly manner = 'typed'
  readonly #stdin: NodeJS.ReadStream
  readonly #escape = new EscapeFilter()

  constructor(stdin: NodeJS.ReadStream) {
    this.#stdin = stdin
  }

  start(sink: InputSink): void {
    this.#stdin.setRawMode(true)
    this.#stdin.on('data', (chunk: Buffer) => {
      const { bytes, leave } = this.#escape.push(chunk)
      if (bytes.length > 0) sink.data(bytes)
      if (leave) sink.leave()
    })
    this.#stdin.on('end', () => sink.end())
    this.#stdin.resume()
  }

  stop(): void {
    this.#stdin.removeAllListeners('data')
    this.#stdin.setRawMode(false)
    this.#stdin.pause()
    this.#stdin.unref?.()
  }
}

/** Reads from the beginning, so that what was there before the machine is ready is there when it is. */
class PipeSource implements InputSource {
  readonly manner = 'held'
  readonly #stdin: NodeJS.ReadStream
  #early: Uint8Array[] = []
  #ended = false
  #sink: InputSink | null = null

  constructor(stdin: NodeJS.ReadStream) {
    this.#stdin = stdin
    stdin.on('data', (chunk: Buffer) => {
      if (this.#sink) this.#sink.data(chunk)
      else this.#early.push(chunk)
    })
    const end = (): void => {
      this.#ended = true
      this.#sink?.end()
    }
    stdin.on('end', end)
    stdin.on('error', end)
    stdin.on('close', end)
  }

  start(sink: InputSink): void {
    this.#sink = sink
    for (const chunk of this.#early) sink.data(chunk)
    this.#early = []
    if (this.#ended) sink.end()
  }

  stop(): void {
    this.#stdin.removeAllListeners()
    this.#stdin.pause()
    // A pipe whose writer lives on must not keep this process.
    ;(this.#stdin as { unref?: () => void }).unref?.()
  }
}
