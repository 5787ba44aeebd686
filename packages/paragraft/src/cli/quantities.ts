/** Quantities as people type them. */
import { usageError } from './usage.ts'

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }

/** `256M`, `1G`, `65536K`, `268435456` in bytes. A number without a unit below 4096 is taken for a slip and refused. */
export function parseSize(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(text.trim())
  const bytes = match ? Number(match[1]) * (UNITS[(match[2] ?? '').toLowerCase()] as number) : Number.NaN
  if (!Number.isSafeInteger(bytes)) {
    throw usageError(`${what} ${text} is not a size`, 'Write a number with K, M or G: 256M.', { text })
  }
  if (bytes < 4096) {
    throw usageError(`${what} ${text} is only ${bytes} bytes`, `Did you mean ${match?.[1]}M?`, { text, bytes })
  }
  return bytes
}

/** Seconds, a positive number with or without a fraction. */
export function parseSeconds(text: string, what: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN
  if (!(seconds > 0 && seconds < 1e9)) {
    throw usageError(`${what} ${text} is not a number of seconds`, `Write for example ${what} 60.`, { text })
  }
  return seconds
}

/** 268435456 → `256 MiB`. */
export function formatSize(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= size) return `${Number((bytes / size).toFixed(1))} ${unit}`
  }
  return `${bytes} bytes`
}
