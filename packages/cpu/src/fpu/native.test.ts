/**
 * The x87 unit against the host processor, instruction by instruction and bit for bit: registers, tags, status word,
 * memory, flags. Needs gcc on an x86-64 Linux host.
 *
 * Not compared: the instruction and data pointers (AMD keeps them only for unmasked exceptions). The transcendental
 * functions are in native-functions.test.ts.
 */
import { expect } from 'vitest'
import { hostProgram } from '../../../../tests/support/host-program.ts'
import { needs } from '../../../../tests/support/needs.ts'
import { decodeResult, encodeCases, type NativeCase, type NativeResult } from './native-program.ts'
import { comparable, hex, image, memoryFor, type Options, ours, report, type State, same } from './native-x87.ts'
import { random } from './test-operands.ts'

const host = hostProgram(new URL('native-host.c', import.meta.url).pathname)

/** Runs cases on both and hands each pair to `each`. */
function both(cases: readonly NativeCase[], each: (c: NativeCase, theirs: NativeResult, mine: State) => void): void {
  const output = host(['x87'], encodeCases(cases))
  cases.forEach((c, n) => {
    each(c, decodeResult(output, n), ours(c))
  })
}

function run(codes: readonly (readonly number[])[], perCode: number, seed: number, options: Options): string[] {
  const r = random(seed)
  const cases: NativeCase[] = []
  for (const code of codes) {
    for (let n = 0; n < perCode; n++) {
      cases.push({
        code,
        eflags: 0x202 | (r.bits() & 0x8d5),
        gpr: [r.bits(), r.bits(), r.bits()],
        image: image(r, options),
        memory: memoryFor(r),
      })
    }
  }
  const differences: string[] = []
  both(cases, (c, theirs, mine) => {
    // FCOMI and its kin: AMD leaves C1 alone, the SDM clears it.
    if (/^d[bf](e[89a-f]|f)/.test(hex(Uint8Array.from(c.code)))) {
      mine.image[5] = ((mine.image[5] as number) & ~2) | ((theirs.image[5] as number) & 2)
    }
    // FNSTENV, FNSAVE: the pointers.
    const code = hex(Uint8Array.from(c.code))
    if (/d[9d]33$/.test(code)) {
      const [from, to] = code.startsWith('66') ? [6, 14] : [12, 28]
      mine.memory.set(theirs.memory.subarray(from, to), from)
    }
    if (same(theirs, mine)) return
    const left = `${theirs.trap} ${comparable(theirs.image)} ${hex(theirs.memory.subarray(0, 10))} ${(theirs.eflags & 0x8d5).toString(16)} ${theirs.gpr[0].toString(16)}`
    const right = `-1 ${comparable(mine.image)} ${hex(mine.memory.subarray(0, 10))} ${(mine.eflags & 0x8d5).toString(16)} ${mine.eax.toString(16)}`
    differences.push(
      `${hex(Uint8Array.from(c.code))}\n  before ${comparable(c.image)} ${hex(c.memory.subarray(0, 10))}\n  host   ${left}\n  ours   ${right}`,
    )
  })
  return differences
}

function memoryForms(opcode: number, regs: readonly number[]): number[][] {
  return regs.map(reg => [opcode, (reg << 3) | 3])
}

function rows(opcode: number, modrms: readonly number[]): number[][] {
  return modrms.flatMap(modrm => [0, 1, 3, 7].map(i => [opcode, modrm + i]))
}

const ALL = [0, 1, 2, 3, 4, 5, 6, 7]
const ARITHMETIC = [
  ...memoryForms(0xd8, ALL),
  ...memoryForms(0xda, ALL),
  ...memoryForms(0xdc, ALL),
  ...memoryForms(0xde, ALL),
  ...rows(0xd8, [0xc0, 0xc8, 0xd0, 0xd8, 0xe0, 0xe8, 0xf0, 0xf8]),
  ...rows(0xdc, [0xc0, 0xc8, 0xd0, 0xd8, 0xe0, 0xe8, 0xf0, 0xf8]),
  ...rows(0xde, [0xc0, 0xc8, 0xd0, 0xe0, 0xe8, 0xf0, 0xf8]),
  [0xde, 0xd9],
]
const MOVES = [
  ...memoryForms(0xd9, [0, 2, 3]),
  ...memoryForms(0xdb, [0, 2, 3, 5, 7]),
  ...memoryForms(0xdd, [0, 2, 3]),
  ...memoryForms(0xdf, [0, 2, 3, 4, 5, 6, 7]),
  ...rows(0xd9, [0xc0, 0xc8, 0xd8]),
  ...rows(0xda, [0xc0, 0xc8, 0xd0, 0xd8]),
  ...rows(0xdb, [0xc0, 0xc8, 0xd0, 0xd8]),
  ...rows(0xdd, [0xc0, 0xc8, 0xd0, 0xd8]),
  ...rows(0xdf, [0xc0, 0xc8, 0xd0, 0xd8]),
]
const OTHERS = [
  ...rows(0xdb, [0xe8, 0xf0]),
  ...rows(0xdd, [0xe0, 0xe8]),
  ...rows(0xdf, [0xe8, 0xf0]),
  [0xda, 0xe9],
  ...[0xd0, 0xe0, 0xe1, 0xe4, 0xe5, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8].map(m => [
    0xd9,
    m,
  ]),
  ...[0xfa, 0xfc, 0xfd].map(m => [0xd9, m]),
  [0xdb, 0xe0],
  [0xdb, 0xe1],
  [0xdb, 0xe2],
  [0xdb, 0xe3],
  [0xdb, 0xe4],
  [0xdf, 0xe0],
  ...memoryForms(0xd9, [5, 7]),
  ...memoryForms(0xdd, [7]),
]

const ordinary: Options = { empties: 4, unmasked: 0 }
const hard: Options = { empties: 20, unmasked: 100 }

needs('gcc')('arithmetic and comparison agree with the host, exceptions masked', () => {
  const differences = run(ARITHMETIC, 70, 1, ordinary)
  expect(differences.length, report(differences)).toBe(0)
})

needs('gcc')('arithmetic and comparison agree with the host, exceptions unmasked', () => {
  const differences = run(ARITHMETIC, 40, 2, hard)
  expect(differences.length, report(differences)).toBe(0)
})

needs('gcc')('moves and conversions agree with the host', () => {
  const differences = [
    ...run(MOVES, 60, 3, { empties: 30, unmasked: 0 }),
    ...run(MOVES, 40, 4, { empties: 30, unmasked: 100 }),
  ]
  expect(differences.length, report(differences)).toBe(0)
})

needs('gcc')('the other instructions agree with the host', () => {
  const differences = [
    ...run(OTHERS, 120, 5, { empties: 30, unmasked: 0 }),
    ...run(OTHERS, 80, 6, { empties: 10, unmasked: 100 }),
  ]
  expect(differences.length, report(differences)).toBe(0)
})

needs('gcc')('environment and state images agree with the host but for the pointers', () => {
  const codes = [
    [0xd9, 0x23],
    [0xd9, 0x33],
    [0xdd, 0x23],
    [0xdd, 0x33],
  ].flatMap(code => [code, [0x66, ...code]])
  const differences = [...run(codes, 200, 7, { empties: 30, unmasked: 0 }), ...run(codes, 100, 8, hard)]
  expect(differences.length, report(differences)).toBe(0)
})
