/** What was measured, as data: the contents of bench/figures.json, from which tables and plots are made. */

/** All samples of one kernel in one emulator. */
export interface KernelFigures {
  /** Iterations of a run. */
  count: number
  /** CPU nanoseconds an iteration, run by run. */
  ns: number[]
  /** The same of the run before it in the same machine, in which the emulator may still translate. */
  first: number[]
  /** Guest instructions an iteration, where the emulator counts them. */
  instructions?: number
}

/** One boot. */
export interface BootFigures {
  /** CPU seconds from the kernel's first line to the prompt, run by run. */
  kernel: number[]
  /** From the start of the process: with firmware, and with whoever decompresses. */
  whole: number[]
  /** Guest instructions of the kernel's part. */
  instructions?: number
}

export interface SubjectFigures {
  name: string
  title: string
  kernels: Record<string, KernelFigures>
  boot?: BootFigures
  /** Kernels that it did not survive, and how it ended. */
  failed: Record<string, string>
}

/** Guests of Xen. */
export interface XenFigures {
  date: string
  /** CPU seconds from the start of the process to GRUB's prompt, run by run, and its instructions. */
  prompt: number[]
  instructions: number
  /** CPU nanoseconds of a hypercall that does nothing, by the way in. */
  hypercall: Record<'xen-pv' | 'xen-pvh', number[]>
}

export interface Figures {
  date: string
  host: string
  /** Of the kernels, and of the boots; 0 where there were none. */
  runs: number
  boots: number
  /** CPU milliseconds that a run of a kernel is made to take. */
  target: number
  guest: string
  commandLine: string
  subjects: SubjectFigures[]
  xen?: XenFigures
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

export function geomean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

/** A kernel's median nanoseconds an iteration, or undefined where it was not measured. */
export function kernelNs(figures: Figures, subject: string, kernel: string): number | undefined {
  const samples = figures.subjects.find(({ name }) => name === subject)?.kernels[kernel]?.ns ?? []
  return samples.length === 0 ? undefined : median(samples)
}
