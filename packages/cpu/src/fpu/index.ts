/** The x87 unit: what the engines call. */
export { executeX87, fwait, X87_WRITES, x87OperandWidth } from './x87.ts'
