// dist/index.d.ts
import { Snapshotable, LedgerRow, GuestLayout, GuestMemory, Moment as Moment$1, InputArrival, ConsolePort, SavedTimer, Clock, Reporter, StopReason, RegisterView, RunOptions, RunOutcome, Machine, RunReport, ExitCounts, BackendCounts, OpsModule, GuestFaultKind, MachineEvent, Backend, BackendOptionValues, BootModule, BlockPort, NetPort, Device, DeprecationNotice, AnswerKind } from '@paragraft/core';
import { AppliedGraft, GraftPlan } from '@paragraft/loader';
import { EventClockState, EventClock } from '@paragraft/devices';
import { Engine, LockstepSubject } from '@paragraft/cpu';
import { BackendOptionTypes } from '@paragraft/core/backends';

/**
 * Keeps core's ledger for a running machine: sees the module's functions appear in the guest's table, the guest's patcher
 * rewrite its call sites, and every call that reaches an answer.
 */

interface BookkeeperSources {
    layout: GuestLayout;
    /** Absent when the guest's own ops stay. */
    graft?: AppliedGraft;
    memory: GuestMemory;
    /** Counts executions of the instruction at a physical address; returns a function that reads the count. */
    probe: (pa: number) => () => number;
}
/** A slot that changed hands. */
interface Installed {
    slot: number;
    op: string;
    owner: string;
}
/** What a snapshot keeps; the counts of probes are the engine's, those of code answers in guest memory. */
interface BookkeeperState {
    ledger: LedgerRow[];
    /** Slots whose function has not been seen in the table. */
    awaited: number[];
    /** Patched call sites, by their physical addresses. */
    patched: number[];
    hostCalls: [slot: number, calls: number][];
    entered: [slot: number, calls: number][];
    /** Calls that earlier owners had had of slots that changed hands while the guest ran. */
    earlier: [slot: number, calls: number][];
}
declare class Bookkeeper implements Snapshotable<BookkeeperState> {
    #private;
    constructor(sources: BookkeeperSources);
    /** True while functions of the module are still to appear in the guest's table. */
    get expectsInstalls(): boolean;
    /** Looks at the table; enters and returns what has been installed since the last look. */
    look(at: Moment$1): Installed[];
    /** A graft has taken its slots while the guest runs: enters both owners, and the moment. */
    changed(plan: GraftPlan, at: Moment$1): Installed[];
    /** A graft that took its slots before: from now on their calls are counted where it answers. */
    resume(plan: GraftPlan): void;
    /** Enters a call that a host function answers. */
    hostCalled(slot: number): void;
    save(): BookkeeperState;
    restore(state: BookkeeperState): void;
    /** Every row, up to date. */
    rows(): LedgerRow[];
}

/**
 * The person's end of the guest's consoles. Output of every console device goes one way; input is either typed, and
 * reaches the guest at once, or held, and released line by line at points that the guest's own execution defines, so
 * that a piped script gives the same run each time.
 */

interface ConsoleHubOptions {
    /** Guest output, as it comes; the bytes are the receiver's to keep. */
    output: (bytes: Uint8Array) => void;
    /** Now, for the record of arrivals. */
    stamp: () => {
        instructions: number;
        virtualNs: number;
    };
}
/** What a snapshot keeps: input that has come, and what of it the guest does not have yet. */
interface ConsoleHubState {
    arrivals: InputArrival[];
    pending: Uint8Array;
    held: Uint8Array;
    polls: number;
    idleNs: number;
}
declare class ConsoleHub implements Snapshotable<ConsoleHubState> {
    #private;
    /** Every arrival so far. */
    readonly arrivals: InputArrival[];
    constructor(options: ConsoleHubOptions);
    /**
     * A port for one console device. `ready` says whether the guest listens there; without it, it always does. A device
     * that only writes gives `() => false`.
     */
    port(ready?: () => boolean): ConsolePort;
    /** Watches the output for a text from now on; `seen` is called once, at the byte that completes it. */
    watch(text: string, seen: (text: string) => void): void;
    /** Typed input: the guest can have it at once. */
    type(bytes: Uint8Array): void;
    /** Input to be released at idle points. */
    hold(bytes: Uint8Array): void;
    /** True while held input waits for its idle point. */
    get holding(): boolean;
    /** True if some device would take input now. */
    get listening(): boolean;
    /** Virtual idle time that must still pass before a held line is released; Infinity if nobody listens or none waits. */
    get idleStillNeeded(): number;
    /** The guest was idle for so long. Releases a line when that completes the wait. */
    idled(ns: number): void;
    /** Gives the guest the next held line, its newline included. */
    release(): void;
    save(): ConsoleHubState;
    restore(state: ConsoleHubState): void;
}

/** Input of an earlier run that is given to the guest again, each arrival at its virtual time. */

/** What a snapshot keeps: arrivals that are still to come. */
type ReplayState = {
    arrival: InputArrival;
    timer: SavedTimer;
}[];
declare class Replay implements Snapshotable<ReplayState> {
    #private;
    constructor(clock: Clock, deliver: (arrival: InputArrival) => void);
    /** Gives the guest these, in place of any that were still to come. At the same time as a device's event, they come first. */
    start(arrivals: readonly InputArrival[]): void;
    save(): ReplayState;
    restore(state: ReplayState): void;
}

/**
 * Diagnostics said once: the first report of a key is passed on, later ones are counted. A guest can make up keys without end
 * (MSRs, ports, hypercalls by number), so that beyond a number of them all further ones are one.
 */

/** One subject that was reported. */
interface Reported {
    key: string;
    message: string;
    count: number;
}
declare class ReportLog implements Reporter, Snapshotable<Reported[]> {
    #private;
    /** `first` is called for the first report of each key. */
    constructor(first: (report: Reported) => void);
    report(key: string, message: string): void;
    save(): Reported[];
    restore(reports: Reported[]): void;
    /** All subjects, in the order of their first report. */
    all(): Reported[];
}

/**
 * The run loop. Virtual time is retired instructions times a constant, plus what port accesses took, plus the idle time
 * that was skipped; the agenda of scheduled events bounds how far the processor runs at a time, so that every event falls on
 * an exact instruction boundary and the same boot gives the same run.
 */

/** The part of the engine that the run loop drives. */
interface RunnableProcessor {
    /**
     * Runs at most so many instructions. `budget`: all of them retired. `halt`: HLT, and no interrupt is deliverable.
     * `shutdown`: triple fault. `runaway`: exceptions without end. `exit`: `requestExit` was called.
     */
    run(maxInstructions: number): 'budget' | 'halt' | 'shutdown' | 'runaway' | 'exit';
    /** Retired instructions since power-on; exact also while a port of the processor is being served. */
    instructions(): number;
    /** Takes so many instructions off what `run` has still to do; called while a port is being served. */
    shorten(count: number): void;
    /** Makes `run` return at the next instruction boundary. */
    requestExit(): void;
    registers(): RegisterView;
    /** Somebody other than an interrupt may end the halt: a hypervisor, at whose word the guest waits. */
    awaited?(): boolean;
}
/** How `run` treats a halted guest that an event can wake. */
interface ScheduleOptions extends RunOptions {
    /**
     * `skip` (default): virtual time jumps to the next event. `return`: the call returns `idle`, and its caller decides
     * how far to move time with `skipIdle`.
     */
    idle?: 'skip' | 'return';
}
/** What a snapshot keeps of virtual time, apart from the instructions that the engine counts. */
interface SchedulerState {
    skippedNs: number;
    spentNs: number;
    agenda: EventClockState;
}
declare class Scheduler implements Snapshotable<SchedulerState> {
    #private;
    readonly clock: EventClock;
    /** Virtual nanoseconds that one retired instruction takes. */
    readonly nsPerInstruction: number;
    /** Most instructions between two calls of `onSlice`. */
    longestSlice: number;
    /** Called after idle time has been skipped, with its length. */
    onIdle: ((ns: number) => void) | null;
    /** Called once, when the machine stops. */
    onStop: ((reason: StopReason) => void) | null;
    /** Called between two runs of the processor. */
    onSlice: (() => void) | null;
    constructor(processor: RunnableProcessor, nsPerInstruction: number);
    /** Virtual nanoseconds since power-on. */
    now(): number;
    /** Virtual nanoseconds that passed while the processor was halted. */
    get skippedNs(): number;
    /** The instruction being executed takes so much longer: a port kept the processor waiting. Events come that much sooner. */
    spend(ns: number): void;
    /** Why the machine stopped, if it has. */
    get stopped(): StopReason | null;
    /** Ends the run at this instruction boundary; the first reason stays. */
    stop(reason: StopReason): void;
    /** Makes `run` return `budget` at the next instruction boundary. */
    pause(): void;
    save(): SchedulerState;
    /** Time as it was. What waits on it is the timers' owners' to resume; {@link finishRestore} is for when they have. */
    restore({ skippedNs, spentNs, agenda }: SchedulerState): void;
    /** The agenda is as it was. Throws `PG_SNAPSHOT_STATE` when it has other timers than it had. */
    finishRestore(): void;
    /** True while the processor runs, and its ports and timers are served. */
    get running(): boolean;
    /** Moves virtual time of a halted guest forward to `at`, but not beyond the next event. */
    skipIdle(at: number): void;
    run(options?: ScheduleOptions): RunOutcome;
}

/**
 * A machine that has been put together and can be run: the engine, its devices and its backend, the graft and the ledger,
 * behind core's `Machine`. How it is put together is assemble.ts; what happens around it is run.ts.
 */

/** What assembly hands over. */
interface MachineParts {
    scheduler: Scheduler;
    memory: GuestMemory;
    console: ConsoleHub;
    reports: ReportLog;
    /** Null for a guest without a table. */
    books: Bookkeeper | null;
    backendName: string;
    headName: string;
    modules: RunReport['modules'];
    registers: () => RegisterView;
    instructions: () => number;
    exits: () => ExitCounts;
    /** What the backend has counted. */
    counts: () => BackendCounts;
    /** The text screen, line by line; empty when the machine has none. */
    screen: () => string[];
    /** One scan code byte from the keyboard; nothing happens when the machine has none. */
    key: (scancode: number) => void;
    /** Installs a module that waits for the embedder's word; returns how many slots it took. */
    install: (module: OpsModule) => number;
    /** The whole machine as a snapshot. */
    snapshot: () => Uint8Array;
}
declare class PcMachine implements Machine {
    #private;
    /** The person's end of the guest's consoles. */
    readonly console: ConsoleHub;
    readonly memory: GuestMemory;
    readonly backendName: string;
    readonly headName: string;
    /** Input of an earlier run that is still to come. */
    readonly replaying: Replay;
    constructor(parts: MachineParts);
    get clock(): Clock;
    run(options?: ScheduleOptions): RunOutcome;
    /** Virtual time of the next event, Infinity if there is none. */
    nextEventAt(): number;
    /** Moves the time of a halted guest forward, at most to its next event. */
    skipIdle(at: number): void;
    /** Makes `run` return `budget` at the next instruction boundary: for those who are called while it runs. */
    pause(): void;
    /**
     * The whole machine, to go on from in another process: `createMachine` with `snapshot`. Between two calls of `run` only, and
     * before the guest has ended. The media behind its disk are not in it. Throws `PG_SNAPSHOT_MOMENT`,
     * `PG_SNAPSHOT_UNSUPPORTED` (the backend cannot), `PG_SNAPSHOT_TIMER` and `PG_SNAPSHOT_VALUE`.
     */
    snapshot(): Uint8Array;
    /** Gives the guest the input of an earlier run from its report, as far as it has not had it, at the same virtual times. */
    replay(arrivals: readonly InputArrival[]): void;
    /**
     * Installs an ops module that the machine was given with `install: 'embedder'`: from its next call on the guest goes to the
     * module's functions. Returns how many slots changed hands. Throws `PG_INSTALL_MODULE`, `PG_INSTALL_PATCHED` (the guest has
     * patched call sites of these ops), `PG_INSTALL_TABLE` and `PG_INSTALL_UNMAPPED`; nothing is changed then.
     */
    install(module: OpsModule): number;
    /** Ends the run; the first reason stays. */
    stop(reason: StopReason): void;
    /** Ends the run because of something that the guest, or an answer that was given to it, did. */
    fault(fault: GuestFaultKind, code: string, message: string): void;
    registers(): RegisterView;
    instructions(): number;
    exits(): Readonly<ExitCounts>;
    /** The ledger, a row per slot of the guest's table; empty for a guest without one. */
    ops(): readonly LedgerRow[];
    /** The VGA text screen, line by line, without trailing spaces. */
    screen(): string[];
    /**
     * Keys pressed and released on the PC's keyboard: bytes of scan code set 1, as `I8042.key` takes them. Recorded like
     * typed text, so that a replay has them too.
     */
    key(...scancodes: number[]): void;
    on(listener: (event: MachineEvent) => void): () => void;
    /** Passes an event of the parts on to whoever listens. */
    said(key: string, message: string): void;
    /** A slot has changed hands while the guest runs. */
    installed(installed: Installed): void;
    /** The run report, with the stop and the host's seconds that its caller measured. */
    report(stop: StopReason, seconds: number): RunReport;
}

/** The engines by their names here. */

/** Engines to choose from. `auto` is the fastest that this version has. */
declare const ENGINES: readonly ["auto", "translator", "interpreter", "reference"];
type EngineName = (typeof ENGINES)[number];

/** What a machine is made of, as its embedder says it, and what of that can be refused by itself. */

/** One port access, for a trace. */
interface IoAccess {
    instructions: number;
    write: boolean;
    port: number;
    /** Bytes: 1, 2 or 4. */
    size: number;
    value: number;
}
/** One call of an op that a host function answers, for a trace. */
interface OpCall {
    instructions: number;
    slot: number;
    op: string;
    returnAddress: number;
}
/** What a machine is made of. */
interface MachineConfig {
    /** The guest's image: ELF, bzImage, multiboot kernel. */
    image: Uint8Array;
    /** Its name, for protocols that hand it on. */
    imageName?: string;
    backend: Backend;
    /** The backend's options, by name. */
    backendOptions?: BackendOptionValues;
    /** Ops modules to graft, in order; a later one wins a slot that several answer. */
    ops?: readonly OpsModule[];
    /**
     * The backend's default ops, below `ops`, for a guest that does not know the backend and has a table that they target; in place
     * of the backend's own `ops`. null: no such module, whatever the guest.
     */
    defaultOps?: OpsModule | (() => Promise<OpsModule | undefined>) | null;
    /** RAM in bytes, a multiple of 4096. Default: the snapshot's, else 256 MiB. */
    memory?: number;
    /** The guest's command line. Without `console=` in it, the head's default console is added. */
    commandLine?: string;
    initrd?: Uint8Array | undefined;
    modules?: readonly BootModule[];
    /** The disks in their order; one may stand by itself. */
    disk?: BlockPort | readonly BlockPort[];
    /** The guest's network interface, made when the machine's clock exists. Only a backend with interfaces gives it to the guest. */
    net?: (clock: Clock) => NetPort;
    /** Devices on the board's buses, beside its own. */
    devices?: readonly Device[];
    engine?: EngineName;
    /**
     * What `PcMachine.snapshot` gave: the machine goes on from there. It must be made of the same parts; command line, initrd and
     * boot modules are in its memory already, and are not looked at. The engine may be another.
     */
    snapshot?: Uint8Array;
    /** Virtual nanoseconds per instruction, an integer of at least 1. Default {@link NS_PER_INSTRUCTION}. */
    nsPerInstruction?: number;
    /** What the real-time clock shows at power-on, in seconds since 1970. Default {@link RTC_EPOCH_SECONDS}. */
    rtcEpochSeconds?: number;
    /** Guest console output, as it comes; the bytes are the receiver's to keep. */
    output: (bytes: Uint8Array) => void;
    /** What is being done, and how far it is, while the machine is put together. */
    progress?: (text: string, done?: number, total?: number) => void;
    /** Sees every use of what a later version will refuse; `tellOnce` makes of it what people want to hear. */
    deprecated?: (notice: DeprecationNotice) => void;
    /** Sees every port access. */
    onIo?: (access: IoAccess) => void;
    /** Sees every call that a host function answers. */
    onOpCall?: (call: OpCall) => void;
    /** Gets the engine as soon as it exists, for debuggers and lock-step runs. */
    onEngine?: (engine: Engine) => void;
    /** Sees every instruction's offset in CS before it executes. Slow; for proofs and for hunting. */
    onInstruction?: (eip: number) => void;
}
/** A processor of 250 million instructions a second: delays that a guest counts stay short for the host. */
declare const NS_PER_INSTRUCTION = 4;
/** 2026-01-01 00:00:00 UTC: the same at every boot, so that the same boot is the same run. */
declare const RTC_EPOCH_SECONDS = 1767225600;

/** Builds a machine, ready for its first instruction. Throws coded errors; nothing outlives a refusal. */
declare function createMachine(config: MachineConfig): Promise<PcMachine>;

/** Several runs side by side: what each came to, how often its guest left, and who answered which op how often. */

/** A run under a name of the caller's, or why it was refused before the guest started. */
type NamedRun = {
    readonly name: string;
    readonly report: RunReport;
} | {
    readonly name: string;
    readonly refused: {
        readonly code: string;
        readonly message: string;
    };
};
/** One run of a comparison, without what stands in its rows. */
interface ComparedRun {
    readonly name: string;
    readonly refused?: {
        readonly code: string;
        readonly message: string;
    };
    readonly backend?: string;
    readonly head?: string;
    readonly modules?: RunReport['modules'];
    readonly stop?: StopReason;
    readonly instructions?: number;
    readonly virtualNs?: number;
    /** Calls to its hypervisor, when the backend counts them. */
    readonly hypercalls?: number;
}
/** What one run made of an op. */
interface ComparedAnswer {
    readonly owner: string;
    readonly answer: AnswerKind;
    readonly calls: number;
    /** What the backend's interface makes of the op, where it serves the guest's own. */
    readonly via?: string;
}
/** Rows have one entry a run, in the order of `runs`; null where a run has no such thing. */
interface Comparison {
    readonly runs: readonly ComparedRun[];
    readonly exits: readonly {
        readonly kind: keyof ExitCounts;
        readonly counts: readonly (number | null)[];
    }[];
    readonly hypercalls: readonly {
        readonly name: string;
        readonly counts: readonly (number | null)[];
    }[];
    readonly ops: readonly {
        readonly op: string;
        readonly answers: readonly (ComparedAnswer | null)[];
    }[];
}
/** Puts runs side by side. Rows are in the order in which they first occur; an op in several slots has its calls added up. */
declare function compareRuns(named: readonly NamedRun[]): Comparison;

/** Config files: `export default defineConfig({ … })` in `paragraft.config.ts`. */

/** A backend's name: one whose options are known, or any other. */
type BackendName = keyof BackendOptionTypes | (string & {});
/**
 * Options by backend. Those of a backend whose types are in sight (`import type {} from '@paragraft/backend-vmi'`) are checked; of others
 * any are taken, and checked when the backend is loaded.
 */
type BackendOptionsByName = Partial<BackendOptionTypes> & {
    readonly [name: string]: object | undefined;
};
/** Gives a config file its types. */
declare function defineConfig(config: ParagraftConfig): ParagraftConfig;

/** The settings of a run. All of them optional. */
interface RunConfig {
    /**
     * The guest's image, for a command line that names none.
     */
    guest?: string | undefined;
    /**
     * Who plays the hypervisor: the name or path of a package, or a backend itself. Default: native.
     */
    backend?: BackendName | Backend | undefined;
    /**
     * Options of backends, by the name of each; those of the backend that runs are used. An artefact is a name, or the path or package that it is loaded from.
     */
    backends?: BackendOptionsByName | undefined;
    /**
     * Options for whichever backend runs.
     * @deprecated Use `backends: { NAME: { … } }`, which keeps the options of each.
     */
    backendOptions?: Record<string, unknown> | undefined;
    /**
     * Names or paths of ops modules, or modules themselves, in the order in which they are grafted. none leaves out the backend's default.
     */
    ops?: (string | OpsModule)[] | undefined;
    /**
     * RAM, as "256M" or in bytes. Default: 256M.
     */
    memory?: string | number | undefined;
    /**
     * The guest's command line.
     */
    append?: string | undefined;
    /**
     * Initial RAM disk.
     */
    initrd?: string | undefined;
    /**
     * Boot modules: FILE, or FILE=COMMAND LINE.
     */
    module?: string[] | undefined;
    /**
     * Names or paths of devices, or devices themselves, that sit on the board's buses beside its own.
     */
    device?: (string | Device)[] | undefined;
    /**
     * A raw disk image, or several in their order.
     */
    disk?: string | string[] | undefined;
    /**
     * The network interface: none, loopback or peer; with =FILE, frames are captured into it.
     */
    net?: string | undefined;
    /**
     * Stop with status 0 when this text has been on the console.
     */
    until?: string | undefined;
    /**
     * Stop with status 4 after so many seconds of the host's time.
     */
    timeout?: number | undefined;
    /**
     * Print the VGA text screen when the run stops.
     */
    screen?: boolean | undefined;
    /**
     * Write the run as data into this file.
     */
    report?: string | undefined;
    /**
     * Traces: KIND, or KIND=FILE.
     */
    trace?: string[] | undefined;
    /**
     * The engine. All make the same run, at different speeds.
     */
    engine?: EngineName | undefined;
    /**
     * Virtual nanoseconds per instruction, a whole number.
     */
    nsPerInstruction?: number | undefined;
    /**
     * Input of an earlier run, from its report: delivered at the same points in place of standard input.
     */
    replay?: InputArrival[] | undefined;
}
/** A config file's contents. Paths and names in it are seen from its folder. */
interface ParagraftConfig extends RunConfig {
    /** For JSON: where the schema is, `./node_modules/paragraft/schema/config.json`. */
    $schema?: string;
    /** Settings under a name, laid over those at the top by `--profile NAME`. */
    profiles?: Record<string, RunConfig>;
}

/** A whole machine as one side of a lock-step run (see @paragraft/cpu's runLockstep): the same boot under two engines. */

/** Builds the machine of `config`. Give both sides the same config, save for `engine`. */
declare function lockstepMachine(config: MachineConfig): Promise<LockstepSubject>;

type Moment = {
    kind: 'instructions';
    count: number;
} | {
    kind: 'time';
    virtualNs: number;
}
/** When the text has been on the console. */
 | {
    kind: 'text';
    text: string;
};

/**
 * A run from the outside: slices of the synchronous machine, and between them the outside world – typed and piped input,
 * the host's clock for a time limit, pauses that keep an idle guest from racing through its own time while somebody may
 * still type.
 */

/** Where an input source puts what it has. */
interface InputSink {
    data(bytes: Uint8Array): void;
    /** No more will come. */
    end(): void;
    /** The person wants out. */
    leave(): void;
}
interface InputSource {
    /** `typed`: a person; reaches the guest at once. `held`: a script; released line by line while the guest idles. */
    readonly manner: 'typed' | 'held';
    /** Begins to deliver, from the event loop only. */
    start(sink: InputSink): void;
    stop(): void;
}
interface RunMachineOptions {
    /** Stop when this text has been on the console. */
    until?: string;
    /** Stop after so many seconds of the host's time. */
    timeout?: number;
    input?: InputSource;
    /** Input of an earlier run, delivered at the same virtual times. */
    replay?: readonly InputArrival[];
    /** Something to be done once, between two instructions: a snapshot. Not done if the run ends before. */
    at?: {
        moment: Moment;
        act: (machine: PcMachine) => void;
    };
    /** Called after every slice, e.g. to flush output. */
    onSlice?: () => void;
}
/** Runs a machine to its end and reports. */
declare function run(machine: PcMachine, options?: RunMachineOptions): Promise<RunReport>;

export { type BackendName, type BackendOptionsByName, type ComparedAnswer, type ComparedRun, type Comparison, ConsoleHub, type ConsoleHubOptions, ENGINES, type EngineName, type InputSink, type InputSource, type IoAccess, type MachineConfig, NS_PER_INSTRUCTION, type NamedRun, type OpCall, type ParagraftConfig, PcMachine, RTC_EPOCH_SECONDS, type RunConfig, type RunMachineOptions, type ScheduleOptions, compareRuns, createMachine, defineConfig, lockstepMachine, run };

// dist/node.d.ts
/**
 * Lets V8 optimise JavaScript later than it would, in Node 20; does nothing in others. V8 before 12 has no compiler between its
 * baseline and TurboFan, which it lets loose on whatever has run for a few milliseconds: a boot of Linux, which lasts little more
 * than a second and runs most of its JavaScript once, spent a fifth of its CPU time on that. It is a setting of the whole
 * process: call it once, before the first machine.
 */
declare function tuneV8(): void;

export { tuneV8 };
