/** The builder's own objects come as base64 in source, so that they need no file system. */

/** Bytes of an object in `objects.generated.ts`. */
export function decodeObject(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0))
}
