/** Shifts by every count, and every condition under every combination of flags. */
import type { NativeTest } from '../protocol.ts'
import { AF, ARITHMETIC, CF, END, OF, PF, range, SF, t, ZF } from './test-case.ts'

export function shifts(): NativeTest[] {
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

export function conditions(): NativeTest[] {
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
