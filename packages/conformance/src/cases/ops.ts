/**
 * The meaning of every op, held against native semantics by the guest's own cases: through its table, and through its patched
 * call sites, under both formats of page tables.
 */
import type { OpCase } from '../guest/program.ts'
import { opCases } from '../guest/program.ts'
import { FORMATS, type Format, PHASES, type Phase, runCases, type Verdict, type Verdicts } from '../guest/run.ts'
import type { Subject } from '../subject.ts'
import type { Case, CaseMaker } from './case.ts'

/** A case's name without a subject's label: `PAE tables: irq.irq_disable: IF is clear`. */
export function opCaseName(format: Format, { op, title }: OpCase): string {
  return `${format}: ${op}: ${title}`
}

export const opMeanings: CaseMaker = subject =>
  (Object.keys(FORMATS) as Format[]).flatMap(format => {
    // One run serves all cases, from the first that asks.
    let verdicts: Promise<Verdicts> | undefined
    return opCases.map(
      (opCase): Case => ({
        name: opCaseName(format, opCase),
        run: async () => {
          verdicts ??= runCases(subject, format)
          settle(opCase, await verdicts)
        },
      }),
    )
  })

/**
 * One of these cases by its name, in a run of its own: the same verdict, sooner. Undefined for a name that is none. For an author
 * who mends one op, and for proofs that a fault is found.
 */
export function opCaseAlone(subject: Subject, name: string): Case | undefined {
  for (const format of Object.keys(FORMATS) as Format[]) {
    const opCase = opCases.find(candidate => opCaseName(format, candidate) === name)
    if (opCase === undefined) continue
    const { number } = opCase
    return {
      name,
      run: async () => settle(opCase, await runCases(subject, format, { first: number, last: number })),
    }
  }
  return undefined
}

/** Throws what is wrong with a case, phase by phase. */
function settle(opCase: OpCase, verdicts: Verdicts): void {
  const problems = (Object.keys(PHASES) as Phase[]).flatMap(phase => {
    const why = problem(opCase, verdicts[phase][opCase.number])
    return why === undefined ? [] : [`${PHASES[phase]}: ${why}`]
  })
  if (problems.length > 0) throw new Error(problems.join('\n'))
}

function problem({ op, refusal }: OpCase, verdict: Verdict | undefined): string | undefined {
  if (verdict === undefined) return 'the guest did not report it'
  if (verdict.kind === 'failed') return verdict.why
  if (verdict.kind === 'refused' && refusal === null) return `${op} may not be refused: ${verdict.why}`
  return undefined
}
