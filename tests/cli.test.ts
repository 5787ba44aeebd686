/** The command line's contract with its callers: statuses, streams, report, bad input. On guests of a few bytes. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { flatGuest, paragraft, runWithReport, say, scratch } from './support/paragraft.ts'

const CLI = 0xfa
const STI = 0xfb
const HLT = 0xf4
/** jmp $ */
const FOREVER = [0xeb, 0xfe]

describe('exit status', () => {
  test('0 when --until is seen, and nothing else on standard output', async () => {
    const { status, stdout, stderr } = await paragraft([
      'run',
      flatGuest([...say('one two'), ...FOREVER]),
      '--until',
      'two',
    ])
    expect(status).toBe(0)
    expect(stdout).toBe('one two')
    expect(stderr).toContain('"two" was seen')
  })

  test('2 for bad usage, each with its code and a hint', async () => {
    for (const args of [
      [],
      ['nonsense'],
      ['run'],
      ['run', 'x', '--engine', 'warp'],
      ['ops', '99.9'],
      ['run', '/nowhere'],
    ]) {
      const { status, stdout, stderr } = await paragraft(args)
      expect([args, status]).toEqual([args, 2])
      expect(stdout).toBe('')
      expect(stderr).not.toBe('')
      expect(stderr).not.toContain('this is a bug')
    }
  })

  test('3 for a triple fault, with the registers', async () => {
    // INT3 with the IDT limit 0: #BP cannot be delivered, nor #GP, nor #DF.
    const { status, stderr, report } = await runWithReport([flatGuest([0xbb, 0x78, 0x56, 0x34, 0x12, 0xcc])])
    expect(status).toBe(3)
    expect(report.stop).toMatchObject({ kind: 'guestFault', fault: 'triple-fault', registers: { ebx: 0x12345678 } })
    expect(stderr).toMatch(/ebx 12345678/)
  })

  test('3 for a guest that halts for ever', async () => {
    const { status, report } = await runWithReport([flatGuest([CLI, HLT])])
    expect([status, report.stop.kind]).toEqual([3, 'haltedForever'])
  })

  test('3 for a reset', async () => {
    // The keyboard controller's pulse of the reset line: FEh to port 64h.
    const { status, report } = await runWithReport([flatGuest([0xb0, 0xfe, 0xe6, 0x64, ...FOREVER])])
    expect([status, report.stop.kind]).toEqual([3, 'reset'])
  })

  test('3 for a guest that runs off into nowhere', async () => {
    // jmp 0xE0000000: neither RAM nor a device.
    const { status } = await paragraft(['run', flatGuest([0xb8, 0, 0, 0, 0xe0, 0xff, 0xe0])])
    expect(status).toBe(3)
  })

  test('4 for --timeout', async () => {
    const { status, report } = await runWithReport([flatGuest(FOREVER), '--timeout', '0.3'])
    expect([status, report.stop]).toEqual([4, { kind: 'timeout', seconds: 0.3 }])
    expect(report.instructions).toBeGreaterThan(1000)
  })

  test('(value << 1) | 1 by isa-debug-exit, as QEMU', async () => {
    // mov dx, 0x501; mov al, 5; out dx, al
    const { status, report } = await runWithReport([flatGuest([0x66, 0xba, 0x01, 0x05, 0xb0, 0x05, 0xee, ...FOREVER])])
    expect([status, report.stop]).toEqual([11, { kind: 'debugExit', value: 5 }])
  })

  test('4 for a guest that waits for interrupts that nobody sends', async () => {
    // The timer ticks as firmware leaves it, but every line of the 8259 is masked.
    const { status, report } = await runWithReport([flatGuest([STI, HLT, 0xeb, 0xfd]), '--timeout', '0.5'])
    expect([status, report.instructions]).toEqual([4, 2])
  })
})

describe('help', () => {
  test('--version and --help answer on standard output', async () => {
    const manifest = JSON.parse(readFileSync(new URL('../packages/paragraft/package.json', import.meta.url), 'utf8'))
    expect(await paragraft(['--version'])).toMatchObject({ status: 0, stdout: `${manifest.version}\n` })
    expect((await paragraft(['--help'])).stdout).toContain('inspect')
    for (const command of ['run', 'inspect', 'ops']) {
      const { status, stdout } = await paragraft([command, '--help'])
      expect([status, stdout.startsWith(`paragraft ${command}:`)]).toEqual([0, true])
    }
  })
})

describe('bad images end with their code', () => {
  const elf = readFileSync(new URL('../guests/oldguest/oldguest.elf', import.meta.url))
  const image = (bytes: Uint8Array): string => {
    const file = join(scratch(), 'image')
    writeFileSync(file, bytes)
    return file
  }
  test.each([
    ['empty', Buffer.alloc(0), 'PG_IMAGE_TRUNCATED'],
    ['noise', Buffer.from('this is no kernel at all, only some text'), 'PG_IMAGE_UNKNOWN'],
    ['truncated', elf.subarray(0, 5000), 'PG_IMAGE_TRUNCATED'],
    [
      'for another machine',
      Buffer.concat([elf.subarray(0, 18), Buffer.from([40, 0]), elf.subarray(20)]),
      'PG_IMAGE_ARCH',
    ],
  ])('%s', async (_, bytes, code) => {
    const { status, stderr, stdout } = await paragraft(['run', image(bytes)])
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(code)
  })

  test('too large for the memory', async () => {
    const { status, stderr } = await paragraft(['run', 'guests/oldguest/oldguest.elf', '--memory', '1M'])
    expect(status).toBe(2)
    expect(stderr).toMatch(/\[PG_HEAD_/)
  })
})

describe('ops modules are found by name', () => {
  const MODULE = `
    import { defineOps, natively } from '@paragraft/core/ops'
    export default defineOps({
      name: 'NAME', version: '1.0.0', apiVersion: '^1.0.0', opsAbi: '1.3.x',
      ops: era => natively(era.slots.map(slot => slot.op)),
    })`

  /** A folder of a user with core in reach, and a package in its node_modules. */
  function project(packageName: string, source: string): string {
    const folder = scratch()
    const home = join(folder, 'node_modules', packageName)
    mkdirSync(home, { recursive: true })
    const core = new URL('../packages/core/', import.meta.url).pathname
    mkdirSync(join(folder, 'node_modules/@paragraft/core'), { recursive: true })
    writeFileSync(
      join(folder, 'node_modules/@paragraft/core/package.json'),
      JSON.stringify({ name: '@paragraft/core', type: 'module', main: join(core, 'dist/index.js') }),
    )
    writeFileSync(
      join(folder, 'node_modules/@paragraft/core/ops.js'),
      `export * from ${JSON.stringify(join(core, 'dist/ops/index.js'))}`,
    )
    writeFileSync(
      join(home, 'package.json'),
      JSON.stringify({ name: packageName, version: '1.0.0', type: 'module', exports: './index.js' }),
    )
    writeFileSync(
      join(home, 'index.js'),
      source.replace('NAME', packageName).replace('@paragraft/core/ops', '@paragraft/core/ops.js'),
    )
    return folder
  }
  const guest = new URL('../guests/oldguest/oldguest.elf', import.meta.url).pathname

  test.each([
    ['paragraft-ops-mine', 'mine'],
    ['mine-alone', 'mine-alone'],
    ['@me/ops', '@me/ops'],
    ['some-package', './node_modules/some-package'],
    ['some-file', 'node_modules/some-file/index.js'],
  ])('%s as --ops %s', async (packageName, name) => {
    const cwd = project(packageName, MODULE)
    const { status, report, stderr } = await runWithReport([guest, '--ops', name, '--until', 'oldguest 1.0'], { cwd })
    expect([stderr, status]).toEqual([stderr, 0])
    expect(report.modules).toEqual([{ name: packageName, version: '1.0.0' }])
  })

  test('what is not there, is no module, or has a hole is refused', async () => {
    const none = await paragraft(['run', guest, '--ops', 'nobody-wrote-this'])
    expect([none.status, none.stderr]).toEqual([2, expect.stringContaining('PG_PLUGIN_NOT_FOUND')])
    expect(none.stderr).toContain('paragraft-ops-nobody-wrote-this')
    const other = await paragraft(['run', guest, '--ops', 'x'], { cwd: project('x', 'export default 42') })
    expect([other.status, other.stderr]).toEqual([2, expect.stringContaining('PG_PLUGIN_KIND')])
    const broken = await paragraft(['run', guest, '--ops', 'x'], { cwd: project('x', 'export default (') })
    expect([broken.status, broken.stderr]).toEqual([2, expect.stringContaining('PG_PLUGIN_BROKEN')])
    const holes = MODULE.replace('era.slots.map', 'era.slots.slice(1).map')
    const hole = await paragraft(['run', guest, '--ops', 'x'], { cwd: project('x', holes) })
    expect([hole.status, hole.stderr]).toEqual([2, expect.stringContaining('info.kernel_rpl')])
    expect(hole.stdout).toBe('')
  })

  test('a backend that nobody has is refused with the names that were tried', async () => {
    const { status, stderr } = await paragraft(['run', guest, '--backend', 'lguest'])
    expect(status).toBe(2)
    expect(stderr).toContain('@paragraft/backend-lguest, paragraft-backend-lguest')
  })
})

describe('config', () => {
  test('a config file in the folder is used, and the command line is over it', async () => {
    const cwd = scratch()
    const guest = flatGuest([...say('hello'), ...FOREVER])
    writeFileSync(join(cwd, 'paragraft.config.ts'), "export default { until: 'hello', report: 'from-config.json' }\n")
    expect(await paragraft(['run', guest], { cwd })).toMatchObject({ status: 0, stdout: 'hello' })
    expect(existsSync(join(cwd, 'from-config.json'))).toBe(true)
    const { status } = await paragraft(['run', guest, '--until', 'never', '--timeout', '0.3'], { cwd })
    expect(status).toBe(4)
  })
})

describe('traces', () => {
  test('io, to a file, line by line with the instruction count', async () => {
    const file = join(scratch(), 'io.txt')
    await paragraft(['run', flatGuest([...say('A'), CLI, HLT]), '--trace', `io=${file}`])
    expect(readFileSync(file, 'utf8')).toBe('1 out e9 1 41\n')
  })

  test('events on standard error', async () => {
    const { stderr } = await paragraft(['run', flatGuest([...say('A'), CLI, HLT]), '--trace', 'events'])
    expect(stderr).toMatch(/^4 stop the guest halted for ever/m)
  })

  test('an unknown kind is refused', async () => {
    const { status, stderr } = await paragraft(['run', 'x', '--trace', 'thoughts'])
    expect(status).toBe(2)
    expect(stderr).not.toContain('bug')
  })
})

describe('input', () => {
  /** Polls COM1 and sends back what comes, until q. */
  const ECHO = [
    ...[0x66, 0xba, 0xfb, 0x03, 0xb0, 0x03, 0xee], // mov dx, 3FBh; mov al, 3 (8 data bits); out dx, al
    ...[0x66, 0xba, 0xfc, 0x03, 0xb0, 0x03, 0xee], // mov dx, 3FCh; mov al, DTR | RTS; out dx, al
    ...[0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xf7], // wait: mov dx, 3FDh; in al, dx; test al, 1; jz wait
    ...[0x66, 0xba, 0xf8, 0x03, 0xec, 0xee, 0x3c, 0x71, 0x75, 0xed], // mov dx, 3F8h; in; out; cmp al, 'q'; jne wait
    ...[CLI, HLT],
  ]

  test('a guest that polls gets piped lines one by one, and none is lost', async () => {
    const { stdout, report } = await runWithReport([flatGuest(ECHO), '--timeout', '60'], { input: 'one\ntwo\nq' })
    expect(stdout).toBe('one\ntwo\nq')
    expect(report.stop.kind).toBe('haltedForever')
    expect(report.input.map(({ bytes }) => bytes)).toEqual(['one\n', 'two\n', 'q'])
  })

  test('arrivals in a report replay the run', async () => {
    const guest = flatGuest(ECHO)
    const first = await runWithReport([guest, '--timeout', '60'], { input: 'one\ntwo\nq' })
    const cwd = scratch()
    writeFileSync(join(cwd, 'paragraft.config.json'), JSON.stringify({ replay: first.report.input }))
    const again = await runWithReport([guest, '--timeout', '60'], { cwd })
    expect(again.stdout).toBe(first.stdout)
    expect({ ...again.report, seconds: 0 }).toEqual({ ...first.report, seconds: 0 })
  })
})

describe('inspect', () => {
  test('oldguest: format, head, and its table slot by slot with what it holds', async () => {
    const { status, stdout } = await paragraft(['inspect', 'guests/oldguest/oldguest.elf', '--json'])
    expect(status).toBe(0)
    const found = JSON.parse(stdout)
    expect(found).toMatchObject({ format: ['elf32'], machine: 'i386', ops: { found: true, era: '1.3' } })
    expect(found.ops.slots).toHaveLength(92)
    expect(found.ops.slots[24]).toMatchObject({ op: 'mmu.write_cr3', kind: 'fn' })
    const native = found.backends.find((entry: { backend: string }) => entry.backend === 'native')
    expect(native.heads).toMatchObject([{ head: 'multiboot', match: { match: true } }, { match: { match: false } }])
  })

  test('for people it says the same, and why a head cannot', async () => {
    const { stdout } = await paragraft(['inspect', 'guests/oldguest/oldguest.elf'])
    expect(stdout).toMatch(/^ +24 +mmu\.write_cr3 +1\.0\.0 +\d+ +0xc01/m)
    expect(stdout).toContain('native by multiboot: yes, at 0x')
    expect(stdout).toMatch(/native by linux: no: ./)
  })

  test('an image without a table says so', async () => {
    const { status, stdout } = await paragraft(['inspect', flatGuest([HLT])])
    expect(status).toBe(0)
    expect(stdout).toMatch(/no table: ./)
  })
})

describe('ops', () => {
  const json = async (...args: string[]) => JSON.parse((await paragraft(['ops', ...args, '--json'])).stdout)

  test('the catalogue, the eras, and the table of one', async () => {
    const catalogue = await json()
    expect(catalogue.map((entry: { op: string }) => entry.op)).toContain('cpu.load_exceptions')
    expect((await json('eras')).length).toBeGreaterThan(15)
    // Debian's 6.1 i386 kernel: thirteen slots.
    expect((await json('5.0')).slots).toHaveLength(13)
    expect((await json('5.0/x86_64')).slots).toHaveLength(84)
    const { stdout } = await paragraft(['ops', '5.0'])
    expect(stdout).toMatch(/^ +9 +lock\.queued_spin_unlock .*\[callee-save\]$/m)
  })

  test('the difference between two eras', async () => {
    const { added, removed } = await json('diff', '1.3', '2.0')
    const names = (slots: { op: string }[]): string[] => slots.map(({ op }) => op)
    // 2.6.24 gives each lazy mode its own pair of ops.
    expect(names(removed)).toContain('cpu.set_lazy_mode')
    expect(names(added)).toContain('cpu.lazy_mode.enter')
    const { stdout } = await paragraft(['ops', 'diff', '1.3', '2.0'])
    expect(stdout).toMatch(/^- cpu\.set_lazy_mode$/m)
  })
})
