/**
 * Paragraft for embedders: put a machine together, run it, and look at what happened. Runs in Node and in a browser; the
 * command line is this and a terminal.
 */
export { createMachine } from './assemble.ts'
export {
  type ComparedAnswer,
  type ComparedRun,
  type Comparison,
  compareRuns,
  type NamedRun,
} from './compare.ts'
export type { ParagraftConfig, RunConfig } from './config.generated.ts'
export { type BackendName, type BackendOptionsByName, defineConfig } from './config.ts'
export type { ConsoleHub, ConsoleHubOptions } from './console.ts'
export { ENGINES, type EngineName } from './engines.ts'
export { lockstepMachine } from './lockstep.ts'
export type { PcMachine } from './machine.ts'
export {
  type IoAccess,
  type MachineConfig,
  NS_PER_INSTRUCTION,
  type OpCall,
  RTC_EPOCH_SECONDS,
} from './machine-config.ts'
export { type InputSink, type InputSource, type RunMachineOptions, run } from './run.ts'
export type { ScheduleOptions } from './scheduler.ts'
