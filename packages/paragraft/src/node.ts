/** What the command line does to its Node process, for embedders who want their runs to be as quick. */
import { setFlagsFromString } from 'node:v8'

/**
 * Lets V8 optimise JavaScript later than it would, in Node 20; does nothing in others. V8 before 12 has no compiler between its
 * baseline and TurboFan, which it lets loose on whatever has run for a few milliseconds: a boot of Linux, which lasts little more
 * than a second and runs most of its JavaScript once, spent a fifth of its CPU time on that. It is a setting of the whole
 * process: call it once, before the first machine.
 */
export function tuneV8(): void {
  if (Number.parseInt(process.versions.v8, 10) < 12) setFlagsFromString('--interrupt-budget=600000')
}
