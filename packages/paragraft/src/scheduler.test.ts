import { expect, test } from 'vitest'
import { Scheduler } from './scheduler.ts'
import { ScriptedProcessor } from './testing.ts'

const NS = 2

function setup() {
  const processor = new ScriptedProcessor()
  return { processor, scheduler: new Scheduler(processor, NS) }
}

test('time is retired instructions; events fall on the first boundary at or after their time', () => {
  const { processor, scheduler } = setup()
  const fired: [string, number][] = []
  scheduler.clock.schedule(2001, () => fired.push(['b', processor.instructions()]))
  scheduler.clock.schedule(1000, () => fired.push(['a', processor.instructions()]))
  expect(scheduler.run({ instructions: 5000 })).toEqual({ kind: 'budget' })
  expect(fired).toEqual([
    ['a', 500],
    ['b', 1001],
  ])
  expect(scheduler.now()).toBe(10_000)
})

test('an event that is scheduled while the processor runs shortens the slice', () => {
  const { processor, scheduler } = setup()
  const fired: number[] = []
  processor.at.set(100, () => {
    // Asked in the middle of instruction 100: 100 have retired.
    expect(scheduler.clock.now()).toBe(200)
    scheduler.clock.schedule(250, () => fired.push(processor.instructions()))
  })
  scheduler.run({ instructions: 1000 })
  expect(fired).toEqual([125])
})

test('the same run in other slices is the same run', () => {
  const log = (step: number): unknown[] => {
    const { processor, scheduler } = setup()
    const seen: unknown[] = []
    const tick = (): void => {
      seen.push([processor.instructions(), scheduler.now()])
      scheduler.clock.schedule(scheduler.now() + 777, tick)
    }
    scheduler.clock.schedule(777, tick)
    while (processor.instructions() < 10_000) {
      scheduler.run({ instructions: Math.min(step, 10_000 - processor.instructions()) })
    }
    return seen
  }
  expect(log(1)).toEqual(log(10_000))
  expect(log(13)).toEqual(log(10_000))
})

test('what a port access takes passes as time, and events come at the first boundary after it', () => {
  const log = (step: number): unknown[] => {
    const { processor, scheduler } = setup()
    const seen: unknown[] = []
    for (const n of [100, 101, 400]) processor.at.set(n, () => scheduler.spend(501))
    for (const at of [150, 600, 1199, 1500, 2000, 2400]) {
      scheduler.clock.schedule(at, () => seen.push([at, processor.instructions(), scheduler.now()]))
    }
    while (processor.instructions() < 1000) {
      scheduler.run({ instructions: Math.min(step, 1000 - processor.instructions()) })
    }
    seen.push(scheduler.now())
    return seen
  }
  expect(log(1000)).toEqual([
    [150, 75, 150],
    // Instruction 100 takes from 200 to 703, instruction 101 to 1206, instruction 400 from 1802 to 2305.
    [600, 101, 703],
    [1199, 102, 1206],
    [1500, 249, 1500],
    [2000, 401, 2305],
    [2400, 449, 2401],
    3503,
  ])
  expect(log(7)).toEqual(log(1000))
  expect(log(1)).toEqual(log(1000))
})

test('a halted guest skips to its next event', () => {
  const { processor, scheduler } = setup()
  processor.at.set(10, () => 'halt')
  const idle: number[] = []
  scheduler.onIdle = ns => idle.push(ns)
  scheduler.clock.schedule(1_000_000, () => {
    processor.halted = false
  })
  expect(scheduler.run({ instructions: 100 })).toEqual({ kind: 'budget' })
  // 11 instructions retired before the skip, HLT being one of them.
  expect(idle).toEqual([1_000_000 - 11 * NS])
  expect(scheduler.skippedNs).toBe(1_000_000 - 11 * NS)
  expect(processor.instructions()).toBe(100)
  expect(scheduler.now()).toBe(1_000_000 + 89 * NS)
})

test('who asks for it decides how far idle time goes', () => {
  const { processor, scheduler } = setup()
  processor.at.set(0, () => 'halt')
  scheduler.clock.schedule(5000, () => {
    processor.halted = false
  })
  expect(scheduler.run({ idle: 'return' })).toEqual({ kind: 'idle' })
  scheduler.skipIdle(3000)
  expect(scheduler.now()).toBe(3000)
  expect(scheduler.run({ idle: 'return' })).toEqual({ kind: 'idle' })
  // Not beyond the event.
  scheduler.skipIdle(9000)
  expect(scheduler.now()).toBe(5000)
  expect(scheduler.run({ instructions: 10 })).toEqual({ kind: 'budget' })
  expect(processor.halted).toBe(false)
})

test('halted with interrupts on and nothing scheduled: only the outside can help', () => {
  const { processor, scheduler } = setup()
  processor.at.set(3, () => 'halt')
  expect(scheduler.run()).toEqual({ kind: 'idle' })
  expect(scheduler.stopped).toBeNull()
})

test('halted with interrupts off is the end', () => {
  const { processor, scheduler } = setup()
  processor.at.set(3, () => 'halt')
  processor.eflags = 0x2
  scheduler.clock.schedule(1_000_000, () => {})
  const stop = scheduler.run()
  expect(stop.kind).toBe('haltedForever')
  expect(scheduler.run()).toBe(stop)
})

test('unless somebody means to end it', () => {
  const { processor, scheduler } = setup()
  processor.at.set(3, () => 'halt')
  processor.eflags = 0x2
  processor.awaited = () => true
  scheduler.clock.schedule(1_000_000, () => {
    processor.halted = false
  })
  expect(scheduler.run({ instructions: 10 })).toEqual({ kind: 'budget' })
  expect(processor.instructions()).toBe(10)
})

test('events that never wake a halted guest do not keep the caller', () => {
  const { processor, scheduler } = setup()
  processor.at.set(0, () => 'halt')
  const tick = (): void => void scheduler.clock.schedule(scheduler.now() + 1000, tick)
  tick()
  expect(scheduler.run()).toEqual({ kind: 'budget' })
})

test('a stop asked for by a device is taken at that boundary, and the first reason stays', () => {
  const { processor, scheduler } = setup()
  processor.at.set(42, () => {
    scheduler.stop({ kind: 'powerOff' })
    scheduler.stop({ kind: 'reset', why: 'later' })
  })
  expect(scheduler.run()).toEqual({ kind: 'powerOff' })
  expect(processor.instructions()).toBe(43)
})

test('a triple fault stops the guest with its registers', () => {
  const { processor, scheduler } = setup()
  processor.at.set(7, () => 'shutdown')
  const stop = scheduler.run()
  expect(stop).toMatchObject({ kind: 'guestFault', fault: 'triple-fault', registers: { eflags: 0x202 } })
})

test('a storm of exceptions stops the guest as well', () => {
  const { processor, scheduler } = setup()
  processor.at.set(7, () => 'runaway')
  expect(scheduler.run()).toMatchObject({ kind: 'guestFault', fault: 'runaway', code: 'PG_GUEST_RUNAWAY' })
})

test('virtual time bounds a run exactly', () => {
  const { processor, scheduler } = setup()
  expect(scheduler.run({ untilVirtualNs: 1001 })).toEqual({ kind: 'budget' })
  expect(processor.instructions()).toBe(501)
  processor.at.set(600, () => 'halt')
  expect(scheduler.run({ untilVirtualNs: 1_000_000 })).toEqual({ kind: 'idle' })
})
