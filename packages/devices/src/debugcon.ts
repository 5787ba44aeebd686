/**
 * The debug console that Bochs and QEMU put at port 0xE9: every byte written is output; a read answers 0xE9, which is
 * how a guest finds it (QEMU `-device isa-debugcon`, Bochs `port_e9_hack`).
 */
import type { ConsolePort, IoBus, IoHandler } from '@paragraft/core/ports'

export interface DebugConsoleOptions {
  bus: IoBus
  console: Pick<ConsolePort, 'write'>
  /** Default 0xE9. */
  port?: number
}

export class DebugConsole implements IoHandler {
  readonly ioWidth = 1
  readonly #console: Pick<ConsolePort, 'write'>

  constructor(options: DebugConsoleOptions) {
    this.#console = options.console
    options.bus.claim(options.port ?? 0xe9, 1, this, 'debugcon')
  }

  ioRead(): number {
    return 0xe9
  }

  ioWrite(_port: number, _size: number, value: number): void {
    this.#console.write(Uint8Array.of(value))
  }
}
