/** The shortcuts that the processor itself takes. */
export interface Shortcuts {
  /** See deliver in events.ts. 0: nothing has changed. */
  deliver(what: number, errorCode: number, returnEip: number): number
}

/** What stands for them in a processor that is to go the general way always. */
export const NO_SHORTCUTS: Shortcuts = { deliver: () => 0 }

/* Bits of the first parameter of `deliver`, above the vector. */
/** INT n, INT3, INTO: the gate's DPL is checked. */
export const DELIVER_SOFTWARE = 0x100
/** RF in the pushed EFLAGS. */
export const DELIVER_RESUME = 0x200
