/** What guests reach for is said once, and cannot fill the host's memory. */
import { expect, test } from 'vitest'
import { MOST_KEYS, ReportLog } from './reporter.ts'

test('the first report of a key is passed on, and all are counted', () => {
  const said: string[] = []
  const log = new ReportLog(({ key }) => said.push(key))
  for (const key of ['msr 0x1', 'msr 0x2', 'msr 0x1']) log.report(key, 'a message')
  expect(said).toEqual(['msr 0x1', 'msr 0x2'])
  expect(log.all().map(({ key, count }) => [key, count])).toEqual([
    ['msr 0x1', 2],
    ['msr 0x2', 1],
  ])
})

test('keys beyond the most are one key, said once', () => {
  const said: string[] = []
  const log = new ReportLog(({ key }) => said.push(key))
  for (let i = 0; i < MOST_KEYS + 500; i++) log.report(`msr ${i}`, 'a message')
  log.report('msr 0', 'a message')
  expect(said).toHaveLength(MOST_KEYS + 1)
  expect(log.all().at(-1)).toMatchObject({ key: 'more', count: 500 })
  expect(log.all()[0]).toMatchObject({ key: 'msr 0', count: 2 })
})
