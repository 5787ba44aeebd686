/**
 * An overlay for a VMI ROM, as anybody could write one: it replaces three calls, with code of its own (overlay.S) or with an
 * answer, and inherits all others from the ROM that it is laid over.
 */
import { call, defineOverlay, none } from '@paragraft/backend-vmi/rom'
import { OVERLAY_OBJECT } from './overlay-object.generated.ts'

export default defineOverlay({
  name: 'example-overlay',
  version: '1.0.0',
  license: 'GPL v2',
  objects: [Uint8Array.from(atob(OVERLAY_OBJECT), character => character.charCodeAt(0))],
  calls: {
    CPUID: call('overlay_CPUID'),
    GetCycleCounter: call('overlay_GetCycleCounter'),
    // The guest's own OUT to port 80h, whatever the ROM underneath says.
    IODelay: none(),
  },
})
