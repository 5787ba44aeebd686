/** Boots: the guest comes up, runs its processes and powers off, and the same boot is the same run. */
import { check, same } from '../expect.ts'
import { opCases } from '../guest/program.ts'
import { boot, described, FORMATS, type Format, runUntil } from '../guest/run.ts'
import type { Subject } from '../subject.ts'
import type { Case, CaseMaker } from './case.ts'

/** Words that leave all cases out: what remains is a boot. */
export const NO_CASES = [`table=${opCases.length}`, `patched=${opCases.length}`]
const PROCESSES = ['counter', 'pager', 'compute']
const COMPARED_INSTRUCTIONS = 1_000_000

export const boots: CaseMaker = subject => [
  ...(Object.keys(FORMATS) as Format[]).map(
    (format): Case => ({
      name: `boot: with ${format} it runs its processes and powers off`,
      run: async () => {
        const guest = await boot(subject, FORMATS[format], ...NO_CASES)
        const outcome = runUntil(guest, () => false)
        check(
          outcome !== undefined && outcome !== 'silence' && outcome.kind === 'powerOff',
          described(outcome!, guest.lines),
        )
        for (const name of PROCESSES) {
          check(guest.lines.includes(`process ${name}: exit 0`), `process ${name} did not do its work`)
        }
      },
    }),
  ),
  {
    name: 'boot: every slot of the table has an owner, and the modules have theirs',
    run: async () => {
      const { machine } = await booted(subject)
      const rows = machine.ops()
      const owners = new Set(['guest', ...(subject.ops ?? []).map(({ name }) => name)])
      if (subject.backend.ops !== undefined) owners.add(subject.backend.ops.name)
      for (const { op, owner } of rows) check(owners.has(owner), `${op} belongs to ${owner}, whom nobody knows`)
      for (const { name } of subject.ops ?? []) {
        check(
          rows.some(({ owner }) => owner === name) || answersNothing(subject, name),
          `${name} has installed nothing`,
        )
      }
    },
  },
  {
    name: 'boot: the same boot is the same run, to the instruction',
    run: async () => {
      const runs = [await booted(subject), await booted(subject)]
      const facts = runs.map(({ machine, lines }) => ({
        instructions: machine.instructions(),
        now: machine.clock.now(),
        registers: machine.registers(),
        exits: machine.exits(),
        ops: machine.ops(),
        lines,
      }))
      same(facts[1], facts[0], 'two boots')
    },
  },
]

/** A guest that has run for a while. */
export async function booted(subject: Subject): ReturnType<typeof boot> {
  const guest = await boot(subject, ...NO_CASES)
  guest.machine.run({ instructions: COMPARED_INSTRUCTIONS })
  return guest
}

/** A module that leaves everything native owns nothing. */
function answersNothing(subject: Subject, name: string): boolean {
  const module = (subject.ops ?? []).find(candidate => candidate.name === name)!
  return module.eras.every(era => Object.values(module.answersFor(era)).every(({ kind }) => kind === 'native'))
}
