/**
 * Debian's GRUB as a paravirtual guest of Xen, saved in the middle of its boot and again at its prompt, with its disk open: page
 * tables, the frames' roles, mapped grants and the block back end's ring go along.
 */
import { readFileSync } from 'node:fs'
import xen from '@paragraft/backend-xen'
import { expect } from 'vitest'
import { diskOf } from '../support/grub.ts'
import { runTo, runUntil, stateOf, type Watched, watched } from '../support/machines.ts'
import { minixDisk, partitioned } from '../support/minix.ts'
import { guest, needs } from '../support/needs.ts'

const debian = needs('debian guests')
const PROMPT = 'grub> '
/** A little before its prompt: a trace is slow. */
const MIDDLE = 55_000_000

const type = ({ machine }: Watched, line: string): void =>
  machine.console.type(Uint8Array.from(`${line}\r`, character => character.charCodeAt(0)))

debian('the same trace to its prompt, the same file of its disk, the same end', async () => {
  const config = {
    image: new Uint8Array(readFileSync(guest('grub-i386-xen.bin'))),
    backend: xen,
    disk: diskOf(partitioned(minixDisk(256, { greeting: 'hello from the host\n' }))),
  }
  const whole = await watched(config)
  runTo(whole, MIDDLE)
  expect(whole.output()).not.toContain(PROMPT)
  const middle = await watched({ ...config, snapshot: whole.machine.snapshot() })
  expect(stateOf(middle)).toBe(stateOf(whole))
  const before = whole.output()
  const traces = [whole.traced(), middle.traced()]
  for (const machine of [whole, middle]) runUntil(machine, PROMPT)
  expect(traces[1]!()).toBe(traces[0]!())
  expect(stateOf(middle)).toBe(stateOf(whole))
  expect(before + middle.output()).toBe(whole.output())

  // From the machine that was itself restored.
  const prompted = await watched({ ...config, snapshot: middle.machine.snapshot() })
  expect(prompted.machine.snapshot()).toEqual(whole.machine.snapshot())
  const said = whole.output()
  const ends = [whole, prompted].map(machine => {
    type(machine, 'cat (xen/xvda,msdos1)/greeting')
    runUntil(machine, PROMPT)
    const trace = machine.traced()
    type(machine, 'halt')
    let outcome = machine.machine.run()
    while (outcome.kind === 'budget') outcome = machine.machine.run()
    return { outcome, trace: trace(), state: stateOf(machine), report: machine.machine.report({ kind: 'powerOff' }, 0) }
  })
  expect(ends[0]!.outcome).toEqual({ kind: 'powerOff' })
  expect(ends[1]).toEqual(ends[0])
  expect(said + prompted.output()).toBe(whole.output())
  expect(prompted.output()).toContain('hello from the host\n\r')
  expect(ends[0]!.report.hypercalls).toHaveProperty('mmu_update')
})
