/** Operands, stacks and code at the edges of pages. */
import { CODE, DATA, type NativeTest, READ_ONLY } from '../protocol.ts'
import { ARITHMETIC, END, MEMORY, range, t } from './test-case.ts'

/** First bytes of the MEMORY instructions after which some flag is undefined. */
const LEAVES_UNDEFINED = new Set([0x0f, 0x66, 0x69, 0x80, 0x81, 0x83, 0x85, 0xc1, 0xd3, 0xf6, 0xf7])
const EDGES = [DATA, DATA + 0x1000, END, READ_ONLY, READ_ONLY + 0x1000]

export function pageEdges(): NativeTest[] {
  const tests: NativeTest[] = []
  for (const code of MEMORY) {
    for (const edge of EDGES) {
      for (const back of [0, 1, 2, 3, 4, 5, 7, 8]) {
        const undefinedFlags = LEAVES_UNDEFINED.has(code[0]) ? ARITHMETIC : 0
        tests.push(t(code, { ebx: edge - back }, { undefinedFlags }))
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
export function codeEdges(): NativeTest[] {
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
