/**
 * Which handlers live inside the interpreter's main function; the others are functions of their own that it calls. V8
 * allocates registers well only in functions of up to 8192 virtual registers, about 47 kB of this code: in one function
 * of all handlers even the record pointer is kept in memory, and a Linux boot takes a quarter longer.
 *
 * These were counted over a boot of Debian's i386 kernel: those that were executed most often for their size, as many as
 * the function holds. hot.test.ts holds the bound.
 */

/** Names as in handlers.ts; a space in a name is an underscore here. */
const HOT = `
  ADC.ri32 ADC.rr32 ADD.mi32.flat ADD.mr32.flat ADD.ri32 ADD.ri32+CMP.rr32 ADD.ri32+LEA.rm32 ADD.ri32+MOV.mr8.flat
  ADD.ri32+POP.r32.flat ADD.rm32 ADD.rm32.flat ADD.rr32 ADD.rr32+ADD.rr32 ADD.rr32+XOR.rr32 AND.ri32 AND.ri32+JE.i32
  AND.ri8 AND.rm32.flat AND.rr32 BSWAP.r32 CALL.i32.flat CLI.32 CMOVAE.rm32.flat CMOVAE.rr32 CMOVB.rr32 CMOVE.rr32
  CMOVNE.rr32 CMOVS.rr32 CMP.mi32.flat CMP.mi32.flat+JE.i32 CMP.mr32.flat CMP.mr32.flat+JAE.i32 CMP.mr32.flat+JB.i32
  CMP.mr32.flat+JE.i32 CMP.mr32.flat+JNE.i32 CMP.ri16 CMP.ri32 CMP.ri32+JA.i32 CMP.ri32+JB.i32 CMP.ri32+JBE.i32
  CMP.ri32+JE.i32 CMP.ri32+JNE.i32 CMP.ri8 CMP.ri8+JE.i32 CMP.ri8+JNE.i32 CMP.rr32 CMP.rr32+JAE.i32 CMP.rr32+JB.i32
  CMP.rr32+JNE.i32 CMP.rr8 CMPXCHG.mr32.flat DEC.m32 DEC.r32 DEC.r32+JS.i32 IMUL2.rr32 IMUL3.rri32 IN.i8 INC.m32
  INC.r32 INVLPG.m32.flat IRET.32 JAE.i32 JB.i32 JBE.i32 JE.i32 JLE.i32 JMP.i32 JMPN.r32 JNE.i32 JNS.i32 LEA.rm32
  LEA.rm32+CMP.rr32 LEA.rm32+MOV.rr32 LEA.rm32.flat LEA.rm32.flat+MOV.rr32 LEA.rm32.flat+MOVZX8.rm32.flat
  LEA.rm32.flat+PUSH.r32.flat LEAVE.32.flat LODS.8.flat LODS.8.flat+SCAS.8.flat MOV.mi32.flat
  MOV.mi32.flat+MOV.mi32.flat MOV.mi8.flat MOV.mr16.flat MOV.mr32 MOV.mr32.flat MOV.mr32.flat+ADD.ri32
  MOV.mr32.flat+MOV.mr32.flat MOV.mr32.flat+MOV.rm32.flat MOV.mr32.flat+XOR.rr32 MOV.mr8.flat MOV.ri32
  MOV.ri32+CALL.i32.flat MOV.ri32+MOV.rm32.flat MOV.ri32+MOV.rr32 MOV.rm32 MOV.rm32+ADD.rr32 MOV.rm32+MOV.rr32
  MOV.rm32.flat MOV.rm32.flat+ADD.ri32 MOV.rm32.flat+ADD.rr32 MOV.rm32.flat+CMP.rr32 MOV.rm32.flat+LEA.rm32.flat
  MOV.rm32.flat+MOV.mr32.flat MOV.rm32.flat+MOV.rm32.flat MOV.rm32.flat+MOV.rr32 MOV.rm32.flat+TEST.rr32
  MOV.rm32.flat+XOR.rr32 MOV.rm8.flat MOV.rr32 MOV.rr32+AND.ri32 MOV.rr32+CALL.i32.flat MOV.rr32+MOV.rm32.flat
  MOV.rr32+MOV.rr32 MOV.rr32+POP.r32.flat MOV.rr32+PUSH.r32.flat MOV.rr32+SHR.ri32 MOV.rr32+SUB.rr32 MOV.rr8
  MOVS.16.flat MOVSX8.rm32.flat MOVSX8.rr32 MOVZX16.rm32.flat MOVZX16.rr32 MOVZX8.rm32.flat MOVZX8.rm32.flat+ADD.ri32
  MOVZX8.rm32.flat+MOVZX16.rm32 MOVZX8.rm32.flat+TEST.rr8 MOVZX8.rr32 NEG.r32 NOP.16 NOP.32 NOT.r32 OR.ri32 OR.ri8
  OR.rm32.flat OR.rr32 OUT.i8 POP.r32.flat POP.r32.flat+POP.r32.flat POP.r32.flat+RET.32.flat PUSH.m32.flat
  PUSH.r32.flat PUSH.r32.flat+MOV.rm32.flat PUSH.r32.flat+MOV.rr32 PUSH.r32.flat+PUSH.r32.flat PUSH.r32.flat+SUB.ri32
  PUSHF.32.flat PUSHI.i32.flat RDTSC.32 REP_CMPS.8.flat REP_MOVS.32.flat REP_MOVS.8.flat REP_STOS.32.flat
  REP_STOS.8.flat REPNE_SCAS.8.flat RET.32.flat ROL.ri32 ROR.ri32 ROR.ri32+ADD.rr32 SAR.ri32 SBB.rm32.flat SBB.rr32
  SETA.r8 SETB.r8 SETE.r8 SETNE.r8 SHL.ri32 SHL.rr32 SHR.ri32 SHR.ri32+ADD.rr32 SHR.rr32 STI.32
  SUB.mi32.flat SUB.ri32 SUB.ri32+ADD.ri32 SUB.ri32+JNE.i32 SUB.rm32 SUB.rm32.flat SUB.rr32 TEST.mi32.flat
  TEST.mi8.flat+JNE.i32 TEST.ri32+JE.i32 TEST.ri8 TEST.ri8+JE.i32 TEST.ri8+JNE.i32 TEST.rr16 TEST.rr32
  TEST.rr32+JE.i32 TEST.rr32+JNE.i32 TEST.rr8+JE.i32 TEST.rr8+JNE.i32 XCHG.rr32 XOR.ri32 XOR.rm32 XOR.rm32.flat
  XOR.rr32 XOR.rr32+ADD.rr32 XOR.rr32+MOV.mr32.flat
`
/** The hot handlers, by name. */
export const HOT_HANDLERS: ReadonlySet<string> = new Set([
  ...HOT.trim()
    .split(/\s+/)
    .map(name => name.replaceAll('_', ' ')),
  'END',
  'PROBE',
  'STALE',
  'STALE_ENTRY',
])
