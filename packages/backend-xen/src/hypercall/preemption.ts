/**
 * Long calls are made in parts (xen/arch/x86/hypercall.c, hypercall_create_continuation): after so much work a call ends with the
 * guest at its instruction again and the arguments of the rest in its registers, so that events, and whoever runs the machine,
 * have their turn. Xen asks whether anything waits (hypercall_preempt_check); here it is work done, and a run is the same every time.
 */

/** Entries of one part: a page of words. What a kernel hands over in one page is made whole. */
export const PART = 1024

/** The rest of a call: its arguments from the first on. Those that are not named stay what they are. */
export interface Continuation {
  readonly args: readonly number[]
}

/** The work of one domain's call. */
export class Preemption {
  #left = PART

  /** The guest makes a call, or goes on with one. */
  begin(): void {
    this.#left = PART
  }

  /** An entry is done, or something that takes as long as so many. True: what is left of the call is for another part. */
  spend(entries = 1): boolean {
    this.#left -= entries
    return this.#left <= 0
  }
}
