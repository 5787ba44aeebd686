/** Where LOCK is allowed, and how long an instruction may be. */
import type { NativeTest } from '../protocol.ts'
import { ARITHMETIC, range, t } from './test-case.ts'

export function lockPrefix(): NativeTest[] {
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

export function lengthLimit(): NativeTest[] {
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
