import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { needs } from '../../../../tests/support/needs.ts'
import { type CallFrame, conventionFor, readArguments, writeResult } from './calling.ts'
import { signature } from './signature.ts'

const places = (prototype: string, arch: 'i386' | 'x86_64' = 'i386') =>
  conventionFor(signature(prototype), arch, false).params.map(param =>
    param.map(place => ('register' in place ? place.register : place.stack)),
  )

function frame(registers: Record<string, number>, stack: Record<number, number> = {}): CallFrame {
  return {
    getRegister: name => registers[name] ?? 0,
    setRegister: (name, value) => {
      registers[name] = value
    },
    readStack: offset => {
      if (!(offset in stack)) throw new Error(`nothing at ESP+${offset}`)
      return stack[offset]!
    },
  }
}

// gcc manual, x86 function attributes, regparm: "the first number arguments [in] EAX, EDX, and ECX"; the rest of the
// expectations are what gcc 12.2 -m32 -mregparm=3 does, checked against the compiler itself in the last test.
test.each([
  ['void (unsigned long a)', [['EAX']]],
  ['void (struct mm_struct *mm, unsigned long addr, pte_t *ptep)', [['EAX'], ['EDX'], ['ECX']]],
  ['void (unsigned a, unsigned b, unsigned c, unsigned d, unsigned e)', [['EAX'], ['EDX'], ['ECX'], [4], [8]]],
  ['pteval_t (pte_t pte)', [['EAX', 'EDX']]],
  ['void (pte_t *ptep, pte_t pteval)', [['EAX'], ['EDX', 'ECX']]],
  ['void (unsigned idx, phys_addr_t phys, pgprot_t flags)', [['EAX'], ['EDX', 'ECX'], [4, 8]]],
  // One register is left for a pair: the pair goes to the stack, and so does all that follows.
  ['void (unsigned a, unsigned b, u64 c, unsigned d)', [['EAX'], ['EDX'], [4, 8], [12]]],
  [
    'void (u64 a, u64 b)',
    [
      ['EAX', 'EDX'],
      [4, 8],
    ],
  ],
  ['void (u64 a, unsigned b, unsigned c)', [['EAX', 'EDX'], ['ECX'], [4]]],
  ['void (struct mm_struct *mm, unsigned long a, pte_t *p, pte_t pte)', [['EAX'], ['EDX'], ['ECX'], [4, 8]]],
  ['void (void)', []],
])('regparm(3): %s', (prototype, expected) => {
  expect(places(prototype)).toEqual(expected)
})

test('x86_64: six registers, then the stack above the return address (System V AMD64 ABI 3.2.3)', () => {
  expect(places('void (int a, u64 b, void *c, u32 d, u8 e, bool f, unsigned long g, u64 h)', 'x86_64')).toEqual([
    ['RDI'],
    ['RSI'],
    ['RDX'],
    ['RCX'],
    ['R8'],
    ['R9'],
    [8],
    [16],
  ])
})

test('results and clobbers: EDX:EAX for u64; callee-save ops change EAX and EDX only (x86_64: RAX)', () => {
  const of = (prototype: string, arch: 'i386' | 'x86_64', cs: boolean) => conventionFor(signature(prototype), arch, cs)
  expect(of('u64 (void)', 'i386', false).result).toEqual(['EAX', 'EDX'])
  expect(of('u64 (void)', 'x86_64', false).result).toEqual(['RAX'])
  expect(of('bool (unsigned long cpu)', 'i386', true).result).toEqual(['EAX'])
  expect(of('void (void)', 'i386', false).result).toEqual([])
  expect(of('void (void)', 'i386', false).clobbers).toEqual(['EAX', 'EDX', 'ECX'])
  expect(of('void (void)', 'i386', true).clobbers).toEqual(['EAX', 'EDX'])
  expect(of('void (void)', 'x86_64', true).clobbers).toEqual(['RAX'])
  expect(of('void (void)', 'x86_64', false).clobbers).toHaveLength(9)
})

test('arguments are read as their types say', () => {
  const s = signature('void (u8 *ptr, u8 val, int cpu, u64 wide, bool enc)')
  const args = readArguments(
    conventionFor(s, 'i386', false),
    s,
    frame({ EAX: 0xc000_0000, EDX: 0xdead_be7f, ECX: 0xffff_ffff }, { 4: 0x8765_4321, 8: 0xfedc_ba98, 12: 0x100 }),
  )
  // bool is a byte: 0x100 has a zero low byte.
  expect(args).toEqual([0xc000_0000, 0x7f, -1, 0xfedc_ba98_8765_4321n, 0])
})

test('results are checked and put where the caller looks', () => {
  const put = (prototype: string, value: unknown) => {
    const registers: Record<string, number> = { EAX: 1, EDX: 2, ECX: 3 }
    const s = signature(prototype)
    writeResult(conventionFor(s, 'i386', false), s, value, frame(registers), 'x.y')
    return registers
  }
  expect(put('void (void)', undefined)).toEqual({ EAX: 1, EDX: 2, ECX: 3 })
  expect(put('u64 (void)', 0x1_0000_0002n)).toEqual({ EAX: 2, EDX: 1, ECX: 3 })
  expect(put('int (void)', -14)).toEqual({ EAX: 0xffff_fff2, EDX: 2, ECX: 3 })
  expect(put('bool (void)', true)).toEqual({ EAX: 1, EDX: 2, ECX: 3 })
  expect(put('unsigned long (void)', 0xffff_ffff)).toEqual({ EAX: 0xffff_ffff, EDX: 2, ECX: 3 })
  for (const [prototype, value] of [
    ['void (void)', 0],
    ['u32 (void)', undefined],
    ['u32 (void)', -1],
    ['u32 (void)', 1.5],
    ['u32 (void)', 2 ** 32],
    ['u32 (void)', 1n],
    ['u64 (void)', 1],
    ['u64 (void)', -1n],
    ['u64 (void)', 1n << 64n],
    ['bool (void)', 256],
  ] as const) {
    expect(() => put(prototype, value), `${prototype} ← ${value}`).toThrow(
      expect.objectContaining({ code: 'PG_HOST_RESULT' }),
    )
  }
})

/** Every place of every parameter, as gcc itself has it: a function that stores each 32-bit half of each parameter. */
needs('gcc')('gcc -m32 -mregparm=3 agrees, for every sequence of up to five words and pairs', () => {
  const cases: { prototype: string; c: string }[] = []
  for (let length = 1; length <= 5; length++) {
    for (let mask = 0; mask < 1 << length; mask++) {
      const types = Array.from({ length }, (_, n) => (mask & (1 << n) ? 'u64' : 'u32'))
      const name = `f${cases.length}`
      const stores = types.flatMap((type, n) => {
        const out = 2 * n
        return type === 'u64'
          ? [`out[${out}] = (u32)p${n};`, `out[${out + 1}] = (u32)(p${n} >> 32);`]
          : [`out[${out}] = p${n};`]
      })
      cases.push({
        prototype: `void (${types.map((type, n) => `${type} p${n}`).join(', ')})`,
        c: `void ${name}(${types.map((type, n) => `${type} p${n}`).join(', ')}) { ${stores.join(' ')} }`,
      })
    }
  }
  // A call from C with known values would need a 32-bit C library; instead an assembly caller fills the registers and
  // the stack with marks, and each function's stores tell which mark each half of each parameter was.
  const MARK: Record<string, number> = { EAX: 0xa0, EDX: 0xd0, ECX: 0xc0 }
  const dir = mkdtempSync(join(tmpdir(), 'regparm-'))
  try {
    const program = [
      'typedef unsigned u32; typedef unsigned long long u64; static volatile u32 out[16];',
      ...cases.map(({ c }) => `__attribute__((noinline, used)) ${c}`),
      'static int sys(int n, int a, int b, int c) { int r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory"); return r; }',
      `typedef void (*fn)(void); static fn const all[] = { ${cases.map((_, n) => `(fn)f${n}`).join(', ')} };`,
      'void _start(void) { for (int n = 0; n < (int)(sizeof all / sizeof *all); n++) {',
      '  for (int k = 0; k < 16; k++) out[k] = 0;',
      `  __asm__ volatile("subl $48, %%esp; ${Array.from({ length: 12 }, (_, k) => `movl $${k * 4 + 4}, ${k * 4}(%%esp);`).join(' ')}"`,
      '    "movl $0xa0, %%eax; movl $0xd0, %%edx; movl $0xc0, %%ecx; call *%%ebx; addl $48, %%esp" : : "b"(all[n]) : "eax", "ecx", "edx", "memory");',
      '  u32 copy[16]; for (int k = 0; k < 16; k++) copy[k] = out[k];',
      '  sys(4, 1, (int)copy, 64); } sys(1, 0, 0, 0); }',
    ].join('\n')
    writeFileSync(join(dir, 'a.c'), program)
    execFileSync('gcc', [
      ...'-m32 -mregparm=3 -O1 -fno-pie -no-pie -nostdlib -static -fno-stack-protector -mno-sse -w'.split(' '),
      ...['-o', join(dir, 'a'), join(dir, 'a.c')],
    ])
    const out = execFileSync(join(dir, 'a'), { maxBuffer: 1 << 20 })
    expect(out.length).toBe(cases.length * 64)
    cases.forEach(({ prototype }, n) => {
      const expected = new Array<number>(16).fill(0)
      conventionFor(signature(prototype), 'i386', false).params.forEach((param, p) => {
        param.forEach((place, half) => {
          expected[2 * p + half] = 'register' in place ? MARK[place.register]! : place.stack
        })
      })
      const seen = Array.from({ length: 16 }, (_, k) => out.readUInt32LE(n * 64 + 4 * k))
      expect(seen, prototype).toEqual(expected)
    })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
