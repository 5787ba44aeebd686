/** A case of the suite: a name and what must hold. */
import type { Subject } from '../subject.ts'

export interface Case {
  readonly name: string
  run(): void | Promise<void>
}

/** What makes the cases of one kind for a subject; none where they are not for it. */
export type CaseMaker = (subject: Subject) => Case[]
