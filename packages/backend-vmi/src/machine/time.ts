/**
 * VMI's time: three cycle counters (real time; time that the guest had the processor; time that it did not), an alarm on each
 * of the first two, and the wall clock. Specification, "Time Interface" and the timer calls of appendix A; asm/vmi_time.h.
 *
 * A cycle is a virtual nanosecond, as for the time-stamp counter. Nobody competes for the processor, so time is only stolen when
 * the user says how much: the machine then tells a guest what a busy host would, the same at every boot.
 */
import type { BackendPorts } from '@paragraft/core/ops'
import type { BoardPort, Clock, SavedTimer, Snapshotable, Timer } from '@paragraft/core/ports'
import {
  VMI_ALARM_COUNTER_MASK,
  VMI_ALARM_COUNTERS,
  VMI_ALARM_IS_PERIODIC,
  VMI_ALARM_WIRED_LVTT,
  VMI_CYCLES_AVAILABLE,
  VMI_CYCLES_REAL,
  VMI_CYCLES_STOLEN,
  VMI_WALLCLOCK_HZ,
} from '../abi/constants.ts'

/** Cycles a second. */
const FREQUENCY = 1_000_000_000n
/** Expiries closer together than this are merged, or a guest could have the machine stop after every instruction. */
const SHORTEST_PERIOD = 1_000
/** Beyond this, virtual time is not exact; an alarm there is armed and never fires. */
const NEVER = 2 ** 52

interface Alarm {
  lvtt: boolean
  /** In cycles of its counter. */
  expiry: number
  /** 0: one-shot. */
  period: number
  timer: Timer | undefined
}

/** What a snapshot keeps: alarms by counter. `timer` is null where an alarm never fires. */
export interface VmiTimeState {
  fired: number
  alarms: ({ lvtt: boolean; expiry: number; period: number; timer: SavedTimer | null } | null)[]
}

export class VmiTime implements Snapshotable<VmiTimeState> {
  /** Alarms delivered. */
  fired = 0
  readonly #clock: Clock
  readonly #board: BoardPort | undefined
  readonly #epochSeconds: number
  readonly #stolenPercent: number
  readonly #alarms: (Alarm | undefined)[] = []

  constructor(ports: Pick<BackendPorts, 'clock' | 'board' | 'epochSeconds'>, stolenPercent: number) {
    this.#clock = ports.clock
    this.#board = ports.board
    this.#epochSeconds = ports.epochSeconds
    this.#stolenPercent = stolenPercent
  }

  frequency(): bigint {
    return FREQUENCY
  }

  /** GetCycleCounter: 0 for a counter that there is not. */
  counter(which: number): bigint {
    return which <= VMI_CYCLES_STOLEN ? BigInt(this.#cycles(which)) : 0n
  }

  /** SetAlarm; what was armed on the counter is cancelled. Nothing for counters without an alarm. */
  setAlarm(flags: number, expiry: bigint, period: bigint): void {
    const counter = flags & VMI_ALARM_COUNTER_MASK
    if (counter >= VMI_ALARM_COUNTERS) return
    this.cancelAlarm(counter)
    const periodic = (flags & VMI_ALARM_IS_PERIODIC) !== 0
    const alarm: Alarm = {
      lvtt: (flags & VMI_ALARM_WIRED_LVTT) !== 0,
      expiry: clamp(expiry),
      period: periodic ? clamp(period) : 0,
      timer: undefined,
    }
    this.#alarms[counter] = alarm
    this.#arm(counter, alarm)
  }

  /** CancelAlarm: whether it was armed. */
  cancelAlarm(flags: number): boolean {
    const counter = flags & VMI_ALARM_COUNTER_MASK
    const alarm = this.#alarms[counter]
    if (alarm === undefined) return false
    alarm.timer?.cancel()
    this.#alarms[counter] = undefined
    return true
  }

  /** GetWallclockTime: nanoseconds since 1970. */
  wallclock(): bigint {
    return BigInt(this.#epochSeconds) * BigInt(VMI_WALLCLOCK_HZ) + BigInt(this.#clock.now())
  }

  save(): VmiTimeState {
    const alarms = Array.from({ length: VMI_ALARM_COUNTERS }, (_, counter) => {
      const alarm = this.#alarms[counter]
      return alarm === undefined ? null : { ...alarm, timer: alarm.timer?.save() ?? null }
    })
    return { fired: this.fired, alarms }
  }

  restore(state: VmiTimeState): void {
    this.fired = state.fired
    for (const [counter, saved] of state.alarms.entries()) {
      if (saved === null) continue
      const alarm: Alarm = { ...saved, timer: undefined }
      if (saved.timer !== null) alarm.timer = this.#clock.resume(saved.timer, () => this.#expire(counter, alarm))
      this.#alarms[counter] = alarm
    }
  }

  #cycles(counter: number): number {
    const real = this.#clock.now()
    if (counter === VMI_CYCLES_REAL) return real
    const stolen = Math.floor((real * this.#stolenPercent) / 100)
    return counter === VMI_CYCLES_AVAILABLE ? real - stolen : stolen
  }

  /** The virtual time at which the counter will have reached `cycles`. */
  #timeOf(counter: number, cycles: number): number {
    if (counter === VMI_CYCLES_REAL || this.#stolenPercent === 0) return cycles
    // A little before the quotient, since what is stolen is rounded down; then up to the first time that will do.
    let at = Math.max(0, Math.floor((cycles * 100) / (100 - this.#stolenPercent)) - 2)
    while (at - Math.floor((at * this.#stolenPercent) / 100) < cycles) at++
    return at
  }

  #arm(counter: number, alarm: Alarm): void {
    const at = this.#timeOf(counter, alarm.expiry)
    if (at >= NEVER) return
    alarm.timer = this.#clock.schedule(Math.max(at, this.#clock.now()), () => this.#expire(counter, alarm))
  }

  #expire(counter: number, alarm: Alarm): void {
    alarm.timer = undefined
    this.fired++
    if (alarm.period === 0) {
      this.#alarms[counter] = undefined
    } else {
      // Periods that have gone by unnoticed are one.
      const behind = this.#cycles(counter) - alarm.expiry
      alarm.expiry += alarm.period * (Math.floor(Math.max(0, behind) / alarm.period) + 1)
      if (alarm.period < SHORTEST_PERIOD) {
        alarm.expiry = Math.max(alarm.expiry, this.#cycles(counter) + SHORTEST_PERIOD)
      }
      this.#arm(counter, alarm)
    }
    if (alarm.lvtt) this.#board?.apicTimer()
    else this.#board?.timerIrq()
  }
}

function clamp(cycles: bigint): number {
  return cycles > BigInt(NEVER) ? NEVER : Number(cycles)
}
