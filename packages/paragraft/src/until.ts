/**
 * Watches a stream of bytes for a text, across chunk boundaries: the Knuth–Morris–Pratt automaton, so that each byte is
 * looked at once however the output is cut.
 */
export class TextWatch {
  readonly text: string
  readonly #pattern: Uint8Array
  /** For each prefix length, the length of its longest proper prefix that is also its suffix. */
  readonly #fallback: Int32Array
  #matched = 0
  #seen = false

  /** `text` is compared as UTF-8; it must not be empty. */
  constructor(text: string) {
    this.text = text
    this.#pattern = new TextEncoder().encode(text)
    this.#fallback = new Int32Array(this.#pattern.length + 1)
    let length = 0
    for (let index = 1; index < this.#pattern.length; index++) {
      while (length > 0 && this.#pattern[index] !== this.#pattern[length]) length = this.#fallback[length] as number
      if (this.#pattern[index] === this.#pattern[length]) length++
      this.#fallback[index + 1] = length
    }
  }

  /** True once the text has gone by. */
  get seen(): boolean {
    return this.#seen
  }

  /** Takes the next bytes; true if the text is complete with one of them (for the first time). */
  push(bytes: Uint8Array): boolean {
    if (this.#seen) return false
    for (const byte of bytes) {
      while (this.#matched > 0 && this.#pattern[this.#matched] !== byte) {
        this.#matched = this.#fallback[this.#matched] as number
      }
      if (this.#pattern[this.#matched] === byte) this.#matched++
      if (this.#matched === this.#pattern.length) {
        this.#seen = true
        return true
      }
    }
    return false
  }
}
