/** String instructions: overlaps, page edges, comparisons that end half way, 16-bit counts, single steps. */
import { DATA, type NativeTest, READ_ONLY } from '../protocol.ts'
import { DF, END, type Registers, t } from './test-case.ts'

export function strings(): NativeTest[] {
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
