// dist/index.d.ts
import { ProcessorPorts, Snapshotable, GuestMemory, HypercallInstruction } from '@paragraft/core/ports';
import { GuestMonitor, BackendProcessor, CallFrame, HypercallFrame, ProcessorControl, VirtualMemory, DeprivilegedPort } from '@paragraft/core';
import { RegisterView } from '@paragraft/core/machine';
import { StartRegisters } from '@paragraft/core/image';

/**
 * The processor as the helpers see it: state in linear memory, guest memory through segmentation and paging, and a way
 * to raise faults. The semantics that are too wide for generated code (x87, SSE, far transfers, task switches, MSRs)
 * are TypeScript functions over this interface; the WebAssembly interpreter and the JavaScript reference call the
 * same ones.
 */

/**
 * A guest exception on its way to delivery. Helpers throw it; the boundary to generated code catches it, keeps it in
 * `Processor.pendingFault` and sets the FAULT word. Nothing of the faulting instruction may be committed before.
 */
declare class GuestFault {
    readonly vector: number;
    /** Architectural error code, or -1 when the vector pushes none. */
    readonly errorCode: number;
    /** Linear address for #PF (CR2), else 0. */
    readonly cr2: number;
    constructor(vector: number, errorCode?: number, cr2?: number);
}
/** Views over linear memory; the state is at offset 0 (see state.ts). Never reallocated while a machine lives. */
interface LinearViews {
    readonly buffer: ArrayBufferLike;
    readonly u8: Uint8Array;
    readonly u16: Uint16Array;
    readonly i32: Int32Array;
    readonly u32: Uint32Array;
    readonly f64: Float64Array;
    readonly u64: BigUint64Array;
    readonly view: DataView;
}
interface CpuContext extends LinearViews {
    readonly ports: ProcessorPorts;
    /** RAM in bytes. */
    readonly ramSize: number;
    getEflags(): number;
    /** Writes all bits of `value` as given (no privilege filtering); bit 1 forced to 1. */
    setEflags(value: number): void;
    /** Checks type and limit and returns the linear address; throws #GP(0) or #SS(0). `seg` is a SEG_ index. */
    linear(seg: number, offset: number, size: number, write: boolean): number;
    /** Reads or writes at a linear address at the current CPL; may cross a page; throws #PF. */
    read8(lin: number): number;
    read16(lin: number): number;
    read32(lin: number): number;
    write8(lin: number, value: number): void;
    write16(lin: number, value: number): void;
    write32(lin: number, value: number): void;
    /** Throws the #PF that writing (or reading) `size` bytes at `lin` would raise; commits nothing but A/D bits. */
    probe(lin: number, size: number, write: boolean): void;
    /** Implicit supervisor accesses: descriptor tables, TSS. */
    readSys8(lin: number): number;
    readSys16(lin: number): number;
    readSys32(lin: number): number;
    writeSys8(lin: number, value: number): void;
    writeSys16(lin: number, value: number): void;
    writeSys32(lin: number, value: number): void;
    /** Retired instructions up to, not including, the one being executed. Exact. */
    instructions(): number;
    /** Time-stamp counter in cycles, before TSC_OFFSET. */
    cycles(): number;
}

/** What a flush dropped: everything, everything but global pages, or one page (its linear address). */
type TlbFlush = 'all' | 'nonglobal' | number;
/** Bookkeeping beside the tables; what generated code needs of it lies in linear memory. */
declare class TlbLists {
    #private;
    readonly local: Uint32Array;
    readonly global: Uint32Array;
    /** 4 MB regions in which a large page was walked: INVLPG must drop all of it (SDM 4.10.4.1). */
    readonly largeRegion: Uint8Array;
    /** Key: linear page, access bits above; 0xffffffff = empty. Value: number of the physical page. */
    readonly slowKey: Uint32Array;
    readonly slowFrame: Uint32Array;
    readonly slowGlobal: Uint8Array;
    /** Slots filled since it was last emptied, as far as they fit. */
    readonly slowUsed: Uint16Array;
    /** Per RAM page: linear page + 1 of its only write mapping, 0 when none, 0xffffffff when several were filled. */
    readonly writer: Uint32Array;
    constructor(buffer: ArrayBufferLike, ramPages: number);
    get localCount(): number;
    set localCount(count: number);
    get globalCount(): number;
    set globalCount(count: number);
    /** How many that would be. */
    get slowCount(): number;
    set slowCount(count: number);
}

/** What the last successful walk found about its page. One instance per processor; overwritten by each walk. */
declare class WalkResult {
    /** Physical address of the byte that was asked for, A20 applied. */
    pa: number;
    user: boolean;
    /** R/W of every level. */
    writable: boolean;
    dirty: boolean;
    global: boolean;
    large: boolean;
    /** Error code of the #PF that ended the walk. */
    errorCode: number;
}

/** The shortcuts that the processor itself takes. */
interface Shortcuts {
    /** See deliver in events.ts. 0: nothing has changed. */
    deliver(what: number, errorCode: number, returnEip: number): number;
}

/**
 * CPUID as data: a model says vendor, signature, features and leaves; the processor takes from it what CR4, EFER and
 * the MSRs accept. Intel SDM vol. 2, CPUID, tables 3-8 to 3-11.
 */

/** What CPUID answers. Feature words are masks as the registers show them. */
interface CpuidModel {
    /** 12 ASCII characters. */
    vendor: string;
    family: number;
    model: number;
    stepping: number;
    /** Leaf 1: EDX and ECX. */
    features: number;
    featuresEcx: number;
    /** Leaf 80000001H: EDX and ECX. */
    extended: number;
    extendedEcx: number;
    /** Up to 47 ASCII characters. */
    brand: string;
    /** Whole leaves beyond these, by number (for example 0x40000000): answers for every subleaf. */
    leaves?: Readonly<Record<number, readonly [eax: number, ebx: number, ecx: number, edx: number]>>;
}
/**
 * The default: an i686 with what is implemented here. Family 6 model 1CH is Intel's in-order, non-speculating core,
 * which is what this engine is: guests that choose speculation workarounds by model choose none.
 */
declare const DEFAULT_CPUID: CpuidModel;
/** EAX, EBX, ECX, EDX. */
type Leaf = readonly [number, number, number, number];

/**
 * The two performance counters of the P6 family: PERFEVTSEL0/1 (186H, 187H) and PERFCTR0/1 (C1H, C2H), 40 bits wide.
 * They count retired instructions (event C0H) and unhalted cycles (79H); other events stay at 0.
 * Intel SDM vol. 3B 18.6.8 "Performance monitoring (P6 family processor)".
 */

/** Selectors, and each counter's value at the moment `since` of its source. */
declare class PerformanceCounters {
    readonly select: bigint[];
    readonly value: bigint[];
    readonly since: bigint[];
    reset(): void;
}

/**
 * The IA-32 processor apart from ordinary instructions: state, memory management, system instructions, events. Both
 * engines bind to it. State lives in linear memory (state.ts); the functions are grouped by idea in mmu/ and sys/ and
 * take the processor as their first argument.
 *
 * What an engine binds to (every function may throw GuestFault; EIP in the state is the current instruction's; `next`
 * is the EIP after it; functions marked * set EIP themselves, after the others the engine advances it):
 *
 *   mmu/tlb         translate, flushTlb, markCodePage, unmarkCodePage      mmu/access  readAs, writeAs
 *   mmu/physical    setA20, setHole, physRead/Write                         mmu/ram     Ram (the GuestMemory port)
 *   sys/segments    loadSegment(seg, sel)
 *   sys/tables      lgdt/lidt(limit, base, opsize), lldt, ltr, sldt, str, lar, lsl, verr, verw, arpl(dst, src)
 *   sys/transfer    jumpFar*, callFar*(sel, offset, opsize, next)
 *   sys/return      retFar*(opsize, release), iret*(opsize, next)
 *   sys/interrupts  raise*(fault), softwareInterrupt*(vector, next) for INT n, softwareTrap*(3 | 4, next), int1*(next),
 *                   externalInterrupt*(vector), nonMaskableInterrupt*(), raiseDebugTrap*(), interruptsEnabled()
 *   sys/eflags-ops  hasVirtualIf(), pushfValue(opsize), popf(value, opsize)
 *   sys/control     readCr(n), writeCr(n, value), lmsw, smsw, clts, invlpg(lin), wbinvd, hlt, rdtsc, rdpmc
 *   sys/msr         rdmsr, wrmsr                                           sys/cpuid   cpuid
 *   sys/debug       readDr(n), writeDr(n, value), checkExecBreakpoint(lin)
 *   sys/sysenter    sysenter*, sysexit*                                    sys/io      checkIo, ioIn, ioOut
 *   sys/hostop      registerStubPages(pages), hostOp(index, eip, length)   sys/reset   reset, setStart(registers)
 */

/** What a processor is made of. */
interface ProcessorOptions {
    /** Must hold at least RAM + ramSize bytes; never grown afterwards. */
    memory: WebAssembly.Memory;
    /** RAM in bytes, a multiple of 4096. */
    ramSize: number;
    ports: ProcessorPorts;
    cpuid?: CpuidModel;
}
declare class Processor implements CpuContext {
    #private;
    readonly buffer: ArrayBufferLike;
    readonly u8: Uint8Array;
    readonly u16: Uint16Array;
    readonly i32: Int32Array;
    readonly u32: Uint32Array;
    readonly f64: Float64Array;
    readonly u64: BigUint64Array;
    readonly view: DataView;
    readonly ports: ProcessorPorts;
    readonly ramSize: number;
    readonly cpuid: CpuidModel;
    /** PAGE_ flags by physical RAM page. */
    readonly pageFlags: Uint8Array;
    readonly tlb: TlbLists;
    readonly walk: WalkResult;
    /** Stored MSRs without a slot in the state (MTRRs and the like), by index. */
    readonly msr: Map<number, bigint>;
    readonly pmc: PerformanceCounters;
    /** Waiting for an interrupt (HLT), or stopped for good when `shutDown` too. */
    halted: boolean;
    shutDown: boolean;
    /** The engine reports each instruction: what is decoded has TRACE records (see mode.ts). */
    tracing: boolean;
    /** DR6 bits of a debug exception on its way; with ATTENTION set, the engine raises #DB after the instruction. */
    pendingDr6: number;
    /** Armed breakpoints by kind, bit n for DRn. */
    execBreakpoints: number;
    dataBreakpoints: number;
    ioBreakpoints: number;
    /** CR0.AM, EFLAGS.AC and CPL 3 together: user accesses all take the slow path, which checks alignment. */
    alignmentArmed: boolean;
    /** Tries the usual ways first; without any, everything goes the general way. */
    shortcuts: Shortcuts;
    /** A write into a page marked as code, after the bytes are in place; stays inside one page. */
    onCodeWrite: (pa: number, size: number) => void;
    /** `region`: an INVLPG met large pages, and drops the whole 4 MB around its page. */
    onTlbFlush: (what: TlbFlush, region?: boolean) => void;
    /** Every exception of an instruction, before its delivery. True: execute the instruction again instead. */
    onException: (fault: GuestFault) => boolean;
    /** Events that the monitor was asked about. */
    intercepted: number;
    /** The monitor has executed the instruction at hand. */
    retire: () => void;
    /** Exceptions since an instruction retired, and the count of retired instructions that they all came at. */
    storm: number;
    stormAt: number;
    /** A storm of exceptions that does not end: no instruction will be executed any more. */
    runaway: boolean;
    /** The model's leaves that have been asked for. */
    readonly cpuidLeaves: Map<number, Leaf>;
    /** Before any access to a device page; an engine that runs ahead may throw here to come back to it alone. */
    beforeDevice: () => void;
    /** Retired instructions up to, not including, the one being executed. */
    instructions: () => number;
    /** Time-stamp counter before TSC_OFFSET. */
    cycles: () => number;
    /** RDTSC has asked for the cycles, and they are so many. */
    onCyclesRead: (cycles: number) => void;
    /** Starts in the power-up state. */
    constructor(options: ProcessorOptions);
    /** A copy of the registers, on an instruction boundary. */
    saveRegisters(): Uint8Array;
    /** Brings back what {@link saveRegisters} copied, traps that were on their way excepted. */
    restoreRegisters(saved: Uint8Array): void;
    /** Asks the run loop to look up before the next block. */
    attention(): void;
    /** INTR or NMI is asserted, as far as the engine knows (true is always safe): enabling interrupts needs attention. */
    get interruptWaiting(): boolean;
    set interruptWaiting(waiting: boolean);
    /** NMIs wait for the next IRET. */
    get nmiBlocked(): boolean;
    set nmiBlocked(blocked: boolean);
    /** Serves the events and descriptors of a deprivileged guest; null for every other. */
    get monitor(): GuestMonitor | null;
    set monitor(monitor: GuestMonitor | null);
    /** CPUID instructions executed. */
    get cpuidCount(): number;
    set cpuidCount(count: number);
    /** Changes the privilege level and what follows from it: TLB tables, alignment checks. */
    setCpl(level: number): void;
    /** EFLAGS_SYS changed in these bits. Closing the door to interrupts needs no attention; opening it, if one waits. */
    flagsChanged(bits: number): void;
    /** Recomputes `alignmentArmed`; arming empties the user tables, so that every user access is looked at. */
    refreshAlignment(): void;
    /** Notes causes of a debug trap that follows the current instruction. */
    armDebugTrap(dr6: number): void;
    flushTlb(what: TlbFlush): void;
    isBreakpointPage(lin: number): boolean;
    /** Physical address of an instruction byte at the current privilege level; throws #PF (I/D set under NX). */
    translateFetch(lin: number): number;
    getEflags(): number;
    setEflags(value: number): void;
    linear(seg: number, offset: number, size: number, write: boolean): number;
    read8(lin: number): number;
    read16(lin: number): number;
    read32(lin: number): number;
    write8(lin: number, value: number): void;
    write16(lin: number, value: number): void;
    write32(lin: number, value: number): void;
    probe(lin: number, size: number, write: boolean): void;
    /** Reads for a read-modify-write at the current level: faults as the write would. */
    readForWrite(lin: number, size: number): number;
    /** See mmu/access.ts. */
    pageForRegion(low: number, span: number, offset: number, write: boolean): number;
    readSys8(lin: number): number;
    readSys16(lin: number): number;
    readSys32(lin: number): number;
    writeSys8(lin: number, value: number): void;
    writeSys16(lin: number, value: number): void;
    writeSys32(lin: number, value: number): void;
}

/** A processor's state as a snapshot keeps it. Decoded and translated code and the TLBs are caches, and not in it. */

interface ProcessorState {
    /** Registers by name, in hexadecimal. */
    registers: Record<string, string>;
    /** MSRs that are kept by index. */
    msrs: [index: number, value: bigint][];
    performance: {
        select: bigint[];
        value: bigint[];
        since: bigint[];
    };
    nmiBlocked: boolean;
    /** DR6 bits of a debug exception on its way. */
    pendingDr6: number;
    /** Exceptions since an instruction retired, and the count that they all came at. */
    storm: number;
    stormAt: number;
    runaway: boolean;
    cpuidCount: number;
}

/** What an engine is given, what comes of a run, and what a snapshot keeps of it. */

/** `translator`: hot code becomes WebAssembly of its own, all other is interpreted. */
type EngineKind = 'translator' | 'interpreter' | 'reference';
interface EngineOptions {
    /** RAM in bytes, a multiple of 4096. */
    ramSize: number;
    ports: ProcessorPorts;
    /** Default: the WebAssembly interpreter. */
    engine?: EngineKind;
    /** Entries after which a block of code is translated; for tests. */
    threshold?: number;
    cpuid?: CpuidModel;
    /** Time-stamp counter in cycles; default: one cycle an instruction. */
    cycles?: () => number;
    /**
     * An integer by which `cycles` rises with each instruction, and otherwise only between runs and when `shorten` is called;
     * without it, `cycles` is asked every time.
     */
    cyclesPerInstruction?: number;
}
/**
 * Why {@link Engine.run} came back. `budget`: the instructions asked for have retired. `exit`: requestExit(). `runaway`:
 * exceptions follow one another with no instruction between them, without end.
 */
type RunResult = 'budget' | 'halt' | 'shutdown' | 'runaway' | 'exit';
/** Sees each instruction before it executes, at its exact EIP; `engine.processor` has the state. */
type InstructionTrace = (eip: number) => void;
/** What a snapshot keeps: the processor, and where its run stands. */
interface EngineState {
    processor: ProcessorState;
    instructions: number;
    /** INTR's level; an NMI that waits. */
    intr: boolean;
    nmi: boolean;
    /** The next instruction runs alone; it has been reported to a trace already. */
    stepNext: boolean;
    restarted: boolean;
    /** Counts of probes, in the order in which they were added. */
    probes: number[];
}

/**
 * What a region covers: basic blocks of guest code, found from a hot entry by direct branches. Only code that has been
 * executed before belongs to it, so that neither cold paths are translated nor pages touched that the guest did not
 * touch; every other target is an exit.
 */

/** Why a region's code ended where it did, counted for the statistics. */
type EndReason = 'cold' | 'size' | 'untranslated' | 'page' | 'indirect' | 'far';

/**
 * The translator: turns hot blocks into regions, a batch of them into a module, and keeps track of what is where, so that
 * regions find one another and go when their code is written or when there are too many.
 */

/** A region that has been made or dropped, for whoever wants to see. */
interface RegionEvent {
    readonly kind: 'made' | 'dropped';
    readonly eip: number;
    readonly blocks: number;
    readonly instructions: number;
    readonly ends: Partial<Record<EndReason, number>>;
}
interface TranslatorStatistics {
    /** Regions made, and those of them that are in use. */
    made: number;
    live: number;
    modules: number;
    liveModules: number;
    /** Bytes of WebAssembly. */
    bytes: number;
    instructions: number;
    /** Why their code ends where it does. */
    ends: Partial<Record<EndReason, number>>;
    /** Regions dropped because their code was written, and because room was needed. */
    overwritten: number;
    retired: number;
    /** Times a region was left since an access could not be done in it. */
    declined: number;
}
/** The translator as everybody outside the engine sees it. */
interface TranslatorControl {
    readonly statistics: Readonly<TranslatorStatistics>;
    /** Sees regions come and go; null when nobody looks. */
    observer: ((event: RegionEvent) => void) | null;
    /** Entries after which a block of code that is decoded from now on counts as hot. */
    threshold: number;
    /** Drops all translated code; what is hot is translated again. */
    dropAll(): void;
}

/**
 * The engine: a processor and an interpreter over one linear memory, and the loop that runs them. It recognises
 * interrupts and traps at instruction boundaries, lands on exact instruction counts, and single-steps wherever a block
 * cannot be used: the tail of a budget, an instruction that crosses a page, a device access, TF, breakpoints.
 */

declare class Engine implements Snapshotable<EngineState> {
    #private;
    readonly processor: Processor;
    /** Guest RAM for devices, loaders and host ops. */
    readonly memory: GuestMemory;
    readonly kind: EngineKind;
    pending: GuestFault | null;
    constructor(options: EngineOptions);
    /** The translator; null where the engine has none. */
    get translator(): TranslatorControl | null;
    /** Retired instructions since the engine was made; exact also inside a helper or port. */
    instructions(): number;
    /** Asks `run` to return at the next instruction boundary. */
    requestExit(): void;
    /**
     * Takes so many instructions off the run in progress, which ends that much sooner, though not before the instruction
     * that is being executed. For ports whose accesses take time.
     */
    shorten(count: number): void;
    /** The INTR line. */
    setIntr(level: boolean): void;
    /** An edge on NMI. */
    raiseNmi(): void;
    setTrace(trace: InstructionTrace | null): void;
    /** Counts executions of the instruction at physical address `pa`; returns a function that reads the count. */
    addProbe(pa: number): () => number;
    /** Runs until `max` instructions have retired, or something else ends it. */
    run(max: number): RunResult;
    /**
     * Executes the instruction at EIP, delivering nothing, for whoever serves an event of the guest's. False: it faulted, and
     * nothing of it is done.
     */
    executeOne(): boolean;
    save(): EngineState;
    /** Between two runs only, on an engine with the same probes. */
    restore(state: EngineState): void;
    /** Drops all decoded code; what runs next is decoded afresh. */
    flushCode(): void;
}
declare function createEngine(options: EngineOptions): Engine;

/**
 * The processor as a host answer sees it: the ports of core's `ops/host.ts` over a Processor. What an instruction would
 * refuse with an exception is here a coded error, because the fault would be the answer's, not the guest's.
 */

/** Registers and stack at the entry of an op, while its stub's opcode is being executed. */
declare function callFrame(cpu: Processor): CallFrame;
/** What a hypervisor sees of the caller while VMCALL or VMMCALL is being executed. */
declare function hypercallFrame(cpu: Processor, instruction: HypercallInstruction): HypercallFrame;
/** Guest virtual memory at kernel privilege. A miss throws `PG_HOST_MEMORY`; nothing is written then. */
declare function virtualMemory(cpu: Processor): VirtualMemory;
/** The processor for a backend. */
declare function backendProcessor(cpu: Processor): BackendProcessor;
/** The privileged operations, as at CPL 0. A value that the instruction refuses throws `PG_HOST_PROCESSOR`. */
declare function processorControl(cpu: Processor): ProcessorControl;

/** One of the two machines. */
interface LockstepSubject {
    readonly processor: Processor;
    /** Runs until `count` instructions have retired since power-on. False: it ended before. */
    runTo(count: number): boolean;
    instructions(): number;
}
interface LockstepOptions {
    /** Instructions between two comparisons at first. Default 1,000,000. */
    chunk?: number;
    /** Where to stop when nothing differs. Default: where the program ends. */
    instructions?: number;
    /** Called after each comparison of the first pass. */
    progress?: (instructions: number) => void;
}
/** Something that differs: a register by name, or RAM by physical address. */
interface LockstepDifference {
    what: string;
    a: string;
    b: string;
}
interface Divergence {
    /**
     * Instructions after which both were still alike; the next one made the difference, or one soon after it if the
     * difference cannot be had again with the runs stopped more often.
     */
    instructions: number;
    eip: number;
    /** Bytes from EIP on, as far as they are mapped. */
    code: number[];
    differences: LockstepDifference[];
    /** Registers of both after the instruction. */
    registersA: Record<string, string>;
    registersB: Record<string, string>;
}
interface LockstepResult {
    /** Instructions that were compared. */
    instructions: number;
    /** Null: no difference. */
    divergence: Divergence | null;
}
/** A hash (FNV-1a over words) of all registers and all RAM: equal machines, equal numbers. */
declare function stateHash(cpu: Processor): number;
/** What differs between two machines, registers first; at most a few dozen entries. */
declare function differencesBetween(a: Processor, b: Processor): LockstepDifference[];
/** An engine alone as a subject; `halted` is called on HLT and says whether the machine goes on. */
declare function engineSubject(engine: Engine, halted?: () => boolean): LockstepSubject;
type Make = () => LockstepSubject | Promise<LockstepSubject>;
/**
 * Runs both machines and compares registers and RAM every `chunk` instructions. When they differ, makes them again and
 * looks closer, until the one instruction is found.
 */
declare function runLockstep(makeA: Make, makeB: Make, options?: LockstepOptions): Promise<LockstepResult>;
/** A divergence as text: where, the bytes, what differs. */
declare function describeDivergence(d: Divergence): string;

/**
 * Physical memory as the processor sees it: RAM in linear memory from `RAM`, everything else through the MMIO ports;
 * the A20 gate; and one byte of flags for every RAM page (holds code, whose, holds host-op stubs, is a device hole).
 */

/** Page flag: a device answers here although the address is below `ramSize` (for example a VGA window). */
declare const PAGE_HOLE = 4;
/** Opens or closes the A20 gate. The TLB holds final addresses, so it is flushed on a change. */
declare function setA20(cpu: Processor, open: boolean): void;

/** Everything that a program can find in registers, by name: what lock-step compares and a snapshot keeps. */

/** All registers by name, in hexadecimal, most significant word first. */
declare function registerImage(cpu: Processor): Record<string, string>;

/** The processor's registers as everybody outside the engine sees them. */

/** A snapshot, exact at an instruction boundary. */
declare function registersOf(cpu: Processor): RegisterView;

/** The port by which a backend has a deprivileged guest's processor (core's ops/deprivileged.ts). */

/** The port for a backend. `step` executes one instruction alone and says whether it retired. */
declare function deprivilegedPort(cpu: Processor, step: () => boolean): DeprivilegedPort;

/** Makes RAM pages (physical page numbers) stub pages. */
declare function registerStubPages(cpu: Processor, pages: Iterable<number>): void;
/** Takes pages back. */
declare function unregisterStubPages(cpu: Processor, pages: Iterable<number>): void;

/**
 * Power-up state and the state of a direct boot. Intel SDM vol. 3A 9.1.1 (table 9-1, processor state after reset);
 * memory types as a PC's firmware leaves them (11.11).
 */

/**
 * Puts the processor where a boot protocol wants it: protected mode with flat segments, at the privilege level that is the
 * RPL of CS. CR0.PE and ET are implied; TR and LDTR are as after reset. Throws GuestFault when CR0.PG and CR4.PAE are asked for with bad PDPTEs.
 */
declare function setStart(cpu: Processor, regs: StartRegisters): void;

export { type CpuContext, type CpuidModel, DEFAULT_CPUID, type Divergence, Engine, type EngineKind, type EngineOptions, type EngineState, GuestFault, type InstructionTrace, type LockstepDifference, type LockstepOptions, type LockstepResult, type LockstepSubject, PAGE_HOLE, Processor, type ProcessorState, type RegionEvent, type RunResult, type TranslatorControl, type TranslatorStatistics, backendProcessor, callFrame, createEngine, deprivilegedPort, describeDivergence, differencesBetween, engineSubject, hypercallFrame, processorControl, registerImage, registerStubPages, registersOf, runLockstep, setA20, setStart, stateHash, unregisterStubPages, virtualMemory };
