import { eraOf } from '@paragraft/core/ops'
import { expect, test } from 'vitest'
import { ERA_ID, opCases, plainCases } from './program.ts'

test('every op of the table has a case', () => {
  const without = eraOf(ERA_ID).slots.filter(({ slot }) => !opCases.some(opCase => opCase.slot === slot))
  expect(without.map(({ op }) => op)).toEqual([])
})

test('no two cases have one name', () => {
  const names = opCases.map(({ op, title }) => `${op}: ${title}`)
  expect(new Set(names).size).toBe(names.length)
  expect(new Set(plainCases).size).toBe(plainCases.length)
})

test('names are read from the images', () => {
  expect(opCases.map(({ op, title }) => `${op}: ${title}`)).toContain(
    'irq.irq_disable: no interrupt arrives while IF is clear',
  )
  expect(plainCases).toContain('exceptions: INT3 comes to the handler of #BP')
})
