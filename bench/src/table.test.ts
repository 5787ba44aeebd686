import { expect, test } from 'vitest'
import { type Mark, Milestones } from './job.ts'
import { median, spans, table } from './table.ts'

const run = (first: number, last: number, instructions?: [number, number]): Mark[] => [
  { text: 'a', cpuSeconds: first, ...(instructions === undefined ? {} : { instructions: instructions[0] }) },
  { text: 'b', cpuSeconds: last, ...(instructions === undefined ? {} : { instructions: instructions[1] }) },
]

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([5, 1, 3])).toBe(3)
  expect(median([4, 1, 3, 100])).toBe(3.5)
})

test('a span is from the first text to the last, and from power-on to the last', () => {
  expect(spans(run(2, 7, [100, 350]))).toEqual({ whole: 7, kernel: 5, instructions: 250 })
  expect(spans(run(2, 7))).toEqual({ whole: 7, kernel: 5, instructions: undefined })
})

test('ratios are to the first row, and a peer that does not count has empty cells', () => {
  const lines = table([
    { name: 'ours', title: 'Ours', runs: [run(1, 3, [0, 4e8]), run(1, 5, [0, 4e8]), run(1, 4, [0, 4e8])] },
    { name: 'other', title: 'Other', runs: [run(0.5, 12.5)] },
  ]).split('\n')
  expect(lines[2]).toBe('| Ours | 3.00 | 1.00 | 4.00 | 1.00 | 400 M | 133 |')
  expect(lines[3]).toBe('| Other | 12.00 | 4.00 | 12.50 | 3.13 |  |  |')
})

test('texts are found in order, wherever the output is cut, and several in one piece', () => {
  const seen: [string, boolean][] = []
  const milestones = new Milestones(['one', 'two'], (text, last) => seen.push([text, last]))
  for (const piece of ['tw', 'o on', 'e, t', 'wo', ' two']) milestones.push(piece)
  expect(seen).toEqual([
    ['one', false],
    ['two', true],
  ])
  const both: string[] = []
  new Milestones(['one', 'two'], text => both.push(text)).push('one two')
  expect(both).toEqual(['one', 'two'])
})
