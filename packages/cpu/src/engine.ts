/**
 * The engine: a processor and an interpreter over one linear memory, and the loop that runs them. It recognises
 * interrupts and traps at instruction boundaries, lands on exact instruction counts, and single-steps wherever a block
 * cannot be used: the tail of a budget, an instruction that crosses a page, a device access, TF, breakpoints.
 */
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import { GuestFault } from './context.ts'
import { Decoder } from './decode/decode.ts'
import { BLK_TOTAL, REC_INDEX, REC_OFF } from './decode/record.ts'
import { simdDecoding } from './decode/simd.ts'
import { decodingTables } from './decode/tables.ts'
import type { EngineKind, EngineOptions, EngineState, InstructionTrace, RunResult } from './engine-contract.ts'
import { Blocks, type QuickBuild } from './interp/blocks.ts'
import { ATTENTION_STEP, buildHandlers, type HandlerSet } from './interp/handlers.ts'
import { createHelpers, RESTART } from './interp/helpers.ts'
import { InstructionTlb } from './interp/itlb.ts'
import { createReferenceInterpreter } from './interp/js.ts'
import { RETURN_ATTENTION, RETURN_BUDGET, RETURN_FAULT, RETURN_HOT, RETURN_MISS } from './interp/lookup.ts'
import { createWasmInterpreter, type RunBlocks } from './interp/wasm.ts'
import { createKernels, NO_KERNELS } from './kernels/index.ts'
import { pageFault } from './mmu/access.ts'
import { isRam, physRead } from './mmu/physical.ts'
import { Ram } from './mmu/ram.ts'
import { markCodePage, tryTranslate, unmarkCodePage } from './mmu/tlb.ts'
import { PF_I, PF_U } from './mmu/walk.ts'
import { refreshMode } from './mode.ts'
import { Processor } from './processor.ts'
import { createShortcuts } from './shortcuts/index.ts'
import type { Shortcuts } from './shortcuts/port.ts'
import { restoreProcessor, saveProcessor } from './snapshot.ts'
import {
  ATTENTION,
  BUDGET,
  CPL,
  CUR_BLOCK,
  CUR_RECORD,
  CYCLES_END,
  CYCLES_STEP,
  DECODING,
  EFLAGS_SYS,
  EIP,
  EIP_BASE,
  FAULT,
  FAULT_ADDRESS,
  FAULT_CODE,
  FAULT_PAGE,
  FAULT_RESTART,
  FLAG_RF,
  FLAG_TF,
  MODE,
  PROBES,
  PROBES_SIZE,
  RAM,
  SEG,
  SEG_BASE,
  SEG_CS,
  SEG_LIMIT,
  SEG_SIZE,
  SHADOW,
  VEC_GP,
  VEC_PF,
} from './state.ts'
import { checkExecBreakpoint, DR6_BS } from './sys/debug.ts'
import { externalInterrupt, interruptsEnabled, nonMaskableInterrupt, raise, raiseDebugTrap } from './sys/interrupts.ts'
import { REGION_SLOTS } from './translate/slots.ts'
import { Translator, type TranslatorControl } from './translate/translator.ts'

/** Why a page cannot be fetched from: #PF with the walk's error code; or it is no RAM. */
const FETCH_FAULT = -1
const FETCH_DEVICE = -2
/**
 * Instructions that the translator's code gets to run at a time: it can move to optimised code only where it is entered,
 * so no loop may go on for ever.
 */
const TURN = 100_000
/** More instructions than any way through a region without a loop has. */
const LONGEST_WAY = 1000
let handlerSet: HandlerSet | undefined
let tables: Uint8Array | undefined

export class Engine implements Snapshotable<EngineState> {
  readonly processor: Processor
  /** Guest RAM for devices, loaders and host ops. */
  readonly memory: GuestMemory
  readonly kind: EngineKind
  /** Called for every instruction while set. */
  #trace: InstructionTrace | null = null
  pending: GuestFault | null = null

  readonly #blocks: Blocks
  readonly #itlb: InstructionTlb
  readonly #runBlocks: RunBlocks
  readonly #u32: Uint32Array
  readonly #i32: Int32Array
  readonly #translator: Translator | null = null
  /** Instructions put into BUDGET at a time. */
  readonly #turn: number = 0x7fffffff
  /** Instructions that BUDGET must last for once generated code has looked at it. */
  readonly #longestWay: number = 0
  /** Instructions that had retired when the run began. */
  #retired = 0
  /** Instructions of the run that have been put into BUDGET, and those that have not yet. */
  #given = 0
  #reserve = 0
  /** Instructions to be taken off the run at the next look. */
  #cut = 0
  #inBlocks = false
  #stepping = false
  #intr = false
  #nmi = false
  #exit = false
  /** The next instruction runs alone: it touches a device, crosses a page, or ends the budget. */
  #stepNext = false
  #restarted = false
  #probes = 0

  constructor(options: EngineOptions) {
    const pages = Math.ceil((RAM + options.ramSize) / 0x10000)
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const cpu = new Processor({ memory, ramSize: options.ramSize, ports: options.ports, cpuid: options.cpuid })
    this.processor = cpu
    this.memory = new Ram(cpu)
    this.kind = options.engine ?? 'interpreter'
    this.#u32 = cpu.u32
    this.#i32 = cpu.i32
    handlerSet ??= buildHandlers()
    const set = handlerSet
    tables ??= decodingTables(set.table, set.pairs, set.micro('END'))
    const decoder = new Decoder(set.table, simdDecoding(set.simdId, set.simd))
    // The reference takes every instruction by itself, so that lock-step tries the pairs.
    this.#blocks = new Blocks(
      cpu.buffer,
      options.ramSize,
      set,
      decoder,
      {
        markCodePage: pa => markCodePage(cpu, pa),
        unmarkCodePage: pa => unmarkCodePage(cpu, pa),
      },
      this.kind !== 'reference',
    )
    const exact = createHelpers(cpu, {
      trace: eip => this.#trace?.(eip),
      set pending(fault: GuestFault | null) {
        engine.pending = fault
      },
      get pending(): GuestFault | null {
        return engine.pending
      },
    })
    // The reference takes the exact path always, so that lock-step tries the kernels too.
    exact.regionPage = (low, what) => this.#translator?.page(low, what) ?? 0
    // What the shortcut of that name does not find, the run loop does.
    exact.resolve = () => 0
    const quick = this.kind === 'reference' ? {} : createShortcuts(memory, exact)
    if (this.kind !== 'reference') {
      cpu.shortcuts = quick as unknown as Shortcuts
      cpu.u8.set(tables, DECODING)
      this.#blocks.quick = quick.build as QuickBuild
      this.#blocks.drop = quick.drop as NonNullable<Blocks['drop']>
    }
    const helpers = { ...exact, ...quick, ...(this.kind === 'reference' ? NO_KERNELS : createKernels(memory)) }
    const engine = this
    if (this.kind === 'reference') this.#runBlocks = createReferenceInterpreter(set, cpu.buffer, helpers)
    else {
      const translated = this.kind === 'translator'
      const interpreter = createWasmInterpreter(set, memory, helpers, translated ? REGION_SLOTS : 0)
      this.#runBlocks = interpreter.run
      if (translated) {
        const { threshold } = options
        this.#translator = new Translator({
          cpu,
          blocks: this.#blocks,
          decoder,
          interpreter,
          memory,
          helpers,
          threshold,
        })
        this.#turn = TURN
        this.#longestWay = LONGEST_WAY
      }
    }
    this.#itlb = new InstructionTlb(cpu)
    cpu.onCodeWrite = (pa, size) => this.#blocks.invalidate(pa, size)
    cpu.beforeDevice = () => {
      if (this.#inBlocks && !this.#stepping) throw RESTART
    }
    cpu.interruptWaiting = false
    cpu.instructions = () => this.instructions()
    cpu.retire = () => {
      this.#i32[BUDGET >> 2]--
    }
    if (options.cycles) cpu.cycles = options.cycles
    const step = options.cycles ? (options.cyclesPerInstruction ?? 0) : 1
    cpu.onCyclesRead = cycles => this.#noteCycles(cycles, step)
  }

  /** The translator; null where the engine has none. */
  get translator(): TranslatorControl | null {
    return this.#translator
  }

  /** Retired instructions since the engine was made; exact also inside a helper or port. */
  instructions(): number {
    return this.#retired + this.#given - this.#left()
  }
  /** Instructions of {@link #given} that have not retired: a block is charged for as a whole. */
  #left(): number {
    const left = this.#i32[BUDGET >> 2]
    if (!this.#inBlocks) return left
    const block = this.#u32[CUR_BLOCK >> 2]
    return left + this.#u32[(block + BLK_TOTAL) >> 2] - this.processor.u8[this.#u32[CUR_RECORD >> 2] + REC_INDEX]
  }
  /** Tells generated code how the time-stamp counter goes on from `cycles`, which it is at now. */
  #noteCycles(cycles: number, step: number): void {
    const end = cycles + this.#left() * step
    // Only whole numbers add up to the same however they are added.
    if (step === 0 || !Number.isSafeInteger(cycles) || !Number.isSafeInteger(end) || cycles < 0) return
    const high = Math.floor(end / 0x1_0000_0000)
    this.#u32[CYCLES_END >> 2] = end - high * 0x1_0000_0000
    this.#u32[(CYCLES_END >> 2) + 1] = high
    this.#u32[CYCLES_STEP >> 2] = step
  }
  /** Asks `run` to return at the next instruction boundary. */
  requestExit(): void {
    this.#exit = true
    this.processor.attention()
  }
  /**
   * Takes so many instructions off the run in progress, which ends that much sooner, though not before the instruction
   * that is being executed. For ports whose accesses take time.
   */
  shorten(count: number): void {
    this.#u32[CYCLES_STEP >> 2] = 0
    // What is not in BUDGET yet, generated code does not know of. A region has seen to it that BUDGET lasts for its longest
    // way without a loop, and that must stay true. No branches: V8 would compile every access anew for each of them.
    const left = this.#i32[BUDGET >> 2]
    const reserved = Math.min(count, this.#reserve)
    const budgeted = Math.min(count - reserved, Math.max(left - this.#longestWay, 0))
    const cut = count - reserved - budgeted
    this.#reserve -= reserved
    this.#i32[BUDGET >> 2] = left - budgeted
    this.#given -= budgeted
    this.#cut += cut
    this.#u32[ATTENTION >> 2] |= Math.min(cut, 1)
  }
  /** The INTR line. */
  setIntr(level: boolean): void {
    this.#intr = level
    this.processor.interruptWaiting = this.#intr || this.#nmi
    if (level) this.processor.attention()
  }
  /** An edge on NMI. */
  raiseNmi(): void {
    this.#nmi = true
    this.processor.interruptWaiting = true
    this.processor.attention()
  }
  setTrace(trace: InstructionTrace | null): void {
    this.#trace = trace
    this.processor.tracing = trace !== null
    refreshMode(this.processor)
    this.processor.attention()
  }

  /** Counts executions of the instruction at physical address `pa`; returns a function that reads the count. */
  addProbe(pa: number): () => number {
    let counter = this.#blocks.probeAt(pa)
    if (counter === 0) {
      if (this.#probes * 8 >= PROBES_SIZE) throw new RangeError('no room for another probe')
      counter = PROBES + this.#probes++ * 8
      this.#blocks.addProbe(pa, counter)
    }
    const at = counter >> 3
    return () => Number(this.processor.u64[at])
  }

  /** Runs until `max` instructions have retired, or something else ends it. */
  run(max: number): RunResult {
    const cpu = this.processor
    this.#retired = this.instructions()
    this.#u32[CYCLES_STEP >> 2] = 0
    this.#given = 0
    this.#reserve = Math.min(max, 0x7fffffff)
    this.#i32[BUDGET >> 2] = 0
    this.#refill()
    // Whoever had the processor in between may have changed its segments by hand.
    refreshMode(cpu)
    for (;;) {
      this.#i32[ATTENTION >> 2] = 0
      if (this.#cut !== 0) this.#takeCut()
      if (cpu.shutDown) return 'shutdown'
      if (cpu.runaway) return 'runaway'
      if (this.#exit) {
        this.#exit = false
        return 'exit'
      }
      const shadow = this.#inShadow()
      if (!shadow) this.#recognise()
      if (cpu.halted) return 'halt'
      if (this.#i32[BUDGET >> 2] <= 0 && !this.#refill()) return 'budget'
      const watched = (cpu.execBreakpoints | cpu.dataBreakpoints | cpu.ioBreakpoints) !== 0
      const trapping = (this.#u32[EFLAGS_SYS >> 2] & FLAG_TF) !== 0
      const held = shadow && (watched || trapping || this.#intr || this.#nmi)
      if (held) this.#u32[SHADOW >> 2] = 0
      if (held || this.#stepNext || watched || trapping) this.#step()
      else this.#blocksUntilReturn()
    }
  }

  #takeCut(): void {
    const reserved = Math.min(this.#cut, this.#reserve)
    const budgeted = Math.min(this.#cut - reserved, Math.max(this.#i32[BUDGET >> 2], 0))
    this.#reserve -= reserved
    this.#u32[CYCLES_STEP >> 2] = 0
    this.#i32[BUDGET >> 2] -= budgeted
    this.#given -= budgeted
    this.#cut = 0
  }

  /** The instruction at EIP follows STI or a load of SS. The word may outlive it; nothing is held up then but itself. */
  #inShadow(): boolean {
    const shadow = this.#u32[SHADOW >> 2]
    return shadow !== 0 && shadow - 1 === this.#u32[EIP >> 2]
  }
  /** Puts more of the slice into BUDGET; false when all of it is there. */
  #refill(): boolean {
    if (this.#reserve === 0) return false
    const turn = Math.min(this.#reserve, this.#turn)
    this.#reserve -= turn
    this.#given += turn
    this.#u32[CYCLES_STEP >> 2] = 0
    this.#i32[BUDGET >> 2] += turn
    this.#translator?.turn()
    return true
  }

  #recognise(): void {
    const cpu = this.processor
    if (this.#nmi && !cpu.nmiBlocked) {
      this.#nmi = false
      cpu.interruptWaiting = this.#intr
      nonMaskableInterrupt(cpu)
    } else if (this.#intr && interruptsEnabled(cpu)) {
      const vector = cpu.ports.acknowledgeInterrupt()
      if (vector >= 0) externalInterrupt(cpu, vector)
    }
  }

  #generated(block: number): number {
    this.#inBlocks = true
    try {
      return this.#runBlocks(block)
    } finally {
      this.#inBlocks = false
    }
  }

  #blocksUntilReturn(): void {
    for (;;) {
      switch (this.#generated(0)) {
        case RETURN_MISS:
          if (!this.#resolve()) return
          break
        case RETURN_FAULT:
          this.#fault()
          return
        case RETURN_BUDGET:
          if (this.#refill()) break
          // Less than a block is left; if nothing is, the next run begins with the block.
          this.#stepNext = this.#i32[BUDGET >> 2] > 0
          return
        case RETURN_HOT:
          this.#translator?.hot(this.#u32[CUR_BLOCK >> 2])
          break
        case RETURN_ATTENTION:
          if (this.#i32[ATTENTION >> 2] === ATTENTION_STEP) this.#stepNext = true
          return
      }
    }
  }

  /** Fills the instruction TLB and the block table for EIP. False when the loop must look at something first. */
  #resolve(): boolean {
    const cpu = this.processor
    const u32 = this.#u32
    const eip = u32[EIP >> 2]
    const lin = (eip + u32[(SEG + SEG_CS * SEG_SIZE + SEG_BASE) >> 2]) >>> 0
    const page = this.#fetchPage(lin)
    if (page === FETCH_FAULT) {
      raise(cpu, pageFault(cpu, lin))
      return false
    }
    if (page >= 0) {
      const phys = page + (lin & 0xfff)
      const mode = u32[MODE >> 2]
      if (this.#blocks.find(phys, mode) !== 0) return true
      if (this.#blocks.build(phys, mode, () => this.#nextPage(lin)) !== 0) return true
    }
    this.#stepNext = true
    return false
  }

  /** Physical page of `lin` for fetches, entered in the instruction TLB; or FETCH_FAULT, or FETCH_DEVICE. */
  #fetchPage(lin: number): number {
    const cpu = this.processor
    const phys = tryTranslate(cpu, lin, this.#u32[CPL >> 2] === 3 ? PF_I | PF_U : PF_I)
    if (phys < 0) return FETCH_FAULT
    if (!isRam(cpu, phys)) return FETCH_DEVICE
    const page = phys - (phys & 0xfff)
    this.#itlb.enter(lin, page)
    return page
  }

  /** Physical address of the linear page after that of `lin`, -1 when it cannot be fetched from RAM. */
  #nextPage(lin: number): number {
    return Math.max(this.#fetchPage(((lin & ~0xfff) + 0x1000) >>> 0), -1)
  }

  /** A fault left generated code, and is delivered. */
  #fault(): void {
    const fault = this.#takeFault()
    if (fault !== null) raise(this.processor, fault)
  }

  /** The fault that left generated code: nothing of its instruction counts. Null: it is to be run again, alone. */
  #takeFault(): GuestFault | null {
    const cpu = this.processor
    const u32 = this.#u32
    const record = u32[CUR_RECORD >> 2]
    const block = u32[CUR_BLOCK >> 2]
    this.#i32[BUDGET >> 2] += u32[(block + BLK_TOTAL) >> 2] - cpu.u8[record + REC_INDEX]
    u32[EIP >> 2] = u32[EIP_BASE >> 2] + cpu.u16[(record + REC_OFF) >> 1]
    this.#blocks.unprobe(block, record)
    const kind = this.#i32[FAULT >> 2]
    this.#i32[FAULT >> 2] = 0
    if (kind === FAULT_RESTART) {
      this.#stepNext = true
      this.#restarted = true
      return null
    }
    if (kind === FAULT_PAGE) return new GuestFault(VEC_PF, u32[FAULT_CODE >> 2], u32[FAULT_ADDRESS >> 2])
    const fault = this.pending
    this.pending = null
    if (fault === null) throw new Error('FAULT without a pending fault')
    return fault
  }

  /** Runs one instruction by itself, with every check. */
  #step(): void {
    const cpu = this.processor
    const u32 = this.#u32
    this.#stepNext = false
    const trap = (u32[EFLAGS_SYS >> 2] & FLAG_TF) !== 0
    const intercepted = cpu.intercepted
    const done = this.#alone()
    if (done instanceof GuestFault) {
      raise(cpu, done)
      return
    }
    // RF masks breakpoints for one instruction; IRET is the one that sets it for the next.
    if (done !== 'IRET') u32[EFLAGS_SYS >> 2] &= ~FLAG_RF
    // An interrupt that went through its gate has cleared TF; an INTO that had nothing to do has not.
    const taken = (u32[EFLAGS_SYS >> 2] & FLAG_TF) === 0 || cpu.intercepted !== intercepted
    const interrupted = done.startsWith('INT') && taken
    if (trap && !interrupted) cpu.pendingDr6 |= DR6_BS
    if (cpu.pendingDr6 !== 0 && !this.#inShadow()) raiseDebugTrap(cpu)
  }

  /**
   * Executes the instruction at EIP, delivering nothing, for whoever serves an event of the guest's. False: it faulted, and
   * nothing of it is done.
   */
  executeOne(): boolean {
    return !(this.#alone() instanceof GuestFault)
  }

  /** Decodes and executes the instruction at EIP: its mnemonic, or the fault that it met. */
  #alone(): string | GuestFault {
    const cpu = this.processor
    const u32 = this.#u32
    const eip = u32[EIP >> 2]
    const lin = (eip + u32[(SEG + SEG_CS * SEG_SIZE + SEG_BASE) >> 2]) >>> 0
    let mnemonic = ''
    try {
      const limit = u32[(SEG + SEG_CS * SEG_SIZE + SEG_LIMIT) >> 2]
      if (eip > limit) throw new GuestFault(VEC_GP, 0)
      checkExecBreakpoint(cpu, lin)
      const phys = cpu.translateFetch(lin)
      const fetch = (i: number): number => {
        if (eip + i > limit) throw new GuestFault(VEC_GP, 0)
        const at = (lin + i) >>> 0
        if ((at ^ lin) >>> 12 === 0) return physRead(cpu, phys + i, 1)
        const second = this.#fetchPage(at)
        return physRead(cpu, second < 0 ? cpu.translateFetch(at) : second + (at & 0xfff), 1)
      }
      const traced = this.#trace !== null && !this.#restarted
      this.#restarted = false
      const d = this.#blocks.buildSingle(fetch, lin & 0xfff, u32[MODE >> 2], phys, traced)
      mnemonic = d.insn?.mnemonic ?? ''
    } catch (e) {
      if (!(e instanceof GuestFault)) throw e
      return e
    }
    u32[EIP_BASE >> 2] = eip - (lin & 0xfff)
    // With attention set, generated code comes back as soon as the instruction is done.
    u32[ATTENTION >> 2] = 1
    this.#stepping = true
    const result = this.#generated(this.#blocks.scratch)
    this.#stepping = false
    if (result === RETURN_FAULT) {
      const fault = this.#takeFault()
      if (fault === null) throw new Error('an instruction that runs alone asks to run alone')
      return fault
    }
    if (result === RETURN_BUDGET) throw new Error('single step without budget')
    return mnemonic
  }

  save(): EngineState {
    const probes = this.processor.u64.subarray(PROBES >> 3, (PROBES >> 3) + this.#probes)
    return {
      processor: saveProcessor(this.processor),
      instructions: this.instructions(),
      intr: this.#intr,
      nmi: this.#nmi,
      stepNext: this.#stepNext,
      restarted: this.#restarted,
      probes: Array.from(probes, Number),
    }
  }

  /** Between two runs only, on an engine with the same probes. */
  restore(state: EngineState): void {
    if (state.probes.length !== this.#probes) throw new RangeError(`${state.probes.length} probes, not ${this.#probes}`)
    this.#blocks.flush()
    restoreProcessor(this.processor, state.processor)
    this.#retired = state.instructions
    this.#given = this.#reserve = this.#cut = 0
    this.#i32[BUDGET >> 2] = 0
    this.#exit = false
    this.#stepNext = state.stepNext
    this.#restarted = state.restarted
    this.#intr = state.intr
    this.#nmi = state.nmi
    this.processor.interruptWaiting = this.#intr || this.#nmi
    for (const [n, count] of state.probes.entries()) this.processor.u64[(PROBES >> 3) + n] = BigInt(count)
  }

  /** Drops all decoded code; what runs next is decoded afresh. */
  flushCode(): void {
    this.#blocks.flush()
  }
}

export function createEngine(options: EngineOptions): Engine {
  return new Engine(options)
}
