import { resolve } from 'node:path'
import type { DeprecationNotice } from '@paragraft/core'
import { isParagraftError } from '@paragraft/core/errors'
import { expect, test } from 'vitest'
import type { ParagraftConfig } from '../config.generated.ts'
import type { LoadedConfig } from './config-file.ts'
import { parseSeconds, parseSize } from './quantities.ts'
import { parseModule, parseNet, parseRunArguments, parseTrace, settle } from './settings.ts'

const HERE = resolve('/here')
const at = (path: string): string => resolve(HERE, path)
const loaded = (config: ParagraftConfig): LoadedConfig => ({ config, file: resolve('/there/paragraft.config.json') })

function refusal(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (isParagraftError(error)) return `${error.code}: ${error.message}`
    throw error
  }
  return 'accepted'
}

test('every option of the contract is understood', () => {
  const argv =
    'kernel --config c.json --profile p --deprecations --backend xen --backend-option rom=a=b --backend-option rom=c --backend-option x= --ops a --ops none --ops ./b --memory 64M --append quiet --initrd i.gz --module m --module n=x=1 --device v --disk d --disk e --net peer=n.pcap --until # --timeout 1.5 --screen --report r.json --trace io=t --trace events --engine reference'.split(
      ' ',
    )
  const args = parseRunArguments(argv)
  expect(args.config).toBe('c.json')
  expect(args.profile).toBe('p')
  expect(args.deprecations).toBe(true)
  expect(settle({ ...args, profile: undefined }, HERE)).toEqual({
    image: at('kernel'),
    backend: { name: 'xen', from: HERE },
    backendOptions: [
      { from: HERE, byName: {}, values: {} },
      { from: HERE, values: { rom: 'c', x: '' } },
    ],
    ops: [
      { name: 'a', from: HERE },
      { name: './b', from: HERE },
    ],
    noDefaultOps: true,
    devices: [{ name: 'v', from: HERE }],
    memory: 64 * 2 ** 20,
    append: 'quiet',
    initrd: at('i.gz'),
    modules: [
      { file: at('m'), commandLine: 'm' },
      { file: at('n'), commandLine: 'n x=1' },
    ],
    disks: [at('d'), at('e')],
    net: { kind: 'peer', capture: at('n.pcap') },
    until: '#',
    timeout: 1.5,
    screen: true,
    report: at('r.json'),
    traces: [{ kind: 'io', file: at('t') }, { kind: 'events' }],
    engine: 'reference',
    nsPerInstruction: undefined,
    replay: undefined,
    snapshots: { restore: undefined, save: undefined },
  })
})

test('what nobody says has its default', () => {
  const settings = settle(parseRunArguments(['k']), HERE)
  expect(settings).toMatchObject({
    backend: { name: 'native', from: HERE },
    ops: [],
    noDefaultOps: false,
    memory: undefined,
    engine: 'auto',
    screen: false,
  })
})

test('the command line is over the config, and the config over the defaults', () => {
  const config = loaded({ memory: '32M', append: 'from config', ops: ['config-ops'], timeout: 9 })
  const settings = settle(parseRunArguments(['k', '--append', 'typed']), HERE, config)
  const ops = [{ name: 'config-ops', from: resolve('/there') }]
  expect(settings).toMatchObject({ memory: 32 * 2 ** 20, append: 'typed', ops, timeout: 9 })
})

test('what a config names is seen from its folder, what the command line names from the user’s', () => {
  const config = loaded({
    guest: 'kernel',
    backend: 'xen',
    initrd: 'i',
    module: ['m=x'],
    disk: 'd',
    trace: ['io=t'],
    report: 'r',
  })
  const there = (path: string): string => resolve('/there', path)
  expect(settle(parseRunArguments([]), HERE, config)).toMatchObject({
    image: there('kernel'),
    backend: { name: 'xen', from: resolve('/there') },
    initrd: there('i'),
    modules: [{ file: there('m'), commandLine: 'm x' }],
    disks: [there('d')],
    traces: [{ kind: 'io', file: there('t') }],
    report: there('r'),
  })
  expect(settle(parseRunArguments(['other', '--backend', 'vmi', '--disk', 'e']), HERE, config)).toMatchObject({
    image: at('other'),
    backend: { name: 'vmi', from: HERE },
    disks: [at('e')],
    initrd: there('i'),
  })
})

test('a profile is laid over the rest of the config, and its options of backends one by one', () => {
  const config = loaded({
    memory: '32M',
    append: 'all',
    backends: { vmi: { rom: 'plain', stolen: 5 } },
    profiles: { old: { backend: 'vmi', append: 'old', backends: { vmi: { stolen: 10 }, x: { y: 1 } } } },
  })
  expect(settle(parseRunArguments(['k', '--profile', 'old']), HERE, config)).toMatchObject({
    memory: 32 * 2 ** 20,
    append: 'old',
    backend: { name: 'vmi' },
    backendOptions: [{ byName: { vmi: { rom: 'plain', stolen: 10 }, x: { y: 1 } } }, {}],
  })
  const unknown = parseRunArguments(['k', '--profile', 'new'])
  expect(refusal(() => settle(unknown, HERE, config))).toMatch(/^PG_CONFIG: there is no profile new/)
  expect(refusal(() => settle(unknown, HERE))).toMatch(/^PG_CONFIG: /)
})

test.each([
  [[], /needs an image/],
  [['a', 'b'], /takes one argument.*b/],
  [['a', '--nonsense'], /--nonsense/],
  [['a', '--memory'], /--memory/],
  [['a', '--engine', 'fast'], /no engine fast/],
  [['a', '--memory', '256'], /only 256 bytes/],
  [['a', '--memory', 'lots'], /not a size/],
  [['a', '--timeout', '-1'], /timeout/],
  [['a', '--timeout', '0'], /not a number of seconds/],
  [['a', '--until', ''], /--until is empty/],
  [['a', '--module', '=x'], /names no file/],
] as const)('%j is refused as usage', (argv, message) => {
  const said = refusal(() => settle(parseRunArguments([...argv]), HERE))
  expect(said).toMatch(/^PG_USAGE: /)
  expect(said).toMatch(message)
})

test('sizes and times as people write them', () => {
  expect(parseSize('1G', 'x')).toBe(2 ** 30)
  expect(parseSize('1.5M', 'x')).toBe(1.5 * 2 ** 20)
  expect(parseSize('64MiB', 'x')).toBe(64 * 2 ** 20)
  expect(parseSize('65536k', 'x')).toBe(64 * 2 ** 20)
  expect(parseSeconds('60', 'x')).toBe(60)
  expect(refusal(() => parseSize('1.0000001k', 'x'))).toMatch(/not a size/)
})

test('a boot module carries its base name and then its arguments', () => {
  expect(parseModule('dir/vmlinux=root=/dev/ram0 quiet')).toEqual({
    file: 'dir/vmlinux',
    commandLine: 'vmlinux root=/dev/ram0 quiet',
  })
})

test('a trace names a kind, and maybe a file', () => {
  expect(parseTrace('io')).toEqual({ kind: 'io' })
  expect(parseTrace('io=a=b')).toEqual({ kind: 'io', file: 'a=b' })
})

test('a network is none, or a kind with or without a capture', () => {
  expect(parseNet('none')).toBeUndefined()
  expect(parseNet('loopback')).toEqual({ kind: 'loopback' })
  expect(parseNet('peer=a=b.pcap')).toEqual({ kind: 'peer', capture: 'a=b.pcap' })
  for (const text of ['', 'bridge', 'peer=', 'none=x']) expect(refusal(() => parseNet(text))).toContain('PG_USAGE')
})

test("the config's options for whichever backend still work, and everybody is told", () => {
  const told: DeprecationNotice[] = []
  const args = parseRunArguments(['k', '--backend-option', 'rom=plain'])
  const config = loaded({ backendOptions: { rom: 'other', hz: 3 } })
  expect(settle(args, HERE, config, notice => told.push(notice)).backendOptions).toMatchObject([
    { from: resolve('/there'), values: { rom: 'other', hz: 3 } },
    { from: HERE, values: { rom: 'plain' } },
  ])
  expect(told).toMatchObject([{ code: 'PG_DEPRECATED', id: 'config-backend-options', told: 'all', who: config.file }])
  for (const text of ['rom', '=x']) {
    expect(refusal(() => parseRunArguments(['k', '--backend-option', text]))).toContain('PG_USAGE')
  }
})
