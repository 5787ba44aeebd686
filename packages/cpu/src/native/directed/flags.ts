/** EFLAGS as a whole, single steps, alignment checks. */
import { CODE, DATA, type NativeTest } from '../protocol.ts'
import { AC, ALL_FLAGS, ARITHMETIC, DF, MEMORY, type Registers, range, TF, t } from './test-case.ts'

export function flagImages(): NativeTest[] {
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
