/**
 * Decoded records: what the interpreter runs. A block is a header of 64 bytes and records of 32 bytes each, in linear
 * memory. A record names its handler and carries the operands already worked out: addresses of register slots,
 * displacement, immediate. Offsets are in bytes from the start of the record.
 */

/** u16: index of the handler. */
export const REC_HANDLER = 0
/** u16: offset of the instruction in its linear page. */
export const REC_OFF = 2
/** u8: instruction length. */
export const REC_LEN = 4
/** u8: instructions of the block before this one. */
export const REC_INDEX = 5
/** u8: log2 of the index scale. */
export const REC_SCALE = 7
/** u16: state address of operand 0, when a register. */
export const REC_A = 8
/** u16: state address of operand 1, when a register. */
export const REC_B = 10
/** u16: state address of the base register (ZERO if none). */
export const REC_BASE = 12
/** u16: state address of the index register (ZERO if none). */
export const REC_INDEXREG = 14
/** i32: displacement. */
export const REC_DISP = 16
/** i32: immediate; for relative branches the target as an offset from the start of the page (EIP_BASE). */
export const REC_IMM = 20
/** u32: block entered when a direct branch is taken, once known (0 = not yet). */
export const REC_LINK = 24
/** u16: state address of the segment register of the memory operand. Branches: u32, the fall-through link. */
export const REC_SEG = 28
export const REC_LINK2 = 28
/** u16: extra operand: second immediate of ENTER and far pointers, index into the SIMD table. */
export const REC_EXTRA = 30
/**
 * u8: what a branch may be linked to: bit 0 a taken target in the same page, bit 1 a fall-through in the same page, bits
 * 2 and 3 the same in another page. Indirect jumps: bit 2, the last target may be remembered (REC_LINK the target,
 * REC_LINK2 its block).
 */
export const REC_LINKABLE = 6

export const RECORD_SIZE = 32

/** u32: instructions charged on entry; 0 once the block is stale. */
export const BLK_COUNT = 0
/** u32: instructions of the block, whether stale or not. */
export const BLK_TOTAL = 4
/** u32: physical address of the first byte. */
export const BLK_PHYS = 8
/** u32: bytes of code. */
export const BLK_BYTES = 12
/** u32: next block decoded from the same physical page (0 ends the list). */
export const BLK_NEXT = 16
/** u32: number of records. */
export const BLK_RECORDS = 20
/** u32: mode key it was decoded under. */
export const BLK_MODE = 24
/** u32: physical address of the second page, when the block is one instruction that crosses into it; else 0. */
export const BLK_CROSS = 28
/** i32: entries left until the block counts as hot; under the translator only. */
export const BLK_HEAT = 32
/** u32: entries that make the block hot. */
export const BLK_HOT = 48
/** u32: a copy of the block, run where its region does not want to be entered; 0 when none was made. */
export const BLK_TWIN = 36
/** u32: EIP for which the block's region was translated. */
export const BLK_EIP = 40
/** u32: handler of the first record while a region stands in its place. */
export const BLK_FIRST = 44
export const BLOCK_HEADER = 64
