/** The VMI interface as data: calls, constants, the ROM's layout. */
export * from './calls.ts'
export * from './constants.ts'
export * from './rom.ts'
