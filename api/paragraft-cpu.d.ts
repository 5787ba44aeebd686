// dist/index.d.ts
import { ProcessorPorts, GuestMemory, HypercallInstruction } from '@paragraft/core/ports';
import { BackendProcessor, CallFrame, HypercallFrame, ProcessorControl, VirtualMemory } from '@paragraft/core';
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
/** Bookkeeping beside the tables. */
declare class TlbLists {
    readonly local: Uint32Array<ArrayBuffer>;
    localCount: number;
    readonly global: Uint32Array<ArrayBuffer>;
    globalCount: number;
    /** 4 MB regions in which a large page was walked: INVLPG must drop all of it (SDM 4.10.4.1). */
    readonly largeRegion: Uint8Array<ArrayBuffer>;
    /** Key: linear page, access bits above; 0xffffffff = empty. Value: physical page address. */
    readonly slowKey: Uint32Array<ArrayBuffer>;
    readonly slowPa: Float64Array<ArrayBuffer>;
    readonly slowGlobal: Uint8Array<ArrayBuffer>;
    /** Slots filled since it was last emptied, as far as they fit, and how many. */
    readonly slowUsed: Uint16Array<ArrayBuffer>;
    slowCount: number;
    /** Per RAM page: linear page + 1 of its only write mapping, 0 when none, 0xffffffff when several were filled. */
    readonly writer: Uint32Array;
    constructor(ramPages: number);
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
    /** NMIs wait for the next IRET. */
    nmiBlocked: boolean;
    /** DR6 bits of a debug exception on its way; with ATTENTION set, the engine raises #DB after the instruction. */
    pendingDr6: number;
    /** Armed breakpoints by kind, bit n for DRn. */
    execBreakpoints: number;
    dataBreakpoints: number;
    ioBreakpoints: number;
    /** CR0.AM, EFLAGS.AC and CPL 3 together: user accesses all take the slow path, which checks alignment. */
    alignmentArmed: boolean;
    /** A write into a page marked as code, after the bytes are in place; stays inside one page. */
    onCodeWrite: (pa: number, size: number) => void;
    /** `region`: an INVLPG met large pages, and drops the whole 4 MB around its page. */
    onTlbFlush: (what: TlbFlush, region?: boolean) => void;
    /** Every exception of an instruction, before its delivery. True: execute the instruction again instead. */
    onException: (fault: GuestFault) => boolean;
    /** Exceptions since an instruction retired, and the count of retired instructions that they all came at. */
    storm: number;
    stormAt: number;
    /** A storm of exceptions that does not end: no instruction will be executed any more. */
    runaway: boolean;
    /** The model's leaves that have been asked for. */
    readonly cpuidLeaves: Map<number, Leaf>;
    /** CPUID instructions executed. */
    cpuidCount: number;
    /** Before any access to a device page; an engine that runs ahead may throw here to come back to it alone. */
    beforeDevice: () => void;
    /** Retired instructions up to, not including, the one being executed. */
    instructions: () => number;
    /** Time-stamp counter before TSC_OFFSET. */
    cycles: () => number;
    /** Starts in the power-up state. */
    constructor(options: ProcessorOptions);
    /** Asks the run loop to look up before the next block. */
    attention(): void;
    /** INTR or NMI is asserted, as far as the engine knows (true is always safe): enabling interrupts needs attention. */
    get interruptWaiting(): boolean;
    set interruptWaiting(waiting: boolean);
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

/**
 * The small language in which instruction semantics are written: typed expressions over locals, linear memory and
 * helper calls, and structured statements. It knows nothing of x86. `emit-wasm.ts` and `emit-js.ts` turn it into code.
 */
/** `f32`, `f64` and `v128` exist in WebAssembly only: the JavaScript reference never meets them. */
type Type = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';
type BinaryOp = 'add' | 'sub' | 'mul' | 'and' | 'or' | 'xor' | 'shl' | 'shr_s' | 'shr_u' | 'rotl' | 'rotr' | 'div_s' | 'div_u' | 'rem_s' | 'rem_u';
/** Comparisons give an i32 whatever their operands. */
type CompareOp = 'eq' | 'ne' | 'lt_s' | 'lt_u' | 'gt_s' | 'gt_u' | 'le_s' | 'le_u' | 'ge_s' | 'ge_u';
type UnaryOp = 'eqz' | 'clz' | 'ctz' | 'popcnt' | 'extend8_s' | 'extend16_s' | 'wrap' | 'extend_s' | 'extend_u';
/**
 * Width of a load or store; `u`/`s` say how a narrow load is extended. `v128`, and of a vector its low 64 or 32 bits:
 * loads clear the rest.
 */
type LoadWidth = '8u' | '8s' | '16u' | '16s' | '32' | '64' | WideWidth;
type StoreWidth = '8' | '16' | '32' | '64' | WideWidth;
type WideWidth = 'f32' | 'f64' | 'v128' | 'v64' | 'v32';
type Expr = {
    readonly k: 'const';
    readonly t: Type;
    readonly v: number | bigint;
} | {
    readonly k: 'local';
    readonly t: Type;
    readonly i: number;
} | {
    readonly k: 'bin';
    readonly t: Type;
    readonly op: BinaryOp;
    readonly a: Expr;
    readonly b: Expr;
} | {
    readonly k: 'cmp';
    readonly t: 'i32';
    readonly op: CompareOp;
    readonly a: Expr;
    readonly b: Expr;
} | {
    readonly k: 'un';
    readonly t: Type;
    readonly op: UnaryOp;
    readonly a: Expr;
} | {
    readonly k: 'load';
    readonly t: Type;
    readonly w: LoadWidth;
    readonly addr: Expr;
    readonly off: number;
} | {
    readonly k: 'select';
    readonly t: Type;
    readonly c: Expr;
    readonly a: Expr;
    readonly b: Expr;
} | {
    readonly k: 'call';
    readonly t: 'i32';
    readonly fn: string;
    readonly args: readonly Expr[];
}
/** An operation of wide.ts; `imm` are the bytes that follow its opcode: lane numbers, a constant. */
 | {
    readonly k: 'wide';
    readonly t: Type;
    readonly op: string;
    readonly args: readonly Expr[];
    readonly imm: Imm;
}
/** Calls function `slot` of the table with one argument; functions of regions are found so. */
 | {
    readonly k: 'indirect';
    readonly t: 'i32';
    readonly slot: Expr;
    readonly arg: Expr;
};
type Imm = readonly number[];
type Stmt = {
    readonly k: 'set';
    readonly i: number;
    readonly t: Type;
    readonly v: Expr;
} | {
    readonly k: 'store';
    readonly w: StoreWidth;
    readonly addr: Expr;
    readonly off: number;
    readonly v: Expr;
} | {
    readonly k: 'if';
    readonly c: Expr;
    readonly yes: readonly Stmt[];
    readonly no: readonly Stmt[];
} | {
    readonly k: 'do';
    readonly body: readonly Stmt[];
    readonly while: Expr;
} | {
    readonly k: 'eval';
    readonly v: Expr;
} | {
    readonly k: 'exit';
    readonly to: Exit;
} | FlowStmt;
/** What only translated regions are made of: graphs of blocks put into structured form. */
type FlowStmt = 
/** Statements in a row; the list may be filled after what follows it has been written. */
{
    readonly k: 'seq';
    readonly body: readonly Stmt[];
}
/** `br` to a block's id goes behind it, to a loop's id to its start. */
 | {
    readonly k: 'block' | 'loop';
    readonly id: number;
    readonly body: readonly Stmt[];
} | {
    readonly k: 'br';
    readonly id: number;
}
/** Several locals at once: every value is computed before the first is set. */
 | {
    readonly k: 'sets';
    readonly to: readonly (Expr & {
        k: 'local';
    })[];
    readonly from: readonly Expr[];
} | {
    readonly k: 'return';
    readonly v: Expr;
}
/** Goes on in another function of the table, for good. */
 | {
    readonly k: 'tail';
    readonly slot: Expr;
    readonly arg: Expr;
};
/**
 * Where control goes when a handler is done:
 * `next` the following record · `skip` the one after it · `lookup` find the block at EIP · `enter` the block at local BLOCK ·
 * `fault` a fault waits in FAULT · `return` leave generated code with ATTENTION set.
 */
type Exit = 'next' | 'skip' | 'lookup' | 'enter' | 'fault' | 'return';
declare function un(op: UnaryOp, a: Expr): Expr;

/** The part of the builder that knows no x86: expressions and statements of ir.ts, put together. */

type Size = 1 | 2 | 4;
declare class Emitter {
    body: Stmt[];
    /** Temporaries used, by type. */
    temps: Record<Type, number>;
    /** Operand size in bytes. */
    size: Size;
    /** How many branches deep the statements being emitted are. */
    protected depth: number;
    c(v: number): Expr;
    add(a: Expr, b: Expr | number): Expr;
    sub(a: Expr, b: Expr | number): Expr;
    and(a: Expr, b: Expr | number): Expr;
    or(a: Expr, b: Expr | number): Expr;
    xor(a: Expr, b: Expr | number): Expr;
    shl(a: Expr, b: Expr | number): Expr;
    shr(a: Expr, b: Expr | number): Expr;
    sar(a: Expr, b: Expr | number): Expr;
    not(a: Expr): Expr;
    op(op: BinaryOp, a: Expr, b: Expr | number): Expr;
    cmp(op: CompareOp, a: Expr, b: Expr | number): Expr;
    eqz(a: Expr): Expr;
    bool(a: Expr): Expr;
    un(op: Parameters<typeof un>[0], a: Expr): Expr;
    select(c: Expr, a: Expr, b: Expr): Expr;
    /** Sign extension of an operand-sized value to 32 bits. */
    ext(v: Expr, size?: Size): Expr;
    /** Zero extension of the low `size` bytes. */
    zext(v: Expr, size?: Size): Expr;
    temp(t: Type): Expr & {
        k: 'local';
    };
    /** Evaluates once, into a fresh local. */
    let(e: Expr): Expr;
    set(l: Expr, v: Expr): void;
    store(w: StoreWidth, addr: Expr, v: Expr, off?: number): void;
    /** `then` and `otherwise` emit the branches. */
    if(c: Expr, then: () => void, otherwise?: () => void): void;
    doWhile(body: () => void, condition: () => Expr): void;
    exit(to: Exit): void;
    word(at: number): Expr;
    setWord(at: number, v: Expr): void;
}

declare class Builder extends Emitter {
    /** One letter an operand: r register, m memory, i immediate. */
    form: string;
    /** Stack addresses are 32 bits wide (SS.B). */
    stack32: boolean;
    /** Address size is 32 bits (string instructions, LOOP, XLAT). */
    addr32: boolean;
    /** Every segment that is used is flat (base 0, limit 4 GB), and a ModRM operand has no index register. */
    flat: boolean;
    /** Byte offset of the instruction's record from LOCAL_REC: not 0 in the second half of a fused pair. */
    at: number;
    /** The instruction may have written guest memory (and so code that follows it). */
    wrote: boolean;
    /** The flags as this handler has set them, while that is certain. */
    protected flags: {
        result: Expr;
        aux: Expr;
    } | null;
    protected rmw: {
        host: Expr;
        lin: Expr;
    } | null;
    constructor(size: Size, form: string, stack32: boolean, addr32: boolean, flat?: boolean);
    /**
     * A builder for the instruction that follows in the next record, in the same handler: it goes on in this one's body
     * and locals, and knows the flags that this one has set.
     */
    follow(size: Size, form: string, stack32: boolean, addr32: boolean, flat: boolean, at: number): Builder;
    /** General register by state address (EAX, ECX …), zero-extended. */
    gpr(at: number, size?: Size): Expr;
    setGpr(at: number, v: Expr, size?: Size): void;
    protected field(w: LoadWidth, offset: number): Expr;
    protected regAddress(operand: number): Expr;
    reg(operand: number, size?: Size): Expr;
    setReg(operand: number, v: Expr, size?: Size): void;
    /** XMM register of an operand: all of it. */
    xmm(operand: number): Expr;
    setXmm(operand: number, v: Expr): void;
    /** MMX register of an operand, in the low half of a vector. */
    mm(operand: number): Expr;
    /** Writes an MMX register: sign and exponent of the x87 register that it is read as ones. */
    setMm(operand: number, v: Expr): void;
    imm(): Expr;
    /** Second immediate: the selector of a far pointer, the level of ENTER. */
    extra(): Expr;
    /** Raw register field of an operand, for helpers that index registers by number. */
    regField(operand: number): Expr;
    /** Both register fields: operand 0 in the low half, operand 1 in the high half. */
    regFieldsAB(): Expr;
    /** Offset of the memory operand in its segment. */
    ea(): Expr;
    /** State address of the memory operand's segment register. */
    seg(): Expr;
    /** EIP of this instruction. */
    eip(): Expr;
    /** EIP of the next instruction. */
    nextEip(): Expr;
    isMem(operand: number): boolean;
    /** Operand for reading only. */
    read(operand: number, size?: Size): Expr;
    /** Operand for writing only. */
    write(operand: number, v: Expr, size?: Size): void;
    /** Operand 0 to be read, modified and written back by setDst: write permission is checked before the read. */
    dst(): Expr;
    setDst(v: Expr): void;
    writeBack(rmw: {
        host: Expr;
        lin: Expr;
    }, v: Expr): void;
    /** Calls a helper; the record is made known first, so that EIP and the instruction count are exact. */
    call(fn: string, ...args: Expr[]): Expr;
    /**
     * Calls the kernel of that number (kernels/module.ts), by its own name where the number is known: it touches nothing but
     * the wide registers, flags and memory it is pointed at.
     */
    kernel(number: Expr, ...args: Expr[]): Expr;
    /** Has a helper do the instruction, of which nothing has been done: code that can leave it to another engine may. */
    instead(fn: string, ...args: Expr[]): void;
    checkFault(): void;
    /** A helper that may fault. */
    callChecked(fn: string, ...args: Expr[]): Expr;
    raise(vector: number, errorCode?: number): void;
    /** Linear address after the segment check. */
    linear(size: number, ea: Expr, seg: Expr, write: boolean): Expr;
    /** All the checks of a store of 8 bytes, made before its halves are touched, where they could differ from theirs. */
    checkMisaligned64(ea: Expr): void;
    /** Linear address of the memory operand with no check at all, as INVLPG takes it. */
    linearUnchecked(): Expr;
    /**
     * An access of `size` bytes at offset `ea` of segment `seg`: `fast` gets the host address as an expression and an
     * offset from it, `slow` the linear address when the TLB does not have the page for this access. Returns the linear
     * address.
     */
    protected access(size: number, ea: Expr, seg: Expr, write: boolean, fast: (host: Expr, off: number) => void, slow: (lin: Expr) => void): Expr;
    /** The segment is known to be flat. */
    protected isFlat(_seg: Expr): boolean;
    /**
     * Host address of `size` bytes at offset `ea` of segment `seg` where generated code may read them (or write), else 0:
     * then a helper is to do the whole instruction, with all its checks in their order.
     */
    direct(size: Expr | number, ea: Expr, seg: Expr, write: boolean): Expr;
    readMem(size: Size, ea: Expr, seg: Expr): Expr;
    read64(ea: Expr, seg: Expr): Expr;
    writeMem(size: Size, ea: Expr, seg: Expr, v: Expr): void;
    write64(ea: Expr, seg: Expr, v: Expr): void;
    /** Reads for a write to follow at the same place; `host` is 0 when the write must take the slow path. */
    readForWrite(size: Size, ea: Expr, seg: Expr): {
        v: Expr;
        host: Expr;
        lin: Expr;
    };
    ss(): Expr;
    /** ESP after adding `delta` within the stack's address width, and the offset it stands for. */
    stackAt(esp: Expr, delta: number): {
        esp: Expr;
        offset: Expr;
    };
    push(v: Expr, size?: Size): void;
    /** Value on top of the stack and ESP after it is gone; the caller commits ESP. */
    top(size?: Size): {
        v: Expr;
        esp: Expr;
    };
    lfResult(): Expr;
    lfAux(): Expr;
    setFlags(result: Expr, aux: Expr): void;
    /** Aux word from a carry vector: bit i is the carry out of bit i. */
    carries(cv: Expr, size?: Size): Expr;
    /** Flags of r = a + b; `carried`: with a carry added too. */
    flagsAdd(a: Expr, b: Expr, r: Expr, _carried?: boolean): void;
    /** Flags of r = a - b; `borrowed`: with a borrow taken off too. */
    flagsSub(a: Expr, b: Expr, r: Expr, _borrowed?: boolean): void;
    /** Flags of r = a + delta (r sign-extended) as INC and DEC leave them: CF stays. */
    flagsStep(a: Expr, r: Expr, delta: 1 | -1): void;
    flagsLogic(r: Expr): void;
    /** Replaces CF and OF (each an i32 0 or 1), leaving the others. */
    setCarryOverflow(cf: Expr, of: Expr): void;
    cf(): Expr;
    of(): Expr;
    zf(): Expr;
    sf(): Expr;
    pf(): Expr;
    af(): Expr;
    /** Condition code 0–15 as in Jcc, SETcc, CMOVcc: an i32 that is non-zero when it holds. */
    cond(cc: number): Expr;
    /** To a new EIP in the same code segment; beyond its limit is #GP(0). */
    jump(target: Expr): void;
    /** Throws #GP(0) if a jump there would. Used where something must be committed before the jump. */
    checkTarget(to: Expr): void;
    /** Target of a relative branch. */
    relTarget(): Expr;
    /**
     * A direct branch: by its link when it has one. `permission` is the REC_LINKABLE bit of a target in the same page;
     * shifted left by two, that of a target in another.
     */
    branch(link?: number, target?: Expr, permission?: number): void;
    /**
     * An indirect jump. The record remembers the last target and its block (REC_LINK, REC_LINK2), where these fields are
     * free: a memory operand that needs its segment has that in their place.
     */
    jumpIndirect(target: Expr): void;
    protected enter(block: Expr): void;
    /** Enters a block at `to` known from before, if the instruction TLB still maps its page there. */
    protected enterElsewhere(block: Expr, to: Expr): void;
    /**
     * The instruction TLB's answer for the page of `lin` at the current level: `tag` is 0 when it has one, `physical` is
     * the physical page.
     */
    itlb(lin: Expr): {
        tag: Expr;
        physical: Expr;
    };
    branchIf(condition: Expr): void;
    /** Ends a conditional branch that is not taken: a 16-bit operand size cuts only the targets of taken ones. */
    fallThrough(): void;
    /** The instruction is done and the block with it: what follows is looked up afresh. */
    endBlock(): void;
    /** The instruction is done; what follows comes next unless the run loop wants to look. For `resumes` instructions. */
    resume(): void;
    /** The same for one that may have changed what is decoded: `mode` is MODE as it was. */
    resumeIn(mode: Expr): void;
    /** Interrupts and debug traps wait until the instruction after this one has retired. */
    shadow(): void;
    /** A helper has set EIP. */
    transferred(): void;
}

/**
 * How an instruction is declared: its mnemonic, its encodings as the manual writes them, and its meaning. Decoder
 * tables and handlers derive from these entries and nothing else.
 *
 * An encoding is `[prefix] opcode [/digit | :modrm] operands`:
 * - prefix `F2`, `F3`, `66` makes the entry apply to that mandatory prefix only;
 * - opcode is one byte, or `0F` and one byte; `+r` spreads over the eight low register encodings;
 * - `/digit` is ModRM.reg; `:C1` is the whole ModRM byte, for instructions that live in a group's register forms;
 * - operands are the manual's codes (SDM vol. 2 appendix A.2): `Eb Ev Ew Ed Gb Gv Gw Gd M Ib Ibs Iw Iz Jb Jz Ap Ob Ov Sw
 *   Cd Dd Rd Zb Zv`, fixed registers `AL eAX CL DX ES CS SS DS FS GS`, and the constant `1`.
 */

interface Insn {
    mnemonic: string;
    encodings: readonly string[];
    /** Operand size class when it does not follow from the first operand: byte, word, dword, or by prefix. */
    size?: 'b' | 'w' | 'd' | 'v';
    /** LOCK is allowed when operand 0 is memory. */
    lock?: boolean;
    /** The meaning depends on the width of the stack pointer (SS.B). */
    stack?: boolean;
    /** The meaning depends on the address size (string instructions, LOOP, XLAT). */
    addr?: boolean;
    /** Control does not reach the next record: the block ends here. */
    ends?: boolean;
    /**
     * The block ends here, and in most cases goes straight on with what follows (see Builder.resume): the run loop may want
     * to look first.
     */
    resumes?: boolean;
    /** Conditional or unconditional direct branch that may be linked to its target. */
    branch?: boolean;
    /** Indirect near jump: its record may remember a target (see Builder.jumpIndirect). */
    indirect?: boolean;
    /** The memory operand's ESP base counts after the pop (POP Ev). */
    popAddress?: boolean;
    semantics(b: Builder): void;
}

/** Decoder tables, made from the encodings that the instruction set declares. */

interface OpcodeEntry {
    insn: Insn;
    /** Position of the instruction in the set; part of the handler key. */
    id: number;
    operands: readonly string[];
    /** What the decoder does for each operand: OPERAND_ numbers. */
    codes: readonly number[];
    /** Needs a ModRM byte. */
    modrm: boolean;
    /** ModRM.mod is ignored: the operand is a register whatever it says (MOV to and from control and debug registers). */
    registersOnly: boolean;
    /** Operand size class. */
    size: SizeClass;
    /** Letters of the operands' forms: with ModRM naming a register, and a memory operand. */
    forms: readonly [register: string, memory: string];
    /** LOCK is allowed: operand 0 may be memory and the instruction takes it. */
    lock: boolean;
    popAddress: boolean;
    /** The block ends here; or here but goes on; the instruction is a direct branch; an indirect near jump. See isa/define.ts. */
    ends: boolean;
    resumes: boolean;
    branch: boolean;
    indirect: boolean;
    /** Handlers found so far, by {@link handlerSlot}; 0 = not yet. */
    handlers: Uint16Array;
}
/** 8, 16 or 32 bits, or what the operand-size attribute says. */
type SizeClass = 'b' | 'w' | 'd' | 'v';
/** What an opcode means under one mandatory prefix: one entry, or eight by ModRM.reg. */
interface OpcodeSlot {
    entry: OpcodeEntry | null;
    group: (OpcodeEntry | null)[] | null;
    /** Entries for one whole ModRM byte, plus 0x100 behind a 66 prefix, before `group` is asked. Never behind F2 or F3. */
    exact?: Map<number, OpcodeEntry>;
}
type Prefix = '' | '66' | 'F2' | 'F3';
/** Index: opcode, plus 0x100 for the 0F map; then the mandatory prefix. */
type OpcodeTable = (Partial<Record<Prefix, OpcodeSlot>> | undefined)[];

/** Where an instruction of the SIMD table is to be found; -1 when the bytes are no instruction. */
type SimdLookup = (prefix: number, opcode: number, reg: number, memory: boolean) => number;
interface SimdDecoding {
    find: SimdLookup;
    /** Position of the SIMD pseudo-entry in the instruction set. */
    id: number;
    insn: Insn;
    /** Whether entry `index` has an 8-bit immediate. */
    imm8(index: number): boolean;
    /** State address of a register operand: ModRM.reg is 0, ModRM.rm is 1. */
    register(index: number, operand: 0 | 1, n: number): number;
    /** Bytes of a memory operand. */
    bytes(index: number): number;
    /** Whether a memory operand is written. */
    stores(index: number): boolean;
}
declare class Decoded {
    /** Null: undefined opcode. */
    insn: Insn | null;
    /** What the table says of it; meaningful while `insn` is not null. */
    entry: OpcodeEntry;
    id: number;
    size: 1 | 2 | 4;
    form: string;
    /** A ModRM byte names a memory operand. */
    memory: boolean;
    addr32: boolean;
    length: number;
    a: number;
    b: number;
    base: number;
    index: number;
    scale: number;
    disp: number;
    seg: number;
    imm: number;
    extra: number;
    /** The address must be computed by an EA16 micro-record first. */
    ea16: boolean;
    /** `imm` is a displacement from the next instruction. */
    relative: boolean;
    constructor(entry: OpcodeEntry);
}
declare class Decoder {
    #private;
    readonly result: Decoded;
    constructor(table: OpcodeTable, simd: SimdDecoding);
    /**
     * Decodes the instruction whose byte i is `fetch(i)`, which may throw the fault of fetching it; `code32` is CS.D.
     * Throws #GP beyond 15 bytes. The result is the same object each time.
     */
    decode(fetch: (i: number) => number, code32: boolean): Decoded;
    /** Decodes the instruction at byte `at` of `view`; null when it does not end before `end`, or is too long. */
    decodeWithin(view: DataView, at: number, end: number, code32: boolean): Decoded | null;
}

interface Handler {
    name: string;
    body: readonly Stmt[];
    temps: Readonly<Record<Type, number>>;
}
/** Records that are no instructions: the glue of blocks. */
declare const MICRO: Record<string, (b: Builder) => void>;
interface HandlerSet {
    table: OpcodeTable;
    handlers: readonly Handler[];
    /** Position of the SIMD pseudo-entry. */
    simdId: number;
    simd: Insn;
    micro(name: keyof typeof MICRO): number;
    /** Handler of two instructions in a row, by their handlers; 0 when the pair has none. */
    pair(first: number, second: number): number;
    /** Handler of a decoded instruction; `flat` as in Builder, where there is such a variant. */
    find(id: number, form: string, size: number, stack32: boolean, addr32: boolean, flat: boolean): number;
}

/** What the processor's memory management does for code pages. */
interface CodePages {
    markCodePage(pa: number): void;
    unmarkCodePage(pa: number): void;
}
/** Translated regions, as far as the blocks have to know them. Lines are 64 bytes; bit n of the masks is line n. */
interface Regions {
    /** Whether there is code of a region in [from, to), inside one page. */
    overlap(page: number, from: number, to: number): boolean;
    /** Drops the regions whose code overlaps [from, to), inside one page. */
    invalidate(page: number, from: number, to: number): void;
    /** Lines of the page that hold code of regions: those below 32, or those from 32 on. */
    lines(page: number, half: 0 | 1): number;
    /** Drops all. */
    dropAll(): void;
}
declare class Blocks {
    #private;
    /** Set where there is a translator. */
    regions: Regions | null;
    /** Entries after which a block counts as hot. */
    heat: number;
    /** Times the whole pool was dropped because it was full. */
    flushes: number;
    /** `pairs`: neighbours that have a handler between them get it. */
    constructor(buffer: ArrayBufferLike, ramSize: number, set: HandlerSet, decoder: Decoder, pages: CodePages, pairs: boolean);
    /** The block at a physical address, if it has been decoded under that mode; its table entry is renewed. */
    find(phys: number, mode: number): number;
    /**
     * Decodes the block at physical address `phys` (in RAM) and makes it findable. `nextPage` gives the physical address
     * of the linear page that follows, -1 when it has none in RAM. Returns 0 when the first instruction cannot be had:
     * a single step will tell why.
     */
    build(phys: number, mode: number, nextPage: () => number): number;
    /**
     * One instruction in the scratch block, which nothing finds again. `fetch` gives its bytes and may throw the fault
     * of fetching them. `trace` puts a TRACE record before it. Returns the block and what was decoded.
     */
    buildSingle(fetch: (i: number) => number, off: number, mode: number, phys: number, trace: boolean): Decoded;
    get scratch(): number;
    /** Drops the blocks that overlap a write; called for writes into marked pages, before or after the bytes change. */
    invalidate(pa: number, size: number): void;
    /** Drops everything. */
    flush(): void;
    /** Counts executions of the instruction at physical address `pa` at `counter`. */
    addProbe(pa: number, counter: number): void;
    /** Counter of the probe at a physical address; 0 when it has none. */
    probeAt(pa: number): number;
    /** Takes back the probe count of a record of `block` whose instruction did not complete. */
    unprobe(block: number, rec: number): void;
    /**
     * Puts the region at `slot` of the interpreter's table in the place of a block whose code runs at `eip`. False when
     * there is no room for the copy that is run where the region declines.
     */
    setRegion(block: number, eip: number, slot: number): boolean;
    /** Takes a region out of the block's place again. */
    clearRegion(block: number): void;
    /** Notes lines of a region's code, inside one page. */
    markRegion(page: number, low: number, high: number): void;
}

/** Runs from a block, or from EIP when `block` is 0, until one of the RETURN_ reasons. */
type RunBlocks = (block: number) => number;
/** Helpers by name; every argument and result is an i32. */
type Helpers = Record<string, (...args: number[]) => number>;
/** A running interpreter: its entry, and its table, where regions have places after the handlers. */
interface WasmInterpreter {
    run: RunBlocks;
    table: WebAssembly.Table;
    /** First place of the table that is free. */
    firstFree: number;
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
declare class Translator implements Regions {
    #private;
    readonly statistics: TranslatorStatistics;
    /** Sees regions come and go. */
    observer: ((event: RegionEvent) => void) | null;
    constructor(parts: {
        cpu: Processor;
        blocks: Blocks;
        decoder: Decoder;
        interpreter: WasmInterpreter;
        memory: WebAssembly.Memory;
        helpers: Helpers;
        threshold?: number | undefined;
    });
    /** Entries after which a block of code that is decoded from now on counts as hot. */
    set threshold(entries: number);
    /** A block became hot at the current EIP. */
    hot(block: number): void;
    /** The run loop begins another turn. */
    turn(): void;
    /** Makes regions of what is waiting. Called where no generated code is running. */
    translate(): void;
    dropAll(): void;
    overlap(page: number, from: number, to: number): boolean;
    invalidate(page: number, from: number, to: number): void;
    lines(page: number, half: 0 | 1): number;
}

/**
 * The engine: a processor and an interpreter over one linear memory, and the loop that runs them. It recognises
 * interrupts and traps at instruction boundaries, lands on exact instruction counts, and single-steps wherever a block
 * cannot be used: the tail of a budget, an instruction that crosses a page, a device access, TF, breakpoints.
 */

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
}
/** Why {@link Engine.run} came back. `budget`: the instructions asked for have retired. `exit`: requestExit(). */
type RunResult = 'budget' | 'halt' | 'shutdown' | 'runaway' | 'exit';
/** Sees each instruction before it executes, at its exact EIP; `engine.processor` has the state. */
type InstructionTrace = (eip: number) => void;
declare class Engine {
    #private;
    readonly processor: Processor;
    /** Guest RAM for devices, loaders and host ops. */
    readonly memory: GuestMemory;
    readonly kind: EngineKind;
    pending: GuestFault | null;
    /** The translator, where there is one. */
    readonly translator: Translator | null;
    constructor(options: EngineOptions);
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
/** All registers by name, in hexadecimal, most significant word first. */
declare function registerImage(cpu: Processor): Record<string, string>;
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
 * the A20 gate; and one byte of flags for every RAM page (holds code, holds host-op stubs, is a device hole).
 */

/** Page flag: a device answers here although the address is below `ramSize` (for example a VGA window). */
declare const PAGE_HOLE = 4;
/** Opens or closes the A20 gate. The TLB holds final addresses, so it is flushed on a change. */
declare function setA20(cpu: Processor, open: boolean): void;

/** The processor's registers as everybody outside the engine sees them. */

/** A snapshot, exact at an instruction boundary. */
declare function registersOf(cpu: Processor): RegisterView;

/** Makes RAM pages (physical page numbers) stub pages. */
declare function registerStubPages(cpu: Processor, pages: Iterable<number>): void;
/** Takes pages back. */
declare function unregisterStubPages(cpu: Processor, pages: Iterable<number>): void;

/**
 * Power-up state and the state of a direct boot. Intel SDM vol. 3A 9.1.1 (table 9-1, processor state after reset);
 * memory types as a PC's firmware leaves them (11.11).
 */

/**
 * Puts the processor where a boot protocol wants it: protected mode with flat segments. CR0.PE and ET are implied;
 * TR and LDTR are as after reset. Throws GuestFault when CR0.PG and CR4.PAE are asked for with bad PDPTEs.
 */
declare function setStart(cpu: Processor, regs: StartRegisters): void;

export { type CpuContext, type CpuidModel, DEFAULT_CPUID, type Divergence, Engine, type EngineKind, type EngineOptions, GuestFault, type InstructionTrace, type LockstepDifference, type LockstepOptions, type LockstepResult, type LockstepSubject, PAGE_HOLE, Processor, type RegionEvent, type RunResult, Translator, type TranslatorStatistics, backendProcessor, callFrame, createEngine, describeDivergence, differencesBetween, engineSubject, hypercallFrame, processorControl, registerImage, registerStubPages, registersOf, runLockstep, setA20, setStart, stateHash, unregisterStubPages, virtualMemory };
