/** Guests of Xen, which no peer runs: GRUB to its prompt, and what a hypercall costs. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { XenFigures } from './figures.ts'
import type { Progress } from './progress.ts'
import { guestFile } from './subjects.ts'
import type { Way } from './xen-guest.ts'

/** Enough for the machine's start not to matter. */
const HYPERCALLS = 1_000_000
const WAYS: readonly Way[] = ['xen-pv', 'xen-pvh']

interface Measured {
  cpuSeconds: number
  instructions: number
}

/** Each so many times, in turns; undefined where GRUB is not there. */
export function measureXen(runs: number, timeout: number, progress: Progress): XenFigures | undefined {
  if (!existsSync(guestFile('grub-i386-xen.bin'))) {
    progress.said('no guests of Xen: grub-i386-xen.bin missing; run `pnpm guests` first')
    return undefined
  }
  const date = new Date().toISOString().slice(0, 10)
  const figures: XenFigures = { date, prompt: [], instructions: 0, hypercall: { 'xen-pv': [], 'xen-pvh': [] } }
  for (let run = 1; run <= runs; run++) {
    progress.phase(`guests of Xen, ${run} of ${runs}`, 0)
    const { cpuSeconds, instructions } = inNode(timeout, 'grub')
    figures.prompt.push(cpuSeconds)
    figures.instructions = instructions
    for (const way of WAYS) {
      const [bare, called] = [false, true].map(calls => inNode(timeout, way, `${HYPERCALLS}`, `${calls}`).cpuSeconds)
      figures.hypercall[way].push(((called! - bare!) / HYPERCALLS) * 1e9)
    }
  }
  return figures
}

function inNode(timeout: number, ...args: string[]): Measured {
  const program = fileURLToPath(new URL('xen-run.js', import.meta.url))
  const child = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', timeout: timeout * 1000 })
  if (child.status !== 0) throw new Error(`xen-run ${args.join(' ')}: ${child.stderr}`)
  return JSON.parse(child.stdout) as Measured
}
