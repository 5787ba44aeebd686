/**
 * SHA-256 (FIPS 180-4), for .xz files that are checked with it. The browser's own is asynchronous and missing outside
 * secure contexts, and decompression here is synchronous.
 */

/** The first 32 bits of the fractional parts of the cube roots (K) and square roots (H) of the first primes (4.2.2, 5.3.3). */
const K = new Uint32Array(64)
const H = new Uint32Array(8)
for (let n = 2, count = 0; count < 64; n++) {
  let prime = true
  for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false
  if (!prime) continue
  K[count] = (Math.cbrt(n) % 1) * 2 ** 32
  if (count < 8) H[count] = (Math.sqrt(n) % 1) * 2 ** 32
  count++
}

const rotate = (x: number, n: number): number => (x >>> n) | (x << (32 - n))

/** The digest of `bytes`: 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const state = H.slice()
  const schedule = new Uint32Array(64)
  const whole = bytes.length - (bytes.length % 64)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < whole; at += 64) block(state, schedule, view, at)
  // Padding (5.1.1): a one bit, zeros, and the length in bits as 64-bit big-endian.
  const rest = bytes.subarray(whole)
  const tail = new Uint8Array(rest.length + 9 > 64 ? 128 : 64)
  tail.set(rest)
  tail[rest.length] = 0x80
  const tailView = new DataView(tail.buffer)
  tailView.setUint32(tail.length - 8, Math.floor(bytes.length / 2 ** 29))
  tailView.setUint32(tail.length - 4, (bytes.length * 8) % 2 ** 32)
  for (let at = 0; at < tail.length; at += 64) block(state, schedule, tailView, at)
  const digest = new Uint8Array(32)
  const out = new DataView(digest.buffer)
  for (const [i, word] of state.entries()) out.setUint32(i * 4, word)
  return digest
}

/** One 64-byte block (6.2.2). */
function block(state: Uint32Array, w: Uint32Array, view: DataView, at: number): void {
  for (let t = 0; t < 16; t++) w[t] = view.getUint32(at + t * 4)
  for (let t = 16; t < 64; t++) {
    const w15 = w[t - 15] as number
    const w2 = w[t - 2] as number
    const s0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3)
    const s1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10)
    w[t] = (w[t - 16] as number) + s0 + (w[t - 7] as number) + s1
  }
  let [a, b, c, d, e, f, g, h] = Array.from(state) as [number, number, number, number, number, number, number, number]
  for (let t = 0; t < 64; t++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const choose = (e & f) ^ (~e & g)
    const t1 = (h + sum1 + choose + (K[t] as number) + (w[t] as number)) | 0
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const majority = (a & b) ^ (a & c) ^ (b & c)
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + sum0 + majority) | 0
  }
  ;[a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] = (state[i] as number) + word
  })
}
