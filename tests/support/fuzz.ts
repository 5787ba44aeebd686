/**
 * Fuzzing with a seed: the same inputs on every run. A campaign mutates generated files and feeds them to a parser; the
 * only ways out are a result and a coded error. Batches run under a watch that interrupts JavaScript and WebAssembly
 * that do not come back.
 */
import vm from 'node:vm'
import { isParagraftError } from '@paragraft/core/errors'

/** A pseudo-random source: xorshift32 (Marsaglia, "Xorshift RNGs", 2003). `next(n)` is in [0, n). */
function randomSource(seed: number): (n: number) => number {
  let state = seed || 1
  return n => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
}

/** Values that lengths, counts and offsets go wrong at. */
const EDGES = [
  0, 1, 2, 3, 4, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff0,
  0xffffffff,
]

/** A mutated copy: one to six changes of bits, bytes, words, and of what stands where; sometimes part of another file. */
function mutate(input: Uint8Array, other: Uint8Array, random: (n: number) => number): Uint8Array {
  let bytes: Uint8Array = input.slice()
  for (let changes = 1 + random(6); changes > 0; changes--) {
    if (bytes.length < 8) return bytes
    // Headers come first and are the more fragile: half of the changes go there.
    const at = random(2) === 0 ? random(Math.min(bytes.length, 128)) : random(bytes.length)
    switch (random(9)) {
      case 0:
      case 1:
        bytes[at] = (bytes[at] as number) ^ (1 << random(8))
        break
      case 2:
        bytes[at] = random(256)
        break
      case 3:
      case 4: {
        const view = new DataView(bytes.buffer)
        const value = random(3) === 0 ? random(bytes.length * 2) : (EDGES[random(EDGES.length)] as number)
        const word = at & ~3
        if (word + 4 <= bytes.length) view.setUint32(word, value, true)
        break
      }
      case 5: {
        const view = new DataView(bytes.buffer)
        const word = at & ~3
        if (word + 4 <= bytes.length) view.setUint32(word, view.getUint32(word, true) + random(65) - 32, true)
        break
      }
      case 6:
        bytes = bytes.slice(0, at)
        break
      case 7: {
        const length = Math.min(random(64), bytes.length - at)
        bytes.copyWithin(random(bytes.length - length), at, at + length)
        break
      }
      default: {
        const length = Math.min(random(64), other.length, bytes.length - at)
        const from = random(other.length - length + 1)
        bytes.set(other.subarray(from, from + length), at)
      }
    }
  }
  return bytes
}

/** What became of a campaign's inputs. */
export interface Outcome {
  runs: number
  accepted: number
  /** Coded refusals by code. */
  refused: Record<string, number>
}

/** What is fuzzed. */
export interface Campaign {
  name: string
  /** Files to begin with; all must be accepted unmutated. */
  seeds: Uint8Array[]
  /** Mutations to make. */
  runs: number
  /** Reads one input; anything it throws but a coded error ends the campaign. */
  target: (input: Uint8Array) => unknown
  seed?: number
}

const BATCH = 500
/** A batch takes a fraction of a second; this is for what never ends. */
const WATCH_MS = 60_000

/** Runs the campaign; throws at the first crash or hang, with what it takes to repeat it. Awaits promises of the target. */
export async function fuzz(campaign: Campaign): Promise<Outcome> {
  const { name, seeds, runs, target } = campaign
  for (const seed of seeds) await target(seed)
  const random = randomSource(campaign.seed ?? 1)
  const outcome: Outcome = { runs: 0, accepted: 0, refused: {} }
  let current: Uint8Array = new Uint8Array(0)
  const pending: { input: Uint8Array; promise: Promise<unknown> }[] = []
  const one = (): void => {
    current = mutate(seeds[random(seeds.length)] as Uint8Array, seeds[random(seeds.length)] as Uint8Array, random)
    outcome.runs++
    try {
      const result = target(current)
      if (result instanceof Promise)
        pending.push({ input: current, promise: result.catch(error => settle(error, outcome, name)) })
      outcome.accepted++
    } catch (error) {
      settle(error, outcome, name, current)
    }
  }
  while (outcome.runs < runs) {
    const batch = Math.min(BATCH, runs - outcome.runs)
    watched(
      () => {
        for (let i = 0; i < batch; i++) one()
      },
      WATCH_MS,
      () => `${name}, input ${outcome.runs}: ${base64(current)}`,
    )
    for (const { input, promise } of pending.splice(0)) {
      const refused = await promise
      if (refused instanceof Error) throw new Error(`${refused.message}\n${base64(input)}`, { cause: refused.cause })
      if (refused === REFUSED) outcome.accepted--
    }
  }
  return outcome
}

const REFUSED = Symbol('refused')

/** Counts a coded error; anything else is a crash: thrown, or returned where a promise brought it. */
function settle(error: unknown, outcome: Outcome, name: string, input?: Uint8Array): unknown {
  if (isParagraftError(error) && /^PG_[A-Z_]+$/.test(error.code)) {
    outcome.refused[error.code] = (outcome.refused[error.code] ?? 0) + 1
    return REFUSED
  }
  const crash = new Error(`${name}, input ${outcome.runs}: ${error instanceof Error ? error.stack : String(error)}`, {
    cause: error,
  })
  if (input === undefined) return crash
  crash.message += `\n${base64(input)}`
  throw crash
}

/** Runs `action`; throws if it does not come back within `milliseconds`. Reaches into loops, WebAssembly's too. */
export function watched(action: () => void, milliseconds: number, describe: () => string): void {
  try {
    vm.runInNewContext('action()', { action }, { timeout: milliseconds })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw new Error(`hang: ${describe()}`, { cause: error })
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
