/** Effective addresses of 16 and 32 bits, segment limits, XLAT. */
import type { NativeTest } from '../protocol.ts'
import { ARITHMETIC, range, t } from './test-case.ts'

export function addresses(): NativeTest[] {
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
