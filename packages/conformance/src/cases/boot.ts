/** Boots: the guest comes up, runs its processes and powers off, and the same boot is the same run. */
import type { RunOutcome } from '@paragraft/core'
import { eraOf, type OpReport } from '@paragraft/core/ops'
import { check, same } from '../expect.ts'
import { ERA_ID, opCases } from '../guest/program.ts'
import { type Boot, boot, described, FORMATS, type Format, runUntil } from '../guest/run.ts'
import type { Subject } from '../subject.ts'
import type { CaseMaker } from './case.ts'

/** Words that leave all cases out: what remains is a boot. */
export const NO_CASES = [`table=${opCases.length}`, `patched=${opCases.length}`]
const PROCESSES = ['counter', 'pager', 'compute']
const A_WHILE = 1_000_000

export const boots: CaseMaker = subject => {
  // The first boot serves two cases.
  let first: Promise<Ended> | undefined
  const once = () => (first ??= bootToEnd(subject, 'PAE tables'))
  return [
    {
      name: 'boot: with PAE tables it runs its processes and powers off',
      run: async () => poweredOff(await once()),
    },
    {
      name: 'boot: with two-level tables it runs its processes and powers off',
      run: async () => poweredOff(await bootToEnd(subject, 'two-level tables')),
    },
    {
      name: 'boot: every slot of the table has an owner, and the modules have theirs',
      run: async () => slotsAreOwned(subject, (await once()).machine.ops()),
    },
    {
      name: 'boot: the same boot is the same run, to the instruction',
      run: async () => {
        same(factsOf(await bootToEnd(subject, 'PAE tables')), factsOf(await once()), 'a second boot')
      },
    },
  ]
}

interface Ended extends Boot {
  readonly outcome: RunOutcome | 'silence'
}

/** What must be the same where two runs are the same; `before`: what the guest had said when this machine took over. */
export function factsOf({ machine, text }: Boot, before = '') {
  return {
    instructions: machine.instructions(),
    now: machine.clock.now(),
    registers: machine.registers(),
    exits: machine.exits(),
    ops: machine.ops(),
    text: before + text(),
  }
}

/** A boot without cases, until it stops by itself. */
async function bootToEnd(subject: Subject, format: Format): Promise<Ended> {
  const guest = await boot(subject, FORMATS[format], ...NO_CASES)
  return { ...guest, outcome: runUntil(guest, () => false)! }
}

function poweredOff({ outcome, lines }: Ended): void {
  check(outcome !== 'silence' && outcome.kind === 'powerOff', described(outcome, lines))
  for (const name of PROCESSES) {
    check(lines.includes(`process ${name}: exit 0`), `process ${name} did not do its work`)
  }
}

function slotsAreOwned(subject: Subject, rows: readonly OpReport[]): void {
  const modules = [...(subject.backend.ops === undefined ? [] : [subject.backend.ops]), ...(subject.ops ?? [])]
  const names = modules.map(({ name }) => name)
  for (const { op, owner } of rows) {
    check(owner === 'guest' || names.includes(owner), `${op} belongs to ${owner}, whom nobody knows`)
  }
  for (const module of modules) {
    const answers = Object.values(module.answersFor(eraOf(ERA_ID)))
    const replaces = answers.some(({ kind }) => kind !== 'native')
    check(!replaces || rows.some(({ owner }) => owner === module.name), `${module.name} has installed nothing`)
  }
}

/** A guest that has run for a while. */
export async function booted(subject: Subject): Promise<Boot> {
  const guest = await boot(subject, ...NO_CASES)
  guest.machine.run({ instructions: A_WHILE })
  return guest
}
