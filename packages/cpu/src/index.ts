/** The x86 engine: a processor, two interpreters and a translator made from one description of the instruction set, and their loop. */
export { type CpuContext, GuestFault } from './context.ts'
export { createEngine, Engine } from './engine.ts'
export type { EngineKind, EngineOptions, EngineState, InstructionTrace, RunResult } from './engine-contract.ts'
export { backendProcessor, callFrame, hypercallFrame, processorControl, virtualMemory } from './host-ports.ts'
export {
  type Divergence,
  describeDivergence,
  differencesBetween,
  engineSubject,
  type LockstepDifference,
  type LockstepOptions,
  type LockstepResult,
  type LockstepSubject,
  runLockstep,
  stateHash,
} from './lockstep.ts'
export { PAGE_HOLE, setA20 } from './mmu/physical.ts'
export { Processor } from './processor.ts'
export { registerImage } from './register-image.ts'
export { registersOf } from './registers.ts'
export type { ProcessorState } from './snapshot.ts'
export { type CpuidModel, DEFAULT_CPUID } from './sys/cpuid.ts'
export { deprivilegedPort } from './sys/deprivileged.ts'
export { registerStubPages, unregisterStubPages } from './sys/hostop.ts'
export { setStart } from './sys/reset.ts'
export type { RegionEvent, TranslatorControl, TranslatorStatistics } from './translate/translator.ts'
