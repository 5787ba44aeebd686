/** A little-endian record being built: fields by offset, as the boot protocols' tables give them. */
export class Bytes {
  readonly bytes: Uint8Array
  private readonly view: DataView

  constructor(length: number) {
    this.bytes = new Uint8Array(length)
    this.view = new DataView(this.bytes.buffer)
  }

  u8(offset: number, value: number): void {
    this.view.setUint8(offset, value)
  }

  u16(offset: number, value: number): void {
    this.view.setUint16(offset, value, true)
  }

  u32(offset: number, value: number): void {
    this.view.setUint32(offset, value, true)
  }

  /** `value` below 2^53. */
  u64(offset: number, value: number): void {
    this.view.setUint32(offset, value % 0x1_0000_0000, true)
    this.view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true)
  }

  u32At(offset: number): number {
    return this.view.getUint32(offset, true)
  }

  u16At(offset: number): number {
    return this.view.getUint16(offset, true)
  }
}

/** Latin-1 bytes of `text` with the terminating NUL; characters above 0xFF become `?`. */
export function cString(text: string): Uint8Array {
  const out = new Uint8Array(text.length + 1)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    out[i] = code > 0xff ? 0x3f : code
  }
  return out
}
