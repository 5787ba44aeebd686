/**
 * 8042 keyboard controller, keyboard at its far end, no mouse; and the chip set's port 92h (IBM PC AT technical
 * reference, "Keyboard controller" and "Keyboard"; PIIX4 data sheet 4.2.5.2). Enough for a guest's driver to find a
 * keyboard, for a person to type, and for the two old ways to reset and to open A20.
 */
import type { IoBus, IoHandler, Line, PowerPort, Reporter, Snapshotable } from '@paragraft/core/ports'
import { hex } from './hex.ts'

const DATA = 0x60
const STATUS_COMMAND = 0x64
const PORT_92 = 0x92

const STATUS_OBF = 0x01
const STATUS_SYSTEM = 0x04
const STATUS_COMMAND_LAST = 0x08
const STATUS_UNLOCKED = 0x10

const CMD_KEYBOARD_INT = 0x01
const CMD_SYSTEM = 0x04
const CMD_KEYBOARD_DISABLED = 0x10
const CMD_AUX_DISABLED = 0x20
const CMD_TRANSLATE = 0x40

const OUT_RESET = 0x01
const OUT_A20 = 0x02
const KBD_ACK = 0xfa
const KBD_RESEND = 0xfe
const KBD_BAT_OK = 0xaa
/** Bytes a keyboard keeps before it reports an overrun. */
const KEYBOARD_BUFFER = 64

export interface I8042Options {
  bus: IoBus
  /** IRQ 1. */
  irq: Line
  /** A20: true lets address bit 20 through. */
  a20: Line
  power: Pick<PowerPort, 'reset'>
  reporter: Reporter
}

/** Registers and queues as a snapshot keeps them. */
export interface I8042State {
  commandByte: number
  ram: number[]
  awaiting: number
  commandLast: boolean
  controllerQueue: number[]
  keyboardQueue: number[]
  lastData: number
  a20: boolean
  keyboardAwaiting: number
  scanning: boolean
  scanSet: number
  keyboardLast: number
}

export class I8042 implements IoHandler, Snapshotable<I8042State> {
  readonly ioWidth = 1
  readonly #irq: Line
  readonly #a20: Line
  readonly #power: Pick<PowerPort, 'reset'>
  readonly #reporter: Reporter
  /** Controller command byte. */
  #commandByte = CMD_KEYBOARD_INT | CMD_SYSTEM | CMD_TRANSLATE | CMD_AUX_DISABLED
  readonly #ram = new Uint8Array(32)
  /** Controller command that waits for its data byte, 0 if none. */
  #awaiting = 0
  #commandLast = false
  /** Answers of the controller itself go before the keyboard's bytes, and pass while the keyboard is disabled. */
  #controllerQueue: number[] = []
  #keyboardQueue: number[] = []
  #lastData = 0
  #a20Open = true
  /** Keyboard command that waits for its parameter, 0 if none. */
  #keyboardAwaiting = 0
  #scanning = true
  #scanSet = 2
  #keyboardLast = 0

  constructor(options: I8042Options) {
    this.#irq = options.irq
    this.#a20 = options.a20
    this.#power = options.power
    this.#reporter = options.reporter
    options.bus.claim(DATA, 1, this, 'i8042 data')
    options.bus.claim(STATUS_COMMAND, 1, this, 'i8042 status')
    options.bus.claim(PORT_92, 1, this, 'port 92h')
  }

  /**
   * One scan code byte as set 1 names it (make, or make | 80h for release; E0h prefixes as bytes of their own).
   * False when it is lost: the guest has switched scanning off, or 64 bytes wait.
   */
  key(scancode: number): boolean {
    if (!this.#scanning || this.#keyboardQueue.length >= KEYBOARD_BUFFER) return false
    this.#keyboardQueue.push(scancode & 0xff)
    this.#update()
    return true
  }

  ioRead(port: number): number {
    if (port === PORT_92) return this.#a20Open ? OUT_A20 : 0
    if (port === STATUS_COMMAND) {
      return (
        (this.#full() ? STATUS_OBF : 0) |
        (this.#commandByte & CMD_SYSTEM ? STATUS_SYSTEM : 0) |
        (this.#commandLast ? STATUS_COMMAND_LAST : 0) |
        STATUS_UNLOCKED
      )
    }
    if (this.#controllerQueue.length > 0) this.#lastData = this.#controllerQueue.shift()!
    else if (this.#full()) this.#lastData = this.#keyboardQueue.shift()!
    // The request drops with the byte read and rises again for the next: an edge for each.
    this.#irq.set(false)
    this.#update()
    return this.#lastData
  }

  ioWrite(port: number, _size: number, value: number): void {
    if (port === PORT_92) {
      this.#setA20((value & 0x02) !== 0)
      if (value & 0x01) this.#power.reset('port 92h')
      return
    }
    this.#commandLast = port === STATUS_COMMAND
    if (port === STATUS_COMMAND) this.#command(value)
    else if (this.#awaiting) {
      const command = this.#awaiting
      this.#awaiting = 0
      this.#parameter(command, value)
    } else {
      // Any byte to the keyboard enables it again (AT reference, "Keyboard interface").
      this.#commandByte &= ~CMD_KEYBOARD_DISABLED
      this.#keyboard(value)
    }
    this.#update()
  }

  save(): I8042State {
    return {
      commandByte: this.#commandByte,
      ram: [...this.#ram],
      awaiting: this.#awaiting,
      commandLast: this.#commandLast,
      controllerQueue: [...this.#controllerQueue],
      keyboardQueue: [...this.#keyboardQueue],
      lastData: this.#lastData,
      a20: this.#a20Open,
      keyboardAwaiting: this.#keyboardAwaiting,
      scanning: this.#scanning,
      scanSet: this.#scanSet,
      keyboardLast: this.#keyboardLast,
    }
  }

  restore(state: I8042State): void {
    this.#commandByte = state.commandByte
    this.#ram.set(state.ram)
    this.#awaiting = state.awaiting
    this.#commandLast = state.commandLast
    this.#controllerQueue = [...state.controllerQueue]
    this.#keyboardQueue = [...state.keyboardQueue]
    this.#lastData = state.lastData
    this.#keyboardAwaiting = state.keyboardAwaiting
    this.#scanning = state.scanning
    this.#scanSet = state.scanSet
    this.#keyboardLast = state.keyboardLast
    this.#setA20(state.a20)
    this.#update()
  }

  reset(): void {
    this.#commandByte = CMD_KEYBOARD_INT | CMD_SYSTEM | CMD_TRANSLATE | CMD_AUX_DISABLED
    this.#awaiting = this.#keyboardAwaiting = 0
    this.#controllerQueue = []
    this.#keyboardQueue = []
    this.#scanning = true
    this.#scanSet = 2
    this.#setA20(true)
    this.#update()
  }

  #full(): boolean {
    if (this.#controllerQueue.length > 0) return true
    return this.#keyboardQueue.length > 0 && (this.#commandByte & CMD_KEYBOARD_DISABLED) === 0
  }

  #update(): void {
    this.#irq.set(this.#full() && (this.#commandByte & CMD_KEYBOARD_INT) !== 0)
  }

  #setA20(open: boolean): void {
    if (this.#a20Open === open) return
    this.#a20Open = open
    this.#a20.set(open)
  }

  #command(command: number): void {
    if (command >= 0x20 && command <= 0x3f) {
      this.#answer(command === 0x20 ? this.#commandByte : this.#ram[command & 0x1f]!)
    } else if (command >= 0x60 && command <= 0x7f) {
      this.#awaiting = command
    } else if (command >= 0xf0) {
      // Pulse output port bits that are 0 in the command; bit 0 is the processor's reset.
      if (!(command & OUT_RESET)) this.#power.reset('keyboard controller')
    } else {
      this.#namedCommand(command)
    }
  }

  #namedCommand(command: number): void {
    switch (command) {
      case 0xa7: // disable the auxiliary port
        this.#commandByte |= CMD_AUX_DISABLED
        break
      case 0xa8:
        this.#commandByte &= ~CMD_AUX_DISABLED
        break
      case 0xa9: // auxiliary interface test: clock line stuck low, there is no port
        this.#answer(0x01)
        break
      case 0xaa: // self test
        this.#commandByte |= CMD_SYSTEM
        this.#answer(0x55)
        break
      case 0xab: // keyboard interface test: no error
        this.#answer(0x00)
        break
      case 0xad:
        this.#commandByte |= CMD_KEYBOARD_DISABLED
        break
      case 0xae:
        this.#commandByte &= ~CMD_KEYBOARD_DISABLED
        break
      case 0xc0: // input port: keyboard not locked
        this.#answer(0x80)
        break
      case 0xd0: // output port
        this.#answer(OUT_RESET | (this.#a20Open ? OUT_A20 : 0) | (this.#full() ? 0x10 : 0))
        break
      case 0xd1:
      case 0xd2:
      case 0xd3:
      case 0xd4:
        this.#awaiting = command
        break
      case 0xdd: // A20 off and on, as some chip sets add
        this.#setA20(false)
        break
      case 0xdf:
        this.#setA20(true)
        break
      default:
        this.#reporter.report(`i8042 command ${hex(command)}`, `keyboard controller command ${hex(command)} is unknown`)
    }
  }

  #parameter(command: number, value: number): void {
    if (command === 0x60) this.#commandByte = value
    else if (command < 0x80) this.#ram[command & 0x1f] = value
    else if (command === 0xd1) {
      this.#setA20((value & OUT_A20) !== 0)
      if (!(value & OUT_RESET)) this.#power.reset('keyboard controller output port')
    } else if (command === 0xd2) this.#answer(value)
    // D3h loops back through the auxiliary port and D4h sends to it: nobody is there to answer.
    else this.#answer(KBD_RESEND)
  }

  #answer(value: number): void {
    this.#controllerQueue = [value]
  }

  /** What the keyboard does with a byte; its own codes are set 2, shown here as the controller translates them. */
  #keyboard(value: number): void {
    const command = this.#keyboardAwaiting
    if (command) {
      this.#keyboardAwaiting = 0
      if (command === 0xf0 && value === 0) this.#send(KBD_ACK, this.#scanSetCode())
      else {
        if (command === 0xf0 && value <= 3) this.#scanSet = value
        this.#send(KBD_ACK)
      }
      return
    }
    switch (value) {
      case 0xee: // echo
        this.#send(0xee)
        break
      case 0xed: // LEDs
      case 0xf0: // scan code set
      case 0xf3: // typematic rate
        this.#keyboardAwaiting = value
        this.#send(KBD_ACK)
        break
      case 0xf2: // identify: an MF2 keyboard, AB 83, of which translation makes AB 41
        this.#send(KBD_ACK, 0xab, this.#commandByte & CMD_TRANSLATE ? 0x41 : 0x83)
        break
      case 0xf4:
        this.#scanning = true
        this.#send(KBD_ACK)
        break
      case 0xf5:
        this.#scanning = false
        this.#send(KBD_ACK)
        break
      case 0xf6: // defaults
        this.#scanning = true
        this.#scanSet = 2
        this.#send(KBD_ACK)
        break
      case 0xfe: // resend
        this.#send(this.#keyboardLast)
        break
      case 0xff:
        this.#keyboardQueue = []
        this.#scanning = true
        this.#scanSet = 2
        this.#send(KBD_ACK, KBD_BAT_OK)
        break
      default:
        if (value >= 0xf7 && value <= 0xfd) this.#send(KBD_ACK)
        else this.#send(KBD_RESEND)
    }
  }

  /** Set numbers pass through translation too: 1, 2, 3 become 43h, 41h, 3Fh. */
  #scanSetCode(): number {
    if (!(this.#commandByte & CMD_TRANSLATE)) return this.#scanSet
    return [0, 0x43, 0x41, 0x3f][this.#scanSet]!
  }

  #send(...bytes: number[]): void {
    this.#keyboardQueue.push(...bytes)
    this.#keyboardLast = bytes[bytes.length - 1]!
  }
}
