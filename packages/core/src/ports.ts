/**
 * The narrow ports through which the rooms of the house speak. Devices and backends receive these, never the
 * machine; the processor reports its exits through {@link ProcessorPorts} and knows no device.
 *
 * Addresses are numbers below 2^53. Times are virtual nanoseconds since power-on, integers below 2^53.
 * Register-wide values are unsigned 32-bit numbers unless a line says otherwise.
 */

/** Guest physical memory (RAM only). Out-of-range accesses throw `PG_MEMORY_RANGE`. Little-endian. */
export interface GuestMemory {
  /** RAM in bytes; RAM starts at physical address 0 and has no holes as far as this port is concerned. */
  readonly size: number
  read8(pa: number): number
  read16(pa: number): number
  read32(pa: number): number
  write8(pa: number, value: number): void
  write16(pa: number, value: number): void
  write32(pa: number, value: number): void
  /** A copy of `length` bytes. */
  read(pa: number, length: number): Uint8Array
  /** Writes bytes; translated or decoded code over them is dropped. */
  write(pa: number, bytes: Uint8Array): void
  fill(pa: number, value: number, length: number): void
}

/**
 * Whoever has state that a snapshot must keep. A state is plain data: numbers, bigints, strings, booleans, null, byte arrays,
 * and arrays and records of these.
 */
export interface Snapshotable<State = unknown> {
  /** A copy of the state. Nothing changes, and nobody outside can tell that it was asked for. */
  save(): State
  /**
   * Takes a state over. Called once, on what has just been made from the same configuration, with memory and virtual time in
   * place. What it pulls or claims on the way ends as it was; nothing else is to be seen of it. May throw for a state that is none.
   */
  restore(state: State): void
}

/** A timer as a snapshot keeps it. */
export interface SavedTimer {
  /** Virtual nanoseconds. */
  readonly at: number
  /** Its place among those that are due at the same time. */
  readonly order: number
}

/** A scheduled callback. */
export interface Timer {
  cancel(): void
  /** For its owner's {@link Snapshotable} state; a timer that nobody saves cannot be had back, and the snapshot is refused. */
  save(): SavedTimer
}

/** Virtual time, derived from retired instructions. */
export interface Clock {
  /** Virtual nanoseconds since power-on (integer). Exact at the instruction that asks. */
  now(): number
  /** Runs `callback` at the first instruction boundary at or after virtual time `at` (ns). */
  schedule(at: number, callback: () => void): Timer
  /** Schedules what a snapshot kept, in its old place. */
  resume(saved: SavedTimer, callback: () => void): Timer
}

/** A level-triggered wire: an interrupt request line, INTR, NMI, SMI, A20. */
export interface Line {
  set(level: boolean): void
}

/** Port I/O as a device sees it. `size` is 1, 2 or 4 bytes; `port` is absolute. */
export interface IoHandler {
  /** Widest access the device decodes; the bus splits wider ones into several, low address first, as ISA does. Default 4. */
  readonly ioWidth?: 1 | 2 | 4
  /** Virtual nanoseconds that an access takes the processor, an integer. Default 1000, as a cycle of the ISA bus does. */
  readonly ioTimeNs?: number
  /** Returns an unsigned value of `size` bytes. */
  ioRead(port: number, size: number): number
  ioWrite(port: number, size: number, value: number): void
}

/** Where devices claim I/O ports. */
export interface IoBus {
  /**
   * Claims `count` ports from `first`; an overlap throws `PG_IO_OVERLAP`, an `ioTimeNs` that is no whole number `PG_IO_TIME`. The
   * handler's methods are taken as they are now. Returns a function that releases the ports.
   */
  claim(first: number, count: number, handler: IoHandler, name: string): () => void
}

/** Memory-mapped registers; `offset` is relative to the claimed base; `size` is 1, 2 or 4 bytes. */
export interface MmioHandler {
  mmioRead(offset: number, size: number): number
  mmioWrite(offset: number, size: number, value: number): void
}

/** Where devices claim physical address ranges outside RAM. */
export interface MmioBus {
  claim(base: number, length: number, handler: MmioHandler, name: string): () => void
}

/** A byte stream to and from a person: a serial line's far end, a hypervisor console. */
export interface ConsolePort {
  /** Guest output, as it comes. */
  write(bytes: Uint8Array): void
  /** Next byte of input, or -1 if none waits. A device calls it when it has room. */
  read(): number
  /** Called by the port's owner when input arrives; the device sets it. */
  onInput: (() => void) | null
}

/** A block medium of 512-byte sectors. Errors throw; a device turns them into its error status. */
export interface BlockPort {
  readonly sectors: number
  readonly readOnly: boolean
  read(sector: number, into: Uint8Array): void
  write(sector: number, from: Uint8Array): void
  flush(): void
}

/**
 * One end of an Ethernet segment: a network card's, a hypervisor's virtual interface's. Frames begin with the destination
 * address and carry no frame check sequence. A port that keeps frames on their way saves and restores them.
 */
export interface NetPort extends Partial<Snapshotable> {
  /** The address that the guest's interface is to have, 6 bytes. */
  readonly mac: Uint8Array
  /** A frame from the guest. The port copies what it keeps. */
  send(frame: Uint8Array): void
  /** Called by the port's owner with a frame for the guest; the device sets it. It never calls back during `send`. */
  onReceive: ((frame: Uint8Array) => void) | null
}

/** A PCI function that only says who it is and carries an expansion ROM; type 0 header, no other base addresses. */
export interface PciCard {
  readonly name: string
  readonly vendor: number
  readonly device: number
  /** Base class, sub-class and interface: 24 bits. */
  readonly classCode: number
  readonly revision?: number
  readonly subsystemVendor?: number
  readonly subsystem?: number
  /** The expansion ROM's contents; its window is the next power of two. */
  readonly rom?: Uint8Array
}

/** The hardware's board as a backend reaches it. */
export interface BoardPort {
  /** Plugs a card into a free slot of PCI bus 0, its ROM's base assigned and off, as firmware leaves it. `PG_PCI_SLOT`. */
  plug(card: PciCard): void
  /** An edge on IRQ 0, the timer's line, at every interrupt controller that it reaches. */
  timerIrq(): void
  /** The local APIC's timer entry (LVT timer) delivers, as when its count ends; nothing while it is masked. */
  apicTimer(): void
}

/** Something unusual a device or processor wants people to know, said once per key. */
export interface Reporter {
  /** `key` identifies the subject (`ioport 0x2e8`, `msr 0x1b0`); later reports with the same key are counted, not repeated. */
  report(key: string, message: string): void
}

/** What can end a run from inside: a power switch, a reset, a debug exit. */
export interface PowerPort {
  powerOff(): void
  reset(why: string): void
  /** `isa-debug-exit`: the machine stops with status (value << 1) | 1, as QEMU. */
  debugExit(value: number): void
}

/** Instructions by which a guest calls its hypervisor (SDM vol. 3C 25.1.2; APM vol. 3, VMMCALL). */
export type HypercallInstruction = 'vmcall' | 'vmmcall'

/** The four registers that CPUID answers in. */
export type CpuidRegisters = readonly [eax: number, ebx: number, ecx: number, edx: number]

/** What the processor asks of the world around it. All synchronous. */
export interface ProcessorPorts {
  ioRead(port: number, size: number): number
  ioWrite(port: number, size: number, value: number): void
  /** Physical accesses outside RAM; size 1, 2 or 4. Unclaimed addresses read as all ones. */
  mmioRead(pa: number, size: number): number
  mmioWrite(pa: number, size: number, value: number): void
  /** MSRs that the processor itself does not implement; undefined / false mean absent: #GP(0). */
  readMsr(index: number): bigint | undefined
  writeMsr(index: number, value: bigint): boolean
  /** INTA cycle: the vector of the highest-priority pending interrupt; -1 when the request turned out to be withdrawn. */
  acknowledgeInterrupt(): number
  /**
   * VMCALL or VMMCALL was executed, at any privilege level. False: nobody claims it, and it is #UD. `again`: it retires, and comes
   * next again, behind what waits to be delivered. Absent: always #UD.
   */
  hypercall?(instruction: HypercallInstruction): boolean | 'again'
  /**
   * CPUID as the guest is to see it, where that differs from `own`, the processor's answer. EAX, EBX, ECX, EDX, unsigned.
   * Undefined, or absent: `own`.
   */
  cpuid?(leaf: number, subleaf: number, own: CpuidRegisters): CpuidRegisters | undefined
  /** A host op stub was executed (see `opcode 0F 3F`); the registers are in the processor's state. */
  hostOp(index: number): void
  /** FERR#: an unmasked x87 exception with CR0.NE = 0. */
  ferr(level: boolean): void
  /** The processor shut down (triple fault). */
  shutdown(): void
  reporter: Reporter
}
