/** Everything that an ops module's or a backend's author touches. */
export type * from './admission.ts'
export type * from './calling.ts'
export * from './define.ts'
export type * from './era.ts'
export type * from './host.ts'
export type * from './ledger.ts'
