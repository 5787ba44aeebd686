/**
 * A guest without ops: what it is started with, its exceptions, and the instructions that leave to whoever is underneath. For backends
 * that say `guests:plain`: a guest boots on them by the hardware's heads, or by PVH, and needs no module for it.
 */
import type { RunOutcome } from '@paragraft/core'
import { supported } from '@paragraft/core/ops'
import { check } from '../expect.ts'
import { plainCases, plainProgram } from '../guest/program.ts'
import { type Boot, described, hearCases, runUntil, start, type Verdict } from '../guest/run.ts'
import type { Subject } from '../subject.ts'
import type { Case, CaseMaker } from './case.ts'

/** A word of the command line, which the guest looks for. */
const WORD = 'conformance'

export const plain: CaseMaker = subject => {
  if (!supported(subject.backend).includes('guests:plain')) return []
  let run: Promise<Record<'plain', Verdict[]>> | undefined
  const verdicts = () =>
    (run ??= hearCases(['plain'], { last: plainCases.length - 1 }, from => begin(subject, `plain=${from.plain}`)))
  return [
    ...plainCases.map(
      (title, number): Case => ({
        name: `plain guest: ${title}`,
        run: async () => {
          const verdict = (await verdicts()).plain[number]
          check(verdict !== undefined && verdict.kind !== 'failed', verdict?.why ?? 'the guest did not report it')
        },
      }),
    ),
    {
      name: 'plain guest: halted with interrupts off, it is halted for ever',
      run: () => ends(subject, 'haltedForever'),
    },
    {
      name: 'plain guest: an exception without a handler is a triple fault, and the guest’s own',
      run: () => ends(subject, 'guestFault', 'triple'),
    },
  ]
}

function begin(subject: Subject, ...words: string[]): Promise<Boot> {
  return start(subject, plainProgram, [WORD, ...words])
}

/** The guest goes straight to its end. */
async function ends(subject: Subject, kind: RunOutcome['kind'], ...words: string[]): Promise<void> {
  const guest = await begin(subject, `plain=${plainCases.length}`, ...words)
  const outcome = runUntil(guest, () => false)
  check(outcome !== undefined && outcome !== 'silence' && outcome.kind === kind, described(outcome!, guest.lines))
}
