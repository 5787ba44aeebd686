// dist/index.d.ts
import { Machine } from '@paragraft/core';
import { Backend, BackendOptionValues, OpsModule, BackendPorts, BackendInstance } from '@paragraft/core/ops';
import { BlockPort, Clock, NetPort } from '@paragraft/core/ports';

/** What is tested, and what the suite is lent for it. */

/** A runner's function: vitest's `test`, node:test's, or any that takes a name and a body that throws when it fails. */
type TestFunction = (name: string, body: () => void | Promise<void>) => unknown;
/** What the suite asks of a machine factory: part of the configuration that `createMachine` of `paragraft` takes. */
interface MachineRequest {
    image: Uint8Array;
    imageName: string;
    backend: Backend;
    backendOptions?: BackendOptionValues;
    ops: readonly OpsModule[];
    /** Bytes. */
    memory: number;
    commandLine: string;
    disk?: BlockPort;
    net?: (clock: Clock) => NetPort;
    /** What {@link SuiteMachine.snapshot} gave: the machine goes on from there. */
    snapshot?: Uint8Array;
    output: (bytes: Uint8Array) => void;
}
/** A machine, with what the suite needs beyond core's contract. */
interface SuiteMachine extends Machine {
    /** The whole machine, saved between two calls of `run`. Throws `PG_ABILITY` where the backend does not support it. */
    snapshot(): Uint8Array;
    /** Installs a module that waits for the embedder; how many slots it took. Throws the `PG_INSTALL_…` codes. */
    install(module: OpsModule): number;
}
/** Builds a machine; coded errors where the contracts refuse. `createMachine` of `paragraft` is one. */
type MachineFactory = (request: MachineRequest) => Promise<SuiteMachine> | SuiteMachine;
/** The package.json of what is tested, or the part that matters. */
interface PackageManifest {
    readonly name?: unknown;
    readonly paragraft?: unknown;
}
/** What {@link conformance} is given. */
interface Subject {
    readonly test: TestFunction;
    readonly createMachine: MachineFactory;
    readonly backend: Backend;
    /** The backend's options for every machine of the suite. */
    readonly backendOptions?: BackendOptionValues;
    /** Modules that are grafted onto the suite's guests: the backend's own, or the one that is to be tested on it. */
    readonly ops?: readonly OpsModule[];
    /**
     * The package.json of the backend, or of the module that is tested: its `paragraft` is held against the definition. Cases are
     * left out by the abilities that it lists, and by nothing else.
     */
    readonly manifest: PackageManifest;
    /** Comes before every name. */
    readonly label?: string;
}

/** A case of the suite: a name and what must hold. */

interface Case {
    readonly name: string;
    run(): void | Promise<void>;
}

/** One behaviour of one op. */
interface OpCase {
    /** Its number, by which the guest reports. */
    readonly number: number;
    /** Slot of the guest's table. */
    readonly slot: number;
    /** Identity of the op: `irq.irq_disable`. */
    readonly op: string;
    /** What holds: `no interrupt arrives while IF is clear`. */
    readonly title: string;
    /** How the catalogue lets a platform refuse the op; null: not at all. */
    readonly refusal: string | null;
}
/** The kernel's cases, in its order: `struct op_case` is slot, title, function. */
declare const opCases: readonly OpCase[];

/**
 * Runs the guest and hears its cases. A case that ends the guest, or from which nothing more is heard, has failed; the guest
 * is started again behind it, so that one fault has one name.
 */

/** The guest's two page-table formats, by what its command line says for each. */
declare const FORMATS: {
    readonly 'PAE tables': "";
    readonly 'two-level tables': "nopae";
};
type Format = keyof typeof FORMATS;

/**
 * The meaning of every op, held against native semantics by the guest's own cases: through its table, and through its patched
 * call sites, under both formats of page tables.
 */

/** A case's name without a subject's label: `PAE tables: irq.irq_disable: IF is clear`. */
declare function opCaseName(format: Format, { op, title }: OpCase): string;
/**
 * One of these cases by its name, in a run of its own: the same verdict, sooner. Undefined for a name that is none. For an author
 * who mends one op, and for proofs that a fault is found.
 */
declare function opCaseAlone(subject: Subject, name: string): Case | undefined;

/** Stepping between a backend and its machine: to watch it, or to make it do wrong and see the suite find out. */

/** What is put in between. */
interface Interposition {
    /** The ports as the backend is to see them. */
    ports?(ports: BackendPorts): BackendPorts;
    /** The instance as the machine is to see it; `ports` are the machine's own. */
    instance?(instance: BackendInstance, ports: BackendPorts): BackendInstance;
}
/** The same backend with something in between. */
declare function interposed(backend: Backend, { ports: changed, instance: wrapped }: Interposition): Backend;
/** `target` with some members replaced; the others are its own, methods of classes with private fields too. */
declare function overlay<T extends object>(target: T, members: Partial<T>): T;

/** The cases that are for this subject, in the order in which they are registered. */
declare function casesFor(subject: Subject): Case[];
/**
 * Registers the whole suite with the caller's runner, a test a case. Nothing runs before the runner calls the bodies, and the
 * machines that they share are made by the first that needs them.
 */
declare function conformance(subject: Subject): void;

export { type Case, type Interposition, type MachineFactory, type MachineRequest, type OpCase, type PackageManifest, type Subject, type SuiteMachine, type TestFunction, casesFor, conformance, interposed, opCaseAlone, opCaseName, opCases, overlay };
