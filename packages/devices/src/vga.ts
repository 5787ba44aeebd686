/**
 * Text-mode VGA: the register file at 0x3B0–0x3DF (IBM VGA, as FreeVGA documents it) and the screen that the CRTC would show
 * from text memory at 0xB8000, which is RAM. Mode 3 is set when the power comes on. No graphics.
 */
import type { Clock, GuestMemory, IoBus, IoHandler, Snapshotable } from '@paragraft/core/ports'
import { CODE_PAGE_437 } from './codepage437.ts'

const TEXT_MEMORY = 0xb_8000
const TEXT_MEMORY_SIZE = 0x8000
const BLANK_CELL = 0x0720
/** 640 × 400 at 70.086 Hz: 449 lines of 31.778 µs, 400 of them shown, 80 % of each line shown. */
const LINE_NS = 31_778
const LINES = 449
const SHOWN_LINES = 400
const RETRACE_START = 412
const RETRACE_END = 414
const SHOWN_NS = 25_422

/** Mode 3 as the VGA BIOS sets it, 80 × 25 with 9 × 16 characters. */
const MODE3 = {
  misc: 0x67,
  sequencer: [0x03, 0x00, 0x03, 0x00, 0x02],
  crtc: [
    0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f,
    0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
  ],
  graphics: [0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff],
  attribute: [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f,
    0x08, 0x00,
  ],
} as const

const CRTC_HORIZONTAL_END = 0x01
const CRTC_OVERFLOW = 0x07
const CRTC_MAX_SCAN_LINE = 0x09
const CRTC_START_HIGH = 0x0c
const CRTC_CURSOR_HIGH = 0x0e
const CRTC_PROTECT = 0x11
const CRTC_VERTICAL_END = 0x12
const CRTC_OFFSET = 0x13

export interface VgaOptions {
  bus: IoBus
  clock: Clock
  memory: GuestMemory
}

export interface VgaState {
  misc: number
  sequencer: number[]
  crtc: number[]
  graphics: number[]
  attribute: number[]
  dac: number[]
  feature: number
  sequencerIndex: number
  crtcIndex: number
  graphicsIndex: number
  attributeIndex: number
  attributeData: boolean
  dacMask: number
  dacRead: number
  dacWrite: number
  dacComponent: number
  dacReading: boolean
}

export class Vga implements IoHandler, Snapshotable<VgaState> {
  readonly ioWidth = 1
  readonly #clock: Clock
  readonly #memory: GuestMemory
  readonly #sequencer = new Uint8Array(8)
  readonly #crtc = new Uint8Array(32)
  readonly #graphics = new Uint8Array(16)
  readonly #attribute = new Uint8Array(32)
  readonly #dac = new Uint8Array(768)
  #misc = 0
  #feature = 0
  #sequencerIndex = 0
  #crtcIndex = 0
  #graphicsIndex = 0
  #attributeIndex = 0
  /** Attribute flip-flop: false, the next write to 3C0h is an index. */
  #attributeData = false
  #dacMask = 0xff
  #dacRead = 0
  #dacWrite = 0
  #dacComponent = 0
  #dacReading = false

  constructor(options: VgaOptions) {
    this.#clock = options.clock
    this.#memory = options.memory
    for (const [first, count] of [
      [0x3b4, 2],
      [0x3ba, 1],
      [0x3c0, 16],
      [0x3d4, 2],
      [0x3da, 1],
    ] as const) {
      options.bus.claim(first, count, this, 'vga')
    }
    this.reset()
  }

  /** Mode 3 with a blank screen, as the video BIOS leaves it. */
  reset(): void {
    this.#misc = MODE3.misc
    this.#sequencer.set(MODE3.sequencer)
    this.#crtc.fill(0).set(MODE3.crtc)
    this.#graphics.set(MODE3.graphics)
    this.#attribute.fill(0).set(MODE3.attribute)
    this.#attributeIndex = 0x20
    this.#attributeData = false
    this.#dacMask = 0xff
    this.#loadPalette()
    if (this.#memory.size < TEXT_MEMORY + TEXT_MEMORY_SIZE) return
    for (let cell = 0; cell < TEXT_MEMORY_SIZE; cell += 2) this.#memory.write16(TEXT_MEMORY + cell, BLANK_CELL)
  }

  /** The text that a monitor would show: one string a row, code page 437 as Unicode, without trailing blanks. */
  screen(): string[] {
    const columns = this.#crtc[CRTC_HORIZONTAL_END]! + 1
    const overflow = this.#crtc[CRTC_OVERFLOW]!
    const verticalEnd = this.#crtc[CRTC_VERTICAL_END]! | ((overflow & 0x02) << 7) | ((overflow & 0x40) << 3)
    const height = (this.#crtc[CRTC_MAX_SCAN_LINE]! & 0x1f) + 1
    const rows = Math.max(1, Math.floor((verticalEnd + 1) / height))
    // Offset counts words of two cells in text mode.
    const pitch = this.#crtc[CRTC_OFFSET]! * 2 || columns
    const start = (this.#crtc[CRTC_START_HIGH]! << 8) | this.#crtc[CRTC_START_HIGH + 1]!
    const lines: string[] = []
    for (let row = 0; row < rows; row++) {
      let line = ''
      for (let column = 0; column < columns; column++) {
        const offset = ((start + row * pitch + column) * 2) & (TEXT_MEMORY_SIZE - 1)
        line += CODE_PAGE_437[this.#memory.read8(TEXT_MEMORY + offset)]
      }
      lines.push(line.trimEnd())
    }
    return lines
  }

  /** Cursor position in cells from the start of text memory. */
  cursor(): number {
    return (this.#crtc[CRTC_CURSOR_HIGH]! << 8) | this.#crtc[CRTC_CURSOR_HIGH + 1]!
  }

  ioRead(port: number): number {
    if (this.#elsewhere(port)) return 0xff
    switch (port) {
      case 0x3c0:
        return this.#attributeIndex
      case 0x3c1:
        return this.#attribute[this.#attributeIndex & 0x1f]!
      case 0x3c2:
        return 0x10 // switch sense: a colour monitor
      case 0x3c4:
        return this.#sequencerIndex
      case 0x3c5:
        return this.#sequencer[this.#sequencerIndex & 7]!
      case 0x3c6:
        return this.#dacMask
      case 0x3c7:
        return this.#dacReading ? 3 : 0
      case 0x3c8:
        return this.#dacWrite
      case 0x3c9:
        return this.#readDac()
      case 0x3ca:
        return this.#feature
      case 0x3cc:
        return this.#misc
      case 0x3ce:
        return this.#graphicsIndex
      case 0x3cf:
        return this.#graphics[this.#graphicsIndex & 15]!
      case 0x3b4:
      case 0x3d4:
        return this.#crtcIndex
      case 0x3b5:
      case 0x3d5:
        return this.#crtc[this.#crtcIndex & 31]!
      case 0x3ba:
      case 0x3da:
        this.#attributeData = false
        return this.#inputStatus()
      default:
        return 0xff
    }
  }

  ioWrite(port: number, _size: number, value: number): void {
    if (this.#elsewhere(port)) return
    switch (port) {
      case 0x3c0:
        this.#writeAttribute(value)
        break
      case 0x3c2:
        this.#misc = value
        break
      case 0x3c4:
        this.#sequencerIndex = value
        break
      case 0x3c5:
        this.#sequencer[this.#sequencerIndex & 7] = value
        break
      case 0x3c6:
        this.#dacMask = value
        break
      case 0x3c7:
        this.#dacRead = value
        this.#dacComponent = 0
        this.#dacReading = true
        break
      case 0x3c8:
        this.#dacWrite = value
        this.#dacComponent = 0
        this.#dacReading = false
        break
      case 0x3c9:
        this.#writeDac(value)
        break
      case 0x3ce:
        this.#graphicsIndex = value
        break
      case 0x3cf:
        this.#graphics[this.#graphicsIndex & 15] = value
        break
      case 0x3b4:
      case 0x3d4:
        this.#crtcIndex = value
        break
      case 0x3b5:
      case 0x3d5:
        this.#writeCrtc(this.#crtcIndex & 31, value)
        break
      case 0x3ba:
      case 0x3da:
        this.#feature = value
        break
      default:
      // 3C1h, 3CAh and 3CCh are read-only.
    }
  }

  save(): VgaState {
    return {
      misc: this.#misc,
      sequencer: [...this.#sequencer],
      crtc: [...this.#crtc],
      graphics: [...this.#graphics],
      attribute: [...this.#attribute],
      dac: [...this.#dac],
      feature: this.#feature,
      sequencerIndex: this.#sequencerIndex,
      crtcIndex: this.#crtcIndex,
      graphicsIndex: this.#graphicsIndex,
      attributeIndex: this.#attributeIndex,
      attributeData: this.#attributeData,
      dacMask: this.#dacMask,
      dacRead: this.#dacRead,
      dacWrite: this.#dacWrite,
      dacComponent: this.#dacComponent,
      dacReading: this.#dacReading,
    }
  }

  restore(state: VgaState): void {
    this.#misc = state.misc
    this.#sequencer.set(state.sequencer)
    this.#crtc.set(state.crtc)
    this.#graphics.set(state.graphics)
    this.#attribute.set(state.attribute)
    this.#dac.set(state.dac)
    this.#feature = state.feature
    this.#sequencerIndex = state.sequencerIndex
    this.#crtcIndex = state.crtcIndex
    this.#graphicsIndex = state.graphicsIndex
    this.#attributeIndex = state.attributeIndex
    this.#attributeData = state.attributeData
    this.#dacMask = state.dacMask
    this.#dacRead = state.dacRead
    this.#dacWrite = state.dacWrite
    this.#dacComponent = state.dacComponent
    this.#dacReading = state.dacReading
  }

  /** Bit 0 of the miscellaneous output register moves the CRTC between 3Bxh and 3Dxh. */
  #elsewhere(port: number): boolean {
    const colour = (this.#misc & 1) !== 0
    return colour ? port < 0x3c0 : port >= 0x3d0
  }

  #inputStatus(): number {
    const time = this.#clock.now() % (LINES * LINE_NS)
    const line = Math.floor(time / LINE_NS)
    const retrace = line >= RETRACE_START && line < RETRACE_END
    const hidden = line >= SHOWN_LINES || time % LINE_NS >= SHOWN_NS
    return (retrace ? 0x08 : 0) | (hidden ? 0x01 : 0)
  }

  #writeAttribute(value: number): void {
    if (!this.#attributeData) this.#attributeIndex = value & 0x3f
    // The palette can be written only while bit 5 of the index hides it from the display.
    else if ((this.#attributeIndex & 0x1f) >= 16 || !(this.#attributeIndex & 0x20)) {
      this.#attribute[this.#attributeIndex & 0x1f] = value
    }
    this.#attributeData = !this.#attributeData
  }

  #writeCrtc(index: number, value: number): void {
    // Bit 7 of register 11h write-protects 0–7, but for the line compare bit of register 7.
    if (index <= 7 && this.#crtc[CRTC_PROTECT]! & 0x80) {
      if (index === CRTC_OVERFLOW) this.#crtc[7] = (this.#crtc[7]! & ~0x10) | (value & 0x10)
      return
    }
    this.#crtc[index] = value
  }

  #readDac(): number {
    const value = this.#dac[this.#dacRead * 3 + this.#dacComponent]!
    if (++this.#dacComponent === 3) {
      this.#dacComponent = 0
      this.#dacRead = (this.#dacRead + 1) & 0xff
    }
    return value
  }

  #writeDac(value: number): void {
    this.#dac[this.#dacWrite * 3 + this.#dacComponent] = value & 0x3f
    if (++this.#dacComponent === 3) {
      this.#dacComponent = 0
      this.#dacWrite = (this.#dacWrite + 1) & 0xff
    }
  }

  /** The 64 colours of the EGA: each component has a bit of two thirds and one of one third. */
  #loadPalette(): void {
    this.#dac.fill(0)
    for (let colour = 0; colour < 64; colour++) {
      for (const [component, bit] of [2, 1, 0].entries()) {
        const strong = (colour >> bit) & 1
        const weak = (colour >> (bit + 3)) & 1
        this.#dac[colour * 3 + component] = strong * 42 + weak * 21
      }
    }
  }
}
