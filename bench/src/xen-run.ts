/**
 * `xen-run.js grub` or `xen-run.js WAY COUNT CALLS`: a guest of Xen in this Node process; prints CPU seconds and instructions as JSON.
 */
import { readFileSync } from 'node:fs'
import xen from '@paragraft/backend-xen'
import { createMachine, run } from 'paragraft'
import { ownCpuSeconds } from './clocks.ts'
import { guestFile } from './subjects.ts'
import { hypercallGuest, type Way } from './xen-guest.ts'

const PROMPT = 'grub> '

async function prompt(): Promise<void> {
  let seen = ''
  const machine = await createMachine({
    image: new Uint8Array(readFileSync(guestFile('grub-i386-xen.bin'))),
    backend: xen,
    output: bytes => {
      seen = (seen + Buffer.from(bytes).toString('latin1')).slice(-PROMPT.length - bytes.length)
      if (seen.includes(PROMPT)) machine.stop({ kind: 'until', text: PROMPT })
    },
  })
  const { stop } = await run(machine)
  if (stop.kind !== 'until') throw new Error(`GRUB stopped: ${JSON.stringify(stop)}`)
  said(ownCpuSeconds(), machine.instructions())
}

async function hypercalls(way: Way, count: number, calls: boolean): Promise<void> {
  const image = hypercallGuest(way, count, calls)
  const machine = await createMachine({ image, backend: xen, memory: 2 ** 25, output: () => {} })
  const before = ownCpuSeconds()
  const { stop } = await run(machine)
  if (stop.kind !== 'powerOff') throw new Error(`the guest stopped: ${JSON.stringify(stop)}`)
  said(ownCpuSeconds() - before, machine.instructions())
}

function said(cpuSeconds: number, instructions: number): void {
  process.stdout.write(`${JSON.stringify({ cpuSeconds, instructions })}\n`)
}

const [what, count, calls] = process.argv.slice(2)
await (what === 'grub' ? prompt() : hypercalls(what as Way, Number(count), calls === 'true'))
process.exit()
