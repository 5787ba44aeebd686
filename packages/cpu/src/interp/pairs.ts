/**
 * Pairs of neighbouring instructions that get one handler between them, which saves the jump through the `br_table` that
 * a processor most often predicts wrongly. The names are those of the handlers; the choice was counted over a boot of
 * Debian's i386 kernel.
 */

const EQUALITY = ['JE', 'JNE']
const UNSIGNED = ['JB', 'JAE', 'JBE', 'JA']
const SIGNED = ['JL', 'JGE', 'JLE', 'JG']
const SIGN = ['JS', 'JNS']

/** What sets flags, and the conditions that usually ask for them. */
const COMPARE_AND_JUMP: readonly (readonly [string, readonly string[]])[] = [
  ['CMP.rr32', [...EQUALITY, ...UNSIGNED, ...SIGNED]],
  ['CMP.ri32', [...EQUALITY, ...UNSIGNED, ...SIGNED]],
  ['CMP.rm32.flat', [...EQUALITY, ...UNSIGNED]],
  ['CMP.mr32.flat', [...EQUALITY, ...UNSIGNED]],
  ['CMP.mi32.flat', EQUALITY],
  ['CMP.ri8', [...EQUALITY, ...UNSIGNED]],
  ['CMP.mi8.flat', EQUALITY],
  ['CMP.rm8.flat', EQUALITY],
  ['SCAS.8.flat', EQUALITY],
  ['TEST.rr32', [...EQUALITY, ...SIGN, 'JLE', 'JG']],
  ['TEST.rr8', [...EQUALITY, ...SIGN]],
  ['TEST.ri8', EQUALITY],
  ['TEST.ri32', EQUALITY],
  ['TEST.mi8.flat', EQUALITY],
  ['AND.ri32', EQUALITY],
  ['SUB.ri32', EQUALITY],
  ['DEC.r32', [...EQUALITY, ...SIGN]],
]

const OTHERS: readonly (readonly [string, readonly string[]])[] = [
  ['MOVZX8.rm32.flat', ['TEST.rr8', 'ADD.ri32', 'MOVZX16.rm32']],
  ['LEA.rm32', ['CMP.rr32', 'MOV.rr32']],
  ['LEA.rm32.flat', ['PUSH.r32.flat', 'MOVZX8.rm32.flat', 'MOV.rr32']],
  ['ADD.ri32', ['LEA.rm32', 'MOVZX8.rm32.flat', 'CMP.rr32', 'MOV.mr8.flat', 'POP.r32.flat']],
  ['ADD.rr32', ['CMP.rr32', 'XOR.rr32', 'MOV.rm32', 'ADD.rr32']],
  ['PUSH.r32.flat', ['MOV.rr32', 'PUSH.r32.flat', 'CALL.i32.flat', 'MOV.rm32.flat', 'SUB.ri32']],
  ['POP.r32.flat', ['POP.r32.flat', 'RET.32.flat']],
  [
    'MOV.rr32',
    ['PUSH.r32.flat', 'MOV.rr32', 'CALL.i32.flat', 'SUB.rr32', 'MOV.rm32.flat', 'POP.r32.flat', 'SHR.ri32', 'AND.ri32'],
  ],
  [
    'MOV.rm32.flat',
    [
      'MOV.rm32.flat',
      'MOV.mr32.flat',
      'TEST.rr32',
      'ADD.rr32',
      'ADD.ri32',
      'MOV.rr32',
      'XOR.rr32',
      'CMP.rr32',
      'LEA.rm32.flat',
    ],
  ],
  ['MOV.mr32.flat', ['MOV.rm32.flat', 'MOV.mr32.flat', 'XOR.rr32', 'ADD.ri32']],
  ['MOV.mi32.flat', ['MOV.mi32.flat', 'MOV.rm32.flat']],
  ['MOV.ri32', ['MOV.rr32', 'MOV.rm32.flat', 'CALL.i32.flat']],
  ['MOV.rm32', ['ADD.rr32', 'MOV.rr32']],
  ['MOV.mr8.flat', ['SUB.ri32']],
  ['XOR.rr32', ['MOV.mr32.flat', 'ADD.rr32']],
  ['SUB.ri32', ['ADD.ri32', 'MOV.rr32']],
  ['SUB.rr32', ['CMP.ri32']],
  ['SHR.ri32', ['ADD.rr32', 'AND.ri32']],
  ['ROR.ri32', ['ADD.rr32', 'XOR.rr32']],
  ['LODS.8.flat', ['SCAS.8.flat']],
]

/** Every pair by name, first and second. */
export const PAIRS: readonly (readonly [string, string])[] = [
  ...COMPARE_AND_JUMP.flatMap(([first, jumps]) => jumps.map(jump => [first, `${jump}.i32`] as const)),
  ...OTHERS.flatMap(([first, seconds]) => seconds.map(second => [first, second] as const)),
]
