export * from './errors.ts'
export type * from './image.ts'
export type * from './ports.ts'
