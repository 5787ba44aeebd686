/**
 * Exact floating point in software: one implementation for x87 (80-bit, precision control) and SSE (f32, f64), with
 * rounding modes and exception flags. The parts: float.ts (encodings), round.ts, arithmetic.ts, convert.ts, remainder.ts.
 */
export * from './arithmetic.ts'
export * from './convert.ts'
export * from './float.ts'
export * from './remainder.ts'
export * from './round.ts'
