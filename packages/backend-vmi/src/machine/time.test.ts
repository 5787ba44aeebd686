/** Counters and alarms. Expected values: a cycle is a nanosecond; the semantics of the specification's timer calls. */
import type { BoardPort, Clock } from '@paragraft/core/ports'
import { beforeEach, expect, test } from 'vitest'
import {
  VMI_ALARM_IS_PERIODIC,
  VMI_ALARM_WIRED_LVTT,
  VMI_CYCLES_AVAILABLE,
  VMI_CYCLES_REAL,
  VMI_CYCLES_STOLEN,
} from '../abi/constants.ts'
import { VmiTime } from './time.ts'

interface Entry {
  at: number
  run: () => void
}

let now: number
let agenda: Entry[]
let fired: string[]

const clock: Clock = {
  now: () => now,
  schedule(at, run) {
    const entry = { at, run }
    agenda.push(entry)
    return {
      cancel: () => void (agenda = agenda.filter(other => other !== entry)),
      save: () => ({ at, order: agenda.indexOf(entry) }),
    }
  },
  resume: ({ at }, run) => clock.schedule(at, run),
}
const board: BoardPort = {
  plug: () => {},
  timerIrq: () => void fired.push(`irq0 ${now}`),
  apicTimer: () => void fired.push(`lvtt ${now}`),
}
const ports = { clock, board, epochSeconds: 1_000_000_000 }

function advance(to: number): void {
  for (;;) {
    const [next] = agenda.filter(entry => entry.at <= to).sort((a, b) => a.at - b.at)
    if (next === undefined) break
    agenda = agenda.filter(entry => entry !== next)
    now = Math.max(now, next.at)
    next.run()
  }
  now = to
}

beforeEach(() => {
  now = 0
  agenda = []
  fired = []
})

test('counters: real is available and stolen, and there are no others', () => {
  const time = new VmiTime(ports, 25)
  now = 1_000_003
  const [real, available, stolen] = [VMI_CYCLES_REAL, VMI_CYCLES_AVAILABLE, VMI_CYCLES_STOLEN].map(c => time.counter(c))
  expect([real, stolen]).toEqual([1_000_003n, 250_000n])
  expect(available! + stolen!).toBe(real)
  expect([time.counter(3), time.counter(0xffff_ffff)]).toEqual([0n, 0n])
  expect(time.frequency()).toBe(1_000_000_000n)
  expect(time.wallclock()).toBe(1_000_000_000_001_000_003n)
  expect(new VmiTime(ports, 0).counter(VMI_CYCLES_STOLEN)).toBe(0n)
})

test('a one-shot alarm fires once, where it is wired to', () => {
  const time = new VmiTime(ports, 0)
  time.setAlarm(VMI_CYCLES_REAL, 5000n, 0n)
  time.setAlarm(VMI_CYCLES_AVAILABLE | VMI_ALARM_WIRED_LVTT, 7000n, 9n)
  advance(100_000)
  expect(fired).toEqual(['irq0 5000', 'lvtt 7000'])
  expect([time.cancelAlarm(0), time.cancelAlarm(1)]).toEqual([false, false])
  // What has expired already fires at once.
  time.setAlarm(VMI_CYCLES_REAL, 1n, 0n)
  advance(100_000)
  expect(fired.at(-1)).toBe('irq0 100000')
})

test('a periodic alarm goes on until it is cancelled; a period of 0 makes it one-shot', () => {
  const time = new VmiTime(ports, 0)
  time.setAlarm(VMI_CYCLES_REAL | VMI_ALARM_IS_PERIODIC, 2000n, 3000n)
  advance(9000)
  expect(fired).toEqual(['irq0 2000', 'irq0 5000', 'irq0 8000'])
  expect(time.cancelAlarm(VMI_CYCLES_REAL | VMI_ALARM_IS_PERIODIC)).toBe(true)
  expect(time.cancelAlarm(VMI_CYCLES_REAL)).toBe(false)
  advance(20_000)
  expect(fired).toHaveLength(3)
  time.setAlarm(VMI_CYCLES_REAL | VMI_ALARM_IS_PERIODIC, 21_000n, 0n)
  advance(90_000)
  expect(fired).toHaveLength(4)
})

test('setting an armed alarm replaces it; counters without alarms are left alone', () => {
  const time = new VmiTime(ports, 0)
  time.setAlarm(VMI_CYCLES_REAL, 5000n, 0n)
  time.setAlarm(VMI_CYCLES_REAL, 8000n, 0n)
  time.setAlarm(VMI_CYCLES_STOLEN, 1000n, 0n)
  time.setAlarm(0xff, 1000n, 0n)
  advance(10_000)
  expect(fired).toEqual(['irq0 8000'])
})

test('an alarm on available time waits for the stolen time too', () => {
  const time = new VmiTime(ports, 50)
  time.setAlarm(VMI_CYCLES_AVAILABLE, 1000n, 0n)
  advance(1998)
  expect([fired, time.counter(VMI_CYCLES_AVAILABLE)]).toEqual([[], 999n])
  advance(3000)
  expect(fired).toEqual(['irq0 1999'])
})

test('an alarm beyond all time is armed and never fires; a period of nothing does not stop the machine', () => {
  const time = new VmiTime(ports, 0)
  time.setAlarm(VMI_CYCLES_REAL, 2n ** 64n - 1n, 0n)
  expect(agenda).toEqual([])
  expect(time.cancelAlarm(0)).toBe(true)
  time.setAlarm(VMI_CYCLES_REAL | VMI_ALARM_IS_PERIODIC, 0n, 1n)
  advance(10_000)
  expect(fired.length).toBeLessThanOrEqual(11)
  expect(fired.length).toBeGreaterThan(8)
})
