/**
 * The ACPI tables of the board (ACPI 3.0, chapter 5): RSDP, RSDT, FADT, FACS, MADT and a DSDT, built for what the
 * devices of this package are, and placed where a PC's firmware keeps them.
 */
import { ParagraftError } from '@paragraft/core/errors'
import type { GuestMemory } from '@paragraft/core/ports'
import { ACPI_DISABLE, ACPI_ENABLE, PM_TMR, PM1A_CNT, PM1A_EVT, SLP_TYP_S5, SMI_CMD } from './acpi-pm.ts'
import * as aml from './aml.ts'
import { APIC_DEFAULT_BASE } from './apic.ts'
import { PIRQ_ROUTES } from './i440fx.ts'
import { IOAPIC_DEFAULT_BASE } from './ioapic.ts'
import { RTC_CENTURY } from './mc146818.ts'
import { pirqOf } from './pci.ts'
import { RESET_CONTROL_PORT, RESET_CONTROL_VALUE } from './reset-control.ts'

export interface AcpiOptions {
  /**
   * What the tables describe: a PC (the default), or a machine with a local APIC and the power registers, and none of a PC's
   * other devices.
   */
  board?: 'pc' | 'none'
  /** Base of the PM registers, default 0x600. */
  pmBase?: number
  localApicId?: number
  ioApicId?: number
}

/** Where the tables were put. */
export interface AcpiPlacement {
  /** Physical address of the RSDP, on a 16-byte boundary. */
  rsdp: number
  tables: { signature: string; address: number; length: number }[]
  /** First byte past everything. */
  end: number
}

/** Memory above this is PCI's, up to the I/O APIC. */
export const PCI_MEMORY_FIRST = 0xe000_0000
export const PCI_MEMORY_LAST = 0xfebf_ffff
/** IRQ of the SCI, level triggered and active high. */
export const SCI_IRQ = 9

const OEM_ID = 'PGRAFT'
const OEM_TABLE_ID = 'PARAGRFT'
const HEADER_SIZE = 36

/** A table under construction: little-endian fields at explicit offsets, header and checksum at the end. */
class Table {
  readonly bytes: Uint8Array
  readonly view: DataView

  constructor(signature: string, revision: number, length: number) {
    this.bytes = new Uint8Array(length)
    this.view = new DataView(this.bytes.buffer)
    this.text(0, signature)
    this.view.setUint32(4, length, true)
    this.bytes[8] = revision
    this.text(10, OEM_ID)
    this.text(16, OEM_TABLE_ID)
    this.view.setUint32(24, 1, true)
    this.text(28, 'PGFT')
    this.view.setUint32(32, 1, true)
  }

  text(offset: number, text: string): void {
    for (let i = 0; i < text.length; i++) this.bytes[offset + i] = text.charCodeAt(i)
  }

  /** Generic address structure (5.2.3.1): I/O space. */
  ioAddress(offset: number, port: number, bits: number): void {
    this.bytes[offset] = 1
    this.bytes[offset + 1] = bits
    this.view.setUint32(offset + 4, port, true)
  }

  finish(): Uint8Array {
    this.bytes[9] = checksum(this.bytes)
    return this.bytes
  }
}

/** The byte that makes the sum of all zero. */
function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff
}

/** Fixed ACPI description table, revision 3 (5.2.9). */
export function buildFadt(facs: number, dsdt: number, options: AcpiOptions = {}): Uint8Array {
  const pm = options.pmBase ?? 0x600
  const t = new Table('FACP', 3, 244)
  const { view, bytes } = t
  view.setUint32(36, facs, true)
  view.setUint32(40, dsdt, true)
  bytes[45] = 1 // Preferred_PM_Profile: desktop
  view.setUint16(46, SCI_IRQ, true)
  view.setUint32(48, SMI_CMD, true)
  bytes[52] = ACPI_ENABLE
  bytes[53] = ACPI_DISABLE
  view.setUint32(56, pm + PM1A_EVT, true)
  view.setUint32(64, pm + PM1A_CNT, true)
  bytes[88] = 4 // PM1_EVT_LEN
  bytes[89] = 2 // PM1_CNT_LEN
  view.setUint16(96, 0xfff, true) // P_LVL2_LAT: above 100, no C2
  view.setUint16(98, 0xfff, true) // P_LVL3_LAT: above 1000, no C3
  view.setUint32(132, facs, true)
  view.setUint32(140, dsdt, true)
  t.ioAddress(148, pm + PM1A_EVT, 32)
  t.ioAddress(172, pm + PM1A_CNT, 16)
  if (options.board === 'none') {
    // IAPC_BOOT_ARCH: no VGA, no CMOS clock. WBINVD, PROC_C1, PWR_BUTTON and SLP_BUTTON (none fixed), FIX_RTC.
    view.setUint16(109, 0x0024, true)
    view.setUint32(112, 0x0000_0075, true)
    return t.finish()
  }
  view.setUint32(76, pm + PM_TMR, true)
  bytes[91] = 4 // PM_TMR_LEN
  bytes[108] = RTC_CENTURY
  view.setUint16(109, 0x0003, true) // IAPC_BOOT_ARCH: legacy devices, 8042
  // WBINVD, PROC_C1, SLP_BUTTON (none fixed), FIX_RTC (no wake status), RESET_REG_SUP.
  view.setUint32(112, 0x0000_0465, true)
  t.ioAddress(116, RESET_CONTROL_PORT, 8)
  bytes[128] = RESET_CONTROL_VALUE
  t.ioAddress(208, pm + PM_TMR, 32)
  return t.finish()
}

/** Multiple APIC description table (5.2.11): one processor; on a PC, one I/O APIC and the ISA overrides. */
export function buildMadt(options: AcpiOptions = {}): Uint8Array {
  const entries: number[] = []
  const dword = (value: number): number[] => [0, 8, 16, 24].map(shift => (value >>> shift) & 0xff)
  entries.push(0, 8, 0, options.localApicId ?? 0, ...dword(1))
  const bare = options.board === 'none'
  if (!bare) {
    entries.push(1, 12, options.ioApicId ?? 1, 0, ...dword(IOAPIC_DEFAULT_BASE), ...dword(0))
    // IRQ 0 arrives at input 2; the SCI and PCI's IRQs are level triggered, active high (flags 1101b).
    entries.push(2, 10, 0, 0, ...dword(2), 0, 0)
    for (const irq of [SCI_IRQ, 10, 11]) entries.push(2, 10, 0, irq, ...dword(irq), 0x0d, 0)
    // LINT1 of every processor is NMI.
    entries.push(4, 6, 0xff, 0, 0, 1)
  }
  const t = new Table('APIC', 1, HEADER_SIZE + 8 + entries.length)
  t.view.setUint32(36, APIC_DEFAULT_BASE, true)
  t.view.setUint32(40, bare ? 0 : 1, true) // PCAT_COMPAT: two 8259 as well
  t.bytes.set(entries, 44)
  return t.finish()
}

/** Differentiated system description table: the bus, its interrupt routing, the devices that are not on PCI, S5. */
export function buildDsdt(options: AcpiOptions = {}): Uint8Array {
  const { name, device, eisaId, integer, packageOf, resources, ioPorts, irq } = aml
  const legacy = (path: string, hid: string, ...crs: readonly aml.Aml[]): aml.Aml =>
    device(path, name('_HID', eisaId(hid)), name('_CRS', resources(...crs)))
  const routes = Array.from({ length: 32 * 4 }, (_, index) => {
    const slot = index >> 2
    const pin = index & 3
    return packageOf(
      integer(((slot << 16) | 0xffff) >>> 0),
      integer(pin),
      integer(0),
      integer(PIRQ_ROUTES[pirqOf(slot, pin + 1) as 0 | 1 | 2 | 3]),
    )
  })
  const isa = device(
    'ISA',
    name('_ADR', integer(0x0001_0000)),
    legacy('PIC', 'PNP0000', ioPorts(0x20, 2), ioPorts(0xa0, 2), ioPorts(0x4d0, 2), irq(2)),
    legacy('TMR', 'PNP0100', ioPorts(0x40, 4), irq(0)),
    legacy('RTC', 'PNP0B00', ioPorts(0x70, 2), irq(8)),
    legacy('KBD', 'PNP0303', ioPorts(0x60, 1), ioPorts(0x64, 1), irq(1)),
    legacy('SPKR', 'PNP0800', ioPorts(0x61, 1)),
    legacy('FPU', 'PNP0C04', ioPorts(0xf0, 16), irq(13)),
    legacy(
      'SYSR',
      'PNP0C02',
      ioPorts(0x80, 16),
      ioPorts(0x92, 1),
      ioPorts(0xb2, 2),
      ioPorts(options.pmBase ?? 0x600, 0x40),
    ),
    device(
      'COM1',
      name('_HID', eisaId('PNP0501')),
      name('_UID', integer(1)),
      name('_CRS', resources(ioPorts(0x3f8, 8), irq(4))),
    ),
  )
  const pci = device(
    'PCI0',
    name('_HID', eisaId('PNP0A03')),
    name('_ADR', integer(0)),
    name('_UID', integer(0)),
    name(
      '_CRS',
      resources(
        aml.busNumbers(0, 0xff),
        ioPorts(0xcf8, 8),
        aml.ioWindow(0x0000, 0x0cf7),
        aml.ioWindow(0x0d00, 0xffff),
        aml.memoryWindow(0x000a_0000, 0x000b_ffff, true),
        aml.memoryWindow(PCI_MEMORY_FIRST, PCI_MEMORY_LAST, false),
      ),
    ),
    name('_PRT', packageOf(...routes)),
    isa,
  )
  const body = [
    ...aml.scope('\\_PR', aml.processor('CPU0', 0)),
    ...(options.board === 'none' ? [] : aml.scope('\\_SB', pci)),
    ...name('\\_S5', packageOf(integer(SLP_TYP_S5), integer(SLP_TYP_S5), integer(0), integer(0))),
  ]
  const t = new Table('DSDT', 1, HEADER_SIZE + body.length)
  t.bytes.set(body, HEADER_SIZE)
  return t.finish()
}

/** Firmware ACPI control structure (5.2.10): no checksum, 64-byte alignment. */
export function buildFacs(): Uint8Array {
  const facs = new Uint8Array(64)
  facs.set([0x46, 0x41, 0x43, 0x53, 64])
  facs[32] = 1
  return facs
}

/** Root system description table (5.2.7). */
export function buildRsdt(tables: readonly number[]): Uint8Array {
  const t = new Table('RSDT', 1, HEADER_SIZE + 4 * tables.length)
  for (const [index, address] of tables.entries()) t.view.setUint32(HEADER_SIZE + 4 * index, address, true)
  return t.finish()
}

/** Root system description pointer, ACPI 1.0 form (5.2.5.3): the loader finds it by signature and sum. */
export function buildRsdp(rsdt: number): Uint8Array {
  const rsdp = new Uint8Array(20)
  rsdp.set([...'RSD PTR '].map(character => character.charCodeAt(0)))
  rsdp.set(
    [...OEM_ID].map(character => character.charCodeAt(0)),
    9,
  )
  new DataView(rsdp.buffer).setUint32(16, rsdt, true)
  rsdp[8] = checksum(rsdp)
  return rsdp
}

/**
 * Builds all tables and writes them to guest memory from `at`, RSDP first. `at` should lie in 0xE0000–0xFFFFF, where
 * guests look, and the memory map must keep the range reserved.
 * @throws ParagraftError `PG_ACPI_PLACE` when they do not fit below 1 MB.
 */
export function placeAcpi(memory: GuestMemory, at = 0xe_0000, options: AcpiOptions = {}): AcpiPlacement {
  const start = Math.ceil(at / 64) * 64
  let next = start + 64
  const tables: AcpiPlacement['tables'] = []
  const writes: [number, Uint8Array][] = []
  const put = (signature: string, bytes: Uint8Array): number => {
    const address = next
    tables.push({ signature, address, length: bytes.length })
    writes.push([address, bytes])
    next = Math.ceil((address + bytes.length) / 64) * 64
    return address
  }
  const facs = put('FACS', buildFacs())
  const dsdt = put('DSDT', buildDsdt(options))
  const fadt = put('FACP', buildFadt(facs, dsdt, options))
  const madt = put('APIC', buildMadt(options))
  const rsdt = put('RSDT', buildRsdt([fadt, madt]))
  if (start < 0xe_0000 || next > 0x10_0000) {
    throw new ParagraftError('PG_ACPI_PLACE', 'ACPI tables must lie between 0xE0000 and 0xFFFFF', {
      fields: { at, end: next },
      hint: 'Leave the default address.',
    })
  }
  writes.push([start, buildRsdp(rsdt)])
  for (const [address, bytes] of writes) memory.write(address, bytes)
  return { rsdp: start, tables, end: next }
}
