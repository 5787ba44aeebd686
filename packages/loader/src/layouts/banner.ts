/** The kernel's release, from `linux_banner` ("Linux version 6.1.0-50-686-pae (…") or the bzImage header. */
import type { GuestImage } from '@paragraft/core/image'

const BANNER = new TextEncoder().encode('Linux version ')

/** `6.1.0-50-686-pae`, or undefined. */
export function kernelRelease(image: GuestImage): string | undefined {
  const header = image.linux?.kernelVersion.split(' ')[0]
  if (header !== undefined && /^\d+\.\d+/.test(header)) return header
  for (const segment of image.segments) {
    const bytes = segment.bytes
    for (let at = bytes.indexOf(0x4c); at >= 0; at = bytes.indexOf(0x4c, at + 1)) {
      if (bytes[at + 1] !== BANNER[1] || !BANNER.every((byte, i) => bytes[at + i] === byte)) continue
      const from = at + BANNER.length
      let text = ''
      for (let i = 0; i < 64; i++) {
        const byte = bytes[from + i] ?? 0
        if (byte <= 0x20 || byte > 0x7e) break
        text += String.fromCharCode(byte)
      }
      if (/^\d+\.\d+/.test(text)) return text
    }
  }
  return undefined
}
