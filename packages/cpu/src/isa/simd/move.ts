/** Moves between XMM, MMX and general registers and memory; EMMS (simd/move.ts); fences. */
import type { Expr } from '../../ir/ir.ts'
import { FPU_TOP, FPU_TW } from '../../state.ts'
import { type VectorForm, x87Usable } from './form.ts'
import { fromGeneral, mergeLow, toDword } from './shuffle.ts'
import { lowHalves, shuffleLanes, ZEROS } from './vector.ts'

const XMM: VectorForm = {
  checks: 'sse',
  a: 'xmm',
  b: 'xmm',
  to: 0,
  bytes: 16,
  aligned: false,
  distinct: false,
  compute: (_b, x) => x.commit(x.b),
}
const load128 = (aligned: boolean): VectorForm => ({ ...XMM, aligned })
const store128 = (aligned: boolean): VectorForm => ({ ...XMM, aligned, to: 1, compute: (_b, x) => x.commit(x.a) })

/** MOVSS, MOVSD, MOVQ from a register take its low part; from memory they clear the rest. */
function scalarLoad(bytes: 4 | 8): VectorForm {
  return { ...XMM, bytes, distinct: true, compute: (_b, x) => x.commit(x.memory ? x.b : mergeLow(x.a, x.b, bytes)) }
}
function scalarStore(bytes: 4 | 8): VectorForm {
  return {
    ...XMM,
    to: 1,
    bytes,
    distinct: true,
    compute: (_b, x) => x.commit(x.memory ? x.a : mergeLow(x.b, x.a, bytes)),
  }
}
const half = (f: (a: Expr, b: Expr) => Expr): VectorForm => ({
  ...XMM,
  bytes: 8,
  compute: (_b, x) => x.commit(f(x.a, x.b)),
})
const storeHalf = (f: (a: Expr) => Expr): VectorForm => ({
  ...XMM,
  to: 1,
  bytes: 8,
  compute: (_b, x) => x.commit(f(x.a)),
})
const lowQword = (v: Expr): Expr => lowHalves(v, ZEROS)
const highQword = (v: Expr): Expr => shuffleLanes(v, v, 8, [1, 0])
const MM: VectorForm = { ...XMM, checks: 'mmx', a: 'mm', b: 'mm', bytes: 8 }
/** Nothing to wait for: see simd/fxsave.ts. */
const FENCE: VectorForm = { ...XMM, checks: 'none', a: 'gpr', b: 'gpr', compute: (_b, x) => x.finish() }
const storeMm: VectorForm = { ...MM, to: 1, compute: (_b, x) => x.commit(x.a) }

/** By name as in simd/, with what tells namesakes apart: prefix and opcode. */
export const MOVE_FORMS: ReadonlyMap<string, VectorForm> = new Map<string, VectorForm>([
  ['MOVUPS 10', load128(false)],
  ['MOVUPS 11', store128(false)],
  ['MOVUPD 10', load128(false)],
  ['MOVUPD 11', store128(false)],
  ['MOVSS 10', scalarLoad(4)],
  ['MOVSS 11', scalarStore(4)],
  ['MOVSD 10', scalarLoad(8)],
  ['MOVSD 11', scalarStore(8)],
  ['MOVAPS 28', load128(true)],
  ['MOVAPS 29', store128(true)],
  ['MOVAPD 28', load128(true)],
  ['MOVAPD 29', store128(true)],
  ['MOVNTPS 2b', store128(true)],
  ['MOVNTPD 2b', store128(true)],
  ['MOVDQA 6f', load128(true)],
  ['MOVDQA 7f', store128(true)],
  ['MOVDQU 6f', load128(false)],
  ['MOVDQU 7f', store128(false)],
  ['MOVNTDQ e7', store128(true)],
  ...['PS', 'PD'].flatMap(s => [
    [`MOVL${s} 12`, half((a, b) => shuffleLanes(a, b, 8, [2, 1]))] as const,
    [`MOVL${s} 13`, storeHalf(a => a)] as const,
    [`MOVH${s} 16`, half(lowHalves)] as const,
    [`MOVH${s} 17`, storeHalf(highQword)] as const,
  ]),
  ['MOVHLPS 12', half((a, b) => shuffleLanes(a, b, 8, [3, 1]))],
  ['MOVLHPS 16', half(lowHalves)],
  ['MOVD 66 6e', { ...XMM, b: 'gpr', bytes: 4, compute: (_b, x) => x.commit(fromGeneral(x.b)) }],
  ['MOVD 66 7e', { ...XMM, b: 'gpr', to: 1, bytes: 4, compute: (_b, x) => x.commit(toDword(x.a)) }],
  ['MOVD 6e', { ...MM, b: 'gpr', bytes: 4, compute: (_b, x) => x.commit(fromGeneral(x.b)) }],
  ['MOVD 7e', { ...MM, b: 'gpr', to: 1, bytes: 4, compute: (_b, x) => x.commit(toDword(x.a)) }],
  ['MOVNTI c3', { ...XMM, checks: 'none', a: 'gpr', b: 'gpr', to: 1, bytes: 4, compute: (_b, x) => x.commit(x.a) }],
  ['MOVQ 6f', MM],
  ['MOVQ 7f', storeMm],
  ['MOVNTQ e7', storeMm],
  ['LFENCE ae', FENCE],
  ['MFENCE ae', FENCE],
  ['SFENCE ae', FENCE],
  [
    'EMMS 77',
    {
      ...MM,
      checks: 'none',
      compute: (b, x) =>
        b.if(x87Usable(b), () => {
          b.setWord(FPU_TOP, b.c(0))
          b.setWord(FPU_TW, b.c(0xffff))
          x.finish()
        }),
    },
  ],
  ['MOVQ f3 7e', { ...XMM, bytes: 8, distinct: true, compute: (_b, x) => x.commit(x.memory ? x.b : lowQword(x.b)) }],
  [
    'MOVQ 66 d6',
    { ...XMM, to: 1, bytes: 8, distinct: true, compute: (_b, x) => x.commit(x.memory ? x.a : lowQword(x.a)) },
  ],
  ['MOVQ2DQ f3 d6', { ...XMM, checks: 'both', b: 'mm', bytes: 8 }],
  ['MOVDQ2Q f2 d6', { ...XMM, checks: 'both', a: 'mm', bytes: 8 }],
])
