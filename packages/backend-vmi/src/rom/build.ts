/**
 * The builder of ROMs: header, PCI and PnP structures, strings, the table that get_reloc reads, stubs that leave to the machine,
 * and the author's code, put together, sealed, and read back with every check that a guest would make.
 *
 *     0 header · 144 PCI data structure · 176 PnP header · 208 strings · table of answers · stubs · objects · fill
 */
import { CALL_LIMIT, CALLS } from '../abi/calls.ts'
import {
  HEADER,
  LICENSES,
  PCI_CLASS_CODE,
  PCI_DEVICE_ID,
  PCI_HEADER,
  PCI_HEADER_SIZE,
  PCI_LAST_IMAGE,
  PCI_SIGNATURE,
  PCI_VENDOR_ID,
  PNP_HEADER,
  PNP_HEADER_SIZE,
  PNP_SIGNATURE,
  RELOCATIONS,
  ROM_BLOCK,
  ROM_SIGNATURE,
  VMI_API_MAJOR,
  VMI_API_MINOR,
  VMI_SIGNATURE,
} from '../abi/rom.ts'
import { checkAnswers, checkNoHoles, serves } from './answers.ts'
import { linkObjects, placeObjects } from './code.ts'
import type { RomAnswer, RomDefinition, RomIdentity } from './definition.ts'
import { romError } from './errors.ts'
import {
  DESCRIPTOR,
  DESCRIPTOR_FORMAT,
  DESCRIPTOR_SIGNATURE,
  Fields,
  HOST_INIT,
  hostIndex,
  PAGE,
  SCRATCH_OFFSET,
  STUB_BYTES,
  seal,
  sum,
  TABLE_ENTRY,
} from './format.ts'
import { CORE_OBJECT } from './objects.generated.ts'
import { decodeObject } from './objects.ts'
import { type Rom, readRom } from './read.ts'

const PCI_AT = 144
const PNP_AT = 176
const STRINGS_AT = 208
/** Stubs lie so far apart. */
const STUB_STRIDE = 8
/** Scratch memory ends where option ROMs do when the ROM is at C8000h: 8 pages behind its first 64 KiB. */
const MAX_SCRATCH = 8 * PAGE
const LARGE_PAGE = 0x40_0000
/** MAJOR.MINOR.PATCH, maybe with a pre-release. */
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/

/**
 * Builds a ROM. Throws `PG_VMI_ROM_DEFINITION` (name, version, scratch, virtualTop), `_HOLE` (a call without an answer),
 * `_ANSWER` (an answer that a call cannot have, a symbol that no object defines), `_CODE` (an object that cannot be linked, or
 * depends on its address), and everything that {@link readRom} throws.
 */
export function buildRom(definition: RomDefinition): Rom {
  const { name, version, calls } = definition
  checkIdentity(definition)
  checkAnswers(name, calls)
  checkNoHoles(name, calls)
  const scratch = pages(definition)
  const api = definition.api ?? { major: VMI_API_MAJOR, minor: VMI_API_MINOR }

  const strings = new Strings(STRINGS_AT)
  const license = strings.add(definition.license)
  const manufacturer = strings.add(definition.manufacturer ?? 'Paragraft')
  const product = strings.add(name)
  const said = strings.add(`${name} ${version}`)
  const table = Math.ceil(strings.end / TABLE_ENTRY) * TABLE_ENTRY
  const stubs = stubBlock(table + CALL_LIMIT * TABLE_ENTRY)
  const core = [decodeObject(CORE_OBJECT)]
  const { placed, end } = placeObjects(name, [...core, ...(definition.objects ?? [])], stubs.end)
  const limit = scratch > 0 ? SCRATCH_OFFSET : 0xff * ROM_BLOCK
  if (end > limit) {
    throw romError(
      'PG_VMI_ROM_LENGTH',
      name,
      `it would have ${end} bytes; there is room for ${limit}`,
      'Make its code smaller.',
      {
        end,
      },
    )
  }

  const image = new Uint8Array(Math.ceil(end / ROM_BLOCK) * ROM_BLOCK)
  const own = new Map([...stubs.symbols, ['vmi_rom', 0], ['vmi_relocations', table]])
  if (scratch > 0) own.set('vmi_scratch', SCRATCH_OFFSET)
  const symbols = linkObjects(name, image, placed, own)
  stubs.write(image)
  strings.write(image)
  writeTable(name, image, table, calls, symbols, own)

  const fields = new Fields(image)
  fields.set(HEADER.romSignature, ROM_SIGNATURE)
  // Firmware far-calls the entry in 16-bit mode: RETF.
  fields.set(HEADER.romEntry, 0xcb)
  fields.set(HEADER.vromSignature, VMI_SIGNATURE)
  fields.set(HEADER.apiVersionMajor, api.major)
  fields.set(HEADER.apiVersionMinor, api.minor)
  fields.set(HEADER.virtualTop, definition.virtualTop ?? 0)
  fields.set(HEADER.licenseOffset, license)
  fields.set(HEADER.pciHeaderOffset, PCI_AT)
  fields.set(HEADER.pnpHeaderOffset, PNP_AT)
  jumpAt(image, HEADER.vmiInit.at, symbols.get('vmi_init')!)
  jumpAt(image, HEADER.getReloc.at, symbols.get('vmi_get_reloc')!)
  fields.set(DESCRIPTOR.signature, DESCRIPTOR_SIGNATURE)
  fields.set(DESCRIPTOR.format, DESCRIPTOR_FORMAT)
  fields.set(DESCRIPTOR.table, table)
  fields.set(DESCRIPTOR.name, said)
  fields.set(DESCRIPTOR.scratchPages, scratch / PAGE)
  fields.set(DESCRIPTOR.queue, definition.queue ? 1 : 0)
  writePci(image, version)
  writePnp(image, manufacturer, product)
  return readRom(seal(image), name)
}

/** Checks who a ROM or an overlay says it is. Throws `PG_VMI_ROM_DEFINITION`. */
export function checkIdentity({ name, version, license }: RomIdentity): void {
  const refuse = (why: string) =>
    romError('PG_VMI_ROM_DEFINITION', String(name), why, 'Give it a name without spaces, and a semver version.', {
      name,
      version,
    })
  if (typeof name !== 'string' || !/^[\x21-\x7e]{1,64}$/.test(name)) throw refuse('that is no name')
  if (typeof version !== 'string' || !VERSION.test(version)) throw refuse(`${version} is no version`)
  const [major, minor] = version.split('.').map(Number) as [number, number]
  if (major > 255 || minor > 255) throw refuse(`version ${version} does not fit the PCI data structure`)
  if (!LICENSES.includes(license)) {
    throw romError(
      'PG_VMI_ROM_LICENSE',
      name,
      `its licence is "${license}"`,
      `Guests take only ${LICENSES.join(' or ')}.`,
      {
        license,
      },
    )
  }
}

function pages({ name, scratch = 0, queue, virtualTop = 0 }: RomDefinition): number {
  const refuse = (why: string, hint: string) =>
    romError('PG_VMI_ROM_DEFINITION', name, why, hint, { scratch, queue, virtualTop })
  if (!Number.isInteger(scratch) || scratch < 0 || scratch > MAX_SCRATCH) {
    throw refuse(`it cannot have ${scratch} bytes of scratch memory`, `Ask for at most ${MAX_SCRATCH}.`)
  }
  if (queue && scratch === 0) throw refuse('its queue has no memory', `Ask for ${PAGE} bytes of scratch memory.`)
  if (!Number.isInteger(virtualTop) || virtualTop < 0 || virtualTop >= 2 ** 32 || virtualTop % LARGE_PAGE !== 0) {
    throw refuse(`virtualTop ${virtualTop} is impossible`, 'Give a virtual address, a multiple of 4 MiB.')
  }
  return Math.ceil(scratch / PAGE) * PAGE
}

/** Zero-terminated strings, one behind another. */
class Strings {
  readonly #start: number
  readonly #bytes: number[] = []

  constructor(start: number) {
    this.#start = start
  }

  get end(): number {
    return this.#start + this.#bytes.length
  }

  add(text: string): number {
    const at = this.end
    for (const character of text) this.#bytes.push(character.charCodeAt(0) & 0x7f)
    this.#bytes.push(0)
    return at
  }

  write(image: Uint8Array): void {
    image.set(this.#bytes, this.#start)
  }
}

/** Stubs of every call that the machine can serve, and of vmi_init: the host opcode and RET. */
export function stubBlock(from: number): {
  end: number
  symbols: Map<string, number>
  write: (image: Uint8Array) => void
} {
  const start = Math.ceil(from / STUB_STRIDE) * STUB_STRIDE
  const served = CALLS.filter(serves)
  const stubs: [symbol: string, index: number][] = [
    ['vmi_host_Init', HOST_INIT],
    ...served.map((call): [string, number] => [`vmi_host_${call.name}`, hostIndex(call)]),
  ]
  return {
    end: start + stubs.length * STUB_STRIDE,
    symbols: new Map(stubs.map(([symbol], n) => [symbol, start + n * STUB_STRIDE])),
    write(image) {
      for (const [n, [, index]] of stubs.entries()) {
        // INT3 between them: nobody comes there.
        image.fill(0xcc, start + n * STUB_STRIDE + STUB_BYTES, start + (n + 1) * STUB_STRIDE)
        image.set([0x0f, 0x3f, index & 0xff, index >> 8, 0xc3], start + n * STUB_STRIDE)
      }
    },
  }
}

/** Writes the entries of these calls. Throws `PG_VMI_ROM_ANSWER` for a symbol that nobody defines. */
export function writeTable(
  rom: string,
  image: Uint8Array,
  table: number,
  calls: Readonly<Record<string, RomAnswer>>,
  symbols: ReadonlyMap<string, number>,
  own: ReadonlyMap<string, number>,
): void {
  const view = new DataView(image.buffer, image.byteOffset)
  for (const { name, number } of CALLS) {
    const answer = Object.hasOwn(calls, name) ? calls[name]! : undefined
    if (answer === undefined) continue
    const symbol = answer.kind === 'host' ? `vmi_host_${name}` : 'symbol' in answer ? answer.symbol : undefined
    const offset = symbol === undefined ? 0 : (symbols.get(symbol) ?? own.get(symbol))
    if (offset === undefined) {
      throw romError(
        'PG_VMI_ROM_ANSWER',
        rom,
        `no object defines ${symbol}, the answer to ${name}`,
        'Make it a global symbol (.globl).',
        {
          call: name,
          symbol,
        },
      )
    }
    const relocation = answer.kind === 'host' ? RELOCATIONS.call : RELOCATIONS[answer.kind]
    view.setUint32(table + number * TABLE_ENTRY, (relocation << 16) | offset, true)
  }
}

/** JMP rel32. */
function jumpAt(image: Uint8Array, at: number, target: number): void {
  image[at] = 0xe9
  new DataView(image.buffer, image.byteOffset).setInt32(at + 1, target - (at + 5), true)
}

function writePci(image: Uint8Array, version: string): void {
  const fields = new Fields(image)
  const [major, minor] = version.split('.').map(Number) as [number, number]
  image.set(ascii(PCI_SIGNATURE), PCI_AT)
  fields.set(PCI_HEADER.vendorId, PCI_VENDOR_ID, PCI_AT)
  fields.set(PCI_HEADER.deviceId, PCI_DEVICE_ID, PCI_AT)
  fields.set(PCI_HEADER.length, PCI_HEADER_SIZE, PCI_AT)
  fields.set(PCI_HEADER.classCode, PCI_CLASS_CODE, PCI_AT)
  fields.set(PCI_HEADER.romVersionMajor, major, PCI_AT)
  fields.set(PCI_HEADER.romVersionMinor, minor, PCI_AT)
  fields.set(PCI_HEADER.indicator, PCI_LAST_IMAGE, PCI_AT)
  setPciLength(image)
}

/** The image's length, in the PCI data structure of a ROM of this builder. */
export function setPciLength(image: Uint8Array): void {
  const fields = new Fields(image)
  fields.set(PCI_HEADER.imageLength, image.length / ROM_BLOCK, fields.get(HEADER.pciHeaderOffset))
}

function writePnp(image: Uint8Array, manufacturer: number, product: number): void {
  const fields = new Fields(image)
  image.set(ascii(PNP_SIGNATURE), PNP_AT)
  fields.set(PNP_HEADER.revision, 1, PNP_AT)
  fields.set(PNP_HEADER.length, PNP_HEADER_SIZE / 16, PNP_AT)
  fields.set(PNP_HEADER.manufacturer, manufacturer, PNP_AT)
  fields.set(PNP_HEADER.product, product, PNP_AT)
  fields.set(PNP_HEADER.checksum, -sum(image.subarray(PNP_AT, PNP_AT + PNP_HEADER_SIZE)) & 0xff, PNP_AT)
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}
