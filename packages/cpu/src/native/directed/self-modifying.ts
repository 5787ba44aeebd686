/** Code that changes itself: the processor must see it at once (SDM vol. 3A 12.6). */
import { CODE, type NativeTest } from '../protocol.ts'
import { ARITHMETIC, le32, range, t } from './test-case.ts'

export function selfModifying(): NativeTest[] {
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
