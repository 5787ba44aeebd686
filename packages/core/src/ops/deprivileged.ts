/**
 * A guest whose kernel does not run at privilege level 0, as paravirtual guests do. The processor executes it as it is; what
 * would need tables of the guest's own that such a guest does not have, an IDT above all, is asked of its monitor: the backend.
 */

/**
 * How an event came about. `int`: INT n, INT3, INTO, which a gate's DPL may forbid. `int1`: INT1, which none forbids.
 * `exception`: everything else that an instruction brought on itself.
 */
export type EventSource = 'exception' | 'int' | 'int1' | 'interrupt' | 'nmi'

/** What the processor of another guest would deliver through its IDT. Nothing of an instruction that faulted is done. */
export interface InterceptedEvent {
  readonly source: EventSource
  readonly vector: number
  /** -1 where the exception pushes none. */
  readonly errorCode: number
  /** Linear address of a #PF, else 0. CR2 is not changed. */
  readonly address: number
  /** Where a handler is to return: EIP itself, but for `int` and `int1`, whose EIP is still the instruction's. */
  readonly returnEip: number
}

/** A descriptor's page cannot be had: #PF at this linear address, error code 0. */
export interface DescriptorFault {
  readonly pageFault: number
}

/** What a monitor does for the processor. It is called on an instruction boundary and may use every port it has. */
export interface GuestMonitor {
  /**
   * An event. The monitor answers by changing registers; the guest goes on at its CS:EIP. True: the monitor has executed
   * the instruction that faulted, and it counts as retired.
   */
  event(event: InterceptedEvent): boolean
  /**
   * RAM address of a page of a descriptor table, which is read, and has accessed bits set, whatever the guest's page tables say.
   * Undefined: there is nothing, and a selector into it is as bad as one outside the table.
   */
  descriptors(table: 'gdt' | 'ldt', page: number): number | DescriptorFault | undefined
}

export type GuestRegister = 'EAX' | 'ECX' | 'EDX' | 'EBX' | 'ESP' | 'EBP' | 'ESI' | 'EDI' | 'EIP' | 'EFLAGS'
export type DataSegment = 'ES' | 'SS' | 'DS' | 'FS' | 'GS'

/** What IRET takes off a stack; selectors have 16 bits. */
export interface GuestContext {
  readonly cs: number
  readonly eip: number
  /** VM must be clear. */
  readonly eflags: number
  readonly ss: number
  readonly esp: number
}

/** What a segment register holds. */
export interface SegmentView {
  readonly selector: number
  readonly base: number
  /** Last valid offset. */
  readonly limit: number
  /** Bits of a descriptor's high dword: type and S, DPL, P, AVL, L, D/B, G in 8–15 and 20–23. */
  readonly attributes: number
}

/** The processor of a deprivileged guest. Before {@link begin} it is like every other guest's. */
export interface DeprivilegedPort {
  /** From now on events and descriptors are the monitor's, to the end of the machine. IDT, LGDT and LLDT are out of use. */
  begin(monitor: GuestMonitor): void
  /** Last byte of each table that can be named by a selector; -1: there is no such table. */
  setTables(gdtLimit: number, ldtLimit: number): void
  /**
   * PAE page tables from here on, below 4 GB; the four entries at the top are read now, and the TLB is emptied. They are taken
   * as a 64-bit processor takes a 32-bit guest's: those four may have R/W, U/S, A and D set, and entries of all levels bits 52–62.
   */
  setPageTables(pa: number): void
  /** Current privilege level. */
  cpl(): number
  get(register: GuestRegister): number
  set(register: GuestRegister, value: number): void
  segment(name: DataSegment | 'CS'): SegmentView
  /** Loads a segment register as MOV does at the current level; false, with nothing changed, where that faults. */
  load(name: DataSegment, selector: number): boolean
  /**
   * Continues the guest elsewhere, as IRET from privilege level 0 to an outer level does it: with its checks, and data segments that
   * the new level may not use made null. False, with nothing changed: IRET would fault.
   */
  enter(context: GuestContext): boolean
  /**
   * Executes the instruction at CS:EIP, delivering nothing; then `accept` is asked. False: it faulted, or was
   * not accepted, and the registers are as they were; memory that it wrote stays written. Only while an event is served.
   */
  step(accept: () => boolean): boolean
}
