/**
 * The board: an i440FX/PIIX PC put together from the devices of this package, on ports that the machine gives.
 */
import type { Clock, ConsolePort, GuestMemory, IoBus, Line, MmioBus, PowerPort, Reporter } from '@paragraft/core/ports'
import { AcpiPm } from './acpi-pm.ts'
import { DebugConsole } from './debugcon.ts'
import { DebugExit } from './debugexit.ts'
import { I8042 } from './i8042.ts'
import { I8254 } from './i8254.ts'
import { I8259Pair } from './i8259.ts'
import { NOT_CONNECTED } from './line.ts'
import { Mc146818 } from './mc146818.ts'
import { RESET_CONTROL_PORT, ResetControl } from './reset-control.ts'
import { Uart16550 } from './uart16550.ts'

export interface PcOptions {
  ioBus: IoBus
  mmioBus: MmioBus
  clock: Clock
  memory: GuestMemory
  power: PowerPort
  reporter: Reporter
  /** INTR of the processor. */
  intr: Line
  /** A20 gate of the processor; open at power-on. */
  a20?: Line
  /** COM1. */
  console: ConsolePort
  /** Port 0xE9; without it the port is not there. */
  debugConsole?: Pick<ConsolePort, 'write'>
  /** First port of `isa-debug-exit`, default 0x501. */
  debugExitPort?: number
  /** What the real-time clock shows at virtual time 0, in seconds since 1970-01-01 UTC. */
  rtcEpochSeconds: number
  /** RAM in bytes. */
  memorySize: number
}

/** Where the processor's INTR and INTA end. */
export interface InterruptController {
  /** Level of INTR. */
  pending(): boolean
  /** The INTA cycle: the vector to deliver. */
  acknowledge(): number
}

/** The devices of one board. */
export interface PcDevices {
  readonly uart: Uart16550
  readonly pic: I8259Pair
  readonly pit: I8254
  readonly rtc: Mc146818
  readonly i8042: I8042
  readonly acpiPm: AcpiPm
  readonly interrupt: InterruptController
  /** FERR# of the processor: IRQ 13, until the guest writes port F0h. */
  readonly ferr: Line
  /** The board's reset line: every device as after power-on, with what firmware leaves behind. */
  reset(): void
}

/** Builds the board; every device claims its ports, so that two boards on one bus are refused (`PG_IO_OVERLAP`). */
export function createPcDevices(options: PcOptions): PcDevices {
  const { ioBus: bus, clock, power, reporter } = options
  const pic = new I8259Pair({ bus, intr: options.intr })
  const irq = pic.lines
  const pit = new I8254({ bus, clock, irq: irq[0]! })
  const i8042 = new I8042({ bus, irq: irq[1]!, a20: options.a20 ?? NOT_CONNECTED, power, reporter })
  const uart = new Uart16550({ bus, base: 0x3f8, irq: irq[4]!, console: options.console, clock, name: 'COM1' })
  const rtc = new Mc146818({
    bus,
    clock,
    irq: irq[8]!,
    epochSeconds: options.rtcEpochSeconds,
    memorySize: options.memorySize,
  })
  const acpiPm = new AcpiPm({ bus, clock, sci: irq[9]!, power, reporter })
  const resetControl = new ResetControl(power)
  bus.claim(RESET_CONTROL_PORT, 1, resetControl, 'reset control')
  if (options.debugConsole) new DebugConsole({ bus, console: options.debugConsole })
  new DebugExit({ bus, power, ...(options.debugExitPort === undefined ? {} : { port: options.debugExitPort }) })
  claimLatches(bus)
  claimCoprocessorError(bus, irq[13]!)

  const firmware = (): void => {
    pic.initialiseAsFirmware()
    pit.initialiseAsFirmware()
  }
  firmware()
  return {
    uart,
    pic,
    pit,
    rtc,
    i8042,
    acpiPm,
    interrupt: { pending: () => pic.pending(), acknowledge: () => pic.acknowledge() },
    ferr: irq[13]!,
    reset() {
      for (const device of [uart, pit, rtc, i8042, acpiPm, resetControl, pic]) device.reset()
      firmware()
    },
  }
}

/** Port 80h shows POST codes and, with EDh, is written for its delay; DMA's page registers are its neighbours. */
function claimLatches(bus: IoBus): void {
  const latches = new Uint8Array(16)
  bus.claim(
    0x80,
    16,
    {
      ioWidth: 1,
      ioRead: (port) => latches[port & 15]!,
      ioWrite: (port, _size, value) => {
        latches[port & 15] = value
      },
    },
    'POST and DMA page registers',
  )
  bus.claim(0xed, 1, { ioWidth: 1, ioRead: () => 0xff, ioWrite: () => {} }, 'i/o delay')
}

/** Writes to F0h and F1h clear the coprocessor error request (AT technical reference, "Coprocessor"). */
function claimCoprocessorError(bus: IoBus, irq13: Line): void {
  bus.claim(0xf0, 2, { ioWidth: 1, ioRead: () => 0xff, ioWrite: () => irq13.set(false) }, 'coprocessor error')
}
