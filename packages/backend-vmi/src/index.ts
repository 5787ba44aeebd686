/** Backend `vmi`: a PC with a VMI ROM in it, the interface as data, and what it takes to build ROMs. */
export * from './abi/index.ts'
export { vmi as default } from './backend.ts'
export { ROM_BASE } from './machine/machine.ts'
export * from './rom/index.ts'
