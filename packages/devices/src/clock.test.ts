import { expect, test } from 'vitest'
import { EventClock } from './clock.ts'
import { Oscillator } from './ticks.ts'

test('runs due events by time, then by order of scheduling', () => {
  let now = 0
  const clock = new EventClock(() => now)
  const ran: string[] = []
  for (const [at, name] of [
    [30, 'c'],
    [10, 'a1'],
    [20, 'b'],
    [10, 'a2'],
    [40, 'd'],
  ] as const) {
    clock.schedule(at, () => ran.push(name))
  }
  expect(clock.nextAt()).toBe(10)
  now = 30
  expect(clock.runDue()).toBe(4)
  expect(ran).toEqual(['a1', 'a2', 'b', 'c'])
  expect(clock.nextAt()).toBe(40)
})

test('an event scheduled by a callback runs in the same sweep when it is due', () => {
  const clock = new EventClock(() => 100)
  const ran: number[] = []
  clock.schedule(50, () => {
    ran.push(1)
    clock.schedule(60, () => ran.push(2))
    clock.schedule(101, () => ran.push(3))
  })
  clock.runDue()
  expect(ran).toEqual([1, 2])
  expect(clock.size).toBe(1)
})

test('cancelling removes the event at once, also from the middle, and twice does no harm', () => {
  const clock = new EventClock(() => 1000)
  const ran: number[] = []
  const timers = Array.from({ length: 50 }, (_, i) => clock.schedule((i * 37) % 50, () => ran.push((i * 37) % 50)))
  for (const [i, timer] of timers.entries()) if (i % 3 === 0) timer.cancel()
  timers[0]!.cancel()
  expect(clock.size).toBe(33)
  clock.runDue()
  const expected = timers
    .map((_, i) => i)
    .filter(i => i % 3 !== 0)
    .map(i => (i * 37) % 50)
  expect(ran).toEqual(expected.sort((a, b) => a - b))
  timers[1]!.cancel()
})

test('tells its owner only of events that come before all others', () => {
  const clock = new EventClock(() => 0)
  const heard: number[] = []
  clock.onEarlier = at => heard.push(at)
  for (const at of [100, 200, 50, 60, 10]) clock.schedule(at, () => {})
  expect(heard).toEqual([100, 50, 10])
})

test('an oscillator counts whole ticks exactly and timeOf is the first instant of a tick', () => {
  for (const hertz of [32_768, 1_193_182, 3_579_545]) {
    const oscillator = new Oscillator(hertz)
    // Integer oracle in BigInt, near the start, after a day and after ten years of virtual time.
    for (const base of [0n, 86_400_000_000_000n, 315_360_000_000_000_000n / 40n]) {
      for (let step = 0n; step < 3000n; step += 13n) {
        const ns = base + step
        const tick = (ns * BigInt(hertz)) / 1_000_000_000n
        expect(oscillator.ticksAt(Number(ns))).toBe(Number(tick))
        const first = oscillator.timeOf(Number(tick) + 1)
        expect(oscillator.ticksAt(first)).toBe(Number(tick) + 1)
        expect(oscillator.ticksAt(first - 1)).toBe(Number(tick))
      }
    }
  }
})
