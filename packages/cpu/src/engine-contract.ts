/** What an engine is given, what comes of a run, and what a snapshot keeps of it. */
import type { ProcessorPorts } from '@paragraft/core/ports'
import type { ProcessorState } from './snapshot.ts'
import type { CpuidModel } from './sys/cpuid.ts'

/** `translator`: hot code becomes WebAssembly of its own, all other is interpreted. */
export type EngineKind = 'translator' | 'interpreter' | 'reference'

export interface EngineOptions {
  /** RAM in bytes, a multiple of 4096. */
  ramSize: number
  ports: ProcessorPorts
  /** Default: the WebAssembly interpreter. */
  engine?: EngineKind
  /** Entries after which a block of code is translated; for tests. */
  threshold?: number
  cpuid?: CpuidModel
  /** Time-stamp counter in cycles; default: one cycle an instruction. */
  cycles?: () => number
  /**
   * An integer by which `cycles` rises with each instruction, and otherwise only between runs and when `shorten` is called;
   * without it, `cycles` is asked every time.
   */
  cyclesPerInstruction?: number
}

/**
 * Why {@link Engine.run} came back. `budget`: the instructions asked for have retired. `exit`: requestExit(). `runaway`:
 * exceptions follow one another with no instruction between them, without end.
 */
export type RunResult = 'budget' | 'halt' | 'shutdown' | 'runaway' | 'exit'

/** Sees each instruction before it executes, at its exact EIP; `engine.processor` has the state. */
export type InstructionTrace = (eip: number) => void

/** What a snapshot keeps: the processor, and where its run stands. */
export interface EngineState {
  processor: ProcessorState
  instructions: number
  /** INTR's level; an NMI that waits. */
  intr: boolean
  nmi: boolean
  /** The next instruction runs alone; it has been reported to a trace already. */
  stepNext: boolean
  restarted: boolean
  /** Counts of probes, in the order in which they were added. */
  probes: number[]
}
