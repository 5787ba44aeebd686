/**
 * The suite finds planted faults. The reference passes it whole; each mutant of it is found by the case that is named with it, and
 * the same case finds nothing in the reference.
 */
import { casesFor, opCaseAlone } from '@paragraft/conformance'
import { expect, test } from 'vitest'
import { lostEvents, lostStates, wrongCalls, wrongClock, wrongContract, wrongProcessor } from './mutants/backend.ts'
import { type Mutant, referenceSubject } from './mutants/mutant.ts'
import { staleTranslations, swappedArguments, wrongFlags, wrongTables, wrongTimes } from './mutants/ops.ts'

const MUTANTS: Readonly<Record<string, readonly Mutant[]>> = {
  'wrong flags': wrongFlags,
  'stale translations': staleTranslations,
  'wrong tables': wrongTables,
  'swapped arguments': swappedArguments,
  'wrong times': wrongTimes,
  'lost events': lostEvents,
  'wrong calls': wrongCalls,
  'wrong processor': wrongProcessor,
  'wrong clock': wrongClock,
  'wrong contract': wrongContract,
  'lost states': lostStates,
}

const right = casesFor(referenceSubject)
for (const { name, run } of right) test(`the reference: ${name}`, run)

for (const [kind, mutants] of Object.entries(MUTANTS)) {
  test.each(mutants)(`${kind}: $fault`, async ({ found, subject }) => {
    const same = right.find(({ name }) => name === found)
    expect(same, `there is no case ${found}`).toBeDefined()
    await same!.run()
    const mutated = opCaseAlone(subject, found) ?? casesFor(subject).find(({ name }) => name === found)!
    await expect((async () => mutated.run())()).rejects.toThrow()
  })
}

test('there are enough of them, each another', () => {
  const faults = Object.values(MUTANTS).flatMap(mutants => mutants.map(({ fault }) => fault))
  expect(new Set(faults).size).toBe(faults.length)
  expect(faults.length).toBeGreaterThanOrEqual(50)
})
