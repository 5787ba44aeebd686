/**
 * Xen's time: system time is nanoseconds since power-on, which is virtual time; struct vcpu_time_info says how the
 * time-stamp counter follows it; the wallclock is what system time 0 was. Timers of a virtual processor raise VIRQ_TIMER.
 */
import type { Clock, SavedTimer, Snapshotable, Timer } from '@paragraft/core/ports'
import {
  SHARED_WC_NSEC,
  SHARED_WC_SEC,
  SHARED_WC_SEC_HI,
  SHARED_WC_VERSION,
  VCPU_TIME,
  VCPU_TIME_INFO,
} from './abi/xen.ts'
import type { SharedPage } from './shared-page.ts'
import type { VcpuInfo } from './vcpu-info.ts'

/** The time-stamp counter counts nanoseconds: ((delta << 1) * 2^31) >> 32. */
const TSC_SHIFT = 1
const TSC_TO_SYSTEM_MUL = 0x8000_0000

/** shared_info's wallclock: the version is odd while it is being written. */
export function writeWallclock(shared: SharedPage, epochSeconds: number): void {
  const version = shared.read32(SHARED_WC_VERSION)
  shared.write32(SHARED_WC_VERSION, version + 1)
  shared.write32(SHARED_WC_SEC, epochSeconds % 2 ** 32)
  shared.write32(SHARED_WC_SEC_HI, Math.floor(epochSeconds / 2 ** 32))
  shared.write32(SHARED_WC_NSEC, 0)
  shared.write32(SHARED_WC_VERSION, version + 2)
}

/** Writes 32-bit words somewhere: a vcpu_info, or a guest's own time area. */
export type WordWriter = (offset: number, value: number) => void

/** struct vcpu_time_info as it is at a moment. */
export function writeTimeInfo(write: WordWriter, version: number, tsc: bigint, systemTime: number): void {
  const { fields } = VCPU_TIME_INFO
  const at = (field: readonly [number, string]): number => field[0]
  write(at(fields.version), (version | 1) >>> 0)
  write(at(fields.tscTimestamp), Number(tsc & 0xffff_ffffn))
  write(at(fields.tscTimestamp) + 4, Number((tsc >> 32n) & 0xffff_ffffn))
  write(at(fields.systemTime), systemTime % 2 ** 32)
  write(at(fields.systemTime) + 4, Math.floor(systemTime / 2 ** 32))
  write(at(fields.tscToSystemMul), TSC_TO_SYSTEM_MUL)
  write(at(fields.tscShift), TSC_SHIFT)
  write(at(fields.version), ((version | 1) + 1) >>> 0)
}

/** Keeps a virtual processor's time information right, when the guest moves its counter too. */
export class VcpuClock implements Snapshotable<bigint | null> {
  readonly #clock: Clock
  readonly #readTsc: () => bigint
  readonly #info: VcpuInfo
  #offset: bigint | null = null

  constructor(clock: Clock, readTsc: () => bigint, info: VcpuInfo) {
    this.#clock = clock
    this.#readTsc = readTsc
    this.#info = info
  }

  now(): number {
    return this.#clock.now()
  }

  save(): bigint | null {
    return this.#offset
  }

  restore(offset: bigint | null): void {
    this.#offset = offset
  }

  /** Rewrites the time information if the counter no longer follows it, or if it `moved`. */
  refresh(moved = false): void {
    const now = this.#clock.now()
    const tsc = this.#readTsc()
    const offset = tsc - BigInt(now)
    if (offset === this.#offset && !moved) return
    this.#offset = offset
    writeTimeInfo((at, value) => this.#info.write32(VCPU_TIME + at, value), this.#info.read32(VCPU_TIME), tsc, now)
  }

  /** Writes the same information elsewhere. */
  writeTo(write: WordWriter): void {
    writeTimeInfo(write, 0, this.#readTsc(), this.#clock.now())
  }
}

/** The timers of one virtual processor. */
export interface VcpuTimersState {
  singleshot: SavedTimer | null
  periodic: { period: number; timer: SavedTimer } | null
}

export class VcpuTimers implements Snapshotable<VcpuTimersState> {
  readonly #clock: Clock
  readonly #raise: () => void
  #singleshot: Timer | null = null
  #periodic: Timer | null = null
  #period = 0

  constructor(clock: Clock, raise: () => void) {
    this.#clock = clock
    this.#raise = raise
  }

  /** Once, at this system time or at once if that has passed. Replaces an earlier one. */
  setSingleshot(at: number): void {
    this.stopSingleshot()
    this.#singleshot = this.#clock.schedule(Math.max(at, this.#clock.now()), () => this.#expire())
  }

  stopSingleshot(): void {
    this.#singleshot?.cancel()
    this.#singleshot = null
  }

  setPeriodic(period: number): void {
    this.stopPeriodic()
    this.#period = period
    this.#periodic = this.#clock.schedule(this.#clock.now() + period, () => this.#tick())
  }

  save(): VcpuTimersState {
    return {
      singleshot: this.#singleshot?.save() ?? null,
      periodic: this.#periodic === null ? null : { period: this.#period, timer: this.#periodic.save() },
    }
  }

  restore({ singleshot, periodic }: VcpuTimersState): void {
    this.stopSingleshot()
    this.stopPeriodic()
    if (singleshot !== null) this.#singleshot = this.#clock.resume(singleshot, () => this.#expire())
    if (periodic === null) return
    this.#period = periodic.period
    this.#periodic = this.#clock.resume(periodic.timer, () => this.#tick())
  }

  #expire(): void {
    this.#singleshot = null
    this.#raise()
  }

  #tick(): void {
    this.#periodic = this.#clock.schedule(this.#clock.now() + this.#period, () => this.#tick())
    this.#raise()
  }

  stopPeriodic(): void {
    this.#periodic?.cancel()
    this.#periodic = null
  }
}
