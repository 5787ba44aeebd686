/**
 * WebAssembly that comes out the same at every start: a tenth of a second of it for the interpreter alone. Run from its
 * sources, the package makes it when it is first wanted; the package's build makes all of it beforehand (prebuild.ts) and
 * puts it in place of PREBUILT (tsup.config.ts).
 */

/** A module's bytes and the helpers it imports, in order. */
export interface Emitted {
  bytes: Uint8Array<ArrayBuffer>
  helpers: readonly string[]
}

/** The same, fit for a source file: bytes in base 64. */
export type Prebuilt = Readonly<Record<string, { base64: string; helpers: readonly string[] }>>

declare const PARAGRAFT_PREBUILT: Prebuilt | undefined

/** The module of that name, prebuilt or made now. */
export function prebuilt(name: string, make: () => Emitted): Emitted {
  const found = typeof PARAGRAFT_PREBUILT === 'undefined' ? undefined : PARAGRAFT_PREBUILT[name]
  if (found === undefined) return make()
  const text = atob(found.base64)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i)
  return { bytes, helpers: found.helpers }
}
