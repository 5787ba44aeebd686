/** Ports of a processor with nothing around it: what tests of the processor alone give it. */
import type { ProcessorPorts } from '@paragraft/core/ports'

export function stubPorts(): ProcessorPorts {
  return {
    ioRead: (_port, size) => (size === 4 ? 0xffffffff : (1 << (size * 8)) - 1),
    ioWrite: () => {},
    mmioRead: (_pa, size) => (size === 4 ? 0xffffffff : (1 << (size * 8)) - 1),
    mmioWrite: () => {},
    readMsr: () => undefined,
    writeMsr: () => false,
    acknowledgeInterrupt: () => 0,
    hostOp: () => {},
    ferr: () => {},
    shutdown: () => {},
    reporter: { report: () => {} },
  }
}
