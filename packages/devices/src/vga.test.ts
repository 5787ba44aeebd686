import { expect, test } from 'vitest'
import { CODE_PAGE_437 } from './codepage437.ts'
import { PortBus } from './io-bus.ts'
import { TestClock, TestMemory, TestReporter } from './testing.ts'
import { Vga } from './vga.ts'

// Register behaviour: IBM VGA as documented by FreeVGA ("External Registers", "CRT Controller", "Attribute Controller").
function setup() {
  const clock = new TestClock()
  const memory = new TestMemory(1 << 20)
  const bus = new PortBus(new TestReporter())
  const vga = new Vga({ bus, clock, memory })
  const r = (port: number) => bus.ioRead(port, 1)
  const w = (port: number, value: number) => bus.ioWrite(port, 1, value)
  const crtc = (index: number, value: number) => bus.ioWrite(0x3d4, 2, index | (value << 8))
  const print = (cell: number, text: string) => {
    for (const [i, character] of [...text].entries())
      memory.write16(0xb8000 + 2 * (cell + i), 0x700 | character.charCodeAt(0))
  }
  return { clock, memory, vga, r, w, crtc, print }
}

test('starts in mode 3: 25 blank rows of 80, white on black', () => {
  const { vga, memory } = setup()
  expect(vga.screen()).toEqual(Array.from({ length: 25 }, () => ''))
  expect([memory.read16(0xb8000), memory.read16(0xbfffe)]).toEqual([0x0720, 0x0720])
})

test('shows text memory row by row, from the start address, wrapping at 32 KB', () => {
  const { vga, crtc, print } = setup()
  print(0, 'first row')
  print(80 + 4, 'indented')
  expect(vga.screen().slice(0, 2)).toEqual(['first row', '    indented'])
  // A word write sets index and data at once, as drivers do; scrolled by one row.
  crtc(0x0c, 0)
  crtc(0x0d, 80)
  expect(vga.screen()[0]).toBe('    indented')
  crtc(0x0c, 0x3f)
  crtc(0x0d, 0xb0)
  expect(vga.screen()[1]).toBe('first row')
})

test('follows the CRTC: 8-line characters give 50 rows', () => {
  const { vga, crtc } = setup()
  crtc(0x09, 0x47)
  expect(vga.screen().length).toBe(50)
})

test('characters beyond ASCII are code page 437', () => {
  const { vga, memory } = setup()
  memory.bytes.set([0xc9, 7, 0xcd, 7, 0xbb, 7, 0xe1, 7, 0x00, 7, 0x01, 7], 0xb8000)
  expect(vga.screen()[0]).toBe('╔═╗ß ☺')
  expect([CODE_PAGE_437.length, new Set(CODE_PAGE_437).size]).toEqual([256, 254])
})

test('the cursor position is CRTC 0Eh and 0Fh', () => {
  const { vga, crtc, r, w } = setup()
  crtc(0x0e, 0x07)
  crtc(0x0f, 0xcf)
  expect(vga.cursor()).toBe(1999)
  w(0x3d4, 0x0f)
  expect([r(0x3d4), r(0x3d5)]).toEqual([0x0f, 0xcf])
})

test('CRTC registers 0 to 7 are protected by bit 7 of 11h, but for the line compare bit', () => {
  const { r, w, crtc } = setup()
  crtc(0x01, 0x27)
  crtc(0x07, 0x00)
  w(0x3d4, 0x01)
  expect(r(0x3d5)).toBe(0x4f)
  w(0x3d4, 0x07)
  expect(r(0x3d5)).toBe(0x0f)
  crtc(0x11, 0x0e)
  crtc(0x01, 0x27)
  w(0x3d4, 0x01)
  expect(r(0x3d5)).toBe(0x27)
})

test('the attribute flip-flop: index and data alternate at 3C0h, a read of 3DAh sets it back', () => {
  const { r, w } = setup()
  r(0x3da)
  w(0x3c0, 0x10)
  w(0x3c0, 0x04)
  w(0x3c0, 0x05)
  r(0x3da)
  w(0x3c0, 0x30)
  expect([r(0x3c0), r(0x3c1)]).toEqual([0x30, 0x04])
  // The palette is out of reach while the display uses it.
  r(0x3da)
  w(0x3c0, 0x21)
  w(0x3c0, 0x3f)
  expect(r(0x3c1)).toBe(0x01)
})

test('the DAC counts components and colours, six bits each', () => {
  const { r, w } = setup()
  w(0x3c8, 5)
  for (const value of [1, 2, 3, 0xff]) w(0x3c9, value)
  w(0x3c7, 5)
  expect([r(0x3c9), r(0x3c9), r(0x3c9), r(0x3c9)]).toEqual([1, 2, 3, 63])
  expect(r(0x3c7)).toBe(3)
})

test('input status 1 toggles with the frame: 70 Hz retrace, display enable in the lines', () => {
  const { clock, r } = setup()
  expect(r(0x3da) & 9).toBe(0)
  let retraces = 0
  let hidden = 0
  let previous = 0
  for (let step = 0; step < 31_470; step++) {
    clock.advance(31_778)
    const status = r(0x3da)
    if (status & 8 && !(previous & 8)) retraces++
    if (status & 1) hidden++
    previous = status
  }
  // 31.469 kHz / 449 lines = 70.09 frames a second, 49 of 449 lines blank.
  expect(retraces).toBe(70)
  expect(hidden / 31_470).toBeCloseTo(49 / 449, 2)
})

test('the miscellaneous output register moves the CRTC to the monochrome ports', () => {
  const { r, w } = setup()
  expect([r(0x3cc), r(0x3b4)]).toEqual([0x67, 0xff])
  w(0x3c2, 0x66)
  w(0x3b4, 0x0a)
  expect([r(0x3b4), r(0x3d4), r(0x3b5)]).toEqual([0x0a, 0xff, 0x0d])
})
