/** Where the processor's INTR and INTA end: one 8259 pair, or a local APIC with the pair behind its LINT0. */

export interface InterruptController {
  /** Level of INTR. */
  pending(): boolean
  /** The INTA cycle: the vector to deliver. Valid at any time; with nothing pending it is a spurious vector. */
  acknowledge(): number
}

/** Delivery modes of LVT, ICR and redirection entries (SDM vol. 3A, 10.5.1 and 10.6.1). */
export const DELIVERY_FIXED = 0
export const DELIVERY_LOWEST = 1
export const DELIVERY_SMI = 2
export const DELIVERY_NMI = 4
export const DELIVERY_INIT = 5
export const DELIVERY_STARTUP = 6
export const DELIVERY_EXTINT = 7

/** A message on the interrupt bus, as an I/O APIC or an MSI write sends it. */
export interface ApicMessage {
  /** Delivery mode, one of the DELIVERY_ constants. */
  mode: number
  vector: number
  /** Level triggered: the local APIC answers with an EOI message. */
  level: boolean
  /** MDA: an APIC ID, or a logical set. */
  destination: number
  logical: boolean
}

/** Whoever takes messages: the local APICs of the board. */
export interface ApicBus {
  deliver(message: ApicMessage): void
}
