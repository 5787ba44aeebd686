/**
 * Backend `native`: a bare PC. The guest boots by the hardware's own heads, keeps its own ops, and finds the devices of a
 * PC: 16550, two 8259, 8254, clock chip, keyboard controller, ACPI power registers.
 */
import { type BackendInstance, type BackendPorts, defineBackend } from '@paragraft/core/ops'
import { createPcDevices, type PcDevices } from '@paragraft/devices'
import { nativeOps } from './ops.ts'

export { nativeAnswers, nativeOps } from './ops.ts'

/** The clock chip's time at power-on when nobody says another: 2026-01-01 00:00:00 UTC, so that a run repeats exactly. */
export const DEFAULT_RTC_EPOCH_SECONDS = 1_767_225_600

/** What the native backend gives the machine, its board included. */
export interface NativeInstance extends BackendInstance {
  readonly devices: PcDevices
}

/** Builds the PC on the machine's ports. */
export function createNative(ports: BackendPorts): NativeInstance {
  const devices = createPcDevices({
    ioBus: ports.io,
    mmioBus: ports.mmio,
    clock: ports.clock,
    memory: ports.memory,
    power: ports.power,
    reporter: ports.reporter,
    intr: ports.intr,
    console: ports.console,
    rtcEpochSeconds: ports.rtcEpochSeconds ?? DEFAULT_RTC_EPOCH_SECONDS,
    memorySize: ports.memory.size,
    ...(ports.a20 === undefined ? {} : { a20: ports.a20 }),
    ...(ports.debugConsole === undefined ? {} : { debugConsole: ports.debugConsole }),
  })
  return {
    devices,
    acknowledgeInterrupt: () => devices.interrupt.acknowledge(),
    ferr: level => devices.ferr.set(level),
    reset: () => devices.reset(),
  }
}

export default defineBackend({
  name: 'native',
  version: '0.1.0',
  apiVersion: '^0.1.0',
  heads: ['multiboot', 'linux'],
  ops: nativeOps,
  create: createNative,
})
