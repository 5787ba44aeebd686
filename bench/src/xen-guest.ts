/** Guests of Xen that make one hypercall so many times and shut down, by either way in; and the same without the hypercall. */

export type Way = 'xen-pv' | 'xen-pvh'

/** Where each is linked to, and how it calls: INT 82, VMCALL. */
const BASES: Readonly<Record<Way, number>> = { 'xen-pv': 0xc000_0000, 'xen-pvh': 0x10_0000 }
const CALLS: Readonly<Record<Way, readonly number[]>> = { 'xen-pv': [0xcd, 0x82], 'xen-pvh': [0x0f, 0x01, 0xc1] }
/** Numbers of the public headers: xen_version, sched_op; notes VIRT_BASE, ENTRY, GUEST_OS, XEN_VERSION, LOADER, PAE_MODE, PHYS32_ENTRY. */
const XEN_VERSION = 17
const SCHED_OP = 29
const SHUTDOWN = 2
const HEADERS = 52 + 2 * 32
const NOTES_SIZE = 512
const PF_RWX = 7

const word = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]
const half = (value: number): number[] => [value & 255, value >>> 8]

/** An ELF file of one segment; the entry is at its first byte. */
export function hypercallGuest(way: Way, count: number, calls: boolean): Uint8Array {
  const base = BASES[way]
  const call = CALLS[way]
  const loop = [
    ...[0xb8, ...word(XEN_VERSION)], // mov eax, xen_version
    ...[0x31, 0xdb], // xor ebx, ebx
    ...(calls ? call : call.map(() => 0x90)),
    0x4f, // dec edi
  ]
  const code = [
    ...[0xbf, ...word(count)], // mov edi, count
    ...loop,
    ...[0x75, 256 - loop.length - 2], // jnz
    ...[0xb8, ...word(SCHED_OP)],
    ...[0xbb, ...word(SHUTDOWN)],
    ...[0xb9, ...word(base + 0x800)], // the reason: 0, power off
    ...call,
    ...[0xeb, 0xfe],
  ]
  const notes =
    way === 'xen-pv'
      ? [
          ...note(5, text('xen-3.0')),
          ...note(6, text('bench')),
          ...note(8, text('generic')),
          ...note(9, text('yes')),
          ...note(3, word(base)),
          ...note(4, word(base)),
          ...note(1, word(base)),
        ]
      : note(18, word(base))
  const file = new Uint8Array(HEADERS + NOTES_SIZE + code.length)
  const segment = (type: number, at: number, address: number, size: number, memory: number): number[] =>
    [type, at, address, address, size, memory, PF_RWX, 4].flatMap(word)
  const codeAt = HEADERS + NOTES_SIZE
  file.set([
    ...[0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, ...new Array<number>(9).fill(0)],
    ...[...half(2), ...half(3), ...word(1), ...word(base), ...word(52), ...word(0), ...word(0)],
    ...[52, 32, 2, 40, 0, 0].flatMap(half),
    ...segment(1, codeAt, base, code.length, 0x1000),
    ...segment(4, HEADERS, 0, notes.length, notes.length),
    ...notes,
  ])
  file.set(code, codeAt)
  return file
}

function text(string: string): number[] {
  return [...string, '\0'].map(character => character.charCodeAt(0))
}

function note(type: number, desc: readonly number[]): number[] {
  const padded = [...desc, ...new Array<number>((4 - (desc.length % 4)) % 4).fill(0)]
  return [...word(4), ...word(desc.length), ...word(type), ...text('Xen'), ...padded]
}
