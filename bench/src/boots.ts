/** Boots of Debian's kernel measured, in turns. */
import type { BootFigures } from './figures.ts'
import type { Mark } from './job.ts'
import type { Progress } from './progress.ts'
import { bootJob, type Subject } from './subjects.ts'

/** What the kernel says first; before it lies what the emulators do differently: firmware, and who decompresses. */
const KERNEL_STARTS = 'Linux version'
/** The initramfs's last word before its shell. */
const SHELL = 'shell on'
/**
 * The crypto self-tests are left out, being three quarters of the boot; the rest makes the boots the same: no address
 * randomisation, no mitigations by processor model, no probes that mostly wait.
 */
export const COMMAND_LINE = 'console=ttyS0 earlyprintk=ttyS0 nokaslr mitigations=off cryptomgr.notests noisapnp edd=off'

/** CPU time of a boot from power-on to its end, and the part of it after the first text. */
export function spans(marks: readonly Mark[]): { whole: number; kernel: number; instructions: number | undefined } {
  const first = marks[0] as Mark
  const last = marks.at(-1) as Mark
  return {
    whole: last.cpuSeconds,
    kernel: last.cpuSeconds - first.cpuSeconds,
    instructions: last.instructions === undefined ? undefined : last.instructions - (first.instructions as number),
  }
}

/** Boots each subject `runs` times; the result is by name. */
export async function measureBoots(
  subjects: readonly Subject[],
  runs: number,
  timeout: number,
  progress: Progress,
): Promise<Map<string, BootFigures>> {
  const results = new Map<string, BootFigures>()
  for (let run = 1; run <= runs; run++) {
    for (const subject of subjects) {
      progress.phase(`boot ${run} of ${runs}: ${subject.title}`, 0)
      const job = bootJob(subject, COMMAND_LINE, [KERNEL_STARTS, SHELL])
      const { whole, kernel, instructions } = spans(await subject.run(job, { timeout }))
      const figures: BootFigures = results.get(subject.name) ?? { kernel: [], whole: [] }
      results.set(subject.name, figures)
      figures.kernel.push(kernel)
      figures.whole.push(whole)
      if (instructions !== undefined) figures.instructions = instructions
      progress.said(
        `boot ${run} of ${runs}: ${subject.title}: ${kernel.toFixed(2)} CPU s in the kernel, ${whole.toFixed(2)} in all`,
      )
    }
  }
  return results
}
