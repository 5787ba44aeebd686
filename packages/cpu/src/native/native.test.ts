/**
 * The instruction set against the host's own processor: registers, flags, faults with error codes and addresses, and
 * memory, for both interpreters.
 */
import { expect } from 'vitest'
import { needs } from '../../../../tests/support/needs.ts'
import { DIRECTED } from './directed/index.ts'
import { generatePairs, generateSequences, generateTests } from './generate.ts'
import { buildRunner, compareWithHost } from './host.ts'

const native = needs('gcc multilib')
const runner = buildRunner()

native('the interpreter agrees with the host processor', () => {
  const tests = generateTests(20061, 24)
  expect(compareWithHost(runner, 'interpreter', tests).slice(0, 20).join('\n')).toBe('')
  expect(tests.length).toBeGreaterThan(8000)
})

native('so does the reference', () => {
  const tests = generateTests(20062, 8)
  expect(compareWithHost(runner, 'reference', tests).slice(0, 20).join('\n')).toBe('')
  expect(tests.length).toBeGreaterThan(2500)
})

native('pairs that have one handler between them agree', () => {
  expect(compareWithHost(runner, 'interpreter', generatePairs(20065, 30)).slice(0, 20).join('\n')).toBe('')
})

native('sequences of instructions agree too, on both', () => {
  expect(compareWithHost(runner, 'interpreter', generateSequences(20063, 6000)).slice(0, 20).join('\n')).toBe('')
  expect(compareWithHost(runner, 'reference', generateSequences(20064, 2000)).slice(0, 20).join('\n')).toBe('')
})

for (const [name, tests] of Object.entries(DIRECTED)) {
  native(`directed: ${name}`, () => {
    const list = tests()
    expect(list.length).toBeGreaterThan(10)
    expect(compareWithHost(runner, 'interpreter', list).slice(0, 20).join('\n')).toBe('')
    expect(compareWithHost(runner, 'reference', list).slice(0, 20).join('\n')).toBe('')
  })
}
