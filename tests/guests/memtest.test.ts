/**
 * Memtest86+ as Debian builds it for 32 bits, entered by the Linux boot protocol. It moves itself about in memory, switches
 * PAE paging on, draws into text memory, mirrors that on a serial line, and reads the keyboard. With as much memory as
 * QEMU's guest has, its screen is the same but for what it says about the processor and the board.
 */
import { expect } from 'vitest'
import { guest, needs } from '../support/needs.ts'
import { attributes, Pc, rows } from '../support/pc.ts'
import { Qemu } from '../support/qemu.ts'

/** Of a busy machine; in processor time the test takes a fraction. */
const MINUTES = 300_000
/** In MiB. QEMU's firmware keeps the last 128 KiB for its ACPI tables, so ours gets as much less. */
const MEMORY = 8
const AVAILABLE = MEMORY * 2 ** 20 - 0x20000
/** No measuring of caches and memory before the tests. */
const commandLine = 'nobench console=ttyS0'
/** 25 million instructions a second: Memtest86+ waits for some seconds before it begins. */
const nsPerInstruction = 40

/** Scan codes of set 1: make, break. */
const F1 = [0x3b, 0xbb]
const F10 = [0x44, 0xc4]

/** Row and columns of what differs between machines, and of what moves while the tests run. */
const BOARD: [row: number, first: number, last: number, what: string][] = [
  [0, 30, 79, "the processor's brand"],
  [1, 9, 24, 'its clock'],
  [2, 9, 24, 'L1 cache'],
  [3, 9, 24, 'L2 cache'],
  [4, 9, 24, 'L3 cache'],
  [23, 0, 79, "the board's name, from SMBIOS, which ours has not"],
]
const MOVING: typeof BOARD = [
  [1, 35, 79, 'progress of the pass'],
  [2, 35, 79, 'progress of the test'],
  [5, 39, 79, 'pattern'],
  [7, 50, 57, 'time'],
  [7, 77, 77, 'the sign that it lives'],
]

/** The screen without those, and its attributes. */
function compared(text: Uint8Array): string {
  const cells = rows(text).map(row => [...row.padEnd(80)])
  for (const [row, first, last] of [...BOARD, ...MOVING]) cells[row]!.fill('.', first, last + 1)
  return `${cells.map(row => row.join('')).join('\n')}\n${Buffer.from(attributes(text)).toString('hex')}`
}

interface Progress {
  /** In percent. */
  pass: number
  test: number
  /** Of the test, in percent. */
  percent: number
  errors: number
}

/** What it says of its progress; undefined before it tests. */
function progress(text: Uint8Array): Progress | undefined {
  const screen = rows(text).join(' ')
  const number = (pattern: RegExp): number => Number(pattern.exec(screen)?.[1] ?? Number.NaN)
  const seen = {
    pass: number(/Pass +(\d+)%/),
    test: number(/Test #(\d+)/),
    percent: number(/Test +(\d+)%/),
    errors: number(/Errors: (\d+)/),
  }
  return Object.values(seen).includes(Number.NaN) ? undefined : seen
}

/** The menu's cells, rows 3–20 and columns 21–58, with their attributes. */
function menu(text: Uint8Array): string[] {
  return Array.from({ length: 18 }, (_, row) => {
    const start = (row + 3) * 80
    return Buffer.from(text.slice((start + 21) * 2, (start + 59) * 2)).toString('latin1')
  })
}

/** What differs between machines, in the pieces that the serial line's control sequences make. */
const BOARD_ON_SERIAL = [
  /(?<=^0m\| ).*/,
  /(?<=^2;1HCLK\/Temp: )[^|]*/,
  /(?<=^[345];1HL\d Cache: )[^|]*/,
  /(?<=^24;1H).*/,
]

/** The serial line up to the first line that is drawn again, without that. */
function firstDrawing(serial: string): string[] {
  const [drawing] = serial.split('\x1b[2;35H') as [string]
  return drawing
    .split('\x1b[')
    .map(piece => BOARD_ON_SERIAL.reduce((rest, pattern) => rest.replace(pattern, '.'), piece))
}

const menuShown = (text: Uint8Array): boolean => rows(text).join('').includes('<F10> Exit menu')

needs('debian guests', 'qemu')(
  'memtest86+ shows what it shows in QEMU, tests memory, and opens its menu',
  async () => {
    const kernel = guest('memtest86+x32.bin')
    const qemu = await Qemu.start({ kernel, commandLine, memory: MEMORY })
    const testing = await qemu.textMemoryWhen('test 4', text => progress(text)?.test === 4)
    await qemu.keys('f1')
    const itsMenu = await qemu.textMemoryWhen('the menu', menuShown)

    const pc = await Pc.start({ image: kernel, commandLine, memory: AVAILABLE, nsPerInstruction })
    const seen: Progress[] = []
    const screens = new Set<string>()
    const look = (): boolean => {
      const text = pc.textMemory()
      const now = progress(text)
      if (now === undefined) return false
      seen.push(now)
      if (now.test === 4) screens.add(compared(text))
      return now.test === 5
    }
    pc.runUntil('test 5', look, { every: 50, limit: 60_000 })
    expect([...screens]).toContain(compared(testing))
    expect(seen.filter(({ errors }) => errors > 0)).toEqual([])
    // Forward only, in the pass as within each test, and through most of the way.
    const along = (p: Progress): number => p.pass * 10_000 + p.test * 1000 + p.percent
    expect(seen.map(along)).toEqual(seen.map(along).sort((a, b) => a - b))
    expect(new Set(seen.filter(({ test }) => test === 4).map(({ percent }) => percent)).size).toBeGreaterThan(50)
    // The first full drawing; how often single lines follow depends on the time that the tests take.
    expect(firstDrawing(pc.serial()).length).toBeGreaterThan(25)
    expect(firstDrawing(pc.serial())).toEqual(firstDrawing(qemu.serial()))

    pc.machine.key(...F1)
    pc.runUntil('the menu', () => menuShown(pc.textMemory()), { every: 50, limit: 5000 })
    expect(menu(pc.textMemory())).toEqual(menu(itsMenu))
    pc.machine.key(...F10)
    const left = seen.at(-1)!
    const goesOn = (): boolean => along(progress(pc.textMemory()) ?? left) > along(left)
    pc.runUntil('further progress', goesOn, { every: 50, limit: 10_000 })
  },
  MINUTES,
)
