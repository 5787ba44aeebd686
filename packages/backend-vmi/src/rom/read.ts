/**
 * Reading a ROM image, with every check that a guest makes (Linux 2.6.24 vmi_32.c check_vmi_rom) and those that a guest trusts
 * the firmware to have made: length, checksum, structures and answers within the image.
 */
import { CALL_LIMIT, CALLS } from '../abi/calls.ts'
import {
  HEADER,
  HEADER_SIZE,
  LICENSES,
  PCI_HEADER,
  PCI_HEADER_SIZE,
  PCI_SIGNATURE,
  PNP_HEADER,
  PNP_HEADER_SIZE,
  PNP_SIGNATURE,
  type Relocation,
  ROM_BLOCK,
  ROM_SIGNATURE,
  VMI_API_MAJOR,
  VMI_API_MINOR,
  VMI_SIGNATURE,
} from '../abi/rom.ts'
import { romError } from './errors.ts'
import {
  DESCRIPTOR,
  DESCRIPTOR_FORMAT,
  DESCRIPTOR_SIGNATURE,
  Fields,
  PAGE,
  RELOCATION_NAMES,
  SCRATCH_OFFSET,
  sum,
  TABLE_ENTRY,
} from './format.ts'

/** A ROM image, checked, and what is known of it. */
export interface Rom {
  readonly name: string
  /** `0.0.0` when the image does not say. */
  readonly version: string
  readonly api: { readonly major: number; readonly minor: number }
  readonly license: string
  /** The image: whole blocks, its sum 0. */
  readonly bytes: Uint8Array
  /**
   * What get_reloc answers, by call, and where: known for ROMs of the builder. Undefined for others, whose get_reloc nobody but
   * the guest asks.
   */
  readonly answers: ReadonlyMap<string, RomEntry> | undefined
  /** Scratch memory: its offset from the image's first byte (behind the image), and its bytes, maybe 0. */
  readonly scratch: { readonly offset: number; readonly length: number }
  /** The scratch memory begins with the queue of updates. */
  readonly queue: boolean
}

/** An answer of get_reloc. */
export interface RomEntry {
  readonly relocation: Relocation
  /** Offset of the function in the image; 0 for none and nop. */
  readonly offset: number
}

/** Major equal, minor at least. */
export function apiFits(has: { major: number; minor: number }, wants: { major: number; minor: number }): boolean {
  return has.major === wants.major && has.minor >= wants.minor
}

/**
 * Checks an image. Bytes behind its length are dropped. Throws `PG_VMI_ROM_LENGTH`, `_SIGNATURE`, `_CHECKSUM`, `_VERSION`,
 * `_PCI`, `_PNP`, `_LICENSE`, `_RELOCATION`.
 */
export function readRom(file: Uint8Array, called = 'the ROM'): Rom {
  if (file.length < HEADER_SIZE) {
    throw romError(
      'PG_VMI_ROM_LENGTH',
      called,
      `${file.length} bytes are too few for a header of ${HEADER_SIZE}`,
      'Give the whole file.',
    )
  }
  const fields = new Fields(file)
  const marks = [fields.get(HEADER.romSignature), fields.get(HEADER.vromSignature)]
  if (marks[0] !== ROM_SIGNATURE || marks[1] !== VMI_SIGNATURE) {
    throw romError(
      'PG_VMI_ROM_SIGNATURE',
      called,
      'it does not begin as a VMI ROM',
      'A VMI ROM has 55 AA at 0 and "cVmi" at 8.',
      {
        romSignature: marks[0],
        vromSignature: marks[1],
      },
    )
  }
  const length = fields.get(HEADER.romLength) * ROM_BLOCK
  if (length < HEADER_SIZE || length > file.length) {
    throw romError(
      'PG_VMI_ROM_LENGTH',
      called,
      `its header says ${length} bytes, and there are ${file.length}`,
      'The length byte counts blocks of 512 bytes; seal() sets it.',
      { length, bytes: file.length },
    )
  }
  const bytes = file.slice(0, length)
  const remainder = sum(bytes)
  if (remainder !== 0) {
    throw romError(
      'PG_VMI_ROM_CHECKSUM',
      called,
      `its bytes add up to ${remainder}, not 0`,
      'seal() sets the checksum.',
      {
        sum: remainder,
      },
    )
  }
  const api = { major: fields.get(HEADER.apiVersionMajor), minor: fields.get(HEADER.apiVersionMinor) }
  if (!apiFits(api, { major: VMI_API_MAJOR, minor: VMI_API_MINOR })) {
    throw romError(
      'PG_VMI_ROM_VERSION',
      called,
      `it has VMI API ${api.major}.${api.minor}; this is ${VMI_API_MAJOR}.${VMI_API_MINOR}`,
      'The major version must be equal, the minor at least.',
      { api },
    )
  }
  checkPci(called, bytes)
  checkPnp(called, bytes)
  const license = checkLicense(called, bytes)
  checkEntry(called, bytes, 'vmi_init', HEADER.vmiInit.at)
  checkEntry(called, bytes, 'get_reloc', HEADER.getReloc.at)
  return { api, license, bytes, ...readDescriptor(called, bytes) }
}

function checkPci(called: string, bytes: Uint8Array): void {
  const fields = new Fields(bytes)
  const at = fields.get(HEADER.pciHeaderOffset)
  const refuse = (why: string) =>
    romError(
      'PG_VMI_ROM_PCI',
      called,
      why,
      'Guests find the function that a ROM belongs to by this structure, and take no ROM without.',
      {
        offset: at,
      },
    )
  if (at === 0) throw refuse('it has no PCI data structure')
  if (at + PCI_HEADER_SIZE > bytes.length) throw refuse('its PCI data structure lies outside the image')
  if (text(bytes, at, 4) !== PCI_SIGNATURE) throw refuse('its PCI data structure does not begin with PCIR')
  const blocks = fields.get(PCI_HEADER.imageLength, at)
  if (blocks * ROM_BLOCK !== bytes.length) throw refuse(`its PCI data structure says ${blocks} blocks`)
}

function checkPnp(called: string, bytes: Uint8Array): void {
  const fields = new Fields(bytes)
  const at = fields.get(HEADER.pnpHeaderOffset)
  // Guests do without.
  if (at === 0) return
  const refuse = (why: string) =>
    romError('PG_VMI_ROM_PNP', called, why, 'Mend the PnP expansion header, or leave it out (offset 0).', {
      offset: at,
    })
  if (at + PNP_HEADER_SIZE > bytes.length) throw refuse('its PnP expansion header lies outside the image')
  if (text(bytes, at, 4) !== PNP_SIGNATURE) throw refuse('its PnP expansion header does not begin with $PnP')
  const length = fields.get(PNP_HEADER.length, at) * 16
  if (length < PNP_HEADER_SIZE || at + length > bytes.length)
    throw refuse(`its PnP expansion header says ${length} bytes`)
  if (sum(bytes.subarray(at, at + length)) !== 0)
    throw refuse('the bytes of its PnP expansion header do not add up to 0')
  for (const name of [PNP_HEADER.manufacturer, PNP_HEADER.product]) {
    const offset = fields.get(name, at)
    if (offset !== 0 && stringAt(bytes, offset) === undefined)
      throw refuse('a name of its PnP header is not in the image')
  }
}

function checkLicense(called: string, bytes: Uint8Array): string {
  const at = new Fields(bytes).get(HEADER.licenseOffset)
  const license = at === 0 ? undefined : stringAt(bytes, at)
  if (license !== undefined && (LICENSES as readonly string[]).includes(license)) return license
  throw romError(
    'PG_VMI_ROM_LICENSE',
    called,
    license === undefined ? 'it names no licence' : `its licence is "${license}"`,
    `Guests take only ROMs whose licence string is ${LICENSES.map(name => `"${name}"`).join(' or ')}.`,
    { offset: at, license },
  )
}

/** The two fixed entry points hold 8 bytes of code each; a jump there must stay within the image. */
function checkEntry(called: string, bytes: Uint8Array, name: string, at: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const opcode = bytes[at]
  const target =
    opcode === 0xe9 ? at + 5 + view.getInt32(at + 1, true) : opcode === 0xeb ? at + 2 + view.getInt8(at + 1) : at
  if (opcode !== 0 && target >= HEADER_SIZE - 16 && target < bytes.length) return
  throw romError(
    'PG_VMI_ROM_RELOCATION',
    called,
    `${name} does not lead to code in the image`,
    'Put code, or a jump to it, there.',
    {
      entry: name,
      target,
    },
  )
}

type Described = Pick<Rom, 'name' | 'version' | 'answers' | 'scratch' | 'queue'>

function readDescriptor(called: string, bytes: Uint8Array): Described {
  const fields = new Fields(bytes)
  if (
    fields.get(DESCRIPTOR.signature) !== DESCRIPTOR_SIGNATURE ||
    fields.get(DESCRIPTOR.format) !== DESCRIPTOR_FORMAT
  ) {
    const name = productOf(bytes) ?? 'unnamed'
    return { name, version: '0.0.0', answers: undefined, scratch: { offset: SCRATCH_OFFSET, length: 0 }, queue: false }
  }
  const said = stringAt(bytes, fields.get(DESCRIPTOR.name)) ?? ''
  const [name = '', version = '0.0.0'] = said.split(' ')
  const table = fields.get(DESCRIPTOR.table)
  const refuse = (why: string, more: Record<string, unknown>) =>
    romError(
      'PG_VMI_ROM_RELOCATION',
      called,
      why,
      "An answer's function lies between the header and the end of the image.",
      more,
    )
  if (table + CALL_LIMIT * TABLE_ENTRY > bytes.length)
    throw refuse('its table of answers is not in the image', { table })
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const answers = new Map<string, RomEntry>()
  for (const { name: call, number } of CALLS) {
    const entry = view.getUint32(table + number * TABLE_ENTRY, true)
    const [offset, type] = [entry & 0xffff, entry >>> 16]
    const relocation = RELOCATION_NAMES.get(type)
    const calls = relocation === 'call' || relocation === 'jump'
    if (relocation === undefined || (calls ? offset < HEADER_SIZE || offset >= bytes.length : offset !== 0)) {
      throw refuse(`its answer to ${call} leads nowhere`, { call, offset, type })
    }
    answers.set(call, { relocation, offset })
  }
  const length = fields.get(DESCRIPTOR.scratchPages) * PAGE
  if (length > 0 && bytes.length > SCRATCH_OFFSET) {
    throw romError(
      'PG_VMI_ROM_LENGTH',
      called,
      `its image of ${bytes.length} bytes reaches into its scratch memory`,
      'Make it smaller.',
    )
  }
  return {
    name,
    version,
    answers,
    scratch: { offset: SCRATCH_OFFSET, length },
    queue: fields.get(DESCRIPTOR.queue) === 1 && length > 0,
  }
}

function productOf(bytes: Uint8Array): string | undefined {
  const fields = new Fields(bytes)
  const pnp = fields.get(HEADER.pnpHeaderOffset)
  const offset = pnp === 0 ? 0 : fields.get(PNP_HEADER.product, pnp)
  return offset === 0 ? undefined : stringAt(bytes, offset)?.replace(/\s+/g, '-')
}

/** A zero-terminated string in the image; undefined when it does not end there. */
function stringAt(bytes: Uint8Array, offset: number): string | undefined {
  const end = bytes.indexOf(0, offset)
  return offset >= bytes.length || end < 0 ? undefined : text(bytes, offset, end - offset)
}

function text(bytes: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + Math.min(length, 256)))
}
