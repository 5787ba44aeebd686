import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { eraOf, opEntry } from '@paragraft/core/ops'
import { describe, expect, test } from 'vitest'
import { needs } from '../../tests/support/needs.ts'
import { readElf32 } from '../lib/elf32.ts'
import { differs } from '../lib/expected.ts'
import { runInQemu } from '../lib/qemu.ts'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const image = here('oldguest.elf')
const file = readFileSync(image)
const elf = readElf32(file)
const era = eraOf('1.3')
const text = (name: string) => readFileSync(here(name), 'utf8')
const symbol = (name: string) => elf.symbols.get(name)!.value

const PAGE_OFFSET = 0xc0000000
const CEILING = 0xf5800000
const JUMPED = ['iret', 'irq_enable_sysexit']

/** Rows of OPS.md. */
const rows = [...text('OPS.md').matchAll(/^\| (\d+) +\| (\w+) +\| ([\w.]+) +\| (.+?) +\| (.+?) +\| (.+?) +\|$/gm)].map(
  ([, slot, op, identity, meaning, sees, refusal]) => ({ slot: Number(slot), op, identity, meaning, sees, refusal }),
)

function* sites() {
  const { addr, size } = elf.sections.get('.parainstructions')!
  for (let at = addr; at < addr + size; at += 8) {
    yield { instr: elf.u32(at), slot: elf.u8(at + 4), len: elf.u8(at + 5), clobbers: elf.u16(at + 6) }
  }
}

describe('the image', () => {
  test('is linked in the higher half and loaded at 1 MiB, with nothing above 0xF5800000', () => {
    expect(elf.segments[0]).toMatchObject({ vaddr: 0xc0100000, paddr: 0x100000 })
    for (const s of elf.segments) {
      expect(s.vaddr - s.paddr).toBe(PAGE_OFFSET)
      expect(s.vaddr + s.memorySize).toBeLessThan(CEILING)
    }
    for (const [name, { value }] of elf.symbols) if (value >= PAGE_OFFSET) expect(value, name).toBeLessThan(CEILING)
  })

  // Multiboot Specification 0.6.96, 3.1.1: within 8192 bytes, 4-byte aligned, the three words sum to 0.
  test('has a multiboot header that wants page-aligned modules and memory information', () => {
    const at = elf.offsetOf(symbol('__head_start'))
    const view = new DataView(file.buffer, file.byteOffset)
    expect(at % 4).toBe(0)
    expect(at + 12).toBeLessThanOrEqual(8192)
    expect(view.getUint32(at, true)).toBe(0x1badb002)
    expect(view.getUint32(at + 4, true)).toBe(3)
    expect((view.getUint32(at, true) + view.getUint32(at + 4, true) + view.getUint32(at + 8, true)) % 2 ** 32).toBe(0)
  })

  test('has both entries: the physical one of the head, and startup_paging_on', () => {
    expect(elf.entry).toBe(symbol('startup_32') - PAGE_OFFSET)
    expect(symbol('startup_paging_on')).toBeGreaterThan(symbol('__head_start'))
    expect(symbol('startup_paging_on')).toBeLessThan(symbol('__head_end'))
  })
})

describe('the table', () => {
  const table = symbol('paravirt_ops')

  test('is 92 words, data where the era has data and functions of this kernel elsewhere', () => {
    expect(elf.symbols.get('paravirt_ops')!.size).toBe(92 * 4)
    expect(era.slots).toHaveLength(92)
    const code = [symbol('__head_start'), symbol('__text_end')] as const
    for (const { slot, member, kind } of era.slots) {
      const word = elf.u32(table + slot * 4)
      if (kind === 'data') continue
      expect(word, member).toBeGreaterThanOrEqual(code[0])
      expect(word, member).toBeLessThan(code[1])
    }
  })

  // Linux 2.6.23 arch/i386/kernel/paravirt.c: the initialiser of bare hardware.
  test('describes bare hardware in its data slots', () => {
    expect([0, 1, 2].map(slot => elf.u32(table + slot * 4))).toEqual([0, 1, 0])
    const name = elf.u32(table + 12)
    expect(Buffer.from(file.subarray(elf.offsetOf(name), elf.offsetOf(name) + 14)).toString()).toBe('bare hardware\0')
  })

  test('has the function that its slot names', () => {
    const byAddress = new Map<number, string[]>()
    for (const [name, { value }] of elf.symbols) byAddress.set(value, [...(byAddress.get(value) ?? []), name])
    for (const { slot, member, kind } of era.slots) {
      if (kind === 'data') continue
      const names = byAddress.get(elf.u32(table + slot * 4)) ?? []
      const shared = ['_paravirt_nop', 'native_identity', 'native_write_dt_entry']
      expect(
        [`native_${member}`, ...shared].some(name => names.includes(name)),
        `${member}: ${names.join()}`,
      ).toBe(true)
    }
  })
})

describe('the call sites', () => {
  test('each is FF 15 or FF 25 through its own slot, 6 bytes long', () => {
    let count = 0
    for (const site of sites()) {
      const member = era.slots[site.slot]!.member
      const opcode = JUMPED.includes(member) ? 0x25ff : 0x15ff
      expect(site.len, member).toBe(6)
      expect(elf.u16(site.instr), member).toBe(opcode)
      expect(elf.u32(site.instr + 2), member).toBe(symbol('paravirt_ops') + site.slot * 4)
      expect(site.clobbers, member).toBe(JUMPED.includes(member) ? 0 : 7)
      count++
    }
    expect(count).toBeGreaterThan(92)
  })

  test('there is one for every function of the table, and no indirect call of the table without a record', () => {
    const seen = new Set<number>()
    const recorded = new Set<number>()
    for (const site of sites()) {
      seen.add(site.slot)
      recorded.add(site.instr)
    }
    const functions = era.slots.filter(s => s.kind === 'fn').map(s => s.slot)
    const uncalled = functions.filter(slot => !seen.has(slot)).map(slot => era.slots[slot]!.member)
    // For other processors, of which there are none.
    expect(uncalled.sort()).toEqual(['setup_secondary_clock', 'startup_ipi_hook'])
    const table = symbol('paravirt_ops')
    for (let at = symbol('__head_start'); at < symbol('__text_end') - 6; at++) {
      const target = elf.u32(at + 2)
      if ((elf.u16(at) === 0x15ff || elf.u16(at) === 0x25ff) && target >= table && target < table + 368) {
        expect(recorded.has(at), at.toString(16)).toBe(true)
      }
    }
  })

  const PRIVILEGED =
    /^(cli|sti|pushf\w?|popf\w?|lgdt\w?|lidt\w?|sgdt\w?|sidt\w?|lldt|sldt|ltr|str|iret\w?|sysexit|sysret|hlt|invlpg|invd|wbinvd|rdmsr|wrmsr|rdtsc|rdpmc|clts|cpuid|lmsw|smsw)\b/
  needs('gcc')('no privileged instruction stands outside the head and the native functions', () => {
    const run = spawnSync('objdump', ['-d', '--no-show-raw-insn', image], { encoding: 'utf8', maxBuffer: 1 << 26 })
    expect(run.status).toBe(0)
    const allowed = [
      [symbol('__head_start'), symbol('__head_end')],
      [symbol('__native_start'), symbol('__native_end')],
    ] as const
    let inside = 0
    const outside: string[] = []
    for (const [line, address, instruction] of run.stdout.matchAll(/^\s*([0-9a-f]+):\s+(.*)$/gm)) {
      const at = Number.parseInt(address!, 16)
      if (!PRIVILEGED.test(instruction!) && !/^mov.*%(cr|db)\d/.test(instruction!)) continue
      if (allowed.some(([from, to]) => at >= from && at < to)) inside++
      else outside.push(line!.trim())
    }
    expect(outside).toEqual([])
    expect(inside).toBeGreaterThan(40)
  })
})

describe('OPS.md', () => {
  test('has the 92 ops in order, with the meaning that the catalogue gives them', () => {
    expect(rows.map(r => [r.slot, r.op, r.identity])).toEqual(era.slots.map(s => [s.slot, s.member, s.op]))
    for (const row of rows) expect(row.meaning, row.op).toBe(opEntry(row.identity!).meaning)
  })

  test('permits the refusals that the self-check accepts, and no others', () => {
    const folder = here('src/selfcheck/')
    const checks = new Map<string, boolean>()
    for (const name of readdirSync(folder).filter(n => n.endsWith('.c'))) {
      for (const [, how, op] of readFileSync(folder + name, 'utf8').matchAll(/\b(MUST|MAY_REFUSE)\((\w+)\)/g)) {
        expect(checks.has(op!), op).toBe(false)
        checks.set(op!, how === 'MAY_REFUSE')
      }
    }
    expect(Object.fromEntries(checks)).toEqual(Object.fromEntries(rows.map(r => [r.op, r.refusal !== '-'])))
  })
})

describe('in QEMU', () => {
  const boots: [title: string, append: string, expected: string][] = [
    ['with PAE', '', 'expected/pae.txt'],
    ['with two-level page tables', 'nopae', 'expected/two-level.txt'],
  ]
  for (const [title, append, expected] of boots) {
    needs('qemu')(`boots ${title}, runs its processes and powers off`, async () => {
      const run = await runInQemu(image, { append })
      expect(differs(run.console, text(expected))).toBeUndefined()
      expect(run.status).toBe(0)
      const [, ok, refused] = /^selfcheck: (\d+) ops ok, (\d+) refused/m.exec(run.console)!
      expect(Number(ok) + Number(refused)).toBe(92)
      // Two computing processes live through three ticks each: the timer must have taken the processor from them.
      expect(Number(/, (\d+) preemptions/.exec(run.console)![1])).toBeGreaterThan(1)
    })
  }

  needs('qemu')('boots on a processor that has no CPUID bits to speak of', async () => {
    const run = await runInQemu(image, { args: ['-cpu', '486'] })
    expect(run.console).toMatch(/two-level page tables/)
    expect(run.console).toMatch(/^selfcheck: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
    expect(run.status).toBe(0)
  })

  for (const pae of [true, false]) {
    const expected = pae ? 'expected/pae.txt' : 'expected/two-level.txt'
    needs('qemu')(`boots by its second entry, ${pae ? 'PAE' : 'two-level'} tables in force`, async () => {
      const starter = here('../second-entry/second-entry.elf')
      const run = await runInQemu(starter, { append: pae ? 'pae' : '', module: `${image} x` })
      expect(run.console).toContain("paravirt: booting on a page of somebody else's")
      expect(differs(run.console, text(expected))).toBeUndefined()
      expect(run.status).toBe(0)
    })
  }

  // What the console ends with; and QEMU's status, when it ends: 0 for a shutdown by triple fault (with -no-reboot),
  // (value << 1) | 1 by isa-debug-exit.
  const endings: [append: string, last: RegExp, status: number | undefined][] = [
    ['halt', /System halted\.\s*$/, undefined],
    ['panic', /Kernel panic: asked for\s*$/, undefined],
    ['runoff', /page fault in the kernel: .*address f5500000[\s\S]*Kernel panic: fatal exception\s*$/, undefined],
    ['loop', /wall clock \d+\s*$/, undefined],
    ['tripleflt', /wall clock \d+\s*$/, 0],
    ['debugexit=0xf4:3', /wall clock \d+\s*$/, 7],
  ]
  for (const [append, last, status] of endings) {
    needs('qemu')(`ends as asked: ${append}`, async () => {
      const args = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4']
      const run = await runInQemu(image, { append, args, until: last })
      expect(run.console).toMatch(last)
      expect(run.status).toBe(status)
    })
  }

  // An op that does nothing where it should do something must be found out, by name.
  for (const op of [
    'restore_fl',
    'clts',
    'read_tsc',
    'load_tls',
    'flush_tlb_single',
    'pte_clear',
    'store_tr',
    'write_cr2',
  ]) {
    needs('qemu')(`the self-check fails when ${op} does nothing`, async () => {
      const broken = Uint8Array.from(file)
      const slot = era.slots.find(s => s.member === op)!.slot
      new DataView(broken.buffer).setUint32(
        elf.offsetOf(symbol('paravirt_ops') + slot * 4),
        symbol('_paravirt_nop'),
        true,
      )
      const run = await runInQemu(broken)
      expect(run.console).toContain(`selfcheck: FAILED ${op} (slot ${slot})`)
    })
  }
})
