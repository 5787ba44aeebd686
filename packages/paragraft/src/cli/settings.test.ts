import { isParagraftError } from '@paragraft/core/errors'
import { expect, test } from 'vitest'
import { parseSeconds, parseSize } from './quantities.ts'
import { parseModule, parseNet, parseRunArguments, parseTrace, settle } from './settings.ts'

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
    'kernel --config c.json --backend xen --backend-option rom=a=b --backend-option rom=c --backend-option x= --ops a --ops ./b --memory 64M --append quiet --initrd i.gz --module m --module n=x=1 --disk d --net peer=n.pcap --until # --timeout 1.5 --screen --report r.json --trace io=t --trace events --engine reference'.split(
      ' ',
    )
  const args = parseRunArguments(argv)
  expect(args.config).toBe('c.json')
  expect(settle(args)).toEqual({
    image: 'kernel',
    backend: 'xen',
    backendOptions: { rom: 'c', x: '' },
    ops: ['a', './b'],
    memory: 64 * 2 ** 20,
    append: 'quiet',
    initrd: 'i.gz',
    modules: [
      { file: 'm', commandLine: 'm' },
      { file: 'n', commandLine: 'n x=1' },
    ],
    disk: 'd',
    net: { kind: 'peer', capture: 'n.pcap' },
    until: '#',
    timeout: 1.5,
    screen: true,
    report: 'r.json',
    traces: [{ kind: 'io', file: 't' }, { kind: 'events' }],
    engine: 'reference',
    nsPerInstruction: undefined,
    replay: undefined,
  })
})

test('what nobody says has its default', () => {
  const settings = settle(parseRunArguments(['k']))
  expect(settings).toMatchObject({ backend: 'native', ops: [], memory: 256 * 2 ** 20, engine: 'auto', screen: false })
})

test('the command line is over the config, and the config over the defaults', () => {
  const config = { memory: '32M', append: 'from config', ops: ['config-ops'], timeout: 9 }
  const settings = settle(parseRunArguments(['k', '--append', 'typed']), config)
  expect(settings).toMatchObject({ memory: 32 * 2 ** 20, append: 'typed', ops: ['config-ops'], timeout: 9 })
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
  const said = refusal(() => settle(parseRunArguments([...argv])))
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

test("a backend's options come from the config, and the command line wins", () => {
  const args = parseRunArguments(['k', '--backend-option', 'rom=plain'])
  expect(settle(args, { backendOptions: { rom: 'other', hz: 3 } }).backendOptions).toEqual({ rom: 'plain', hz: 3 })
  for (const text of ['rom', '=x']) {
    expect(refusal(() => parseRunArguments(['k', '--backend-option', text]))).toContain('PG_USAGE')
  }
})
