import { expect, test } from 'vitest'
import { Assembler } from './asm.ts'
import { disassemble } from './graft.fixtures.ts'

test('every instruction is what an independent disassembler reads', () => {
  const at = 0xc23ff000
  const bytes = new Assembler(at)
    .movMemory(0x1c6e820, 0xc23ff123)
    .lockInc(0xc23fe004)
    .callKeepingEcx(0xc1030630)
    .jump(0x1000000)
    .bytes()
  expect(disassemble(bytes, at)).toEqual([
    'mov dword [1C6E820h],0C23FF123h',
    'lock inc dword [0C23FE004h]',
    'push ecx',
    'call 0C1030630h',
    'pop ecx',
    'ret',
    'jmp 01000000h',
  ])
})

test('the host-op opcode is one that no disassembler knows, with its index after it', () => {
  const bytes = new Assembler(0).hostOp(0x1234).ret().bytes()
  expect(bytes).toEqual(Uint8Array.of(0x0f, 0x3f, 0x34, 0x12, 0xc3))
})
