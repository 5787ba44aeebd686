// dist/backends.d.ts
/**
 * The options of backends as types, by name. A backend's package adds its own, and whoever has its types in sight gets them
 * completed and checked in `defineConfig`:
 *
 *     import type {} from '@paragraft/core/backends'
 *     declare module '@paragraft/core/backends' {
 *       interface BackendOptionTypes {
 *         mine: OptionsOf<typeof OPTIONS>
 *       }
 *     }
 */
interface BackendOptionTypes {
}

export type { BackendOptionTypes };

// dist/define.d.ts
import { Head } from './head.js';
import { GuestImage, StartOfDay } from './image.js';
import { Clock, Reporter, Snapshotable, GuestMemory, IoBus, MmioBus, ConsolePort, PowerPort, Line, BlockPort, NetPort, BoardPort, HypercallInstruction, CpuidRegisters } from './ports.js';

/** Eras: the versions of the guests' ops ABI, as data. The tables themselves are in eras.generated.ts. */
type Arch = 'i386' | 'x86_64';
/** One slot of an era's table. */
interface EraSlot {
    readonly slot: number;
    /** Op identity, stable across eras: `mmu.flush_tlb_one_user`. */
    readonly op: string;
    /** Version of the op here, i.e. of its signature and meaning: `1.0.0`. */
    readonly version: string;
    /** The member's name in that era's header: `pv_mmu_ops.flush_tlb_single`. */
    readonly member: string;
    readonly kind: 'fn' | 'data';
    /** True for `struct paravirt_callee_save` members. */
    readonly calleeSave: boolean;
}
/** One layout of the table. `id` and `arch` together name it. */
interface Era {
    /** `5.0`, `4.0-lite`. */
    readonly id: string;
    /** The ops ABI as a semver version, for ranges: `5.0.0`. Lite and full layouts share it. */
    readonly abi: string;
    readonly arch: Arch;
    /** `lite`: the kernel was built without PARAVIRT_XXL and keeps only the ops a full virtualization guest needs. */
    readonly variant: 'full' | 'lite';
    /** Kernel releases with this layout. */
    readonly kernels: string;
    /** The C object that holds the table. */
    readonly container: string;
    /** Where the layout was read. */
    readonly source: string;
    readonly slots: readonly EraSlot[];
}

/**
 * Type of a parameter or result, by width and not by C name. `long` and `ptr` have the machine's word; `int` is signed.
 * Page-table values (`pteval_t`, `pgprot_t`), `phys_addr_t` are u64: the eras' i386 layouts are those of PAE kernels.
 */
type OpType = 'bool' | 'u8' | 'u16' | 'int' | 'u32' | 'u64' | 'long' | 'ptr';
interface OpParam {
    readonly name: string;
    readonly type: OpType;
    /** For `ptr`: what it points to, in C, without `struct` and `const`: `flush_tlb_info`, `u32`, `void`. */
    readonly to?: string;
}
interface Signature {
    /** As the catalogue writes it: `void (int cpu)`. */
    readonly text: string;
    readonly params: readonly OpParam[];
    readonly result: OpType | 'void';
}
/** Parses `result (type name, …)`; every parameter has a name. Throws `PG_OPS_SIGNATURE`. */
declare function signature(text: string): Signature;
/** Bits of a value of this type on an architecture; `bool` is a byte. */
declare function bitsOf(type: OpType, arch: 'i386' | 'x86_64'): number;

/**
 * Where one machine word of a parameter is: a register, or the stack, in bytes above the stack pointer at entry. The
 * return address is at 0, so the first stack word is at 4 (i386) or 8 (x86_64).
 */
type Place = {
    readonly register: string;
} | {
    readonly stack: number;
};
/** How one op is called. */
interface CallingConvention {
    readonly arch: Arch;
    readonly calleeSave: boolean;
    /** One entry per parameter, in order; a u64 on i386 has two places, low half first. */
    readonly params: readonly (readonly Place[])[];
    /** Registers of the result, low half first; empty for void. */
    readonly result: readonly string[];
    /** Registers that the op may change (result registers included). */
    readonly clobbers: readonly string[];
    /** `jump`: entered by JMP with a frame on the stack and never returns to its caller (iret, sysexit). */
    readonly entered: 'call' | 'jump';
}
/**
 * The convention for a signature. `calleeSave`: the slot is a `struct paravirt_callee_save`, whose function may change
 * EAX and EDX only (x86_64: RAX only).
 */
declare function conventionFor(signature: Signature, arch: Arch, calleeSave: boolean, entered?: 'call' | 'jump'): CallingConvention;
/** The guest's registers and stack at the entry of an i386 op, as the machine shows them. Values unsigned 32-bit. */
interface CallFrame {
    /** `EAX`, `EDX`, `ECX`. */
    getRegister(name: string): number;
    setRegister(name: string, value: number): void;
    /** The word at [ESP + offset] at entry. */
    readStack(offset: number): number;
}
/** The arguments of a call: numbers (`int` signed, `bool` 0 or 1, all else unsigned), `bigint` for u64. i386 only. */
declare function readArguments(convention: CallingConvention, signature: Signature, frame: CallFrame): (number | bigint)[];
/**
 * Puts a result where the caller looks for it; writes nothing for void. i386 only. Throws `PG_HOST_RESULT` when the
 * value is missing, of the wrong kind, or does not fit.
 */
declare function writeResult(convention: CallingConvention, signature: Signature, value: unknown, frame: CallFrame, op: string): void;

/** The abilities that have a meaning for every backend. Others are a backend's own: `xen:hypercalls`. */
declare const ABILITIES: {
    readonly ops: "ops modules can be grafted onto its guests at entry";
    readonly 'late-ops': "ops can be installed while the guest runs";
    readonly disk: "the guest finds the disk that the user gives the machine";
    readonly net: "the guest finds the network interface that the user gives the machine";
    readonly devices: "the guest finds devices that the user adds to the board";
    readonly snapshot: "every guest of it can be saved and restored";
};
type Ability = keyof typeof ABILITIES | `${string}:${string}`;
/** True for an ability's name: one of {@link ABILITIES}, or a backend's own, `word:word`. */
declare function isAbility(value: unknown): value is Ability;
/** What `isAbility` takes, for hints. */
declare const ABILITY_NAMES: string;
/** What a backend, or the metadata of its package, supports. */
declare function supported(backend: {
    readonly supports?: readonly Ability[] | undefined;
}): readonly Ability[];
/**
 * Throws `PG_ABILITY` unless the backend supports all that somebody needs. `who`: a module's name, or what of the run asks for
 * it (`--disk`).
 */
declare function requireAbilities(backend: {
    readonly name: string;
    readonly supports?: readonly Ability[] | undefined;
}, needed: readonly Ability[], who: string): void;

/** One option as a backend declares it. */
interface BackendOption {
    /** What it does, in a line. */
    readonly says: string;
    /**
     * `artefact`: something that comes from outside, as a file's bytes (Uint8Array) or what a package exports; only the backend
     * can check it.
     */
    readonly kind: 'text' | 'number' | 'flag' | 'artefact';
    /** The only texts; for an artefact the names that stand for what the backend brings along. */
    readonly choices?: readonly string[];
}
type BackendOptions = Readonly<Record<string, BackendOption>>;
/** Values by option name: text and names as strings. */
type BackendOptionValues = Readonly<Record<string, unknown>>;
/** The values that declared options take, as a type: what a package adds to `BackendOptionTypes`. */
type OptionsOf<T extends BackendOptions> = {
    readonly [Name in keyof T]?: ValueOf<T[Name]>;
};
type ValueOf<T extends BackendOption> = T['kind'] extends 'number' ? number : T['kind'] extends 'flag' ? boolean : T['kind'] extends 'artefact' ? Chosen<T> | (string & {}) | object : T extends {
    readonly choices: readonly string[];
} ? Chosen<T> : string;
type Chosen<T extends BackendOption> = T extends {
    readonly choices: readonly (infer Name)[];
} ? Name : never;
/** A backend as far as its options are concerned. */
interface WithOptions {
    readonly name: string;
    readonly options?: BackendOptions;
}
/** The option of this name. Throws `PG_BACKEND_OPTION` when the backend has none such. */
declare function backendOption(backend: WithOptions, name: string): BackendOption;
/** Checks the values given to a backend; options that are not given are absent. Throws `PG_BACKEND_OPTION`. */
declare function checkBackendOptions(backend: WithOptions, given?: BackendOptionValues): BackendOptionValues;
/** A value as text (`--backend-option NAME=TEXT`) in the option's own kind; an artefact's name stays text. */
declare function parseBackendOption(backend: WithOptions, name: string, text: string): string | number | boolean;

/** The shape of a catalogue entry, and the two small functions with which the group files write theirs. */

type OpGroup = 'info' | 'init' | 'time' | 'cpu' | 'irq' | 'apic' | 'mmu' | 'lock';
/** One version of an op: a signature with a meaning. Semver, major step = another signature. */
interface OpVersion {
    readonly version: string;
    /** First ops ABI (`Era.abi` without the patch digit) that has it; '' for an op that no era has as a slot. */
    readonly since: string;
    readonly signature: Signature;
}
/** What is known of one op, apart from where any era keeps it. */
interface OpEntry {
    /** Identity: `mmu.flush_tlb_one_user`. */
    readonly op: string;
    readonly group: OpGroup;
    readonly kind: 'fn' | 'data';
    /** What the guest means by it, one line. */
    readonly meaning: string;
    /** Oldest first. Empty for data. */
    readonly versions: readonly OpVersion[];
    /** Names that headers of some eras use for it instead. */
    readonly formerly: readonly string[];
    /** What must have happened when the op returns, so that `nop` is refused; null: the op is a hint or a hook. */
    readonly duty: string | null;
    /** How a platform may decline the op, in a way that the guest can see; null: it may not. */
    readonly refusal: string | null;
    /** `jump`: entered by JMP with a frame on the stack; never returns to its caller. */
    readonly entered: 'call' | 'jump';
    /** Why the op cannot be answered by a host function; null: it can. */
    readonly notHost: string | null;
    /** True for the operations that say what is meant and that no Linux era has as a slot: reached by adapters. */
    readonly meant: boolean;
}
interface Options {
    duty?: string;
    formerly?: readonly string[];
    jump?: true;
    notHost?: string;
    meant?: true;
}
/**
 * An op. `prototypes` is one C prototype, or pairs `[since, prototype]`, oldest first: each pair is the next major
 * version.
 */
declare function op(name: string, meaning: string, prototypes: string | readonly (readonly [since: string, prototype: string])[], options?: Options): OpEntry;
/** A data word that eras 1.x keep at the head of the table. */
declare function data(name: string, meaning: string): OpEntry;

/**
 * A guest whose kernel does not run at privilege level 0, as paravirtual guests do. The processor executes it as it is; what
 * would need tables of the guest's own that such a guest does not have, an IDT above all, is asked of its monitor: the backend.
 */
/**
 * How an event came about. `int`: INT n, INT3, INTO, which a gate's DPL may forbid. `int1`: INT1, which none forbids.
 * `exception`: everything else that an instruction brought on itself.
 */
type EventSource = 'exception' | 'int' | 'int1' | 'interrupt' | 'nmi';
/** What the processor of another guest would deliver through its IDT. Nothing of an instruction that faulted is done. */
interface InterceptedEvent {
    readonly source: EventSource;
    readonly vector: number;
    /** -1 where the exception pushes none. */
    readonly errorCode: number;
    /** Linear address of a #PF, else 0. CR2 is not changed. */
    readonly address: number;
    /** Where a handler is to return: EIP itself, but for `int` and `int1`, whose EIP is still the instruction's. */
    readonly returnEip: number;
}
/** A descriptor's page cannot be had: #PF at this linear address, error code 0. */
interface DescriptorFault {
    readonly pageFault: number;
}
/** What a monitor does for the processor. It is called on an instruction boundary and may use every port it has. */
interface GuestMonitor {
    /**
     * An event. The monitor answers by changing registers; the guest goes on at its CS:EIP. True: the monitor has executed
     * the instruction that faulted, and it counts as retired.
     */
    event(event: InterceptedEvent): boolean;
    /**
     * RAM address of a page of a descriptor table, which is read, and has accessed bits set, whatever the guest's page tables say.
     * Undefined: there is nothing, and a selector into it is as bad as one outside the table.
     */
    descriptors(table: 'gdt' | 'ldt', page: number): number | DescriptorFault | undefined;
}
type GuestRegister = 'EAX' | 'ECX' | 'EDX' | 'EBX' | 'ESP' | 'EBP' | 'ESI' | 'EDI' | 'EIP' | 'EFLAGS';
type DataSegment = 'ES' | 'SS' | 'DS' | 'FS' | 'GS';
/** What IRET takes off a stack; selectors have 16 bits. */
interface GuestContext {
    readonly cs: number;
    readonly eip: number;
    /** VM must be clear. */
    readonly eflags: number;
    readonly ss: number;
    readonly esp: number;
}
/** What a segment register holds. */
interface SegmentView {
    readonly selector: number;
    readonly base: number;
    /** Last valid offset. */
    readonly limit: number;
    /** Bits of a descriptor's high dword: type and S, DPL, P, AVL, L, D/B, G in 8–15 and 20–23. */
    readonly attributes: number;
}
/** The processor of a deprivileged guest. Before {@link begin} it is like every other guest's. */
interface DeprivilegedPort {
    /** From now on events and descriptors are the monitor's, to the end of the machine. IDT, LGDT and LLDT are out of use. */
    begin(monitor: GuestMonitor): void;
    /** Last byte of each table that can be named by a selector; -1: there is no such table. */
    setTables(gdtLimit: number, ldtLimit: number): void;
    /**
     * PAE page tables from here on, below 4 GB; the four entries at the top are read now, and the TLB is emptied. They are taken
     * as a 64-bit processor takes a 32-bit guest's: those four may have R/W, U/S, A and D set, and entries of all levels bits 52–62.
     */
    setPageTables(pa: number): void;
    /** Current privilege level. */
    cpl(): number;
    get(register: GuestRegister): number;
    set(register: GuestRegister, value: number): void;
    segment(name: DataSegment | 'CS'): SegmentView;
    /** Loads a segment register as MOV does at the current level; false, with nothing changed, where that faults. */
    load(name: DataSegment, selector: number): boolean;
    /**
     * Continues the guest elsewhere, as IRET from privilege level 0 to an outer level does it: with its checks, and data segments that
     * the new level may not use made null. False, with nothing changed: IRET would fault.
     */
    enter(context: GuestContext): boolean;
    /**
     * Executes the instruction at CS:EIP, delivering nothing; then `accept` is asked. False: it faulted, or was
     * not accepted, and the registers are as they were; memory that it wrote stays written. Only while an event is served.
     */
    step(accept: () => boolean): boolean;
}

/**
 * What a host answer sees: the call, decoded by the op's signature, and narrow ports to carry it out. The machine
 * implements these; a module imports only the types.
 */

/** Guest virtual memory, through the guest's current page tables at kernel privilege. A miss throws `PG_HOST_MEMORY`. */
interface VirtualMemory {
    readVirtual8(va: number): number;
    readVirtual16(va: number): number;
    readVirtual32(va: number): number;
    writeVirtual8(va: number, value: number): void;
    writeVirtual16(va: number, value: number): void;
    writeVirtual32(va: number, value: number): void;
}
/** A descriptor-table register: `base` linear, `limit` in bytes - 1. */
interface TableRegister {
    base: number;
    limit: number;
}
/**
 * The processor's privileged operations, for a host answer that carries an op out on behalf of the guest. Each does
 * what the named instruction does at CPL 0, faults excepted: a value the instruction would refuse throws
 * `PG_HOST_PROCESSOR`. Registers and flags of the guest do not change unless said.
 */
interface ProcessorControl {
    /** Drop all non-global translations: MOV CR3, CR3. */
    flushTlb(): void;
    /** Drop all translations, global ones too: CR4.PGE off and on. */
    flushTlbGlobal(): void;
    /** INVLPG: drop the translation of the page that holds `va`. */
    invlpg(va: number): void;
    readCr(number: 0 | 2 | 3 | 4): number;
    writeCr(number: 0 | 2 | 3 | 4, value: number): void;
    /** CLTS: CR0.TS := 0. */
    clts(): void;
    readDr(number: number): number;
    writeDr(number: number, value: number): void;
    /** RDMSR / WRMSR; undefined and false mean that the instruction would raise #GP(0). */
    readMsr(index: number): bigint | undefined;
    writeMsr(index: number, value: bigint): boolean;
    /** RDTSC. */
    readTsc(): bigint;
    /** CPUID. */
    cpuid(leaf: number, subleaf: number): {
        eax: number;
        ebx: number;
        ecx: number;
        edx: number;
    };
    /** IN / OUT; size 1, 2 or 4 bytes. */
    ioRead(port: number, size: number): number;
    ioWrite(port: number, size: number, value: number): void;
    /** EFLAGS.IF of the guest as it will be after the op returns. */
    interruptsEnabled(): boolean;
    setInterrupts(enabled: boolean): void;
    /** HLT: the processor halts when the op has returned to the guest. */
    halt(): void;
    readGdtr(): TableRegister;
    writeGdtr(value: TableRegister): void;
    readIdtr(): TableRegister;
    writeIdtr(value: TableRegister): void;
    writeLdtr(selector: number): void;
    writeTr(selector: number): void;
    readTr(): number;
}
/** A fields-by-name view of a C structure that an argument points to. */
type StructView = Readonly<Record<string, number | bigint>>;
/** One call of an op. Valid only while the answer runs. */
interface HostCall {
    /** The op that was answered (through an adapter, not the slot's own op), and its version. */
    readonly op: string;
    readonly version: string;
    /** Slot of the guest's table, and the op identity that lives there. */
    readonly slot: number;
    readonly slotOp: string;
    /** Arguments in the op's order: numbers (`int` signed, `bool` 0 or 1, all else unsigned), `bigint` for u64. */
    readonly args: readonly (number | bigint)[];
    /** Argument by its catalogue name; an unknown name throws `PG_OPS_ARGUMENT`. */
    arg(name: string): number | bigint;
    /** The structure behind a pointer argument, decoded by the catalogue (or made up by the adapter). */
    struct(name: string): StructView;
    /** The address in the guest to which the op will return. */
    readonly returnAddress: number;
    readonly memory: VirtualMemory;
    readonly processor: ProcessorControl;
    readonly clock: Clock;
    readonly reporter: Reporter;
}
/**
 * A host answer. The result of an op that has one must be a number (`bigint` for u64); others return nothing.
 * Synchronous, and must not keep the call. An exception stops the machine with `PG_HOST_THREW`.
 */
type HostFunction = (call: HostCall) => number | bigint | void;

/** How an op is answered. `version`: the range of op versions (signatures) that the answer is written for. */
type Answer = 
/** The guest's own function stays. */
{
    readonly kind: 'native';
}
/** The guest's own `_paravirt_nop`, so that its patcher recognises it. */
 | {
    readonly kind: 'nop';
}
/**
 * Machine code that came with the module: a symbol of `code.object`. `calleeSave`: the function changes EAX and EDX
 * only; where a slot demands that and it is not promised, the loader puts a thunk in front (as PV_CALLEE_SAVE does).
 */
 | {
    readonly kind: 'code';
    readonly symbol: string;
    readonly version?: string;
    readonly calleeSave?: boolean;
}
/** A TypeScript function, reached by a stub. */
 | {
    readonly kind: 'host';
    readonly fn: HostFunction;
    readonly version?: string;
}
/** For data slots (eras 1.x) only: the word to be stored, or the symbol of `code.object` whose address it is. */
 | {
    readonly kind: 'value';
    readonly value: number | string;
};
type AnswerKind = Answer['kind'];
/** Answers by op identity. */
type Answers = Readonly<Record<string, Answer>>;
/** Machine code of a module: one relocatable object, ELF32 ET_REL EM_386. */
interface ModuleCode {
    /**
     * Undefined symbols that the loader resolves: {@link nativeSymbol} of an op is the function that the guest's table
     * held before (`pg_native_mmu_flush_tlb_one_user`), `pg_table` the table, `pg_entry` the original entrypoint (undefined when
     * the module's own is used), `pg_region_start` and `pg_region_end` the grafted pages, and `pg_guest_NAME` what the image's
     * symbol table calls NAME. Weak ones that do not exist are 0.
     */
    readonly object: Uint8Array;
}
/** Prefix of the symbols by which a module's code reaches what the image's symbol table names. */
declare const GUEST_SYMBOL = "pg_guest_";
/**
 * A way in that a module brings for a head, so that the head takes images that have none: code of the module's, entered as
 * the head enters its guests, that starts the guest by another entry of its own.
 */
interface ModuleEntry {
    /** The start code: a function of `code.object`. */
    readonly symbol: string;
    /** What the head's images say about themselves: names and meaning are the head's. */
    readonly says?: Readonly<Record<string, number | string>>;
}
/**
 * `entry`: the guest's first instructions install it. `request`: a guest that has booted the ordinary way asks for it
 * (docs/ops.md, "Later than at entry"). `embedder`: the program around the machine says when (`machine.install`).
 */
type InstallMoment = 'entry' | 'request' | 'embedder';
interface OpsDefinition {
    /** npm package name, or any name without spaces; the ledger's owner. */
    readonly name: string;
    /** Semver version of the module. */
    readonly version: string;
    /** Range of `API_VERSION` that the module is written for: `^1.0.0`. */
    readonly apiVersion: string;
    /** Range of ops ABIs (`Era.abi`) that the module targets: `5.x`, `>=1.3.0 <2`. */
    readonly opsAbi: string;
    /** Architectures it targets; default `['i386']`. */
    readonly arch?: readonly ('i386' | 'x86_64')[];
    /** Variants of the eras it targets; default both. */
    readonly variants?: readonly ('full' | 'lite')[];
    /** One answer per op of every target era, or a function that gives them era by era. */
    readonly ops: Answers | ((era: Era) => Answers);
    readonly code?: ModuleCode;
    /** What the backend must support for these ops to work, e.g. its own `xen:hypercalls`. */
    readonly requires?: readonly Ability[];
    /** Ways in, by the name of the head: `xen-pv`. */
    readonly entries?: Readonly<Record<string, ModuleEntry>>;
    /** When its functions are to be in the guest's table; default `entry`. Later ones need the backend's `late-ops`. */
    readonly install?: InstallMoment;
    /** What its host functions remember between calls, where they do: a snapshot of a machine keeps it. */
    readonly state?: Snapshotable;
}
/** A checked module, branded by `Symbol.for('paragraft.ops')`. Only {@link defineOps} makes one. */
interface OpsModule extends OpsDefinition {
    /** The eras it targets, oldest first. */
    readonly eras: readonly Era[];
    /** The answers for an era, as the author gave them. */
    answersFor(era: Era): Answers;
    /** The versions of an op for which its answer in this era was written. */
    versionsFor(era: Era, op: string): readonly string[];
}
/** The ports a backend gets. Never the machine. */
interface BackendPorts {
    readonly memory: GuestMemory;
    readonly clock: Clock;
    /** What a clock showed at power-on, in seconds since 1970. */
    readonly epochSeconds: number;
    readonly io: IoBus;
    readonly mmio: MmioBus;
    readonly console: ConsolePort;
    readonly power: PowerPort;
    /** Ends the run as the guest's fault: it did what its hypervisor ends guests for. `code` has a page of errors. */
    crash(code: string, message: string): void;
    readonly reporter: Reporter;
    /** The processor's interrupt pin and NMI. */
    readonly intr: Line;
    readonly nmi: Line;
    /** The processor's privileged operations. */
    readonly processor: BackendProcessor;
    /** The processor of a guest whose kernel is kept from privilege level 0. */
    readonly deprivileged: DeprivilegedPort;
    /** Guest memory through the guest's page tables, at kernel privilege. */
    readonly virtual: VirtualMemory;
    /** The media that the user gave the machine, for a backend that is their only way to the guest (`board: 'none'`). */
    readonly disks: readonly BlockPort[];
    /** The network interfaces that the user gave the machine. */
    readonly nets: readonly NetPort[];
    /** The hardware's board; absent for a backend that has none. */
    readonly board?: BoardPort;
    /** Guest memory from which code of the backend's own may call it. */
    readonly hostCalls: HostCallPort;
    /** What the backend's options were set to, checked against its `options`. */
    readonly options: BackendOptionValues;
}
/** The first immediate of the host opcode that is a backend's; those below are op stubs'. */
declare const FIRST_HOST_CALL = 32768;
/** Pages from which guest code that a backend brings along can leave to it. */
interface HostCallPort {
    /**
     * From now on the host opcode, 0F 3F imm16, with an immediate from {@link FIRST_HOST_CALL} on, leaves to
     * {@link BackendInstance.hostCall} when it is executed at CPL 0 in these pages of RAM; elsewhere it is #UD. `pa` and
     * `length` are multiples of 4096.
     */
    allow(pa: number, length: number): void;
}
/** An exception of the guest, before it is delivered. `errorCode` is -1 where the vector pushes none. */
interface GuestException {
    readonly vector: number;
    readonly errorCode: number;
    /** Linear address of a #PF, else 0. */
    readonly address: number;
}
/** The processor as a backend has it. */
interface BackendProcessor extends ProcessorControl {
    /** Ends a halt without an interrupt: execution goes on behind the instruction that halted. */
    resume(): void;
}
/** The registers at a VMCALL or VMMCALL; the instruction has not retired yet. */
interface HypercallFrame extends CallFrame {
    readonly instruction: HypercallInstruction;
    /** Privilege level that executed it. */
    readonly cpl: number;
}
/** What a backend counted, for the run report. */
interface BackendCounts {
    /** Calls of the guest to its hypervisor, by name. */
    hypercalls?: Readonly<Record<string, number>>;
    /** Notifications of the guest, by port or source. */
    events?: Readonly<Record<string, number>>;
    /** How the calls of its interface are answered in this boot, by name, where the backend decides that. */
    answers?: Readonly<Record<string, string>>;
    /** What it makes of ops of the guest's table, by op, where the guest has them served by it: the ledger's `via`. */
    ops?: Readonly<Record<string, string>>;
}
/**
 * What a created backend does for the machine while it runs. Everything is optional. A machine can be saved if its backend has
 * `save` and `restore`; one without state says so by saving null.
 */
interface BackendInstance extends Partial<Snapshotable> {
    /** The head has placed the guest; called once, before the first instruction. */
    start?(start: StartOfDay): void;
    /** INTA cycle, when the backend owns the interrupt controller; -1 when the request has been withdrawn. */
    acknowledgeInterrupt?(): number;
    /** True while it means to end the guest's halt itself, whether or not interrupts are on. */
    wakes?(): boolean;
    /**
     * VMCALL or VMMCALL; false: it claims neither, and the instruction is #UD. `again`: the call is not done, and the guest executes the
     * instruction once more, with the registers as they are now; interrupts come in between.
     */
    hypercall?(frame: HypercallFrame): boolean | 'again';
    /**
     * The host opcode in an allowed page, at CPL 0; `index` is its immediate. The frame is what it is at the opcode: ESP as
     * the code left it. False: there is no such call, and the opcode is #UD. `PG_HOST_PROCESSOR` and `PG_HOST_MEMORY` that the
     * ports throw become the guest's exception, at the opcode; any other coded error stops the guest.
     */
    hostCall?(index: number, frame: CallFrame): boolean;
    /** An exception of a guest's instruction. True: the cause is gone, execute the instruction again. */
    exception?(exception: GuestException): boolean;
    /** MSRs that it implements; undefined / false: not its own. */
    readMsr?(index: number): bigint | undefined;
    writeMsr?(index: number, value: bigint): boolean;
    /** CPUID as the guest is to see it where that is not the processor's `own` answer; undefined: as it is. */
    cpuid?(leaf: number, subleaf: number, own: CpuidRegisters): CpuidRegisters | undefined;
    /** What it has counted since power-on. */
    counts?(): BackendCounts;
}
interface BackendDefinition {
    readonly name: string;
    readonly version: string;
    readonly apiVersion: string;
    /** Its ways in: heads of its own, or the names of the hardware's heads, which the loader supplies (`multiboot`, `linux`). */
    readonly heads: readonly (Head | string)[];
    /**
     * The hardware's own devices that the guest finds, supplied by the machine as the hardware's heads are by the loader:
     * `pc` (the default) or `none`, when the backend's devices are all there is.
     */
    readonly board?: 'pc' | 'none';
    /** What its guests can have; read by users and modules. Absent: what every backend had in API 1.0, `ops`, `disk`, `net`. */
    readonly supports?: readonly Ability[];
    /**
     * The default ops: for guests that do not know it. A package can leave that to its metadata, which names the module and has
     * it loaded only when it is wanted.
     */
    readonly ops?: OpsModule;
    /** Whether an image's kernel knows this backend by itself, and so keeps its own ops. Absent: none does. */
    knownBy?(image: GuestImage): boolean;
    /** Options that the user may set. */
    readonly options?: BackendOptions;
    create(ports: BackendPorts): BackendInstance;
}
/** A checked backend, branded by `Symbol.for('paragraft.backend')`. */
type Backend = BackendDefinition;
/** The guest's own function stays. */
declare function native(): Answer;
/** The guest's own no-op. Refused (`PG_OPS_NOP`) for ops with a result or a duty. */
declare function nop(): Answer;
/** A function of the module's object file. */
declare function code(symbol: string, options?: {
    version?: string;
    calleeSave?: boolean;
}): Answer;
/** A TypeScript function. Refused (`PG_OPS_HOST`) for ops that are jumped to. */
declare function host(fn: HostFunction, options?: {
    version?: string;
}): Answer;
/** A number for a data word of eras 1.x, or the address of a symbol of the module's object. */
declare function value(word: number | string): Answer;
/** The symbol by which a module's code calls what the guest's table held for an op: `pg_native_mmu_lazy_mode_enter`. */
declare function nativeSymbol(op: string): string;
/** `native()` for each of these ops: still one by one, and by name. */
declare function natively(ops: readonly string[]): Answers;
/** `native()` for each op that an era has in these groups; groups that it lacks give nothing. */
declare function nativeGroup(era: Era, ...groups: OpGroup[]): Answers;
/**
 * Checks a module and brands it. Everything is checked against every era that the module targets.
 *
 * Throws `PG_OPS_MODULE` (shape), `PG_API_VERSION`, `PG_OPS_ERA` (no known era in `opsAbi`), `PG_OPS_ANSWER` (an answer
 * that is none), `PG_OPS_UNKNOWN`, `PG_OPS_STRAY` (an answer that no target era can use), `PG_OPS_CODE` (no object, or
 * not ELF32 relocatable for i386), and what planning refuses: `PG_OPS_HOLE`, `PG_OPS_VERSION`, `PG_OPS_ADAPT`,
 * `PG_OPS_NOP`, `PG_OPS_HOST`, `PG_OPS_VALUE`.
 */
declare function defineOps(definition: OpsDefinition): OpsModule;
/** True for a module made by {@link defineOps} of any copy of this package. */
declare function isOpsModule(candidate: unknown): candidate is OpsModule;
/**
 * Checks a backend and brands it. Throws `PG_BACKEND` (shape) and `PG_API_VERSION`.
 */
declare function defineBackend(definition: BackendDefinition): Backend;
/** True for a backend made by {@link defineBackend} of any copy of this package. */
declare function isBackend(candidate: unknown): candidate is Backend;

export { backendOption as $, type AnswerKind as A, type Backend as B, type CallFrame as C, type DataSegment as D, type Era as E, FIRST_HOST_CALL as F, GUEST_SYMBOL as G, type HostCall as H, type InstallMoment as I, type InterceptedEvent as J, type ModuleEntry as K, type OpGroup as L, type ModuleCode as M, type OpParam as N, type OpEntry as O, type OpType as P, type OpVersion as Q, type OpsDefinition as R, type OpsModule as S, type OptionsOf as T, type Place as U, type ProcessorControl as V, type SegmentView as W, type Signature as X, type StructView as Y, type TableRegister as Z, type VirtualMemory as _, ABILITIES as a, bitsOf as a0, checkBackendOptions as a1, code as a2, conventionFor as a3, data as a4, defineBackend as a5, defineOps as a6, host as a7, isAbility as a8, isBackend as a9, isOpsModule as aa, native as ab, nativeGroup as ac, nativeSymbol as ad, natively as ae, nop as af, op as ag, parseBackendOption as ah, readArguments as ai, requireAbilities as aj, signature as ak, supported as al, value as am, writeResult as an, ABILITY_NAMES as b, type Ability as c, type Answer as d, type Answers as e, type Arch as f, type BackendCounts as g, type BackendDefinition as h, type BackendInstance as i, type BackendOption as j, type BackendOptionValues as k, type BackendOptions as l, type BackendPorts as m, type BackendProcessor as n, type CallingConvention as o, type DeprivilegedPort as p, type DescriptorFault as q, type EraSlot as r, type EventSource as s, type GuestContext as t, type GuestException as u, type GuestMonitor as v, type GuestRegister as w, type HostCallPort as x, type HostFunction as y, type HypercallFrame as z };

// dist/elf/index.d.ts
import { ErrorFields, ParagraftError } from '../errors.js';

declare const ET_REL = 1;
declare const ET_EXEC = 2;
declare const PT_LOAD = 1;
declare const PT_NOTE = 4;
declare const PF_X = 1;
declare const PF_W = 2;
declare const PF_R = 4;
declare const SHT_NULL = 0;
declare const SHT_PROGBITS = 1;
declare const SHT_SYMTAB = 2;
declare const SHT_RELA = 4;
declare const SHT_NOTE = 7;
declare const SHT_NOBITS = 8;
declare const SHT_REL = 9;
declare const SHF_WRITE = 1;
declare const SHF_ALLOC = 2;
declare const SHF_EXECINSTR = 4;
declare const SHN_UNDEF = 0;
declare const SHN_LORESERVE = 65280;
declare const SHN_ABS = 65521;
declare const SHN_COMMON = 65522;
/** `e_ident[EI_CLASS]` of 64-bit files. */
declare const ELFCLASS64 = 2;
/** A program header. Addresses of ELF64 are signed (canonical), so that the kernel half stays exact. */
interface ElfProgram {
    type: number;
    flags: number;
    offset: number;
    vaddr: number;
    paddr: number;
    fileSize: number;
    memorySize: number;
    align: number;
}
/** A section header with its name; `bytes` is a view of the file, empty for SHT_NOBITS. */
interface ElfSection {
    name: string;
    type: number;
    flags: number;
    vaddr: number;
    offset: number;
    size: number;
    link: number;
    info: number;
    align: number;
    entrySize: number;
    bytes: Uint8Array;
}
/** The headers of an ELF file, checked against the file's length. */
interface ElfFile {
    class: 32 | 64;
    type: number;
    machine: number;
    entry: number;
    bytes: Uint8Array;
    programs: ElfProgram[];
    sections: ElfSection[];
    /** Where the last thing that a header mentions ends; what follows (a relocation list) is not ELF's. */
    end: number;
}
/** True if the bytes start with ELF's magic. */
declare function isElf(bytes: Uint8Array): boolean;
/**
 * Reads the headers. Throws `PG_IMAGE_TRUNCATED` where a header or the content it points to lies outside the file,
 * `PG_IMAGE_CORRUPT` for contradictions, `PG_IMAGE_ARCH` for anything but i386 and x86_64.
 */
declare function readElf(bytes: Uint8Array): ElfFile;
/** Throws unless the file is of this type; the hint says where the other types belong. */
declare function requireType(elf: ElfFile, type: number): void;
/** The contents of `section` as entries of exactly `entrySize` bytes; throws `PG_IMAGE_CORRUPT` when they are not. */
declare function entryCount(section: ElfSection, entrySize: number): number;

/** Alignments beyond a large page are nobody's. */
declare const MAX_ALIGN: number;
/** How a relocation's value is made and stored: S + A, less P where relative; `size` in bytes. */
interface Howto {
    name: string;
    size: 1 | 2 | 4;
    relative: boolean;
}
/** The relocations that can be linked, by type. */
declare const HOWTO: Readonly<Record<number, Howto>>;
/** A section of an object that will lie in memory. */
interface ObjectSection {
    /** Index in the file, by which symbols and relocations name it. */
    index: number;
    name: string;
    size: number;
    align: number;
    /** The contents; empty for BSS. */
    bytes: Uint8Array;
    writable: boolean;
    executable: boolean;
}
/** A symbol of an object. */
interface ObjectSymbol {
    name: string;
    value: number;
    size: number;
    binding: 'local' | 'global' | 'weak';
    /** Section index, or what stands in its place. */
    section: number | 'undefined' | 'absolute' | 'common';
}
/** One place to be patched: `offset` in the section with index `section`; `symbol` is an index into `symbols`. */
interface ObjectRelocation {
    section: number;
    offset: number;
    type: number;
    symbol: number;
}
/** An object file, read and checked. */
interface ObjectFile {
    sections: ObjectSection[];
    symbols: ObjectSymbol[];
    relocations: ObjectRelocation[];
}
/** Reads an object file. Throws the `PG_IMAGE_…` codes, and `PG_LINK_RELOCATION` for kinds that are refused. */
declare function readObject(bytes: Uint8Array): ObjectFile;

/** How to link. */
interface LinkOptions {
    /** Where the first byte will lie (the guest's virtual address); a multiple of {@link objectExtent}'s `align`. */
    base: number;
    /** The address of a symbol that the object does not define, or undefined. */
    resolve(name: string): number | undefined;
    /** The largest result in bytes. Default 16 MiB. */
    maxSize?: number;
}
/** An object at its address. */
interface LinkedObject {
    base: number;
    /** Everything from `base` on, BSS as zeros. */
    bytes: Uint8Array;
    /** Addresses of the global and weak symbols that the object defines. */
    symbols: Map<string, number>;
    sections: {
        name: string;
        address: number;
        size: number;
        writable: boolean;
        executable: boolean;
    }[];
}
/** Memory that a linked object takes, and the alignment its base needs, in bytes. `PG_LINK_TOO_LARGE` beyond `maxSize`. */
declare function objectExtent(object: ObjectFile, maxSize?: number): {
    size: number;
    align: number;
};
/**
 * Links an object to its address. All or nothing: throws `PG_LINK_UNRESOLVED` with every symbol that nobody defines,
 * `PG_LINK_RANGE` where a value does not fit, `PG_LINK_TOO_LARGE`, `PG_LINK_BASE` for a base that is misaligned or too
 * high.
 */
declare function link(object: ObjectFile, options: LinkOptions): LinkedObject;

/**
 * The refusals of the formats: one builder per code, so that every reader says the same thing in the same words.
 * Offsets and lengths are in bytes from the start of the thing that `what` names.
 */

/** `PG_IMAGE_TRUNCATED`: the file ends before something that its own headers promise. */
declare function truncated(what: string, offset: number, need: number, have: number): ParagraftError;
/** `PG_IMAGE_CORRUPT`: the headers or the compressed data contradict themselves or a checksum. */
declare function corrupt(what: string, why: string, fields?: ErrorFields, cause?: unknown): ParagraftError;
/** `PG_IMAGE_TOO_LARGE`: sizes beyond what a guest of this kind could hold, or beyond the caller's limit. */
declare function tooLarge(what: string, size: number, limit: number, fields?: ErrorFields): ParagraftError;
/** `PG_IMAGE_OVERLAP`: two pieces claim the same addresses. */
declare function overlap(what: string, first: ErrorFields, second: ErrorFields): ParagraftError;
/** `PG_IMAGE_ARCH`: a well-formed image for another processor or class. */
declare function wrongArchitecture(found: string, wanted: string, fields?: ErrorFields): ParagraftError;
/** `PG_IMAGE_UNSUPPORTED`: a well-formed use of the format that this reader does not know. */
declare function unsupported(what: string, hint: string, fields?: ErrorFields): ParagraftError;
/** `PG_IMAGE_UNKNOWN`: no format recognises the bytes. */
declare function unknownFormat(bytes: Uint8Array): ParagraftError;

/** A checked view of some bytes; `what` names them in errors. */
declare class Reader {
    readonly bytes: Uint8Array;
    readonly what: string;
    private readonly view;
    constructor(bytes: Uint8Array, what: string);
    get length(): number;
    /** Throws unless `need` bytes lie at `offset`; `what` names the thing that wants them. */
    require(offset: number, need: number, what?: string): void;
    u8(offset: number): number;
    u16(offset: number): number;
    u32(offset: number): number;
    /** An unsigned 64-bit file offset or size; one that no file could have (2^53 and up) is corrupt. */
    u64(offset: number): number;
    /** A signed 64-bit value as a number, or undefined where it would not be exact. */
    s64(offset: number): number | undefined;
    /** A view (no copy) of `length` bytes. */
    slice(offset: number, length: number, what?: string): Uint8Array;
}
/** An ELF string table: NUL-terminated names by offset (gABI, "String Table"). */
declare class StringTable {
    private readonly bytes;
    private readonly what;
    private spent;
    constructor(bytes: Uint8Array, what: string);
    /** The name at `offset`; `PG_IMAGE_CORRUPT` if it starts outside, has no end, or is absurdly long. */
    at(offset: number): string;
}
/** Bytes as text, one character each. */
declare function latin1(bytes: Uint8Array): string;
/** The text up to the first NUL, or to the end. */
declare function cString(bytes: Uint8Array): string;

export { ELFCLASS64, ET_EXEC, ET_REL, type ElfFile, type ElfSection, HOWTO, type Howto, type LinkOptions, type LinkedObject, MAX_ALIGN, type ObjectFile, type ObjectRelocation, type ObjectSection, type ObjectSymbol, PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE, Reader, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHN_ABS, SHN_COMMON, SHN_LORESERVE, SHN_UNDEF, SHT_NOBITS, SHT_NOTE, SHT_NULL, SHT_PROGBITS, SHT_REL, SHT_RELA, SHT_SYMTAB, StringTable, cString, corrupt, entryCount, isElf, latin1, link, objectExtent, overlap, readElf, readObject, requireType, tooLarge, truncated, unknownFormat, unsupported, wrongArchitecture };

// dist/errors.d.ts
/**
 * Coded errors: every refusal in Paragraft carries a stable code, the fields that led to it, and what to do next.
 * One documentation page per code lives in `docs/errors/`.
 */
/** Fields attached to an error; plain data, so that a report can print or serialise them. */
type ErrorFields = Readonly<Record<string, unknown>>;
/** An error with a stable code (`PG_…`), fields, a hint and an optional cause. */
declare class ParagraftError extends Error {
    readonly code: string;
    readonly fields: ErrorFields;
    /** What the reader can do about it, one sentence. */
    readonly hint: string;
    constructor(code: string, message: string, options?: {
        fields?: ErrorFields;
        hint?: string;
        cause?: unknown;
    });
}
/** True for a ParagraftError of any copy of this package (two copies may meet in one dependency tree). */
declare function isParagraftError(value: unknown): value is ParagraftError;

export { type ErrorFields, ParagraftError, isParagraftError };

// dist/head.d.ts
import { GuestImage, BootModule, StartOfDay } from './image.js';
import { GuestMemory } from './ports.js';

/**
 * Heads: the ways into a guest. One head per entrypoint; nobody sniffs. A head is asked whether it can boot an image
 * and answers with a match or a reason; the chosen one places the image and returns the start of day.
 */

/** `entry`: the address it would use, for `inspect`. `reason`: why not, one sentence for a person. */
type HeadMatch = {
    match: true;
    entry: number;
    note?: string;
} | {
    match: false;
    reason: string;
};
/** What the user asks of a boot. */
interface PlaceOptions {
    /** Kernel command line, without the image's name. */
    commandLine: string;
    /** Name of the image, for protocols that pass it as the first word (multiboot). */
    imageName?: string;
    initrd?: Uint8Array;
    modules: readonly BootModule[];
    /**
     * Guest-physical ranges that must stay out of the memory map's RAM and that the head must not use, e.g. the
     * grafted module's pages; reported to the guest with the given E820 type (2 = reserved).
     */
    reserve?: readonly {
        base: number;
        length: number;
        type: number;
        what: string;
    }[];
    /** Physical address of the ACPI RSDP, when the machine has tables and the protocol can say so. */
    acpiRsdp?: number;
}
interface Head {
    /** `multiboot`, `linux`, `pvh` … as in the backend's list and the run report. */
    readonly name: string;
    /** The console the guest should be told to use when the user says nothing, e.g. `console=ttyS0`. */
    readonly defaultConsole?: string;
    /** Its guests begin with paging on, at linked addresses; absent: at physical ones, with paging off. */
    readonly paging?: boolean;
    probe(image: GuestImage): HeadMatch;
    /**
     * Writes the image and whatever the protocol promises into memory. Checks everything before the first write:
     * on a coded error (`PG_HEAD_…`) memory is as it was.
     */
    place(image: GuestImage, options: PlaceOptions, memory: GuestMemory): StartOfDay;
}

export type { Head, HeadMatch, PlaceOptions };

// dist/image.d.ts
/**
 * What the loader's formats return, and what a head makes of it. Plain data: no behaviour.
 *
 * Virtual addresses of x86_64 images are signed: the kernel half (0xFFFFFFFF80000000 and up) comes out negative, so that
 * every address is exact as a number.
 */
/** One piece of an image to be placed in guest physical memory; `bytes` may be shorter than `memorySize` (zero filled). */
interface ImageSegment {
    /** Physical address where it is loaded. */
    paddr: number;
    /** Virtual (linked) address. */
    vaddr: number;
    bytes: Uint8Array;
    memorySize: number;
    flags: {
        read: boolean;
        write: boolean;
        execute: boolean;
    };
}
interface ImageSymbol {
    name: string;
    /** Linked virtual address. */
    value: number;
    size: number;
    type: 'func' | 'object' | 'other';
}
interface ImageSection {
    name: string;
    vaddr: number;
    bytes: Uint8Array;
    size: number;
}
interface ImageNote {
    owner: string;
    type: number;
    desc: Uint8Array;
}
/** A way into an image that its format or its headers offer. */
interface ImageEntry {
    /** `multiboot`, `elf`, `linux` (startup_32 of a kernel), `linux32` (code32_start of a bzImage), `pvh`, `xen-pv` … */
    kind: string;
    /** Linear address of the first instruction in the environment that the kind defines. */
    address: number;
    /** The ops module that brings it, for an image that has none of this kind; it begins in the module's code. */
    module?: string;
    /** What images of the kind say about themselves, said by that module; names and meaning are the head's. */
    says?: Readonly<Record<string, number | string>>;
}
/** A guest image, parsed: what any format comes to. */
interface GuestImage {
    /** `elf32`, `bzimage`, `multiboot-kludge` … outermost first, e.g. `['bzimage', 'xz', 'elf32']`. */
    format: string[];
    machine: 'i386' | 'x86_64';
    segments: ImageSegment[];
    sections: ImageSection[];
    symbols: ImageSymbol[];
    notes: ImageNote[];
    entries: ImageEntry[];
    /** Multiboot 1 header, when the image has one. */
    multiboot?: MultibootHeader;
    /** Linux boot protocol header (from a bzImage), when there is one. */
    linux?: LinuxHeader;
    /** What follows an ELF file that its headers do not mention: in a bzImage's payload the kernel's relocation list. */
    trailer?: Uint8Array;
}
interface MultibootHeader {
    flags: number;
    /** File offset of the header. */
    offset: number;
    addressFields?: {
        headerAddr: number;
        loadAddr: number;
        loadEndAddr: number;
        bssEndAddr: number;
        entryAddr: number;
    };
    videoMode?: {
        modeType: number;
        width: number;
        height: number;
        depth: number;
    };
}
interface LinuxHeader {
    protocol: number;
    /** The raw setup header, from 0x1F1, as the zero page wants it. */
    setupHeader: Uint8Array;
    kernelVersion: string;
    commandLineSize: number;
}
/** A module or initial ramdisk handed to the guest at boot. */
interface BootModule {
    bytes: Uint8Array;
    /** Command line string; by convention the file's name comes first. */
    commandLine: string;
    /** Physical address of a module that somebody else puts in place (a graft): it is listed there and not moved. */
    at?: number;
}
/** One range of the physical memory map; `type` as in E820 / multiboot (1 RAM, 2 reserved, 3 ACPI, 4 NVS). */
interface MemoryRange {
    base: number;
    length: number;
    type: number;
}
/** The processor's registers at the first guest instruction. Missing ones are 0. */
interface StartRegisters {
    eip: number;
    eax?: number;
    ecx?: number;
    edx?: number;
    ebx?: number;
    esp?: number;
    ebp?: number;
    esi?: number;
    edi?: number;
    eflags?: number;
    cr0?: number;
    cr3?: number;
    cr4?: number;
    /** Flat segments (base 0, limit 4 GB): selector values of code and data. The privilege level is the RPL of `cs`. */
    cs: number;
    ds: number;
    /** GDT in guest memory, if the protocol promises one. */
    gdt?: {
        base: number;
        limit: number;
    };
}
/** What a head leaves behind: memory written, and this. The graft may redirect `registers.eip`. */
interface StartOfDay {
    head: string;
    registers: StartRegisters;
    memoryMap: MemoryRange[];
    /** Guest-physical ranges the head has used, lowest first. */
    used: {
        base: number;
        length: number;
        what: string;
    }[];
    /**
     * Where the page of RAM is that the guest calls its physical page `pa` (both multiples of 4096), for a guest whose physical
     * addresses are not RAM's own; undefined for a page that it does not have. Absent: they are the same.
     */
    ramPage?(pa: number): number | undefined;
}

export type { BootModule, GuestImage, ImageEntry, ImageNote, ImageSection, ImageSegment, ImageSymbol, LinuxHeader, MemoryRange, MultibootHeader, StartOfDay, StartRegisters };

// dist/index.d.ts
export { ErrorFields, ParagraftError, isParagraftError } from './errors.js';
import { StartOfDay } from './image.js';
export { BootModule, GuestImage, ImageEntry, ImageNote, ImageSection, ImageSegment, ImageSymbol, LinuxHeader, MemoryRange, MultibootHeader, StartRegisters } from './image.js';
import { GuestMemory } from './ports.js';
export { BlockPort, BoardPort, Clock, ConsolePort, CpuidRegisters, HypercallInstruction, IoBus, IoHandler, Line, MmioBus, MmioHandler, NetPort, PciCard, PowerPort, ProcessorPorts, Reporter, SavedTimer, Snapshotable, Timer } from './ports.js';
export { Head, HeadMatch, PlaceOptions } from './head.js';
export { A as AdmittedOps, a as AdmittedSlot, C as CallSite, G as Graft, b as GuestLayout, H as HostStub, L as LayoutDescription, c as LayoutResult, d as LayoutSlot, O as Oracle, e as admit, l as layoutOf } from './layout.js';
export { EXIT_GUEST, EXIT_INTERNAL, EXIT_OK, EXIT_TIMEOUT, EXIT_USAGE, ExitCounts, GuestFaultKind, InputArrival, Machine, MachineEvent, RegisterView, RunOptions, RunOutcome, RunReport, StopReason, exitStatus } from './machine.js';
export { a as ABILITIES, b as ABILITY_NAMES, c as Ability, d as Answer, A as AnswerKind, e as Answers, f as Arch, B as Backend, g as BackendCounts, h as BackendDefinition, i as BackendInstance, j as BackendOption, k as BackendOptionValues, l as BackendOptions, m as BackendPorts, n as BackendProcessor, C as CallFrame, o as CallingConvention, D as DataSegment, p as DeprivilegedPort, q as DescriptorFault, E as Era, r as EraSlot, s as EventSource, F as FIRST_HOST_CALL, G as GUEST_SYMBOL, t as GuestContext, u as GuestException, v as GuestMonitor, w as GuestRegister, H as HostCall, x as HostCallPort, y as HostFunction, z as HypercallFrame, I as InstallMoment, J as InterceptedEvent, M as ModuleCode, K as ModuleEntry, O as OpEntry, L as OpGroup, N as OpParam, P as OpType, Q as OpVersion, R as OpsDefinition, S as OpsModule, T as OptionsOf, U as Place, V as ProcessorControl, W as SegmentView, X as Signature, Y as StructView, Z as TableRegister, _ as VirtualMemory, $ as backendOption, a0 as bitsOf, a1 as checkBackendOptions, a2 as code, a3 as conventionFor, a4 as data, a5 as defineBackend, a6 as defineOps, a7 as host, a8 as isAbility, a9 as isBackend, aa as isOpsModule, ab as native, ac as nativeGroup, ad as nativeSymbol, ae as natively, af as nop, ag as op, ah as parseBackendOption, ai as readArguments, aj as requireAbilities, ak as signature, al as supported, am as value, an as writeResult } from './define.js';
export { ADAPTERS, API_VERSION, Adapter, CATALOGUE, Device, DeviceDefinition, DeviceInstance, DevicePorts, ERAS, EraDiff, HostPorts, OpChange, PLUGIN_KINDS, PluginKind, PluginMetadata, adaptersFor, checkApiVersion, checkMetadata, defineDevice, diffEras, eraName, eraOf, erasIn, findEra, findOp, hasResult, hostCall, isDevice, opEntry, opVersion, readMetadata, runHostAnswer, whyNotNop } from './ops/index.js';
export { E as EarlierOwner, I as Installation, L as Ledger, a as LedgerLayout, b as LedgerRow, M as Moment, O as OpReport, f as formatLedger, c as formatTable } from './ledger.js';
export { E820_RAM, E820_RESERVED, Placement, Reservation, reserveRanges } from './placement.js';
export { NamedStates, snapshotMismatch, together } from './snapshot.js';

/**
 * Planned breaks: what still works and will not for ever. Each is here once, and {@link deprecation} makes what is said of it;
 * docs/deprecations.md has a section for each.
 */
/** One planned break. */
interface Deprecation {
    /** What has the version numbers below. */
    readonly of: 'plug-in API' | 'config';
    /** The version that brought what to use instead. */
    readonly since: string;
    /** The version that will refuse it. */
    readonly until: string;
    /** Who is told: `asked`, only those who ask (`--deprecations`), while others still have to move first; `all`, everybody. */
    readonly told: 'asked' | 'all';
    /** What is deprecated; a phrase. */
    readonly what: string;
    /** What to do; a sentence. */
    readonly instead: string;
}
declare const DEPRECATIONS: {
    readonly 'backend-without-supports': {
        readonly of: "plug-in API";
        readonly since: "1.1.0";
        readonly until: "2.0.0";
        readonly told: "asked";
        readonly what: "a backend that does not say what it supports";
        readonly instead: "List its abilities as `supports`, in the definition and in the package's metadata.";
    };
    readonly 'config-backend-options': {
        readonly of: "config";
        readonly since: "1.1.0";
        readonly until: "2.0.0";
        readonly told: "all";
        readonly what: "the key backendOptions, which fits one backend only";
        readonly instead: "Use `backends: { NAME: { … } }`, which keeps the options of each.";
    };
};
type DeprecationId = keyof typeof DEPRECATIONS;
/** What is said of one use of something deprecated. */
interface DeprecationNotice extends Deprecation {
    readonly code: 'PG_DEPRECATED';
    readonly id: string;
    /** Who uses it: a backend's name, a config file. */
    readonly who: string;
    readonly message: string;
}
/** The notice that `who` uses something deprecated. */
declare function deprecation(id: DeprecationId, who: string): DeprecationNotice;
/** Passes each notice on once: to those who ask all of them, to others those that everybody is told. */
declare function tellOnce(tell: (notice: DeprecationNotice) => void, asked: boolean): (notice: DeprecationNotice) => void;

/** RAM address of a guest-physical one. Throws `PG_MEMORY_RANGE` where the guest has no page. */
declare function ramAddress({ ramPage }: Pick<StartOfDay, 'ramPage'>, pa: number): number;
/** `memory` by guest-physical addresses; `memory` itself where they are RAM's own. */
declare function guestPhysical(memory: GuestMemory, start: Pick<StartOfDay, 'ramPage'>): GuestMemory;

export { DEPRECATIONS, type Deprecation, type DeprecationId, type DeprecationNotice, GuestMemory, StartOfDay, deprecation, guestPhysical, ramAddress, tellOnce };

// dist/layout.d.ts
import './image.js';
export { C as CallSite, G as Graft, b as GuestLayout, H as HostStub, c as LayoutResult, d as LayoutSlot, O as Oracle } from './layout.js';
import './define.js';
import './head.js';
import './ports.js';

// dist/layout.d.ts
import { StartOfDay } from './image.js';
import { E as Era, f as Arch, d as Answer, o as CallingConvention, y as HostFunction, S as OpsModule } from './define.js';

/** What will be in one slot. */
interface AdmittedSlot {
    readonly slot: LayoutSlot;
    /** What is installed. A slot shared by partial adapters has the `host` answer that decides. */
    readonly answer: Answer;
    /** The op whose answer it is: the slot's own, or the one that an adapter leads to. */
    readonly answeredOp: string;
    /** Names of the adapters between the two, if any: `mmu.flush_tlb_multi over mmu.flush_tlb_others@1`. */
    readonly adapter?: string;
    /** How the guest calls the slot; absent for data slots. */
    readonly convention?: CallingConvention;
    /** The function to run for a host answer, adapters included; see `runHostAnswer`. */
    readonly host?: HostFunction;
    /** A code answer keeps fewer registers than the slot demands: it needs a thunk that saves ECX, as PV_CALLEE_SAVE. */
    readonly thunk?: true;
}
/** A module admitted to a guest: everything the graft and the ledger need. */
interface AdmittedOps {
    readonly module: {
        readonly name: string;
        readonly version: string;
    };
    /** The module's object, when it has one. */
    readonly object?: Uint8Array;
    readonly era: Era;
    readonly arch: Arch;
    /** In slot order, one per slot of the guest's table. */
    readonly slots: readonly AdmittedSlot[];
    /** Ops that the module answers and this guest does not have. */
    readonly unused: readonly string[];
}
/** What admission needs to know of a guest. */
type LayoutDescription = Pick<GuestLayout, 'era' | 'arch' | 'slots'>;
/**
 * Admits a module to a guest.
 *
 * Throws `PG_OPS_MODULE` (not made by defineOps), `PG_API_VERSION`, `PG_OPS_ERA` (the layout's era is not known),
 * `PG_OPS_ABI` (the module does not target it), and what planning refuses (see plan.ts).
 */
declare function admit(module: OpsModule, layout: LayoutDescription): AdmittedOps;
/** The layout of a guest that has an era's table as it is, with these targets; for tests and for `paragraft ops`. */
declare function layoutOf(era: Era, target?: (slot: number) => number): LayoutDescription;

/**
 * Where a given guest keeps its op table, and what a graft makes of it. Plain data: the loader finds it, `inspect`
 * prints it, admission and the ledger read it.
 */

/** One slot of the guest's table. */
interface LayoutSlot {
    slot: number;
    /** Op identity in the catalogue: `mmu.flush_tlb_one_user`. */
    op: string;
    /** Version of the op (its signature) in this guest: `1.0.0`. */
    version: string;
    /** `data`: a word of information, not a function pointer (eras 1.x: `kernel_rpl`, `name` …). */
    kind: 'fn' | 'data';
    calleeSave: boolean;
    /** What the slot holds in the unmodified image: the native function's virtual address, or the data word. */
    target: number;
    /** Name of that function, when the image says. */
    targetName?: string;
}
/** An instruction in the guest's text that goes through the table. */
interface CallSite {
    va: number;
    pa: number;
    slot: number;
    /** Bytes that the guest's patcher owns at `va` (6 for `FF 15 disp32`). */
    length: number;
    kind: 'call' | 'jump';
}
/** One independent way of finding the table, and what it says; admission to a graft needs them to agree. */
interface Oracle {
    /** `ksymtab`, `site-vote`, `kallsyms`, `btf`, `relocs`, `symtab` … */
    name: string;
    /** Virtual address of the table, or null when this oracle has nothing to say here. */
    tableVa: number | null;
    /** What it looked at: `265 of 265 sites`, `__ksymtab entry 7031`, or why it is silent. */
    says: string;
}
interface GuestLayout {
    /** Era id: `5.0`, `4.0-lite` … */
    era: string;
    arch: Arch;
    tableVa: number;
    tablePa: number;
    slots: LayoutSlot[];
    sites: CallSite[];
    /** The guest's own `_paravirt_nop`, which its patcher recognises by address; null when it was not found. */
    nopVa: number | null;
    oracles: Oracle[];
    /** Text ranges a module's code may not use, and where it may; filled by the loader for its own use. */
    notes?: string[];
}
/** Outcome of looking for a table: the layout, or why there is none. */
type LayoutResult = {
    found: true;
    layout: GuestLayout;
} | {
    found: false;
    code: 'PG_LAYOUT_NOT_FOUND' | 'PG_LAYOUT_DISAGREE';
    reason: string;
    oracles: Oracle[];
};
/** One host op stub placed in guest memory: the machine turns `index` (the stub opcode's operand) into the op. */
interface HostStub {
    index: number;
    slot: number;
    /** Guest virtual and physical address of the stub's first byte. */
    va: number;
    pa: number;
}
/** Where a graft put the module, and what the guest's own code will install. */
interface Graft {
    layout: GuestLayout;
    admitted: AdmittedOps;
    /** Start of day with the entrypoint redirected to the module. */
    startOfDay: StartOfDay;
    /** Entry of the module's start code, and the original entrypoint that it jumps to (both linear at entry). */
    entry: number;
    originalEntry: number;
    /** The module's pages: code, data and stubs. `stubs: true` marks pages where the host-op opcode is valid. */
    pages: {
        va: number;
        pa: number;
        length: number;
        stubs: boolean;
    }[];
    hostStubs: HostStub[];
    /** New contents of the slots that change, as the module's guest code will write them. */
    installs: {
        slot: number;
        op: string;
        target: number;
    }[];
    /** Patch records neutralised so that sites keep going through the table (FACTS: the alternatives trap). */
    scrubbed: {
        va: number;
        slot: number;
        what: string;
    }[];
}

export { type AdmittedOps as A, type CallSite as C, type Graft as G, type HostStub as H, type LayoutDescription as L, type Oracle as O, type AdmittedSlot as a, type GuestLayout as b, type LayoutResult as c, type LayoutSlot as d, admit as e, layoutOf as l };

// dist/ledger.d.ts
import { A as AnswerKind } from './define.js';

/** One row of `ops[]` in the run report. */
interface OpReport {
    op: string;
    slot: number;
    /** Name of the module, or `guest` where the guest's own function stays. */
    owner: string;
    answer: AnswerKind;
    /** Call sites in the guest's text that name this slot. */
    sites: number;
    /** Sites that the guest's patcher has rewritten, so that the slot is out of the way. */
    patched: number;
    /** Calls that reached the answer. Native slots are counted only where the machine can see them. */
    calls: number;
    /** What the backend's interface makes of the op, where it serves the guest's ops: `SetCR3: call`. */
    via?: string;
    /** Who had the slot before, oldest first, where it changed hands while the guest ran. */
    before?: readonly EarlierOwner[];
}
/** An owner that a slot had until another took it. */
interface EarlierOwner {
    owner: string;
    answer: AnswerKind;
    /** When the next one took it. */
    until: Moment;
    /** Calls that reached it. */
    calls: number;
}
/** When something happened, in both of the machine's counts. */
interface Moment {
    /** Virtual nanoseconds since power-on. */
    readonly virtualNs: number;
    /** Retired instructions since power-on. */
    readonly instructions: number;
}
/** An entry of the ledger in full. */
interface LedgerRow extends OpReport {
    /** When the present owner installed it; null: it was so in the image. */
    since: Moment | null;
    /** What the slot holds: a guest virtual address, or a data word. */
    target: number;
    /** Adapters between the slot's op and the answered one, if any. */
    adapter?: string;
}
/** What is entered when a slot changes hands. */
interface Installation {
    owner: string;
    answer: AnswerKind;
    target: number;
    at: Moment;
    adapter?: string;
    /** The guest has been running: who had the slot before is kept. */
    late?: true;
}
/** What the ledger needs of a guest's layout. */
interface LedgerLayout {
    readonly slots: readonly {
        readonly slot: number;
        readonly op: string;
        readonly target: number;
    }[];
    readonly sites: readonly {
        readonly slot: number;
    }[];
}
declare class Ledger {
    #private;
    constructor(layout: LedgerLayout);
    /** Enters that a slot changed hands. Counts go on: they belong to the slot. Throws `PG_LEDGER_SLOT`. */
    install(slot: number, installation: Installation): void;
    /** Enters that the guest rewrote call sites of a slot. Throws `PG_LEDGER_SLOT`. */
    patched(slot: number, sites?: number): void;
    /** Enters calls that reached a slot's answer. Throws `PG_LEDGER_SLOT`. */
    called(slot: number, calls?: number): void;
    /** Takes over rows that {@link rows} gave, of a ledger for the same layout. Throws `PG_LEDGER_SLOT`. */
    restore(rows: readonly LedgerRow[]): void;
    /** A copy of all rows, in slot order. */
    rows(): LedgerRow[];
    /** The rows as the run report has them. */
    report(): OpReport[];
}
/** A table in plain text, numbers to the right, one line per row, without trailing spaces. */
declare function formatTable(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string;
/** The ledger for people: one line per slot. */
declare function formatLedger(rows: readonly (OpReport & Partial<LedgerRow>)[]): string;

export { type EarlierOwner as E, type Installation as I, Ledger as L, type Moment as M, type OpReport as O, type LedgerLayout as a, type LedgerRow as b, formatTable as c, formatLedger as f };

// dist/machine.d.ts
import { I as InstallMoment } from './define.js';
import { O as OpReport } from './ledger.js';
import { GuestMemory, Clock } from './ports.js';
import './head.js';
import './image.js';

/**
 * The machine as everybody outside the engine sees it: run it, look at it, learn why it stopped.
 * Exit statuses and the run report are the command line's contract with its callers; they live here so that an
 * embedder gets the same ones.
 */

/** How the processor looks from outside; names as in the Intel SDM. All values unsigned 32-bit. */
interface RegisterView {
    eax: number;
    ecx: number;
    edx: number;
    ebx: number;
    esp: number;
    ebp: number;
    esi: number;
    edi: number;
    eip: number;
    eflags: number;
    cr0: number;
    cr2: number;
    cr3: number;
    cr4: number;
    /** Selectors. */
    es: number;
    cs: number;
    ss: number;
    ds: number;
    fs: number;
    gs: number;
    /** Current privilege level, 0–3. */
    cpl: number;
}
/** What kind of end a guest brought on itself. */
type GuestFaultKind = 
/** A fault while a double fault was being delivered: the processor shut down (SDM vol. 3A 6.15, interrupt 8). */
'triple-fault'
/** Exceptions follow one another without end: the first instruction of each handler faults, and no time passes. */
 | 'runaway'
/** A host op broke its own rules, e.g. its stub was not mapped at the first call. */
 | 'host-op'
/** The guest did what its hypervisor ends guests for. */
 | 'crash';
/** Why a run ended. Plain data; `exitStatus` gives the command line's answer to each. */
type StopReason = 
/** The guest switched the power off (ACPI S5, a hypervisor's shutdown call). */
{
    kind: 'powerOff';
}
/** The text asked for with `until` was seen on the console. */
 | {
    kind: 'until';
    text: string;
} | {
    kind: 'guestFault';
    fault: GuestFaultKind;
    message: string;
    code?: string;
    registers: RegisterView;
}
/** The guest asked for a reset (keyboard controller, port 0xCF9, ACPI reset register). */
 | {
    kind: 'reset';
    why: string;
}
/** HLT with interrupts off and no NMI source: nothing can ever wake the processor. */
 | {
    kind: 'haltedForever';
    registers: RegisterView;
}
/** `isa-debug-exit` was written; `value` is what the guest wrote. */
 | {
    kind: 'debugExit';
    value: number;
} | {
    kind: 'timeout';
    seconds: number;
}
/** The person at the console left (Ctrl-A x), or the embedder did. */
 | {
    kind: 'quit';
};
/**
 * What one call of {@link Machine.run} comes back with: a stop, or one of two pauses after which the machine can be
 * run again. `budget`: the instruction or time limit of the call was reached. `idle`: the guest halted with interrupts
 * on and only the outside (input) can wake it.
 */
type RunOutcome = StopReason | {
    kind: 'budget';
} | {
    kind: 'idle';
};
interface RunOptions {
    /** Return `budget` after at least this many retired instructions. Default: no limit. */
    instructions?: number;
    /** Return `budget` when virtual time reaches this (nanoseconds since power-on). Default: no limit. */
    untilVirtualNs?: number;
}
/** Exits that left the engine, counted by kind since power-on. */
interface ExitCounts {
    io: number;
    mmio: number;
    msr: number;
    cpuid: number;
    hypercall: number;
    hlt: number;
    exception: number;
}
/** A thing that happened, for a trace or a timeline. `at` is the virtual time in ns, `instructions` the count then. */
type MachineEvent = {
    at: number;
    instructions: number;
} & ({
    kind: 'installed';
    op: string;
    slot: number;
    owner: string;
} | {
    kind: 'report';
    key: string;
    message: string;
} | {
    kind: 'stop';
    reason: StopReason;
});
/** A machine, built and ready to run. Synchronous: nothing happens between two calls of `run`. */
interface Machine {
    /** Runs until a stop, a pause, or the limits in `options`. After a stop it returns the same stop again. */
    run(options?: RunOptions): RunOutcome;
    readonly memory: GuestMemory;
    readonly clock: Clock;
    /** A snapshot of the registers, exact at the instruction boundary where the machine stands. */
    registers(): RegisterView;
    /** Retired instructions since power-on. */
    instructions(): number;
    exits(): Readonly<ExitCounts>;
    /** The rows of the ledger: one per slot of the guest's table; empty for a guest without one. */
    ops(): readonly OpReport[];
    /** Calls `listener` for every event from now on; returns a function that stops it. */
    on(listener: (event: MachineEvent) => void): () => void;
}
/**
 * One arrival of console input, recorded so that a run can be replayed. `instructions` and `virtualNs` are the count
 * and the time at delivery; while the guest idles only the latter moves.
 */
interface InputArrival {
    instructions: number;
    virtualNs: number;
    /** The bytes, as a Latin-1 string. */
    bytes: string;
    /** The bytes are scan codes of the PC's keyboard, not characters for a console. */
    keyboard?: true;
}
/** What `--report` writes. */
interface RunReport {
    stop: StopReason;
    instructions: number;
    /** Host seconds that the run took. */
    seconds: number;
    virtualNs: number;
    backend: string;
    head: string;
    /** `install`: when its functions were to be installed, where that is not at entry. */
    modules: {
        name: string;
        version: string;
        install?: InstallMoment;
    }[];
    ops: OpReport[];
    exits: ExitCounts;
    input: InputArrival[];
    /** Calls of the guest to its hypervisor by name, when the backend counts them. */
    hypercalls?: Readonly<Record<string, number>>;
    /** Notifications of the guest by port or source, when the backend counts them. */
    events?: Readonly<Record<string, number>>;
    /** How the backend answers the calls of its interface in this boot, by name. */
    answers?: Readonly<Record<string, string>>;
    /** Diagnostics said through the reporter, with how often each was said. */
    reports?: {
        key: string;
        message: string;
        count: number;
    }[];
}
/** Exit statuses of the command line. */
declare const EXIT_OK = 0;
/** Our own fault: a bug, with a report to send. */
declare const EXIT_INTERNAL = 1;
/** Bad usage, config, image or module. */
declare const EXIT_USAGE = 2;
/** The guest faulted, crashed, reset, or halted for ever with interrupts off. */
declare const EXIT_GUEST = 3;
declare const EXIT_TIMEOUT = 4;
/** The exit status for a stop; `isa-debug-exit` gives (value << 1) | 1, cut to the 8 bits of a process status, as QEMU. */
declare function exitStatus(stop: StopReason): number;

export { EXIT_GUEST, EXIT_INTERNAL, EXIT_OK, EXIT_TIMEOUT, EXIT_USAGE, type ExitCounts, type GuestFaultKind, type InputArrival, type Machine, type MachineEvent, type RegisterView, type RunOptions, type RunOutcome, type RunReport, type StopReason, exitStatus };

// dist/ops/index.d.ts
import { H as HostCall, y as HostFunction, O as OpEntry, Q as OpVersion, r as EraSlot, E as Era, f as Arch, _ as VirtualMemory, V as ProcessorControl, X as Signature, Y as StructView, C as CallFrame, c as Ability, B as Backend, S as OpsModule } from '../define.js';
export { a as ABILITIES, b as ABILITY_NAMES, d as Answer, A as AnswerKind, e as Answers, g as BackendCounts, h as BackendDefinition, i as BackendInstance, j as BackendOption, k as BackendOptionValues, l as BackendOptions, m as BackendPorts, n as BackendProcessor, o as CallingConvention, D as DataSegment, p as DeprivilegedPort, q as DescriptorFault, s as EventSource, F as FIRST_HOST_CALL, G as GUEST_SYMBOL, t as GuestContext, u as GuestException, v as GuestMonitor, w as GuestRegister, x as HostCallPort, z as HypercallFrame, I as InstallMoment, J as InterceptedEvent, M as ModuleCode, K as ModuleEntry, L as OpGroup, N as OpParam, P as OpType, R as OpsDefinition, T as OptionsOf, U as Place, W as SegmentView, Z as TableRegister, $ as backendOption, a0 as bitsOf, a1 as checkBackendOptions, a2 as code, a3 as conventionFor, a4 as data, a5 as defineBackend, a6 as defineOps, a7 as host, a8 as isAbility, a9 as isBackend, aa as isOpsModule, ab as native, ac as nativeGroup, ad as nativeSymbol, ae as natively, af as nop, ag as op, ah as parseBackendOption, ai as readArguments, aj as requireAbilities, ak as signature, al as supported, am as value, an as writeResult } from '../define.js';
import { a as AdmittedSlot } from '../layout.js';
export { A as AdmittedOps, L as LayoutDescription, e as admit, l as layoutOf } from '../layout.js';
import { GuestMemory, Clock, IoBus, MmioBus, Reporter, Line, PciCard, Snapshotable } from '../ports.js';
export { E as EarlierOwner, I as Installation, L as Ledger, a as LedgerLayout, b as LedgerRow, M as Moment, O as OpReport, f as formatLedger, c as formatTable } from '../ledger.js';
import '../head.js';
import '../image.js';

interface Adapter {
    /** For the ledger and for refusals: `mmu.flush_tlb_multi over mmu.flush_tlb_others@1`. */
    readonly name: string;
    /** The op that the module answers, and the versions of it. */
    readonly answered: {
        readonly op: string;
        readonly versions: string;
    };
    /** The op in the guest's slot, and the versions of it. */
    readonly slot: {
        readonly op: string;
        readonly versions: string;
    };
    /** `total`: every call of the slot is one of the answered op. `partial`: some are; the rest needs an answer too. */
    readonly coverage: 'total' | 'partial';
    /** The adapter is for guests whose table lacks this op. */
    readonly without?: string;
    /** A function written for the answered op can be put into the slot as it is. */
    readonly sameCall: boolean;
    /** Where each parameter of the answered op comes from, in words. */
    readonly mapping: Readonly<Record<string, string>>;
    /**
     * Runs `answer` for a call of the slot; a partial adapter hands calls that are not meant to `rest`. `natively` is
     * what a bare processor does with the slot's op, for a slot that is otherwise `native`.
     */
    readonly adapt: (call: HostCall, answer: HostFunction, rest: HostFunction) => ReturnType<HostFunction>;
    readonly natively?: HostFunction;
}
/** All adapters. For one slot the first that fits is taken. */
declare const ADAPTERS: readonly Adapter[];
/** The adapters that could serve a slot with this op and version, in a table that has these ops. */
declare function adaptersFor(op: string, version: string, table: ReadonlySet<string>): Adapter[];

/**
 * Version of the plug-in API, apart from the packages' versions. Semver: what is written for `^1.0.0` loads in every later
 * 1.x, and a plug-in that uses what came with 1.1 says `^1.1.0`.
 *
 * 1.0.0: defineOps, defineBackend, their ports and heads. 1.1.0: abilities (`supports`, `requires`), `knownBy`, metadata of
 * packages, defineDevice, modules' entrypoints for heads, deprivileged guests, states.
 */
declare const API_VERSION = "1.1.0";
/** Throws `PG_API_VERSION` unless what is `written for` this range of the API is served by it. */
declare function checkApiVersion(name: string, apiVersion: string): void;

/**
 * The ops catalogue: every op that any era has, and those that say what is meant, by identities that do not change
 * when a header renames or moves a member. Where an era keeps an op is in eras.generated.ts.
 */

/** All entries, in the order of the newest table's groups. */
declare const CATALOGUE: readonly OpEntry[];
/** The entry of an op, or undefined when the catalogue has none. */
declare function findOp(op: string): OpEntry | undefined;
/** The entry of an op. Throws `PG_OPS_UNKNOWN`, naming ops that look alike. */
declare function opEntry(op: string): OpEntry;
/** A version of an op, or undefined when the op never had it. */
declare function opVersion(entry: OpEntry, version: string): OpVersion | undefined;
/** True if the op hands something back to the guest. */
declare function hasResult(version: OpVersion): boolean;
/** Why an op may not be answered by `nop`: its result or its duty; null when it may. */
declare function whyNotNop(entry: OpEntry): string | null;

/** What a device's author writes: `defineDevice`. A device of the user's sits on the buses of the board, beside the board's own. */

/** The ports that a device gets. Never the machine. */
interface DevicePorts {
    /** For devices that are bus masters. */
    readonly memory: GuestMemory;
    readonly clock: Clock;
    readonly io: IoBus;
    readonly mmio: MmioBus;
    readonly reporter: Reporter;
    /** What a clock showed at power-on, in seconds since 1970. */
    readonly epochSeconds: number;
    /**
     * A driver's end of the ISA bus's interrupt line `irq`, at the 8259 and the I/O APIC alike, not asserted. Lines that PCI or other
     * devices use may be shared; throws `PG_DEVICE_IRQ` for those that belong to a device of the board alone.
     */
    irq(irq: number): Line;
    /** Plugs a card into a free slot of PCI bus 0. Throws `PG_PCI_SLOT`. */
    plug(card: PciCard): void;
}
/** A created device: its state, if a snapshot is to keep it. Everything else it does by what it has claimed. */
interface DeviceInstance extends Partial<Snapshotable> {
}
interface DeviceDefinition {
    /** npm package name, or any name without spaces. */
    readonly name: string;
    readonly version: string;
    /** Range of `API_VERSION` that the device is written for: `^1.1.0`. */
    readonly apiVersion: string;
    /** Called once, when the board is there and before the guest is placed. Throws `PG_IO_OVERLAP` and the like for what is taken. */
    create(ports: DevicePorts): DeviceInstance;
}
/** A checked device, branded by `Symbol.for('paragraft.device')`. */
type Device = DeviceDefinition;
/** Checks a device and brands it. Throws `PG_DEVICE` (shape) and `PG_API_VERSION`. */
declare function defineDevice(definition: DeviceDefinition): Device;
/** True for a device made by {@link defineDevice} of any copy of this package. */
declare function isDevice(candidate: unknown): candidate is Device;

interface OpChange {
    readonly op: string;
    readonly from: EraSlot;
    readonly to: EraSlot;
}
interface EraDiff {
    /** Ops of the second era that the first lacks. */
    readonly added: readonly EraSlot[];
    /** Ops of the first era that the second lacks, with those of the second whose answers adapters bring back. */
    readonly removed: readonly (EraSlot & {
        readonly servedBy: readonly string[];
    })[];
    /** Same op under another member name (the container's name does not count). */
    readonly renamed: readonly OpChange[];
    /** Same op with another signature. */
    readonly changed: readonly (OpChange & {
        readonly was: string;
        readonly is: string;
    })[];
    /** Same op, but another calling convention: callee-save or no longer. */
    readonly convention: readonly OpChange[];
    /** Ops that are in both at different slots. */
    readonly moved: number;
}
/** The difference from era `a` to era `b`. */
declare function diffEras(a: Era, b: Era): EraDiff;

/** Generated by scripts/gen-ops.ts from data/pvops-eras.json and the catalogue. Do not edit. */

/** Every known layout of the op table, oldest first. A slot is `[kind, member, op, version]`. */
declare const ERAS: readonly Era[];

/** The era, or undefined. `5.0` on i386 is the lite table of 6.1; ids are those of `ERAS`. */
declare function findEra(id: string, arch?: Arch): Era | undefined;
/** The era. Throws `PG_OPS_ERA` with the ids there are. */
declare function eraOf(id: string, arch?: Arch): Era;
/** Unambiguous name for people: `5.0/i386`. */
declare function eraName(era: Era): string;
/** Eras whose ops ABI is in the range, restricted to architectures and variants. */
declare function erasIn(range: string, archs?: readonly Arch[], variants?: readonly Era['variant'][]): Era[];

/** What the machine lends to every call. */
interface HostPorts {
    readonly memory: VirtualMemory;
    readonly processor: ProcessorControl;
    readonly clock: Clock;
    readonly reporter: Reporter;
}
interface CallFacts {
    readonly op: string;
    readonly version: string;
    readonly signature: Signature;
    readonly arch: Arch;
    readonly slot: number;
    readonly slotOp: string;
    readonly args: readonly (number | bigint)[];
    readonly returnAddress: number;
    /** Structures that an adapter made up, by parameter name. */
    readonly structs?: Readonly<Record<string, StructView>>;
}
/** A call as the answer sees it. */
declare function hostCall(facts: CallFacts, ports: HostPorts): HostCall;
/**
 * Runs the host answer of a slot (i386). Registers change only when everything went well: the result's, nothing else.
 *
 * Throws `PG_HOST_THREW` (the answer threw; the cause is kept, coded errors pass as they are), `PG_HOST_ASYNC` (it
 * returned a promise), `PG_HOST_RESULT` (its result does not fit the op).
 */
declare function runHostAnswer(admitted: AdmittedSlot, frame: CallFrame, ports: HostPorts): void;

/** What a plug-in can be. */
declare const PLUGIN_KINDS: readonly ["backend", "ops", "device"];
type PluginKind = (typeof PLUGIN_KINDS)[number];
/** The value of `paragraft` in a package.json; of the plug-in that is the package's main export. */
interface PluginMetadata {
    readonly kind: PluginKind;
    /** The definition's `name`. */
    readonly name: string;
    /** The definition's `apiVersion`: the range of the plug-in API that it is written for. */
    readonly api: string;
    /** Of a backend: the definition's `supports`. */
    readonly supports?: readonly Ability[];
    /** Of an ops module: the definition's `requires`. */
    readonly requires?: readonly Ability[];
    /**
     * Of a backend: the ops module for guests that do not know it, as its own code would import it; `./ops` is an export of the
     * package itself.
     */
    readonly ops?: string;
}
/**
 * Reads a package's metadata, when it has any. Throws `PG_METADATA` (malformed), `PG_API_VERSION`. Fields that are not known
 * are left alone: a package may say more to a later version.
 */
declare function readMetadata(manifest: {
    name?: unknown;
    paragraft?: unknown;
}): PluginMetadata | undefined;
/** Holds what a package said against what it exports. Throws `PG_METADATA`, naming both. */
declare function checkMetadata(metadata: PluginMetadata, plugin: Backend | OpsModule | Device): void;

export { ADAPTERS, API_VERSION, Ability, type Adapter, AdmittedSlot, Arch, Backend, CATALOGUE, CallFrame, type Device, type DeviceDefinition, type DeviceInstance, type DevicePorts, ERAS, Era, type EraDiff, EraSlot, HostCall, HostFunction, type HostPorts, type OpChange, OpEntry, OpVersion, OpsModule, PLUGIN_KINDS, type PluginKind, type PluginMetadata, ProcessorControl, Signature, StructView, VirtualMemory, adaptersFor, checkApiVersion, checkMetadata, defineDevice, diffEras, eraName, eraOf, erasIn, findEra, findOp, hasResult, hostCall, isDevice, opEntry, opVersion, readMetadata, runHostAnswer, whyNotNop };

// dist/placement.d.ts
import { PlaceOptions } from './head.js';
import { MemoryRange, ImageSegment, StartOfDay } from './image.js';
import { GuestMemory } from './ports.js';

/** E820 and multiboot range types (ACPI 6, section 15). */
declare const E820_RAM = 1;
declare const E820_RESERVED = 2;
/** A range to be taken out of RAM and reported with its own type. */
type Reservation = NonNullable<PlaceOptions['reserve']>[number];
/** A growing list of pieces, each inside RAM and clear of all others; {@link commit} writes them. */
declare class Placement {
    private readonly pieces;
    private readonly map;
    private readonly head;
    constructor(head: string, map: readonly MemoryRange[]);
    /** Places every segment where it wants to be. `PG_HEAD_NO_ROOM` / `PG_HEAD_OVERLAP` if that cannot be. */
    segments(segments: readonly ImageSegment[]): void;
    /** Places bytes at a fixed address; `length` may exceed them (zero filled). */
    at(base: number, bytes: Uint8Array, what: string, length?: number): void;
    /** Places bytes at the lowest free address in [low, high); returns it. */
    lowest(bytes: Uint8Array, what: string, low: number, high: number, align?: number): number;
    /** Places bytes at the highest free page-aligned address in [low, high); returns it. */
    highest(bytes: Uint8Array, what: string, low: number, high: number): number;
    /** Writes everything. Nothing is refused from here on. */
    commit(memory: GuestMemory): StartOfDay['used'];
    private put;
    private free;
    private collision;
}
/** A memory map with reservations cut out of it and put in with their types; sorted. */
declare function reserveRanges(map: readonly MemoryRange[], reserve: readonly Reservation[]): MemoryRange[];

export { E820_RAM, E820_RESERVED, Placement, type Reservation, reserveRanges };

// dist/ports.d.ts
/**
 * The narrow ports through which the rooms of the house speak. Devices and backends receive these, never the
 * machine; the processor reports its exits through {@link ProcessorPorts} and knows no device.
 *
 * Addresses are numbers below 2^53. Times are virtual nanoseconds since power-on, integers below 2^53.
 * Register-wide values are unsigned 32-bit numbers unless a line says otherwise.
 */
/** Guest physical memory (RAM only). Out-of-range accesses throw `PG_MEMORY_RANGE`. Little-endian. */
interface GuestMemory {
    /** RAM in bytes; RAM starts at physical address 0 and has no holes as far as this port is concerned. */
    readonly size: number;
    read8(pa: number): number;
    read16(pa: number): number;
    read32(pa: number): number;
    write8(pa: number, value: number): void;
    write16(pa: number, value: number): void;
    write32(pa: number, value: number): void;
    /** A copy of `length` bytes. */
    read(pa: number, length: number): Uint8Array;
    /** Writes bytes; translated or decoded code over them is dropped. */
    write(pa: number, bytes: Uint8Array): void;
    fill(pa: number, value: number, length: number): void;
}
/**
 * Whoever has state that a snapshot must keep. A state is plain data: numbers, bigints, strings, booleans, null, byte arrays,
 * and arrays and records of these.
 */
interface Snapshotable<State = unknown> {
    /** A copy of the state. Nothing changes, and nobody outside can tell that it was asked for. */
    save(): State;
    /**
     * Takes a state over. Called once, on what has just been made from the same configuration, with memory and virtual time in
     * place. What it pulls or claims on the way ends as it was; nothing else is to be seen of it. May throw for a state that is none.
     */
    restore(state: State): void;
}
/** A timer as a snapshot keeps it. */
interface SavedTimer {
    /** Virtual nanoseconds. */
    readonly at: number;
    /** Its place among those that are due at the same time. */
    readonly order: number;
}
/** A scheduled callback. */
interface Timer {
    cancel(): void;
    /** For its owner's {@link Snapshotable} state; a timer that nobody saves cannot be had back, and the snapshot is refused. */
    save(): SavedTimer;
}
/** Virtual time, derived from retired instructions. */
interface Clock {
    /** Virtual nanoseconds since power-on (integer). Exact at the instruction that asks. */
    now(): number;
    /** Runs `callback` at the first instruction boundary at or after virtual time `at` (ns). */
    schedule(at: number, callback: () => void): Timer;
    /** Schedules what a snapshot kept, in its old place. */
    resume(saved: SavedTimer, callback: () => void): Timer;
}
/** A level-triggered wire: an interrupt request line, INTR, NMI, SMI, A20. */
interface Line {
    set(level: boolean): void;
}
/** Port I/O as a device sees it. `size` is 1, 2 or 4 bytes; `port` is absolute. */
interface IoHandler {
    /** Widest access the device decodes; the bus splits wider ones into several, low address first, as ISA does. Default 4. */
    readonly ioWidth?: 1 | 2 | 4;
    /** Virtual nanoseconds that an access takes the processor, an integer. Default 1000, as a cycle of the ISA bus does. */
    readonly ioTimeNs?: number;
    /** Returns an unsigned value of `size` bytes. */
    ioRead(port: number, size: number): number;
    ioWrite(port: number, size: number, value: number): void;
}
/** Where devices claim I/O ports. */
interface IoBus {
    /**
     * Claims `count` ports from `first`; an overlap throws `PG_IO_OVERLAP`, an `ioTimeNs` that is no whole number `PG_IO_TIME`. The
     * handler's methods are taken as they are now. Returns a function that releases the ports.
     */
    claim(first: number, count: number, handler: IoHandler, name: string): () => void;
}
/** Memory-mapped registers; `offset` is relative to the claimed base; `size` is 1, 2 or 4 bytes. */
interface MmioHandler {
    mmioRead(offset: number, size: number): number;
    mmioWrite(offset: number, size: number, value: number): void;
}
/** Where devices claim physical address ranges outside RAM. */
interface MmioBus {
    claim(base: number, length: number, handler: MmioHandler, name: string): () => void;
}
/** A byte stream to and from a person: a serial line's far end, a hypervisor console. */
interface ConsolePort {
    /** Guest output, as it comes. */
    write(bytes: Uint8Array): void;
    /** Next byte of input, or -1 if none waits. A device calls it when it has room. */
    read(): number;
    /** Called by the port's owner when input arrives; the device sets it. */
    onInput: (() => void) | null;
}
/** A block medium of 512-byte sectors. Errors throw; a device turns them into its error status. */
interface BlockPort {
    readonly sectors: number;
    readonly readOnly: boolean;
    read(sector: number, into: Uint8Array): void;
    write(sector: number, from: Uint8Array): void;
    flush(): void;
}
/**
 * One end of an Ethernet segment: a network card's, a hypervisor's virtual interface's. Frames begin with the destination
 * address and carry no frame check sequence. A port that keeps frames on their way saves and restores them.
 */
interface NetPort extends Partial<Snapshotable> {
    /** The address that the guest's interface is to have, 6 bytes. */
    readonly mac: Uint8Array;
    /** A frame from the guest. The port copies what it keeps. */
    send(frame: Uint8Array): void;
    /** Called by the port's owner with a frame for the guest; the device sets it. It never calls back during `send`. */
    onReceive: ((frame: Uint8Array) => void) | null;
}
/** A PCI function that only says who it is and carries an expansion ROM; type 0 header, no other base addresses. */
interface PciCard {
    readonly name: string;
    readonly vendor: number;
    readonly device: number;
    /** Base class, sub-class and interface: 24 bits. */
    readonly classCode: number;
    readonly revision?: number;
    readonly subsystemVendor?: number;
    readonly subsystem?: number;
    /** The expansion ROM's contents; its window is the next power of two. */
    readonly rom?: Uint8Array;
}
/** The hardware's board as a backend reaches it. */
interface BoardPort {
    /** Plugs a card into a free slot of PCI bus 0, its ROM's base assigned and off, as firmware leaves it. `PG_PCI_SLOT`. */
    plug(card: PciCard): void;
    /** An edge on IRQ 0, the timer's line, at every interrupt controller that it reaches. */
    timerIrq(): void;
    /** The local APIC's timer entry (LVT timer) delivers, as when its count ends; nothing while it is masked. */
    apicTimer(): void;
}
/** Something unusual a device or processor wants people to know, said once per key. */
interface Reporter {
    /** `key` identifies the subject (`ioport 0x2e8`, `msr 0x1b0`); later reports with the same key are counted, not repeated. */
    report(key: string, message: string): void;
}
/** What can end a run from inside: a power switch, a reset, a debug exit. */
interface PowerPort {
    powerOff(): void;
    reset(why: string): void;
    /** `isa-debug-exit`: the machine stops with status (value << 1) | 1, as QEMU. */
    debugExit(value: number): void;
}
/** Instructions by which a guest calls its hypervisor (SDM vol. 3C 25.1.2; APM vol. 3, VMMCALL). */
type HypercallInstruction = 'vmcall' | 'vmmcall';
/** The four registers that CPUID answers in. */
type CpuidRegisters = readonly [eax: number, ebx: number, ecx: number, edx: number];
/** What the processor asks of the world around it. All synchronous. */
interface ProcessorPorts {
    ioRead(port: number, size: number): number;
    ioWrite(port: number, size: number, value: number): void;
    /** Physical accesses outside RAM; size 1, 2 or 4. Unclaimed addresses read as all ones. */
    mmioRead(pa: number, size: number): number;
    mmioWrite(pa: number, size: number, value: number): void;
    /** MSRs that the processor itself does not implement; undefined / false mean absent: #GP(0). */
    readMsr(index: number): bigint | undefined;
    writeMsr(index: number, value: bigint): boolean;
    /** INTA cycle: the vector of the highest-priority pending interrupt; -1 when the request turned out to be withdrawn. */
    acknowledgeInterrupt(): number;
    /**
     * VMCALL or VMMCALL was executed, at any privilege level. False: nobody claims it, and it is #UD. `again`: it retires, and comes
     * next again, behind what waits to be delivered. Absent: always #UD.
     */
    hypercall?(instruction: HypercallInstruction): boolean | 'again';
    /**
     * CPUID as the guest is to see it, where that differs from `own`, the processor's answer. EAX, EBX, ECX, EDX, unsigned.
     * Undefined, or absent: `own`.
     */
    cpuid?(leaf: number, subleaf: number, own: CpuidRegisters): CpuidRegisters | undefined;
    /** A host op stub was executed (see `opcode 0F 3F`); the registers are in the processor's state. */
    hostOp(index: number): void;
    /** FERR#: an unmasked x87 exception with CR0.NE = 0. */
    ferr(level: boolean): void;
    /** The processor shut down (triple fault). */
    shutdown(): void;
    reporter: Reporter;
}

export type { BlockPort, BoardPort, Clock, ConsolePort, CpuidRegisters, GuestMemory, HypercallInstruction, IoBus, IoHandler, Line, MmioBus, MmioHandler, NetPort, PciCard, PowerPort, ProcessorPorts, Reporter, SavedTimer, Snapshotable, Timer };

// dist/snapshot.d.ts
import { ParagraftError } from './errors.js';
import { Snapshotable } from './ports.js';

/** What savers and restorers share: many states as one, and refusals that name both sides. */

/** States by the names of those whose they are. */
type NamedStates = Readonly<Record<string, unknown>>;
/**
 * Several as one, saved and restored in this order. `restore` throws `PG_SNAPSHOT_STATE`, with the path of names, for one whose
 * state is missing or is none, and for states of parts that are not there; nothing is restored in the latter case.
 */
declare function together(parts: Readonly<Record<string, Snapshotable>>): Snapshotable<NamedStates>;
/** A refusal: the snapshot was made with one thing, the machine that was to continue it has another. */
declare function snapshotMismatch(what: string, snapshot: string, machine: string): ParagraftError;

export { type NamedStates, snapshotMismatch, together };
