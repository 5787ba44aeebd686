/** Makes the modules of prebuilt.ts for the package's build. No part of the package itself. */
import { buildHandlers } from './interp/handlers.ts'
import { emitInterpreter, INTERPRETER, TRANSLATING_INTERPRETER } from './interp/wasm.ts'
import { emitAllKernels, KERNELS } from './kernels/index.ts'
import type { Emitted, Prebuilt } from './prebuilt.ts'
import { emitAllShortcuts, SHORTCUTS } from './shortcuts/index.ts'
import { REGION_SLOTS } from './translate/slots.ts'

function fit({ bytes, helpers }: Emitted): Prebuilt[string] {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return { base64: btoa(text), helpers }
}

/** All of them, by name. */
export function prebuild(): Prebuilt {
  return {
    [INTERPRETER]: fit(emitInterpreter(buildHandlers())),
    [TRANSLATING_INTERPRETER]: fit(emitInterpreter(buildHandlers(), REGION_SLOTS)),
    [KERNELS]: fit(emitAllKernels()),
    [SHORTCUTS]: fit(emitAllShortcuts()),
  }
}
