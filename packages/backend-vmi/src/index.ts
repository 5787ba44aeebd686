/** Backend `vmi`: a PC with a VMI ROM in it. */
export * from './abi/index.ts'
