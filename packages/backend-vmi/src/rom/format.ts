/**
 * The parts of a ROM image that VMI leaves to the ROM's maker, as the builder fills them: the descriptor in the header's reserved
 * bytes, the table that get_reloc reads, the stubs. And the first form of everything: fields, sums.
 */
import { FIRST_HOST_CALL } from '@paragraft/core/ops'
import { CALLS, type CallEntry } from '../abi/calls.ts'
import { type Field, HEADER, RELOCATIONS, type Relocation, ROM_BLOCK } from '../abi/rom.ts'

/** `pgVR`: the bytes behind it are a descriptor of this format. */
export const DESCRIPTOR_SIGNATURE = 0x5256_6770
export const DESCRIPTOR_FORMAT = 1

const at = (offset: number, size: number): Field => ({ at: HEADER.reserved.at + offset, size })

/** The descriptor's fields. */
export const DESCRIPTOR = {
  signature: at(0, 4),
  format: at(4, 2),
  /** Offset of the table of answers. */
  table: at(6, 2),
  /** Offset of `NAME VERSION`, zero-terminated. */
  name: at(8, 2),
  /** Pages of scratch memory, from {@link SCRATCH_OFFSET} on. */
  scratchPages: at(10, 2),
  /** 1: the scratch memory begins with the queue of updates. */
  queue: at(12, 2),
} as const

/** A table entry: offset in the low half, answer in the third byte. */
export const TABLE_ENTRY = 4

/** Scratch memory and stub pages are whole pages. */
export const PAGE = 4096
/**
 * Scratch memory begins so far behind the ROM's first byte: out of the image, whose checksum stays right, and at the same
 * distance however much code an overlay adds.
 */
export const SCRATCH_OFFSET = 0x1_0000

/** `0F 3F imm16`, RET. */
export const STUB_BYTES = 5
/** The immediate of a call's stub. */
export function hostIndex(call: CallEntry): number {
  return FIRST_HOST_CALL + call.number
}
/** The immediate of vmi_init's stub. */
export const HOST_INIT = FIRST_HOST_CALL + 0x100

const BY_INDEX = new Map(CALLS.map(call => [hostIndex(call), call]))

/** The call whose stub has this immediate. */
export function callOfIndex(index: number): CallEntry | undefined {
  return BY_INDEX.get(index)
}

export const RELOCATION_NAMES = new Map<number, Relocation>(
  Object.entries(RELOCATIONS).map(([name, value]) => [value, name as Relocation]),
)

/** Reading and writing of little-endian fields. */
export class Fields {
  readonly view: DataView

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get({ at: offset, size }: Field, base = 0): number {
    if (size === 4) return this.view.getUint32(base + offset, true)
    let value = 0
    for (let n = 0; n < size; n++) value |= this.view.getUint8(base + offset + n) << (8 * n)
    return value
  }

  set({ at: offset, size }: Field, value: number, base = 0): void {
    for (let n = 0; n < size; n++) this.view.setUint8(base + offset + n, Math.floor(value / 2 ** (8 * n)) & 0xff)
  }
}

/** The byte of the header that makes the image's sum 0: rom_pad0, which nobody reads. */
const CHECKSUM = 7

/** Sum of all bytes modulo 256. */
export function sum(bytes: Uint8Array): number {
  let total = 0
  for (const byte of bytes) total += byte
  return total & 0xff
}

/** Cuts or fills the image to whole blocks, and sets its length and checksum. In place where the length is right already. */
export function seal(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / ROM_BLOCK)
  let image = bytes
  if (bytes.length !== blocks * ROM_BLOCK) {
    image = new Uint8Array(blocks * ROM_BLOCK)
    image.set(bytes)
  }
  image[HEADER.romLength.at] = blocks
  image[CHECKSUM] = 0
  image[CHECKSUM] = -sum(image) & 0xff
  return image
}
