/** Wires: the ways an interrupt request travels from a device to its controllers. */
import type { Line } from '@paragraft/core/ports'

/** A wire that goes nowhere. */
export const NOT_CONNECTED: Line = { set() {} }

/** One driver, several receivers (an ISA request reaches the 8259 and the I/O APIC at once). */
export function fanOut(...receivers: readonly Line[]): Line {
  return {
    set(level) {
      for (const receiver of receivers) receiver.set(level)
    },
  }
}

/** A wire that several drivers share, as PCI's open-drain INTx: high while any of them asserts it. */
export class SharedLine {
  readonly #output: Line
  #asserted = 0

  constructor(output: Line) {
    this.#output = output
  }

  /** A new driver's end of the wire, not asserted. */
  driver(): Line {
    let mine = false
    return {
      set: level => {
        if (level === mine) return
        mine = level
        this.#asserted += level ? 1 : -1
        this.#output.set(this.#asserted > 0)
      },
    }
  }
}
