/**
 * GNU Mach as Debian builds it (gnumach-image-1.8-486), without boot modules: it finds its memory, probes the PC, and ends
 * by asking for a bootstrap program. What it says is compared with what it says in QEMU, line by line.
 */
import { expect } from 'vitest'
import { guest, needs } from '../support/needs.ts'
import { attributes, Pc, rows } from '../support/pc.ts'
import { Qemu } from '../support/qemu.ts'

/** In MiB. QEMU's firmware keeps the last 128 KiB for its ACPI tables, so ours gets as much less. */
const MEMORY = 64
const AVAILABLE = MEMORY * 2 ** 20 - 0x20000
/** Of a busy machine; in processor time each test takes a fraction. */
const MINUTES = 300_000
const LAST_WORDS = 'No bootstrap code loaded with the kernel!'

/**
 * Lines that differ because the boards do. QEMU's has a PCI BIOS, an IDE controller and a floppy controller, and its
 * firmware reserves other addresses.
 */
const BOARD = [
  /^biosmem: .* reserved$/,
  /^pcibios_init ?:/,
  /^ide\d?: |^ {4}ide\d: |^ {4}Controller on PCI bus/,
  /^Floppy drive\(s\): |^FDC \d |^floppy\d: no floppy controllers/,
]

/**
 * Mach sets the keyboard's lights with IRQ 1 masked and reads the answers itself, so the controller takes its request back.
 * A 8259A then has none (data sheet, "Interrupt Request Register": the input must stay high until INTA); QEMU's keeps it,
 * and Mach gets an interrupt for an answer that it has read long ago.
 */
const STALE_INTERRUPT = 'unexpected ACK from keyboard'

function compared(text: string[]): string[] {
  return (
    text
      .filter(line => !BOARD.some(pattern => pattern.test(line)))
      // How long the probing took: the clocks start at the same second.
      .map(line => line.replace(/^(RTC time is 2026-01-01 00:00:)\d\d$/, '$1??'))
  )
}

/** QEMU puts the command line behind the kernel, on a page of its own, which Mach then does not count as free. */
function withItsPage(text: string[]): string[] {
  return text.map(line => line.replace(/^(vm_page: DIRECTMAP: .* free: )(\d+)/, (_, free, n) => `${free}${+n + 1}`))
}

/** A slow processor, of 50 million instructions a second: Mach waits five seconds for controllers that are not there. */
const nsPerInstruction = 20

async function both(commandLine: string): Promise<{ qemu: Qemu; pc: Pc }> {
  const kernel = guest('gnumach')
  const qemu = await Qemu.start({ kernel, commandLine, memory: MEMORY })
  return { qemu, pc: await Pc.start({ image: kernel, commandLine, memory: AVAILABLE, nsPerInstruction }) }
}

needs('debian guests', 'qemu')(
  'gnumach says on its serial console what it says in QEMU',
  async () => {
    const { qemu, pc } = await both('console=com0')
    const ended = (serial: string): boolean => serial.includes(`${LAST_WORDS}\r\n`)
    pc.runUntil(LAST_WORDS, () => ended(pc.serial()), { every: 100, limit: 20_000 })
    const there = await qemu.serialWhen(LAST_WORDS, ended)

    const lines = (serial: string): string[] => serial.split('\n').map(line => line.replaceAll('\r', ''))
    const ours = compared(lines(pc.serial()))
    expect(ours).toContain('Probing PCI hardware.')
    expect(ours).toEqual(compared(withItsPage(lines(there))))
  },
  MINUTES,
)

needs('debian guests', 'qemu')(
  'gnumach says on the screen what it says in QEMU',
  async () => {
    const { qemu, pc } = await both('')
    const ended = (text: Uint8Array): boolean => rows(text).join('').includes(LAST_WORDS)
    pc.runUntil(LAST_WORDS, () => ended(pc.textMemory()), { every: 100, limit: 20_000 })
    const there = await qemu.textMemoryWhen(LAST_WORDS, ended)

    const written = (text: Uint8Array): string[] => rows(text).filter(line => line !== '')
    const shown = compared(withItsPage(written(there))).filter(line => line !== STALE_INTERRUPT)
    // What QEMU's board says more has scrolled the first lines away.
    expect(shown.length).toBeGreaterThanOrEqual(14)
    expect(compared(written(pc.textMemory())).slice(-shown.length)).toEqual(shown)
    expect(new Set(attributes(pc.textMemory()))).toEqual(new Set(attributes(there)))
  },
  MINUTES,
)
