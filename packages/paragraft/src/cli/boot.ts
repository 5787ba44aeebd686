/** One boot as the command line makes it: what the settings name opened, the machine run to its end, everything closed. */
import type { BlockPort, DeprecationNotice, RunReport } from '@paragraft/core'
import { createMachine } from '../assemble.ts'
import type { PcMachine } from '../machine.ts'
import { type InputSource, type RunMachineOptions, run } from '../run.ts'
import { FileDisk } from './file-disk.ts'
import { gather } from './ingredients.ts'
import { openNet } from './networks.ts'
import type { Progress } from './progress.ts'
import type { RunSettings } from './settings.ts'
import { openTraces } from './traces.ts'
import type { World } from './usage.ts'

/** What is around a boot. */
export interface Surroundings {
  readonly world: World
  readonly progress: Progress
  readonly deprecated: (notice: DeprecationNotice) => void
  /** The guest's console. */
  readonly output: (bytes: Uint8Array) => void
  /** What the guest may read, unless the settings have input of an earlier run. */
  readonly input?: InputSource
  /** Something to be done in passing. */
  readonly at?: RunMachineOptions['at']
  /** What the guest gets of a disk; default: the file itself. */
  readonly disk?: (file: FileDisk) => BlockPort
}

/** Boots and runs; `since`: the instructions that a restored machine had behind it. Throws the coded errors of everything that is opened and put together. */
export async function boot(
  settings: RunSettings,
  { world, progress, deprecated, output, input, at, disk: wrap = file => file }: Surroundings,
): Promise<{ machine: PcMachine; report: RunReport; since: number }> {
  const open: { close(): void }[] = []
  const kept = <T extends { close(): void }>(item: T): T => {
    open.push(item)
    return item
  }
  try {
    const parts = await gather(settings)
    const disks = settings.disks.map(file => wrap(kept(new FileDisk(file))))
    const traces = kept(openTraces(settings.traces, world))
    const net = settings.net === undefined ? undefined : kept(openNet(settings.net))
    const machine = await createMachine({
      ...parts,
      engine: settings.engine,
      deprecated,
      output,
      progress: (text, done, total) => (done === undefined ? progress.step(text) : progress.part(text, done, total)),
      disk: disks,
      ...(net === undefined ? {} : { net: net.port }),
      ...traces.machineOptions,
    })
    traces.attach(machine)
    progress.step(`${machine.backendName} by ${machine.headName}: running`)
    const since = machine.instructions()
    const report = await run(machine, {
      ...(at === undefined ? {} : { at }),
      ...(settings.until === undefined ? {} : { until: settings.until }),
      ...(settings.timeout === undefined ? {} : { timeout: settings.timeout }),
      ...(settings.replay !== undefined ? { replay: settings.replay } : input === undefined ? {} : { input }),
    })
    return { machine, report, since }
  } finally {
    progress.done()
    for (const item of open) item.close()
  }
}
