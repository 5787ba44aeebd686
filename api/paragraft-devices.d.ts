// dist/index.d.ts
import { GuestMemory, IoHandler, Snapshotable, SavedTimer, IoBus, Clock, Line, PowerPort, Reporter, MmioHandler, MmioBus, Timer, ConsolePort, NetPort, PciCard, BlockPort } from '@paragraft/core/ports';
import { NamedStates } from '@paragraft/core/snapshot';

interface AcpiOptions {
    /**
     * What the tables describe: a PC (the default), or a machine with a local APIC and the power registers, and none of a PC's
     * other devices.
     */
    board?: 'pc' | 'none';
    /** Base of the PM registers, default 0x600. */
    pmBase?: number;
    localApicId?: number;
    ioApicId?: number;
}
/** Where the tables were put. */
interface AcpiPlacement {
    /** Physical address of the RSDP, on a 16-byte boundary. */
    rsdp: number;
    tables: {
        signature: string;
        address: number;
        length: number;
    }[];
    /** First byte past everything. */
    end: number;
}
/** Memory above this is PCI's, up to the I/O APIC. */
declare const PCI_MEMORY_FIRST = 3758096384;
declare const PCI_MEMORY_LAST = 4273995775;
/** IRQ of the SCI, level triggered and active high. */
declare const SCI_IRQ = 9;
/** Fixed ACPI description table, revision 3 (5.2.9). */
declare function buildFadt(facs: number, dsdt: number, options?: AcpiOptions): Uint8Array;
/** Multiple APIC description table (5.2.11): one processor; on a PC, one I/O APIC and the ISA overrides. */
declare function buildMadt(options?: AcpiOptions): Uint8Array;
/** Differentiated system description table: the bus, its interrupt routing, the devices that are not on PCI, S5. */
declare function buildDsdt(options?: AcpiOptions): Uint8Array;
/** Firmware ACPI control structure (5.2.10): no checksum, 64-byte alignment. */
declare function buildFacs(): Uint8Array;
/** Root system description table (5.2.7). */
declare function buildRsdt(tables: readonly number[]): Uint8Array;
/** Root system description pointer, ACPI 1.0 form (5.2.5.3): the loader finds it by signature and sum. */
declare function buildRsdp(rsdt: number): Uint8Array;
/**
 * Builds all tables and writes them to guest memory from `at`, RSDP first. `at` should lie in 0xE0000–0xFFFFF, where
 * guests look, and the memory map must keep the range reserved.
 * @throws ParagraftError `PG_ACPI_PLACE` when they do not fit below 1 MB.
 */
declare function placeAcpi(memory: GuestMemory, at?: number, options?: AcpiOptions): AcpiPlacement;

/**
 * The ACPI fixed hardware of a PIIX4 (Intel 82371AB data sheet, 7.2; ACPI 3.0, 4.7.3): PM1a event and control
 * blocks, the 3.579545 MHz PM timer and the SMI command port that switches ACPI mode on. Values of SLP_TYP and of the
 * SMI commands are those of QEMU's `pc` board, so that guests find what they know.
 */

declare const PM_TIMER_HZ = 3579545;
/** Offsets from the PM base. */
declare const PM1A_EVT = 0;
declare const PM1A_CNT = 4;
declare const PM_TMR = 8;
declare const SMI_CMD = 178;
declare const ACPI_ENABLE = 241;
declare const ACPI_DISABLE = 240;
/** SLP_TYP of S5: soft off. */
declare const SLP_TYP_S5 = 0;
interface AcpiPmOptions {
    bus: IoBus;
    clock: Clock;
    sci: Line;
    power: PowerPort;
    reporter: Reporter;
    /** Default 0x600. */
    base?: number;
}
interface AcpiPmState {
    status: number;
    enable: number;
    control: number;
    smiCommand: number;
    checkedTick: number;
    sci: boolean;
    timer: SavedTimer | null;
}
declare class AcpiPm implements IoHandler, Snapshotable<AcpiPmState> {
    #private;
    readonly ioWidth = 4;
    readonly base: number;
    constructor(options: AcpiPmOptions);
    ioRead(port: number, size: number): number;
    ioWrite(port: number, size: number, value: number): void;
    /** The user presses the power button: an SCI if the guest wants one. */
    pressPowerButton(): void;
    reset(): void;
    save(): AcpiPmState;
    restore(state: AcpiPmState): void;
}

/**
 * The local APIC's timer (Intel SDM vol. 3A, 10.5.4): counts a 1 GHz bus clock through a divider in virtual time,
 * one-shot or periodic. Nothing runs while it is masked; its count is arithmetic.
 */

interface ApicTimerState {
    initial: number;
    divide: number;
    periodic: boolean;
    startNs: number;
    /** One-shot: the expiry has been delivered. */
    expired: boolean;
}
/** What a snapshot keeps: registers, and the expiry that is awaited. */
interface ApicTimerSnapshot extends ApicTimerState {
    enabled: boolean;
    timer: SavedTimer | null;
}

/** Where the processor's INTR and INTA end: one 8259 pair, or a local APIC with the pair behind its LINT0. */
interface InterruptController {
    /** Level of INTR. */
    pending(): boolean;
    /** The INTA cycle: the vector to deliver. Valid at any time; with nothing pending it is a spurious vector. */
    acknowledge(): number;
}
/** Delivery modes of LVT, ICR and redirection entries (SDM vol. 3A, 10.5.1 and 10.6.1). */
declare const DELIVERY_FIXED = 0;
declare const DELIVERY_LOWEST = 1;
declare const DELIVERY_SMI = 2;
declare const DELIVERY_NMI = 4;
declare const DELIVERY_INIT = 5;
declare const DELIVERY_STARTUP = 6;
declare const DELIVERY_EXTINT = 7;
/** A message on the interrupt bus, as an I/O APIC or an MSI write sends it. */
interface ApicMessage {
    /** Delivery mode, one of the DELIVERY_ constants. */
    mode: number;
    vector: number;
    /** Level triggered: the local APIC answers with an EOI message. */
    level: boolean;
    /** MDA: an APIC ID, or a logical set. */
    destination: number;
    logical: boolean;
}
/** Whoever takes messages: the local APICs of the board. */
interface ApicBus {
    deliver(message: ApicMessage): void;
}

/**
 * Local APIC in xAPIC mode (Intel SDM vol. 3A, chapter 10), for one processor: vector registers and priorities, local
 * vector table, timer, self and broadcast interrupts, ESR, and the 8259's virtual wire through LINT0. It is also the
 * board's interrupt controller: when disabled, INTR is the 8259's.
 *
 * One file although a long one: priorities, LVT, ICR and ESR work on the same few registers.
 */

declare const APIC_DEFAULT_BASE = 4276092928;
declare const IA32_APIC_BASE = 27;
interface LocalApicOptions {
    mmioBus: MmioBus;
    clock: Clock;
    /** INTR of the processor. */
    intr: Line;
    /** NMI of the processor; a rise is one NMI. */
    nmi: Line;
    /** The 8259 pair behind LINT0. */
    extInt: InterruptController;
    reporter: Reporter;
    /** APIC ID, default 0. */
    id?: number;
    /** An EOI for a level-triggered vector goes to the I/O APICs. */
    onEoi?: (vector: number) => void;
}
interface LocalApicState {
    base: bigint;
    id: number;
    tpr: number;
    ldr: number;
    dfr: number;
    svr: number;
    esr: number;
    esrShadow: number;
    icr: [number, number];
    lvt: number[];
    irr: number[];
    isr: number[];
    tmr: number[];
    lint: [boolean, boolean];
    timer: ApicTimerSnapshot;
}
declare class LocalApic implements MmioHandler, InterruptController, ApicBus, Snapshotable<LocalApicState> {
    #private;
    /** LINT0: the 8259's INTR ends here. */
    readonly lint0: Line;
    readonly lint1: Line;
    constructor(options: LocalApicOptions);
    pending(): boolean;
    acknowledge(): number;
    /** IA32_APIC_BASE; undefined for any other MSR. */
    readMsr(index: number): bigint | undefined;
    /** False means #GP(0): another MSR, or a reserved bit set. Clearing EN resets the APIC's state (10.4.3). */
    writeMsr(index: number, value: bigint): boolean;
    deliver(message: ApicMessage): void;
    mmioRead(offset: number, size: number): number;
    mmioWrite(offset: number, size: number, value: number): void;
    /** As after power-on (10.4.7.1). */
    reset(): void;
    /** Virtual wire mode, as firmware leaves a PC: enabled, LINT0 = ExtINT, LINT1 = NMI (MP specification 3.6.2.2). */
    initialiseAsFirmware(): void;
    save(): LocalApicState;
    restore(state: LocalApicState): void;
    /** The timer entry of the vector table delivers, whoever keeps the time (a hypervisor's alarm wired to it). */
    expireTimer(): void;
}

/**
 * Virtual time's agenda: callbacks ordered by (time, order of scheduling), so that two runs fire the same events in
 * the same order. The machine asks `nextAt()` to bound its run slices and calls `runDue()` between them.
 */

/** The agenda apart from its timers, which their owners save. */
interface EventClockState {
    sequence: number;
    /** Timers that wait. */
    size: number;
}
/** A binary heap of timers over a time source that its owner advances. */
declare class EventClock implements Clock, Snapshotable<EventClockState> {
    #private;
    /** Called when a new event becomes the earliest: the machine shortens the slice it is in. */
    onEarlier: ((at: number) => void) | null;
    /** `now` gives virtual nanoseconds since power-on, an integer that never goes back. */
    constructor(now: () => number);
    now(): number;
    schedule(at: number, callback: () => void): Timer;
    resume({ at, order }: SavedTimer, callback: () => void): Timer;
    /** To be called before the timers' owners save theirs: {@link unsaved} counts from here. */
    save(): EventClockState;
    /** To be called when the owners have resumed their timers. */
    restore(state: EventClockState): void;
    /** Timers that nobody has saved since {@link save}. */
    get unsaved(): number;
    /** Virtual time of the earliest event, Infinity when there is none. */
    nextAt(): number;
    /** Runs every event due at or before `now`, those included that the callbacks add; returns how many ran. */
    runDue(now?: number): number;
    /** Events that wait. */
    get size(): number;
}

/** The character set in a PC display's ROM, code page 437, as Unicode (Unicode consortium's CP437 table and glyph names). */
/** 256 characters, by code. */
declare const CODE_PAGE_437: readonly string[];

/**
 * The debug console that Bochs and QEMU put at port 0xE9: every byte written is output; a read answers 0xE9, which is
 * how a guest finds it (QEMU `-device isa-debugcon`, Bochs `port_e9_hack`).
 */

interface DebugConsoleOptions {
    bus: IoBus;
    console: Pick<ConsolePort, 'write'>;
    /** Default 0xE9. */
    port?: number;
}
declare class DebugConsole implements IoHandler {
    #private;
    readonly ioWidth = 1;
    constructor(options: DebugConsoleOptions);
    ioRead(): number;
    ioWrite(_port: number, _size: number, value: number): void;
}

/**
 * `isa-debug-exit` as QEMU has it: a write of v ends the machine with status (v << 1) | 1 (QEMU `hw/misc/debugexit.c`
 * documents it by its behaviour: base 0x501 and size 2 unless told; firmware tests use 0xf4 with size 4).
 */

interface DebugExitOptions {
    bus: IoBus;
    power: Pick<PowerPort, 'debugExit'>;
    /** First port, default 0x501. */
    port?: number;
    /** Ports decoded, default 4, so that a 32-bit OUT arrives whole. */
    size?: number;
}
declare class DebugExit implements IoHandler {
    #private;
    constructor(options: DebugExitOptions);
    ioRead(): number;
    ioWrite(_port: number, _size: number, value: number): void;
}

/**
 * One PCI function's configuration space, type 0 header (PCI Local Bus 2.3, chapter 6): identity, command and status,
 * base address registers that size and move, a capability list, and its INTx pin.
 */

/** Register offsets of the type 0 header. */
declare const PCI_COMMAND = 4;
declare const PCI_STATUS = 6;
declare const PCI_BAR0 = 16;
/** Expansion ROM base: bit 0 enables it, bits 31–11 are the address (6.2.5.2). */
declare const PCI_ROM = 48;
declare const PCI_CAPABILITIES = 52;
declare const PCI_INTERRUPT_LINE = 60;
declare const COMMAND_IO = 1;
declare const COMMAND_MEMORY = 2;
declare const COMMAND_MASTER = 4;
/** What stands behind a BAR; offsets count from the BAR's base, wherever the guest has put it. */
interface PciBarHandler {
    barRead(offset: number, size: number): number;
    barWrite(offset: number, size: number, value: number): void;
}
interface PciBar {
    kind: 'io' | 'memory';
    /** A power of two; at least 4 for I/O, 16 for memory. */
    size: number;
    handler: PciBarHandler;
}
interface PciFunctionOptions {
    name: string;
    vendor: number;
    device: number;
    /** Base class, sub-class and interface: 24 bits. */
    classCode: number;
    revision?: number;
    subsystemVendor?: number;
    subsystem?: number;
    /** Set in function 0 of a device that has more functions. */
    multifunction?: boolean;
    /** 1 = INTA … 4 = INTD, 0 = none. */
    interruptPin?: number;
    bars?: readonly (PciBar | undefined)[];
    /** Capability structures without their next pointers, in list order. */
    capabilities?: readonly Uint8Array[];
    /** The expansion ROM; its window is the next power of two from 2 KiB on, the rest of it reads as all ones. */
    rom?: Uint8Array;
}
/** What the bus gives a function when it is plugged in. */
interface PciSlotPorts {
    ioBus: IoBus;
    mmioBus: MmioBus;
    reporter: Reporter;
    /** The function's INTx wire. */
    intx: Line;
}
interface PciFunctionState {
    config: number[];
    interrupt: boolean;
}
declare class PciFunction implements Snapshotable<PciFunctionState> {
    #private;
    readonly name: string;
    /** The 256 bytes; devices may initialise their own registers here. */
    readonly config: Uint8Array<ArrayBuffer>;
    /** Bits of each byte that software can change. */
    readonly writable: Uint8Array<ArrayBuffer>;
    /** Offset at which each capability was placed. */
    readonly capabilityOffsets: readonly number[];
    /** Called before a configuration read and after a write, with the byte range touched. */
    onConfigRead: ((offset: number, size: number) => void) | null;
    onConfigWrite: ((offset: number, size: number) => void) | null;
    constructor(options: PciFunctionOptions);
    /** Called by the bus. */
    connect(ports: PciSlotPorts): void;
    /** Drives the function's INTx pin. */
    setInterrupt(level: boolean): void;
    /** Assigns a base as firmware does. */
    assignBar(index: number, base: number): void;
    /** Assigns the expansion ROM's base as firmware does: off. */
    assignRom(base: number): void;
    /** Bytes of the expansion ROM's window; 0 without one. */
    get romSize(): number;
    /** `size` bytes at `offset`, aligned within a dword. */
    read(offset: number, size: number): number;
    write(offset: number, size: number, value: number): void;
    /** RST#: registers as built, BARs unmapped. */
    reset(): void;
    save(): PciFunctionState;
    restore(state: PciFunctionState): void;
    /** Gives up the addresses that it decodes, until its registers say again where they are. */
    unmap(): void;
}

interface PciBusOptions {
    ioBus: IoBus;
    mmioBus: MmioBus;
    reporter: Reporter;
    /** Byte accesses to port 0xCF9, which lies inside the address register, belong to the reset control register. */
    resetControl?: IoHandler;
}
/** The address register, and every function by its place: slot * 8 + function. */
interface PciBusState {
    address: number;
    functions: {
        place: number;
        state: PciFunctionState;
    }[];
}
/** PIRQ (0 = A … 3 = D) of pin `pin` (1 = INTA) of device `slot`. */
declare function pirqOf(slot: number, pin: number): number;
declare class PciBus implements IoHandler, Snapshotable<PciBusState> {
    #private;
    /** PIRQA–PIRQD as levels, shared by all slots; whoever routes them sets the receivers. */
    readonly pirq: [Line, Line, Line, Line];
    constructor(options: PciBusOptions);
    /**
     * Plugs a function in.
     * @throws ParagraftError `PG_PCI_SLOT` when the place is taken or does not exist.
     */
    add(slot: number, func: number, device: PciFunction): void;
    /** The first slot from `first` on without a function 0; undefined when there is none. */
    freeSlot(first: number): number | undefined;
    ioRead(port: number, size: number): number;
    ioWrite(port: number, size: number, value: number): void;
    reset(): void;
    save(): PciBusState;
    /** Moves what the guest has moved; a function that is not there is a `TypeError`. */
    restore(state: PciBusState): void;
}

/**
 * The board's own PCI functions: i440FX host bridge (Intel 82441FX data sheet), PIIX3 ISA bridge with its PIRQ routing
 * and PIIX4 power management (Intel 82371AB data sheet), with the identities QEMU's `pc` board shows.
 */

/** PIRQA–PIRQD as firmware routes them. */
declare const PIRQ_ROUTES: readonly [10, 10, 11, 11];
/** 00:00.0. The PAM and SMRAM registers can be written, but all of the first megabyte is RAM and stays so. */
declare function hostBridge(): PciFunction;
/** 00:01.0: routes PIRQs to IRQ lines, and re-routes them while they are asserted. */
declare class IsaBridge extends PciFunction {
    #private;
    /** `irq[n]` is a driver's end of IRQ n. */
    constructor(irq: readonly Line[]);
    /** Takes the bus's PIRQ wires and routes them as firmware does. */
    wire(bus: PciBus): void;
    initialiseAsFirmware(): void;
    restore(state: PciFunctionState): void;
}
/** 00:01.3: says where the PM registers are. Firmware has put and locked them; the base cannot be moved. */
declare function powerManagement(pmBase: number): PciFunction;

/**
 * 8042 keyboard controller, keyboard at its far end, no mouse; and the chip set's port 92h (IBM PC AT technical
 * reference, "Keyboard controller" and "Keyboard"; PIIX4 data sheet 4.2.5.2). Enough for a guest's driver to find a
 * keyboard, for a person to type, and for the two old ways to reset and to open A20.
 */

interface I8042Options {
    bus: IoBus;
    /** IRQ 1. */
    irq: Line;
    /** A20: true lets address bit 20 through. */
    a20: Line;
    power: Pick<PowerPort, 'reset'>;
    reporter: Reporter;
}
/** Registers and queues as a snapshot keeps them. */
interface I8042State {
    commandByte: number;
    ram: number[];
    awaiting: number;
    commandLast: boolean;
    controllerQueue: number[];
    keyboardQueue: number[];
    lastData: number;
    a20: boolean;
    keyboardAwaiting: number;
    scanning: boolean;
    scanSet: number;
    keyboardLast: number;
}
declare class I8042 implements IoHandler, Snapshotable<I8042State> {
    #private;
    readonly ioWidth = 1;
    constructor(options: I8042Options);
    /**
     * One scan code byte as set 1 names it (make, or make | 80h for release; E0h prefixes as bytes of their own).
     * False when it is lost: the guest has switched scanning off, or 64 bytes wait.
     */
    key(scancode: number): boolean;
    ioRead(port: number): number;
    ioWrite(port: number, _size: number, value: number): void;
    save(): I8042State;
    restore(state: I8042State): void;
    reset(): void;
}

/**
 * One counter of an 8254 as arithmetic on the input clock's tick number (Intel 8254 data sheet, order 231164, "Mode
 * definitions"): nothing runs between accesses, every value is computed from the tick of the last load.
 */
/** A counter's programming and where it stands; plain data, so that a snapshot can keep it. */
interface I8254ChannelState {
    mode: number;
    /** RW field: 1 least, 2 most significant byte only, 3 both. */
    access: number;
    bcd: boolean;
    gate: boolean;
    /** Initial count in ticks, 1–65536; 0 while none has been written since the control word. */
    count: number;
    /** Tick at which `count` was or will be loaded into the counting element. */
    loadTick: number;
    /** Modes 1 and 5: a trigger has come. Modes 0 and 4: a count has been written. Modes 2 and 3: counting. */
    running: boolean;
    /** Ticks counted when the gate of mode 0 or 4 closed; -1 while counting. */
    frozen: number;
    /** A count written while modes 2 and 3 run: it takes over at `nextTick`. 0 = none. */
    nextCount: number;
    nextTick: number;
    /** First byte of a two-byte count, -1 when the least significant byte is next. */
    writeLow: number;
    readHigh: boolean;
    latchedCount: number;
    latchedStatus: number;
}
/** Counter 0, 1 or 2. Every method takes the current tick of the 1.193182 MHz clock. */
declare class I8254Channel {
    #private;
    state: I8254ChannelState;
    constructor(gate: boolean);
    /** A control word for this counter (RW, M and BCD fields, bits 5–0). */
    control(word: number, tick: number): void;
    /** One byte to the counter's port. */
    write(value: number, tick: number): void;
    /** One byte from the counter's port: latched status first, then latched count, then the live count. */
    read(tick: number): number;
    /** Counter latch command; a count already latched stays until it is read. */
    latchCount(tick: number): void;
    /** Read-back command's status byte: OUT, NULL COUNT, RW, M, BCD. */
    latchStatus(tick: number): void;
    setGate(high: boolean, tick: number): void;
    /** Level of OUT. */
    output(tick: number): boolean;
    /** First tick after `tick` at which OUT rises, Infinity if it will not without further programming. */
    nextRise(tick: number): number;
    /** The counting element as a read sees it: binary or BCD, 16 bits. */
    value(tick: number): number;
}

/**
 * 8254 programmable interval timer with the PC's wiring (Intel 8254 data sheet, order 231164; IBM PC AT technical
 * reference for port 61h): counter 0 makes IRQ 0, counter 1 refresh, counter 2 the speaker, gated by port 61h.
 * Driven by virtual time at 1,193,182 Hz; only the rises of OUT 0 are events.
 */

/** Input clock of a PC's timer in hertz: 14.31818 MHz / 12. */
declare const PIT_HZ = 1193182;
interface I8254Options {
    bus: IoBus;
    clock: Clock;
    /** OUT of counter 0. */
    irq: Line;
}
/** What a snapshot keeps. */
interface I8254State {
    channels: I8254ChannelState[];
    portB: number;
    /** Level of the request line: OUT 0 as it was last shown. */
    irq: boolean;
    /** The next rise of OUT 0: its tick, and when it is looked at. */
    rise: {
        tick: number;
        timer: SavedTimer;
    } | null;
}
declare class I8254 implements IoHandler, Snapshotable<I8254State> {
    #private;
    readonly ioWidth = 1;
    readonly channels: readonly [I8254Channel, I8254Channel, I8254Channel];
    constructor(options: I8254Options);
    ioRead(port: number): number;
    ioWrite(port: number, _size: number, value: number): void;
    /** Counter 0 at 18.2 Hz in mode 3 and refresh on counter 1, as a PC's firmware leaves them. */
    initialiseAsFirmware(): void;
    reset(): void;
    save(): I8254State;
    restore(state: I8254State): void;
}

/**
 * Two cascaded 8259A programmable interrupt controllers as a PC wires them (Intel 8259A data sheet, order 231468):
 * master at 0x20/0x21, slave at 0xA0/0xA1 on the master's IR2, edge/level control registers at 0x4D0/0x4D1
 * (Intel 82371AB PIIX4 data sheet, 4.2.3.6).
 */

/** Everything one controller remembers. */
interface I8259State {
    irr: number;
    isr: number;
    imr: number;
    lines: number;
    elcr: number;
    vector: number;
    /** Level with the lowest priority; 7 after initialisation, moved by rotation. */
    lowest: number;
    icw1: number;
    icw4: number;
    /** 0 in operation, else the ICW expected next (2, 3 or 4). */
    initialising: number;
    readIsr: boolean;
    poll: boolean;
    specialMask: boolean;
    rotateOnAeoi: boolean;
}
interface I8259PairOptions {
    bus: IoBus;
    /** INTR: to the processor, or to LINT0 of a local APIC. */
    intr: Line;
}
interface I8259PairState {
    master: I8259State;
    slave: I8259State;
}
/** Master and slave with their cascade: sixteen request lines in, INTR out. */
declare class I8259Pair implements IoHandler, Snapshotable<I8259PairState> {
    #private;
    readonly ioWidth = 1;
    /** IRQ 0–15. IRQ 2 is the cascade and takes no driver. */
    readonly lines: readonly Line[];
    constructor(options: I8259PairOptions);
    /** Level of the INTR pin. */
    pending(): boolean;
    /** The INTA cycles: the vector of the level served. With no request left it is the spurious IR7 of its chip. */
    acknowledge(): number;
    ioRead(port: number): number;
    ioWrite(port: number, _size: number, value: number): void;
    /**
     * Programs both chips with the vectors that a PC's firmware uses, 08h and 70h, and masks everything but the cascade:
     * a guest that is entered directly has no handlers yet.
     */
    initialiseAsFirmware(): void;
    reset(): void;
    save(): I8259PairState;
    restore(state: I8259PairState): void;
}

/**
 * What an access takes where a device says nothing else, and where no device is: about a microsecond, by which guests
 * have counted short delays since the PC/AT (an OUT to port 80H).
 */
declare const ISA_CYCLE_NS = 1000;
/** Ports of which has been said that nobody is there. */
interface PortBusState {
    /** Port, and what was tried: bit 0 a read, bit 1 a write. */
    reported: [port: number, tried: number][];
}
/** The port bus of one machine: devices claim on it, the processor's IN and OUT arrive at `ioRead` and `ioWrite`. */
declare class PortBus implements IoBus, Snapshotable<PortBusState> {
    #private;
    /** `spend` hears how long each access takes, when it is over. */
    constructor(reporter: Reporter, spend?: (ns: number) => void);
    /**
     * Claims `count` ports from `first` and returns what releases them.
     * @throws ParagraftError `PG_IO_OVERLAP` when a port has an owner, `PG_IO_RANGE` outside 0–0xFFFF, `PG_IO_TIME` for a time that
     * is no whole number.
     */
    claim(first: number, count: number, handler: IoHandler, name: string): () => void;
    /** An IN of 1, 2 or 4 bytes. Never throws for a guest's choice of port; the space wraps at 64 K. */
    ioRead(port: number, size: number): number;
    /** An OUT of 1, 2 or 4 bytes; `value` is unsigned and at most `size` bytes wide. */
    ioWrite(port: number, size: number, value: number): void;
    /** Name of the device that owns a port, for reports. */
    ownerOf(port: number): string | undefined;
    save(): PortBusState;
    restore({ reported }: PortBusState): void;
}

/**
 * I/O APIC, 24 pins (Intel 82093AA data sheet, order 290566): an index and a window, one redirection entry for each
 * pin, messages to the local APICs. Wires carry "asserted", so the polarity bit is kept and shown but changes nothing:
 * the board's inverters are on the other side of it.
 */

declare const IOAPIC_DEFAULT_BASE = 4273995776;
declare const IOAPIC_PINS = 24;
interface IoApicOptions {
    mmioBus: MmioBus;
    apicBus: ApicBus;
    reporter: Reporter;
    /** Default 0xFEC00000. */
    base?: number;
    /** APIC ID, default 1. */
    id?: number;
}
interface IoApicState {
    id: number;
    select: number;
    low: number[];
    high: number[];
    lines: boolean[];
}
declare class IoApic implements MmioHandler, Snapshotable<IoApicState> {
    #private;
    /** Inputs 0–23. */
    readonly lines: readonly Line[];
    constructor(options: IoApicOptions);
    /** EOI message of a local APIC: entries with this vector may ask again. */
    endOfInterrupt(vector: number): void;
    mmioRead(offset: number, size: number): number;
    mmioWrite(offset: number, size: number, value: number): void;
    reset(): void;
    save(): IoApicState;
    restore(state: IoApicState): void;
}

/** Wires: the ways an interrupt request travels from a device to its controllers. */

/** A wire that goes nowhere. */
declare const NOT_CONNECTED: Line;
/** One driver, several receivers (an ISA request reaches the 8259 and the I/O APIC at once). */
declare function fanOut(...receivers: readonly Line[]): Line;
/** A wire that several drivers share, as PCI's open-drain INTx: high while any of them asserts it. */
declare class SharedLine {
    #private;
    constructor(output: Line);
    /** A new driver's end of the wire, not asserted. */
    driver(): Line;
}

/**
 * MC146818 real-time clock and CMOS memory at ports 0x70/0x71 (Motorola MC146818A data sheet; IBM PC AT technical
 * reference for the bytes above 0Dh). Time is a start epoch plus virtual time; nothing runs between accesses unless
 * the guest has enabled an interrupt.
 */

/** Century in BCD where the FADT and every BIOS since the PC AT say it is. */
declare const RTC_CENTURY = 50;
interface Mc146818Options {
    bus: IoBus;
    clock: Clock;
    irq: Line;
    /** Time at virtual time 0, in seconds since 1970-01-01 UTC. */
    epochSeconds: number;
    /** RAM in bytes, for the size bytes that firmware keeps in CMOS. */
    memorySize: number;
}
/** Contents as a snapshot keeps them. */
interface Mc146818State {
    ram: number[];
    index: number;
    flags: number;
    baseSeconds: number;
    baseNs: number;
    checkedNs: number;
    timer: SavedTimer | null;
}
declare class Mc146818 implements IoHandler, Snapshotable<Mc146818State> {
    #private;
    readonly ioWidth = 1;
    constructor(options: Mc146818Options);
    ioRead(port: number): number;
    ioWrite(port: number, _size: number, value: number): void;
    /** A byte of CMOS memory by its index, for whoever plays the firmware. Time bytes are not meant. */
    setNvram(index: number, value: number): void;
    /** RESET pin: interrupt enables and flags are cleared, time and memory stay (data sheet, "RESET"). */
    reset(): void;
    save(): Mc146818State;
    restore(state: Mc146818State): void;
}

/** The memory-mapped side of one machine: devices claim ranges, the processor's non-RAM accesses arrive here. */
declare class MmioMap implements MmioBus {
    #private;
    constructor(reporter: Reporter);
    /**
     * Claims `length` bytes at `base` and returns what releases them.
     * @throws ParagraftError `PG_MMIO_OVERLAP` when any byte has an owner, `PG_MMIO_RANGE` for an impossible range.
     */
    claim(base: number, length: number, handler: MmioHandler, name: string): () => void;
    /** A read of 1, 2 or 4 bytes at physical address `pa`. */
    mmioRead(pa: number, size: number): number;
    /** A write of 1, 2 or 4 bytes at physical address `pa`. */
    mmioWrite(pa: number, size: number, value: number): void;
}

/** The Internet checksum: ones' complement of the ones' complement sum (RFC 1071). */
declare function internetChecksum(bytes: Uint8Array): number;

/**
 * The other end of a network interface, when nobody else is: a host that answers ARP for its address and ICMP echo, and a
 * loopback that gives every frame back. Answers come a fixed virtual time later, so that a run stays the same run.
 */

/** Addresses of the two ends: locally administered, of no vendor. Xen's guests have their own prefix, 00:16:3E. */
declare const GUEST_MAC: Uint8Array;
/** 10.0.0.1, of the private block 10/8 (RFC 1918). */
declare const PEER_ADDRESS: Uint8Array;
interface PeerOptions {
    clock: Clock;
    /** Address of the guest's interface, default {@link GUEST_MAC}. */
    mac?: Uint8Array;
}
/** A frame on its way to the guest. */
interface FrameUnderway {
    frame: Uint8Array;
    timer: SavedTimer;
}
/** What both have: frames arrive at the guest some time after they were given. */
declare abstract class LocalNet implements NetPort, Snapshotable<FrameUnderway[]> {
    #private;
    readonly mac: Uint8Array;
    onReceive: ((frame: Uint8Array) => void) | null;
    constructor(options: PeerOptions);
    abstract send(frame: Uint8Array): void;
    protected deliver(frame: Uint8Array): void;
    save(): FrameUnderway[];
    restore(state: FrameUnderway[]): void;
}
/** Every frame comes back. */
declare class LoopbackNet extends LocalNet {
    send(frame: Uint8Array): void;
}
/** A host at {@link PEER_ADDRESS} that answers who-has and echo requests, and nothing else. */
declare class PeerNet extends LocalNet {
    send(frame: Uint8Array): void;
}
/** The peer's answer to a frame, or null. */
declare function answerTo(frame: Uint8Array): Uint8Array | null;

/**
 * 16550A asynchronous receiver/transmitter with FIFOs (TI PC16550D data sheet, SNLS378, section 8 "Registers").
 *
 * Transmission takes no time: the holding register is empty again at once, and the THRE interrupt is raised each
 * time it becomes so. Reception is paced: one character per character time of the programmed divisor, in virtual
 * time, and only while the FIFO has room, so nothing is ever lost between the far end and the guest.
 */

interface Uart16550Options {
    bus: IoBus;
    /** First of eight ports: 0x3F8 for COM1. */
    base: number;
    irq: Line;
    console: ConsolePort;
    clock: Clock;
    name: string;
}
/** Registers as a snapshot keeps them. */
interface Uart16550State {
    ier: number;
    lcr: number;
    mcr: number;
    lsr: number;
    msr: number;
    scr: number;
    divisor: number;
    fcr: number;
    fifo: number[];
    thre: boolean;
    timeout: boolean;
    /** Character on its way in, -1 when the line is idle, and when it will have arrived. */
    shift: number;
    arrival: SavedTimer | null;
    timeoutTimer: SavedTimer | null;
}
declare class Uart16550 implements IoHandler, Snapshotable<Uart16550State> {
    #private;
    readonly ioWidth = 1;
    /** Called when `ready()` turns true: who holds back input may let it go. */
    onReady: (() => void) | null;
    constructor(options: Uart16550Options);
    /** True when the guest has shown that it listens: receive interrupts enabled, or DTR raised. */
    ready(): boolean;
    ioRead(port: number): number;
    ioWrite(port: number, _size: number, value: number): void;
    save(): Uart16550State;
    restore(state: Uart16550State): void;
    /** 9600 baud, 8 data bits, no parity: what a PC's power-on self test leaves. */
    initialiseAsFirmware(): void;
    /** Master reset pin: registers as table II gives them; the divisor, scratch and characters in flight are kept back. */
    reset(): void;
}

/**
 * Text-mode VGA: the register file at 0x3B0–0x3DF (IBM VGA, as FreeVGA documents it) and the screen that the CRTC would show
 * from text memory at 0xB8000, which is RAM. Mode 3 is set when the power comes on. No graphics.
 */

interface VgaOptions {
    bus: IoBus;
    clock: Clock;
    memory: GuestMemory;
}
interface VgaState {
    misc: number;
    sequencer: number[];
    crtc: number[];
    graphics: number[];
    attribute: number[];
    dac: number[];
    feature: number;
    sequencerIndex: number;
    crtcIndex: number;
    graphicsIndex: number;
    attributeIndex: number;
    attributeData: boolean;
    dacMask: number;
    dacRead: number;
    dacWrite: number;
    dacComponent: number;
    dacReading: boolean;
}
declare class Vga implements IoHandler, Snapshotable<VgaState> {
    #private;
    readonly ioWidth = 1;
    constructor(options: VgaOptions);
    /** Mode 3 with a blank screen, as the video BIOS leaves it. */
    reset(): void;
    /** The text that a monitor would show: one string a row, code page 437 as Unicode, without trailing blanks. */
    screen(): string[];
    /** Cursor position in cells from the start of text memory. */
    cursor(): number;
    ioRead(port: number): number;
    ioWrite(port: number, _size: number, value: number): void;
    save(): VgaState;
    restore(state: VgaState): void;
}

/**
 * The device's side of a split virtqueue (Virtual I/O Device 1.1, 2.6). The rings live in guest memory and are
 * trusted for nothing: lengths, indices and loops are checked, and a broken ring is a `VirtqueueError`, never a hang.
 */

/** The driver has broken the rules of the ring; the device stops and asks to be reset. */
declare class VirtqueueError extends Error {
}
/** A piece of guest memory that a descriptor names. */
interface VirtqueueSegment {
    address: number;
    length: number;
}
/** One request: what the device may read, then what it may write. */
interface VirtqueueChain {
    head: number;
    readable: VirtqueueSegment[];
    writable: VirtqueueSegment[];
}
interface VirtqueueState {
    size: number;
    ready: boolean;
    desc: number;
    driver: number;
    device: number;
    lastAvail: number;
    usedIndex: number;
}
declare class Virtqueue {
    #private;
    readonly maxSize: number;
    state: VirtqueueState;
    constructor(memory: GuestMemory, maxSize: number);
    reset(): void;
    /** Places the three parts as the legacy interface does: one block, used ring on the next 4096 boundary (2.6.2). */
    placeLegacy(pageFrame: number): void;
    /** The next request, or undefined when none waits. */
    pop(): VirtqueueChain | undefined;
    /** Returns a chain with `written` bytes filled in. */
    push(head: number, written: number): void;
    /** Whether the driver wants to hear of used buffers now. */
    wantsInterrupt(): boolean;
}

/**
 * A virtio device on PCI, transitional: the legacy I/O interface in BAR 0 and the modern one in memory BAR 1 (Virtual I/O Device
 * 1.1, 4.1), interrupts by INTx. The device itself is a `VirtioDevice`; this file knows nothing of disks.
 */

/** What a device kind brings: its identity, its configuration space and what it does with requests. */
interface VirtioDevice {
    readonly name: string;
    /** Transitional PCI device ID, 0x1000–0x103F. */
    readonly pciDevice: number;
    /** Device type number: the legacy subsystem ID. */
    readonly type: number;
    readonly classCode: number;
    /** Device-specific feature bits; the transport adds its own. */
    readonly features: bigint;
    readonly queueSizes: readonly number[];
    /** Device configuration, at most 108 bytes; read by the guest, not writable. */
    readonly config: Uint8Array;
    /**
     * Serves everything that waits in a queue; true if buffers were used. A thrown error means the driver broke the
     * ring: the transport sets DEVICE_NEEDS_RESET.
     */
    serve(queue: Virtqueue, index: number): boolean;
}
/** What a snapshot keeps; the PCI function's state is the bus's to save. */
interface VirtioPciState {
    queues: VirtqueueState[];
    status: number;
    isr: number;
    driverFeatures: bigint;
    featureSelect: number;
    driverFeatureSelect: number;
    queueSelect: number;
    generation: number;
}
declare class VirtioPci implements PciBarHandler, Snapshotable<VirtioPciState> {
    #private;
    readonly pci: PciFunction;
    constructor(device: VirtioDevice, memory: GuestMemory, reporter: Reporter);
    /** The device's configuration has changed: tells the driver. */
    configChanged(): void;
    reset(): void;
    save(): VirtioPciState;
    restore(state: VirtioPciState): void;
    barRead(offset: number, size: number): number;
    barWrite(offset: number, size: number, value: number): void;
}

/**
 * The board: an i440FX/PIIX PC put together from the devices of this package, on ports that the machine gives. IRQ n of the
 * 8259 pair is also input n of the I/O APIC, but IRQ 0 is input 2; PCI interrupts come in on IRQ 10 and 11.
 */

interface PcOptions {
    ioBus: IoBus;
    mmioBus: MmioBus;
    clock: Clock;
    memory: GuestMemory;
    power: PowerPort;
    reporter: Reporter;
    /** INTR of the processor. */
    intr: Line;
    /** NMI of the processor; a rise is one NMI. */
    nmi?: Line;
    /** A20 gate of the processor; open at power-on. */
    a20?: Line;
    /** COM1. */
    console: ConsolePort;
    /** Port 0xE9; without it the port is not there. */
    debugConsole?: Pick<ConsolePort, 'write'>;
    /** First port of `isa-debug-exit`, default 0x501. */
    debugExitPort?: number;
    /** Virtio disks, in the slots from 4 on. */
    disks?: readonly BlockPort[];
    /** What the real-time clock shows at virtual time 0, in seconds since 1970-01-01 UTC. */
    rtcEpochSeconds: number;
    /** RAM in bytes. */
    memorySize: number;
}
/** The devices of one board. */
interface PcDevices extends Snapshotable<NamedStates> {
    readonly uart: Uart16550;
    readonly pic: I8259Pair;
    /** Also IA32_APIC_BASE: `readMsr` and `writeMsr`. */
    readonly apic: LocalApic;
    readonly ioapic: IoApic;
    readonly pit: I8254;
    readonly rtc: Mc146818;
    readonly i8042: I8042;
    readonly vga: Vga;
    readonly pci: PciBus;
    readonly acpi: AcpiPm;
    readonly disks: readonly VirtioPci[];
    /** INTR's level and INTA, whoever answers at the moment. */
    readonly interrupt: InterruptController;
    /** FERR# of the processor: IRQ 13, until the guest writes port F0h. */
    readonly ferr: Line;
    /** Plugs a card into the first free slot, as firmware leaves it: its ROM's base assigned and off. `PG_PCI_SLOT`. */
    plug(card: PciCard): void;
    /** A new driver's end of an ISA interrupt line; undefined for those that have their one driver on the board. */
    isaLine(irq: number): Line | undefined;
    /** An edge on IRQ 0, whoever keeps the time. */
    timerIrq(): void;
    /** The board's reset line: every device as after power-on, with what firmware leaves behind. */
    reset(): void;
}
/** Builds the board; every device claims its ports, so that two boards on one bus are refused (`PG_IO_OVERLAP`). */
declare function createPcDevices(options: PcOptions): PcDevices;
/**
 * Writes the tables that describe this board to guest memory: ACPI from 0xE0000. Called by whoever loads the guest, after
 * memory has been filled; the memory map must keep 0xE0000–0xFFFFF reserved.
 */
declare function installFirmwareTables(memory: GuestMemory): AcpiPlacement;

/**
 * A network port that writes down what goes through it, in the classic capture format (IETF draft-ietf-opsawg-pcap): a file
 * header, then each frame behind its time and length, little-endian, in the order of virtual time.
 */

/** The header that the file begins with. */
declare function pcapHeader(): Uint8Array;
/** One frame at a virtual time in nanoseconds. */
declare function pcapRecord(at: number, frame: Uint8Array): Uint8Array;
/** Between a guest's interface and another port: frames pass both ways and are written as they do. */
declare class CapturedNet implements NetPort {
    #private;
    onReceive: ((frame: Uint8Array) => void) | null;
    /** `write` gets the file piece by piece, its header at once. */
    constructor(inner: NetPort, clock: Clock, write: (bytes: Uint8Array) => void);
    get mac(): Uint8Array;
    send(frame: Uint8Array): void;
    /** What the other port keeps; null if it keeps nothing. */
    save(): unknown;
    restore(state: unknown): void;
}

/**
 * The reset control register at port 0xCF9 (Intel 82371AB PIIX4 data sheet, 4.2.5.1): bit 1 chooses a hard reset, a
 * rise of bit 2 performs it. ACPI's FADT names it as the reset register.
 */

declare const RESET_CONTROL_PORT = 3321;
/** What to write for a full reset. */
declare const RESET_CONTROL_VALUE = 6;
/** A handler without a claim of its own: the port lies inside PCI's configuration address register. */
declare class ResetControl implements IoHandler, Snapshotable<number> {
    #private;
    readonly ioWidth = 1;
    constructor(power: Pick<PowerPort, 'reset'>);
    ioRead(): number;
    ioWrite(_port: number, _size: number, value: number): void;
    reset(): void;
    save(): number;
    restore(value: number): void;
}

/** From text to what a US keyboard sends: scan codes of set 1 (IBM PC AT technical reference, "Keyboard"). */
/** Make and release codes for each character, in order; characters without a key on a US keyboard are left out. */
declare function scancodesOf(text: string): number[];

/**
 * From virtual nanoseconds to the ticks of an oscillator and back, exactly. Seconds and the rest are converted apart,
 * so that no product exceeds 2^53 (rest < 10^9, frequencies up to 9 MHz).
 */
/** An oscillator that started at virtual time 0. */
declare class Oscillator {
    /** Frequency in hertz, an integer up to 9,000,000. */
    readonly hertz: number;
    constructor(hertz: number);
    /** Whole ticks completed at virtual time `ns`. */
    ticksAt(ns: number): number;
    /** The first nanosecond at which `ticksAt` reaches `tick`. */
    timeOf(tick: number): number;
}

/**
 * virtio block device (Virtual I/O Device 1.1, 5.2) on a block port: read, write, flush and identity. Requests are
 * served when the driver kicks; what the medium refuses becomes VIRTIO_BLK_S_IOERR, never a host error.
 */

interface VirtioBlkOptions {
    memory: GuestMemory;
    disk: BlockPort;
    reporter: Reporter;
    /** What `/dev/disk/by-id` shows, at most 20 ASCII characters. */
    serial?: string;
}
/** A virtio disk as a PCI function, 1AF4:1001. */
declare function createVirtioBlk(options: VirtioBlkOptions): VirtioPci;

export { ACPI_DISABLE, ACPI_ENABLE, APIC_DEFAULT_BASE, type AcpiOptions, type AcpiPlacement, AcpiPm, type AcpiPmOptions, type AcpiPmState, type ApicBus, type ApicMessage, CODE_PAGE_437, COMMAND_IO, COMMAND_MASTER, COMMAND_MEMORY, CapturedNet, DELIVERY_EXTINT, DELIVERY_FIXED, DELIVERY_INIT, DELIVERY_LOWEST, DELIVERY_NMI, DELIVERY_SMI, DELIVERY_STARTUP, DebugConsole, type DebugConsoleOptions, DebugExit, type DebugExitOptions, EventClock, type EventClockState, type FrameUnderway, GUEST_MAC, I8042, type I8042Options, type I8042State, I8254, type I8254Options, type I8254State, I8259Pair, type I8259PairOptions, type I8259PairState, type I8259State, IA32_APIC_BASE, IOAPIC_DEFAULT_BASE, IOAPIC_PINS, ISA_CYCLE_NS, type InterruptController, IoApic, type IoApicOptions, type IoApicState, IsaBridge, LocalApic, type LocalApicOptions, type LocalApicState, LoopbackNet, Mc146818, type Mc146818Options, type Mc146818State, MmioMap, NOT_CONNECTED, Oscillator, PCI_BAR0, PCI_CAPABILITIES, PCI_COMMAND, PCI_INTERRUPT_LINE, PCI_MEMORY_FIRST, PCI_MEMORY_LAST, PCI_ROM, PCI_STATUS, PEER_ADDRESS, PIRQ_ROUTES, PIT_HZ, PM1A_CNT, PM1A_EVT, PM_TIMER_HZ, PM_TMR, type PcDevices, type PcOptions, type PciBar, type PciBarHandler, PciBus, type PciBusOptions, type PciBusState, PciFunction, type PciFunctionOptions, type PciFunctionState, type PciSlotPorts, PeerNet, type PeerOptions, PortBus, type PortBusState, RESET_CONTROL_PORT, RESET_CONTROL_VALUE, RTC_CENTURY, ResetControl, SCI_IRQ, SLP_TYP_S5, SMI_CMD, SharedLine, Uart16550, type Uart16550Options, type Uart16550State, Vga, type VgaOptions, type VgaState, type VirtioBlkOptions, type VirtioDevice, VirtioPci, type VirtioPciState, Virtqueue, type VirtqueueChain, VirtqueueError, type VirtqueueSegment, type VirtqueueState, answerTo, buildDsdt, buildFacs, buildFadt, buildMadt, buildRsdp, buildRsdt, createPcDevices, createVirtioBlk, fanOut, hostBridge, installFirmwareTables, internetChecksum, pcapHeader, pcapRecord, pirqOf, placeAcpi, powerManagement, scancodesOf };
