/**
 * Instruction tests with a purpose: the corners that random ones seldom meet. Every list runs on the host's processor
 * and on both interpreters. Undefined flags are those of SDM vol. 2.
 */
import { CODE, DATA, DATA_SIZE, MAX_CODE, type NativeTest, READ_ONLY } from './protocol.ts'

const [CF, PF, AF, ZF, SF, OF, TF, DF] = [1, 4, 0x10, 0x40, 0x80, 0x800, 0x100, 0x400]
const ARITHMETIC = CF | PF | AF | ZF | SF | OF
const AC = 0x40000
/** What POPF and PUSHF are about: the arithmetic flags, TF IF DF, IOPL NT AC ID. */
const ALL_FLAGS = 0x247fd5
const END = DATA + DATA_SIZE

const le16 = (v: number): number[] => [v & 0xff, (v >>> 8) & 0xff]
const le32 = (v: number): number[] => [...le16(v), ...le16(v >>> 16)]
const hex = (code: readonly number[]): string => code.map(b => b.toString(16).padStart(2, '0')).join(' ')
const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)

type Registers = Partial<Record<'eax' | 'ecx' | 'edx' | 'ebx' | 'esp' | 'ebp' | 'esi' | 'edi', number>>
const ORDER = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const
const DEFAULTS: Required<Registers> = {
  eax: 0x8090a0b0,
  ecx: 0x11223344,
  edx: 0x7f00ff01,
  ebx: DATA + 0x800,
  esp: DATA + 0x1000,
  ebp: DATA + 0x1100,
  esi: DATA + 0x400,
  edi: DATA + 0xc00,
}

/** One test; `code` runs from `offset` until an INT3 or a fault. */
function t(code: number[], regs: Registers = {}, more: Partial<NativeTest> = {}): NativeTest {
  if (code.length > MAX_CODE) throw new RangeError(`too long: ${hex(code)}`)
  return {
    name: hex(code),
    code,
    regs: ORDER.map(r => (regs[r] ?? DEFAULTS[r]) >>> 0),
    eflags: 0x202,
    offset: 0x100,
    seed: 0x2545f491,
    undefinedFlags: 0,
    ...more,
  }
}

/* ---- shifts and rotates: every count ---- */

function shifts(): NativeTest[] {
  const tests: NativeTest[] = []
  for (const digit of range(8)) {
    for (const size of [8, 16, 32]) {
      for (const count of [...range(36), 0x40, 0x7f, 0xff]) {
        const n = count & 31
        const rotates = digit < 4
        const undefinedFlags =
          n === 0 ? 0 : (n === 1 ? 0 : OF) | (rotates ? 0 : AF) | (digit >= 4 && digit !== 7 && n >= size ? CF : 0)
        const prefix = size === 16 ? [0x66] : []
        for (const [i, eax] of [0x8090a0b0, 0x7fff7f01, 0xffffffff].entries()) {
          const eflags = 0x202 | (i & 1 ? ARITHMETIC : i & 2 ? CF : 0)
          const modrm = 0xc0 | (digit << 3)
          tests.push(t([...prefix, size === 8 ? 0xd2 : 0xd3, modrm], { eax, ecx: count }, { eflags, undefinedFlags }))
          tests.push(
            t(
              [...prefix, size === 8 ? 0xc0 : 0xc1, (modrm & 0x3f) | 3, count],
              { ecx: 0 },
              { eflags, undefinedFlags, seed: eax },
            ),
          )
        }
      }
    }
  }
  for (const opcode of [0xa5, 0xad]) {
    for (const size of [16, 32]) {
      for (const count of range(size === 16 ? 17 : 34)) {
        const n = count & 31
        const undefinedFlags = n === 0 ? 0 : AF | (n === 1 ? 0 : OF)
        for (const eflags of [0x202, 0x202 | ARITHMETIC]) {
          const prefix = size === 16 ? [0x66] : []
          tests.push(t([...prefix, 0x0f, opcode, 0xd0], { ecx: count }, { eflags, undefinedFlags }))
          tests.push(t([...prefix, 0x0f, opcode - 1, 0x13, count], {}, { eflags, undefinedFlags }))
        }
      }
    }
  }
  return tests
}

/* ---- conditions: every one under every combination of flags ---- */

function conditions(): NativeTest[] {
  const tests: NativeTest[] = []
  const bits = [CF, PF, AF, ZF, SF, OF]
  for (const combination of range(64)) {
    const eflags = 0x202 | bits.reduce((all, bit, i) => (combination & (1 << i) ? all | bit : all), 0)
    for (const cc of range(16)) {
      tests.push(t([0x70 + cc, 1, 0x40, 0x41], {}, { eflags }))
      tests.push(t([0x0f, 0x80 + cc, 1, 0, 0, 0, 0x40, 0x41], {}, { eflags }))
      tests.push(t([0x0f, 0x90 + cc, 0xc1, 0x0f, 0x90 + cc, 0x03], {}, { eflags }))
      tests.push(t([0x0f, 0x40 + cc, 0xca, 0x66, 0x0f, 0x40 + cc, 0x13], {}, { eflags }))
      // CMOV reads its source, and may fault, whatever the condition.
      tests.push(t([0x0f, 0x40 + cc, 0x03], { ebx: END - 1 }, { eflags }))
    }
  }
  for (const opcode of [0xe0, 0xe1, 0xe2, 0xe3]) {
    for (const ecx of [0, 1, 2, 0x10000, 0x10001, 0xffff, 0xffff0000]) {
      for (const eflags of [0x202, 0x202 | ZF]) {
        tests.push(t([opcode, 1, 0x40, 0x42], { ecx }, { eflags }))
        tests.push(t([0x67, opcode, 1, 0x40, 0x42], { ecx }, { eflags }))
      }
    }
  }
  // Backwards, many times around.
  tests.push(t([0x40, 0xe2, 0xfd], { ecx: 300 }), t([0x43, 0x67, 0xe2, 0xfc], { ecx: 0x10100 }))
  return tests
}

/* ---- strings ---- */

function strings(): NativeTest[] {
  const tests: NativeTest[] = []
  const forms: [number, number[]][] = [
    [1, []],
    [2, [0x66]],
    [4, []],
  ]
  const both = (code: number[], regs: Registers): void => {
    for (const eflags of [0x202, 0x202 | DF]) tests.push(t(code, regs, { eflags }))
  }
  for (const [size, prefix] of forms) {
    const op = (byte: number): number => (size === 1 ? byte : byte + 1)
    for (const distance of [-9, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 8, 16]) {
      for (const ecx of [0, 1, 2, 7, 33]) {
        both([...prefix, 0xf3, op(0xa4)], { ecx, esi: DATA + 0x900, edi: DATA + 0x900 + distance })
        both([...prefix, 0xf3, op(0xa6)], { ecx, esi: DATA + 0x900, edi: DATA + 0x900 + distance })
      }
    }
    // Across the page, with the second page there, missing, or read-only; upwards and downwards.
    for (const edge of [DATA + 0x1000, END, DATA, READ_ONLY, READ_ONLY + 0x1000]) {
      for (const offset of [-9, -5, -1, 0, 3]) {
        for (const byte of [0xa4, 0xa6, 0xaa, 0xac, 0xae]) {
          for (const rep of [0xf3, 0xf2]) {
            both([...prefix, rep, op(byte)], { ecx: 11, esi: DATA + 0x800, edi: edge + offset, eax: 0x5a5a5a5a })
          }
        }
        both([...prefix, 0xf3, op(0xa4)], { ecx: 11, esi: edge + offset, edi: DATA + 0x800 })
        both([...prefix, 0xf3, op(0xac)], { ecx: 11, esi: edge + offset })
        both([...prefix, op(0xa4)], { esi: edge + offset, edi: edge + offset })
        both([...prefix, op(0xa6)], { esi: edge + offset, edi: DATA + 0x800 })
      }
    }
    // A comparison that ends half way: equal runs prepared by STOS.
    for (const rep of [0xf3, 0xf2]) {
      for (const at of [0, 3, 9]) {
        const fill = [0xf3, 0xaa, 0xb1, 20, 0x89, 0xd7, 0xc6, 0x42, at * size, 0x99]
        const code = [...fill, ...prefix, rep, op(0xae)]
        tests.push(t(code, { eax: 0x77777777, ecx: 64, edx: DATA + 0x600, edi: DATA + 0x600 }))
        tests.push(t(code, { eax: 0x99999999, ecx: 64, edx: DATA + 0x600, edi: DATA + 0x600 }))
      }
    }
    // 16-bit addressing looks at CX alone; nothing is touched when it is 0.
    for (const byte of [0xa4, 0xa6, 0xaa, 0xac, 0xae]) {
      tests.push(t([0x67, ...prefix, 0xf3, op(byte)], { ecx: 0x50000 }))
      tests.push(t([...prefix, 0xf3, op(byte)], { ecx: 0, esi: 0, edi: 0 }))
      // Which of two faulting operands CMPS reads first is the processor's own affair.
      if (byte !== 0xa6) tests.push(t([0x67, ...prefix, op(byte)], { esi: 0x12345678, edi: 0x9abcdef0 }))
    }
    // With TF every iteration traps.
    for (const byte of [0xa4, 0xaa, 0xae]) tests.push(t([...prefix, 0xf3, op(byte)], { ecx: 5 }, { eflags: 0x302 }))
    // INS and OUTS are not for processes.
    tests.push(t([...prefix, op(0x6c)], { edx: 0x80 }), t([...prefix, 0xf3, op(0x6e)], { ecx: 0, edx: 0x80 }))
  }
  return tests
}

/* ---- memory at the edges of pages ---- */

/** Instructions with a memory operand at [EBX]. */
const MEMORY: readonly number[][] = [
  [0x8b, 0x03],
  [0x89, 0x03],
  [0x66, 0x8b, 0x03],
  [0x66, 0x89, 0x03],
  [0x8a, 0x03],
  [0x88, 0x03],
  [0x01, 0x03],
  [0x03, 0x03],
  [0x66, 0x01, 0x03],
  [0x00, 0x03],
  [0x39, 0x03],
  [0x85, 0x03],
  [0x87, 0x03],
  [0x66, 0x87, 0x03],
  [0xff, 0x03],
  [0x66, 0xff, 0x0b],
  [0xfe, 0x03],
  [0xf7, 0x13],
  [0xf7, 0x1b],
  [0xf7, 0x23],
  [0xc1, 0x03, 3],
  [0x66, 0xc1, 0x2b, 3],
  [0xc1, 0x23, 0],
  [0xd3, 0x1b],
  [0x0f, 0xa4, 0x0b, 7],
  [0x0f, 0xac, 0x0b, 0],
  [0x0f, 0xb0, 0x13],
  [0x0f, 0xb1, 0x13],
  [0x66, 0x0f, 0xb1, 0x13],
  [0x0f, 0xc1, 0x13],
  [0x0f, 0xc7, 0x0b],
  [0xf0, 0x0f, 0xc7, 0x0b],
  [0xf0, 0x0f, 0xc1, 0x13],
  [0x0f, 0xba, 0x2b, 9],
  [0x0f, 0xba, 0x23, 9],
  [0x66, 0x0f, 0xba, 0x3b, 9],
  [0x0f, 0x94, 0x03],
  [0x0f, 0xb6, 0x03],
  [0x0f, 0xb7, 0x03],
  [0x0f, 0xbf, 0x03],
  [0xc7, 0x03, 1, 2, 3, 4],
  [0x66, 0xc7, 0x03, 1, 2],
  [0xc6, 0x03, 9],
  [0xff, 0x33],
  [0x66, 0xff, 0x33],
  [0x8f, 0x03],
  [0x66, 0x8f, 0x03],
  [0x69, 0x03, 5, 0, 0, 0],
  [0x11, 0x03],
  [0x19, 0x03],
  [0x81, 0x33, 1, 1, 1, 1],
  [0x83, 0x23, 0xf0],
  [0x80, 0x0b, 1],
  [0xf6, 0x03, 1],
]
const EDGES = [DATA, DATA + 0x1000, END, READ_ONLY, READ_ONLY + 0x1000]

function pageEdges(): NativeTest[] {
  const tests: NativeTest[] = []
  for (const code of MEMORY) {
    for (const edge of EDGES) {
      for (const back of [0, 1, 2, 3, 4, 5, 7, 8]) {
        tests.push(
          t(
            code,
            { ebx: edge - back },
            {
              undefinedFlags:
                code[0] === 0x0f ||
                code[0] === 0xf7 ||
                code[0] === 0x69 ||
                code[0] === 0x66 ||
                (code[0] >= 0xc0 && code[0] <= 0xd3) ||
                code[0] === 0x81 ||
                code[0] === 0x83 ||
                code[0] === 0x80 ||
                code[0] === 0xf6 ||
                code[0] === 0x85
                  ? ARITHMETIC
                  : 0,
            },
          ),
        )
      }
    }
  }
  // The stack at the same places.
  const stack: number[][] = [
    [0x50],
    [0x66, 0x50],
    [0x6a, 0x85],
    [0x68, 1, 2, 3, 4],
    [0x60],
    [0x66, 0x60],
    [0x9c],
    [0x54],
    [0xff, 0x34, 0x24],
    [0xe8, 0, 0, 0, 0],
    [0xff, 0xd1],
    [0x58],
    [0x66, 0x58],
    [0x5c],
    [0x8f, 0x04, 0x24],
    [0x8f, 0x44, 0x24, 4],
    [0xff, 0x74, 0x24, 4],
    [0x66, 0x8f, 0x04, 0x24],
    [0xc9],
    [0x66, 0xc9],
    [0xc8, 8, 0, 0],
    [0xc8, 4, 0, 1],
    [0x87, 0x04, 0x24],
    [0x1e, 0x58],
    [0x0f, 0xa0, 0x58],
    [0x83, 0xc4, 4, 0x51],
  ]
  for (const code of stack) {
    for (const edge of EDGES) {
      for (const at of [-5, -4, -3, -2, -1, 0, 1, 2, 4, 6, 8, 31, 32, 33]) {
        // Selector values are the host's own: only their faults are compared.
        if ((code[0] === 0x1e || code[0] === 0x0f) && at > 0 && edge !== END) continue
        const near = edge + at
        // What a popped EIP, or a call through ECX, leads to is compared as a fault at that address.
        tests.push(t(code, { esp: near, ebp: near, ecx: CODE + 0x180 }, { undefinedFlags: ARITHMETIC }))
      }
    }
  }
  return tests.filter(x => x.code[0] !== 0x1e && !(x.code[0] === 0x0f && x.code[1] === 0xa0))
}

/** Code that crosses into a second page, and code that runs off the last one. */
function codeEdges(): NativeTest[] {
  const tests: NativeTest[] = []
  const codes = [
    [0x40],
    [0x66, 0xb8, 0x34, 0x12],
    [0xb8, 1, 2, 3, 4],
    [0x81, 0xc0, 1, 2, 3, 4],
    [0xc7, 0x83, 4, 0, 0, 0, 1, 2, 3, 4],
    [0x0f, 0xaf, 0xc1],
    [0xe8, 0, 0, 0, 0],
    [0xeb, 0],
    [0x74, 0],
    [0x75, 0],
    [0xf3, 0xaa],
    [0x0f, 0x84, 0, 0, 0, 0],
    [0x2e, 0x3e, 0x66, 0x90],
    [0xff, 0x33],
    [0xcc],
    [0xf4],
    [0x0f, 0x0b],
  ]
  for (const code of codes) {
    for (const end of [0x1000, 0x2000]) {
      for (const back of range(12, 1)) {
        // Only the bytes that exist can be written: the rest is where the fetch faults.
        const offset = end - back
        const cut = end === 0x2000 ? code.slice(0, back) : code
        if (end === 0x2000 && code[0] === 0xe8 && back < 5) continue
        tests.push(t(cut, { ecx: 3 }, { offset, undefinedFlags: ARITHMETIC }))
      }
    }
  }
  return tests
}

/* ---- LOCK, and the length limit ---- */

function lockPrefix(): NativeTest[] {
  const tests: NativeTest[] = []
  const prefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]
  for (const opcode of range(0x200)) {
    if (opcode === 0x0f || (opcode < 0x100 && prefixes.includes(opcode))) continue
    // AMD gives LOCK MOV CR0 a meaning of its own; three-byte opcodes and VEX are beyond this processor.
    if ([0x120, 0x122, 0x138, 0x13a].includes(opcode)) continue
    const bytes = [0xf0, ...(opcode >= 0x100 ? [0x0f] : []), opcode & 0xff]
    for (const digit of range(8)) {
      // VERR and VERW: processors have been seen to ignore the prefix, against the manual.
      if (opcode === 0x100 && (digit === 4 || digit === 5)) continue
      for (const modrm of [0x03, 0xc1]) {
        tests.push(t([...bytes, modrm | (digit << 3), 1, 0, 0, 0], {}, { undefinedFlags: ARITHMETIC }))
      }
    }
  }
  return tests
}

function lengthLimit(): NativeTest[] {
  const tests: NativeTest[] = []
  const codes = [
    [0x90],
    [0x40],
    [0x8b, 0x03],
    [0x81, 0x03, 1, 0, 0, 0],
    [0x81, 0x84, 0x4b, 1, 0, 0, 0, 2, 0, 0, 0],
    [0xb8, 1, 2, 3, 4],
    [0x0f, 0xaf, 0xc1],
    [0xeb, 0],
    [0x0f, 0x0b],
    [0x0f, 0x85, 0, 0, 0, 0],
  ]
  for (const code of codes) {
    for (const prefix of [0x2e, 0x3e, 0x26]) {
      for (const length of [14, 15, 16, 17]) {
        const n = length - code.length
        tests.push(
          t(
            [...range(n).map(() => prefix), ...code],
            { ecx: 0 },
            { undefinedFlags: code[1] === 0xaf ? ARITHMETIC : 0 },
          ),
        )
      }
    }
  }
  // All prefixes, and nothing else for fifteen bytes.
  tests.push(t(range(20).map(() => 0x66)), t(range(15).map(i => [0x66, 0x67, 0xf2][i % 3])))
  return tests
}

/* ---- addresses ---- */

function addresses(): NativeTest[] {
  const tests: NativeTest[] = []
  const regs = { ebx: 0x1234f123, ebp: 0x5678e234, esi: 0x9abc3456, edi: 0xdef04567 }
  for (const modrm of range(0xc0)) {
    if ((modrm & 0x38) !== 0) continue
    // LEA shows the offset; a load from the unmapped lowest 64 KB shows it in CR2; through FS it reaches the data.
    tests.push(t([0x67, 0x8d, modrm | 0x08, 0x90, 0x90], regs), t([0x67, 0x66, 0x8d, modrm | 0x10, 0x85, 0xff], regs))
    tests.push(t([0x67, 0x8b, modrm, 0x85, 0xff], regs), t([0x67, 0x3e, 0x89, modrm, 0x7f, 0x80], regs))
    const small = { ebx: 0x7fff0102, ebp: 0x0203, esi: 0x10304, edi: 0x0405 }
    tests.push(t([0x64, 0x67, 0x8b, modrm, 0x10, 0x01], small, { fs: 'limited' }))
    tests.push(t([0x64, 0x67, 0x01, modrm | 0x10, 0xf0, 0xff], small, { fs: 'limited' }))
  }
  for (const modrm of [0x04, 0x44, 0x84]) {
    for (const sib of range(256)) {
      tests.push(t([0x8d, modrm | 0x08, sib, 0x80, 0x70, 0x60, 0x50]))
    }
  }
  // Offsets at the edges of a limited segment, of every size, for reads, writes and both at once.
  for (const fs of ['limited', 'expand-down'] as const) {
    for (const ebx of [
      0,
      0x7f8,
      ...range(12, 0x7fa),
      0x1000,
      0x1ff8,
      0x1ffc,
      0x1ffe,
      0xfffffffc,
      0xfffffffd,
      0xffffffff,
    ]) {
      for (const code of [
        [0x8a, 0x03],
        [0x66, 0x8b, 0x03],
        [0x8b, 0x03],
        [0x89, 0x03],
        [0x01, 0x03],
        [0x88, 0x03],
        [0x0f, 0xc7, 0x0b],
        [0xff, 0x33],
        [0xf0, 0x0f, 0xc1, 0x03],
      ]) {
        tests.push(t([0x64, ...code], { ebx }, { fs, undefinedFlags: ARITHMETIC }))
      }
      tests.push(t([0x64, 0xd7], { ebx, eax: 1 }, { fs }), t([0x64, 0xac], { esi: ebx }, { fs }))
      tests.push(
        t([0x64, 0xf3, 0xa5], { esi: ebx, ecx: 3 }, { fs }),
        t([0x64, 0xf3, 0xa6], { esi: ebx, ecx: 5 }, { fs }),
      )
    }
  }
  // The null selector.
  for (const code of [
    [0x64, 0x8b, 0x03],
    [0x64, 0x89, 0x03],
    [0x64, 0xff, 0x03],
    [0x64, 0xac],
    [0x64, 0xa1, 0, 0, 0, 0],
  ])
    tests.push(t(code))
  // XLAT: AL unsigned, the sum cut to the address size.
  for (const eax of [0, 1, 0x7f, 0x80, 0xff]) {
    tests.push(
      t([0xd7], { eax }),
      t([0x67, 0xd7], { eax, ebx: 0xfff0 }),
      t([0x64, 0x67, 0xd7], { eax, ebx: 0x7fff0123 }, { fs: 'limited' }),
    )
  }
  // The last segment prefix wins.
  tests.push(t([0x64, 0x3e, 0x8b, 0x03]), t([0x3e, 0x64, 0x8b, 0x03]))
  return tests
}

/* ---- stack frames, calls ---- */

function calls(): NativeTest[] {
  const tests: NativeTest[] = []
  const at = CODE + 0x100
  for (const level of [0, 1, 2, 3, 5, 31, 32, 33, 255]) {
    for (const allocate of [0, 1, 4, 0x20, 0xffff]) {
      for (const prefix of [[], [0x66]])
        tests.push(t([...prefix, 0xc8, ...le16(allocate), level], { ebp: DATA + 0x1180, esp: DATA + 0x1800 }))
    }
  }
  for (const ebp of [DATA + 3, DATA + 0x10, END - 3, END + 8])
    tests.push(t([0xc8, 0, 0, 4], { ebp }), t([0xc9], { ebp }))
  // A display frame that cannot be read, a stack that ends under it.
  tests.push(t([0xc8, 0, 0, 6], { esp: DATA + 16, ebp: DATA + 0x800 }), t([0xc8, 0x20, 0, 0], { esp: DATA + 16 }))
  const after = [0x40, 0xcc, 0x42, 0x43]
  const target = le32(at + 0x20)
  const pad = (code: number[]): number[] => [...code, ...range(0x20 - code.length).map(() => 0xcc), ...after]
  tests.push(t(pad([0xff, 0xd0]), { eax: at + 0x20 }), t(pad([0xff, 0xe0]), { eax: at + 0x20 }))
  // The data is not executable on the host: jump through ESP only to code.
  tests.push(t(pad([0xff, 0xd4]), { esp: CODE + 0x120 }), t(pad([0xff, 0xe4]), { esp: CODE + 0x120 }))
  tests.push(t(pad([0xc7, 0x03, ...target, 0xff, 0x13])), t(pad([0xc7, 0x03, ...target, 0xff, 0x23])))
  tests.push(t(pad([0x68, ...target, 0xff, 0x14, 0x24])), t(pad([0x68, ...target, 0xff, 0x24, 0x24])))
  tests.push(t(pad([0x68, ...target, 0xff, 0x54, 0x24, 0xfc])), t(pad([0x68, ...target, 0xc3])))
  tests.push(t(pad([0x68, ...target, 0xc2, 0x10, 0])), t(pad([0x68, ...target, 0xc2, 0xff, 0xff])))
  tests.push(t(pad([0xe8, 0x1b, 0, 0, 0])), t(pad([0xe9, 0x1b, 0, 0, 0])), t(pad([0xeb, 0x1e])))
  tests.push(t([0xe8, 0, 0, 0, 0, 0x58, 0x5b, 0x5c]), t([0x54, 0x5c]), t([0x54, 0x58]), t([0x66, 0x54, 0x66, 0x5c]))
  // 16-bit operand size cuts the target.
  for (const code of [
    [0x66, 0xeb, 0],
    [0x66, 0xe9, 0, 0],
    [0x66, 0xe8, 0, 0],
    [0x66, 0xc3],
    [0x66, 0xc2, 4, 0],
    [0x66, 0xff, 0xe0],
    [0x66, 0xff, 0xd0],
    [0x66, 0x74, 0],
    [0x66, 0x75, 0],
    [0x66, 0x0f, 0x85, 0, 0],
    [0x66, 0xe2, 0],
  ]) {
    tests.push(t(code))
  }
  // Targets that are not mapped: the fault is at the target, after the transfer.
  tests.push(
    t([0xff, 0xe0], { eax: END }),
    t([0xff, 0xd0], { eax: END }),
    t([0xc3], { esp: DATA + 0x20 }),
    t([0xe9, 0, 0, 0, 0x10]),
  )
  // ESP as base, index-less SIB, and its value before or after the push and the pop.
  for (const code of [
    [0xff, 0x34, 0x24],
    [0xff, 0x74, 0x24, 8],
    [0x8f, 0x04, 0x24],
    [0x8f, 0x44, 0x24, 8],
    [0x66, 0xff, 0x34, 0x24],
    [0x66, 0x8f, 0x44, 0x24, 2],
    [0x8f, 0x84, 0x24, 0x10, 0, 0, 0],
    [0x87, 0x24, 0x24],
    [0x03, 0x24, 0x24],
    [0x89, 0x24, 0x24],
    [0x8d, 0x24, 0x24],
    [0x8d, 0x64, 0x24, 0xfc],
    [0xff, 0x74, 0x0c, 0],
    [0x8f, 0x44, 0x0c, 0],
  ]) {
    tests.push(t(code, { ecx: 4 }))
  }
  return tests
}

/* ---- faults of arithmetic, and software interrupts ---- */

function faults(): NativeTest[] {
  const tests: NativeTest[] = []
  const values = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff]
  for (const [prefix, opcode] of [
    [[], 0xf6],
    [[0x66], 0xf7],
    [[], 0xf7],
  ] as const) {
    for (const digit of [6, 7]) {
      for (const eax of values) {
        for (const edx of [0, 1, 0x7fff, 0x8000, 0xffffffff]) {
          for (const ecx of [0, 1, 2, 0x80, 0xff, 0x8000, 0xffff, 0x80000000, 0xffffffff]) {
            tests.push(t([...prefix, opcode, 0xc1 | (digit << 3)], { eax, edx, ecx }, { undefinedFlags: ARITHMETIC }))
          }
        }
      }
    }
  }
  for (const base of [0, 1, 10, 255]) tests.push(t([0xd4, base], {}, { undefinedFlags: CF | OF | AF }))
  // BOUND: at, inside and outside the limits, which are signed; and limits that cannot be read.
  for (const edx of [0, 5, 6, 10, 11, 0xfffffff0, 0x7fff, 0x8005]) {
    tests.push(t([0xc7, 0x03, 5, 0, 0, 0, 0xc7, 0x43, 4, 10, 0, 0, 0, 0x62, 0x13], { edx }))
    tests.push(t([0xc7, 0x03, 5, 0, 10, 0, 0x66, 0x62, 0x13], { edx }))
  }
  for (const back of [1, 4, 5, 7]) tests.push(t([0x62, 0x13], { ebx: END - back }))
  tests.push(t([0xce]), t([0xce], {}, { eflags: 0x202 | OF }), t([0xcc]))
  // INT1 (F1) is left out: virtual machines report it as a fault, where the manual has a trap.
  // INT n through gates that ring 3 may not use, and past the end of the table's useful part.
  for (const n of [0, 1, 2, 5, 6, 7, 8, 10, 13, 14, 16, 17, 18, 19]) tests.push(t([0xcd, n]))
  for (const n of [3, 4]) tests.push(t([0xcd, n]))
  for (const code of [
    [0xf4],
    [0xfa],
    [0xfb],
    [0x0f, 0x06],
    [0x0f, 0x08],
    [0x0f, 0x09],
    [0x0f, 0x20, 0xc0],
    [0x0f, 0x22, 0xc0],
    [0x0f, 0x21, 0xc0],
    [0x0f, 0x23, 0xc0],
    [0x0f, 0x30],
    [0x0f, 0x32],
    [0x0f, 0x01, 0x3b],
    [0x0f, 0x01, 0x13],
    [0x0f, 0x01, 0x1b],
    [0x0f, 0x01, 0xf0],
    [0x0f, 0x00, 0xd0],
    [0x0f, 0x00, 0xd8],
    [0x0f, 0x35],
    [0xe4, 0x80],
    [0xe6, 0x80],
    [0xec],
    [0xee],
    [0x0f, 0x22, 0xc8],
    [0x0f, 0x20, 0xe8],
    [0x0f, 0x0b],
    [0x0f, 0xff, 0xc0],
    [0x0f, 0xb9, 0xc0],
    [0x8e, 0xc8],
    [0x8c, 0xf0],
    [0x8c, 0xf8],
    [0xc6, 0xc8, 1],
    [0xc7, 0xc8, 1, 0, 0, 0],
    [0xff, 0xf8],
    [0xfe, 0xd0],
    [0x8f, 0xc8],
    [0x8d, 0xc0],
    [0x62, 0xc0, 0, 0, 0, 0],
    [0x0f, 0xc7, 0xc8],
    [0x0f, 0xba, 0xc0, 1],
    [0x0f, 0xb2, 0xc0],
    [0xd9, 0xd1],
    [0xdb, 0xe5],
  ]) {
    if (code[0] === 0x62) continue
    tests.push(t(code))
  }
  return tests
}

/* ---- flags as a whole, single steps, alignment checks ---- */

function flagImages(): NativeTest[] {
  const tests: NativeTest[] = []
  const whole = (code: number[], regs: Registers, eflags = 0x202): NativeTest =>
    t(code, regs, { eflags, comparedFlags: ALL_FLAGS })
  // POPF at privilege level 3: IF and IOPL stay, VM and RF are not taken. TF and AC have lists of their own.
  for (const bits of [0, 0xffffffff, ...range(22).map(n => 1 << n)]) {
    const eax = bits & ~(TF | AC)
    tests.push(whole([0x50, 0x9d, 0x9c, 0x58], { eax }), whole([0x66, 0x50, 0x66, 0x9d, 0x9c, 0x58], { eax }))
    tests.push(whole([0x50, 0x9d, 0x66, 0x9c, 0x66, 0x58], { eax }, 0x202 | ARITHMETIC | DF))
    tests.push(
      whole([0x9e, 0x9f, 0x9c, 0x5b], { eax: bits }),
      whole([0x9f], { eax: bits }, 0x202 | (bits & ARITHMETIC)),
    )
  }
  // Single steps: TF from the start; TF by POPF, where the trap comes after the instruction that follows.
  const stepped: number[][] = [
    [0x40, 0x41],
    [0xeb, 1, 0x40, 0x41],
    [0x74, 1, 0x40, 0x41],
    [0x75, 1, 0x40, 0x41],
    [0xe8, 0, 0, 0, 0, 0x90],
    [0x9c, 0x58],
    [0xcc],
    [0xce],
    [0xf3, 0xaa],
    [0x0f, 0x0b],
    [0x8b, 0x05, 0, 0, 0, 0],
    [0xf7, 0xf2],
    [0x9e],
    [0xc8, 8, 0, 1],
    [0x60],
    [0x68, 2, 2, 0, 0, 0x9d, 0x90],
    [0x66, 0x68, 2, 0, 0x66, 0x9d, 0x90],
    [0x0f, 0xa2],
    [0xcd, 0x0d],
    [0xff, 0xe0],
    [0xc3],
    [0xe2, 0],
    [0x2e, 0x90, 0x90],
    [0xf0, 0xff, 0x03],
    [0x0f, 0xc7, 0x0b],
  ]
  for (const code of stepped) {
    // CPUID's answers are the host's own.
    if (code[1] === 0xa2) continue
    const regs = { eax: CODE + 0x140, ecx: 3, edx: 0 }
    tests.push(t(code, regs, { eflags: 0x302 }))
    tests.push(t([0x68, 2, 3, 0, 0, 0x9d, ...code], regs))
    tests.push(t([0x66, 0x68, 2, 3, 0x66, 0x9d, ...code], regs))
  }
  // TF set and cleared again: one trap, after the POPF that clears it.
  tests.push(t([0x68, 2, 3, 0, 0, 0x9d, 0x9d, 0x90, 0x90]))
  // Alignment checks: every size, crossing pages, pushes; bytes never.
  for (const code of [
    ...MEMORY,
    [0x50],
    [0x58],
    [0x60],
    [0xe8, 0, 0, 0, 0],
    [0xa5],
    [0xf3, 0xa5],
    [0x66, 0xa5],
    [0xaa],
    [0x0f, 0xa3, 0x13],
    [0x0f, 0xab, 0x13],
  ]) {
    for (const add of [0, 1, 2, 3, 4]) {
      tests.push(
        t(
          code,
          { ebx: DATA + 0x800 + add, esp: DATA + 0x1000 + add, esi: DATA + 0x900 + add, edi: DATA + 0xa00, ecx: 2 },
          { eflags: 0x202 | AC, undefinedFlags: ARITHMETIC },
        ),
      )
    }
  }
  return tests
}

/* ---- code that changes itself ---- */

function selfModifying(): NativeTest[] {
  const tests: NativeTest[] = []
  const at = CODE + 0x100
  // The next instruction's immediate, opcode, and the whole of it, by stores of each size.
  tests.push(t([0xc6, 0x05, ...le32(at + 8), 0x77, 0xb0, 0x11]))
  tests.push(t([0xc6, 0x05, ...le32(at + 7), 0x4b, 0x40, 0x41]))
  tests.push(t([0xc7, 0x05, ...le32(at + 10), 0x43, 0x43, 0x43, 0x43, 0x40, 0x40, 0x40, 0x40]))
  tests.push(t([0x66, 0xc7, 0x05, ...le32(at + 9), 0x43, 0x43, 0x40, 0x40, 0x40]))
  // Further ahead in the same block, in the next one, and behind a branch.
  for (const gap of [1, 3, 6]) {
    tests.push(t([0xc6, 0x05, ...le32(at + 7 + gap), 0x4b, ...range(gap).map(() => 0x42), 0x40, 0x41]))
    tests.push(t([0xc6, 0x05, ...le32(at + 9 + gap), 0x4b, 0xeb, 0, ...range(gap).map(() => 0x42), 0x40, 0x41]))
  }
  // A loop that rewrites its own body: INC EAX in the first round, then INC EDX.
  tests.push(t([0x40, 0xc6, 0x05, ...le32(at), 0x42, 0xe2, 0xf6], { ecx: 5, eax: 0, edx: 0 }))
  // Its own immediate counts up.
  tests.push(t([0x05, 1, 0, 0, 0, 0xfe, 0x05, ...le32(at + 1), 0xe2, 0xf3], { ecx: 40, eax: 0 }))
  // An instruction overwrites itself: it completes as it was.
  tests.push(t([0xc6, 0x05, ...le32(at), 0x90, 0x40]))
  // By read-modify-write, exchange, push, string store, and across the end of the changed block.
  tests.push(t([0x80, 0x35, ...le32(at + 7), 0x03, 0x40, 0x41]))
  tests.push(t([0x86, 0x05, ...le32(at + 6), 0x40, 0x41], { eax: 0x4b }))
  tests.push(t([0xf0, 0x00, 0x05, ...le32(at + 7), 0x40, 0x41], { eax: 3 }))
  tests.push(t([0x50, 0x40, 0x40, 0x40, 0x40, 0x41], { esp: at + 5, eax: 0x43424b4b }))
  tests.push(
    t([0x60, ...range(40).map(() => 0x90)], {
      esp: at + 0x24,
      eax: 0x40404040,
      ecx: 0x41414141,
      edx: 0x42424242,
      ebx: 0x43434343,
      ebp: 0x45454545,
      esi: 0x46464646,
      edi: 0x47474747,
    }),
  )
  tests.push(
    t([0xaa, 0x40, 0x41], { edi: at + 1, eax: 0x4b }),
    t([0xab, 0x40, 0x41, 0x41, 0x41], { edi: at + 1, eax: 0x4b4b4b4b }),
  )
  tests.push(t([0xf3, 0xaa, 0x40, 0x40, 0x40, 0x40, 0x40], { edi: at + 2, ecx: 3, eax: 0x4b }))
  tests.push(t([0xf3, 0xa4, 0x40, 0x40, 0x40, 0x40, 0x43, 0x43, 0x43], { esi: at + 6, edi: at + 2, ecx: 3 }))
  tests.push(t([0x0f, 0xab, 0x05, ...le32(at + 7), 0x40, 0x41], { eax: 0 }))
  tests.push(t([0x0f, 0xc7, 0x0b, ...range(10).map(() => 0x40)], { ebx: 0x4b4b4b4b, ecx: 0x42424242, edx: 0, eax: 0 }))
  // A store that spans two pages of code, from the first.
  tests.push(
    t(
      [
        0xc7,
        0x05,
        ...le32(CODE + 0xffe),
        0x41,
        0x42,
        0x43,
        0x4b,
        0xeb,
        2,
        0x90,
        0x90,
        0x40,
        0x40,
        0x40,
        0x40,
        0x40,
        0x40,
        0x40,
        0x40,
      ],
      {},
      { offset: 0xff0 },
    ),
  )
  // Code built from nothing, run, changed, and run again.
  tests.push(
    t(
      [0x66, 0xc7, 0x05, ...le32(CODE + 0x800), 0x40, 0xc3, 0xff, 0xd3, 0xfe, 0x05, ...le32(CODE + 0x800), 0xff, 0xd3],
      { ebx: CODE + 0x800 },
    ),
  )
  // A call's return address lands on code.
  tests.push(
    t([0xe8, 0, 0, 0, 0, 0x90, 0x90, 0x90, 0x90, 0x90, 0x40], { esp: at + 0x0a }, { undefinedFlags: ARITHMETIC }),
  )
  return tests
}

/** The lists, by what they are about. */
export const DIRECTED: Record<string, () => NativeTest[]> = {
  'shifts by every count': shifts,
  'every condition under every combination of flags': conditions,
  'string instructions': strings,
  'operands at the edges of pages': pageEdges,
  'code at the edges of pages': codeEdges,
  'where LOCK is allowed': lockPrefix,
  'at most fifteen bytes': lengthLimit,
  'addresses and segment limits': addresses,
  'frames, calls and the stack pointer as base': calls,
  'faults and privileged instructions': faults,
  'EFLAGS images, single steps, alignment checks': flagImages,
  'code that changes itself': selfModifying,
}
