/**
 * The ACPI fixed hardware of a PIIX4 (Intel 82371AB data sheet, 7.2; ACPI 3.0, 4.7.3): PM1a event and control
 * blocks, the 3.579545 MHz PM timer and the SMI command port that switches ACPI mode on. Values of SLP_TYP and of the
 * SMI commands are those of QEMU's `pc` board, so that guests find what they know.
 */
import type {
  Clock,
  IoBus,
  IoHandler,
  Line,
  PowerPort,
  Reporter,
  SavedTimer,
  Snapshotable,
  Timer,
} from '@paragraft/core/ports'
import { hex } from './hex.ts'
import { Oscillator } from './ticks.ts'

export const PM_TIMER_HZ = 3_579_545
/** Offsets from the PM base. */
export const PM1A_EVT = 0x00
export const PM1A_CNT = 0x04
export const PM_TMR = 0x08
export const SMI_CMD = 0xb2
export const ACPI_ENABLE = 0xf1
export const ACPI_DISABLE = 0xf0
/** SLP_TYP of S5: soft off. */
export const SLP_TYP_S5 = 0

const STS_TMR = 0x0001
const STS_BM = 0x0010
const STS_GBL = 0x0020
const STS_PWRBTN = 0x0100
const STS_SLPBTN = 0x0200
const STS_RTC = 0x0400
const STS_WAK = 0x8000
const STS_MASK = STS_TMR | STS_BM | STS_GBL | STS_PWRBTN | STS_SLPBTN | STS_RTC | STS_WAK
const EN_MASK = STS_TMR | STS_GBL | STS_PWRBTN | STS_SLPBTN | STS_RTC
const CNT_SCI_EN = 0x0001
const CNT_SLP_EN = 0x2000
/** The timer has 24 bits; TMR_STS is set whenever the top one changes (ACPI 4.7.3.3). */
const TMR_MASK = 0xff_ffff
const TMR_HALF = 0x80_0000

export interface AcpiPmOptions {
  bus: IoBus
  clock: Clock
  sci: Line
  power: PowerPort
  reporter: Reporter
  /** Default 0x600. */
  base?: number
}

export interface AcpiPmState {
  status: number
  enable: number
  control: number
  smiCommand: number
  checkedTick: number
  sci: boolean
  timer: SavedTimer | null
}

export class AcpiPm implements IoHandler, Snapshotable<AcpiPmState> {
  readonly ioWidth = 4
  readonly base: number
  readonly #clock: Clock
  readonly #sci: Line
  readonly #power: PowerPort
  readonly #reporter: Reporter
  readonly #oscillator = new Oscillator(PM_TIMER_HZ)
  #status = 0
  #enable = 0
  #control = 0
  #smiCommand = 0
  #checkedTick = 0
  /** The SCI as it was last driven: what has happened since is seen at the next look. */
  #sciLevel = false
  #timer: Timer | null = null

  constructor(options: AcpiPmOptions) {
    this.#clock = options.clock
    this.#sci = options.sci
    this.#power = options.power
    this.#reporter = options.reporter
    this.base = options.base ?? 0x600
    options.bus.claim(this.base, 0x40, this, 'acpi-pm')
    options.bus.claim(
      SMI_CMD,
      2,
      {
        ioWidth: 1,
        ioRead: port => (port === SMI_CMD ? this.#smiCommand : 0),
        ioWrite: (port, _size, value) => this.#smi(port, value),
      },
      'apm',
    )
  }

  ioRead(port: number, size: number): number {
    const offset = port - this.base
    if (offset >= PM_TMR && offset < PM_TMR + 4) {
      const ticks = this.#oscillator.ticksAt(this.#clock.now()) % (TMR_MASK + 1)
      return slice(ticks, offset - PM_TMR, size)
    }
    if (offset < 4) {
      this.#collect()
      return slice(this.#status | (this.#enable << 16), offset, size)
    }
    if (offset < 8) return slice(this.#control, offset - 4, size)
    this.#unknown(offset, 'read')
    return 0
  }

  ioWrite(port: number, size: number, value: number): void {
    const offset = port - this.base
    if (offset < 4) {
      this.#collect()
      const wide = (value << (8 * offset)) >>> 0
      const written = byteMask(offset, size)
      this.#status &= ~(wide & 0xffff & STS_MASK)
      const enableWritten = written >>> 16
      this.#enable = ((this.#enable & ~enableWritten) | ((wide >>> 16) & enableWritten)) & EN_MASK
      this.#update()
      this.#arm()
    } else if (offset < 8) {
      const shift = offset - 4
      const written = byteMask(shift, size)
      this.#writeControl((this.#control & ~written) | (((value << (8 * shift)) >>> 0) & written))
    } else if (offset >= PM_TMR + 4 || offset < PM_TMR) {
      this.#unknown(offset, 'write')
    }
  }

  /** The user presses the power button: an SCI if the guest wants one. */
  pressPowerButton(): void {
    this.#status |= STS_PWRBTN
    this.#update()
  }

  reset(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#status = this.#enable = this.#control = this.#smiCommand = 0
    this.#update()
  }

  save(): AcpiPmState {
    return {
      status: this.#status,
      enable: this.#enable,
      control: this.#control,
      smiCommand: this.#smiCommand,
      checkedTick: this.#checkedTick,
      sci: this.#sciLevel,
      timer: this.#timer?.save() ?? null,
    }
  }

  restore(state: AcpiPmState): void {
    this.#status = state.status
    this.#enable = state.enable
    this.#control = state.control
    this.#smiCommand = state.smiCommand
    this.#checkedTick = state.checkedTick
    this.#timer?.cancel()
    this.#timer = state.timer === null ? null : this.#clock.resume(state.timer, () => this.#turn())
    this.#setSci(state.sci)
  }

  #writeControl(value: number): void {
    // SCI_EN is the firmware's to change, by SMI (ACPI 4.7.3.2.1); SLP_EN reads as zero.
    this.#control = (value & 0x1c02) | (this.#control & CNT_SCI_EN)
    if (!(value & CNT_SLP_EN)) return
    const type = (value >> 10) & 7
    if (type === SLP_TYP_S5) this.#power.powerOff()
    else this.#reporter.report(`acpi sleep ${type}`, `the guest asked for sleep type ${type}, which no table offers`)
  }

  #smi(port: number, value: number): void {
    if (port !== SMI_CMD) return
    this.#smiCommand = value
    if (value === ACPI_ENABLE) this.#control |= CNT_SCI_EN
    else if (value === ACPI_DISABLE) this.#control &= ~CNT_SCI_EN
    else this.#reporter.report(`smi ${hex(value)}`, `SMI command ${hex(value)} has no firmware to answer it`)
    this.#update()
  }

  #collect(): void {
    const tick = this.#oscillator.ticksAt(this.#clock.now())
    if (Math.floor(tick / TMR_HALF) > Math.floor(this.#checkedTick / TMR_HALF)) this.#status |= STS_TMR
    this.#checkedTick = tick
  }

  #update(): void {
    this.#setSci((this.#control & CNT_SCI_EN) !== 0 && (this.#status & this.#enable) !== 0)
  }

  #setSci(level: boolean): void {
    this.#sciLevel = level
    this.#sci.set(level)
  }

  #arm(): void {
    this.#timer?.cancel()
    this.#timer = null
    if (!(this.#enable & STS_TMR)) return
    const next = (Math.floor(this.#checkedTick / TMR_HALF) + 1) * TMR_HALF
    this.#timer = this.#clock.schedule(this.#oscillator.timeOf(next), () => this.#turn())
  }

  /** The timer's top bit has changed. */
  #turn(): void {
    this.#timer = null
    this.#collect()
    this.#update()
    this.#arm()
  }

  #unknown(offset: number, what: string): void {
    this.#reporter.report(
      `acpi-pm ${hex(offset)} ${what}`,
      `${what} of PM register ${hex(offset)}, which has no function here`,
    )
  }
}

/** `size` bytes of a 32-bit register from byte `offset`. */
function slice(value: number, offset: number, size: number): number {
  const shifted = (value >>> 0) >>> (8 * offset)
  return size === 4 ? shifted >>> 0 : shifted & (size === 2 ? 0xffff : 0xff)
}

/** Mask of the bits that an access of `size` bytes at byte `offset` of a 32-bit register covers. */
function byteMask(offset: number, size: number): number {
  const mask = size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff
  return (mask << (8 * offset)) >>> 0
}
