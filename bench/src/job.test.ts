import { expect, test } from 'vitest'
import { GuestLines, type Job, Milestones, watch } from './job.ts'

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

test("the bench guest's lines are told as they end; done and panic are the last", () => {
  const seen: [string, boolean][] = []
  const lines = new GuestLines((text, last) => seen.push([text, last]))
  for (const piece of ['SeaBIOS\r\nbench: sta', 'rt sieve 3\r\n', 'bench: end sieve 0000002a\r\nbench: done\r\n'])
    lines.push(piece)
  lines.push('bench: panic: no such kernel 00000004\n')
  expect(seen).toEqual([
    ['start sieve 3', false],
    ['end sieve 0000002a', false],
    ['done', true],
    ['panic: no such kernel 00000004', true],
  ])
})

test('a job says what is watched for', () => {
  const job: Job = { kind: 'boot', image: '', memoryMiB: 1, commandLine: '', texts: ['#'], engine: '' }
  const seen: string[] = []
  watch(job, text => seen.push(text)).push('bench: x\n/ # ')
  watch({ ...job, kind: 'kernels' }, text => seen.push(text)).push('bench: x\n/ # ')
  expect(seen).toEqual(['#', 'x'])
})
