/** The x86 engine: a processor, two interpreters made from one description of the instruction set, and their loop. */
export { GuestFault, type CpuContext } from './context.ts'
export { createEngine, Engine, type EngineKind, type EngineOptions, type InstructionTrace, type RunResult } from './engine.ts'
export { callFrame, processorControl, virtualMemory } from './host-ports.ts'
export {
  describeDivergence, type Divergence, differencesBetween, engineSubject, type LockstepDifference, type LockstepOptions,
  type LockstepResult, type LockstepSubject, registerImage, runLockstep, stateHash,
} from './lockstep.ts'
export { PAGE_HOLE, setA20 } from './mmu/physical.ts'
export { Processor } from './processor.ts'
export { type CpuidModel, DEFAULT_CPUID } from './sys/cpuid.ts'
export { registersOf } from './registers.ts'
export { registerStubPages, unregisterStubPages } from './sys/hostop.ts'
export { setStart } from './sys/reset.ts'
