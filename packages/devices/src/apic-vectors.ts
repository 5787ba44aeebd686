/** The 256-bit registers of a local APIC (IRR, ISR, TMR): sets of vectors with a highest member. */

export class VectorSet {
  readonly words = new Uint32Array(8)

  has(vector: number): boolean {
    return (this.words[vector >> 5]! & (1 << (vector & 31))) !== 0
  }

  add(vector: number): void {
    this.words[vector >> 5]! |= 1 << (vector & 31)
  }

  delete(vector: number): void {
    this.words[vector >> 5]! &= ~(1 << (vector & 31))
  }

  clear(): void {
    this.words.fill(0)
  }

  /** Highest vector in the set, -1 when it is empty. */
  highest(): number {
    for (let word = 7; word >= 0; word--) {
      const bits = this.words[word]!
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits)
    }
    return -1
  }
}
