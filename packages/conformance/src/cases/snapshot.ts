/** Snapshots: a machine saved in the middle of a run goes on as if nothing had happened, and what is no snapshot is refused. */
import { defineBackend, supported } from '@paragraft/core/ops'
import { check, refusal, same } from '../expect.ts'
import { opCases } from '../guest/program.ts'
import { type Boot, boot, bootFrom } from '../guest/run.ts'
import { randomWords } from '../random.ts'
import type { Subject } from '../subject.ts'
import { booted, factsOf, NO_CASES } from './boot.ts'
import type { CaseMaker } from './case.ts'

/**
 * A run is handed on so often, after so many nanoseconds each: parts of a tick, through cases that sleep and that keep an interrupt
 * waiting, so that something is always under way.
 */
const LEGS = 13
const LEG_NS = 4_900_000
/** A boot takes far fewer. */
const MOST_STEPS = 1000
const UNDER_WAY = opCases.filter(({ op }) => op === 'irq.safe_halt').map(({ number }) => number)
const DAMAGES = 12

export const snapshots: CaseMaker = subject =>
  supported(subject.backend).includes('snapshot')
    ? [
        {
          name: 'snapshot: a run handed from machine to machine is the same run, to the instruction',
          run: () => relay(subject),
        },
        {
          name: 'snapshot: of a machine with other parts it is refused',
          run: async () => {
            const snapshot = (await booted(subject)).machine.snapshot()
            const backend = defineBackend({ ...subject.backend, version: '999.0.0' })
            const other = { ...subject, backend }
            const error = await refusal(() => bootFrom(other, snapshot, ...NO_CASES))
            check(error?.code.startsWith('PG_SNAPSHOT_'), `the code is ${error?.code}`)
          },
        },
        {
          name: 'snapshot: damaged or cut short, it is refused, or the damage says nothing',
          run: async () => {
            const good = (await booted(subject)).machine.snapshot()
            const word = randomWords(1)
            for (let n = 0; n < DAMAGES; n++) {
              const at = word() % good.length
              const bad = n % 2 === 0 ? good.slice(0, at) : good.slice()
              if (n % 2 !== 0) bad[at] = bad[at]! ^ (1 << (word() & 7))
              let restored: Boot | undefined
              const error = await refusal(async () => (restored = await bootFrom(subject, bad, ...NO_CASES)))
              // Some bits of a packed file say nothing; then it is the same machine.
              const harmless = restored !== undefined && equal(restored.machine.snapshot(), good)
              check(
                harmless || error?.code.startsWith('PG_SNAPSHOT_'),
                `byte ${at} of ${good.length}: the code is ${error?.code}`,
              )
            }
          },
        },
      ]
    : [
        {
          name: 'contract: without ability snapshot, saving is refused by name',
          run: async () => {
            const { machine } = await booted(subject)
            const error = await refusal(() => machine.snapshot())
            check(error?.code === 'PG_ABILITY', `the code is ${error?.code}`)
          },
        },
      ]

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}

/** One machine runs by itself; beside it each leg of the same run is another machine's, restored from the one before. */
async function relay(subject: Subject): Promise<void> {
  const words = [`table=${UNDER_WAY.at(0)}`, `last=${UNDER_WAY.at(-1)}`]
  const whole = await boot(subject, ...words)
  for (let step = 0; !whole.text().includes('conformance: table: case'); step++) {
    check(step < MOST_STEPS, `the guest did not come to its cases; it said last: ${whole.lines.at(-1)}`)
    whole.machine.run({ untilVirtualNs: whole.machine.clock.now() + LEG_NS })
  }
  let runner: Boot = whole
  let said = whole.text()
  for (let leg = 1; leg <= LEGS; leg++) {
    const next = await bootFrom(subject, runner.machine.snapshot(), ...words)
    same(factsOf(next, said), factsOf(whole), `restored before leg ${leg}`)
    const untilVirtualNs = whole.machine.clock.now() + LEG_NS
    for (const { machine } of [whole, next]) machine.run({ untilVirtualNs })
    same(factsOf(next, said), factsOf(whole), `the end of leg ${leg}`)
    said += next.text()
    runner = next
  }
}
