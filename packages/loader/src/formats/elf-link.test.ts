import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { link, objectExtent, readObject } from '@paragraft/core/elf'
import { isParagraftError, type ParagraftError } from '@paragraft/core/errors'
import { describe, expect, test } from 'vitest'
import { needs } from '../../../../tests/support/needs.ts'
import { type FixtureSection, type FixtureSymbol, objectFixture, Writer } from './fixtures.ts'

const BASE = 0xc2000000
const NOBODY = (): undefined => undefined

function errorOf(action: () => unknown): ParagraftError {
  try {
    action()
  } catch (error) {
    if (isParagraftError(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const GLOBAL_FUNC = 0x12
const GLOBAL = 0x10
const WEAK = 0x20
const SECTION = 0x03

/** Words that hold addends, in .text (index 1), with one relocation each. */
function oneText(
  relocations: [offset: number, type: number, symbol: number][],
  symbols: FixtureSymbol[],
  words: number[],
) {
  return objectFixture({
    sections: [{ name: '.text', type: 1, flags: 6, align: 16, bytes: new Writer().u32(...words).bytes() }],
    symbols,
    relocations: { 1: relocations },
  })
}

describe('relocations (i386 psABI, table "Relocation Types")', () => {
  const symbols: FixtureSymbol[] = [
    { name: 'here', value: 8, info: GLOBAL_FUNC, section: 1 },
    { name: 'there', info: GLOBAL, section: 0 },
  ]
  const resolve = (name: string) => (name === 'there' ? 0xc1030630 : undefined)
  const words = (bytes: Uint8Array) => Array.from(new Uint32Array(bytes.buffer, 0, bytes.length >> 2))

  test('R_386_32 is S + A', () => {
    const linked = link(
      readObject(
        oneText(
          [
            [0, 1, 1],
            [4, 1, 2],
          ],
          symbols,
          [5, 0xfffffffc, 0],
        ),
      ),
      { base: BASE, resolve },
    )
    expect(words(linked.bytes)).toEqual([BASE + 8 + 5, 0xc1030630 - 4, 0])
  })

  test('R_386_PC32 and R_386_PLT32 are S + A - P', () => {
    const linked = link(
      readObject(
        oneText(
          [
            [0, 2, 1],
            [4, 4, 2],
          ],
          symbols,
          [0xfffffffc, 0xfffffffc, 0],
        ),
      ),
      { base: BASE, resolve },
    )
    expect(words(linked.bytes)).toEqual([8 - 4, (0xc1030630 - 4 - (BASE + 4)) >>> 0, 0])
  })

  test('symbol 0 is no symbol: the addend is the address', () => {
    const linked = link(readObject(oneText([[0, 2, 0]], symbols, [0x1000, 0, 0])), { base: BASE, resolve })
    expect(words(linked.bytes)[0]).toBe((0x1000 - BASE) >>> 0)
  })

  test('narrow ones must fit', () => {
    const near = link(readObject(oneText([[0, 21, 1]], symbols, [0xfffe, 0, 0])), { base: BASE, resolve })
    expect(words(near.bytes)[0]).toBe(8 - 2)
    const far = errorOf(() => link(readObject(oneText([[0, 20, 2]], symbols, [0, 0, 0])), { base: BASE, resolve }))
    expect(far).toMatchObject({ code: 'PG_LINK_RANGE', fields: { relocation: 'R_386_16', symbol: 'there' } })
  })

  test('position-independent code is refused by name', () => {
    for (const [type, name] of [
      [3, 'R_386_GOT32'],
      [9, 'R_386_GOTOFF'],
      [10, 'R_386_GOTPC'],
      [43, 'R_386_GOT32X'],
      [99, 'relocation type 99'],
    ] as const) {
      const error = errorOf(() => readObject(oneText([[4, type, 1]], symbols, [0, 0, 0])))
      expect(error).toMatchObject({ code: 'PG_LINK_RELOCATION', fields: { name, section: '.text', offset: 4 } })
      expect(error.hint).toContain('-fno-pic')
    }
  })
})

describe('symbols', () => {
  test('all that nobody defines are named at once, weak ones are 0, unused ones do not matter', () => {
    const object = readObject(
      oneText(
        [
          [0, 1, 1],
          [4, 1, 2],
          [8, 1, 3],
        ],
        [
          { name: 'zeta', info: GLOBAL, section: 0 },
          { name: 'alpha', info: GLOBAL, section: 0 },
          { name: 'maybe', info: WEAK, section: 0 },
          { name: 'unused', info: GLOBAL, section: 0 },
        ],
        [0, 0, 7],
      ),
    )
    expect(errorOf(() => link(object, { base: BASE, resolve: NOBODY }))).toMatchObject({
      code: 'PG_LINK_UNRESOLVED',
      fields: { symbols: ['alpha', 'zeta'] },
    })
    const linked = link(object, { base: BASE, resolve: name => (name === 'maybe' ? undefined : 0x1000) })
    expect(new DataView(linked.bytes.buffer).getUint32(8, true)).toBe(7)
  })

  test('globals come out with their addresses, BSS and commons are zeros behind the data', () => {
    const sections: FixtureSection[] = [
      { name: '.bss', type: 8, flags: 3, align: 32, size: 40 },
      { name: '.data', type: 1, flags: 3, align: 4, bytes: new Uint8Array(6).fill(1) },
      { name: '.rodata', type: 1, flags: 2, align: 1, bytes: new Uint8Array(3).fill(2) },
      { name: '.text', type: 1, flags: 6, align: 16, bytes: new Uint8Array(5).fill(3) },
      { name: '.eh_frame', type: 1, flags: 2, align: 4, bytes: new Uint8Array(64) },
      { name: '.note.gnu.property', type: 7, flags: 2, align: 4, bytes: new Uint8Array(28) },
      { name: '.comment', type: 1, flags: 0, align: 1, bytes: new Uint8Array(9) },
    ]
    const object = readObject(
      objectFixture({
        sections,
        symbols: [
          { name: 'local', value: 1, info: 0x02, section: 4 },
          { name: '', info: SECTION, section: 2 },
          { name: 'counter', value: 4, info: 0x11, section: 1 },
          { name: 'table', value: 2, info: 0x11, section: 2 },
          { name: 'shared', value: 8, size: 12, info: 0x11, section: 0xfff2 },
          { name: 'VERSION', value: 3, info: GLOBAL, section: 0xfff1 },
        ],
        relocations: {},
      }),
    )
    // .text 0–4, .rodata 5–7, .data 8–13, .bss 32–71, the common at 72.
    expect(objectExtent(object)).toEqual({ size: 84, align: 32 })
    const linked = link(object, { base: BASE, resolve: NOBODY })
    expect(Array.from(linked.bytes.subarray(0, 16))).toEqual([3, 3, 3, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 0, 0])
    expect(Object.fromEntries(linked.symbols)).toEqual({
      counter: BASE + 32 + 4,
      table: BASE + 8 + 2,
      shared: BASE + 72,
      VERSION: 3,
    })
    expect(linked.sections.map(s => s.name)).toEqual(['.bss', '.data', '.rodata', '.text'])
  })
})

describe('refusals', () => {
  const symbols: FixtureSymbol[] = [{ name: 'f', info: GLOBAL_FUNC, section: 1 }]
  const plain = () => readObject(oneText([], symbols, [0, 0]))

  test('a base that is misaligned or too high', () => {
    for (const base of [BASE + 8, -16, 0xfffffff0 + 16, Number.NaN]) {
      expect(errorOf(() => link(plain(), { base, resolve: NOBODY })).code).toBe('PG_LINK_BASE')
    }
  })

  test('more than there is room for', () => {
    expect(errorOf(() => link(plain(), { base: BASE, resolve: NOBODY, maxSize: 7 })).code).toBe('PG_LINK_TOO_LARGE')
    const huge = readObject(
      objectFixture({
        sections: [{ name: '.bss', type: 8, flags: 3, size: 0xffffffff }],
        symbols: [],
        relocations: {},
      }),
    )
    expect(errorOf(() => link(huge, { base: BASE, resolve: NOBODY })).code).toBe('PG_LINK_TOO_LARGE')
  })

  test('constructors, thread-local storage, relocations outside their section', () => {
    const section = (over: Partial<FixtureSection>) =>
      errorOf(() =>
        readObject(
          objectFixture({
            sections: [{ name: '.x', type: 1, flags: 6, bytes: new Uint8Array(8), ...over }],
            symbols: [],
            relocations: {},
          }),
        ),
      ).code
    expect(section({ type: 14 })).toBe('PG_IMAGE_UNSUPPORTED')
    expect(section({ flags: 0x403 })).toBe('PG_IMAGE_UNSUPPORTED')
    expect(section({ align: 3 })).toBe('PG_IMAGE_CORRUPT')
    expect(errorOf(() => readObject(oneText([[5, 1, 1]], symbols, [0, 0]))).code).toBe('PG_IMAGE_CORRUPT')
    expect(errorOf(() => readObject(oneText([[0, 1, 9]], symbols, [0, 0]))).code).toBe('PG_IMAGE_CORRUPT')
  })

  test('an executable is no object', () => {
    const executable = oneText([], symbols, [0])
    executable[16] = 2
    expect(errorOf(() => readObject(executable)).code).toBe('PG_IMAGE_UNSUPPORTED')
  })
})

describe('a compiled object', () => {
  needs('gcc')('comes out as GNU ld links it, section by section', () => {
    const folder = mkdtempSync(join(tmpdir(), 'paragraft-link-'))
    try {
      const at = (name: string) => join(folder, name)
      const run = (tool: string, args: string[]) => execFileSync(tool, args, { stdio: ['ignore', 'ignore', 'pipe'] })
      writeFileSync(
        at('module.c'),
        `extern void native_io_delay(void); extern int pv_ops[];
         static int calls; int table[4] = { 1, 2, 3, 4 }; const char name[] = "example"; int *pointers[] = { &calls, table + 2, pv_ops + 3 };
         static int helper(int x) { return x + table[x & 3]; }
         int io_delay(int x) { calls++; native_io_delay(); switch (x) { case 1: return helper(x); case 2: return name[x]; case 3: return 7;
           case 4: return pv_ops[1]; case 5: return *pointers[x]; } return calls; }`,
      )
      run('gcc', [
        '-m32',
        '-O2',
        '-ffreestanding',
        '-fno-pic',
        '-fno-stack-protector',
        '-c',
        at('module.c'),
        '-o',
        at('module.o'),
      ])
      const linked = link(readObject(new Uint8Array(readFileSync(at('module.o')))), {
        base: BASE,
        resolve: name => ({ native_io_delay: 0xc1030630, pv_ops: 0xc1c6e820 })[name],
      })
      const script = linked.sections.map(s => `${s.name} 0x${s.address.toString(16)} : { *(${s.name}) }`).join('\n')
      writeFileSync(
        at('script.ld'),
        `SECTIONS { native_io_delay = 0xc1030630; pv_ops = 0xc1c6e820;\n${script}\n/DISCARD/ : { *(.eh_frame) *(.note*) *(.comment) } }`,
      )
      run('ld', ['-m', 'elf_i386', '-T', at('script.ld'), '-e', 'io_delay', at('module.o'), '-o', at('module.elf')])
      let compared = 0
      for (const section of linked.sections) {
        if (section.size === 0 || section.name === '.bss') continue
        run('objcopy', ['-O', 'binary', '-j', section.name, at('module.elf'), at('out.bin')])
        const start = section.address - BASE
        expect(linked.bytes.subarray(start, start + section.size)).toEqual(new Uint8Array(readFileSync(at('out.bin'))))
        compared++
      }
      expect(compared).toBeGreaterThanOrEqual(3)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
