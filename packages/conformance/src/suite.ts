/** The one call. */
import { supported } from '@paragraft/core/ops'
import { boots } from './cases/boot.ts'
import type { Case } from './cases/case.ts'
import { contract } from './cases/contract.ts'
import { hostile } from './cases/hostile.ts'
import { lateOps } from './cases/late-ops.ts'
import { modules } from './cases/modules.ts'
import { opMeanings } from './cases/ops.ts'
import { plain } from './cases/plain.ts'
import { snapshots } from './cases/snapshot.ts'
import type { Subject } from './subject.ts'

/** The cases that are for this subject, in the order in which they are registered. */
export function casesFor(subject: Subject): Case[] {
  const abilities = supported(subject.backend)
  return [
    ...contract(subject),
    ...modules(subject),
    ...plain(subject),
    ...(abilities.includes('ops')
      ? [...boots(subject), ...opMeanings(subject), ...lateOps(subject), ...snapshots(subject), ...hostile(subject)]
      : []),
  ]
}

/**
 * Registers the whole suite with the caller's runner, a test a case. Nothing runs before the runner calls the bodies, and the
 * machines that they share are made by the first that needs them.
 */
export function conformance(subject: Subject): void {
  const label = subject.label === undefined ? '' : `${subject.label}: `
  for (const { name, run } of casesFor(subject)) subject.test(`${label}${name}`, run)
}
