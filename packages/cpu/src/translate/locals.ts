/** The i32 locals that every region has: its parameter, the registers' homes, the description of the flags, the way out. */
export const PARAMETER = 0
export const LOCALS = {
  /** Eight general registers in encoding order. */
  gpr: 1,
  /** Instructions that may still retire. */
  fuel: 9,
  /** How deep in wasm calls. */
  depth: 10,
  kind: 11,
  flagA: 12,
  flagB: 13,
  flagR: 14,
  /** On the way out: EIP, how the region ends, address of the word with the slot of the region to go on in. */
  eip: 15,
  code: 16,
  link: 17,
  /** The first that is free. */
  first: 18,
} as const
