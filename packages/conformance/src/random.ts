/** Made-up numbers, the same in every run. */

/** A pseudo-random source of 32-bit numbers: xorshift32 (Marsaglia, "Xorshift RNGs", 2003). */
export function randomWords(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** Values that lengths, indices and addresses go wrong at. */
export const EDGES = [
  0, 1, 2, 3, 4, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x174, 0xfff, 0x1000, 0x7fff, 0x8000, 0xffff, 0x10000, 0x4000_0000,
  0x7fff_ffff, 0x8000_0000, 0xc000_0000, 0xc000_0080, 0xffff_f000, 0xffff_ffff,
] as const

/** Half edges, half anything. */
export function hostileWords(seed: number): () => number {
  const next = randomWords(seed)
  return () => (next() & 1 ? next() : EDGES[next() % EDGES.length]!)
}
