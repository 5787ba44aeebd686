/**
 * The reset control register at port 0xCF9 (Intel 82371AB PIIX4 data sheet, 4.2.5.1): bit 1 chooses a hard reset, a
 * rise of bit 2 performs it. ACPI's FADT names it as the reset register.
 */
import type { IoHandler, PowerPort, Snapshotable } from '@paragraft/core/ports'

export const RESET_CONTROL_PORT = 0xcf9
/** What to write for a full reset. */
export const RESET_CONTROL_VALUE = 0x06
const RST_CPU = 0x04

/** A handler without a claim of its own: the port lies inside PCI's configuration address register. */
export class ResetControl implements IoHandler, Snapshotable<number> {
  readonly ioWidth = 1
  readonly #power: Pick<PowerPort, 'reset'>
  #value = 0

  constructor(power: Pick<PowerPort, 'reset'>) {
    this.#power = power
  }

  ioRead(): number {
    return this.#value
  }

  ioWrite(_port: number, _size: number, value: number): void {
    const rises = (value & RST_CPU) !== 0 && (this.#value & RST_CPU) === 0
    this.#value = value & 0x0e
    if (rises) this.#power.reset('reset control register 0xcf9')
  }

  reset(): void {
    this.#value = 0
  }

  save(): number {
    return this.#value
  }

  restore(value: number): void {
    this.#value = value
  }
}
