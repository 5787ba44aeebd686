/** A planted fault, and the case that must find it. */
import { type Interposition, interposed, type Subject } from '@paragraft/conformance'
import type { Answer, HostCall, HostFunction } from '@paragraft/core/ops'
import { host } from '@paragraft/core/ops'
import { createMachine } from 'paragraft'
import { manifest, reference } from '../reference/backend.ts'
import { referenceAnswers, referenceOps } from '../reference/ops.ts'

export interface Mutant {
  /** What is wrong with it. */
  readonly fault: string
  /** Name of the case that finds it. */
  readonly found: string
  /** The reference with the fault in it. */
  readonly subject: Subject
}

/** The reference as it should be. `test` is for whoever registers it. */
export const referenceSubject: Subject = {
  test: () => {},
  createMachine,
  backend: reference,
  ops: [referenceOps()],
  manifest,
}

/** One op answered wrongly; `found` is the title of a case of that op, under PAE tables. */
export function wrongAnswer(op: string, fault: string, answer: Answer | HostFunction, found: string): Mutant {
  const wrong = typeof answer === 'function' ? host(answer) : answer
  return {
    fault: `${op}: ${fault}`,
    found: `PAE tables: ${op}: ${found}`,
    subject: { ...referenceSubject, ops: [referenceOps({ [op]: wrong })] },
  }
}

/** The backend's instance or ports altered; `found` is a case's whole name. */
export function altered(where: string, fault: string, alteration: Interposition, found: string): Mutant {
  return {
    fault: `${where}: ${fault}`,
    found,
    subject: { ...referenceSubject, backend: interposed(reference, alteration) },
  }
}

/** What the reference's host function for an op does. */
export function rightly(op: string, call: HostCall): ReturnType<HostFunction> {
  const answer = referenceAnswers[op]
  if (answer?.kind !== 'host') throw new Error(`the reference does not answer ${op} by a host function`)
  return answer.fn(call)
}

/** The same call with some arguments changed. */
export function instead(call: HostCall, changed: Readonly<Record<string, number | bigint>>): HostCall {
  return { ...call, arg: name => changed[name] ?? call.arg(name) }
}
