import type { RunOutcome } from '@paragraft/core'
import { expect, test } from 'vitest'
import type { SuiteMachine } from '../subject.ts'
import { type Boot, hearCases } from './run.ts'

/** A guest that says these lines and ends so; `budget`: it says no more and computes. */
function guest(said: readonly string[], outcome: RunOutcome = { kind: 'powerOff' }): Boot {
  const lines: string[] = []
  let instructions = 0
  const machine = {
    run: () => {
      lines.push(...said.slice(lines.length))
      instructions += 10_000_000
      return outcome
    },
    instructions: () => instructions,
    clock: { now: () => instructions * 4 },
  } as unknown as SuiteMachine
  return { machine, lines, text: () => lines.join('\n') }
}

/** Hears three cases in two phases, of guests that say what `boots` has for each start. */
async function hear(...boots: Boot[]) {
  const begun: Record<'a' | 'b', number>[] = []
  const verdicts = await hearCases<'a' | 'b'>(['a', 'b'], { last: 2 }, async from => {
    begun.push({ ...from })
    return boots[begun.length - 1]!
  })
  const short = (phase: 'a' | 'b') => verdicts[phase].map(({ kind }) => kind)
  return { begun, verdicts, kinds: { a: short('a'), b: short('b') } }
}

const lines = (phase: string, ...words: string[]): string[] =>
  words.flatMap(word => {
    const [verdict, number] = word.split(' ')
    return verdict === 'done'
      ? [`conformance: ${phase}: done`]
      : [
          `conformance: ${phase}: case ${number}: a title`,
          ...(verdict === '' ? [] : [`conformance: ${phase}: ${word}`]),
        ]
  })

test('verdicts are the guest’s, with its reasons', async () => {
  const all = [
    ...lines('a', 'ok 0', 'refused 1: no clock', 'FAILED 2: x == y', 'done'),
    ...lines('b', 'ok 0', 'ok 1', 'ok 2', 'done'),
  ]
  const { verdicts, begun, kinds } = await hear(guest(all))
  expect(kinds).toEqual({ a: ['ok', 'refused', 'failed'], b: ['ok', 'ok', 'ok'] })
  expect(verdicts.a.map(({ why }) => why)).toEqual(['', 'no clock', 'x == y'])
  expect(begun).toEqual([{ a: 0, b: 0 }])
})

test('a case that ends the guest has failed, and the guest is started behind it', async () => {
  const fault: RunOutcome = {
    kind: 'guestFault',
    fault: 'triple-fault',
    message: 'it triple-faulted',
    registers: {} as never,
  }
  const { verdicts, begun, kinds } = await hear(
    guest([...lines('a', 'ok 0', ' 1'), 'eax 00000000'], fault),
    guest([...lines('a', 'ok 2', 'done'), ...lines('b', 'ok 0', ' 1')], fault),
    guest([...lines('a', 'done'), ...lines('b', 'ok 2', 'done')]),
  )
  expect(kinds).toEqual({ a: ['ok', 'failed', 'ok'], b: ['ok', 'failed', 'ok'] })
  expect(verdicts.a[1]!.why).toBe('the guest stopped: it triple-faulted; it said last: eax 00000000')
  expect(begun).toEqual([
    { a: 0, b: 0 },
    { a: 2, b: 0 },
    { a: 3, b: 2 },
  ])
})

test('a guest of which nothing more is heard is stuck in the case that has begun', async () => {
  const budget: RunOutcome = { kind: 'budget' }
  const { verdicts, kinds } = await hear(
    guest(lines('a', ' 0'), budget),
    guest([...lines('a', 'ok 1', 'ok 2', 'done'), ...lines('b', 'ok 0', 'ok 1', 'ok 2', 'done')]),
  )
  expect(kinds).toEqual({ a: ['failed', 'ok', 'ok'], b: ['ok', 'ok', 'ok'] })
  expect(verdicts.a[0]!.why).toContain('nothing more was heard')
})

test('a guest that does not come to its cases fails them all, with what it said', async () => {
  const { verdicts, kinds } = await hear(
    guest(['Kernel panic: no memory'], { kind: 'haltedForever', registers: {} as never }),
  )
  expect(kinds).toEqual({ a: ['failed', 'failed', 'failed'], b: ['failed', 'failed', 'failed'] })
  expect(verdicts.b[2]!.why).toBe(
    'it did not come so far: the guest stopped: haltedForever; it said last: Kernel panic: no memory',
  )
})
