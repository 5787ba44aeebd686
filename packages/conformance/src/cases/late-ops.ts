/** Ops installed while the guest runs, by a module of the suite's own: when somebody asks for them, and as long as it is not too late. */
import { defineOps, host, type InstallMoment, natively, type OpsModule, supported } from '@paragraft/core/ops'
import { check, refusal, same } from '../expect.ts'
import { ERA_ID, opCases } from '../guest/program.ts'
import { type Boot, boot, described, hearCases, runUntil, type Verdict } from '../guest/run.ts'
import type { Subject } from '../subject.ts'
import type { CaseMaker } from './case.ts'

/** Native semantics again, from outside the guest. */
const ANSWERS = {
  'time.sched_clock': host(call => BigInt(call.clock.now())),
  'mmu.read_cr2': host(call => call.processor.readCr(2)),
  'mmu.flush_tlb_user': host(call => call.processor.flushTlb()),
  'mmu.flush_tlb_one_user': host(call => call.processor.invlpg(Number(call.arg('addr')))),
}
const ANSWERED = Object.keys(ANSWERS)
/** The cases of the answered ops lie between these. */
const NUMBERS = opCases.filter(({ op }) => ANSWERED.includes(op)).map(({ number }) => number)
const RANGE = { first: Math.min(...NUMBERS), last: Math.max(...NUMBERS) }

function lateModule(install: InstallMoment): OpsModule {
  return defineOps({
    name: 'conformance-late-ops',
    version: '1.0.0',
    apiVersion: '^1.1.0',
    opsAbi: `~${ERA_ID}.0`,
    install,
    ops: era => ({ ...natively(era.slots.map(({ op }) => op)), ...ANSWERS }),
  })
}

export const lateOps: CaseMaker = subject =>
  supported(subject.backend).includes('late-ops')
    ? [
        {
          name: 'late ops: installed at the embedder’s word, they are called from then on, and the ledger has both owners',
          run: async () => {
            const module = lateModule('embedder')
            const guest = await begin(subject, module)
            until(guest, 'conformance: table: case')
            same(guest.machine.install(module), ANSWERED.length, 'slots that changed hands')
            until(guest, 'conformance: patched: done')
            const failures = guest.lines.filter(line => line.includes('FAILED'))
            check(failures.length === 0, failures.join('\n'))
            bothOwners(guest, module)
          },
        },
        {
          name: 'late ops: registered by the guest, what held before holds after',
          run: async () => {
            const module = lateModule('request')
            let guest: Boot | undefined
            const verdicts = await hearCases(['table', 'registered', 'patched'], RANGE, async from => {
              const words = Object.entries(from).map(([phase, number]) => `${phase}=${number}`)
              return (guest = await begin(subject, module, 'register', ...words))
            })
            for (const [phase, list] of Object.entries(verdicts)) allHold(phase, list)
            bothOwners(guest!, module)
          },
        },
        {
          name: 'late ops: when the sites are patched it is too late: refused, and nothing has changed',
          run: async () => {
            const module = lateModule('embedder')
            const guest = await begin(subject, module)
            until(guest, 'conformance: patched: done')
            const before = guest.machine.ops()
            const error = await refusal(() => guest.machine.install(module))
            check(error?.code === 'PG_INSTALL_PATCHED', `the code is ${error?.code}`)
            same(guest.machine.ops(), before, 'the ledger')
          },
        },
      ]
    : [
        {
          name: 'contract: without ability late-ops, a module for later is refused by name',
          run: async () => {
            const error = await refusal(() => begin(subject, lateModule('embedder')))
            check(error?.code === 'PG_ABILITY', `the code is ${error?.code}`)
          },
        },
      ]

function begin(subject: Subject, module: OpsModule, ...words: string[]): Promise<Boot> {
  const range = [`table=${RANGE.first}`, `patched=${RANGE.first}`, `last=${RANGE.last}`]
  return boot(
    { ...subject, ops: [...(subject.ops ?? []), module] },
    ...(words.length === 0 ? range : words),
    `last=${RANGE.last}`,
  )
}

/** Runs until the guest has said so. */
function until(guest: Boot, said: string): void {
  const outcome = runUntil(guest, () => guest.text().includes(said))
  if (outcome !== undefined) throw new Error(described(outcome, guest.lines))
}

function allHold(phase: string, verdicts: readonly Verdict[]): void {
  verdicts.forEach(({ kind, why }, number) => {
    const { op, title } = opCases[number]!
    check(kind !== 'failed', `${phase}: ${op}: ${title}: ${why}`)
  })
}

/** Every answered slot was somebody else's until a moment of the run, and has been called since. */
function bothOwners({ machine }: Boot, { name }: OpsModule): void {
  for (const { op, owner, before, calls } of machine.ops().filter(row => ANSWERED.includes(row.op))) {
    check(owner === name, `${op} belongs to ${owner}`)
    check(before?.length === 1, `${op}: ${before?.length ?? 0} earlier owners`)
    const [earlier] = before
    check(earlier!.owner !== name && earlier!.until.instructions > 0, `${op}: the moment of change is not told`)
    check(calls > earlier!.calls, `${op}: ${earlier!.calls} calls before, ${calls} in all`)
  }
}
