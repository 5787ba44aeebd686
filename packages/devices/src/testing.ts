/** What the device tests share: a clock to wind by hand, wires and consoles that remember. Not exported. */
import type { ConsolePort, Line, PowerPort, Reporter } from '@paragraft/core/ports'
import { EventClock } from './clock.ts'

/** An event clock whose time moves only by `advance`, stopping at each event on the way. */
export class TestClock extends EventClock {
  #time: { ns: number }

  constructor() {
    const time = { ns: 0 }
    super(() => time.ns)
    this.#time = time
  }

  advance(ns: number): void {
    const target = this.#time.ns + ns
    while (this.nextAt() <= target) {
      this.#time.ns = Math.max(this.#time.ns, this.nextAt())
      this.runDue()
    }
    this.#time.ns = target
  }
}

export class TestLine implements Line {
  level = false
  rises = 0
  set(level: boolean): void {
    if (level && !this.level) this.rises++
    this.level = level
  }
}

export class TestReporter implements Reporter {
  readonly keys: string[] = []
  report(key: string): void {
    this.keys.push(key)
  }
}

export class TestConsole implements ConsolePort {
  output = ''
  input: number[] = []
  onInput: (() => void) | null = null
  write(bytes: Uint8Array): void {
    for (const byte of bytes) this.output += String.fromCharCode(byte)
  }
  read(): number {
    return this.input.shift() ?? -1
  }
  type(text: string): void {
    for (const character of text) this.input.push(character.charCodeAt(0))
    this.onInput?.()
  }
}

export class TestPower implements PowerPort {
  readonly events: string[] = []
  powerOff(): void {
    this.events.push('off')
  }
  reset(why: string): void {
    this.events.push(`reset: ${why}`)
  }
  debugExit(value: number): void {
    this.events.push(`exit ${value}`)
  }
}
