/**
 * Hostile guests against a VMI ROM and what is behind it. Whatever the guest does, the machine answers, and the run ends in a
 * stop that says why, or is still the guest's own endless loop when its time is over; and it does so again the same way.
 */
import type { RunOutcome } from '@paragraft/core'
import { expect } from 'vitest'
import { buildKernel, type RunKernelOptions, runKernel } from './kernel.ts'

type Mode = 'TAME' | 'WILD' | 'EARLY' | 'RING3' | 'STACK' | 'ALARMS'

/** The hostile kernel in one of its modes. */
export function hostileKernel(mode: Mode, seed: number, count: number): Uint8Array {
  const access = mode === 'RING3' ? ['ROM_ACCESS=7'] : []
  return buildKernel(['hostile.c'], [`MODE=${mode}`, `SEED=${seed}u`, `COUNT=${count}`, ...access])
}

/** What of a run must be the same next time. */
interface Facts {
  console: string
  outcome: RunOutcome
  instructions: number
  exits: object
}

const ENDS = new Set(['debugExit', 'guestFault', 'reset', 'powerOff', 'haltedForever', 'idle', 'budget'])

/** Runs a hostile kernel twice; the facts of both runs, which are the same. */
export async function survive(image: Uint8Array, options: RunKernelOptions, instructions = 30_000_000): Promise<Facts> {
  const runs: Facts[] = []
  for (let n = 0; n < 2; n++) {
    const { console, outcome, machine } = await runKernel(image, {
      ...options,
      instructions,
      untilVirtualNs: 4 * instructions,
    })
    expect(ENDS).toContain(outcome.kind)
    if (outcome.kind === 'guestFault') expect(outcome.message).not.toBe('')
    runs.push({ console, outcome, instructions: machine.instructions(), exits: { ...machine.exits() } })
  }
  expect(runs[1]).toEqual(runs[0])
  return runs[0]!
}
