/** The x87 unit: what the engines call. */
export { executeX87, fwait } from './x87.ts'
