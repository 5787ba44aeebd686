/** ROMs as built and as read: the checks of Linux 2.6.24's vmi_32.c and of the PCI firmware specification, one by one. */
import { isParagraftError } from '@paragraft/core/errors'
import { expect, test } from 'vitest'
import { CALLS } from '../abi/calls.ts'
import { HEADER, PCI_HEADER, RELOCATIONS } from '../abi/rom.ts'
import { call, host, jump, none, nop, type RomDefinition } from './definition.ts'
import { DESCRIPTOR, Fields, seal } from './format.ts'
import { applyOverlay, buildRom, builtInRom, defineOverlay, ROM_NAMES, readRom } from './index.ts'
import { FUNCTIONS_OBJECT } from './objects.generated.ts'
import { decodeObject } from './objects.ts'
import { PLAIN } from './roms.ts'

function refusal(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (isParagraftError(error)) return error.code.replace('PG_VMI_ROM_', '')
    throw error
  }
  return 'accepted'
}

const plain = builtInRom('plain')

/** The plain ROM with something done to its fields, sealed again. */
function altered(change: (fields: Fields, bytes: Uint8Array) => void): Uint8Array {
  const bytes = plain.bytes.slice()
  change(new Fields(bytes), bytes)
  return seal(bytes)
}

test.each(ROM_NAMES)('%s: header, structures and answers', name => {
  const rom = builtInRom(name)
  const fields = new Fields(rom.bytes)
  expect(fields.get(HEADER.romSignature)).toBe(0xaa55)
  expect(String.fromCharCode(...rom.bytes.subarray(8, 12))).toBe('cVmi')
  expect(fields.get(HEADER.romLength) * 512).toBe(rom.bytes.length)
  expect(rom.bytes.reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0)
  expect(rom.api).toEqual({ major: 3, minor: 0 })
  expect(rom.license).toBe('GPL v2')
  expect([rom.name, rom.version]).toEqual([name, '1.0.0'])
  const pci = fields.get(HEADER.pciHeaderOffset)
  expect(fields.get(PCI_HEADER.vendorId, pci)).toBe(0x15ad)
  expect(fields.get(PCI_HEADER.deviceId, pci)).toBe(0x0801)
  expect([...rom.answers!.keys()]).toEqual(CALLS.map(entry => entry.name))
  expect(readRom(rom.bytes)).toEqual(rom)
})

test('the two policies differ where they say', () => {
  const of = (name: (typeof ROM_NAMES)[number]) =>
    Object.fromEntries([...builtInRom(name).answers!].map(([call, { relocation }]) => [call, relocation]))
  const [a, b] = [of('plain'), of('deferred')]
  expect(Object.keys(a).filter(name => a[name] !== b[name])).toEqual([
    'WBINVD',
    'SetDR',
    'GetDR',
    'RDPMC',
    'RDTSC',
    'IRET',
    'IODelay',
    'SetLazyMode',
  ])
  expect([a['IRET'], b['IRET'], a['SetLazyMode'], b['SetLazyMode']]).toEqual(['jump', 'call', 'nop', 'call'])
  expect(builtInRom('deferred').queue).toBe(true)
})

test('what a guest would not take is refused, each with its code', () => {
  const offset = (field: keyof typeof HEADER) => HEADER[field]
  const cases: [string, () => Uint8Array][] = [
    ['SIGNATURE', () => altered(fields => fields.set(offset('romSignature'), 0xaa54))],
    ['SIGNATURE', () => altered(fields => fields.set(offset('vromSignature'), 0x696d_5664))],
    ['VERSION', () => altered(fields => fields.set(offset('apiVersionMajor'), 2))],
    ['VERSION', () => altered(fields => fields.set(offset('apiVersionMajor'), 4))],
    ['accepted', () => altered(fields => fields.set(offset('apiVersionMinor'), 7))],
    ['PCI', () => altered(fields => fields.set(offset('pciHeaderOffset'), 0))],
    ['PCI', () => altered(fields => fields.set(offset('pciHeaderOffset'), 0xfff0))],
    ['PCI', () => altered(fields => fields.set(offset('pciHeaderOffset'), 0))],
    ['PCI', () => altered((_, bytes) => void (bytes[144] = 0))],
    ['PCI', () => altered((_, bytes) => void (bytes[144 + PCI_HEADER.imageLength.at] = 1))],
    ['PNP', () => altered((_, bytes) => void (bytes[176 + 4] = 9))],
    ['PNP', () => altered(fields => fields.set(offset('pnpHeaderOffset'), 0xfff8))],
    ['accepted', () => altered(fields => fields.set(offset('pnpHeaderOffset'), 0))],
    ['LICENSE', () => altered(fields => fields.set(offset('licenseOffset'), 0))],
    ['LICENSE', () => altered((fields, bytes) => void (bytes[fields.get(HEADER.licenseOffset)] = 0x4c))],
    ['LICENSE', () => altered(fields => fields.set(offset('licenseOffset'), plain.bytes.length))],
    ['RELOCATION', () => altered((_, bytes) => bytes.fill(0, 128, 136))],
    ['RELOCATION', () => altered((_, bytes) => void (bytes[131] = 0x7f))],
    ['RELOCATION', () => altered(fields => fields.set(DESCRIPTOR.table, 0xffff))],
    ['CHECKSUM', () => plain.bytes.with(700, plain.bytes[700]! ^ 1)],
    ['LENGTH', () => plain.bytes.slice(0, 100)],
    ['LENGTH', () => plain.bytes.slice(0, -512)],
    ['LENGTH', () => plain.bytes.with(2, 0)],
    ['accepted', () => Uint8Array.of(...plain.bytes, 1, 2, 3)],
  ]
  expect(cases.map(([, make]) => refusal(() => readRom(make())))).toEqual(cases.map(([code]) => code))
})

test('an answer that leads out of the image is refused', () => {
  const table = new Fields(plain.bytes).get(DESCRIPTOR.table)
  const entry = (value: number) => altered(fields => fields.set({ at: table + 3 * 4, size: 4 }, value))
  expect(refusal(() => readRom(entry((RELOCATIONS.call << 16) | plain.bytes.length)))).toBe('RELOCATION')
  expect(refusal(() => readRom(entry((RELOCATIONS.call << 16) | 4)))).toBe('RELOCATION')
  expect(refusal(() => readRom(entry((4 << 16) | 0x200)))).toBe('RELOCATION')
  expect(refusal(() => readRom(entry((RELOCATIONS.none << 16) | 0x200)))).toBe('RELOCATION')
})

test('the builder refuses what makes no ROM', () => {
  const with_ = (more: Partial<RomDefinition>) => refusal(() => buildRom({ ...PLAIN, ...more }))
  const { SetCR3, ...holey } = PLAIN.calls
  expect(SetCR3).toEqual(host())
  expect(with_({})).toBe('accepted')
  expect(with_({ calls: holey })).toBe('HOLE')
  expect(with_({ calls: { ...PLAIN.calls, SetPte: none() } })).toBe('ANSWER')
  expect(with_({ calls: { ...PLAIN.calls, SetCR3: nop() } })).toBe('ANSWER')
  expect(with_({ calls: { ...PLAIN.calls, IRET: host() } })).toBe('ANSWER')
  expect(with_({ calls: { ...PLAIN.calls, SetCR3: jump('vmi_CPUID') } })).toBe('ANSWER')
  expect(with_({ calls: { ...PLAIN.calls, SetCR3: call('nobody') } })).toBe('ANSWER')
  expect(with_({ calls: { ...PLAIN.calls, SetCR3: { kind: 'rom' } as never } })).toBe('ANSWER')
  expect(with_({ name: 'two words' })).toBe('DEFINITION')
  expect(with_({ version: '1' })).toBe('DEFINITION')
  expect(with_({ version: '256.0.0' })).toBe('DEFINITION')
  expect(with_({ scratch: 1e6 })).toBe('DEFINITION')
  expect(with_({ queue: true })).toBe('DEFINITION')
  expect(with_({ virtualTop: 0xf800_1000 })).toBe('DEFINITION')
  expect(with_({ license: 'MIT' as never })).toBe('LICENSE')
  expect(with_({ api: { major: 4, minor: 0 } })).toBe('VERSION')
  expect(with_({ objects: [Uint8Array.of(1, 2, 3)] })).toBe('CODE')
})

test('an overlay replaces what it names and inherits the rest, scratch memory included', () => {
  const overlay = defineOverlay({
    name: 'timestamps',
    version: '0.1.0',
    license: 'GPL v2',
    objects: [decodeObject(FUNCTIONS_OBJECT)],
    calls: { RDTSC: call('vmi_RDTSC'), CPUID: none(), SetDR: host() },
  })
  const base = builtInRom('deferred')
  const both = applyOverlay(base, overlay)
  expect([both.name, both.license, both.queue, both.scratch]).toEqual(['deferred', 'GPL v2', true, base.scratch])
  const changed = [...both.answers!].filter(([name, { offset }]) => offset !== base.answers!.get(name)!.offset)
  expect(changed.map(([name]) => name)).toEqual(['CPUID', 'SetDR', 'RDTSC'])
  expect(both.answers!.get('RDTSC')!.offset).toBeGreaterThanOrEqual(base.bytes.length)
  expect(both.answers!.get('CPUID')).toEqual({ relocation: 'none', offset: 0 })
  expect(readRom(both.bytes)).toEqual(both)
})

test('an overlay must fit its base: API, licence, a base that shows its table', () => {
  const make = (more: object) =>
    defineOverlay({ name: 'o', version: '1.0.0', license: 'GPL v2', calls: { IODelay: none() }, ...more })
  expect(refusal(() => applyOverlay(plain, make({})))).toBe('accepted')
  expect(refusal(() => applyOverlay(plain, make({ api: { major: 3, minor: 1 } })))).toBe('VERSION')
  expect(refusal(() => applyOverlay(plain, make({ api: { major: 2, minor: 0 } })))).toBe('VERSION')
  expect(refusal(() => applyOverlay(plain, make({ license: 'GPL' })))).toBe('LICENSE')
  const foreign = readRom(altered(fields => fields.set(DESCRIPTOR.signature, 0)))
  expect(foreign.answers).toBeUndefined()
  expect(refusal(() => applyOverlay(foreign, make({})))).toBe('DEFINITION')
  expect(refusal(() => make({ calls: { Nothing: none() } }))).toBe('ANSWER')
})
