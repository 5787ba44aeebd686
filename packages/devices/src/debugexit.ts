/**
 * `isa-debug-exit` as QEMU has it: a write of v ends the machine with status (v << 1) | 1 (QEMU `hw/misc/debugexit.c`
 * documents it by its behaviour: base 0x501 and size 2 unless told; firmware tests use 0xf4 with size 4).
 */
import type { IoBus, IoHandler, PowerPort } from '@paragraft/core/ports'

export interface DebugExitOptions {
  bus: IoBus
  power: Pick<PowerPort, 'debugExit'>
  /** First port, default 0x501. */
  port?: number
  /** Ports decoded, default 4, so that a 32-bit OUT arrives whole. */
  size?: number
}

export class DebugExit implements IoHandler {
  readonly #power: Pick<PowerPort, 'debugExit'>

  constructor(options: DebugExitOptions) {
    this.#power = options.power
    options.bus.claim(options.port ?? 0x501, options.size ?? 4, this, 'isa-debug-exit')
  }

  ioRead(): number {
    return 0
  }

  ioWrite(_port: number, _size: number, value: number): void {
    this.#power.debugExit(value)
  }
}
